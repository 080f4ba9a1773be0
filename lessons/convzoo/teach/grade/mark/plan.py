"""What is graded in a lesson: the clean lesson, and the student's part of a submission."""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from convzoo.errors import UserError
from convzoo.notebook.cells import Cell, Notebook, plain, syntax
from convzoo.notebook.reading import read
from convzoo.place import LIBRARY
from convzoo.teach.regions import stub
from convzoo.teach.student_cells import Copy, attempted

# All code of the library can affect a mark, except for what neither the grader imports for it nor
# the sandbox contains.
CHANGES_NO_MARK = (
    "install.py",  # runs before anything is installed
    "teach/slides.py",  # shows the solutions in a lecture
    "teach/grade/out/",  # pages and tables, made from the marks at each run
    "teach/grade/nbgrader/",  # the same marks, in another gradebook
)
_USE = re.compile(r"""\buse\(\s*["']([\w.]+)["']""")
MAX_CALLS = 20  # cells with a call of `begin` that are read


@dataclass(frozen=True)
class Plan:
    """A lesson to be graded. version: changes with everything that could change a mark."""

    name: str
    lesson: Notebook
    version: str

    @cached_property
    def stubs(self) -> dict[tuple[str, str], Cell]:
        """Return the student's cells as they were handed out."""
        return {c.owner: c for c in self.lesson.cells if c.role}

    @cached_property
    def imports(self) -> frozenset[str]:
        """Return the modules that the lesson itself imports."""
        return imported([c for c in self.lesson.cells if c.defines])

    @cached_property
    def uses(self) -> frozenset[str]:
        """Return the exercises that the lesson itself calls `use` for."""
        return used([c for c in self.lesson.cells if c.defines])


@dataclass(frozen=True)
class Submission:
    """One submission for a lesson: the student's copy of it, as plain cells."""

    plan: Plan
    copy: Copy

    @property
    def own(self) -> dict[tuple[str, str], Cell]:
        """The student's answers by role and id."""
        return self.copy.answers

    def touched(self, role: str, id: str) -> bool:
        """Return whether the student wrote anything in this cell."""
        cell = self.own.get((role, id))
        return cell is not None and attempted(cell, self.plan.stubs.get((role, id)))

    def is_lessons(self, cell: Cell) -> bool:
        """Return whether a cell that is executed is the lesson's own, unchanged."""
        return cell.source in self._clean

    @cached_property
    def _clean(self) -> set[str]:
        return {c.source for c in self.plan.lesson.cells}

    @cached_property
    def name(self) -> str:
        """Return the name in the student's last call of `begin`, "" if none can be read."""
        cells = [c for c in self.copy.cells if c.kind == "code"]
        calls = [c for c in cells if "begin(" in c.source]
        calls.sort(key=lambda c: c.role == "student")
        names = {k: v for c in cells if "=" in c.source for k, v in _texts(c)} if calls else {}
        given = (_begun(node, names) for c in calls[-MAX_CALLS:] for node in _nodes(c))
        return ([name for name in given if name] or [""])[-1][:200]

    def key(self, student: str, secret: bytes) -> str:
        """Return a hash of cells, lesson and secret, which reveals nothing about the secret."""
        cells = [[p.part, p.cell.source] for p in self.copy.placed]
        own = sorted([*owner, c.source] for owner, c in self.own.items())
        text = json.dumps([student, self.plan.name, self.plan.version, cells, own])
        return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def imported(cells: Iterable[Cell]) -> frozenset[str]:
    """Return the modules that cells import."""
    nodes = [node for cell in cells for node in _nodes(cell)]
    names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    return frozenset(names - {""})


def used(cells: Iterable[Cell]) -> frozenset[str]:
    """Return the ids in cells' calls of `use`."""
    return frozenset(id for cell in cells for id in _USE.findall(cell.source))


def _nodes(cell: Cell) -> Iterator[ast.AST]:
    tree = syntax(plain(cell.source))
    return ast.walk(tree) if tree else iter(())


def _texts(cell: Cell) -> Iterator[tuple[str, str]]:
    """Names that are bound to a text: `me = "anna"`."""
    for node in _nodes(cell):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, str):
                yield from ((t.id, node.value.value) for t in node.targets if hasattr(t, "id"))


def _begun(node: ast.AST, names: dict[str, str]) -> str:
    """Return the name that a call of `begin` is given, "" if it is none or cannot be read."""
    if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "begin":
        return ""
    given = [k.value for k in node.keywords if k.arg == "student"] or node.args[1:2]
    if not given:
        return ""
    text = getattr(given[0], "value", names.get(getattr(given[0], "id", ""), ""))
    return text.strip() if isinstance(text, str) else ""


def seed(secret: bytes, student: str, lesson: str, exercise: str) -> int:
    """Return the seed for one student's cases of an exercise."""
    text = json.dumps(["cases", student, lesson, exercise])
    return int.from_bytes(hmac.new(secret, text.encode(), hashlib.sha256).digest()[:7], "big")


def transplant(plan: Plan, notebook: Notebook) -> Submission:
    """Take only the student's own cells out of a submission."""
    return Submission(plan, Copy(plan.lesson, notebook))


def plans(root: Path) -> dict[str, Plan]:
    """Return every lesson under `root` that has exercises, by name, as it was handed out.

    A lesson that is not in lessons/ is made from its source in solutions/, like a release. Raises
    UserError if there is no lesson at all.
    """
    version = library_version(LIBRARY)
    found: dict[str, Plan] = {}
    for path in [*root.glob("lessons/[0-9][0-9]_*.ipynb"), *root.glob("solutions/[0-9][0-9]_*.py")]:
        if path.stem in found:
            continue
        plan = plan_of(read(path), version)
        if plan.stubs:
            found[path.stem] = plan
    if not found:
        raise UserError(f"{root} contains no lessons. Run this in the course's own folder.")
    return dict(sorted(found.items()))


def plan_of(source: Notebook, version: str) -> Plan:
    """Return the plan of one lesson. source: as it was handed out, or with its answers."""
    cells = tuple(stub(c) for c in source.cells if "answer" not in c.tags)
    text = json.dumps([[c.kind, c.source] for c in cells])
    mark = hashlib.sha256((version + text).encode()).hexdigest()
    return Plan(source.name, replace(source, cells=cells), mark)


def versioned(library: Path) -> list[Path]:
    """Return the files of `library`, the folder of convzoo, that can change a mark."""
    paths = {path.relative_to(library).as_posix(): path for path in library.rglob("*.py")}
    return [path for name, path in sorted(paths.items()) if not name.startswith(CHANGES_NO_MARK)]


def library_version(library: Path) -> str:
    """Return a hash that changes with every file that can change a mark."""
    total = hashlib.sha256()
    for path in versioned(library):
        total.update(f"{path.relative_to(library)}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()
