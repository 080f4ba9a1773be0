"""Lesson 01, Further A: a shortcut without parameters."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, integers, normal, pick
from convzoo.exercises.shortcuts import CONVOLUTIONS
from convzoo.ideas.resnet import framework

LESSON = "01_resnet"


def _pad_case(gen: Generator, channels: int, out: int, stride: int, image) -> Case:
    x = normal(gen, 2, channels, *image)
    return Case({"out_channels": out, "stride": stride}, {"x": x})


def _pad_cases(gen: Generator) -> list[Case]:
    """Return the cases; the number of missing channels is odd, so that half of it is not whole."""
    wide = pick(gen, [8, 10, 12])
    return [
        _pad_case(gen, 3, wide, 2, (4, 6)),
        _pad_case(gen, 2, 5, 1, (3, 4)),
        _pad_case(gen, 3, wide, 2, (5, 6)),
        _pad_case(gen, 4, 4, 3, (7, 8)),
        _pad_case(gen, 4, 9, 2, (4, 4)),
    ]


def _pad_small() -> list[Case]:
    def case(channels: int, out: int, stride: int, *image: int) -> Case:
        x = integers(1, channels, *image)
        return Case({"out_channels": out, "stride": stride}, {"x": x})

    return [case(1, 3, 1, 1, 2), case(1, 1, 2, 3, 3), case(2, 4, 2, 2, 3)]


def _pad_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    return _pad_case(gen, 2, 4, 2, (4, 4)), _pad_case(gen, 8, 16, 2, (4, 4))


mistake = Mistakes(framework.pad_shortcut)


@mistake
def zeros_first(x, out_channels, stride):
    """The channels of zeros come first. They belong after the channels of `x`."""
    added = out_channels - x.shape[1]
    return framework.pad_shortcut(x, out_channels, stride).roll(added, 1)


@mistake
def zeros_around(x, out_channels, stride):
    """Half of the zero channels come before the channels of `x`, half after. All of them belong
    after."""
    added = out_channels - x.shape[1]
    return framework.pad_shortcut(x, out_channels, stride).roll(added // 2, 1)


@mistake
def repeated(x, out_channels, stride):
    """The channels of `x` are repeated until there are enough. The new ones should be zero: only
    the branch fills them."""
    again = x[:, torch.arange(out_channels) % x.shape[1]]
    return framework.pad_shortcut(again, out_channels, stride)


@mistake
def added_channels(x, out_channels, stride):
    """It adds `out_channels` channels of zeros. `out_channels` is the total and counts those of `x`
    too: add only those that are missing."""
    return framework.pad_shortcut(x, x.shape[1] + out_channels, stride)


def _zeros_along(axis: int, x: Tensor, out_channels: int, stride: int) -> Tensor:
    """Return the kept pixels with the missing zeros along another axis."""
    y = framework.pad_shortcut(x, x.shape[1], stride)
    zeros = torch.zeros_like(y.select(axis, 0)).unsqueeze(axis)
    return torch.cat([y, *[zeros] * (out_channels - x.shape[1])], axis)


@mistake
def zero_columns(x, out_channels, stride):
    """The zeros are columns, to the right of the image. `F.pad` reads its numbers in pairs from the
    last dimension on: the third pair is for the channels."""
    return _zeros_along(3, x, out_channels, stride)


@mistake
def zero_rows(x, out_channels, stride):
    """The zeros are rows, below the image. `F.pad` reads its numbers in pairs from the last
    dimension on, not from the first: width, height, channels."""
    return _zeros_along(2, x, out_channels, stride)


@mistake
def largest(x, out_channels, stride):
    """It keeps the largest number of each window. The shortcut keeps the first pixel of each
    window, whatever its value."""
    return framework.pad_shortcut(F.max_pool2d(x, stride), out_channels, 1)


@mistake
def one_corner(x, out_channels, stride):
    """It keeps one corner of the image. Keep every `stride`-th row and column of the whole
    image."""
    corner = x[..., : x.shape[2] // stride, : x.shape[3] // stride]
    return framework.pad_shortcut(corner, out_channels, 1)


@mistake
def averaged(x, out_channels, stride):
    """It averages the pixels of each window. The shortcut keeps one pixel of each window as it is
    and skips the others."""
    means = F.avg_pool2d(x, stride, ceil_mode=True)
    return framework.pad_shortcut(means, out_channels, 1)


@mistake
def averaged_and_cut(x, out_channels, stride):
    """It averages neighbouring pixels, and leaves out a last row or column without neighbours. The
    shortcut keeps one pixel of each window as it is and skips the others."""
    return framework.pad_shortcut(F.avg_pool2d(x, stride), out_channels, 1)


@mistake
def second_pixel(x, out_channels, stride):
    """It starts at a later pixel. The first pixel to keep is pixel 0, in height and in width."""
    return framework.pad_shortcut(x[..., stride - 1 :, stride - 1 :], out_channels, stride)


@mistake
def rows_alone(x, out_channels, stride):
    """It skips rows, but no columns. The stride applies to both height and width."""
    return framework.pad_shortcut(x[:, :, ::stride], out_channels, 1)


@mistake
def columns_alone(x, out_channels, stride):
    """It skips columns, but no rows. The stride applies to both height and width."""
    return framework.pad_shortcut(x[..., ::stride], out_channels, 1)


@mistake
def cut_off(x, out_channels, stride):
    """No gradient gets back to `x`. To give the gradient a way back is what a shortcut is for:
    compute with `x` itself."""
    return framework.pad_shortcut(x.detach(), out_channels, stride)


@mistake
def filled_with_ones(x, out_channels, stride):
    """The new channels hold ones. They should be zero: only the branch fills them."""
    y = framework.pad_shortcut(x, out_channels, stride)
    new = torch.arange(out_channels, dtype=x.dtype) >= x.shape[1]
    return y + new[:, None, None]


@mistake
def last_repeated(x, out_channels, stride):
    """The new channels are copies of the last one. They should be zero: only the branch fills
    them."""
    again = x[:, torch.arange(out_channels).clamp(max=x.shape[1] - 1)]
    return framework.pad_shortcut(again, out_channels, stride)


@mistake
def interpolated(x, out_channels, stride):
    """It resizes the image, and that does not always keep pixels 0, s, 2s and so on. Keep pixel 0
    and every `stride`-th one after it."""
    size = [(n - 1) // stride + 1 for n in x.shape[2:]]
    return framework.pad_shortcut(F.interpolate(x, size), out_channels, 1)


@mistake
def blended(x, out_channels, stride):
    """It resizes the image and blends neighbouring pixels. The shortcut keeps one pixel of each
    window as it is and skips the others."""
    size = [(n - 1) // stride + 1 for n in x.shape[2:]]
    return framework.pad_shortcut(F.interpolate(x, size, mode="bilinear"), out_channels, 1)


@mistake
def no_stride(x, out_channels, stride):
    """The stride is not used: the image keeps its size. Keep pixel 0 and every `stride`-th one
    after it, in height and width."""
    return framework.pad_shortcut(x, out_channels, 1)


@mistake
def rounded_down(x, out_channels, stride):
    """The last row or column is missing if the size is not a multiple of the stride. Pixel 0 is
    always kept, so the size is rounded up."""
    high, wide = (n // stride * stride for n in x.shape[2:])
    return framework.pad_shortcut(x[..., :high, :wide], out_channels, stride)


@mistake
def halves_cut(x, out_channels, stride):
    """One channel is missing, because half of an odd number was rounded down twice. All zero
    channels belong after those of `x`, not half before and half after."""
    half = (out_channels - x.shape[1]) // 2
    return framework.pad_shortcut(x, x.shape[1] + 2 * half, stride).roll(half, 1)


EXERCISE = Exercise(
    id="resnet.pad_shortcut",
    place=4,
    lesson=LESSON,
    title="A shortcut without parameters",
    points=2,
    minutes=8,
    name="pad_shortcut",
    reference=framework.pad_shortcut,
    cases=_pad_cases,
    small=_pad_small,
    mistakes=tuple(mistake),
    hints=(
        "Two steps. A slice with a step keeps pixels 0, s, 2s, ... of a dimension. Then add "
        "channels of zeros after the existing ones.",
        "`F.pad` takes pairs of numbers from the last dimension to the first: two for the width, "
        "two for the height, two for the channels. Or use `torch.cat` with zeros of the input's "
        "dtype.",
    ),
    shortcuts=(
        Shortcut(
            "It calls a convolution, but this shortcut has nothing to multiply.", CONVOLUTIONS
        ),
    ),
    steady=_pad_steady,
    slow="The number of operations grows with the number of channels. One slice and one padding "
    "are enough for all of them.",
)
