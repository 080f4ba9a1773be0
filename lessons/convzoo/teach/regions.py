"""From a lesson's source to the student's version: stubs for answers, and the rules for both."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from convzoo.errors import UserError
from convzoo.notebook.cells import ROLES, Cell, Notebook, syntax

LINES, COLUMNS = 15, 79
METADATA = (*ROLES, "jupyter", "slideshow", "tags")

_MARK = re.compile(r"(?P<indent>[ \t]*)#{1,6} *(?P<which>BEGIN|END) SOLUTION\s*$", re.IGNORECASE)
# A line of markdown that cannot be wrapped: a picture, a link, a table, an address.
_UNBREAKABLE = re.compile(r"^\s*\||\]\(|<(img|a|svg)\b|https?://")


def stub(cell: Cell) -> Cell:
    """Return the cell as the student gets it, with every region replaced according to its role."""
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
    if role in ("exercise", "question"):  # "run all" continues after a cell that does not parse
        metadata["tags"] = sorted({*cell.tags, "raises-exception"})
    return replace(cell, source="\n".join(lines), metadata=metadata)


def unmarked(cell: Cell) -> Cell:
    """Return a free question as the solution shows it: the model answer without its two markers."""
    if cell.role != "free":
        return cell
    lines = [line for line in cell.source.split("\n") if not _MARK.match(line)]
    return replace(cell, source="\n".join(lines).strip("\n"))


def answer_lines(cell: Cell) -> list[str]:
    """Return the lines of a cell that no student may get."""
    lines = [] if "answer" not in cell.tags else cell.source.split("\n")
    return lines or [x for inside, x in _walk(cell.source) if inside and not _MARK.match(x)]


def _walk(source: str):
    """Yield each line, and whether it is in a region (the markers count as inside)."""
    inside = False
    for line in source.split("\n"):
        mark = _MARK.match(line)
        inside = inside or bool(mark)
        yield inside, line
        inside = inside and not (mark and mark["which"].upper() == "END")


def problems(source: Notebook, known: Collection[str] | None = None) -> list[str]:
    """Return everything in a source that breaks a rule, with its cell and line.

    known: the ids of exercises and questions; None if the lesson's module does not exist.
    """
    owners = Counter(cell.owner for cell in source.cells if cell.role)
    found = [
        f"{' '.join(owner)} is in {number} cells. Rename one of them."
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
            return line, f"Found {which} SOLUTION, but {awaited} SOLUTION must come next."
        awaited = "END" if which == "BEGIN" else "BEGIN"
    if awaited == "END":
        return marks[-1][0], "BEGIN SOLUTION has no END. Add `### END SOLUTION`."
    if marks and cell.role not in ("exercise", "question", "free"):
        return marks[0][0], "An answer is in a cell without an exercise. Give the cell its id."
    if not marks and cell.role in ("exercise", "question", "free"):
        return 1, f"This {cell.role} has no answer. Put it between BEGIN and END SOLUTION."
    if cell.role in ("exercise", "question") and syntax(stub(cell).source) is None:
        return marks[0][0], "The stub does not parse: a region must replace whole statements."
    return None


def _owner(cell: Cell, known: Collection[str] | None) -> Problem:
    role, id = cell.owner
    if not role:
        return None
    if cell.metadata.get(role) != id:
        return 1, f'The first line names a {role}, but the metadata do not. Add {role}="{id}".'
    first = cell.source.split("\n", 1)[0].rstrip()
    if role in ("exercise", "question") and first != f"# {role}: {id}":
        return 1, f"The first line must be `# {role}: {id}`, as in the metadata."
    if role == "student" and not first.startswith("# student:"):
        return 1, "The first line must begin with `# student:`."
    if role == "exercise" and "define" not in cell.tags:
        return 1, 'Later cells need this exercise. Add tags=["define"].'
    if role in ("exercise", "question") and known is not None and id not in known:
        return 1, f"The catalogue has no {role} {id}. Correct the id, or add the {role}."
    return None


def _metadata(cell: Cell) -> Problem:
    unknown = [key for key in cell.metadata if key not in METADATA]
    if unknown:
        return 1, f"Unknown metadata {unknown[0]!r}. A cell may have only {', '.join(METADATA)}."
    return None


def _size(cell: Cell) -> Problem:
    """Check the size: at most fifteen lines, except for exercises, and 79 columns, as written in
    the script."""
    lines = [line for line in cell.source.split("\n") if not _MARK.match(line)]
    if len(lines) > LINES and cell.role != "exercise":
        return LINES + 1, f"The cell has {len(lines)} lines, but at most {LINES} fit. Split it."
    margin = 2 if cell.kind == "markdown" else 0  # the script writes text after "# "
    for number, line in enumerate(cell.source.split("\n"), 1):
        columns = len(line) + margin
        breakable = cell.kind == "code" or not _UNBREAKABLE.search(line)
        if columns > COLUMNS and breakable:
            return number, f"The line has {columns} columns, but at most {COLUMNS} fit. Break it."
    return None
