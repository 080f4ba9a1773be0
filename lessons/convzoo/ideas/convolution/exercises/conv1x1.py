"""Lesson 00: the matrix at each pixel, a 1x1 convolution."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, Shortcut, integers, normal, pick
from convzoo.ideas.convolution import framework

LESSON = "00_convolution"

CONVOLUTION = Shortcut(
    "It calls the framework's convolution, which is what you are building.",
    lambda op: op.name.startswith("aten.convolution"),
    ("conv1d", "conv2d", "conv3d", "Conv2d", "convolution"),
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


def _thinned(x: Tensor, stride: int) -> Tensor:
    return x[..., ::stride, ::stride]


def _images_mixed(x, weight, stride=1):
    """As if the memory of n images of c channels were that of c channels of n images."""
    x = _thinned(x, stride)
    images, channels, high, wide = x.shape
    y = framework.conv1x1(x.reshape(1, channels, images * high, wide), weight)
    return y.reshape(images, -1, high, wide)


def _results_mixed(x, weight, stride=1):
    y = framework.conv1x1(x, weight, stride)
    return y.transpose(0, 1).reshape(y.shape)


def _scrambled(x, weight, stride=1):
    """As if neighbouring numbers in memory were the channels of one pixel."""
    x = _thinned(x, stride)
    images, channels, high, wide = x.shape
    y = framework.conv1x1(x.reshape(-1, channels, 1, 1), weight)
    return y.reshape(images, -1, high, wide)


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
    mistakes=(
        Mistake(
            "transposed",
            "The matrix is transposed. Its rows are outputs and its columns are inputs: sum over "
            "the columns.",
            lambda x, weight, stride=1: framework.conv1x1(x, weight.T, stride),
        ),
        Mistake(
            "rescaled",
            "Each channel is only rescaled, by the diagonal of the matrix. An output channel "
            "reads every input channel of its pixel.",
            lambda x, weight, stride=1: framework.conv1x1(
                x, weight * torch.eye(*weight.shape, dtype=weight.dtype), stride
            ),
        ),
        Mistake(
            "images_mixed",
            "Images and channels are mixed up on the way in. In memory the image comes before "
            "the channel: a reshape alone does not put all first channels beside each other.",
            _images_mixed,
        ),
        Mistake(
            "results_mixed",
            "Images and channels are mixed up on the way out: the product has the channel first, "
            "the result has the image first, and a reshape does not exchange the two.",
            _results_mixed,
        ),
        Mistake(
            "scrambled",
            "What is multiplied are neighbouring numbers in memory, and those are pixels of one "
            "channel. A reshape moves nothing: first bring the channels to the end, afterwards "
            "back.",
            _scrambled,
        ),
        Mistake(
            "channels_last",
            "The channels stand last in the result. They belong right behind the images.",
            lambda x, weight, stride=1: framework.conv1x1(x, weight, stride).movedim(1, -1),
        ),
        Mistake(
            "channels_first",
            "The channels stand before the images. The result has the image first.",
            lambda x, weight, stride=1: framework.conv1x1(x, weight, stride).transpose(0, 1),
        ),
        Mistake(
            "image_multiplied",
            "A product of tensors goes over the last two dimensions, and those of x are height "
            "and width. The matrix has to meet the channels: flatten the pixels into one "
            "dimension, or name the dimensions with `torch.einsum`.",
            lambda x, weight, stride=1: torch.matmul(weight, _thinned(x, stride)),
        ),
        Mistake(
            "averaged",
            "With a stride the pixels between are averaged. A stride averages nothing: it takes "
            "one pixel and leaves the others unread.",
            lambda x, weight, stride=1: framework.conv1x1(
                F.avg_pool2d(x, stride, ceil_mode=True), weight
            ),
        ),
        Mistake(
            "late_start",
            "Each step gives its last pixel. It should give its first: with stride 2 pixels 0, 2, "
            "4.",
            lambda x, weight, stride=1: framework.conv1x1(
                x[..., stride - 1 :, stride - 1 :], weight, stride
            ),
        ),
        Mistake(
            "no_stride",
            "The stride is not used: the output is as large as with stride 1.",
            lambda x, weight, stride=1: framework.conv1x1(x, weight),
        ),
        Mistake(
            "one_axis",
            "Only the rows are thinned out. The stride goes along both, height and width.",
            lambda x, weight, stride=1: framework.conv1x1(x[:, :, ::stride], weight),
        ),
        Mistake(
            "cut_off",
            "The numbers are right, but the weights are copied in a way that lets no gradient "
            "back to them.",
            lambda x, weight, stride=1: framework.conv1x1(x, weight.detach(), stride),
        ),
    ),
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
