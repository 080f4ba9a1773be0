"""The engine: asks a target the exercise's cases and finds the first thing that is wrong.

It knows nothing of notebooks. What answers may be the reader's function in this
process or a worker in a sandbox: both give the same plain `Reply`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator

from convzoo.case import answer, describe
from convzoo.exercises import messages
from convzoo.exercises.borrowed import shortcut_among
from convzoo.exercises.diagnosis import diagnose, smallest
from convzoo.exercises.differences import difference
from convzoo.exercises.limit import TimeLimit, time_limit
from convzoo.exercises.model import Exercise, Respond, Verdict
from convzoo.exercises.multiply_adds import macs
from convzoo.recorder import MAX_OPS

SECONDS = 10.0
SPARE = 1.5  # times the reference's multiply-adds that an answer may take


def assess(exercise: Exercise, target: Callable, gen: Generator | None = None) -> Verdict:
    """Judge a function or class of this process.

    gen: draws the random cases; without one they are the same at each call. Never raises, and
    draws no number from the generator that the lesson's experiments draw from.
    """
    if isinstance(target, type) != exercise.is_module:
        return _failed(exercise, "run", messages.kind(exercise, target))
    if target is exercise.reference:
        return _failed(
            exercise,
            "shortcut",
            (
                f"`{exercise.name}` is the framework's own here, as `use` hands it out. Run the "
                "exercise's cell again, so that the name stands for yours."
            ),
        )
    try:
        with time_limit(SECONDS), torch.random.fork_rng(devices=[]):
            return compare(exercise, lambda case: answer(target, case), gen)
    except TimeLimit:
        return _failed(
            exercise,
            "run",
            f"It was still running after {SECONDS:.0f} seconds and was stopped. "
            "Look for a loop that never ends, or for one over single numbers.",
        )


def compare(exercise: Exercise, respond: Respond, gen: Generator | None = None) -> Verdict:
    """Judge whatever answers cases: run, names, shape, parameters, values, gradients,
    shortcut, launches, in this order.

    respond: returns the reply to a case. gen: as in `assess`.
    """
    gen = gen or Generator().manual_seed(0)
    cases = exercise.cases(gen)
    replies = []
    for case in cases:
        reply = respond(case)
        replies.append(reply)
        expected = answer(exercise.reference, case, watch=False)
        stage, message = difference(reply, expected, case, exercise.returns)
        if stage:
            return _explain(exercise, respond, cases, replies, stage, message)
    shortcut = shortcut_among(exercise, replies)
    if shortcut:
        return _failed(exercise, "shortcut", shortcut)
    return _launches(exercise, respond) or Verdict(exercise.id, "passed")


def _explain(exercise, respond, cases, replies, stage, message) -> Verdict:
    if stage == "stub" and replies[-1].raised in ("", exercise.id):
        return Verdict(exercise.id, "not attempted")
    if stage == "stub":
        return _failed(exercise, "run", messages.other_stub(replies[-1].raised))
    if stage == "shape":
        message += f" The call was {describe(exercise.reference, cases[len(replies) - 1])}."
    wrong = diagnose(exercise, respond, cases, replies)
    if wrong:
        message = f"{message} {wrong.sentence}"
    if stage in ("shape", "values"):  # a gradient is not to be followed by hand
        message += smallest(exercise, respond, wrong)
    return _failed(exercise, stage, message, wrong.name if wrong else "")


def _launches(exercise: Exercise, respond: Respond) -> Verdict | None:
    """Right, but by too many operations, or by more multiply-adds than there are to do."""
    if exercise.steady is None:
        return None
    few, many = exercise.steady()
    small, large = respond(few), respond(many)
    if large.launches > small.launches or len(small.ops) >= MAX_OPS:
        more = "or more " if len(large.ops) >= MAX_OPS else ""
        return _failed(
            exercise,
            "launches",
            f"Right, but slow: {small.launches} operations in a small case and {large.launches} "
            f"{more}in a larger one. {exercise.slow}",
        )
    own, enough = macs(large.ops), macs(answer(exercise.reference, many).ops)
    if own <= enough * SPARE:
        return None
    return _failed(
        exercise,
        "launches",
        f"Right, but wasteful: {own:,} multiply-adds where {enough:,} are enough. "
        "Are zeros among what it multiplies?",
    )


def _failed(exercise: Exercise, stage: str, message: str, mistake: str = "") -> Verdict:
    return Verdict(exercise.id, "failed", stage, message, mistake)
