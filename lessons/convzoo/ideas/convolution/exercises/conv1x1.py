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
    "It calls the framework's convolution, which is what you are building.", CONVOLUTIONS
)


def _one_case(gen, n, c_in, c_out, image, stride=1) -> Case:
    tensors = {"x": normal(gen, n, c_in, *image), "weight": normal(gen, c_out, c_in)}
    return Case({"stride": stride}, tensors)


def _one_cases(gen: Generator) -> list[Case]:
    """First a square matrix, in which rows and columns are easily exchanged."""
    side = pick(gen, [4, 6])
    return [
        _one_case(gen, 2, 5, 5, (4, 3)),
        _one_case(gen, 3, 2, 6, (side, 2)),
        _one_case(gen, 2, 6, 3, (6, side), stride=2),
        _one_case(gen, 2, 3, 4, (5, 7), stride=2),
        _one_case(gen, 1, 4, 2, (8, 7), stride=3),
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


STRIDE_UNUSED = "The stride is not used: the output is as large as with stride 1."
CUT_OFF = (
    "The numbers are right, but the weights are copied in a way that lets no gradient back to them."
)

mistake = Mistakes(framework.conv1x1)


@mistake
def transposed(x, weight, stride=1):
    """The matrix is transposed. Its rows are outputs and its columns are inputs: sum over
    the columns."""
    return framework.conv1x1(x, weight.T, stride)


@mistake
def rescaled(x, weight, stride=1):
    """Each channel is only rescaled, by the diagonal of the matrix. An output channel reads every
    input channel of its pixel."""
    diagonal = weight * torch.eye(*weight.shape, dtype=weight.dtype)
    return framework.conv1x1(x, diagonal, stride)


@mistake
def images_mixed(x, weight, stride=1):
    """Images and channels are mixed up on the way in. In memory the image comes before the
    channel: a reshape alone does not put all first channels beside each other."""
    x = x[..., ::stride, ::stride]
    images, channels, high, wide = x.shape
    y = framework.conv1x1(x.reshape(1, channels, images * high, wide), weight)
    return y.reshape(images, -1, high, wide)


@mistake
def results_mixed(x, weight, stride=1):
    """Images and channels are mixed up on the way out: the product has the channel first, the
    result has the image first, and a reshape does not exchange the two."""
    y = framework.conv1x1(x, weight, stride)
    return y.transpose(0, 1).reshape(y.shape)


@mistake
def scrambled(x, weight, stride=1):
    """What is multiplied are neighbouring numbers in memory, and those are pixels of one channel.
    A reshape moves nothing: first bring the channels to the end, afterwards back."""
    x = x[..., ::stride, ::stride]
    images, channels, high, wide = x.shape
    y = framework.conv1x1(x.reshape(-1, channels, 1, 1), weight)
    return y.reshape(images, -1, high, wide)


@mistake
def channels_last(x, weight, stride=1):
    """The channels stand last in the result. They belong right behind the images."""
    return framework.conv1x1(x, weight, stride).movedim(1, -1)


@mistake
def channels_first(x, weight, stride=1):
    """The channels stand before the images. The result has the image first."""
    return framework.conv1x1(x, weight, stride).transpose(0, 1)


@mistake
def image_multiplied(x, weight, stride=1):
    """A product of tensors goes over the last two dimensions, and those of x are height and
    width. The matrix has to meet the channels: flatten the pixels into one dimension, or name the
    dimensions with `torch.einsum`."""
    return torch.matmul(weight, x[..., ::stride, ::stride])


@mistake
def averaged(x, weight, stride=1):
    """With a stride the pixels between are averaged. A stride averages nothing: it takes one
    pixel and leaves the others unread."""
    return framework.conv1x1(F.avg_pool2d(x, stride, ceil_mode=True), weight)


@mistake
def late_start(x, weight, stride=1):
    """Each step gives its last pixel. It should give its first: with stride 2 pixels 0, 2, 4."""
    return framework.conv1x1(x[..., stride - 1 :, stride - 1 :], weight, stride)


mistake.add("no_stride", STRIDE_UNUSED, lambda x, weight, stride=1: framework.conv1x1(x, weight))


@mistake
def one_axis(x, weight, stride=1):
    """Only the rows are thinned out. The stride goes along both, height and width."""
    return framework.conv1x1(x[:, :, ::stride], weight)


mistake.add(
    "cut_off", CUT_OFF, lambda x, weight, stride=1: framework.conv1x1(x, weight.detach(), stride)
)


EXERCISE = Exercise(
    id="convolution.conv1x1",
    place=1,
    lesson=LESSON,
    title="The matrix at each pixel",
    points=2,
    minutes=8,
    name="conv1x1",
    reference=framework.conv1x1,
    cases=_one_cases,
    small=_one_small,
    mistakes=tuple(mistake),
    hints=(
        "The stride first: which slice of `x` keeps every stride-th row and column?",
        "Then one product for all pixels. `torch.einsum` takes the letters of each dimension: "
        "o and c for the matrix, n, c, h and w for the image. Which letter is summed?",
        "The letter that both have and the result has not is summed: c. The result has "
        "the letters n, o, h, w, in this order.",
    ),
    shortcuts=(CONVOLUTION,),
    steady=_one_steady,
    slow="The number of operations grows with the pixels or the channels. One "
    "product can do all of them.",
)
