"""Lesson 06: the one dense kernel that does the work of a separable pair."""

from __future__ import annotations

import torch
from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, integers, normal, pick
from convzoo.ideas.separable import framework

LESSON = "06_separable"


def _case(gen, c_in, c_out, kernel) -> Case:
    tensors = {
        "depthwise": normal(gen, c_in, 1, *kernel),
        "pointwise": normal(gen, c_out, c_in, 1, 1),
    }
    return Case({}, tensors)


def _cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [4, 6, 7])
    return [
        _case(gen, 3, wide, (3, 2)),
        _case(gen, 3, 3, (3, 3)),
        _case(gen, 5, 2, (3, 3)),
        _case(gen, 2, 4, (1, 1)),
    ]


def _small() -> list[Case]:
    def case(c_in, c_out, kernel):
        return Case(
            {}, {"depthwise": integers(c_in, 1, *kernel), "pointwise": integers(c_out, c_in, 1, 1)}
        )

    return [case(2, 2, (1, 1)), case(2, 2, (1, 2)), case(2, 3, (2, 2)), case(2, 1, (1, 2))]


mistake = Mistakes(framework.dense_kernel)


@mistake
def added(depthwise, pointwise):
    """The two weights are added. The 1x1 multiplies what the depthwise filter gave, so the weights
    along a path are multiplied."""
    return framework.dense_kernel(depthwise, torch.ones_like(pointwise)) + pointwise


@mistake
def not_lined_up(depthwise, pointwise):
    """The two weights do not line up. The channel between them is the first dimension of
    `depthwise`; in the result it is the second."""
    return torch.mul(pointwise, depthwise)


@mistake
def outputs_filter(depthwise, pointwise):
    """The filter goes with the output channel. The depthwise layer comes first, so a filter belongs
    to the input channel."""
    rows = [
        framework.dense_kernel(depthwise[o % len(depthwise)].expand(depthwise.shape), row[None])
        for o, row in enumerate(pointwise)
    ]
    return torch.cat(rows)


@mistake
def first_filter(depthwise, pointwise):
    """All input channels have the filter of channel 0. Each has one of its own."""
    return framework.dense_kernel(depthwise[:1].expand_as(depthwise), pointwise)


@mistake
def reshaped(depthwise, pointwise):
    """The shape is made to fit by a reshape, which keeps the numbers in their order. To exchange
    two dimensions is to transpose them."""
    read = pointwise.reshape(pointwise.transpose(0, 1).shape).transpose(0, 1)
    return framework.dense_kernel(depthwise, read)


@mistake
def one_filter(depthwise, pointwise):
    """The filters of all input channels are added up into one. Each input channel keeps its own,
    and they stand beside each other in the kernel."""
    one = depthwise.sum(0, keepdim=True).expand_as(depthwise)
    return framework.dense_kernel(one, pointwise)


@mistake
def swapped(depthwise, pointwise):
    """Inputs and outputs are exchanged: the result begins with the output channels, as the weight
    of every convolution does."""
    return framework.dense_kernel(depthwise, pointwise).transpose(0, 1)


@mistake
def summed(depthwise, pointwise):
    """It sums over the input channels. That sum is the convolution's own work; the kernel keeps the
    input channels apart."""
    return framework.dense_kernel(depthwise, pointwise).sum(1, keepdim=True)


@mistake
def flipped(depthwise, pointwise):
    """The taps are turned by 180 degrees. Nothing has to be turned: a tap of the filter is the same
    tap of the kernel."""
    return framework.dense_kernel(depthwise.flip(2, 3), pointwise)


@mistake
def cut_off(depthwise, pointwise):
    """The numbers are right, but no gradient comes back to `depthwise`."""
    return framework.dense_kernel(depthwise.detach(), pointwise)


EXERCISE = Exercise(
    id="separable.dense_kernel",
    place=2,
    lesson=LESSON,
    title="The dense kernel of the two",
    points=2,
    minutes=8,
    name="dense_kernel",
    reference=framework.dense_kernel,
    cases=_cases,
    small=_small,
    mistakes=tuple(mistake),
    hints=(
        "Follow one path: from a pixel of input channel i, by one tap of filter i, to the pixel of "
        "channel i in between, and by one weight of the 1x1 to output channel o. What is the "
        "product of the two weights on it?",
        "So entry (o, i, y, x) is pointwise (o, i) times depthwise (i, y, x). Bring the depthwise "
        "weight to the shape (1, c_in, kh, kw): broadcasting does the rest.",
    ),
)
