"""Lesson 00: a k x k convolution as products of matrices."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, integers, normal, pick
from convzoo.ideas.convolution import framework
from convzoo.ideas.convolution.exercises.conv1x1 import CONVOLUTION, CUT_OFF, STRIDE_UNUSED

LESSON = "00_convolution"


def _conv_case(
    gen, n, c_in, c_out, kernel, image, stride=1, padding=0, dilation=1, draw: Callable = normal
) -> Case:
    tensors = {"x": draw(gen, n, c_in, *image), "weight": draw(gen, c_out, c_in, *kernel)}
    return Case({"stride": stride, "padding": padding, "dilation": dilation}, tensors)


def _conv_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [5, 6, 7])
    return [
        _conv_case(gen, 2, 3, 4, (3, 3), (6, 5)),
        _conv_case(gen, 2, 2, 3, (3, 3), (side, 4), padding=1),
        _conv_case(gen, 1, 3, 2, (3, 3), (7, 6), 2, 1),
        _conv_case(gen, 2, 4, 3, (3, 3), (8, side), padding=2, dilation=2),
        _conv_case(gen, 1, 2, 5, (2, 3), (9, 8), 2, 1, 3),
        _conv_case(gen, 2, 5, 2, (1, 1), (4, 5), stride=3),
    ]


def _conv_small() -> list[Case]:
    def draw(gen, *shape: int) -> Tensor:
        return integers(*shape)

    def case(c_in, c_out, kernel, image, n=1, **scalars):
        return _conv_case(None, n, c_in, c_out, kernel, image, **scalars, draw=draw)

    return [
        case(1, 1, (2, 2), (3, 3)),
        case(2, 1, (1, 2), (1, 3)),
        case(1, 1, (1, 1), (3, 3), stride=2),
        case(1, 1, (2, 2), (2, 2), padding=1),
        case(1, 1, (2, 2), (4, 4), dilation=2),
        case(1, 3, (1, 1), (1, 1), n=2),
        case(2, 3, (1, 1), (1, 2)),
    ]


def _conv_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    few = _conv_case(gen, 2, 2, 3, (3, 3), (4, 4), padding=1)
    return few, _conv_case(gen, 2, 4, 5, (3, 3), (16, 15), padding=1)


mistake = Mistakes(framework.conv2d)


@mistake
def flipped(x, weight, **settings):
    """The kernel is rotated by 180 degrees. In deep learning, a convolution does not flip its
    kernel."""
    return framework.conv2d(x, weight.flip(2, 3), **settings)


@mistake
def transposed(x, weight, **settings):
    """The rows and columns of the kernel are swapped. Height comes before width."""
    return framework.conv2d(x, weight.transpose(2, 3), **settings)


@mistake
def taps_first(x, weight, **settings):
    """The weight and the columns list taps and channels in different orders. In the columns of
    `F.unfold`, all taps of channel 0 come first, then those of channel 1."""
    other_order = weight.permute(0, 2, 3, 1).reshape(weight.shape)
    return framework.conv2d(x, other_order, **settings)


@mistake
def last_tap(x, weight, **settings):
    """Only the product of the last tap is left. Add each product to the ones before it."""
    mask = torch.zeros_like(weight)
    mask[..., -1, -1] = 1
    return framework.conv2d(x, weight * mask, **settings)


def _two_taps(x, weight, stride, dilation, wide=None) -> Tensor:
    """Return the sum of what the first two taps give. Raises a RuntimeError if one of them reads
    fewer pixels."""
    read = x[..., :wide], x[..., dilation:][..., :wide]
    return sum(framework.conv1x1(read[j], weight[..., 0, j], stride) for j in (0, 1))


@mistake
def slices_uncut(x, weight, stride=1, padding=0, dilation=1):
    """The slices differ in size, because each runs to the end of the image. Every tap reads one
    pixel for each window: cut each slice so that it has h' rows and w' columns."""
    return _two_taps(F.pad(x, (padding,) * 4), weight, stride, dilation)


@mistake
def padding_counted(x, weight, stride=1, padding=0, dilation=1):
    """The size counts the padding, but the slices are cut from an image without it and end too
    soon. Slice the padded image."""
    if not padding:
        return framework.conv2d(x, weight, stride, padding, dilation)
    wide = x.shape[3] + 2 * padding - dilation * (weight.shape[3] - 1)
    return _two_taps(x, weight, stride, dilation, wide)


def _in_size_alone(x, weight, settings: dict, **forgotten) -> Tensor:
    """Return a result of the right size whose taps are read without a setting."""
    high, wide = framework.conv2d(x, weight, **settings).shape[2:]
    return framework.conv2d(x, weight, **(settings | forgotten))[..., :high, :wide]


@mistake
def stride_counted(x, weight, **settings):
    """The size is right for the stride, but the windows begin one pixel apart. Neighbouring windows
    begin `stride` pixels apart."""
    return _in_size_alone(x, weight, settings, stride=1)


@mistake
def dilation_counted(x, weight, **settings):
    """The size is right for the dilation, but the taps read pixels side by side. Neighbouring taps
    read pixels that are `dilation` apart."""
    return _in_size_alone(x, weight, settings, dilation=1)


@mistake
def positions_in_a_row(x, weight, **settings):
    """The positions are still in one row. Turn them back into height and width."""
    return framework.conv2d(x, weight, **settings).flatten(2)


@mistake
def edge_repeated(x, weight, stride=1, padding=0, dilation=1):
    """The border is filled with copies of the nearest pixel. Padding means zeros here."""
    padded = F.pad(x, (padding,) * 4, mode="replicate")
    return framework.conv2d(padded, weight, stride, 0, dilation)


@mistake
def one_side(x, weight, stride=1, padding=0, dilation=1):
    """All of the padding is at the right and at the bottom. Half of it belongs on the left and at
    the top."""
    padded = F.pad(x, (0, 2 * padding, 0, 2 * padding))
    return framework.conv2d(padded, weight, stride, 0, dilation)


@mistake
def images_mixed(x, weight, **settings):
    """Images and channels get mixed up at the end. The image comes first in the result, and a
    reshape does not swap two dimensions."""
    y = framework.conv2d(x, weight, **settings)
    return y.transpose(0, 1).reshape(y.shape)


mistake.add(
    "no_stride",
    STRIDE_UNUSED,
    lambda x, weight, stride=1, **settings: framework.conv2d(x, weight, **settings),
)


@mistake
def no_padding(x, weight, padding=0, **settings):
    """The padding is not used: the border of zeros is missing. Add it on all four sides."""
    return framework.conv2d(x, weight, **settings)


@mistake
def no_dilation(x, weight, dilation=1, **settings):
    """The dilation is not used. Neighbouring taps should read pixels that are `dilation` apart."""
    return framework.conv2d(x, weight, **settings)


mistake.add(
    "cut_off",
    CUT_OFF,
    lambda x, weight, **settings: framework.conv2d(x, weight.detach(), **settings),
)


@mistake
def positions_mixed(x, weight, **settings):
    """Channels and positions get mixed up at the end. The channel comes first in the result, and a
    reshape does not swap two dimensions: transpose before it."""
    y = framework.conv2d(x, weight, **settings)
    return y.flatten(2).transpose(1, 2).reshape(y.shape)


@mistake
def weight_cut_up(x, weight, **settings):
    """The weight is flattened so that the numbers of different outputs get mixed. Each output's
    numbers are next to each other: keep the first dimension and flatten the other three."""
    mixed = weight.reshape(-1, len(weight)).T.reshape(weight.shape)
    return framework.conv2d(x, mixed, **settings)


@mistake
def channels_swapped(x, weight, **settings):
    """Input and output channels of the weight get mixed up, because they are swapped before the
    reshape. In the weight, the output already comes first."""
    mixed = weight.transpose(0, 1).reshape(weight.shape)
    return framework.conv2d(x, mixed, **settings)


@mistake
def unmatched_letters(x, weight, **settings):
    """Every input channel has the same weight, the sum over all of them. Each input channel has a
    weight of its own: in `torch.einsum` give the channels of both the same letter."""
    sums = weight.sum(1, keepdim=True).expand_as(weight)
    return framework.conv2d(x, sums, **settings)


@mistake
def one_channel(x, weight, **settings):
    """Only the first input channel is read. An output is a sum over all input channels."""
    return framework.conv2d(x[:, :1], weight[:, :1], **settings)


@mistake
def square_kernel(x, weight, **settings):
    """It treats every kernel as square. Height and width of the kernel may differ: count its rows
    and its columns."""
    side = min(weight.shape[2:])
    mask = torch.zeros_like(weight)
    mask[..., :side, :side] = 1
    return framework.conv2d(x, weight * mask, **settings)


@mistake
def one_image(x, weight, **settings):
    """Every image gets the result of the first one. Each image needs its own."""
    return framework.conv2d(x[:1].expand_as(x), weight, **settings)


@mistake
def one_less(x, weight, **settings):
    """The result is one row and one column too small. Count the first position too: that is the +
    1."""
    return framework.conv2d(x, weight, **settings)[..., :-1, :-1]


@mistake
def padded_once(x, weight, stride=1, padding=0, dilation=1):
    """The padding is counted only once. It is added on both sides: left and right, top and
    bottom."""
    padded = F.pad(x, (padding, 0, padding, 0))
    return framework.conv2d(padded, weight, stride, 0, dilation)


@mistake
def long_kernel(x, weight, stride=1, padding=0, dilation=1):
    """With a dilation the size is too small. A kernel of size k covers dilation * (k - 1) + 1
    pixels, not dilation * k."""
    padded = F.pad(x, (padding, padding - dilation + 1) * 2)
    return framework.conv2d(padded, weight, stride, 0, dilation)


@mistake
def image_multiplied(x, weight, stride=1, padding=0, dilation=1):
    """A product of tensors uses their last two dimensions, and in a slice of the image those are
    height and width. The matrix of a tap has to meet the channels, as in your 1x1."""
    size = framework.conv2d(x, weight, stride, padding, dilation).shape[2:]
    padded = F.pad(x, (padding,) * 4)[..., ::stride, ::stride]
    return torch.matmul(weight[..., 0, 0], padded[..., : size[0], : size[1]])


@mistake
def unfold_order(x, weight, stride=1, padding=0, dilation=1):
    """The columns are cut with stride and dilation swapped. `F.unfold` takes the dilation first,
    then padding and stride: pass them by name."""
    right = framework.conv2d(x, weight, stride, padding, dilation)
    return framework.conv2d(x, weight, dilation, padding, stride).reshape(right.shape)


EXERCISE = Exercise(
    id="convolution.conv2d",
    place=2,
    lesson=LESSON,
    title="A k x k convolution as products of matrices",
    points=4,
    minutes=20,
    name="conv2d",
    reference=framework.conv2d,
    cases=_conv_cases,
    small=_conv_small,
    mistakes=tuple(mistake),
    hints=(
        "Pad first (`F.pad` takes left, right, top, bottom). Tap (i, j) then reads the pixel that "
        "is i * dilation down and j * dilation to the right of the start of the window. Windows "
        "start `stride` pixels apart, so one slice of the image holds all that tap (i, j) reads.",
        "One way, for 3x3: nine products. For every tap, take its slice of the padded image, apply "
        "the matrix `weight[:, :, i, j]` at each pixel as in your 1x1, and add up the results. "
        "Another way: `F.unfold` takes dilation, padding and stride by name and does the slicing.",
        "The columns of `F.unfold` are (n, c_in * kh * kw, positions): all taps of the first "
        "channel, then those of the next. A weight with its last three dimensions flattened "
        "matches them, and `@` multiplies. Then give the positions back their height and width.",
    ),
    shortcuts=(CONVOLUTION,),
    steady=_conv_steady,
    slow="The number of operations grows with the size of the image. You may loop over the taps of "
    "the kernel, but not over pixels.",
)
