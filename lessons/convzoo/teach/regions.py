"""From a lesson's source to what the student gets: stubs for answers, and the rules for both."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from convzoo.errors import UserError
from convzoo.teach.cells import ROLES, Cell, Notebook, syntax

LINES, COLUMNS = 15, 79
METADATA = (*ROLES, "jupyter", "slideshow", "tags")

_MARK = re.compile(r"(?P<indent>[ \t]*)#{1,6} *(?P<which>BEGIN|END) SOLUTION\s*$", re.IGNORECASE)
# A line of markdown that cannot be broken: a picture, a link, a table, an address.
_UNBREAKABLE = re.compile(r"^\s*\||\]\(|<(img|a|svg)\b|https?://")


def stub(cell: Cell) -> Cell:
    """Return the cell as the student gets it: every region replaced, by role."""
    if not cell.role:
        return cell
    role, id = cell.owner
    text = {
        "exercise": f'# your code here\nraise NotAttempted("{id}")',
        "question": "answer = ...  # your answer in place of the dots",
        "free": "*Your answer here.*",
    }.get(role, "")
    lines: list[str] = []
    for inside, line in _walk(cell.source):
        mark = _MARK.match(line)
        if mark and mark["which"].upper() == "BEGIN":
            lines += [mark["indent"] + part for part in text.split("\n")]
        elif not mark and not inside:
            lines.append(line)
    metadata = dict(cell.metadata)
    if role in ("exercise", "question"):  # "run all" goes on past a cell that does not parse
        metadata["tags"] = sorted({*cell.tags, "raises-exception"})
    return replace(cell, source="\n".join(lines), metadata=metadata)


def unmarked(cell: Cell) -> Cell:
    """Return a free question as the solution shows it: the model answer without its two markers."""
    if cell.role != "free":
        return cell
    lines = [line for line in cell.source.split("\n") if not _MARK.match(line)]
    return replace(cell, source="\n".join(lines).strip("\n"))


def answer_lines(cell: Cell) -> list[str]:
    """Return the lines of a cell that no student may be given."""
    lines = [] if "answer" not in cell.tags else cell.source.split("\n")
    return lines or [x for inside, x in _walk(cell.source) if inside and not _MARK.match(x)]


def _walk(source: str):
    """Yield each line with whether it stands in a region (the markers count as inside)."""
    inside = False
    for line in source.split("\n"):
        mark = _MARK.match(line)
        inside = inside or bool(mark)
        yield inside, line
        inside = inside and not (mark and mark["which"].upper() == "END")


def problems(source: Notebook, known: Collection[str] | None = None) -> list[str]:
    """Return all that breaks a rule in a source, each with its cell and line.

    known: the ids of exercises and questions; None if the lesson's module is not there.
    """
    owners = Counter(cell.owner for cell in source.cells if cell.role)
    found = [
        f"{' '.join(owner)} stands in {number} cells: rename one."
        for owner, number in owners.items()
        if number > 1
    ]
    for number, cell in enumerate(source.cells, 1):
        problem = _regions(cell) or _owner(cell, known) or _metadata(cell) or _size(cell)
        if problem:
            line, sentence = problem
            name = cell.owner[1] or cell.source.split("\n", 1)[0][:50]
            found.append(f"cell {number} ({name}), line {line}: {sentence}")
    return found


def validate(source: Notebook, known: Collection[str] | None = None) -> None:
    """Raise UserError for the first of a source's `problems`."""
    found = problems(source, known)
    if found:
        more = f" (`release --check` lists all {len(found)}.)" if len(found) > 1 else ""
        raise UserError(f"{source.name}, {found[0]}{more}")


Problem = tuple[int, str] | None


def _regions(cell: Cell) -> Problem:
    marks = [(i, m) for i, m in enumerate(map(_MARK.match, cell.source.split("\n")), 1) if m]
    awaited = "BEGIN"
    for line, mark in marks:
        which = mark["which"].upper()
        if which != awaited:
            return line, f"{which} SOLUTION where {awaited} SOLUTION is due. Pair the markers."
        awaited = "END" if which == "BEGIN" else "BEGIN"
    if awaited == "END":
        return marks[-1][0], "BEGIN SOLUTION without its END. Add `### END SOLUTION`."
    if marks and cell.role not in ("exercise", "question", "free"):
        return marks[0][0], "An answer in a cell that is nobody's exercise. Give the cell its id."
    if not marks and cell.role in ("exercise", "question", "free"):
        return 1, f"This {cell.role} has no answer. Put it between BEGIN and END SOLUTION."
    if cell.role in ("exercise", "question") and syntax(stub(cell).source) is None:
        return marks[0][0], "The stub does not parse: a region replaces whole statements."
    return None


def _owner(cell: Cell, known: Collection[str] | None) -> Problem:
    role, id = cell.owner
    if not role:
        return None
    if cell.metadata.get(role) != id:
        return 1, f'The first line names a {role}, the metadata do not. Add {role}="{id}".'
    first = cell.source.split("\n", 1)[0].rstrip()
    if role in ("exercise", "question") and first != f"# {role}: {id}":
        return 1, f"The first line must be `# {role}: {id}`, as in the metadata."
    if role == "student" and not first.startswith("# student:"):
        return 1, "The first line must begin with `# student:`."
    if role == "exercise" and "define" not in cell.tags:
        return 1, 'An exercise is needed by later cells. Add tags=["define"].'
    if role in ("exercise", "question") and known is not None and id not in known:
        return 1, f"The catalogue has no {role} {id}. Correct the id, or add the {role}."
    return None


def _metadata(cell: Cell) -> Problem:
    unknown = [key for key in cell.metadata if key not in METADATA]
    if unknown:
        return 1, f"Unknown metadata {unknown[0]!r}. A cell has only {', '.join(METADATA)}."
    return None


def _size(cell: Cell) -> Problem:
    """At most fifteen lines, exercises aside, and 79 columns, as the script writes them."""
    lines = [line for line in cell.source.split("\n") if not _MARK.match(line)]
    if len(lines) > LINES and cell.role != "exercise":
        return LINES + 1, f"The cell has {len(lines)} lines, at most {LINES} fit. Split it."
    margin = 2 if cell.kind == "markdown" else 0  # the script writes text behind "# "
    for number, line in enumerate(cell.source.split("\n"), 1):
        columns = len(line) + margin
        breakable = cell.kind == "code" or not _UNBREAKABLE.search(line)
        if columns > COLUMNS and breakable:
            return number, f"The line has {columns} columns, at most {COLUMNS} fit. Break it."
    return None
