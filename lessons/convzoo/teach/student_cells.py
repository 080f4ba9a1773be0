"""A student's copy of a lesson: which cells are theirs, and what is executed to try them.

The rule is that what passes `check` in the student's notebook passes here. So their cells are
executed from top to bottom, whatever they are, in the lesson's order. The lesson's own cells that
only show something are executed only if an answer needs a name from them.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from convzoo.notebook.cells import Cell, Notebook, plain, syntax, with_ids
from convzoo.run_cell import DEFINITIONS

MAX_VERSIONS = 3  # of one exercise that are tried
MAX_STATEMENTS = 1000  # of one cell that are separated
MISPLACED = (
    "The cell with this id is a {kind} cell, so its code was not run. In the notebook, click on "
    "it, press Esc, then Y to make it a code cell again."
)

_MARK = re.compile(r"^# *(?:exercise|question): *([\w.]+)\s*$", re.MULTILINE)


def attempted(cell: Cell, stub: Cell | None) -> bool:
    """Return whether a student's cell is more than the stub; an added comment does not count."""
    return stub is None or _content(cell) != _content(stub)


def _content(cell: Cell) -> str:
    tree = syntax(plain(cell.source)) if cell.kind == "code" else None
    try:
        return ast.dump(tree) if tree else "\n".join(cell.source.split())
    except (RecursionError, ValueError):  # too deep, or a number too long to print
        return cell.source


# --- repairing a student's cells ---


def _put_right(cells: Iterable[Cell], ids: set[str]) -> list[Cell]:
    """Return the cells after undoing what a single key can do in an editor: merged cells are
    separated, split cells joined."""
    found: list[Cell] = []
    for cell in (part for whole in cells for part in _apart(whole, ids)):
        whole = _whole(found[-1], cell) if found else None
        if whole:
            found[-1] = whole
        else:
            found.append(cell)
    return found


def _apart(cell: Cell, ids: set[str]) -> list[Cell]:
    """Return several exercises in one cell as separate cells; anything above the first becomes a
    cell too."""
    if cell.kind != "code":
        return [cell]
    starts, here = [0], cell.owner[1]
    for mark in _MARK.finditer(cell.source):
        if mark[1] in ids and mark[1] != here and mark.start():
            starts.append(mark.start())
        here = mark[1] if mark[1] in ids else here
    ends = [*starts[1:], len(cell.source)]
    texts = [cell.source[a:b] for a, b in zip(starts, ends, strict=True)]
    if len(texts) == 1 or any(syntax(plain(text)) is None for text in texts):
        return [cell]
    return [replace(cell, source=texts[0]), *(Cell("code", text) for text in texts[1:])]


def _whole(cell: Cell, rest: Cell) -> Cell | None:
    """Return an exercise's cell together with what was split off it, if only both are valid
    Python."""
    if cell.role != "exercise" or rest.kind != "code" or rest.owner not in (cell.owner, ("", "")):
        return None
    if syntax(plain(cell.source)) and syntax(plain(rest.source)):
        return None
    whole = f"{cell.source}\n{rest.source}"
    return replace(cell, source=whole) if syntax(plain(whole)) else None


# --- statements ---


@dataclass(frozen=True)
class _Statement:
    """A top-level statement of a cell: its first and last line, the names that it binds, the global
    names that it uses, whether it is an import or a definition."""

    first: int
    last: int
    bound: frozenset[str]
    used: frozenset[str]
    defines: bool


@lru_cache(maxsize=1024)
def _read(source: str) -> tuple[str, tuple[_Statement, ...]]:
    """Return a cell as plain Python, and its statements; those on the same line count as one."""
    source = plain(source)
    tree, lines = syntax(source), source.split("\n")
    spans: list[tuple[int, int, bool]] = []
    for node in tree.body if tree else ():
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        defines = isinstance(node, DEFINITIONS)
        if spans and (first <= spans[-1][1] or len(spans) >= MAX_STATEMENTS):
            first, _, before = spans.pop()
            defines = defines and before
        spans.append((first, node.end_lineno, defines))
    return source, tuple(
        _Statement(first, last, *_names("\n".join(lines[first - 1 : last])), defines)
        for first, last, defines in spans
    )


