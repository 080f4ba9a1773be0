"""The errors that a reader can make, as sentences and never as tracebacks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake of the reader's: what happened, why, and what to do next."""


class NotAttempted(NotImplementedError):
    """An exercise whose stub is untouched.

    A class of the course's own, because torch raises NotImplementedError too
    (a module without `forward`, a dtype without a kernel), and that is a mistake,
    not an untouched stub.
    """

    def __init__(self, exercise_id: str = ""):
        super().__init__(f"{exercise_id}: not attempted yet")
        self.exercise_id = exercise_id


def nearest(word: object, known: Iterable[object]) -> str:
    """What to say after "there is no such": the nearest that there is, or all of them."""
    names = [str(name) for name in known]
    near = difflib.get_close_matches(str(word), names, n=1)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}."
