"""The engine: asks a target the exercise's cases and finds the first thing that is wrong.

It knows nothing of notebooks. What answers may be the reader's function in this
process or a worker in a sandbox: both give the same plain `Reply`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from convzoo.case import Case, Reply, answer
from convzoo.exercises.limit import TimeLimit, time_limit
from convzoo.exercises.model import Exercise, Verdict
from convzoo.exercises.texts import side_by_side

SECONDS = 10.0
TOLERANCE = 1e-8
Respond = Callable[[Case], Reply]


def judge(exercise: Exercise, target: Callable, gen: Generator | None = None) -> Verdict:
    """Judge a function or class of this process. Never raises."""
    try:
        with time_limit(SECONDS):
            return compare(exercise, lambda case: answer(target, case), gen)
    except TimeLimit:
        return _failed(
            exercise, "run",
            f"It was still running after {SECONDS:.0f} seconds and was stopped. "
            "Look for a loop that never ends, or for one over single numbers.",
        )  # fmt: skip


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
        expected = answer(exercise.reference, case)
        stage, message = difference(reply, expected, case)
        if stage:
            return _explain(exercise, respond, cases, replies, stage, message)
    seen = _shortcuts(exercise, replies)
    if seen:
        return _failed(exercise, "shortcut", seen[0], seen=seen)
    return _launches(exercise, respond) or Verdict(exercise.id, "passed")


def difference(reply: Reply, expected: Reply, case: Case) -> tuple[str, str]:
    """The first stage at which a reply departs from the expected one, and a sentence."""
    if reply.stage:
        return reply.stage, reply.error
    names = set(expected.parameters) ^ set(reply.parameters)
    if names:
        return "names", _names(set(reply.parameters), set(expected.parameters))
    want, have = _part(expected, "output"), _part(reply, "output")
    if set(want) != set(have):
        return "shape", f"It returned {len(have)} tensors, expected {len(want)}."
    for name, value in want.items():
        if have[name].shape != value.shape:
            return "shape", (
                f"Its result has shape {tuple(have[name].shape)}, expected {tuple(value.shape)}."
            )
        if have[name].dtype != value.dtype:
            return "shape", _dtype(have[name].dtype, value.dtype)
    for name, shape in expected.parameters.items():
        if reply.parameters[name] != shape:
            return "parameters", (
                f"`{name}` has shape {reply.parameters[name]}, expected {shape}."
            )
    if not same(have, want):
        return "values", "The shape is right, the numbers are not."
    want, have = _part(expected, "buffer:"), _part(reply, "buffer:")
    if not same(have, want):
        return "values", "The result is right, but a running statistic is not as it should be."
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
    """Whether two sets of named tensors agree up to rounding in float64."""
    return a.keys() == b.keys() and all(_close(a[k], b[k]) for k in a)


def _close(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if not b.is_floating_point() or not b.numel():
        return torch.equal(a, b)
    bound = TOLERANCE * max(1.0, float(b.abs().max()))
    return bool(((a - b).abs() <= bound).all())


def _part(reply: Reply, prefix: str) -> dict[str, Tensor]:
    return {k: v for k, v in reply.tensors.items() if k.startswith(prefix)}


def _explain(exercise, respond, cases, replies, stage, message) -> Verdict:
    if stage == "stub":
        return Verdict(exercise.id, "not attempted")
    wrong = diagnose(exercise, cases, replies)
    if wrong:
        message = f"{message} {wrong.sentence}"
    if stage in ("shape", "values"):  # a gradient is not to be followed by hand
        message += _smallest(exercise, respond)
    return _failed(exercise, stage, message, wrong.name if wrong else "")


def diagnose(exercise: Exercise, cases: list[Case], replies: list[Reply]):
    """The wrong answer that gives these very replies, or None."""
    for wrong in exercise.wrong:
        if all(_alike(answer(wrong.target, c), r) for c, r in zip(cases, replies, strict=False)):
            return wrong
    return None


def _alike(a: Reply, b: Reply) -> bool:
    if a.stage or b.stage:
        return (a.stage, a.raised) == (b.stage, b.raised)
    if a.parameters != b.parameters:
        return False
    return not a.loaded or same(a.tensors, b.tensors)  # unloaded weights are random


def _smallest(exercise: Exercise, respond: Respond) -> str:
    for case in exercise.small():
        reply, expected = respond(case), answer(exercise.reference, case)
        if reply.stage or difference(reply, expected, case)[0] in ("shape", "values"):
            key = _first_difference(reply, expected)
            return "\n\n" + side_by_side(case, reply, expected, key)
    return ""


def _first_difference(reply: Reply, expected: Reply) -> str:
    for key, value in expected.tensors.items():
        if key not in reply.tensors or not _close(reply.tensors[key], value):
            return key
    return next(iter(expected.tensors))


def _shortcuts(exercise: Exercise, replies: list[Reply]) -> tuple[str, ...]:
    seen = []
    for op in (op for reply in replies for op in reply.ops if not op.borrowed):
        for shortcut in exercise.shortcuts:
            line = f" (line {op.line} of the cell)" if op.line else ""
            if shortcut.ran(op) and shortcut.sentence + line not in seen:
                seen.append(shortcut.sentence + line)
    return tuple(seen)


def _launches(exercise: Exercise, respond: Respond) -> Verdict | None:
    if exercise.steady is None:
        return None
    few, many = (respond(case).launches for case in exercise.steady())
    if many <= few:
        return None
    return _failed(
        exercise, "launches",
        f"Right, but slow: {few} operations in a small case and {many} in a larger one. "
        f"{exercise.slow}",
    )  # fmt: skip


def _names(have: set[str], want: set[str]) -> str:
    parts = []
    if want - have:
        parts.append("not found: " + ", ".join(f"`{n}`" for n in sorted(want - have)))
    if have - want:
        parts.append("not expected: " + ", ".join(f"`{n}`" for n in sorted(have - want)))
    return (
        "The parameters do not have the names that the stub's text fixes ("
        + "; ".join(parts)
        + "). Weights are compared by name, so keep them."
    )


def _dtype(have: torch.dtype, want: torch.dtype) -> str:
    return (
        f"Its result is {have} where the input is {want}. "
        "A buffer made with `torch.zeros` is float32: make it with `x.new_zeros(...)`."
    )


def _failed(exercise, stage, message, wrong="", seen=()) -> Verdict:
    return Verdict(exercise.id, "failed", stage, message, wrong, tuple(seen))
