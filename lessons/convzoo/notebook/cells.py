"""Cells and notebooks as plain, frozen data: who owns a cell, what its id is, whether it parses."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from dataclasses import dataclass, field, replace

MAX_CELL = 100_000  # characters: a longer cell is not examined
ROLES = ("exercise", "question", "free", "student")
RUN_PYTHON = ("time", "timeit", "capture", "prun")  # cell magics, above a cell that is Python

_FIRST_LINE = re.compile(r"# *(exercise|question): *([\w.]+)\s*$")
_OWNER_ID = re.compile(r"[A-Za-z][\w.]{0,60}$", re.ASCII)


@dataclass(frozen=True)
class Cell:
    """One cell: kind is "code", "markdown" or "raw"; id is "" if the file has none."""

    kind: str
    source: str
    metadata: dict = field(default_factory=dict)
    id: str = ""

    @property
    def tags(self) -> tuple[str, ...]:
        tags = self.metadata.get("tags")
        return tuple(t for t in tags if isinstance(t, str)) if isinstance(tags, list) else ()

    @property
    def owner(self) -> tuple[str, str]:
        """Role and id of a cell that belongs to the student, such as ("exercise",
        "resnext.grouped_conv2d"); ("", "") for the lesson's own cells. The metadata say so or, if
        they were lost, the first line.
        """
        for role in ROLES:
            value = self.metadata.get(role)
            if isinstance(value, str) and _OWNER_ID.match(value):
                return role, value
        first = self.source.split("\n", 1)[0].strip()
        if self.kind == "code" and (found := _FIRST_LINE.match(first)):
            return found[1], found[2]
        if self.kind == "code" and first.startswith("# student:"):
            return "student", "name"
        return "", ""

    @property
    def role(self) -> str:
        return self.owner[0]

    @property
    def defines(self) -> bool:
        """Whether later cells and the checks need this cell."""
        return self.kind == "code" and ("define" in self.tags or self.role == "exercise")


@dataclass(frozen=True)
class Notebook:
    """A lesson or a student's copy of one. name: the file name without its suffix."""

    name: str
    cells: tuple[Cell, ...]
    metadata: dict = field(default_factory=dict)

    def ids(self, role: str = "exercise") -> list[str]:
        """Return the ids of the student's cells of one role, each once, in order."""
        return list(dict.fromkeys(c.owner[1] for c in self.cells if c.role == role))


def with_ids(notebook: Notebook) -> Notebook:
    """Return the notebook with stable ids for cells that have none.

    A student's cell gets its exercise's id, with hyphens for dots; other cells get the nearest
    heading above and a count. Cells of the answer are counted separately, so that a cell has the
    same id in the lesson and in its solution.
    """
    cells, taken, count, heading = [], {c.id for c in notebook.cells if c.id}, Counter(), "top"
    for cell in notebook.cells:
        headings = _headings(cell)
        stem = headings[0] if headings else heading
        heading = headings[-1] if headings else heading
        if cell.id:
            cells.append(cell)
            continue
        stem += "-answer" if "answer" in cell.tags else ""
        id = cell.owner[1].replace(".", "-")
        while not id or id in taken:
            count[stem] += 1
            id = f"{stem}-{count[stem]}"
        taken.add(id)
        cells.append(replace(cell, id=id))
    return replace(notebook, cells=tuple(cells))


def _headings(cell: Cell) -> list[str]:
    """Return the slugs of a cell's headings; none for a student's cell, whose answer might contain
    some."""
    if cell.kind != "markdown" or cell.role or "answer" in cell.tags:
        return []
    found = re.findall(r"^#{1,6} +(.+?)\s*$", cell.source, re.MULTILINE)
    slugs = [re.sub(r"[^a-z0-9]+", "-", h.lower()).strip("-")[:48].strip("-") for h in found]
    return [slug for slug in slugs if slug]


def syntax(source: str) -> ast.Module | None:
    """Return the syntax tree of a cell; None if it does not parse or is too long."""
    if len(source) > MAX_CELL:
        return None
    try:
        with warnings.catch_warnings():  # about a "\d", for example: shown when the cell runs
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def plain(source: str) -> str:
    """Return a cell without IPython's syntax: a line with a magic, a shell command or a `?` does
    nothing, a cell in another language is empty; every line keeps its number.

    Only if the cell does not parse as it is: a line of a formula may begin with `%`.
    """
    if syntax(source) is not None:
        return source
    lines = source.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and "".join(first[2:].split()[:1]) not in RUN_PYTHON:
        return "\n" * (len(lines) - 1)
    return "\n".join(map(_plain_line, lines))


def _plain_line(line: str) -> str:
    code = line.strip()
    space = line[: len(line) - len(line.lstrip())]
    name, equals, value = code.partition("=")
    if equals and value.lstrip()[:1] in ("%", "!") and name.strip().isidentifier():
        return f"{space}{name.strip()} = []"
    word, _, rest = code.partition(" ")
    if word == "%time" and rest.strip() and not rest.strip().startswith("-"):
        return space + rest.strip()
    asks = code.endswith("?") and code.strip("?").replace(".", "").isidentifier()
    if code[:1] in ("%", "!", "?") or asks or (word in ("pip", "conda", "cd") and rest):
        return space + "pass"
    return line
