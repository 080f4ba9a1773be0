"""Lesson 06: the depthwise convolution."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, integers, normal, pick
from convzoo.exercises.shortcuts import CONVOLUTIONS, in_groups
from convzoo.ideas.separable import framework

LESSON = "06_separable"


GROUPED = Shortcut(
    "It calls the framework's grouped convolution. With one group for each channel, that is the "
    "depthwise convolution that you are building.",
    CONVOLUTIONS,
    argument="groups",
    counts=in_groups,
)


def _case(gen, channels, kernel, image, stride, padding, n=2) -> Case:
    tensors = {"x": normal(gen, n, channels, *image), "weight": normal(gen, channels, 1, *kernel)}
    return Case({"stride": stride, "padding": padding}, tensors)


def _cases(gen: Generator) -> list[Case]:
    side = pick(gen, [5, 6, 7])
    return [
        _case(gen, 3, (3, 3), (side, side + 1), 1, 1),
        _case(gen, 5, (3, 2), (6, 5), 2, 0),
        _case(gen, 4, (3, 3), (7, 6), 2, 1, n=1),
        _case(gen, 2, (1, 2), (4, 6), 1, 2, n=3),
        _case(gen, 3, (2, 3), (5, 7), 1, 1),
    ]


def _small_case(channels, kernel, image, stride=1, padding=0, n=1) -> Case:
    tensors = {"x": integers(n, channels, *image), "weight": integers(channels, 1, *kernel)}
    return Case({"stride": stride, "padding": padding}, tensors)


def _small() -> list[Case]:
    return [
        _small_case(2, (1, 1), (2, 2)),
        _small_case(2, (1, 2), (2, 2)),
        _small_case(2, (2, 2), (3, 3)),
        _small_case(2, (1, 1), (3, 3), stride=2),
        _small_case(2, (1, 1), (2, 2), padding=1),
        _small_case(2, (1, 2), (1, 3), n=2),
    ]


def _steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    few = _case(gen, 3, (3, 3), (5, 5), 1, 1)
    return few, _case(gen, 12, (3, 3), (5, 5), 1, 1)


mistake = Mistakes(framework.depthwise_conv2d)


@mistake
def mixing(x, weight, stride, padding):
    """Every output adds up all input channels. In a depthwise convolution output channel c reads
    input channel c and no other: there is no sum over the channels."""
    return F.conv2d(x, weight.expand(-1, x.shape[1], -1, -1), None, stride, padding)


@mistake
def first_filter(x, weight, stride, padding):
    """Every channel is filtered with the weights of channel 0. Each channel has its own filter."""
    return framework.depthwise_conv2d(x, weight[:1].expand_as(weight), stride, padding)


@mistake
def summed(x, weight, stride, padding):
    """The filtered channels are added up into one. Keep them apart: the output has the same number
    of channels as the input."""
    return framework.depthwise_conv2d(x, weight, stride, padding).sum(1, keepdim=True)


@mistake
def taps_first(x, weight, stride, padding):
    """The columns are split into (taps, channels). In the columns that `F.unfold` returns, the
    channel comes first: (channels, taps)."""
    channels, _, height, width = weight.shape
    taps, spoilt = height * width, weight.new_zeros(channels, channels * height * width)
    for i in range(channels):  # tap t of channel i is read from column t channels + i
        for t in range(taps):
            spoilt[i, t * channels + i] = weight[i, 0, t // width, t % width]
    return F.conv2d(x, spoilt.unflatten(1, (channels, height, width)), None, stride, padding)


@mistake
def flipped(x, weight, stride, padding):
    """The kernel is rotated by 180 degrees. In deep learning, a convolution does not flip its
    kernel."""
    return framework.depthwise_conv2d(x, weight.flip(2, 3), stride, padding)


@mistake
def transposed(x, weight, stride, padding):
    """The rows and columns of the kernel are swapped. Its taps are counted row by row: height comes
    before width."""
    return framework.depthwise_conv2d(x, weight.mT.reshape(weight.shape), stride, padding)


@mistake
def last_tap(x, weight, stride, padding):
    """Only the product of the last tap is left. Add each product to the ones before it."""
    mask = torch.zeros_like(weight)
    mask[..., -1, -1] = 1
    return framework.depthwise_conv2d(x, weight * mask, stride, padding)


@mistake
def reversed(x, weight, stride, padding):
    """The filters are used in reverse order, from the last to the first. The first row of the
    weight belongs to channel 0."""
    return framework.depthwise_conv2d(x, weight.flip(0), stride, padding)


@mistake
def largest(x, weight, stride, padding):
    """Only the largest product in each window is left. That is pooling: a convolution adds up the
    products of all its taps."""
    n, c, h, w = framework.depthwise_conv2d(x, weight, stride, padding).shape
    windows = F.unfold(x, weight.shape[2:], padding=padding, stride=stride)
    products = weight.flatten(1)[..., None] * windows.unflatten(1, (c, -1))
    return torch.amax(products, dim=2).unflatten(2, (h, w))


@mistake
def mean(x, weight, stride, padding):
    """The products of the taps are averaged. A convolution adds them up."""
    return framework.depthwise_conv2d(x, weight / weight[0].numel(), stride, padding)


@mistake
def no_stride(x, weight, stride, padding):
    """The stride is not used: the output is as large as with stride 1. Neighbouring windows start
    `stride` pixels apart."""
    return framework.depthwise_conv2d(x, weight, 1, padding)


@mistake
def stride_counted(x, weight, stride, padding):
    """The output has the right size for this stride, but its windows start one pixel apart. The
    windows of neighbouring outputs must start `stride` pixels apart."""
    high, wide = framework.depthwise_conv2d(x, weight, stride, padding).shape[2:]
    return framework.depthwise_conv2d(x, weight, 1, padding)[..., :high, :wide]


@mistake
def no_padding(x, weight, stride, padding):
    """The padding is not used: the border of zeros is missing. Add it on all four sides."""
    return framework.depthwise_conv2d(x, weight, stride, 0)


def _laid_out(numbers, x, weight, stride, padding) -> Tensor:
    """Return the numbers in the shape of the right result. Raises RuntimeError if they are too
    few or too many."""
    return numbers.reshape(framework.depthwise_conv2d(x, weight, stride, padding).shape)


@mistake
def unfold_alone(x, weight, stride, padding):
    """The columns do not fit this padding and stride. `F.unfold` needs both: pass them by name."""
    return _laid_out(framework.depthwise_conv2d(x, weight), x, weight, stride, padding)


@mistake
def by_place(x, weight, stride, padding):
    """The third argument of `F.unfold` is the dilation, and here it gets something else. Pass
    stride and padding by name."""
    dilated = F.conv2d(x, weight, None, 1, padding, stride, x.shape[1])
    return _laid_out(dilated, x, weight, stride, padding)


def _every_pair(x, weight, stride, padding) -> Tensor:
    """Return every channel of every image, filtered with every filter: (n * c, filters, h', w')."""
    return F.conv2d(x.flatten(0, 1)[:, None], weight, None, stride, padding)


@mistake
def every_filter(x, weight, stride, padding):
    """Every channel is filtered with every filter, so there are too many numbers, by a factor of
    the number of channels. Give the filters a dimension for the channel, separate from the taps."""
    pairs = _every_pair(x, weight, stride, padding)
    return _laid_out(pairs, x, weight, stride, padding)


@mistake
def one_image(x, weight, stride, padding):
    """The columns of all images are joined, as if there were only one image. The columns need a
    dimension for the images."""
    # the columns of all images read as those of one: (channels, taps, everything else)
    taps = weight[0].numel()
    one_tap = torch.eye(taps, dtype=x.dtype).reshape(taps, *weight.shape[1:])
    columns = _every_pair(x, one_tap, stride, padding).reshape(len(weight), taps, -1)
    numbers = torch.linalg.vecdot(columns, weight.flatten(2).mT, dim=1)
    return _laid_out(numbers, x, weight, stride, padding)


@mistake
def put_back(x, weight, stride, padding):
    """The weighted patches are put back into the image, where they overlap. Each patch gives one
    number, the sum over its taps, so there is nothing to fold."""
    # every patch times its filter, added up again where the patch was: `fold`
    ones = torch.ones_like(framework.depthwise_conv2d(x, weight, stride, padding))
    return x * F.conv_transpose2d(ones, weight, None, stride, padding, groups=x.shape[1])


@mistake
def in_a_row(x, weight, stride, padding):
    """The positions are still in one row. Turn them back into height and width."""
    return framework.depthwise_conv2d(x, weight, stride, padding).flatten(2)


@mistake
def cut_off(x, weight, stride, padding):
    """The weights are copied in a way that cuts off their gradient. Compute with `weight`
    itself."""
    return framework.depthwise_conv2d(x, weight.detach(), stride, padding)


EXERCISE = Exercise(
    id="separable.depthwise_conv2d",
    place=1,
    lesson=LESSON,
    title="A depthwise convolution",
    points=4,
    minutes=18,
    name="depthwise_conv2d",
    reference=framework.depthwise_conv2d,
    cases=_cases,
    small=_small,
    mistakes=tuple(mistake),
    hints=(
        "One channel alone is an ordinary convolution from 1 channel to 1. To do all of them at "
        "once, keep a dimension for the channels, and sum over the taps only.",
        "`F.unfold(x, (kh, kw), padding=..., stride=...)` returns (n, c * kh * kw, positions). In "
        "the middle dimension the channel varies slowest: split it into channels and taps.",
        "The filter of each channel is then one row of kh * kw numbers. Multiply (c, 1, taps) by "
        "(n, c, taps, positions): this is a batched product over n and c. Then drop the dimension "
        "of length 1, and turn the positions back into height and width. (You can also add up "
        "shifted images, one for each tap, each multiplied by its tap.)",
    ),
    shortcuts=(GROUPED,),
    steady=_steady,
    slow="The number of operations grows with the number of channels. Can you compute all "
    "channels in one batched product, or in one elementwise product for each tap?",
)
