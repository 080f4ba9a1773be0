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
    """The weight's columns are moved the same way as the channels. They have to move the other way:
    the column at place i belongs to the channel that the shuffle would have put at place i."""
    return torch.channel_shuffle(weight, groups)


@mistake
def nothing_moved(weight, groups):
    """The weight is unchanged. Its columns belong to inputs, and these now arrive unshuffled:
    reorder the columns."""
    return weight.clone()


@mistake
def rows(weight, groups):
    """The outputs are reordered. The shuffle reorders the inputs, so reorder the columns."""
    swapped = weight.transpose(0, 1)
    dividing = groups if len(weight) % groups == 0 else 1
    return torch.channel_shuffle(swapped, dividing).transpose(0, 1)


@mistake
def transposed(weight, groups):
    """Outputs and inputs are swapped. The weight keeps its shape, and only the order of its inputs
    changes."""
    return weight.transpose(0, 1).clone()


@mistake
def over_the_kernel(weight, groups):
    """A matrix product runs over the last two dimensions, and here those are the kernel's. The
    inputs are dimension 1."""
    return weight @ torch.eye(weight.shape[1], dtype=weight.dtype)


@mistake
def reversed(weight, groups):
    """The columns are in reverse order. Work out which input each of them should read."""
    return weight.flip(1)


@mistake
def rolled(weight, groups):
    """The columns move on by one group, so the groups stay together. A shuffle takes one channel
    from each group in turn."""
    return weight.roll(weight.shape[1] // groups, 1)


@mistake
def cut_off(weight, groups):
    """The numbers are right, but no gradient gets back to `weight`. Compute with `weight`
    itself."""
    return framework.fold_shuffle(weight.detach(), groups)


@mistake
def of_the_outputs(weight, groups):
    """The number of outputs is divided by the groups. The inputs are what is shuffled: divide the
    size of dimension 1."""
    return torch.channel_shuffle(weight, max(1, len(weight) // groups))


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
        "the shuffle computes W P x. Which matrix does that in one step?",
        "Column i of W meets the channel that the shuffle puts at place i. In the folded weight, "
        "this column has to be where that channel was before: the inverse permutation of the "
        "columns. You know how to undo a shuffle.",
    ),
)
