"""The engine: asks a target the exercise's cases and finds the first thing that is wrong.

It knows nothing of notebooks. What answers may be the reader's function in this
process or a worker in a sandbox: both give the same plain `Reply`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from convzoo.case import MAX_OPS, Case, Reply, answer, describe, is_framework
from convzoo.exercises import messages as told
from convzoo.exercises.as_text import side_by_side
from convzoo.exercises.limit import TimeLimit, time_limit
from convzoo.exercises.model import Exercise, Mistake, Verdict
from convzoo.exercises.multiply_adds import macs

SECONDS = 10.0
TOLERANCE = 1e-7  # of the largest number; rounding in float64 is far below it
ROUNDED = 1e-6  # of a single number that came in float32
SPARE = 1.5  # times the reference's multiply-adds that an answer may take
Respond = Callable[[Case], Reply]


def assess(exercise: Exercise, target: Callable, gen: Generator | None = None) -> Verdict:
    """Judge a function or class of this process. Never raises, and draws no number from the
    generator that the lesson's own experiments draw from."""
    if isinstance(target, type) != exercise.is_module:
        return _failed(exercise, "run", told.kind(exercise, target))
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

    gen draws the random cases; without one they are the same at each call.
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
    seen = _shortcuts(exercise, replies)
    if seen:
        return _failed(exercise, "shortcut", seen[0], seen=seen)
    return _launches(exercise, respond) or Verdict(exercise.id, "passed")


def difference(
    reply: Reply, expected: Reply, case: Case, returns: tuple[str, ...] = ()
) -> tuple[str, str]:
    """The first stage at which a reply departs from the expected one, and a sentence.

    returns: what the results are called, where there are several.
    """
    have, want = set(reply.parameters), set(expected.parameters)
    names = told.names(have, want) if have != want else ""
    shape = told.shapes(reply, expected, case)
    if reply.stage == "run" and have:  # a wrong layer is why it does not run
        return "run", " ".join(filter(None, (reply.error, names or shape)))
    if reply.stage:
        return reply.stage, reply.error
    if names:
        return "names", names
    want, have = _part(expected, "output"), _part(reply, "output")
    if set(want) != set(have):
        return "shape", told.counts(have, want)
    for name, value in want.items():
        if have[name].shape != value.shape:
            return "shape", (
                f"Its result has shape {tuple(have[name].shape)}, expected {tuple(value.shape)}."
            )
        if not _one_kind(have[name], value):
            return "shape", told.dtype(have[name].dtype, value.dtype, case)
    if shape:
        return "parameters", shape
    if not same(have, want):
        return "values", told.numbers(
            [k for k in want if not _close(have[k], want[k])], want, returns
        ) + told.unwritten(reply)
    want, have = _part(expected, "buffer:"), _part(reply, "buffer:")
    for key, value in want.items():
        if key not in have or not same({key: have[key]}, {key: value}):
            return "values", (
                f"The result is right, but `{key.removeprefix('buffer:')}` is not as it should be "
                f"after the call, {'in training' if case.training else 'in evaluation'} mode."
            )
    return _gradient_difference(_part(reply, "grad:"), _part(expected, "grad:"))


def _gradient_difference(have: dict[str, Tensor], want: dict[str, Tensor]) -> tuple[str, str]:
    for name, value in want.items():
        plain = name.removeprefix("grad:")
        if name not in have and bool(value.any()):
            return "gradients", (
                f"The values are right, but no gradient arrives at `{plain}`: something on the "
                "way cuts it off (`.detach()`, `.data`, `torch.tensor(...)`, `torch.no_grad()`)."
            )
        if name in have and not same({name: have[name]}, {name: value}):
            return "gradients", f"The values are right, the gradient of `{plain}` is not."
    return "", ""


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Whether two sets of named tensors agree up to rounding."""
    return a.keys() == b.keys() and all(_close(a[k], b[k]) for k in a)


def _close(a: Tensor, b: Tensor) -> bool:
    if (a.shape, a.layout, a.device) != (b.shape, b.layout, b.device) or not _one_kind(a, b):
        return False
    if not b.is_floating_point() or not b.numel():
        return torch.equal(a, b)
    bound = (TOLERANCE if a.dtype == b.dtype else ROUNDED) * max(1.0, float(b.abs().max()))
    return bool(((a - b).abs() <= bound).all())


def _one_kind(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors of one shape have one dtype, as they have to; or are single floating
    numbers, whose dtype matters no more than that of Python's."""
    single = a.dim() == 0 and a.is_floating_point() and b.is_floating_point()
    return single or a.dtype == b.dtype


