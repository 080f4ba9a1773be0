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
SINGLE = 1e-3  # if everything is in float32: then only the dtype is checked
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
    if names:  # a wrong shape is often the cause: a missing projection
        return "names", " ".join(filter(None, (shape, names)))
    have, want = part(reply, "output"), part(expected, "output")
    form = _form_difference(have, want, case, returns)
    if form:
        return "shape", form
    if shape:
        return "parameters", shape
    if not same(have, want):
        wrong = [key for key in want if not close(have[key], want[key])]
        return "values", messages.wrong_values(wrong, want, returns) + messages.unwritten(reply)
    buffer = _buffer_difference(part(reply, "buffer:"), part(expected, "buffer:"), case)
    if buffer:
        return "values", buffer
    gradient = _gradient_difference(part(reply, "grad:"), part(expected, "grad:"))
    return ("gradients", gradient) if gradient else ("", "")


def in_asked_form(reply: Reply, expected: Reply) -> Reply:
    """Return the reply with its numbers in the form of the expected ones, if only that differs: a
    list of numbers instead of a tensor, or a tensor instead of single numbers. Not if a gradient is
    required, which one of them may have and the other not.
    """
    have, want = part(reply, "output"), part(expected, "output")
    if have.keys() == want.keys() or reply.stage or part(expected, "grad:"):
        return reply
    if want.keys() == {"output"}:
        formed = _joined(list(have.values()), want["output"])
    else:
        formed = _parted(have.get("output"), want)
    if formed:
        reply.tensors = formed | {k: v for k, v in reply.tensors.items() if k not in have}
    return reply


def _joined(parts: list[Tensor], want: Tensor) -> _Tensors:
    fits = want.dim() and len(parts) == len(want)
    if not fits or any((p.shape, p.dtype) != (want.shape[1:], want.dtype) for p in parts):
        return {}
    return {"output": torch.stack(parts)}


def _parted(whole: Tensor | None, want: _Tensors) -> _Tensors:
    if whole is None or whole.dim() != 1 or len(whole) != len(want):
        return {}
    if whole.is_complex() or whole.dtype == torch.bool or any(v.dim() for v in want.values()):
        return {}
    return dict(zip(want, whole.double().unbind(), strict=True))


def _form_difference(have: _Tensors, want: _Tensors, case: Case, returns: tuple[str, ...]) -> str:
    if set(have) != set(want):
        return messages.counts(have, want)
    for name, value in want.items():
        if have[name].shape != value.shape:
            which = f" ({called})" if (called := messages.result(name, returns)) else ""
            found, wanted = tuple(have[name].shape), tuple(value.shape)
            return f"Its result{which} has shape {found}, expected {wanted}."
        if not _one_kind(have[name], value):
            return messages.dtype(have[name].dtype, value.dtype, case)
    return ""


def _buffer_difference(have: _Tensors, want: _Tensors, case: Case) -> str:
    mode = "in training" if case.training else "in evaluation"
    for name, value in want.items():
        if name not in have or not close(have[name], value):
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
        rounded = value.dtype == torch.float32  # rounding turns a ReLU near zero on or off
        if name in have and not rounded and not close(have[name], value):
            return f"The values are right, but the gradient of `{plain}` is not."
    return ""


def visible_difference(reply: Reply, expected: Reply) -> str:
    """Return the key of the first output that differs when printed, in shape or numbers, whatever
    its dtype; "" if none does, or if the number of outputs differs, because then it is unclear
    which is which."""
    have, want = part(reply, "output"), part(expected, "output")
    for key, value in want.items() if have.keys() == want.keys() else ():
        mine = have[key]
        if not close((mine.real if mine.is_complex() else mine).to(value.dtype), value):
            return key
    return ""


def same(have: _Tensors, want: _Tensors) -> bool:
    """Return whether two sets of named tensors agree up to rounding."""
    return have.keys() == want.keys() and all(close(have[k], want[k]) for k in have)


def close(have: Tensor, want: Tensor) -> bool:
    """Return whether two tensors agree up to rounding."""
    if (have.shape, have.layout, have.device) != (want.shape, want.layout, want.device):
        return False
    if not _one_kind(have, want):
        return False
    if not want.is_floating_point() or not want.numel():
        return torch.equal(have, want)
    tolerance = TOLERANCE if have.dtype == want.dtype else ROUNDED
    tolerance = SINGLE if want.dtype == torch.float32 else tolerance
    bound = tolerance * max(1.0, float(want.abs().max()))
    return float((have - want).abs().max()) <= bound


def _one_kind(have: Tensor, want: Tensor) -> bool:
    """Return whether two tensors of the same shape have the same dtype, as they must; or are single
    floating-point numbers, whose dtype does not matter, as with Python's numbers."""
    single = have.dim() == 0 and have.is_floating_point() and want.is_floating_point()
    return single or have.dtype == want.dtype


def part(reply: Reply, prefix: str) -> _Tensors:
    """Return a reply's tensors whose names begin with "output", "buffer:" or "grad:"."""
    return {k: v for k, v in reply.tensors.items() if k.startswith(prefix)}
