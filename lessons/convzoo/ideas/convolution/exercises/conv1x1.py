"""Lesson 00: the matrix at each pixel, a 1x1 convolution."""

from __future__ import annotations

import torch
from torch import Generator
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, integers, normal, pick
from convzoo.exercises.shortcuts import CONVOLUTIONS
from convzoo.ideas.convolution import framework

LESSON = "00_convolution"

CONVOLUTION = Shortcut(
    "It calls the framework's convolution, which is what you are building here.", CONVOLUTIONS
)


def _one_case(gen, n, c_in, c_out, image, stride=1) -> Case:
    tensors = {"x": normal(gen, n, c_in, *image), "weight": normal(gen, c_out, c_in)}
    return Case({"stride": stride}, tensors)


def _one_cases(gen: Generator) -> list[Case]:
    """Return the cases; the first has a square matrix, whose rows and columns can be swapped."""
    side = pick(gen, [4, 6])
    return [
        _one_case(gen, 2, 5, 5, (4, 3)),
        _one_case(gen, 3, 2, 6, (side, 2)),
        _one_case(gen, 2, 6, 3, (6, side), stride=2),
        _one_case(gen, 2, 3, 4, (5, 7), stride=2),
        _one_case(gen, 1, 4, 2, (8, 7), stride=3),
        _one_case(gen, 1, 3, 1, (1, 2), stride=3),
    ]


def _one_small() -> list[Case]:
    def case(n, c_in, c_out, image, stride=1):
        tensors = {"x": integers(n, c_in, *image), "weight": integers(c_out, c_in)}
        return Case({"stride": stride}, tensors)

    return [
        case(1, 2, 2, (1, 2)),
        case(2, 2, 3, (1, 1)),
        case(1, 1, 1, (2, 2), stride=2),
        case(1, 1, 1, (3, 4), stride=2),
    ]


def _one_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    return _one_case(gen, 2, 3, 2, (3, 3)), _one_case(gen, 2, 6, 8, (6, 5))


STRIDE_UNUSED = (
    "The stride is not used: the output is as large as with stride 1. Windows start only at every "
    "`stride`-th row and column."
)
CUT_OFF = (
    "The weights are copied in a way that cuts off their gradient, so the layer cannot learn. "
    "Compute with `weight` itself."
)

mistake = Mistakes(framework.conv1x1)


@mistake
def transposed(x, weight, stride=1):
    """The matrix is transposed. Each row belongs to an output and each column to an input, so sum
    over the columns."""
    return framework.conv1x1(x, weight.T, stride)


@mistake
def rescaled(x, weight, stride=1):
    """Each channel is only rescaled, by the diagonal of the matrix. An output channel is a weighted
    sum of all input channels of its pixel."""
    diagonal = weight * torch.eye(*weight.shape, dtype=weight.dtype)
    return framework.conv1x1(x, diagonal, stride)


@mistake
def images_mixed(x, weight, stride=1):
    """Images and channels get mixed up before the product. In memory all channels of one image come
    before the next image: a reshape alone does not bring the images together. Swap the two
    dimensions first."""
    x = x[..., ::stride, ::stride]
    images, channels, high, wide = x.shape
    y = framework.conv1x1(x.reshape(1, channels, images * high, wide), weight)
    return y.reshape(images, -1, high, wide)


@mistake
def results_mixed(x, weight, stride=1):
    """Images and channels get mixed up after the product. The product has the channel first and the
    result has the image first, and a reshape does not swap two dimensions."""
    y = framework.conv1x1(x, weight, stride)
    return y.transpose(0, 1).reshape(y.shape)


@mistake
def scrambled(x, weight, stride=1):
    """The matrix meets numbers that are neighbours in memory: pixels of one channel, not the
    channels of one pixel. A reshape moves nothing: move the channels to the last dimension first,
    and back afterwards."""
    x = x[..., ::stride, ::stride]
    images, channels, high, wide = x.shape
    y = framework.conv1x1(x.reshape(-1, channels, 1, 1), weight)
    return y.reshape(images, -1, high, wide)


@mistake
def channels_last(x, weight, stride=1):
    """The channels are the last dimension of the result. They come second, right after the
    images."""
    return framework.conv1x1(x, weight, stride).movedim(1, -1)


@mistake
def channels_first(x, weight, stride=1):
    """The channels come before the images in the result. Put the image first, then the channel."""
    return framework.conv1x1(x, weight, stride).transpose(0, 1)


@mistake
def image_multiplied(x, weight, stride=1):
    """A product of tensors uses their last two dimensions, and in x those are height and width. The
    matrix has to meet the channels: flatten the pixels into one dimension, or name the dimensions
    with `torch.einsum`."""
    return torch.matmul(weight, x[..., ::stride, ::stride])


@mistake
def along_the_width(x, weight, stride=1):
    """The product sums over the last dimension of x, and that is the width. The matrix has to meet
    the channels: move them to the last dimension first and back afterwards, or name the dimensions
    with `torch.einsum`."""
    return torch.matmul(x[..., ::stride, ::stride], weight.T)


