"""Two Triton kernels for a block-diagonal matrix: its product, and a grouped 3x3 convolution.

A program computes one block's rows at some of the positions. It never looks up where the non-zeros
are: its group number tells, and no index is stored.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

POSITIONS = 64  # that one program computes


@triton.jit
def _block_diagonal(
    blocks, x, y, rows, columns, positions,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, POSITIONS: tl.constexpr,
):  # fmt: skip
    group = tl.program_id(0)
    row, column = tl.arange(0, ROWS), tl.arange(0, COLUMNS)
    place = tl.program_id(1) * POSITIONS + tl.arange(0, POSITIONS)
    # The block on the diagonal: row r of group g is row g * rows + r of the whole matrix.
    weight = blocks + (group * rows + row[:, None]) * columns + column[None, :]
    weight = tl.load(weight, mask=(row[:, None] < rows) & (column[None, :] < columns), other=0.0)
    source = x + (group * columns + column[:, None]) * positions + place[None, :]
    inside = (column[:, None] < columns) & (place[None, :] < positions)
    product = tl.dot(weight, tl.load(source, mask=inside, other=0.0), input_precision="ieee")
    target = y + (group * rows + row[:, None]) * positions + place[None, :]
    tl.store(target, product, mask=(row[:, None] < rows) & (place[None, :] < positions))


def block_diagonal_product(blocks: Tensor, x: Tensor) -> Tensor:
    """Return block_diagonal(blocks) @ x without ever building the matrix.

    blocks: (groups, rows, columns); x: (groups * columns, positions); both contiguous.
    Returns (groups * rows, positions).
    """
    groups, rows, columns = blocks.shape
    positions = x.shape[1]
    y = x.new_empty(groups * rows, positions)
    grid = groups, triton.cdiv(positions, POSITIONS)
    tile = {"ROWS": _tile(rows), "COLUMNS": _tile(columns), "POSITIONS": POSITIONS}
    _block_diagonal[grid](blocks, x, y, rows, columns, positions, **tile)
    return y


@triton.jit
def _grouped_3x3(
    x, weight, y, groups, rows, columns, height, width,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, POSITIONS: tl.constexpr,
):  # fmt: skip
    image, group = tl.program_id(0) // groups, tl.program_id(0) % groups
    row, column = tl.arange(0, ROWS), tl.arange(0, COLUMNS)
    pixel = tl.program_id(1) * POSITIONS + tl.arange(0, POSITIONS)
    first = (image * groups + group) * columns  # this group's channels start here
    total = tl.zeros([ROWS, POSITIONS], tl.float32)
    for tap in tl.static_range(9):  # nine block-diagonal products, each of a shifted image
        down, right = pixel // width + tap // 3 - 1, pixel % width + tap % 3 - 1
        inside = (down >= 0) & (down < height) & (right >= 0) & (right < width)
        source = x + ((first + column[:, None]) * height + down[None, :]) * width + right[None, :]
        seen = tl.load(source, mask=(column[:, None] < columns) & inside[None, :], other=0.0)
        block = weight + ((group * rows + row[:, None]) * columns + column[None, :]) * 9 + tap
        there = (row[:, None] < rows) & (column[None, :] < columns)
        total += tl.dot(tl.load(block, mask=there, other=0.0), seen, input_precision="ieee")
    target = y + ((image * groups + group) * rows + row[:, None]) * height * width + pixel[None, :]
    tl.store(target, total, mask=(row[:, None] < rows) & (pixel[None, :] < height * width))


def grouped_conv2d(x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """Return the grouped 3x3 convolution of x with padding 1 and stride 1.

    x: (n, c_in, h, w); weight: (c_out, c_in / groups, 3, 3); both contiguous.
    """
    images, _, h, w = x.shape
    rows, columns = weight.shape[0] // groups, weight.shape[1]
    y = x.new_empty(images, groups * rows, h, w)
    grid = images * groups, triton.cdiv(h * w, POSITIONS)
    tile = {"ROWS": _tile(rows), "COLUMNS": _tile(columns), "POSITIONS": POSITIONS}
    _grouped_3x3[grid](x, weight, y, groups, rows, columns, h, w, **tile)
    return y


def _tile(size: int) -> int:
    """Return the smallest power of two that holds `size`; a matrix unit needs a side of 16 or
    more."""
    return max(16, triton.next_power_of_2(size))
