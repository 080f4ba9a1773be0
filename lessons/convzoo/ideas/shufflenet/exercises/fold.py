"""Lesson 05, Further: the shuffle folded into the next layer's weights."""

from __future__ import annotations

import torch
from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, integers, normal, pick
from convzoo.ideas.shufflenet import framework

LESSON = "05_shufflenet"


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


mistake = Mistakes(framework.fold_shuffle)


@mistake
def shuffled_again(weight, groups):
    """The weight's columns are moved as the channels were. They have to go the other way: the
    column for place i belongs to the channel that would have come to place i."""
    return torch.channel_shuffle(weight, groups)


@mistake
def nothing_moved(weight, groups):
    """The weight is unchanged. Its columns stand for inputs, and these now come unshuffled."""
    return weight.clone()


@mistake
def rows(weight, groups):
    """The outputs are put into another order. What is shuffled are the inputs: columns."""
    swapped = weight.transpose(0, 1)
    dividing = groups if len(weight) % groups == 0 else 1
    return torch.channel_shuffle(swapped, dividing).transpose(0, 1)


@mistake
def transposed(weight, groups):
    """Outputs and inputs have changed places. The weight keeps its shape, and only its inputs come
    in another order."""
    return weight.transpose(0, 1).clone()


@mistake
def over_the_kernel(weight, groups):
    """A product of matrices runs over the last two dimensions, and here those are the kernel's. The
    inputs are dimension 1."""
    return weight @ torch.eye(weight.shape[1], dtype=weight.dtype)


@mistake
def reversed(weight, groups):
    """The columns are reversed. Find out which input each of them should read."""
    return weight.flip(1)


@mistake
def rolled(weight, groups):
    """The columns move on by one group and stay together. A shuffle takes one channel of each group
    in turn."""
    return weight.roll(weight.shape[1] // groups, 1)


@mistake
def cut_off(weight, groups):
    """The numbers are right, but no gradient comes back to `weight`."""
    return framework.fold_shuffle(weight.detach(), groups)


EXERCISE = Exercise(
    id="shufflenet.fold",
    place=4,
    lesson=LESSON,
    title="The shuffle in the next layer's weights",
    points=2,
    minutes=10,
    name="fold_shuffle",
    reference=framework.fold_shuffle,
    cases=_fold_cases,
    small=_fold_small,
    mistakes=tuple(mistake),
    hints=(
        "Write the layer as a matrix W and the shuffle as a permutation matrix P. The layer after "
        "the shuffle computes W P x. What is the matrix that does it in one step?",
        "Column i of W meets the channel that the shuffle puts at place i. In the folded weight "
        "that column has to stand where this channel stood before: the inverse permutation of "
        "the columns. You know how to undo a shuffle.",
    ),
)
