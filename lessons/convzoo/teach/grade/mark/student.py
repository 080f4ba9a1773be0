"""One student's lesson, from their cells to marks. Their code runs in a worker.

Every exercise is marked separately: in a fork in which the cells before it have run, without those
that end Python, and with the framework's version of earlier exercises that did not pass.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from torch import Generator

from convzoo.case import Case, Op, Reply
from convzoo.errors import UserError
from convzoo.exercises import all_exercises, all_questions, compare
from convzoo.exercises.model import Exercise, Verdict
from convzoo.exercises.questions import Question
from convzoo.notebook.cells import MAX_CELL, Cell, plain
from convzoo.teach.grade.box.session import Failed, Job, NotGraded, Session
from convzoo.teach.grade.mark.literals import literal_answer
from convzoo.teach.grade.mark.marks import (
    FAILED,
    FREE_POINTS,
    PASSED,
    RIGHT,
    UNTOUCHED,
    WAITING,
    WRONG,
    Graded,
    Item,
    credit,
)
from convzoo.teach.grade.mark.operations import countable, shortcut_flags
from convzoo.teach.grade.mark.plan import Plan, Submission, seed
from convzoo.teach.grade.mark.scan import scan_cell

_USE = re.compile(r"""\buse\(\s*["']([\w.]+)["']""")
MAX_DEADLY = 3  # cells that end Python and are left out before the lesson is given up
MAX_ANSWER = 20_000  # characters of an answer in prose that are kept
MAX_TOGETHER = 500_000  # characters of all cells that are run


def known() -> dict[str, tuple[str, str, str]]:
    """Return for every exercise its name, and where the framework's version is."""
    return {
        e.id: (e.name, e.reference.__module__, e.reference.__name__)
        for e in all_exercises().values()
    }


def grade(session: Session, submission: Submission, student: str, secret: bytes) -> Graded:
    """Mark everything in one lesson of one student. Never raises for anything that a student
    did."""
    started = time.monotonic()
    marker = _Marker(session, submission, student, secret)
    try:
        items, status, reason = tuple(marker.items()), "graded", ""
    except NotGraded as problem:
        items, status, reason = (), "not graded", str(problem)
    return Graded(
        student,
        submission.plan.name,
        status,
        submission.key(student, secret),
        items,
        tuple(dict.fromkeys(marker.flags)),
        reason,
        session.box.boxed,
        submission.name,
        round(time.monotonic() - started, 2),
    )


def prove(session: Session, plan: Plan) -> None:
    """Raise NotGraded unless the untouched lesson runs in the sandbox, because then no student is
    to blame."""
    from convzoo.teach.grade.mark.plan import transplant

    cells = [(_label(c), plain(c.source)) for c in transplant(plan, plan.lesson).namespace]
    try:
        job = Job(tuple(cells), preload=tuple(plan.imports), ours=True)
        troubles = session.define(job).troubles
        session.end()
    except Failed as problem:
        raise NotGraded(f"The untouched lesson {plan.name} does not run: {problem}") from None
    wrong = [text for stage, text in troubles.values() if stage == "run"]
    if wrong:
        raise NotGraded(f"The untouched lesson {plan.name} does not run: {wrong[0]}")


@dataclass
class _Marker:
    """Marks the items of one lesson in order, and records what passed and what ends Python."""

    session: Session
    submission: Submission
    student: str
    secret: bytes
    flags: list[str] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    deadly: dict[str, str] = field(default_factory=dict)  # by the source of a cell: what it did

    def items(self) -> Iterator[Item]:
        """Yield every item of the lesson: exercises first, for `use`; then questions."""
        lesson = self.submission.plan.lesson
        for id in lesson.ids("exercise"):
            if id in all_exercises():
                yield self._exercise(all_exercises()[id])
        for id in lesson.ids("question"):
            if id in all_questions():
                yield self._question(all_questions()[id])
        for id in lesson.ids("free"):
            yield self._free(id)

    # --- exercises ---

    def _exercise(self, exercise: Exercise) -> Item:
        owner = "exercise", exercise.id
        if not self.submission.touched(*owner):
            why = "" if owner in self.submission.own else "The file has no cell with this id."
            return self._marked(exercise, Verdict(exercise.id, UNTOUCHED, "", why))
        cell = next(c for c in self.submission.namespace if c.owner == owner)
        ops: list[Op] = []
        verdict = self._twice(lambda: self._judged(exercise, cell, ops))
        if verdict.usable:
            self.passed.add(exercise.id)
        others = [c for c in self.submission.namespace if c is not cell]
        added = [c.source for c in others if not self.submission.is_lessons(c)]
        found = scan_cell(
            cell.source,
            [c.source for c in others],
            exercise.shortcuts,
            exercise.id,
            added,
            {e.name for e in all_exercises().values()},
        )
        if found.shortcuts and verdict.status != UNTOUCHED:
            self.passed.discard(exercise.id)
            verdict = Verdict(exercise.id, FAILED, "shortcut", " ".join(found.shortcuts))
        self.flags += [
            f"{exercise.id}: {text}" for text in (*found.flags, *shortcut_flags(exercise, ops))
        ]
        return self._marked(exercise, verdict)

    def _marked(self, exercise: Exercise, verdict: Verdict) -> Item:
        sentence = next((w.sentence for w in exercise.mistakes if w.name == verdict.mistake), "")
        slow = verdict.stage == "launches"
        return Item(
            exercise.id,
            "exercise",
            exercise.title,
            exercise.points,
            credit(exercise.points, verdict.status, verdict.stage),
            PASSED if slow else verdict.status,
            verdict.stage,
            verdict.message,
            verdict.mistake,
            sentence,
        )

    def _twice(self, judged) -> Verdict:
        """Try again if a process vanished, because that may be the machine's fault."""
        for last in (False, True):
            try:
                return judged()
            except Failed as problem:
                if problem.sure or last:
                    return Verdict("", FAILED, "run", str(problem))
        raise AssertionError

    def _judged(self, exercise: Exercise, cell: Cell, ops: list[Op]) -> Verdict:
        broken = self.deadly.get(cell.source)
        if broken:
            return Verdict(exercise.id, FAILED, "run", broken)
        cells, place, found = self._define(cell, exercise.name, exercise.id)
        try:
            stage, text = found.troubles.get(place, ("", ""))
            if stage == "stub":
                return Verdict(exercise.id, UNTOUCHED)
            if stage or not found.found:
                text = text or (
                    f"Its cell runs, but does not define `{exercise.name}`. Keep the name from "
                    "the stub."
                )
                return Verdict(exercise.id, FAILED, "run", text)
            return self._compared(exercise, ops)
        finally:
            self.session.end()

    def _compared(self, exercise: Exercise, ops: list[Op]) -> Verdict:
        draw = Generator().manual_seed(
            seed(self.secret, self.student, self.submission.plan.name, exercise.id)
        )

        def respond(case: Case) -> Reply:
            reply = self.session.respond(case)
            reply.ops = countable(reply.ops)
            ops.extend(reply.ops)
            return reply

        try:  # what the student's process reports about its operations is only counted
            return compare(replace(exercise, shortcuts=()), respond, draw)
        except (Failed, NotGraded):
            raise
        except Exception as problem:
            raise NotGraded(f"{exercise.id}: the check raised {problem!r:.300}.") from None

    def _define(self, cell: Cell, name: str = "", exercise: str = "", question: str = ""):
        """Run the cells up to `cell` in a fork; those that end Python are left out.

        Returns them, the index of `cell` among them, and how they went. Raises Failed if `cell`
        itself ends Python.
        """
        while True:
            cells = self._cells(cell)
            if len(cell.source) > MAX_CELL or sum(len(c.source) for c in cells) > MAX_TOGETHER:
                raise Failed(
                    f"Nothing was run, because a cell may have at most {MAX_CELL:,} characters, "
                    f"and all cells before it together {MAX_TOGETHER:,}."
                )
            place = next(i for i, c in enumerate(cells) if c is cell)
            texts = tuple((_label(c), plain(c.source)) for c in cells)
            passed = frozenset(self.passed - {exercise})
            try:
                job = Job(texts, name, exercise, question, passed, self._modules(passed))
                return cells, place, self.session.define(job)
            except Failed as problem:
                running = self.session.running
                guilty = cells[running] if running >= 0 else cell
                if (
                    guilty is cell
                    or self.submission.is_lessons(guilty)
                    or len(self.deadly) >= MAX_DEADLY
                ):
                    if problem.sure and guilty is cell:
                        self.deadly[cell.source] = str(problem)
                    raise
                self.deadly[guilty.source] = str(problem)
                self.flags.append(f"{_label(guilty)}: the cell was left out. {problem}")

    def _cells(self, cell: Cell) -> list[Cell]:
        """Return the cells before `cell`, `cell` itself, and the definitions that the student added
        later."""
        usable = [
            c
            for c in self.submission.namespace
            if c is cell or (c.source not in self.deadly and len(c.source) <= MAX_CELL)
        ]
        place = next((i for i, c in enumerate(usable) if c is cell), None)
        if place is None:  # a question's cell
            return [*usable, cell]
        later = [c for c in usable[place + 1 :] if not c.role and not self.submission.is_lessons(c)]
        return [*usable[: place + 1], *later]

    def _modules(self, passed: frozenset[str]) -> tuple[str, ...]:
        """Return the modules that the lesson imports and that its `use` may return: imported once,
        not in every fork."""
        text = "\n".join(c.source for c in self.submission.plan.lesson.cells if c.defines)
        used = [
            all_exercises()[i] for i in set(_USE.findall(text)) - passed if i in all_exercises()
        ]
        return tuple(self.submission.plan.imports | {e.reference.__module__ for e in used})

    # --- questions ---

    def _question(self, question: Question) -> Item:
        cell = self.submission.own.get(("question", question.id))
        points = float(question.points)
        head = question.id, "question", question.title, points
        if cell is None or not self.submission.touched("question", question.id):
            return Item(*head, 0.0, UNTOUCHED)
        given = self._twice_given(question, cell)
        if isinstance(given, Verdict):
            return Item(*head, 0.0, WRONG, "run", given.message)
        try:
            right, sentence = question.mark(self.submission.name, given)
        except UserError as problem:
            return Item(*head, 0.0, UNTOUCHED, "", str(problem), answer=str(given)[:200])
        belief = _belief(question, self.submission.name, given) if not right else ""
        return Item(
            *head,
            points if right else 0.0,
            RIGHT if right else WRONG,
            "",
            sentence,
            belief,
            sentence if belief else "",
            str(given)[:200],
        )

    def _twice_given(self, question: Question, cell: Cell):
        """Return the answer in a question's cell, or a Verdict on what went wrong."""
        given = literal_answer(cell.source)
        if given is not None:
            return given
        box: list = []

        def run_it() -> Verdict:
            _, place, found = self._define(cell, question=question.id)
            self.session.end()
            kind, value = found.answer
            trouble = found.troubles.get(place)
            if kind == "none" and trouble:
                return Verdict("", FAILED, "run", trouble[1])
            box.append(_value(kind, value))
            return Verdict("", PASSED)

        verdict = self._twice(run_it)
        return box[-1] if verdict.passed else verdict

    def _free(self, id: str) -> Item:
        cell = self.submission.own.get(("free", id))
        touched = self.submission.touched("free", id)
        return Item(
            id,
            "free",
            "In your own words",
            FREE_POINTS,
            None if touched else 0.0,
            WAITING if touched else UNTOUCHED,
            answer=cell.source[:MAX_ANSWER] if touched else "",
        )


def _label(cell: Cell) -> str:
    return f"<{cell.owner[1] or cell.id or 'an added cell'}>"


def _belief(question: Question, student: str, given) -> str:
    """Return the name under which a wrong answer is counted for the class, "" if it is not a known
    one."""
    _, sentence = question.mark(student, given)
    numbers = question.numbers(student)
    for number, belief in enumerate(question.beliefs, 1):
        if belief.sentence.format(**numbers) == sentence:
            return f"belief {number}"
    return ""


def _value(kind: str, value: str | None):
    """Return the answer that the worker reports, in a form that `mark` understands."""
    if kind == "number":
        try:
            return float(value or "")
        except ValueError:
            return None
    return value if kind in ("text", "other") else ...
