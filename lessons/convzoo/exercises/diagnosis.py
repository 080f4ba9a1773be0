"""Finds which mistake was made, from the wrong answer that gives the same replies, and the smallest
case that shows it."""

from __future__ import annotations

from torch import Tensor

from convzoo.case import Case, Reply, answer
from convzoo.exercises.as_text import side_by_side
from convzoo.exercises.differences import same, visible_difference
from convzoo.exercises.model import Exercise, Mistake, Respond


def diagnose(
    exercise: Exercise, respond: Respond, cases: list[Case], replies: list[Reply]
) -> Mistake | None:
    """Return the one wrong answer that gives exactly these replies, or None.

    replies: up to the first one that differs from the expected one, so that the first of several
    mistakes can be found. The other cases are tried only if several wrong answers fit.
    """
    fitting = _fitting(exercise, exercise.mistakes, cases, replies)
    if len(fitting) > 1:
        others = cases[len(replies) :]
        fitting = _fitting(exercise, fitting, others, [respond(case) for case in others])
    return fitting[0] if len(fitting) == 1 else None


def _fitting(
    exercise: Exercise, mistakes: tuple[Mistake, ...], cases, replies
) -> tuple[Mistake, ...]:
    pairs = list(zip(cases, replies, strict=False))
    keys = [set(answer(exercise.reference, c, False).tensors) for c, _ in pairs]
    return tuple(
        m
        for m in mistakes
        if all(_alike(r, answer(m.target, c, False), k) for (c, r), k in zip(pairs, keys))
    )


def _alike(reply: Reply, mistaken: Reply, keys: set[str]) -> bool:
    """Return whether a reply is what a mistake gives; keys: of the reference's tensors."""
    if reply.stage or mistaken.stage:  # "size of a (24) must match b (6)": either may come first
        kinds = [(r.stage, sorted(r.raised.split())) for r in (reply, mistaken)]
        return kinds[0] == kinds[1]
    if reply.parameters != mistaken.parameters:
        return False
    if not mistaken.loaded:  # because its weights are random
        return True
    return same(_comparable(reply, keys), _comparable(mistaken, keys))


def _comparable(reply: Reply, keys: set[str]) -> dict[str, Tensor]:
    """Return the reply's tensors without gradients that the reference does not have (a running
    mean's) and without gradients that are all zeros, which count as none."""
    return {
        k: v
        for k, v in reply.tensors.items()
        if not k.startswith("grad:") or (k in keys and v.any())
    }


def smallest(exercise: Exercise, respond: Respond, wrong: Mistake | None) -> str:
    """Return the smallest case with a wrong answer, as text; if possible, one that shows the
    mistake that was diagnosed."""
    shown = ""
    for case in exercise.small():
        reply, expected = respond(case), answer(exercise.reference, case, watch=False)
        key = visible_difference(reply, expected)
        if not reply.stage and not key:
            continue
        diagnosed = wrong and _fitting(exercise, (wrong,), [case], [reply])
        if diagnosed or not shown:
            shown = "\n\n" + side_by_side(case, reply, expected, key, exercise.returns)
        if diagnosed or not wrong:
            break
    return shown
