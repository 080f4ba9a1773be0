"""Whether an answer is borrowed: compares what ran in it with what its exercise forbids.

That something ran is evidence wherever the answer ran, and harms nobody who did not call it. That
nothing was seen to run is no evidence, because a process can hide what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from convzoo.case import Op, Reply
from convzoo.exercises.catalogue import of_lesson
from convzoo.exercises.model import Exercise
from convzoo.exercises.shortcuts import KERNEL
from convzoo.recorder import form_name

OWN_FORM = "It calls the framework's version of this exercise, which is what you should write here."


def shortcut_among(exercise: Exercise, replies: Iterable[Reply]) -> str:
    """Return a sentence on the first shortcut that ran, with its line; "" if none did.

    What runs in the framework's form of an earlier exercise of the lesson is allowed, because the
    lesson falls back on it if the reader's own is not right.
    """
    ran = list(chain.from_iterable((*reply.ops, *reply.calls) for reply in replies))
    own = _forms(exercise.reference)
    earlier = (e for e in of_lesson(exercise.lesson).values() if e.place < exercise.place)
    excused = set(chain.from_iterable(_forms(e.reference) for e in earlier)) - own
    judged = [op for op in ran if op.borrowed not in excused]
    for shortcut in (*exercise.shortcuts, KERNEL):
        if op := next(filter(shortcut.ran, judged), None):
            return _with_line(shortcut.sentence, op)
    op = next((op for op in judged if op.borrowed in own), None)
    return _with_line(OWN_FORM, op) if op else ""


def _forms(reference: Callable) -> set[str]:
    """Return the names of a reference, and of the framework's classes that it builds on: what an
    answer runs in one of these is not built by hand."""
    kinds = reference.__mro__ if isinstance(reference, type) else (reference,)
    return set(map(form_name, kinds)) - {""}


def _with_line(sentence: str, op: Op) -> str:
    return f"{sentence} (line {op.line} of the cell)" if op.line else sentence
