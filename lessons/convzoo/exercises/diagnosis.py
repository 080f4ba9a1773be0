"""Finds which mistake was made, from the wrong answer that gives the same replies, and the smallest
case that shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from convzoo.case import Case, Reply, answer
from convzoo.exercises.as_text import side_by_side
from convzoo.exercises.differences import part, same, visible_difference
from convzoo.exercises.model import Exercise, Mistake, Respond


def diagnose(
    exercise: Exercise, expected: Respond, cases: list[Case], replies: list[Reply], first: int
) -> Mistake | None:
    """Return the one wrong answer that fits the replies to all cases, or None.

    expected: what the reference answers. first: the number of replies up to the first wrong one;
    these must be exactly what the wrong answer gives. The others must not contradict it: if both
    run, they give the same, and if the wrong answer raises, the reply is not right. If several fit,
    the one that gives these exactly too is returned.
    """
    fitting = _fitting(expected, exercise.mistakes, cases[:first], replies[:first])
    fitting = _fitting(expected, fitting, cases[first:], replies[first:], _agree)
    if len(fitting) > 1:
        fitting = _fitting(expected, fitting, cases[first:], replies[first:])
    return fitting[0] if len(fitting) == 1 else None


def _fitting(
    expected: Respond, mistakes: Sequence[Mistake], cases, replies, fits: Callable | None = None
) -> tuple[Mistake, ...]:
    """Return the mistakes whose replies fit all of these; fits: by default `_alike`."""
    fits = fits or _alike
    for case, reply in zip(cases, replies, strict=True):
        mistakes = [
            m for m in mistakes if fits(reply, answer(m.target, case, False), expected(case))
        ]
    return tuple(mistakes)


def _alike(reply: Reply, mistaken: Reply, expected: Reply) -> bool:
    """Return whether a reply is what a mistake gives."""
    if reply.stage or mistaken.stage:
        return (reply.stage, _raised(reply)) == (mistaken.stage, _raised(mistaken))
    if reply.parameters != mistaken.parameters:
        return False
    if not mistaken.loaded:  # because its weights are random
        return True
    if not same(_computed(reply), _computed(mistaken)):  # of most mistakes; the rest takes longer
        return False
    return same(_gradients(reply, expected), _gradients(mistaken, expected))


def _agree(reply: Reply, mistaken: Reply, expected: Reply) -> bool:
    """Return whether a reply is compatible with the mistake: whether it returns the same. (The
    running mean of a layer whose result is not used may move or not.)"""
    if reply.stage:
        return True
    if mistaken.stage:
        return not _alike(reply, expected, expected)
    if reply.parameters != mistaken.parameters or not mistaken.loaded:
        return _alike(reply, mistaken, expected)
    return same(part(reply, "output"), part(mistaken, "output"))


def _raised(reply: Reply) -> list[str]:
    """Return what was raised, word by word. If sizes "must match", either may come first: a + b
    raises the same as b + a."""
    words = reply.raised.split()
    return sorted(words) if "must match the size of tensor" in reply.raised else words


def _computed(reply: Reply) -> dict[str, Tensor]:
    """Return the reply's tensors other than gradients."""
    return {k: v for k, v in reply.tensors.items() if not k.startswith("grad:")}


def _gradients(reply: Reply, expected: Reply) -> dict[str, Tensor]:
    """Return the reply's gradients without those that the reference does not have (a running
    mean's) and without those that are all zeros, which count as none."""
    found = part(reply, "grad:")
    return {k: v for k, v in found.items() if k in expected.tensors and v.any()}


def smallest(exercise: Exercise, respond: Respond, expected: Respond, wrong: Mistake | None) -> str:
    """Return the smallest case with a wrong answer, as text; if possible, one that shows the
    mistake that was diagnosed."""
    shown = ""
    for case in exercise.small():
        reply, right = respond(case), expected(case)
        key = visible_difference(reply, right)
        if not reply.stage and not key:
            continue
        diagnosed = wrong and _fitting(expected, (wrong,), [case], [reply])
        if diagnosed or not shown:
            shown = "\n\n" + side_by_side(case, reply, right, key, exercise.returns)
        if diagnosed or not wrong:
            break
    return shown
