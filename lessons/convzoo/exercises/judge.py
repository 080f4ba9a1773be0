"""The engine: gives a target the exercise's cases and finds the first thing that is wrong.

It knows nothing about notebooks. The target may be the reader's function in this process or a
worker in a sandbox: both return the same plain `Reply`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Generator

from convzoo import torch_settings
from convzoo.case import Case, Reply, answer, describe
from convzoo.exercises import messages, rehearsal
from convzoo.exercises.borrowed import shortcut_among
from convzoo.exercises.diagnosis import diagnose, smallest
from convzoo.exercises.differences import difference, in_asked_form, part, same
from convzoo.exercises.everyday import WAYS, everyday_cases
from convzoo.exercises.limit import TimeLimit, time_limit
from convzoo.exercises.model import Exercise, Respond, Verdict
from convzoo.exercises.multiply_adds import macs
from convzoo.exercises.pattern import pattern_of
from convzoo.recorder import MAX_OPS

SECONDS = 10.0
SPARE = 1.5  # times the reference's multiply-adds that an answer may take


def assess(exercise: Exercise, target: Callable, gen: Generator | None = None) -> Verdict:
    """Judge a function or class of this process.

    gen: draws the random cases; without it they are the same at each call. Never raises, and leaves
    the random state of the lesson's experiments unchanged.
    """
    if isinstance(target, type) != exercise.is_module:
        return _failed(exercise, "run", messages.kind(exercise, target))
    if target is exercise.reference:
        return _failed(
            exercise,
            "shortcut",
            (
                f"`{exercise.name}` is the framework's version here, which `use` returned. Run "
                "the exercise's cell again, so that the name refers to your own code."
            ),
        )
    note = messages.settings(torch_settings.changed(), torch_settings.replaced())
    try:
        with (
            torch_settings.as_torch_starts(),
            time_limit(SECONDS),
            torch.random.fork_rng(devices=[]),
        ):
            verdict = compare(
                exercise,
                lambda case: answer(target, case),
                gen,
                lambda case: answer(target, case, watch=False),
            )
            remark = _on_a_device(exercise, target) if verdict.passed else ""
            if remark:
                verdict = replace(verdict, stage="device", message=remark)
            return replace(verdict, message="\n\n".join(filter(None, (verdict.message, note))))
    except TimeLimit:
        return _failed(
            exercise,
            "run",
            f"It was still running after {SECONDS:.0f} seconds and was stopped. "
            "Look for a loop that never ends, or one over single numbers.",
        )


def compare(
    exercise: Exercise,
    respond: Respond,
    gen: Generator | None = None,
    unwatched: Respond | None = None,
) -> Verdict:
    """Judge anything that answers cases: run, names, shape, parameters, values, gradients,
    shortcut, launches, in this order.

    respond: returns the reply to a case. gen: as in `assess`. unwatched: the same, without the
    operations that ran, for the cases after the first that is wrong; by default `respond`.
    """
    gen = gen or Generator().manual_seed(0)
    cases = exercise.cases(gen)
    expected = _expectations(exercise)
    replies = []
    for case in cases:
        reply, stage, message = _asked(exercise, respond, expected, case)
        replies.append(reply)
        if stage:
            rest = unwatched or respond
            return _explain(exercise, respond, rest, expected, cases, replies, stage, message)
    for case in everyday_cases(cases, exercise.sizes):
        reply, stage, message = _asked(exercise, respond, expected, case)
        replies.append(reply)
        if stage:
            found = _everyday(exercise, respond, expected, case, cases)
            return _failed(exercise, stage, found or message)
    shortcut = shortcut_among(exercise, replies)
    if shortcut:
        return _failed(exercise, "shortcut", shortcut)
    return _launches(exercise, respond) or Verdict(exercise.id, "passed")


def _expectations(exercise: Exercise) -> Respond:
    """Return what the reference answers, as a function of a case. A check looks at it at several
    stages, and it is computed at the first."""
    known: dict[int, tuple[Case, Reply]] = {}

    def expected(case: Case) -> Reply:
        if id(case) not in known:  # the case is kept, too, because ids are reused
            known[id(case)] = case, answer(exercise.reference, case, watch=False)
        return known[id(case)][1]

    return expected


def _asked(
    exercise: Exercise, respond: Respond, expected: Respond, case: Case
) -> tuple[Reply, str, str]:
    """Return the reply to a case, the stage at which it is wrong and a sentence (see `difference`).
    What the reference itself cannot do is not checked."""
    right = expected(case)
    if right.stage:
        return right, "", ""
    reply = in_asked_form(respond(case), right)
    return reply, *difference(reply, right, case, exercise.returns)


def _everyday(
    exercise: Exercise, respond: Respond, expected: Respond, failed: Case, cases: list[Case]
) -> str:
    """Return a verdict on an answer that fails only in an everyday way of using it; else None."""
    for sentence, way in WAYS.items():
        for case in (case for case in cases if case.training == failed.training):
            _, stage, message = _asked(exercise, respond, expected, way(case))
            if stage:
                return f"{sentence} {message}"
    return ""


def _explain(exercise, respond, unwatched, expected, cases, replies, stage, message) -> Verdict:
    if stage == "stub" and replies[-1].raised in ("", exercise.id):
        return Verdict(exercise.id, "not attempted")
    if stage == "stub":
        return _failed(exercise, "run", messages.other_stub(replies[-1].raised))
    if stage == "shape":
        message += f" The call was {describe(exercise.reference, cases[len(replies) - 1])}."
    plain = _failed(exercise, stage, message)
    first = len(replies)
    try:
        _ask_rest(unwatched, expected, cases, replies)
        cases = cases[: len(replies)]
        wrong = diagnose(exercise, expected, cases, replies, first)
        what = wrong.sentence if wrong else ""
        if stage == "values":
            what = what or _unsteady(unwatched, expected, cases[first - 1], replies[first - 1])
        what = what or pattern_of(exercise, expected, cases, replies)
    except TimeLimit:  # it is wrong nevertheless
        return plain
    message = " ".join(filter(None, (message, what)))
    if stage in ("shape", "values"):  # a gradient cannot be followed by hand
        message += smallest(exercise, respond, expected, wrong)
    return _failed(exercise, stage, message, wrong.name if wrong else "")


def _ask_rest(respond: Respond, expected: Respond, cases: list[Case], replies: list[Reply]) -> None:
    """Get replies to the remaining cases, up to one that ends the answering process."""
    for case in cases[len(replies) :]:
        try:
            reply = respond(case)
        except Exception:
            return
        replies.append(in_asked_form(reply, expected(case)))


def _unsteady(respond: Respond, expected: Respond, case: Case, reply: Reply) -> str:
    """Return that the same call gives other numbers the second time; "" if it does not, or cannot
    be repeated."""
    try:
        again = in_asked_form(respond(case), expected(case))
    except Exception:
        return ""
    first, second = part(reply, "output"), part(again, "output")
    if again.stage or messages.unwritten(reply) or first.keys() != second.keys():
        return ""
    finite = ({k: v.nan_to_num() for k, v in numbers.items()} for numbers in (first, second))
    return "" if same(*finite) else messages.UNSTEADY


def _on_a_device(exercise: Exercise, target: Callable) -> str:
    """Return a remark on an answer that is right here but would stop on a GPU; "" if there is
    none."""
    cases = exercise.cases(Generator().manual_seed(0))
    remark = rehearsal.remark(target, cases)
    return remark or rehearsal.for_real(exercise, target, cases[0])


def _launches(exercise: Exercise, respond: Respond) -> Verdict | None:
    """Return a verdict on a right answer with too many operations or multiply-adds; else None."""
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
        f"Right, but wasteful: {own:,} multiply-adds, although {enough:,} are enough. Does it "
        "multiply by zeros?",
    )


def _failed(exercise: Exercise, stage: str, message: str, mistake: str = "") -> Verdict:
    return Verdict(exercise.id, "failed", stage, message, mistake)
