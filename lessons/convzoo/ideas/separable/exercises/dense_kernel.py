"""Lesson 06: the exercise of the one kernel that does the work of the pair."""

from __future__ import annotations

import torch
from torch import Generator

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, integers, normal, pick
from convzoo.ideas.separable import framework

LESSON = "06_separable"


def _kernel_case(gen, c_in, c_out, kernel) -> Case:
    tensors = {
        "depthwise": normal(gen, c_in, 1, *kernel),
        "pointwise": normal(gen, c_out, c_in, 1, 1),
    }
    return Case({}, tensors)


def _kernel_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [4, 6, 7])
    return [
        _kernel_case(gen, 3, wide, (3, 2)),
        _kernel_case(gen, 3, 3, (3, 3)),
        _kernel_case(gen, 5, 2, (3, 3)),
        _kernel_case(gen, 2, 4, (1, 1)),
    ]


def _kernel_small() -> list[Case]:
    def case(c_in, c_out, kernel):
        return Case(
            {}, {"depthwise": integers(c_in, 1, *kernel), "pointwise": integers(c_out, c_in, 1, 1)}
        )

    return [case(2, 2, (1, 1)), case(2, 2, (1, 2)), case(2, 3, (2, 2)), case(2, 1, (1, 2))]


def _added(depthwise, pointwise):
    ones = torch.ones_like(pointwise)
    return framework.dense_kernel(depthwise, ones) + pointwise


def _outputs_filter(depthwise, pointwise):
    """As if the filters went with the output channels."""
    rows = [
        framework.dense_kernel(depthwise[o % len(depthwise)].expand(depthwise.shape), row[None])
        for o, row in enumerate(pointwise)
    ]
    return torch.cat(rows)


EXERCISE = Exercise(
    id="separable.dense_kernel",
    place=2,
    lesson=LESSON,
    title="The dense kernel of the two",
    points=2,
    minutes=8,
    name="dense_kernel",
    reference=framework.dense_kernel,
    cases=_kernel_cases,
    small=_kernel_small,
    mistakes=(
        Mistake(
            "added",
            "The two weights are added. The 1x1 multiplies what the depthwise filter gave, so "
            "the weights along a path are multiplied.",
            _added,
        ),
        Mistake(
            "not_lined_up",
            "The two weights do not line up. The channel between them is the first dimension of "
            "`depthwise`; in the result it is the second.",
            lambda depthwise, pointwise: torch.mul(pointwise, depthwise),
        ),
        Mistake(
            "outputs_filter",
            "The filter goes with the output channel. The depthwise layer comes first, so a "
            "filter belongs to the input channel.",
            _outputs_filter,
        ),
        Mistake(
            "first_filter",
            "All input channels have the filter of channel 0. Each has one of its own.",
            lambda depthwise, pointwise: framework.dense_kernel(
                depthwise[:1].expand_as(depthwise), pointwise
            ),
        ),
        Mistake(
            "reshaped",
            "The shape is made to fit by a reshape, which keeps the numbers in their order. To "
            "exchange two dimensions is to transpose them.",
            lambda depthwise, pointwise: framework.dense_kernel(
                depthwise, pointwise.reshape(pointwise.transpose(0, 1).shape).transpose(0, 1)
            ),
        ),
        Mistake(
            "one_filter",
            "The filters of all input channels are added up into one. Each input channel keeps "
            "its own, and they stand beside each other in the kernel.",
            lambda depthwise, pointwise: framework.dense_kernel(
                depthwise.sum(0, keepdim=True).expand_as(depthwise), pointwise
            ),
        ),
        Mistake(
            "swapped",
            "Inputs and outputs are exchanged: the result begins with the output channels, as "
            "the weight of every convolution does.",
            lambda depthwise, pointwise: framework.dense_kernel(depthwise, pointwise).transpose(
                0, 1
            ),
        ),
        Mistake(
            "summed",
            "It sums over the input channels. That sum is the convolution's own work; the kernel "
            "keeps the input channels apart.",
            lambda depthwise, pointwise: framework.dense_kernel(depthwise, pointwise).sum(
                1, keepdim=True
            ),
        ),
        Mistake(
            "flipped",
            "The taps are turned by 180 degrees. Nothing has to be turned: a tap of the filter is "
            "the same tap of the kernel.",
            lambda depthwise, pointwise: framework.dense_kernel(depthwise.flip(2, 3), pointwise),
        ),
        Mistake(
            "cut_off",
            "The numbers are right, but no gradient comes back to `depthwise`.",
            lambda depthwise, pointwise: framework.dense_kernel(depthwise.detach(), pointwise),
        ),
    ),
    hints=(
        "Follow one path: from a pixel of input channel i, by one tap of filter i, to the pixel of "
        "channel i in between, and by one weight of the 1x1 to output channel o. What is the "
        "product of the two weights on it?",
        "So entry (o, i, y, x) is pointwise (o, i) times depthwise (i, y, x). Bring the depthwise "
        "weight to the shape (1, c_in, kh, kw): broadcasting does the rest.",
    ),
)
