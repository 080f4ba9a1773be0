"""The channel shuffle folded into the grouped 1x1 that follows it: one Triton kernel.

The shuffle moves every byte and computes nothing. Here nothing moves: the 1x1 reads each of its
input channels where it is before the shuffle.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

POSITIONS = 64  # that one program computes


@triton.jit
def _shuffled_1x1(
    x, weight, y, groups, rows, columns, pixels, shuffle,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, POSITIONS: tl.constexpr,
):  # fmt: skip
    image, group = tl.program_id(0) // groups, tl.program_id(0) % groups
    row, column = tl.arange(0, ROWS), tl.arange(0, COLUMNS)
    pixel = tl.program_id(1) * POSITIONS + tl.arange(0, POSITIONS)
    channels = groups * columns
    after = group * columns + column  # the channel that this group reads, after the shuffle
    before = (after % shuffle) * (channels // shuffle) + after // shuffle  # and where it is
    source = x + (image * channels + before[:, None]) * pixels + pixel[None, :]
    inside = (column[:, None] < columns) & (pixel[None, :] < pixels)
    block = weight + (group * rows + row[:, None]) * columns + column[None, :]
    there = (row[:, None] < rows) & (column[None, :] < columns)
    seen = tl.load(source, mask=inside, other=0.0)
    product = tl.dot(tl.load(block, mask=there, other=0.0), seen, input_precision="ieee")
    target = y + ((image * groups + group) * rows + row[:, None]) * pixels + pixel[None, :]
    tl.store(target, product, mask=(row[:, None] < rows) & (pixel[None, :] < pixels))


def shuffled_conv1x1(x: Tensor, weight: Tensor, groups: int, shuffle: int) -> Tensor:
    """Return F.conv2d(F.channel_shuffle(x, shuffle), weight, groups=groups) in one pass.

    x: (n, c_in, h, w); weight: (c_out, c_in / groups, 1, 1); both contiguous.
    """
    images, _, h, w = x.shape
    rows, columns = weight.shape[0] // groups, weight.shape[1]
    y = x.new_empty(images, groups * rows, h, w)
    tile = {
        "ROWS": max(16, triton.next_power_of_2(rows)),
        "COLUMNS": max(16, triton.next_power_of_2(columns)),
        "POSITIONS": POSITIONS,
    }
    grid = images * groups, triton.cdiv(h * w, POSITIONS)
    _shuffled_1x1[grid](x, weight, y, groups, rows, columns, h * w, shuffle, **tile)
    return y
