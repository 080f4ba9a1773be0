"""One student's lesson, from their cells to marks. Their code runs in a worker.

Every exercise is marked separately: in a fork in which the cells before it have run, without what
ends Python or takes too long, and with the framework's version of earlier exercises that did not
pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from torch import Generator

from convzoo.case import Case, Reply
from convzoo.errors import UserError
from convzoo.exercises import all_exercises, all_questions, compare
from convzoo.exercises.model import Exercise, Verdict
from convzoo.exercises.questions import Question
from convzoo.notebook.cells import Cell
from convzoo.teach.grade.box.session import Failed, NotGraded, Session
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
from convzoo.teach.grade.mark.operations import countable, unwatched_flags
from convzoo.teach.grade.mark.plan import Submission, seed
from convzoo.teach.grade.mark.running import Runner
from convzoo.teach.grade.mark.scan import Wanted, scan_cell
from convzoo.teach.student_cells import MISPLACED

MAX_ANSWER = 20_000  # characters of an answer in prose that are kept
MAX_WORDS = 500  # characters of a short answer that are kept
MAX_LINE = 100  # characters of a cell's first line that are kept
KEEP_THE_NAME = "Keep the name from the stub."
NAMELESS = (
    "The name in `begin(...)` was not set or cannot be read, so the questions were marked with "
    "the numbers for an empty name."
)


def grade(session: Session, submission: Submission, student: str, secret: bytes) -> Graded:
    """Mark everything in one lesson of one student. Never raises for anything that a student
    did."""
    started = time.monotonic()
    marker = _Marker(Runner(session, submission), student, secret)
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


@dataclass
class _Marker:
    """Marks the items of one lesson in order, and records what passed."""

    runner: Runner
    student: str
    secret: bytes
    passed: set[str] = field(default_factory=set)

    @property
    def session(self) -> Session:
        return self.runner.session

    @property
    def submission(self) -> Submission:
        return self.runner.submission

    @property
    def flags(self) -> list[str]:
        return self.runner.flags

    def items(self) -> Iterator[Item]:
        """Yield every item of the lesson: exercises first, for `use`; then questions."""
        lesson = self.submission.plan.lesson
        if not self.submission.name and lesson.ids("question"):
            self.flags.append(NAMELESS)
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
        versions = self.submission.copy.versions(exercise.id)
        if not versions:
            return self._marked(exercise, self._unwritten(exercise))
        for number, cell in enumerate(versions):
            verdict, flags = self._scanned(exercise, cell)
            if not number or verdict.usable:
                marked, told, chosen = verdict, flags, number
            if verdict.usable:
                self.passed.add(exercise.id)
                break
        if len(versions) > 1:
            which = "One that passes was marked, and not the last one."
            which = which if chosen else "The last one was marked."
            text = f"The file has several versions of `{exercise.name}`. {which}"
            marked = replace(marked, message=" ".join(filter(None, (marked.message, text))))
            told = [*told, text]
        self.flags.extend(f"{exercise.id}: {text}" for text in told)
        return self._marked(exercise, marked, versions[chosen])

    def _unwritten(self, exercise: Exercise) -> Verdict:
        """Return a verdict that there is no answer, and why."""
        owner = "exercise", exercise.id
        if kind := self.submission.copy.misplaced(owner):
            why = MISPLACED.format(kind=kind)
            self.flags.append(f"{exercise.id}: The answer is in a {kind} cell.")
        else:
            why = "" if owner in self.submission.own else "The file has no cell with this id."
        return Verdict(exercise.id, UNTOUCHED, "", why)

    def _scanned(self, exercise: Exercise, cell: Cell) -> tuple[Verdict, list[str]]:
        """Return the verdict on one version of an answer, and the flags."""
        replies: list[Reply] = []
        verdict = _twice(lambda: self._judged(exercise, cell, replies))
        place, cells = self.runner.cells(cell, exercise.name)
        others = [c for i, c in enumerate(cells) if i != place]
        found = scan_cell(
            cell.source,
            [c.source for c in others],
            Wanted(exercise.id, exercise.name, exercise.shortcuts),
            [
                (c.source, [e.name for e in all_exercises().values() if c.owner[1] == e.id])
                for c in others
                if not self.submission.is_lessons(c)
            ],
        )
        if found.shortcuts and verdict.status != UNTOUCHED:
            verdict = Verdict(exercise.id, FAILED, "shortcut", " ".join(found.shortcuts))
        return verdict, [*found.flags, *unwatched_flags(replies)]

    def _marked(self, exercise: Exercise, verdict: Verdict, cell: Cell | None = None) -> Item:
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
            cell=_first_line(cell) if cell else "",
        )

    def _judged(self, exercise: Exercise, cell: Cell, replies: list[Reply]) -> Verdict:
        broken = self.runner.deadly.get(cell.source)
        if broken:
            return Verdict(exercise.id, FAILED, "run", broken)
        place, cells, found = self.runner.define(cell, self.passed, exercise.name, exercise.id)
        own = [t for t in found.troubles if t.cell == place]
        others = [
            t.sentence
            for t in found.troubles
            if t.cell != place and t.sentence and not self.submission.is_lessons(cells[t.cell])
        ]
        told = [t.sentence for t in own if t.stage != "stub"]
        try:
            if found.found:
                verdict = self._compared(exercise, replies)
            elif own and not told:
                return Verdict(exercise.id, UNTOUCHED)
            else:
                missing = f"Its cell runs, but does not define `{exercise.name}`. " + KEEP_THE_NAME
                verdict = Verdict(exercise.id, FAILED, "run", (told or [missing])[0])
        finally:
            self.session.end()
        parts = [verdict.message]
        if told and found.found and verdict.status != UNTOUCHED:
            parts.append(f"One statement of its cell was left out. {told[0]}")
        if others and verdict.stage == "run":
            parts.append(f"One statement of another cell of yours was left out. {others[0]}")
        return replace(verdict, message=" ".join(filter(None, parts)))

    def _compared(self, exercise: Exercise, replies: list[Reply]) -> Verdict:
        draw = Generator().manual_seed(
            seed(self.secret, self.student, self.submission.plan.name, exercise.id)
        )

        def respond(case: Case) -> Reply:
            reply = self.session.respond(case)
            reply.ops = countable(reply.ops)
            replies.append(reply)
            return reply

        try:
            return compare(exercise, respond, draw)
        except (Failed, NotGraded):
            raise
        except Exception as problem:
            raise NotGraded(f"{exercise.id}: the check raised {problem!r:.300}.") from None

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
            return Item(*head, 0.0, UNTOUCHED, "", str(problem), answer=str(given)[:MAX_WORDS])
        belief = None if right else question.belief(self.submission.name, given)
        return Item(
            *head,
            points if right else 0.0,
            RIGHT if right else WRONG,
            "",
            sentence,
            belief.title if belief else "",
            sentence if belief else "",
            question.in_words(self.submission.name, given)[:MAX_WORDS],
        )

    def _twice_given(self, question: Question, cell: Cell):
        """Return the answer in a question's cell, or a Verdict on what went wrong."""
        given = literal_answer(cell.source)
        if given is not None:
            return given
        box: list = []

        def run_it() -> Verdict:
            place, _, found = self.runner.define(cell, self.passed, question=question.id)
            self.session.end()
            kind, value = found.answer
            told = [t.sentence for t in found.troubles if t.cell == place]
            if kind == "none" and told:
                return Verdict("", FAILED, "run", told[0])
            box.append(_value(kind, value))
            return Verdict("", PASSED)

        verdict = _twice(run_it)
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


def _twice(judged: Callable[[], Verdict]) -> Verdict:
    """Try again if a process vanished, because that may be the machine's fault."""
    for last in (False, True):
        try:
            return judged()
        except Failed as problem:
            if problem.sure or last:
                return Verdict("", FAILED, "run", str(problem))
    raise AssertionError


def _first_line(cell: Cell) -> str:
    return next((line for line in cell.source.split("\n") if line.strip()), "")[:MAX_LINE]


def _value(kind: str, value: str | None):
    """Return the answer that the worker reports, in a form that `mark` understands."""
    if kind == "number":
        try:
            return float(value or "")
        except ValueError:
            return None
    return value if kind in ("text", "other") else ...
