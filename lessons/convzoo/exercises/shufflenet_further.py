"""Lesson 05, Further: the shuffle folded into weights, and several permutations."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Wrong, integers, normal, pick
from convzoo.framework import shufflenet as framework

LESSON = "05_shufflenet"

# --- folded into the weights ----------------------------------------------------------


def _fold_case(gen: Generator, c_out: int, groups: int, width: int, kernel: tuple) -> Case:
    return Case({"groups": groups}, {"weight": normal(gen, c_out, groups * width, *kernel)})


def _fold_cases(gen: Generator) -> list[Case]:
    return [
        _fold_case(gen, 6, 3, 2, (1, 1)),
        _fold_case(gen, pick(gen, [8, 12]), 2, 6, (1, 1)),
        _fold_case(gen, 5, 4, 3, (3, 2)),
        _fold_case(gen, 2, 2, 5, (1, 1)),
    ]


def _fold_small() -> list[Case]:
    shapes = [(3, 1, 6, 1, 1), (2, 6, 6, 1, 1), (2, 2, 6, 1, 2)]
    return [Case({"groups": g}, {"weight": integers(*shape) % 19}) for g, *shape in shapes]


def _folded_rows(weight: Tensor, groups: int) -> Tensor:
    """The outputs are put into another order, where the groups divide them."""
    rows, g = weight.transpose(0, 1), groups if weight.shape[0] % groups == 0 else 1
    return torch.channel_shuffle(rows, g).transpose(0, 1)


FOLD = Exercise(
    id="shufflenet.fold",
    lesson=LESSON,
    title="The shuffle in the next layer's weights",
    points=2,
    minutes=10,
    name="fold_shuffle",
    reference=framework.fold_shuffle,
    cases=_fold_cases,
    small=_fold_small,
    wrong=(
        Wrong(
            "shuffled_again",
            "The weight's columns are moved as the channels were. They have to go the other way: "
            "the column for place i belongs to the channel that would have come to place i.",
            lambda weight, groups: torch.channel_shuffle(weight, groups),
        ),
        Wrong(
            "nothing_moved",
            "The weight is unchanged. Its columns stand for inputs, and these now come unshuffled.",
            lambda weight, groups: weight.clone(),
        ),
        Wrong(
            "rows",
            "The outputs are put into another order. What is shuffled are the inputs: columns.",
            _folded_rows,
        ),
        Wrong(
            "transposed",
            "Outputs and inputs have changed places. The weight keeps its shape, and only its "
            "inputs come in another order.",
            lambda weight, groups: weight.transpose(0, 1).clone(),
        ),
        Wrong(
            "over_the_kernel",
            "A product of matrices runs over the last two dimensions, and here those are the "
            "kernel's. The inputs are dimension 1.",
            lambda weight, groups: weight @ torch.eye(weight.shape[1], dtype=weight.dtype),
        ),
        Wrong(
            "reversed",
            "The columns are reversed. Find out which input each of them should read.",
            lambda weight, groups: weight.flip(1),
        ),
        Wrong(
            "rolled",
            "The columns move on by one group and stay together. A shuffle takes one channel of "
            "each group in turn.",
            lambda weight, groups: weight.roll(weight.shape[1] // groups, 1),
        ),
        Wrong(
            "cut_off",
            "The numbers are right, but no gradient comes back to `weight`.",
            lambda weight, groups: framework.fold_shuffle(weight.detach(), groups),
        ),
    ),
    hints=(
        "Write the layer as a matrix W and the shuffle as a permutation matrix P. The layer after "
        "the shuffle computes W P x. What is the matrix that does it in one step?",
        "Column i of W meets the channel that the shuffle puts at place i. In the folded weight "
        "that column has to stand where this channel stood before: the inverse permutation of "
        "the columns. You know how to undo a shuffle.",
    ),
)

# --- several permutations --------------------------------------------------------------


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


MIXING = Exercise(
    id="shufflenet.mixing_matrix",
    lesson=LESSON,
    title="Several permutations at once",
    points=2,
    minutes=8,
    name="mixing_matrix",
    reference=framework.mixing_matrix,
    cases=_orders_cases,
    small=_orders_small,
    wrong=(
        Wrong(
            "transposed",
            "The permutations are inverted. Row i has its one in the column of the channel that "
            "place i takes.",
            lambda orders: framework.mixing_matrix(orders).mT,
        ),
        Wrong(
            "not_scaled",
            "The permutations are added up and nothing more. Then the numbers grow with each of "
            "them: divide by the square root of how many there are.",
            _spoilt_scale(lambda k: sqrt(k)),
        ),
        Wrong(
            "mean",
            "That is the mean. It makes independent channels smaller: to keep their variance, "
            "divide by the square root of how many there are.",
            _spoilt_scale(lambda k: 1 / sqrt(k)),
        ),
        Wrong(
            "only_the_first",
            "Only the first permutation is there.",
            lambda orders: framework.mixing_matrix(orders[:1]),
        ),
        Wrong(
            "by_channels",
            "The sum is divided by the square root of the channels. What it grows with is the "
            "number of permutations.",
            lambda orders: framework.mixing_matrix(orders) * sqrt(len(orders) / orders.shape[1]),
        ),
        Wrong(
            "composed",
            "The permutations come one after the other: that is one permutation again. They "
            "stand side by side, and their results are added.",
            _composed,
        ),
        Wrong(
            "composed_in_turn",
            "Each permutation moves what the one before it has moved: that is one permutation "
            "again. Each moves the channels themselves, and the results are added.",
            lambda orders: _composed(orders.flip(0)),
        ),
        Wrong(
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
