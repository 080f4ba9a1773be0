"""All exercises, questions and predictions of the course, by id, in the order of the lessons.

Nothing is registered: a lesson is a folder in `convzoo.ideas` that names its LESSON, an exercise is
a file in its `exercises/` with an EXERCISE, and its short questions and predictions are in its
`questions.py`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from convzoo import ideas
from convzoo.errors import UserError, nearest
from convzoo.exercises.model import Exercise
from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Question


def all_exercises() -> dict[str, Exercise]:
    """Return every exercise by id."""
    return _all(_exercises)


def all_questions() -> dict[str, Question]:
    """Return every short question by id."""
    return _all(_questions)


def all_predictions() -> dict[str, Prediction]:
    """Return every prediction by id."""
    return _all(_predictions)


def find(key: str, known: Callable[[], dict]):
    """Return an entry by its id, or by the part after the dot if only one id has it.

    known: `all_exercises`, `all_questions` or `all_predictions`. If an id names its lesson, only
    that lesson is imported. Raises UserError for an unknown id; the message names the nearest one.
    """
    found = of_lesson(str(key).split(".")[0], known).get(key)
    if found is not None:
        return found
    every = known()
    same = [k for k in every if key == k.split(".")[-1]]
    if len(same) == 1:
        return every[same[0]]
    raise UserError(f"There is no id {key!r}. {nearest(key, every)}")


def of_lesson(lesson: str, known: Callable[[], dict] = all_exercises) -> dict:
    """Return the exercises (or the questions) of "02_resnext", by id; an empty dict if there is no
    such lesson."""
    name = lesson.split("_")[-1]
    return _KINDS[known](name) if name in ideas.lessons() else {}


@cache
def _all(of_idea: Callable[[str], dict]) -> dict:
    return {key: entry for name in ideas.lessons() for key, entry in of_idea(name).items()}


@cache
def _exercises(name: str) -> dict[str, Exercise]:
    with _kept_for_good():
        package = import_module(f"convzoo.ideas.{name}.exercises")
        modules = [
            import_module(f"{package.__name__}.{m.name}") for m in iter_modules(package.__path__)
        ]
    found = sorted((m.EXERCISE for m in modules), key=lambda exercise: exercise.place)
    return {exercise.id: exercise for exercise in found}


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """Let Python's collector pass over what is imported, now and later: torch and torchvision bring
    half a million objects that stay. Looking at them again and again takes a third of the first
    `begin` and a tenth of a lesson."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        if before:
            gc.enable()


def _of_module(name: str, kind: str) -> dict:
    home = f"convzoo.ideas.{name}.questions"
    entries = getattr(import_module(home), kind) if find_spec(home) else ()
    return {entry.id: entry for entry in entries}


@cache
def _questions(name: str) -> dict[str, Question]:
    return _of_module(name, "QUESTIONS")


@cache
def _predictions(name: str) -> dict[str, Prediction]:
    return _of_module(name, "PREDICTIONS")


_KINDS = {all_exercises: _exercises, all_questions: _questions, all_predictions: _predictions}
