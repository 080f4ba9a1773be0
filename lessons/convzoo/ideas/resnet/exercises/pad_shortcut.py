"""Lesson 01, Further A: a shortcut without parameters."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, integers, normal, pick
from convzoo.ideas.resnet import framework

LESSON = "01_resnet"


def _pad_case(gen: Generator, channels: int, out: int, stride: int, image) -> Case:
    x = normal(gen, 2, channels, *image)
    return Case({"out_channels": out, "stride": stride}, {"x": x})


def _pad_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [7, 8, 10])
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
    """The channels of zeros stand in front. They come behind the channels of `x`."""
    added = out_channels - x.shape[1]
    return framework.pad_shortcut(x, out_channels, stride).roll(added, 1)


@mistake
def zeros_around(x, out_channels, stride):
    """Half of the zero channels stand in front and half behind. All of them come behind."""
    added = out_channels - x.shape[1]
    return framework.pad_shortcut(x, out_channels, stride).roll(added // 2, 1)


@mistake
def repeated(x, out_channels, stride):
    """The channels of `x` are repeated until there are enough. The new ones are zero: the branch
    alone fills them."""
    again = x[:, torch.arange(out_channels) % x.shape[1]]
    return framework.pad_shortcut(again, out_channels, stride)


@mistake
def added_channels(x, out_channels, stride):
    """As many channels of zeros are added as shall leave. `out_channels` counts those of `x`
    too."""
    return framework.pad_shortcut(x, x.shape[1] + out_channels, stride)


def _zeros_along(axis: int, x: Tensor, out_channels: int, stride: int) -> Tensor:
    """Return the kept pixels with the zeros that are missing along another axis."""
    y = framework.pad_shortcut(x, x.shape[1], stride)
    zeros = torch.zeros_like(y.select(axis, 0)).unsqueeze(axis)
    return torch.cat([y, *[zeros] * (out_channels - x.shape[1])], axis)


@mistake
def zero_columns(x, out_channels, stride):
    """The zeros come as columns, behind the width. `F.pad` takes its pairs from the last axis on:
    the channels are the third."""
    return _zeros_along(3, x, out_channels, stride)


@mistake
def zero_rows(x, out_channels, stride):
    """The zeros come as rows, below the image. `F.pad` takes its pairs from the last axis on, not
    from the first: width, height, channels."""
    return _zeros_along(2, x, out_channels, stride)


@mistake
def largest(x, out_channels, stride):
    """The largest number of each window is kept. The shortcut keeps the first pixel of each
    stride, be it large or small."""
    return framework.pad_shortcut(F.max_pool2d(x, stride), out_channels, 1)


@mistake
def one_corner(x, out_channels, stride):
    """One corner of the image is kept. Of all its rows and columns every `stride`-th one is
    kept."""
    corner = x[..., : x.shape[2] // stride, : x.shape[3] // stride]
    return framework.pad_shortcut(corner, out_channels, 1)


@mistake
def averaged(x, out_channels, stride):
    """Neighbouring pixels are averaged. The shortcut keeps one pixel of each stride and leaves out
    the others."""
    return framework.pad_shortcut(F.avg_pool2d(x, stride), out_channels, 1)


@mistake
def second_pixel(x, out_channels, stride):
    """It begins with a later pixel. The first one that is kept is pixel 0, in height and in
    width."""
    return framework.pad_shortcut(x[..., stride - 1 :, stride - 1 :], out_channels, stride)


@mistake
def rows_alone(x, out_channels, stride):
    """Only the rows are thinned out. The stride holds for height and width alike."""
    return framework.pad_shortcut(x[:, :, ::stride], out_channels, 1)


@mistake
def columns_alone(x, out_channels, stride):
    """Only the columns are thinned out. The stride holds for height and width alike."""
    return framework.pad_shortcut(x[..., ::stride], out_channels, 1)


@mistake
def cut_off(x, out_channels, stride):
    """The numbers are copied, but the gradient does not come back to `x`: and a way back for the
    gradient is what the shortcut is for."""
    return framework.pad_shortcut(x.detach(), out_channels, stride)


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
        "Two steps. A slice with a step keeps pixels 0, s, 2s, ... of an axis. Then channels of "
        "zeros are put behind those that there are.",
        "`F.pad` takes pairs of numbers from the last axis to the first: two for the width, two "
        "for the height, two for the channels. Or `torch.cat` with zeros of the input's dtype.",
    ),
    shortcuts=(
        Shortcut(
            "It calls a convolution. This shortcut has nothing to multiply.",
            lambda op: op.name.startswith("aten.convolution"),
            ("conv2d", "Conv2d"),
        ),
    ),
    steady=_pad_steady,
    slow="The number of operations grows with the number of channels. One slice and one padding "
    "do for all of them.",
)
