"""Lesson 05, Further: the shuffle folded into weights, and several permutations."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, pick
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
    ]


def _orders_small() -> list[Case]:
    one = [[1, 2, 0]]
    four = [[1, 2, 0], [0, 1, 2], [1, 0, 2], [0, 1, 2]]
    return [Case({}, {"orders": torch.tensor(rows)}) for rows in (one, four)]


def _spoilt_scale(scale):
    """The sum with another factor, which depends on how many there are."""
    return lambda orders: framework.mixing_matrix(orders) * scale(len(orders))


def _composed(orders: Tensor) -> Tensor:
    """One after the other, the last one first."""
    matrices = F.one_hot(orders).double()
    return torch.linalg.multi_dot([*matrices, torch.eye(orders.shape[1]).double()])


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
    mistakes=(
        Mistake(
            "transposed",
            "The permutations are inverted. Row i has its one in the column of the channel that "
            "place i takes.",
            lambda orders: framework.mixing_matrix(orders).mT,
        ),
        Mistake(
            "not_scaled",
            "The permutations are added up and nothing more. Then the numbers grow with each of "
            "them: divide by the square root of how many there are.",
            _spoilt_scale(lambda k: sqrt(k)),
        ),
        Mistake(
            "mean",
            "That is the mean. It makes independent channels smaller: to keep their variance, "
            "divide by the square root of how many there are.",
            _spoilt_scale(lambda k: 1 / sqrt(k)),
        ),
        Mistake(
            "only_the_first",
            "Only the first permutation is there.",
            lambda orders: framework.mixing_matrix(orders[:1]),
        ),
        Mistake(
            "by_channels",
            "The sum is divided by the square root of the channels. What it grows with is the "
            "number of permutations.",
            lambda orders: framework.mixing_matrix(orders) * sqrt(len(orders) / orders.shape[1]),
        ),
        Mistake(
            "composed",
            "The permutations come one after the other: that is one permutation again. They "
            "stand side by side, and their results are added.",
            _composed,
        ),
        Mistake(
            "composed_in_turn",
            "Each permutation moves what the one before it has moved: that is one permutation "
            "again. Each moves the channels themselves, and the results are added.",
            lambda orders: _composed(orders.flip(0)),
        ),
        Mistake(
            "no_overlap",
            "Where two permutations have the same cell, it counts once. It has to count twice.",
            lambda orders: (framework.mixing_matrix(orders) > 0).double() / sqrt(len(orders)),
        ),
    ),
    hints=(
        "One permutation: a matrix of zeros, with a one in row i and column order[i] for every i. "
        "`torch.arange(c)` gives all the rows at once.",
        "Start from zeros of c x c. For each order add 1 to those cells; at the end divide by the "
        "square root of the number of orders.",
    ),
)
