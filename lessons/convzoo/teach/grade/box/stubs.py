"""Replaces `convzoo.exercises` in the sandbox, where nothing is checked, shown or asked.

`use` returns the student's own code if the grader has said that it passed, else the framework's.
"""

from __future__ import annotations

import sys
from importlib import import_module

from convzoo.recorder import is_framework

answers: list[tuple[str, object]] = []  # the answers that the cells passed to `ask`
passed: set[str] = set()
known: dict[str, tuple[str, str, str]] = {}  # id: name in the lesson, and module and name of ours


def begin(lesson: str = "", student: str = ""):
    """Return the device; nothing is shown."""
    import torch

    return torch.device("cpu")


def ask(question_id: str, answer=...) -> None:
    """Record an answer."""
    answers.append((question_id, answer))


def use(exercise_id: str):
    """Return the student's own code if it passed, else the framework's, which is imported at its
    first call."""
    if exercise_id not in known:  # an unknown exercise, or the one that is being marked
        raise LookupError(f"use({exercise_id!r}) is not available here")
    name, module, theirs = known[exercise_id]
    own = sys._getframe(1).f_globals.get(name)
    if exercise_id in passed and callable(own):
        return own
    if name[:1].isupper():  # a class may be a base class, so it must exist
        return _framework(module, theirs)

    def fallback(*args, **kwargs):
        return _framework(module, theirs)(*args, **kwargs)

    return fallback


def _framework(module: str, name: str):
    if not is_framework(module):
        raise ImportError(f"{module} is not in the sandbox")
    return getattr(import_module(module), name)


def check(*args, **kwargs) -> None:
    """Do nothing: the check is outside."""


hint = predict = check
