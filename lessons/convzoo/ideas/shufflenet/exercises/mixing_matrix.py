"""Lesson 05, Further: several permutations at once."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Generator
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, pick
from convzoo.ideas.shufflenet import framework

LESSON = "05_shufflenet"


def _orders_case(gen: Generator, k: int, channels: int) -> Case:
    orders = torch.stack([torch.randperm(channels, generator=gen) for _ in range(k)])
    return Case({}, {"orders": orders})


def _orders_cases(gen: Generator) -> list[Case]:
    return [
        _orders_case(gen, 2, 6),
        _orders_case(gen, 3, pick(gen, [7, 8])),
        _orders_case(gen, 4, 5),
        _orders_case(gen, 1, 6),
        Case({}, {"orders": torch.randperm(5, generator=gen).expand(2, 5).clone()}),  # twice
    ]


def _orders_small() -> list[Case]:
    one = [[1, 2, 0]]
    four = [[1, 2, 0], [0, 1, 2], [1, 0, 2], [0, 1, 2]]
    return [Case({}, {"orders": torch.tensor(rows)}) for rows in (one, four)]


mistake = Mistakes(framework.mixing_matrix)


@mistake
def transposed(orders):
    """The permutations are inverted. In row i, the one belongs in the column of the channel that
    comes to place i."""
    return framework.mixing_matrix(orders).mT


@mistake
def not_scaled(orders):
    """The permutations are only added up, so the numbers grow with every further permutation.
    Divide by the square root of how many there are."""
    return framework.mixing_matrix(orders) * sqrt(len(orders))


@mistake
def mean(orders):
    """That is the mean. It makes the variance of independent channels smaller: to keep it, divide
    by the square root of the number of permutations."""
    return framework.mixing_matrix(orders) / sqrt(len(orders))


@mistake
def only_the_first(orders):
    """Only the first permutation is used. Add up all of them."""
    return framework.mixing_matrix(orders[:1])


@mistake
def by_channels(orders):
    """The sum is divided by the square root of the number of channels. Divide by the square root of
    the number of permutations: the sum grows with those."""
    return framework.mixing_matrix(orders) * sqrt(len(orders) / orders.shape[1])


@mistake
def composed(orders):
    """The permutations are applied one after the other, the last one first: that is again one
    permutation. Apply each of them to the channels themselves, and add the results."""
    matrices = F.one_hot(orders).double()
    return torch.linalg.multi_dot([*matrices, torch.eye(orders.shape[1]).double()])


@mistake
def composed_in_turn(orders):
    """Each permutation moves what the one before it has moved: that is again one permutation. Each
    should move the channels themselves, and the results are added."""
    return composed(orders.flip(0))


@mistake
def no_overlap(orders):
    """When two permutations have a one in the same cell, it is counted only once. It has to be
    counted twice."""
    return (framework.mixing_matrix(orders) > 0).double() / sqrt(len(orders))


@mistake
def returned_early(orders):
    """Only the first permutation is there, divided as if all were added. Does the function return
    inside its loop? Return once, after the loop."""
    return framework.mixing_matrix(orders[:1]) / sqrt(len(orders))


@mistake
def only_the_last(orders):
    """Only the last permutation is left. Start the matrix from zeros once, before the first
    permutation is added."""
    return framework.mixing_matrix(orders[-1:]) / sqrt(len(orders))


@mistake
def whole_columns(orders):
    """Whole rows or columns are filled with ones. A permutation has a single one in each row."""
    return torch.ones_like(framework.mixing_matrix(orders)) * sqrt(len(orders))


EXERCISE = Exercise(
    id="shufflenet.mixing_matrix",
    place=5,
    lesson=LESSON,
    title="Several permutations at once",
    points=2,
    minutes=8,
    name="mixing_matrix",
    reference=framework.mixing_matrix,
    cases=_orders_cases,
    small=_orders_small,
    mistakes=tuple(mistake),
    hints=(
        "One permutation is a matrix of zeros with a one in row i and column order[i], for every "
        "i. `torch.arange(c)` gives all the rows at once.",
        "Start from zeros of shape (c, c). For each order, add 1 to those cells. At the end, "
        "divide by the square root of the number of orders.",
    ),
)
