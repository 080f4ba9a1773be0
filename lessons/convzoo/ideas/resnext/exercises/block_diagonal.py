"""Lesson 02: a matrix from its blocks."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, integers, normal
from convzoo.ideas.resnext import framework

LESSON = "02_resnext"


def _block_cases(gen: Generator) -> list[Case]:
    shapes = [(2, 3, 3), (4, 2, 3), (3, 3, 2), (1, 4, 2), (5, 2, 2)]
    return [Case({}, {"blocks": normal(gen, *shape)}) for shape in shapes]


def _block_small() -> list[Case]:
    shapes = [(2, 1, 1), (2, 2, 2), (2, 1, 2), (3, 2, 2)]
    return [Case({}, {"blocks": integers(*shape)}) for shape in shapes]


def interleave(rows: int, groups: int) -> Tensor:
    """Return the order that takes the first row of each group, then the second, and so on."""
    return torch.arange(rows).reshape(groups, -1).T.reshape(-1)


mistake = Mistakes(framework.block_diagonal)


@mistake
def side_by_side(blocks):
    """The blocks are side by side in the same rows. Each block needs its own rows: the next one
    starts below the last one and to its right."""
    return torch.cat(list(blocks), dim=1)


@mistake
def stacked(blocks):
    """The blocks are on top of each other in the same columns. Each group reads its own inputs, so
    each block needs its own columns."""
    return torch.cat(list(blocks), dim=0)


@mistake
def transposed(blocks):
    """Each block is transposed. Rows are outputs and columns are inputs, in each block as in the
    whole matrix."""
    return torch.block_diag(*blocks.transpose(1, 2))


@mistake
def reversed(blocks):
    """The blocks are in reverse order. Block 0 belongs at the top left."""
    return torch.block_diag(*blocks.flip(0))


@mistake
def anti_diagonal(blocks):
    """The blocks run from the top right to the bottom left. Group 0 reads the first inputs, so its
    block belongs in the first columns."""
    return torch.block_diag(*blocks.flip(2)).flip(1)


@mistake
def one_block(blocks):
    """The first block is in every place. Each group has its own weights: put block i in place i."""
    return torch.block_diag(*[blocks[0]] * len(blocks))


@mistake
def interleaved(blocks):
    """The rows of the groups are interleaved. All rows of group 0 come first, then those of group
    1."""
    full = torch.block_diag(*blocks)
    return full[interleave(full.shape[0], len(blocks))]


@mistake
def steps_of_rows(blocks):
    """Each block starts in the column with the same number as its row. A block has r rows and c
    columns, so the next one starts r rows lower and c columns further to the right."""
    groups, rows, columns = blocks.shape
    bands = torch.block_diag(*blocks).unflatten(0, (groups, rows))
    return torch.cat([band.roll(i * (rows - columns), 1) for i, band in enumerate(bands)])


@mistake
def square(blocks):
    """The width of the result is computed from the number of rows of a block. A block has r rows
    and c columns, and the two may differ: use c."""
    groups, rows, columns = blocks.shape
    if rows < columns:
        blocks[0].expand(rows, groups * rows % columns)  # torch's own error: what is left of a row
    return F.pad(torch.block_diag(*blocks), (0, groups * (rows - columns)))


@mistake
def square_places(blocks):
    """The place of a block's columns is computed from its number of rows. A block has r rows and c
    columns, and the two may differ: use c."""
    groups, rows, columns = blocks.shape
    blocks[0].expand(rows, min(rows, groups * columns))  # torch's own error, if it is not square
    return torch.block_diag(*blocks)


@mistake
def cut_off(blocks):
    """The numbers are copied in a way that cuts off the gradient of `blocks`. Compute with `blocks`
    itself."""
    return torch.block_diag(*blocks.detach())


@mistake
def first_alone(blocks):
    """Only the first block is in the result. Does the function return inside its loop? Return once,
    after the loop."""
    return torch.block_diag(blocks[0], *torch.zeros_like(blocks[1:]))


@mistake
def whole_rows(blocks):
    """Each block is repeated along its rows. Outside the diagonal there are only zeros: a group
    reads none of the other groups' inputs."""
    return blocks.flatten(0, 1).repeat(1, len(blocks))


@mistake
def not_permuted(blocks):
    """Each block is in the right place of a (g, g, r, c) tensor, but a reshape does not move any
    number. A row of the result consists of the same row of g blocks, next to each other: permute
    the dimensions first."""
    groups, rows, columns = blocks.shape
    whole = torch.block_diag(*blocks).unflatten(1, (groups, columns)).unflatten(0, (groups, rows))
    return whole.transpose(1, 2).reshape(groups * rows, groups * columns)


@mistake
def columns_by_rows(blocks):
    """The number of zeros next to a block is computed from its rows. A block has c columns, so
    there are multiples of c zeros to its left and to its right."""
    rows, last = blocks.shape[1], len(blocks) - 1
    return torch.cat([F.pad(b, (i * rows, (last - i) * rows)) for i, b in enumerate(blocks)])


@mistake
def steps_of_one(blocks):
    """Each block starts one row and one column after the block before. A block has r rows and c
    columns, and the next one starts after all of them."""
    groups, rows, columns = blocks.shape
    whole = blocks.new_zeros(groups * rows, groups * columns)
    for place, block in enumerate(blocks):
        right, below = (groups - 1) * columns - place, (groups - 1) * rows - place
        space = (place, right, place, below)
        whole = torch.where(F.pad(torch.ones_like(block), space) > 0, F.pad(block, space), whole)
    return whole


EXERCISE = Exercise(
    id="resnext.block_diagonal",
    place=1,
    lesson=LESSON,
    title="A matrix from its blocks",
    points=2,
    minutes=8,
    name="block_diagonal",
    reference=framework.block_diagonal,
    cases=_block_cases,
    small=_block_small,
    mistakes=tuple(mistake),
    hints=(
        "How large is the result? g blocks of r rows and c columns: g * r rows, g * c columns.",
        "Start from zeros of that size, with the dtype of the blocks (`blocks.new_zeros`). "
        "In which row does block i start, and in which column?",
        "Block i fills the rows from i * r to (i + 1) * r. Work out its columns in the same "
        "way, and assign the block to that rectangle.",
    ),
    shortcuts=(
        Shortcut("It calls `torch.block_diag`, which is what you are building.", ("block_diag",)),
    ),
)
