"""Where a reply differs from the expected one: the stage, and a sentence about it.

have, want: named tensors (or parameters) of the reply and of the expected one, in this order.
"""

from __future__ import annotations

import torch
from torch import Tensor

from convzoo.case import Case, Reply
from convzoo.exercises import messages

TOLERANCE = 1e-7  # of the largest number; rounding in float64 is far below it
ROUNDED = 1e-6  # of a single number in float32
_Tensors = dict[str, Tensor]


def difference(
    reply: Reply, expected: Reply, case: Case, returns: tuple[str, ...] = ()
) -> tuple[str, str]:
    """Return the first stage at which a reply differs from the expected one, and a sentence.

    returns: what the results are called, if there are several. Both are empty if nothing is wrong.
    """
    names = messages.names(set(reply.parameters), set(expected.parameters))
    shape = messages.shapes(reply, expected, case)
    if reply.stage == "run" and reply.parameters:  # it does not run because a layer is wrong
        return "run", " ".join(filter(None, (reply.error, names or shape)))
    if reply.stage:
        return reply.stage, reply.error
    if names:
        return "names", names
    have, want = _part(reply, "output"), _part(expected, "output")
    form = _form_difference(have, want, case)
    if form:
        return "shape", form
    if shape:
        return "parameters", shape
    if not same(have, want):
        wrong = [key for key in want if not _close(have[key], want[key])]
        return "values", messages.wrong_values(wrong, want, returns) + messages.unwritten(reply)
    buffer = _buffer_difference(_part(reply, "buffer:"), _part(expected, "buffer:"), case)
    if buffer:
        return "values", buffer
    gradient = _gradient_difference(_part(reply, "grad:"), _part(expected, "grad:"))
    return ("gradients", gradient) if gradient else ("", "")


def _form_difference(have: _Tensors, want: _Tensors, case: Case) -> str:
    if set(have) != set(want):
        return messages.counts(have, want)
    for name, value in want.items():
        if have[name].shape != value.shape:
            return f"Its result has shape {tuple(have[name].shape)}, expected {tuple(value.shape)}."
        if not _one_kind(have[name], value):
            return messages.dtype(have[name].dtype, value.dtype, case)
    return ""


def _buffer_difference(have: _Tensors, want: _Tensors, case: Case) -> str:
    mode = "in training" if case.training else "in evaluation"
    for name, value in want.items():
        if name not in have or not _close(have[name], value):
            return (
                f"The result is right, but `{name.removeprefix('buffer:')}` has the wrong value "
                f"after the call, {mode} mode."
            )
    return ""


def _gradient_difference(have: _Tensors, want: _Tensors) -> str:
    for name, value in want.items():
        plain = name.removeprefix("grad:")
        if name not in have and bool(value.any()):
            return (
                f"The values are right, but no gradient reaches `{plain}`: something on the way "
                "cuts it off (`.detach()`, `.data`, `torch.tensor(...)`, `torch.no_grad()`)."
            )
        if name in have and not _close(have[name], value):
            return f"The values are right, but the gradient of `{plain}` is not."
    return ""


def visible_difference(reply: Reply, expected: Reply) -> str:
    """Return the key of the first output that differs when printed, in shape or numbers, whatever
    its dtype; "" if none does, or if the number of outputs differs, because then it is unclear
    which is which."""
    have, want = _part(reply, "output"), _part(expected, "output")
    for key, value in want.items() if have.keys() == want.keys() else ():
        mine = have[key]
        if not _close((mine.real if mine.is_complex() else mine).to(value.dtype), value):
            return key
    return ""


def same(have: _Tensors, want: _Tensors) -> bool:
    """Return whether two sets of named tensors agree up to rounding."""
    return have.keys() == want.keys() and all(_close(have[k], want[k]) for k in have)


def _close(have: Tensor, want: Tensor) -> bool:
    if (have.shape, have.layout, have.device) != (want.shape, want.layout, want.device):
        return False
    if not _one_kind(have, want):
        return False
    if not want.is_floating_point() or not want.numel():
        return torch.equal(have, want)
    tolerance = TOLERANCE if have.dtype == want.dtype else ROUNDED
    bound = tolerance * max(1.0, float(want.abs().max()))
    return bool(((have - want).abs() <= bound).all())


def _one_kind(have: Tensor, want: Tensor) -> bool:
    """Return whether two tensors of the same shape have the same dtype, as they must; or are single
    floating-point numbers, whose dtype does not matter, as with Python's numbers."""
    single = have.dim() == 0 and have.is_floating_point() and want.is_floating_point()
    return single or have.dtype == want.dtype


def _part(reply: Reply, prefix: str) -> _Tensors:
    return {k: v for k, v in reply.tensors.items() if k.startswith(prefix)}