def _names(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that the top level of a text binds, and the global names that it uses."""
    try:
        table = symtable.symtable(text, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(), frozenset()
    symbols, inner = table.get_symbols(), table.get_children()
    bound = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in symbols if s.is_referenced()}
    while inner:
        table = inner.pop()
        used |= {s.get_name() for s in table.get_symbols() if s.is_global()}
        inner += table.get_children()
    return frozenset(bound), frozenset(used)


def bound_names(cell: Cell) -> set[str]:
    """Return the names that a code cell binds at its top level."""
    return {name for s in _read(cell.source)[1] for name in s.bound}


def _only(cell: Cell, wanted: Callable[[_Statement], bool]) -> Cell | None:
    """Return a cell with only the wanted statements, None if nothing is left. Every line keeps its
    number.
    """
    source, statements = _read(cell.source)
    lines = {n for s in statements if wanted(s) for n in range(s.first, s.last + 1)}
    kept = (
        line if n in lines or line.startswith("#") else ""
        for n, line in enumerate(source.split("\n"), 1)
    )
    return replace(cell, source="\n".join(kept)) if lines else None


def without_lines(cell: Cell, lines: set[int]) -> Cell | None:
    """Return a cell without the statements that begin in one of `lines`, None if none is left."""
    return _only(cell, lambda s: not lines & set(range(s.first, s.last + 1)))


def definitions(cell: Cell) -> Cell | None:
    """Return a cell with only its imports and definitions, None if it has none."""
    return _only(cell, lambda s: s.defines)


# --- the copy ---


@dataclass(frozen=True)
class _Placed:
    """A cell at its place of execution.

    part: whose it is. "define" and "show" are the lesson's own, "show" without the tag `define`;
    "exercise" and "question" are the student's answers, "edited" what they changed in a cell that
    shows something, "added" all other code of theirs.
    """

    part: str
    cell: Cell


WHERE_NEEDED = ("show", "edited", "question")  # executed only for the names that they bind


class Copy:
    """A student's copy of a lesson.

    clean: whether the lesson is as it was handed out; if not, every cell of the student is an
    answer.
    """

    def __init__(self, lesson: Notebook, student: Notebook, clean: bool = True):
        self.clean = clean
        self.lesson = with_ids(lesson)
        self.stubs = {cell.owner: cell for cell in self.lesson.cells if cell.role}
        self.cells = tuple(_put_right(student.cells, {id for _, id in self.stubs}))

    def attempted(self, cell: Cell) -> bool:
        """Return whether a student's cell is more than its stub."""
        return not self.clean or attempted(cell, self.stubs.get(cell.owner))

    def in_cells(self, owner: tuple[str, str]) -> list[Cell]:
        """Return the student's cells with this owner that are more than the stub, in order.

        If there is none, the stub as they have it; nothing if the file has no such cell.
        """
        stub = self.stubs[owner]
        found = [
            c for c in self.cells if c.owner == owner and stub.role in ("free", _role(c, stub))
        ]
        return [c for c in found if self.attempted(c)] or found[-1:]

    @cached_property
    def answers(self) -> dict[tuple[str, str], Cell]:
        """Return the student's answers by (role, id); of several versions, the one that is marked
        first."""
        found = {owner: self._answer(*owner) for owner in self.stubs}
        return {owner: cell for owner, cell in found.items() if cell}

    def _answer(self, role: str, id: str) -> Cell | None:
        own = self.in_cells((role, id))
        if role == "free":
            return self._prose(self.stubs[role, id])
        if role == "exercise" and self.versions(id):
            return self.versions(id)[0]
        if role == "question" and not any(map(self.attempted, own)):
            asked = re.compile(rf"""\bask\(\s*["']{re.escape(id)}["']\s*,""")
            own += [
                p.cell for p in self.placed if p.part == "added" and asked.search(p.cell.source)
            ]
        return own[-1] if own else None

    def versions(self, id: str) -> list[Cell]:
        """Return the cells that answer an exercise, in the order in which they are tried.

        First those with its id, the last one first; then the student's other cells that define what
        it requires. The stub is not included.
        """
        name = self.name_of(id)
        own = [c for c in self.in_cells(("exercise", id)) if self.attempted(c)][::-1]
        other = [p.cell for p in self.placed[::-1] if p.part in ("added", "edited")]
        found = [c for c in own if name in bound_names(c)] or own[:1]
        return [*found, *(c for c in other if name in bound_names(c))][:MAX_VERSIONS]

    def name_of(self, id: str) -> str:
        """Return the name of the function or class that an exercise requires."""
        tree = syntax(self.stubs["exercise", id].source)
        return next((s.name for s in tree.body if hasattr(s, "name")), "") if tree else ""

    def misplaced(self, owner: tuple[str, str]) -> str:
        """Return "markdown" or "raw" if an answer is in a cell of that kind, else ""."""
        for cell in self.cells:
            code = replace(cell, kind="code")
            if cell.kind != "code" and code.owner == owner and self.attempted(code):
                return cell.kind
        return ""

    def _prose(self, stub: Cell) -> Cell | None:
        """Return the answer to a free question: its cell, and the text in cells below it."""
        own = self.in_cells(stub.owner)
        at = next((i for i, c in enumerate(self.cells) if c.owner == stub.owner), None)
        if at is None:  # if the metadata are lost: the text below the cell before it in the lesson
            place = self.lesson.cells.index(stub)
            above = {c.source.strip() for c in self.lesson.cells[max(place - 1, 0) : place]}
            at = next((i for i, c in enumerate(self.cells) if c.source.strip() in above), None)
        texts = [c.source for c in own[-1:] if self.attempted(c)]
        for cell in self.cells[at + 1 :] if at is not None else ():
            if self._place(cell) is not None or cell.role or not _is_prose(cell):
                break
            texts.append(cell.source)
        text = "\n\n".join(texts).strip("\n")
        return replace(stub, source=text) if text else next(iter(own), None)

    @cached_property
    def _places(self) -> dict[str, int]:
        """Return where the lesson's cells are, by id and by text."""
        cells = list(enumerate(self.lesson.cells))
        return {c.source.strip(): i for i, c in cells} | {c.id: i for i, c in cells}

    def _place(self, cell: Cell) -> int | None:
        """Return which cell of the lesson a student's cell is, edited or not."""
        if cell.owner in self.stubs:
            return next(i for i, c in enumerate(self.lesson.cells) if c.owner == cell.owner)
        return self._places.get(cell.id, self._places.get(cell.source.strip()))

    @cached_property
    def placed(self) -> list[_Placed]:
        """Return all code that could be executed, in the lesson's order, with each of the student's
        cells where they put it."""
        after: dict[int, list[_Placed]] = {}
        here = -1
        for cell in self.cells:
            place = self._place(cell)
            here = here if place is None else place
            if cell.kind != "code" or (cell.owner in self.stubs and cell.role != "student"):
                continue
            clean = self.lesson.cells[here] if place is not None else None
            part = "added" if clean is None or clean.defines else "edited"
            changed = _changed(cell, clean) if clean else cell
            after.setdefault(here, []).extend([_Placed(part, changed)] if changed else [])
        found = list(after.get(-1, []))
        for i, cell in enumerate(self.lesson.cells):
            if cell.role in ("exercise", "question"):
                answers = self.in_cells(cell.owner) or [cell]
                found += [_Placed(cell.role, answer) for answer in answers]
            elif cell.kind == "code":
                found.append(_Placed("define" if cell.defines else "show", cell))
            found += after.get(i, [])
        return found

    def cells_for(self, target: Cell, name: str = "") -> list[Cell]:
        """Return the cells that are executed to try an answer, in order: what is above it, the
        answer, and what is below it and defines a name that is still missing.

        target: the cell of the answer; name: what it defines, which no other cell may define.
        """
        at = next(i for i, p in enumerate(self.placed) if p.cell is target)
        above, below = self.placed[:at], self.placed[at + 1 :]
        taken = {name, *(n for p in self.placed[: at + 1] for n in bound_names(p.cell))}
        lessons = {n for p in below if p.part == "define" for n in bound_names(p.cell)}
        new = []
        for p in below:
            old = taken | (lessons if p.part in ("added", "exercise") else set())
            new.append(_only(p.cell, lambda s, old=old: bool(s.bound) and not s.bound & old))
        new = [cell for cell in new if cell]
        needed = _needed([target], [p.cell for p in above] + new)
        found = [_kept(p, needed, name) for p in above] + [target]
        found += [_only(cell, lambda s: bool(s.bound & needed)) for cell in new]
        return [c for c in found if c]

    def all_cells(self) -> list[Cell]:
        """Return all cells that are executed to try everything at once, in order."""
        targets = [c for role, id in self.stubs if role == "exercise" for c in self.versions(id)]
        needed = _needed(targets, [p.cell for p in self.placed])
        found = [p.cell if p.cell in targets else _kept(p, needed) for p in self.placed]
        return [c for c in found if c]


def _role(cell: Cell, stub: Cell) -> str:
    """Return the role of an answer, "" if its cell is of another kind than the stub."""
    return stub.role if cell.kind == stub.kind else ""


def _is_prose(cell: Cell) -> bool:
    """Return whether a cell is text, even if it was turned into code."""
    tree = syntax(plain(cell.source)) if cell.kind == "code" else None
    return tree is None or all(isinstance(getattr(s, "value", 0), ast.Constant) for s in tree.body)


def _changed(cell: Cell, clean: Cell) -> Cell | None:
    """Return the statements of a cell that are not in the lesson's clean one."""
    known = set(_texts(clean.source))
    mine = dict(zip(_read(cell.source)[1], _texts(cell.source), strict=True))
    return _only(cell, lambda s: mine[s] not in known)


def _texts(source: str) -> list[str]:
    """Return the text of each statement."""
    source, statements = _read(source)
    lines = source.split("\n")
    return ["\n".join(lines[s.first - 1 : s.last]) for s in statements]


def _kept(placed: _Placed, needed: set[str], name: str = "") -> Cell | None:
    """Return what is executed of a cell above an answer. name: what only the answer may define."""
    cell = placed.cell
    if placed.part in WHERE_NEEDED:
        return _only(cell, lambda s: bool(s.bound & needed) and name not in s.bound)
    if placed.part != "define" and name in bound_names(cell):
        return _only(cell, lambda s: name not in s.bound)
    return cell


def _needed(targets: list[Cell], cells: list[Cell]) -> set[str]:
    """Return the names that answers need, directly or through whatever binds them."""
    binding = [s for c in cells for s in _read(c.source)[1] if s.bound]
    needed = {n for c in targets for s in _read(c.source)[1] for n in s.used}
    while more := {n for s in binding if s.bound & needed for n in s.used} - needed:
        needed |= more
    return needed
