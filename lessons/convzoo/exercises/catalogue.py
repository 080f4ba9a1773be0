"""All exercises and questions of the course, by id, in the order of the lessons."""

from __future__ import annotations

import difflib
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


@cache
def catalogue() -> dict[str, Exercise]:
    """Every exercise by id."""
    return {e.id: e for m in _modules() for e in m.EXERCISES}


@cache
def questions() -> dict[str, Question]:
    """Every short question by id."""
    return {q.id: q for m in _modules() for q in m.QUESTIONS}


@cache
def predictions() -> dict:
    """Every prediction by id."""
    return {p.id: p for m in _modules() for p in m.PREDICTIONS}


def find(key: str, known: dict):
    """An entry by its id, or by the part behind its dot where only one has it; otherwise a
    UserError that names the nearest one."""
    same = [k for k in known if key in (k, k.split(".")[-1])]
    if len(same) == 1:
        return known[same[0]]
    near = difflib.get_close_matches(str(key), known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
    raise UserError(f"There is nothing with the id {key!r}. {hint}")


def _modules() -> list:
    names = [f"convzoo.exercises.{lesson.split('_')[1]}" for lesson in LESSONS]
    return [import_module(name) for name in names if find_spec(name)]
