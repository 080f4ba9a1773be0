"""Lesson 06: the one dense kernel that does the same as a separable pair."""

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
    """The two weights are added. The 1x1 multiplies the output of the depthwise filter, so the
    weights along a path are multiplied."""
    return framework.dense_kernel(depthwise, torch.ones_like(pointwise)) + pointwise


@mistake
def not_lined_up(depthwise, pointwise):
    """The two weights do not line up. The channel between them is the first dimension of
    `depthwise`, but the second dimension of the result."""
    return torch.mul(pointwise, depthwise)


@mistake
def outputs_filter(depthwise, pointwise):
    """The filter is chosen by the output channel. The depthwise layer comes first, so each filter
    belongs to an input channel."""
    rows = [
        framework.dense_kernel(depthwise[o % len(depthwise)].expand(depthwise.shape), row[None])
        for o, row in enumerate(pointwise)
    ]
    return torch.cat(rows)


@mistake
def first_filter(depthwise, pointwise):
    """All input channels get the filter of channel 0. Each input channel has its own filter."""
    return framework.dense_kernel(depthwise[:1].expand_as(depthwise), pointwise)


@mistake
def reshaped(depthwise, pointwise):
    """A reshape makes the shape fit, but it keeps the numbers in their order. To swap two
    dimensions, transpose them."""
    read = pointwise.reshape(pointwise.transpose(0, 1).shape).transpose(0, 1)
    return framework.dense_kernel(depthwise, read)


@mistake
def one_filter(depthwise, pointwise):
    """The filters of all input channels are added up into one. Each input channel keeps its own
    filter: in the kernel they are next to each other."""
    one = depthwise.sum(0, keepdim=True).expand_as(depthwise)
    return framework.dense_kernel(one, pointwise)


@mistake
def mean_filter(depthwise, pointwise):
    """The filters of all input channels are averaged into one. Each input channel keeps its own
    filter: in the kernel they are next to each other."""
    one = depthwise.mean(0, keepdim=True).expand_as(depthwise)
    return framework.dense_kernel(one, pointwise)


@mistake
def weights_summed(depthwise, pointwise):
    """The weights of the 1x1 are added up over the input channels before they are multiplied. Each
    path has one weight: multiply the filter of channel i only by the weights that read channel
    i."""
    one = pointwise.sum(1, keepdim=True).expand_as(pointwise)
    return framework.dense_kernel(depthwise, one)


@mistake
def each_repeated(depthwise, pointwise):
    """Each filter is repeated for several outputs in a row, but the filters have to alternate:
    every output channel reads all filters, from the first to the last."""
    filters = depthwise.repeat_interleave(len(pointwise), 0)
    kernel = filters.reshape(*pointwise.shape[:2], *depthwise.shape[2:])
    return torch.mul(kernel, pointwise)


@mistake
def turned_weights(depthwise, pointwise):
    """The weights of the 1x1 are transposed. Use them as they are: output channels first, then the
    channels that they read."""
    turned = pointwise.transpose(0, 1)
    return framework.dense_kernel(depthwise.expand(-1, len(turned), -1, -1)[:, 0, None], turned)


@mistake
def order_of_the_path(depthwise, pointwise):
    """The kernel is computed with the input channels first and then reshaped. A reshape keeps the
    numbers in their order: to swap two dimensions, transpose them."""
    kernel = framework.dense_kernel(depthwise, pointwise)
    return kernel.transpose(0, 1).reshape(kernel.shape)


@mistake
def filters_and_weights(depthwise, pointwise):
    """The two are added in one kernel, with the filters on its diagonal. One layer after the other
    is a product: each filter is multiplied by the weights of the 1x1 that read its channel."""
    kernel = torch.zeros(*pointwise.shape[:2], *depthwise.shape[2:], dtype=pointwise.dtype)
    for i in range(min(pointwise.shape[:2])):
        kernel[i, i] = depthwise[i, 0]
    return kernel + pointwise


@mistake
def swapped(depthwise, pointwise):
    """Input and output channels are swapped. The result starts with the output channels, like the
    weight of every convolution."""
    return framework.dense_kernel(depthwise, pointwise).transpose(0, 1)


@mistake
def summed(depthwise, pointwise):
    """The kernel is summed over the input channels. The convolution does that sum later: the kernel
    keeps the input channels apart."""
    return framework.dense_kernel(depthwise, pointwise).sum(1, keepdim=True)


@mistake
def flipped(depthwise, pointwise):
    """The taps are rotated by 180 degrees. Nothing needs to be rotated: each tap of the filter is
    the same tap of the kernel."""
    return framework.dense_kernel(depthwise.flip(2, 3), pointwise)


@mistake
def cut_off(depthwise, pointwise):
    """The numbers are right, but no gradient gets back to `depthwise`. Compute with `depthwise`
    itself."""
    return framework.dense_kernel(depthwise.detach(), pointwise)


EXERCISE = Exercise(
    id="separable.dense_kernel",
    place=2,
    lesson=LESSON,
    title="One dense kernel for the two layers",
    points=2,
    minutes=8,
    name="dense_kernel",
    reference=framework.dense_kernel,
    cases=_cases,
    small=_small,
    mistakes=tuple(mistake),
    hints=(
        "Follow one path. It starts at a pixel of input channel i. One tap of filter i takes it "
        "to channel i between the layers, and one weight of the 1x1 takes it to output channel o. "
        "What is the product of the two weights on this path?",
        "So entry (o, i, y, x) is entry (o, i) of `pointwise` times entry (i, y, x) of "
        "`depthwise`. Give the depthwise weight the shape (1, c_in, kh, kw), and broadcasting "
        "does the rest.",
    ),
)
