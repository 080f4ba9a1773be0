"""Lesson 03: the growing matrix."""

from __future__ import annotations

import torch
from torch import Generator
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, integers, normal, pick
from convzoo.ideas.densenet import framework

LESSON = "03_densenet"


def _grow_case(gen: Generator, c0: int, c: int, k: int) -> Case:
    return Case({}, {"matrix": normal(gen, c, c0), "weight": normal(gen, k, c)})


def _grow_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [5, 6, 7])
    shapes = [(4, 4, 4), (3, wide, 2), (2, 5, 3), (4, 4, 2), (5, 8, 1)]
    return [_grow_case(gen, *shape) for shape in shapes]


def _grow_small() -> list[Case]:
    first = {"matrix": torch.eye(2, dtype=torch.float64), "weight": integers(2, 2)}
    square = {"matrix": integers(2, 2), "weight": integers(2, 2, start=0)}
    later = {"matrix": integers(3, 2), "weight": integers(2, 3)}
    negative = {"matrix": integers(2, 2), "weight": integers(1, 2, start=-1)}
    return [Case({}, first), Case({}, square), Case({}, later), Case({}, negative)]


def _grow_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    return _grow_case(gen, 3, 4, 2), _grow_case(gen, 3, 9, 6)


mistake = Mistakes(framework.grow)


@mistake
def new_on_top(matrix, weight):
    """The new rows are on top. The old channels keep their places, and the new ones come below
    them."""
    return framework.grow(matrix, weight).roll(len(weight), 0)


@mistake
def as_they_are(matrix, weight):
    """The new rows are the weight as it is. The weight reads the current channels, and each of
    those is itself a row over x: multiply the weight by the matrix."""
    width = matrix.shape[1]
    return torch.vstack((matrix, F.pad(weight, (0, width))[:, :width]))


@mistake
def turned(matrix, weight):
    """The factors of the product are swapped. Each new row is a weighted sum of the matrix's rows,
    so the weight comes first."""
    return torch.vstack((matrix, matrix.mm(weight)))


@mistake
def transposed(matrix, weight):
    """The weight is transposed. Use it as it is given: a row belongs to a new channel, and a column
    to a channel that it reads."""
    return torch.vstack((matrix, F.linear(weight.mT, matrix.mT)))


@mistake
def entry_by_entry(matrix, weight):
    """The weight and the matrix are multiplied entry by entry. A new channel sums over all channels
    that it reads: that is a matrix product."""
    return torch.vstack((matrix, matrix.mul(weight)))


@mistake
def beside(matrix, weight):
    """The new entries are to the right of the old ones, as extra columns. In the matrix a channel
    is a row, so new channels come below."""
    return torch.hstack((matrix, F.linear(weight, matrix.mT)))


@mistake
def from_the_identity(matrix, weight):
    """The old rows are those of the identity. That is right for the first layer only: later the
    current channels are no longer x."""
    unit = torch.eye(*matrix.shape, dtype=matrix.dtype)
    return torch.vstack((unit, F.linear(weight, matrix.mT)))


@mistake
def added(matrix, weight):
    """The new rows are added to old ones, as in a residual layer. Here nothing is added: the old
    rows stay, and the new ones go below them."""
    new = F.linear(weight, matrix.mT)
    return matrix + F.pad(new, (0, 0, 0, len(matrix) - len(new)))


@mistake
def only_new(matrix, weight):
    """Only the new rows are in the result. DenseNet keeps the old ones above them."""
    return F.linear(weight, matrix.mT)


@mistake
def upside_down(matrix, weight):
    """The new rows are in reverse order. Keep them in the order of the weight's rows."""
    return framework.grow(matrix, weight.flip(0))


@mistake
def cut_off(matrix, weight):
    """The weight is copied in a way that cuts off its gradient. Compute with `weight` itself."""
    return framework.grow(matrix, weight.detach())


@mistake
def one_step(matrix, weight):
    """That is the matrix of this layer alone: it says what the new layer makes of the current
    channels. To get it in terms of x, multiply by `matrix`."""
    return torch.vstack((torch.eye(len(matrix), dtype=matrix.dtype), weight))


@mistake
def all_multiplied(matrix, weight):
    """The old rows are multiplied by the matrix too. They stay as they are: only the weight is
    multiplied."""
    return torch.vstack((matrix, weight)).mm(matrix)


@mistake
def matrix_transposed(matrix, weight):
    """The matrix is transposed in the product. Use it as it is given: each of its rows is a channel
    that the weight reads."""
    return torch.vstack((matrix, F.linear(weight, matrix)))


@mistake
def added_as_well(matrix, weight):
    """The old rows are added to the new ones, as in a residual layer. In DenseNet nothing is added:
    a new row is what the weight makes of the old ones."""
    return torch.vstack((matrix, matrix + F.linear(weight, matrix.mT)))


@mistake
def whole_transposed(matrix, weight):
    """The result is transposed: its channels are columns. As in `matrix`, a channel is a row."""
    return framework.grow(matrix, weight).mT


@mistake
def relu(matrix, weight):
    """The new rows go through a ReLU. A matrix describes a linear layer, and its weights may be
    negative."""
    return torch.vstack((matrix, F.linear(weight, matrix.mT).relu()))


@mistake
def old_cut_off(matrix, weight):
    """The old rows are copied in a way that cuts off their gradient. Part of it reaches the matrix
    through the new rows only."""
    return torch.vstack((matrix.detach(), F.linear(weight, matrix.mT)))


@mistake
def new_cut_off(matrix, weight):
    """In the product, the matrix is copied in a way that cuts off its gradient. Part of it reaches
    the matrix through the old rows only."""
    return torch.vstack((matrix, F.linear(weight, matrix.mT.detach())))


EXERCISE = Exercise(
    id="densenet.grow",
    place=1,
    lesson=LESSON,
    title="A matrix that grows",
    points=2,
    minutes=8,
    name="grow",
    reference=framework.grow,
    cases=_grow_cases,
    small=_grow_small,
    mistakes=tuple(mistake),
    hints=(
        "How large is the result? It has all the old rows, one more for each row of the weight, "
        "and the same number of columns as before.",
        "The old rows come first and stay as they are. What does a new channel read? The "
        "current channels, and row i of `matrix` says how channel i is made from x.",
        "A row of the weight mixes the rows of the matrix: that is a matrix product. Put its "
        "result below the matrix with `torch.cat`, along the rows.",
    ),
    steady=_grow_steady,
    slow="The number of operations grows with the number of rows. One matrix product makes all "
    "the new rows at once.",
)