@mistake
def last_channel(x, weight, stride=1):
    """Only the last input channel is in the result. Add up the products of all channels."""
    return framework.conv1x1(x[:, -1:], weight[:, -1:], stride)


@mistake
def averaged(x, weight, stride=1):
    """With a stride it averages the pixels in between. A stride averages nothing: it reads one
    pixel and skips the others."""
    return framework.conv1x1(F.avg_pool2d(x, stride, ceil_mode=True), weight)


@mistake
def late_start(x, weight, stride=1):
    """With a stride, it starts at a later pixel. Start with pixel 0: with stride 2 it reads pixels
    0, 2, 4."""
    return framework.conv1x1(x[..., stride - 1 :, stride - 1 :], weight, stride)


mistake.add("no_stride", STRIDE_UNUSED, lambda x, weight, stride=1: framework.conv1x1(x, weight))


@mistake
def one_axis(x, weight, stride=1):
    """It skips rows, but no columns. The stride applies to both height and width."""
    return framework.conv1x1(x[:, :, ::stride], weight)


mistake.add(
    "cut_off", CUT_OFF, lambda x, weight, stride=1: framework.conv1x1(x, weight.detach(), stride)
)


@mistake
def scrambled_before(x, weight, stride=1):
    """A reshape is meant to bring the channels to the end, but it moves nothing: it only cuts the
    same row of numbers into other pieces. Use `permute` or `movedim`."""
    x = x[..., ::stride, ::stride]
    images, channels, high, wide = x.shape
    mixed = x.reshape(images, high, wide, channels).movedim(-1, 1)
    return framework.conv1x1(mixed, weight)


@mistake
def scrambled_after(x, weight, stride=1):
    """A reshape is meant to bring the channels back from the end, but it moves nothing: it only
    cuts the same row of numbers into other pieces. Use `permute` or `movedim`."""
    y = framework.conv1x1(x, weight, stride)
    return y.movedim(1, -1).reshape(y.shape)


@mistake
def corner(x, weight, stride=1):
    """The size is right for the stride, but it reads neighbouring pixels of one corner. Read every
    `stride`-th row and column of the whole image."""
    high, wide = x[..., ::stride, ::stride].shape[2:]
    return framework.conv1x1(x[..., :high, :wide], weight)


@mistake
def largest(x, weight, stride=1):
    """With a stride it takes the largest of several pixels. A stride compares nothing: it reads one
    pixel and skips the others."""
    return framework.conv1x1(F.max_pool2d(x, stride, ceil_mode=True), weight)


@mistake
def mean_of_channels(x, weight, stride=1):
    """It averages the products over the input channels. A convolution adds them up."""
    return framework.conv1x1(x, weight, stride) / x.shape[1]


@mistake
def unmatched_letters(x, weight, stride=1):
    """Every input channel has the same weight, the sum of a row of the matrix. Channel and column
    belong together: in `torch.einsum` give both the same letter."""
    sums = weight.sum(1, keepdim=True).expand_as(weight)
    return framework.conv1x1(x, sums, stride)


@mistake
def columns_thinned(x, weight, stride=1):
    """It skips columns, but no rows. The stride applies to both height and width."""
    return framework.conv1x1(x[..., ::stride], weight)


@mistake
def rounded_down(x, weight, stride=1):
    """The last row or column is missing if the size is not a multiple of the stride. Pixel 0 is
    always read, so the size is rounded up."""
    high, wide = (n // stride * stride for n in x.shape[2:])
    return framework.conv1x1(x[..., :high, :wide], weight, stride)


@mistake
def width_first(x, weight, stride=1):
    """Height and width are swapped in the result. Keep their order: height, then width."""
    return framework.conv1x1(x, weight, stride).transpose(2, 3)


@mistake
def one_image(x, weight, stride=1):
    """Only the first image is in the result. Keep all of them: the images are dimension 0."""
    return framework.conv1x1(x[:1], weight, stride)[0]


EXERCISE = Exercise(
    id="convolution.conv1x1",
    place=1,
    lesson=LESSON,
    title="A 1x1 convolution: one matrix at each pixel",
    points=2,
    minutes=8,
    name="conv1x1",
    reference=framework.conv1x1,
    cases=_one_cases,
    small=_one_small,
    mistakes=tuple(mistake),
    hints=(
        "Start with the stride: which slice of `x` keeps every stride-th row and column?",
        "Then use one product for all pixels. `torch.einsum` takes a letter for each dimension: "
        "o and c for the matrix; n, c, h and w for the image. Which letter is summed?",
        "The letter that is in both inputs but not in the result is summed: c. The letters of the "
        "result are n, o, h, w, in this order.",
    ),
    shortcuts=(CONVOLUTION,),
    steady=_one_steady,
    slow="The number of operations grows with the number of pixels or channels. One product can do "
    "the work for all of them.",
)
