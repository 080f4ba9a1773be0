"""Multiply-adds of one operation, from its operands: their shapes and, if sparse, their non-zeros.

Written for this course because `torch.utils.flop_counter` is right for the forward pass of grouped
convolutions and wrong for their backward pass: it forgets that a group sees only its own channels.
"""

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor

_COMPRESSED_ROWS = (torch.sparse_csr, torch.sparse_bsr)
_COMPRESSED_COLUMNS = (torch.sparse_csc, torch.sparse_bsc)


def components(t: Tensor) -> list[Tensor]:
    """Return the dense tensors that store `t`: itself, or the indices and values of a sparse
    one."""
    if t.layout == torch.sparse_coo:
        return [t._indices(), t._values()]
    if t.layout in _COMPRESSED_ROWS:
        return [t.crow_indices(), t.col_indices(), t.values()]
    if t.layout in _COMPRESSED_COLUMNS:
        return [t.ccol_indices(), t.row_indices(), t.values()]
    return [t]


def is_sparse(t: Tensor) -> bool:
    return t.layout == torch.sparse_coo or t.layout in _COMPRESSED_ROWS + _COMPRESSED_COLUMNS


def stored(t: Tensor) -> int:
    """Return the number of entries that take part in a product: all of a dense tensor, the stored
    ones of a sparse tensor.

    A block layout multiplies whole blocks, so the zeros inside a block count.
    """
    return components(t)[-1].numel()


def product(a: Tensor, b: Tensor) -> int:
    """Return the multiply-adds of a @ b over a's last dimension; vectors, matrices, batches; sparse
    or not."""
    if is_sparse(a) and is_sparse(b):
        left = a.to_sparse_coo().coalesce().indices()[1].bincount(minlength=a.shape[1])
        right = b.to_sparse_coo().coalesce().indices()[0].bincount(minlength=a.shape[1])
        return int(left @ right)
    if is_sparse(b):
        return a.shape[0] * stored(b)
    return stored(a) * (b.shape[-1] if b.dim() > 1 else 1)


def convolution(image: Tensor, weight: Tensor, output: Tensor, transposed: bool) -> int:
    """Return the multiply-adds of a convolution: every weight is used once at every output
    position, or image position if transposed.

    image [n, c, *], weight [o, c/g, *k] (or [c, o/g, *k], transposed), output [n, o, *]. The zeros
    of the padding count, as they do in the framework's counter.
    """
    positions = image.shape[2:] if transposed else output.shape[2:]
    return image.shape[0] * prod(positions) * weight.numel()


def _convolution(args: Sequence, output: Tensor) -> int:
    return convolution(args[0], args[1], output, transposed=args[6])


def _convolution_backward(args: Sequence, _) -> int:
    # The gradients of the image and of the weight each use every pair of a position and a weight
    # once more: the forward count, for each gradient that is computed.
    grad, image, weight, transposed, wanted = *args[:3], args[7], args[10]
    return sum(wanted[:2]) * convolution(image, weight, grad, transposed)


def _linear_backward(args: Sequence, _) -> int:
    _, grad, weight, wanted = args
    return sum(wanted[:2]) * grad.numel() * weight.shape[1]


def _attention(args: Sequence, _) -> int:
    query, key, value = args[:3]
    scores = prod(query.shape[:3]) * key.shape[2]  # n heads queries keys
    return scores * (query.shape[3] + value.shape[3])


def _attention_backward(args: Sequence, _) -> int:
    # The scores again, then the gradients of value, weights, query and key.
    _, query, key, value = args[:4]
    scores = prod(query.shape[:3]) * key.shape[2]
    return scores * (3 * query.shape[3] + 2 * value.shape[3])


def _first_two(args: Sequence, _) -> int:
    return product(args[0], args[1])


def _second_and_third(args: Sequence, _) -> int:
    return product(args[1], args[2])


def _sampled(args: Sequence, _) -> int:
    return stored(args[0]) * args[1].shape[-1]


_FORMULAS: dict[str, Callable[[Sequence, object], int]] = {
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot", "_int_mm", "_scaled_mm"), _first_two),
    **dict.fromkeys(
        ("addmm", "baddbmm", "addbmm", "addmv", "_addmm_activation", "_sparse_addmm"),
        _second_and_third,
    ),
    "sparse_sampled_addmm": _sampled,
    "linear_backward": _linear_backward,
    "convolution": _convolution,
    "convolution_backward": _convolution_backward,
}


def macs(name: str, args: Sequence, output: object) -> int:
    """Return the multiply-adds of the operation `aten::name`; 0 if it is not a matrix product."""
    if name.startswith("_scaled_dot_product"):
        formula = _attention_backward if name.endswith("_backward") else _attention
    else:
        formula = _FORMULAS.get(name.removesuffix("_"))
    return formula(args, output) if formula else 0
