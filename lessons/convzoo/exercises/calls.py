"""What a lesson calls: begin, check, use, hint, ask, predict. None of them raises for a reader's
mistake, so a lesson always runs to its end."""

from __future__ import annotations

import ast
import html
import re
import sys
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

from convzoo import device as devices
from convzoo import place, run_cell
from convzoo.errors import UserError
from convzoo.exercises import progress
from convzoo.exercises.catalogue import (
    all_exercises,
    all_predictions,
    all_questions,
    find,
    of_lesson,
)
from convzoo.exercises.judge import assess
from convzoo.exercises.model import Exercise, Verdict
from convzoo.exercises.prediction_form import Asking, can_ask
from convzoo.exercises.predictions import compared, value_of
from convzoo.show import Picture, display, in_notebook, notice

_LABEL = re.compile(r'aria-label="([^"]*)"')  # of a picture
_session = {"student": "", "judged": {}, "trusted": False}


@contextmanager
def trusted():
    """Inside, `use` returns what is defined without checking it: for the solutions."""
    before, _session["trusted"] = _session["trusted"], True
    try:
        yield
    finally:
        _session["trusted"] = before


def begin(lesson: str, student: str = ""):
    """Open a lesson: seed everything, describe the device and return it.

    lesson: "02_resnext"; student: the name that the student hands in under. It decides the numbers
    in their short questions.
    """
    _session["student"] = str(student).strip()
    devices.seed(0)
    device = devices.choose()
    mine = of_lesson(lesson)
    done = progress.load()["exercises"]
    passed = sum(done.get(i, {}).get("status") == "passed" for i in mine)
    print(f"{lesson}: {devices.describe(device)}")
    print(f"Exercises passed so far: {passed} of {len(mine)}.")
    if in_notebook() and not Path("../figures").is_dir():
        _show_pictures(lesson)
    return device


def _show_pictures(lesson: str) -> None:
    """Show the pictures that the lesson's text cannot find, because the notebook is alone."""
    found = sorted(place.figures().glob(f"{lesson[:2]}_*.svg"))
    if found:
        print("This notebook is not in the course's folder. The pictures in its text are:")
    for path in found:
        svg = path.read_text(encoding="utf-8")
        display(Picture(html.unescape(_LABEL.search(svg)[1]), svg))


def _notice_if_unknown(call: Callable) -> Callable:
    """Decorate `call`, so that a wrong id becomes a notice that names the nearest one."""

    @wraps(call)
    def guarded(key: str, *rest):
        try:
            return call(key, *rest)
        except UserError as problem:
            notice(f"{call.__name__}: nothing to do", str(problem), "todo")

    return guarded


@_notice_if_unknown
def check(exercise_id: str) -> Verdict:
    """Check the reader's function or class, which is found by its name in the caller's globals."""
    exercise = find(exercise_id, all_exercises)
    _session["judged"].pop(exercise.id, None)  # what it calls may have changed since
    verdict = _judged(exercise, sys._getframe(2).f_globals)  # above the decorator
    before = progress.recall("exercises", exercise.id, {})
    tries = before.get("tries", 0) + (verdict.status != "not attempted")
    status = "passed" if before.get("status") == "passed" else verdict.status
    progress.record("exercises", exercise.id, {"status": status, "tries": tries})
    title, body, kind = notice_text(exercise, verdict)
    notice(title, body, kind)
    return Quiet(verdict)


def notice_text(exercise: Exercise, verdict: Verdict) -> tuple[str, str, str]:
    """Return a verdict in words: title, body, kind."""
    if verdict.passed:
        body = f"You earned {_points(exercise.points)}. From here on the lesson uses your code."
        body += f"\n\n{verdict.message}" * bool(verdict.message)
        return f"{exercise.id}: passed", body, "pass"
    if verdict.status == "not attempted":
        return (
            f"{exercise.id}: not attempted yet",
            (
                f"{exercise.title}: {_points(exercise.points)}, about {exercise.minutes} minutes. "
                "Write it in the cell above, instead of the line `raise NotAttempted(...)`. "
                "Until then the lesson uses the framework's version."
            ),
            "todo",
        )
    body = verdict.message
    if len(exercise.hints):
        body += f'\n\nStuck? hint("{exercise.id}") opens the first of {len(exercise.hints)} hints.'
    return f"{exercise.id}: not yet ({verdict.stage})", body, "fail"


def use(exercise_id: str) -> Callable:
    """Return the reader's own code if it is right, else the framework's operation, and show which
    of the two it is."""
    namespace = sys._getframe(1).f_globals
    exercise = find(exercise_id, all_exercises)
    if _session["trusted"]:
        return namespace[exercise.name]
    if _judged(exercise, namespace).usable:
        notice(f"{exercise.name}: your own code", "", "pass")
        return namespace[exercise.name]
    notice(f"{exercise.name}: the framework's version, until {exercise.id} passes", "", "info")
    return exercise.reference


