"""Lesson 02, Further: a few blocks off the diagonal."""

from __future__ import annotations

import torch
from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, integers, normal
from convzoo.ideas.resnext import framework

LESSON = "02_resnext"


def _places(gen: Generator, groups: int, count: int) -> list[list[int]]:
    cells = [[i, j] for i in range(groups) for j in range(groups) if i != j]
    order = torch.randperm(len(cells), generator=gen)[:count]
    return [cells[k] for k in order.tolist()]


def _off_case(gen: Generator, groups: int, rows: int, columns: int, count: int) -> Case:
    tensors = {
        "blocks": normal(gen, groups, rows, columns),
        "extra": normal(gen, count, rows, columns),
    }
    return Case({"places": _places(gen, groups, count)}, tensors)


def _off_cases(gen: Generator) -> list[Case]:
    return [
        _off_case(gen, 3, 2, 2, 2),
        _off_case(gen, 4, 2, 3, 5),
        _off_case(gen, 3, 3, 2, 3),
        _off_case(gen, 5, 1, 1, 4),
    ]


def _off_small() -> list[Case]:
    one = {"blocks": integers(2, 1, 1), "extra": integers(1, 1, 1, start=7)}
    two = {"blocks": integers(2, 2, 2), "extra": integers(1, 2, 2, start=10)}
    many = {"blocks": integers(3, 1, 1), "extra": integers(2, 1, 1, start=7)}
    return [
        Case({"places": [[0, 1]]}, one),
        Case({"places": [[1, 0]]}, two),
        Case({"places": [[0, 2], [1, 0]]}, many),
    ]


mistake = Mistakes(framework.off_diagonal)


@mistake
def swapped(blocks, extra, places):
    """The row and the column of each place are swapped. A place is (block row, block column): the
    output group comes first."""
    return framework.off_diagonal(blocks, extra, [[column, row] for row, column in places])


@mistake
def transposed(blocks, extra, places):
    """The extra blocks are transposed. In every block, rows are outputs: use it as it is."""
    return framework.off_diagonal(blocks, extra.mT.reshape(extra.shape), places)


@mistake
def first_extra(blocks, extra, places):
    """The first extra block is in every place. Each place has its own weights: block k of `extra`
    belongs in place k."""
    return framework.off_diagonal(blocks, extra[:1].expand_as(extra), places)


@mistake
def no_diagonal(blocks, extra, places):
    """The blocks on the diagonal are missing. The result needs them and the extra ones."""
    return framework.off_diagonal(torch.zeros_like(blocks), extra, places)


@mistake
def one_place(blocks, extra, places):
    """Only the last of the extra blocks is in the result. Every place needs its own block."""
    return framework.off_diagonal(blocks, extra[-1:], places[-1:])


@mistake
def cut_off(blocks, extra, places):
    """The extra blocks are copied in a way that cuts off their gradient. Compute with `extra`
    itself."""
    return framework.off_diagonal(blocks, extra.detach(), places)


@mistake
def no_extra(blocks, extra, places):
    """Only the blocks on the diagonal are there. Put block k of `extra` in place k."""
    return framework.off_diagonal(blocks, extra[:0], [])


@mistake
def first_place(blocks, extra, places):
    """Only the first of the extra blocks is in the result. Does the function return inside its
    loop? Return once, after the loop."""
    return framework.off_diagonal(blocks, extra[:1], places[:1])


@mistake
def last_extra(blocks, extra, places):
    """The last extra block is in every place. Block k of `extra` belongs in place k alone."""
    return framework.off_diagonal(blocks, extra[-1:].expand_as(extra), places)


@mistake
def reversed(blocks, extra, places):
    """The extra blocks are in reverse order. Block 0 of `extra` belongs in the first place."""
    return framework.off_diagonal(blocks, extra.flip(0), places)


@mistake
def one_for_all(blocks, extra, places):
    """The sum of the extra blocks is in every place. Block k of `extra` belongs in place k."""
    return framework.off_diagonal(blocks, extra.sum(0).expand_as(extra), places)


@mistake
def cut_off_blocks(blocks, extra, places):
    """The blocks on the diagonal are copied in a way that cuts off their gradient. Compute with
    `blocks` itself."""
    return framework.off_diagonal(blocks.detach(), extra, places)


@mistake
def both_sides(blocks, extra, places):
    """Each extra block is also on the other side of the diagonal. A place is one block: group i
    reads group j, but not the other way round."""
    whole = framework.off_diagonal(torch.zeros_like(blocks), extra, places)
    other = swapped(torch.zeros_like(blocks), extra, places)
    return framework.block_diagonal(blocks) + torch.where(other != 0, other, whole)


EXERCISE = Exercise(
    id="resnext.off_diagonal",
    place=5,
    lesson=LESSON,
    title="A few blocks off the diagonal",
    points=2,
    minutes=10,
    name="off_diagonal",
    reference=framework.off_diagonal,
    cases=_off_cases,
    small=_off_small,
    mistakes=tuple(mistake),
    hints=(
        "Begin with the block-diagonal matrix of the first exercise.",
        "A place [i, j] is the rectangle of rows i * r to (i + 1) * r and columns j * c to "
        "(j + 1) * c. Assign the extra block to it.",
    ),
    shortcuts=(
        Shortcut(
            "It calls `torch.block_diag` or `torch.kron`, which do the placing for you.",
            ("block_diag", "kron"),
        ),
    ),
)
