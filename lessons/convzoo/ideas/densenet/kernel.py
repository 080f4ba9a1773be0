"""A dense layer's 1x1 as one Triton kernel that reads the pieces where they are in memory.

Nothing is concatenated: a small table of addresses holds where each piece begins, and the product
goes through the pieces one after another.
"""

from __future__ import annotations

from itertools import accumulate

import torch
import triton
import triton.language as tl
from torch import Tensor

POSITIONS = 64  # that one program computes


@triton.jit
def _conv1x1_of_pieces(
    addresses, starts, weight, y, pieces, channels, rows, pixels,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, POSITIONS: tl.constexpr,
):  # fmt: skip
    image = tl.program_id(0)
    row, column = tl.arange(0, ROWS), tl.arange(0, COLUMNS)
    pixel = tl.program_id(1) * POSITIONS + tl.arange(0, POSITIONS)
    total = tl.zeros([ROWS, POSITIONS], tl.float32)
    for piece in range(pieces):  # [x, f1, f2, ...]: columns start .. end of the matrix
        start, end = tl.load(starts + piece), tl.load(starts + piece + 1)
        there = column < end - start
        base = tl.load(addresses + piece).to(tl.pointer_type(tl.float32))
        source = base + (image * (end - start) + column[:, None]) * pixels + pixel[None, :]
        seen = tl.load(source, mask=there[:, None] & (pixel[None, :] < pixels), other=0.0)
        block = weight + row[:, None] * channels + start + column[None, :]
        block = tl.load(block, mask=(row[:, None] < rows) & there[None, :], other=0.0)
        total += tl.dot(block, seen, input_precision="ieee")
    target = y + (image * rows + row[:, None]) * pixels + pixel[None, :]
    tl.store(target, total, mask=(row[:, None] < rows) & (pixel[None, :] < pixels))


def conv1x1_of_pieces(pieces: list[Tensor], weight: Tensor) -> Tensor:
    """Return F.conv2d(torch.cat(pieces, 1), weight) without concatenating.

    pieces: (n, c_i, h, w) each, contiguous, float32; weight: (c_out, sum of c_i, 1, 1).
    """
    n, _, h, w = pieces[0].shape
    rows, widths = weight.shape[0], [piece.shape[1] for piece in pieces]
    addresses, starts = [piece.data_ptr() for piece in pieces], accumulate(widths, initial=0)
    table = torch.tensor([*addresses, *starts], device=weight.device)  # one small copy to the GPU
    y = weight.new_empty(n, rows, h, w)
    tile = {
        "ROWS": max(16, triton.next_power_of_2(rows)),
        "COLUMNS": max(16, triton.next_power_of_2(max(widths))),
        "POSITIONS": POSITIONS,
    }
    grid = n, triton.cdiv(h * w, POSITIONS)
    _conv1x1_of_pieces[grid](
        table, table[len(pieces) :], weight, y, len(pieces), sum(widths), rows, h * w, **tile
    )
    return y
