"""What is graded in a lesson: the clean lesson, and the student's part of a submission."""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from convzoo.errors import UserError
from convzoo.notebook.cells import Cell, Notebook, plain, syntax
from convzoo.notebook.reading import read
from convzoo.place import LIBRARY
from convzoo.teach.regions import stub
from convzoo.teach.student_cells import answers, attempted, student_namespace_cells

# All code of the library can affect a mark, except for what neither the grader imports for it nor
# the sandbox contains.
CHANGES_NO_MARK = (
    "install.py",  # runs before anything is installed
    "teach/slides.py",  # shows the solutions in a lecture
    "teach/grade/out/",  # pages and tables, made from the marks at each run
    "teach/grade/nbgrader/",  # the same marks, in another gradebook
)


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
        trees = [syntax(plain(c.source)) for c in self.lesson.cells if c.defines]
        nodes = [node for tree in trees if tree for node in ast.walk(tree)]
        names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
        return frozenset(names - {""})


@dataclass(frozen=True)
class Submission:
    """One submission for a lesson: only the cells that the student owns.

    namespace: what is executed, in order; own: the student's cells by role and id.
    """

    plan: Plan
    namespace: tuple[Cell, ...]
    own: dict[tuple[str, str], Cell]

    def touched(self, role: str, id: str) -> bool:
        """Return whether the student wrote anything in this cell."""
        cell = self.own.get((role, id))
        return cell is not None and attempted(cell, self.plan.stubs.get((role, id)))

    def is_lessons(self, cell: Cell) -> bool:
        """Return whether a cell of the namespace is the lesson's own, unchanged."""
        return cell.source in self._clean

    @cached_property
    def _clean(self) -> set[str]:
        return {c.source for c in student_namespace_cells(self.plan.lesson, self.plan.lesson)}

    @cached_property
    def name(self) -> str:
        """Return the name in the student's call of `begin`, "" if none can be read."""
        cell = self.own.get(("student", "name"))
        tree = syntax(cell.source) if cell else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "begin":
                given = [k.value for k in node.keywords if k.arg == "student"] or node.args[1:2]
                if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
                    return given[0].value.strip()[:200]
        return ""

    def key(self, student: str, secret: bytes) -> str:
        """Return a hash of cells, lesson and secret, which reveals nothing about the secret."""
        cells = [[c.kind, c.source] for c in self.namespace]
        own = sorted([*owner, c.source] for owner, c in self.own.items())
        text = json.dumps([student, self.plan.name, self.plan.version, cells, own])
        return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def seed(secret: bytes, student: str, lesson: str, exercise: str) -> int:
    """Return the seed for one student's cases of an exercise."""
    text = json.dumps(["cases", student, lesson, exercise])
    return int.from_bytes(hmac.new(secret, text.encode(), hashlib.sha256).digest()[:7], "big")


def transplant(plan: Plan, notebook: Notebook) -> Submission:
    """Take only the student's own cells out of a submission."""
    namespace = student_namespace_cells(plan.lesson, notebook)
    return Submission(plan, tuple(namespace), answers(plan.lesson, notebook))


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