def _part(reply: Reply, prefix: str) -> dict[str, Tensor]:
    return {k: v for k, v in reply.tensors.items() if k.startswith(prefix)}


def _explain(exercise, respond, cases, replies, stage, message) -> Verdict:
    if stage == "stub" and replies[-1].raised in ("", exercise.id):
        return Verdict(exercise.id, "not attempted")
    if stage == "stub":
        return _failed(exercise, "run", told.other_stub(replies[-1].raised))
    if stage == "shape":
        message += f" The call was {describe(exercise.reference, cases[len(replies) - 1])}."
    wrong = diagnose(exercise, respond, cases, replies)
    if wrong:
        message = f"{message} {wrong.sentence}"
    if stage in ("shape", "values"):  # a gradient is not to be followed by hand
        message += _smallest(exercise, respond, wrong)
    return _failed(exercise, stage, message, wrong.name if wrong else "")


def diagnose(
    exercise: Exercise, respond: Respond, cases: list[Case], replies: list[Reply]
) -> Mistake | None:
    """The one wrong answer that gives these very replies, or None.

    replies: as far as the first that differs from the expected one, so that the first of several
    mistakes is found too. Only where two wrong answers fit, the other cases are asked.
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
    asked = [set(answer(exercise.reference, c, False).tensors) for c, _ in pairs]
    return tuple(
        m
        for m in mistakes
        if all(_alike(answer(m.target, c, False), r, a) for (c, r), a in zip(pairs, asked))
    )


def _alike(a: Reply, b: Reply, asked: set[str]) -> bool:
    if a.stage or b.stage:  # "tensor a (24) must match tensor b (6)" says which was added to which
        return (a.stage, sorted(a.raised.split())) == (b.stage, sorted(b.raised.split()))
    if a.parameters != b.parameters:
        return False
    return not a.loaded or same(_felt(a, asked), _felt(b, asked))  # unloaded weights are random


def _felt(reply: Reply, asked: set[str]) -> dict[str, Tensor]:
    """What came back, without gradients that the reference has not (a running mean's), and
    without those of nothing but zeros: none is the same."""
    return {
        k: v
        for k, v in reply.tensors.items()
        if not k.startswith("grad:") or (k in asked and v.any())
    }


def _smallest(exercise: Exercise, respond: Respond, wrong: Mistake | None) -> str:
    """The smallest case that is answered wrong; that which is so in the way that was diagnosed,
    if there is one."""
    shown = ""
    for case in exercise.small():
        reply, expected = respond(case), answer(exercise.reference, case, watch=False)
        key = _visible_difference(reply, expected)
        if not reply.stage and not key:
            continue
        diagnosed = wrong and _fitting(exercise, (wrong,), [case], [reply])
        if diagnosed or not shown:
            shown = "\n\n" + side_by_side(case, reply, expected, key, exercise.returns)
        if diagnosed or not wrong:
            break
    return shown


def _visible_difference(reply: Reply, expected: Reply) -> str:
    """The first output that differs when printed: in shape or numbers, whatever its dtype.
    None where there are more outputs or fewer: which is which is not known then."""
    have, want = _part(reply, "output"), _part(expected, "output")
    for key, value in want.items() if have.keys() == want.keys() else ():
        mine = have[key]
        if not _close((mine.real if mine.is_complex() else mine).to(value.dtype), value):
            return key
    return ""


def _shortcuts(exercise: Exercise, replies: list[Reply]) -> tuple[str, ...]:
    seen, own = [], ("", *_framework_names(exercise.reference))
    for op in (op for reply in replies for op in reply.ops if op.borrowed in own):
        for shortcut in exercise.shortcuts:
            line = f" (line {op.line} of the cell)" if op.line else ""
            if shortcut.ran(op) and shortcut.sentence + line not in seen:
                seen.append(shortcut.sentence + line)
    return tuple(seen)


def _framework_names(reference: Callable) -> list[str]:
    """The reference's name and those of the framework's classes that it builds on: what the
    reader's own answer runs in one of these, it has not done by hand."""
    kinds = reference.__mro__ if isinstance(reference, type) else (reference,)
    return [kind.__name__ for kind in kinds if is_framework(kind.__module__)]


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


def _failed(exercise, stage, message, wrong="", seen=()) -> Verdict:
    return Verdict(exercise.id, "failed", stage, message, wrong, tuple(seen))