@_notice_if_unknown
def hint(exercise_id: str) -> None:
    """Open the next hint of an exercise; after the last, all of them again."""
    exercise = find(exercise_id, all_exercises)
    opened = progress.recall("hints", exercise.id, 0)
    opened = opened + 1 if opened < len(exercise.hints) else 1
    progress.record("hints", exercise.id, opened)
    title = f"{exercise.id}: hint {opened} of {len(exercise.hints)}"
    more = f"\n\nRun the cell again for hint {opened + 1}." if opened < len(exercise.hints) else ""
    notice(title, exercise.hints[opened - 1] + more, "info")


@_notice_if_unknown
def ask(question_id: str, answer=...) -> None:
    """Show a short question with the student's numbers, and mark the answer."""
    question = find(question_id, all_questions)
    shown = question.shown(_session["student"])
    if answer is ...:
        title = f"{question.title} ({_points(question.points)})"
        notice(title, f"{shown}\n\n{question.form}", "todo")
        return
    try:
        right, sentence = question.mark(_session["student"], answer)
    except UserError as problem:
        notice(f"{question.title}: no answer yet", f"{shown}\n\n{problem}", "todo")
        return
    progress.record("answers", question.id, {"answer": str(answer), "right": right})
    head = f"{question.title}: {'right' if right else 'not yet'}"
    given = question.in_words(_session["student"], answer).rstrip(".")
    notice(head, f"{shown}\n\nYou answered {given}. {sentence}", "pass" if right else "fail")


def predict(prediction_id: str, then: Callable, measured=None) -> None:
    """Ask for a guess, then show what `then()` returns (an Explorer, a Picture, a figure).

    measured: what the guess is compared with, a value or a function that returns it; it is
    called after the guess. The prediction's own `value`, unless given.
    """
    prediction = find(prediction_id, all_predictions)
    measured = prediction.value if measured is None else measured
    known = progress.recall("guesses", prediction.id)
    if not can_ask():
        notice("Before you look", prediction.asked)
        display(then())
        if measured is not None:
            notice(compared(prediction, known, value_of(measured)))
        return
    display(Asking(prediction, then, measured))


class Quiet:
    """A verdict that shows nothing as the last line of a cell, because a notice has shown it."""

    def __init__(self, verdict: Verdict):
        self.verdict = verdict

    def __getattr__(self, name: str):
        return getattr(self.verdict, name)

    def _ipython_display_(self) -> None:
        pass

    def __repr__(self) -> str:
        return f"<{self.verdict.id}: {self.verdict.status}>"


def _judged(exercise: Exercise, namespace: dict) -> Verdict:
    cells = namespace.get("In")
    broken = broken_cell(exercise, cells if isinstance(cells, list) else [])
    if broken:
        return Verdict(exercise.id, "failed", "run", broken)
    target = namespace.get(exercise.name)
    if not callable(target):
        return Verdict(
            exercise.id,
            "failed",
            "run",
            f"`{exercise.name}` is not defined yet. Run the exercise's cell first; if it does not "
            "run, the error is shown below it.",
        )
    known = _session["judged"].get(exercise.id)
    if known is None or known[0] is not target:
        known = target, assess(exercise, target)
        _session["judged"][exercise.id] = known
    return known[1]


def broken_cell(exercise: Exercise, cells: list[str]) -> str:
    """Return a sentence if the exercise's cell that ran last is not valid Python, or defines
    another name and no cell has defined it since; else ""."""
    mark = f"# exercise: {exercise.id}"
    texts = [cell.split("\n") for cell in cells if isinstance(cell, str)]
    mine = [i for i, lines in enumerate(texts) if mark in map(str.strip, lines)]
    if not mine:
        return ""
    lines = ["" if line.lstrip()[:1] in ("%", "!") else line for line in texts[mine[-1]]]
    with warnings.catch_warnings():  # a "\d" in it was reported when the cell ran
        warnings.simplefilter("ignore")
        code = run_cell.compiled("\n".join(lines), "<cell>", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if isinstance(code, run_cell.Trouble):
        advice = " Fix that line and run the cell again." if code.kind == "syntax" else ""
        return code.sentence + advice
    name = exercise.name
    defined = re.compile(rf"(?:def|class) {name}\b|{name} *=(?!=)")
    since = (line for lines in texts[mine[-1] + 1 :] for line in lines)  # of a cell that was split
    if name not in code.co_names and not any(map(defined.match, since)):
        return f"The cell runs, but does not define `{name}`. Keep the name from the stub."
    return ""


def _points(number: int) -> str:
    return f"{number} point" if number == 1 else f"{number} points"
