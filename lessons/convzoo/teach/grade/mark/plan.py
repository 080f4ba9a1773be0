"""What is graded in a lesson: the clean lesson, and what in a submission belongs to the student."""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from convzoo.errors import UserError
from convzoo.place import LIBRARY
from convzoo.teach.cells import Cell, Notebook, plain, syntax
from convzoo.teach.regions import stub
from convzoo.teach.source import answers, attempted, read, student_namespace_cells

VERSIONED = (
    "case.py",
    "said.py",
    "exercises/*.py",
    "framework/*.py",
    "teach/*.py",
    "teach/grade/*.py",
)


@dataclass(frozen=True)
class Plan:
    """A lesson to be graded. version: changes with whatever could change a mark."""

    name: str
    lesson: Notebook
    version: str

    @cached_property
    def stubs(self) -> dict[tuple[str, str], Cell]:
        """The student's cells as they were handed out."""
        return {c.owner: c for c in self.lesson.cells if c.role}

    @cached_property
    def imports(self) -> frozenset[str]:
        """The modules that the lesson itself imports."""
        trees = [syntax(plain(c.source)) for c in self.lesson.cells if c.defines]
        nodes = [node for tree in trees if tree for node in ast.walk(tree)]
        names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
        return frozenset(names - {""})


@dataclass(frozen=True)
class Work:
    """One submission against its lesson: nothing but the cells that a student owns.

    namespace: what is executed, in order; own: his cells by role and id.
    """

    plan: Plan
    namespace: tuple[Cell, ...]
    own: dict[tuple[str, str], Cell]

    def touched(self, role: str, id: str) -> bool:
        """Whether he wrote anything there."""
        cell = self.own.get((role, id))
        return cell is not None and attempted(cell, self.plan.stubs.get((role, id)))

    def is_lessons(self, cell: Cell) -> bool:
        """Whether a cell of the namespace is the lesson's own, as it was handed out."""
        return cell.source in self._clean

    @cached_property
    def _clean(self) -> set[str]:
        return {c.source for c in student_namespace_cells(self.plan.lesson, self.plan.lesson)}

    @cached_property
    def name(self) -> str:
        """What stands as `student=` in his call of begin, "" where nothing can be read there."""
        cell = self.own.get(("student", "name"))
        tree = syntax(cell.source) if cell else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "begin":
                given = [k.value for k in node.keywords if k.arg == "student"] or node.args[1:2]
                if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
                    return given[0].value.strip()[:200]
        return ""

    def key(self, student: str, secret: bytes) -> str:
        """The same for the same cells, lesson and secret; tells nothing of the secret."""
        cells = [[c.kind, c.source] for c in self.namespace]
        own = sorted([*owner, c.source] for owner, c in self.own.items())
        text = json.dumps([student, self.plan.name, self.plan.version, cells, own])
        return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def seed(secret: bytes, student: str, lesson: str, exercise: str) -> int:
    """What the cases of an exercise are drawn with for one student."""
    text = json.dumps(["cases", student, lesson, exercise])
    return int.from_bytes(hmac.new(secret, text.encode(), hashlib.sha256).digest()[:7], "big")


def transplant(plan: Plan, submission: Notebook) -> Work:
    """Take the student's cells out of what he handed in, and nothing else."""
    namespace = student_namespace_cells(plan.lesson, submission)
    return Work(plan, tuple(namespace), answers(plan.lesson, submission))


def plans(root: Path) -> dict[str, Plan]:
    """Every lesson under `root` that has exercises, by name: as it was handed out, from lessons/.

    Where it is not there, it is made from its source in solutions/, as a release makes it. Raises
    UserError where there is no lesson at all.
    """
    version = _version()
    found: dict[str, Plan] = {}
    for path in [*root.glob("lessons/[0-9][0-9]_*.ipynb"), *root.glob("solutions/[0-9][0-9]_*.py")]:
        if path.stem in found:
            continue
        source = read(path)
        cells = tuple(stub(c) for c in source.cells if "answer" not in c.tags)
        lesson = replace(source, cells=cells)
        if any(cell.role for cell in cells):
            text = json.dumps([[c.kind, c.source] for c in cells])
            mark = hashlib.sha256((version + text).encode()).hexdigest()
            found[path.stem] = Plan(path.stem, lesson, mark)
    if not found:
        raise UserError(f"{root} holds no lessons. Run this in the course's own folder.")
    return dict(sorted(found.items()))


def _version() -> str:
    total = hashlib.sha256()
    for pattern in VERSIONED:
        for path in sorted(LIBRARY.glob(pattern)):
            total.update(path.read_bytes())
    return total.hexdigest()
