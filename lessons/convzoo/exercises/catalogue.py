"""All exercises and questions of the course, by id, in the order of the lessons."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from convzoo.errors import UserError
from convzoo.exercises.model import Exercise
from convzoo.exercises.questions import Question

LESSONS = (
    "00_convolution", "01_resnet", "02_resnext", "03_densenet",
    "04_senet", "05_shufflenet", "06_separable", "07_zoo",
)  # fmt: skip


def catalogue() -> dict[str, Exercise]:
    """Every exercise by id."""
    return _all("EXERCISES")


def questions() -> dict[str, Question]:
    """Every short question by id."""
    return _all("QUESTIONS")


def predictions() -> dict:
    """Every prediction by id."""
    return _all("PREDICTIONS")


def find(key: str, known: Callable[[], dict]):
    """An entry by its id, or by the part behind its dot where only one has it; otherwise a
    UserError that names the nearest one.

    known: `catalogue`, `questions` or `predictions`. Of an id that names its lesson only that
    lesson is imported.
    """
    found = _of_lesson(str(key).split(".")[0], _KINDS[known]).get(key)
    if found is not None:
        return found
    every = known()
    same = [k for k in every if key == k.split(".")[-1]]
    if len(same) == 1:
        return every[same[0]]
    near = difflib.get_close_matches(str(key), every, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(every)}."
    raise UserError(f"There is nothing with the id {key!r}. {hint}")


def of_lesson(lesson: str, kind: Callable[[], dict] = catalogue) -> dict:
    """The exercises (or the questions) of "02_resnext", by id."""
    return _of_lesson(lesson.split("_")[-1], _KINDS[kind])


_KINDS = {catalogue: "EXERCISES", questions: "QUESTIONS", predictions: "PREDICTIONS"}
_NAMES = [lesson.split("_")[1] for lesson in LESSONS]


@cache
def _all(kind: str) -> dict:
    return {key: entry for name in _NAMES for key, entry in _of_lesson(name, kind).items()}


@cache
def _of_lesson(name: str, kind: str) -> dict:
    if name not in _NAMES or not find_spec(f"convzoo.exercises.{name}"):
        return {}
    module = import_module(f"convzoo.exercises.{name}")
    return {entry.id: entry for entry in getattr(module, kind)}
