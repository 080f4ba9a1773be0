"""How much a reply computed, from its operations as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from convzoo.case import Op

_FIRST_OF_TWO = {"mm": 0, "bmm": 0, "mv": 0, "dot": 0, "addmm": 1, "baddbmm": 1, "addmv": 1}


def macs(ops: Iterable[Op]) -> int:
    """Return the multiply-adds of the matrix products and convolutions among the operations."""
    return sum(map(_macs, ops))


def _macs(op: Op) -> int:
    name = op.name.removeprefix("aten.").split(".")[0]
    if name == "convolution":
        return _convolution(*op.args[:6])
    if name not in _FIRST_OF_TWO:
        return 0
    first = _FIRST_OF_TWO[name]
    a, b = op.args[first], op.args[first + 1]
    return prod(a) * (b[-1] if len(b) > 1 and name not in ("mv", "addmv") else 1)


def _convolution(image, weight, bias, stride, padding, dilation) -> int:
    """Return output positions times weights, for each image; not for a transposed convolution."""
    sides = zip(image[2:], weight[2:], stride, padding, dilation, strict=True)
    positions = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sides]
    return image[0] * prod(positions) * prod(weight)
