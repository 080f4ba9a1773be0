"""Runs a student's answer in a fork of the worker, with the cells that it needs, without what ends
Python or takes too long."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace

from convzoo.exercises import all_exercises
from convzoo.notebook.cells import MAX_CELL, Cell, plain
from convzoo.teach.grade.box.session import Defined, Failed, Job, NotGraded, Session
from convzoo.teach.grade.mark.plan import Plan, Submission, imported, used
from convzoo.teach.student_cells import Copy, definitions, without_lines

MAX_DEADLY = 3  # cells that end Python and are left out before the lesson is given up
MAX_TOGETHER = 500_000  # characters of all cells that are run


def known() -> dict[str, tuple[str, str, str]]:
    """Return for every exercise its name, and where the framework's version is."""
    return {
        e.id: (e.name, e.reference.__module__, e.reference.__name__)
        for e in all_exercises().values()
    }


def prove(session: Session, plan: Plan) -> None:
    """Raise NotGraded unless the untouched lesson runs in the sandbox, because then no student is
    to blame."""
    needed = ("define", "exercise")
    placed = Copy(plan.lesson, plan.lesson).placed
    cells = [(_label(p.cell), plain(p.cell.source)) for p in placed if p.part in needed]
    try:
        job = Job(tuple(cells), preload=tuple(plan.imports), ours=True)
        troubles = session.define(job).troubles
        session.end()
    except Failed as problem:
        raise NotGraded(f"The untouched lesson {plan.name} does not run: {problem}") from None
    wrong = [t.sentence for t in troubles if t.stage != "stub"]
    if wrong:
        raise NotGraded(f"The untouched lesson {plan.name} does not run: {wrong[0]}")


@dataclass
class Runner:
    """Runs one student's answers to one lesson, and remembers what ended Python or took too long.

    flags: what a teacher should know of; deadly: by the source of an answer, what it did.
    """

    session: Session
    submission: Submission
    flags: list[str] = field(default_factory=list)
    deadly: dict[str, str] = field(default_factory=dict)
    _reduced: dict[str, Cell | None] = field(default_factory=dict)  # by source: what is run instead
    _slow: dict[str, set[int]] = field(default_factory=dict)  # by source: lines that took too long

    def define(
        self, cell: Cell, passed: Set[str], name: str = "", exercise: str = "", question: str = ""
    ) -> tuple[int, list[Cell], Defined]:
        """Run what `cell` needs, and `cell` itself, in a fork, without what ends Python.

        Returns the index of `cell`, all cells, and how they went. Raises Failed if `cell` itself
        ends Python.
        """
        while True:
            place, cells = self.cells(cell, name)
            if len(cell.source) > MAX_CELL or sum(len(c.source) for c in cells) > MAX_TOGETHER:
                raise Failed(
                    f"Nothing was run, because a cell may have at most {MAX_CELL:,} characters, "
                    f"and all cells before it together {MAX_TOGETHER:,}."
                )
            texts = tuple((_label(c), plain(c.source)) for c in cells)
            others = frozenset(passed - {exercise})
            job = Job(texts, name, exercise, question, others, self._modules(cells, others))
            try:
                found = self.session.define(job)
            except Failed as problem:
                guilty = self.session.running if self.session.running >= 0 else place
                lessons = self.submission.is_lessons(cells[guilty])
                if problem.sure and guilty == place:
                    self.deadly[cell.source] = str(problem)
                    self._reduce(cells[guilty])
                if guilty == place or lessons or len(self._reduced) >= MAX_DEADLY:
                    raise
                self._reduce(cells[guilty])
                self.flags.append(f"{_label(cells[guilty])}: the cell was left out. {problem}")
                continue
            for trouble in found.troubles:
                if trouble.stage == "slow":
                    source = cells[trouble.cell].source
                    self._slow.setdefault(source, set()).add(trouble.line)
            return place, cells, found

    def cells(self, cell: Cell, name: str) -> tuple[int, list[Cell]]:
        """Return what is executed to try an answer, without what proved to be too slow or to end
        Python; and the place of the answer in it."""
        found: list[Cell] = []
        place = 0
        for given in self.submission.copy.cells_for(cell, name):
            short = self._shortened(given)
            if given is cell:
                place, short = len(found), short or replace(cell, source="")
            if short and (given is cell or len(short.source) <= MAX_CELL):
                found.append(short)
        return place, found

    def _reduce(self, cell: Cell) -> None:
        """From now on, run only a cell's definitions; if it has nothing else, nothing of it."""
        rest = definitions(cell)
        self._reduced[cell.source] = None if rest and rest.source == cell.source else rest

    def _shortened(self, cell: Cell) -> Cell | None:
        """Return a cell without what proved to be too slow or to end Python, None if nothing is
        left."""
        if cell.source in self._reduced:
            rest = self._reduced[cell.source]
        elif cell.source in self._slow:
            rest = without_lines(cell, self._slow[cell.source])
        else:
            return cell
        return self._shortened(rest) if rest and rest.source != cell.source else rest

    def _modules(self, cells: list[Cell], passed: frozenset[str]) -> tuple[str, ...]:
        """Return the modules that these cells import and that their `use` may return, if the lesson
        asks for them too: imported once, not in every fork."""
        plan = self.submission.plan
        ids = used(cells) & plan.uses & all_exercises().keys() - passed
        returned = {all_exercises()[id].reference.__module__ for id in ids}
        return tuple(imported(cells) & plan.imports | returned)


def _label(cell: Cell) -> str:
    return f"<{cell.owner[1] or cell.id or 'an added cell'}>"
