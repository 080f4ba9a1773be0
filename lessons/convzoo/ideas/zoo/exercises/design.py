"""Lesson 07, Further: a design of one's own, within its budget."""

from __future__ import annotations

from math import gcd

from torch import Generator, nn

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, pick
from convzoo.ideas.zoo import framework

LESSON = "07_zoo"
EXAMINED = "convzoo.ideas.zoo.networks:examined"


def _design_case(in_channels: int, planes: int, stride: int, side: int) -> Case:
    """The budget is half of what a full 3x3 layer costs there."""
    full = (-(-side // stride)) ** 2 * 9 * in_channels * planes
    asked = {"in_channels": in_channels, "planes": planes, "stride": stride, "side": side}
    return Case(asked | {"budget": full // 2}, {}, examine=EXAMINED)


def _design_cases(gen: Generator) -> list[Case]:
    odd, even, any_side = [5, 7], [6, 8], [5, 6, 7, 8]
    shapes = (
        (8, 8, 1, any_side),
        (8, 16, 2, even),
        (8, 8, 2, odd),
        (12, 12, 1, any_side),
        (12, 24, 1, any_side),
    )
    return [_design_case(*shape, side=pick(gen, sides)) for *shape, sides in shapes]


def _design_small() -> list[Case]:
    """Sides at which the middle pixel's neighbours are there, even two strides of 2 away."""
    shapes = ((8, 8, 1, 6), (8, 16, 2, 8), (8, 8, 2, 8), (8, 16, 1, 6))
    return [_design_case(*shape) for shape in shapes]


def _layer(kernel: int, groups=lambda i, p: 1, keep: bool = False):
    """A block of one convolution, with batch norm and ReLU."""

    class Layer(nn.Sequential):
        def __init__(self, in_channels, planes, stride):
            out = in_channels if keep else planes
            conv = nn.Conv2d(
                in_channels, out, kernel, stride, kernel // 2, groups=groups(in_channels, out)
            )
            super().__init__(conv, nn.BatchNorm2d(out), nn.ReLU())

    return Layer


class _NoStride(framework.Design):
    def __init__(self, in_channels, planes, stride):
        super().__init__(in_channels, planes, 1)


class _NoPadding(nn.Sequential):
    def __init__(self, in_channels, planes, stride):
        look = nn.Conv2d(in_channels, in_channels, 3, stride, groups=in_channels)
        super().__init__(look, nn.Conv2d(in_channels, planes, 1))


class _SamePlanes(framework.Design):
    def __init__(self, in_channels, planes, stride):
        super().__init__(in_channels, 4, stride)


class _Part(nn.Module):
    """A convolution that is given a quarter of the channels."""

    def __init__(self, in_channels, planes, stride):
        super().__init__()
        self.used = in_channels // 4
        self.conv = nn.Conv2d(self.used, planes, 3, stride, 1)

    def forward(self, x):
        return self.conv(x.narrow(1, 0, self.used))


class _Column(nn.Sequential):
    def __init__(self, in_channels, planes, stride):
        super().__init__(nn.Conv2d(in_channels, planes, (3, 1), stride, (1, 0)))


EXERCISE = Exercise(
    id="zoo.design",
    place=4,
    lesson=LESSON,
    title="A design of your own",
    points=3,
    minutes=20,
    name="Design",
    reference=framework.Design,
    cases=_design_cases,
    small=_design_small,
    returns=(
        "channels out",
        "rows out",
        "multiply-adds above the budget",
        "unused input channels",
        "pairs of channels that never meet",
        "pixels of a 3 x 3 that one sees",
    ),
    mistakes=(
        Mistake(
            "full",
            "A full 3x3 layer is twice the budget. Find weights that it can do without.",
            _layer(3),
        ),
        Mistake(
            "depthwise_alone",
            "A depthwise layer alone lets no two channels meet.",
            _layer(3, lambda i, p: gcd(i, p)),
        ),
        Mistake(
            "four_groups",
            "The budget is kept, but these are stovepipes: four groups that never meet (lesson "
            "05).",
            _layer(3, lambda i, p: 4),
        ),
        Mistake(
            "two_groups",
            "Two groups of channels never meet, so each output sees half of the inputs.",
            _layer(3, lambda i, p: 2),
        ),
        Mistake(
            "one_pixel",
            "All channels meet, but a pixel sees none of its neighbours. A block of an image "
            "network looks at 3 x 3 pixels at least.",
            _layer(1),
        ),
        Mistake(
            "column",
            "A pixel sees 3 pixels of one column, or of one row, and none beside it. A kernel of "
            "3 x 1 needs one of 1 x 3 too.",
            _Column,
        ),
        Mistake(
            "unused",
            "Some input channels are not used at all. Every output has to depend on each of them.",
            _Part,
        ),
        Mistake(
            "no_stride",
            "The stride is not used: with stride 2 the image has half as many rows and columns.",
            _NoStride,
        ),
        Mistake(
            "no_padding",
            "Rows and columns are lost at the border: a 3x3 keeps them with a padding of 1.",
            _NoPadding,
        ),
        Mistake(
            "planes_fixed", "The number of channels that come out is not `planes`.", _SamePlanes
        ),
    ),
    hints=(
        "Two jobs, and a full 3x3 does both in each of its weights: look at neighbours, and mix "
        "channels. What if two layers share them?",
        "A 3x3 in many groups is cheap and looks; a 1x1 mixes. Or two grouped layers with a "
        "shuffle between them. Or a narrow middle. Count before you check: `measure.cost`.",
    ),
)
