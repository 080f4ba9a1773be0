"""A reader's errors, reported as sentences and never as tracebacks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A reader's mistake: what happened, why, and what to do next."""


class NotAttempted(NotImplementedError):
    """An exercise whose stub is untouched.

    This is a separate class because torch raises NotImplementedError too (for a module without
    `forward`, a dtype without a kernel), and that is a mistake, not an untouched stub.
    """

    def __init__(self, exercise_id: str = ""):
        super().__init__(f"{exercise_id}: not attempted yet")
        self.exercise_id = exercise_id


def nearest(word: object, known: Iterable[object]) -> str:
    """Return what to say after "there is no such": the nearest known name, or all of them."""
    names = [str(name) for name in known]
    near = difflib.get_close_matches(str(word), names, n=1)
    return f"Did you mean {near[0]}?" if near else f"Choose one of: {', '.join(names)}."
