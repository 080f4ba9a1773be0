"""Lesson 07, Further: the reader designs a block within a budget."""

from __future__ import annotations

from math import gcd

from torch import Generator, nn

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes, change_input
from convzoo.exercises.model import Exercise, pick
from convzoo.ideas.zoo import framework

LESSON = "07_zoo"
EXAMINED = "convzoo.ideas.zoo.networks:examined"


def _case(in_channels: int, planes: int, stride: int, side: int) -> Case:
    """Return a case whose budget is half of what a full 3x3 layer costs there."""
    full = (-(-side // stride)) ** 2 * 9 * in_channels * planes
    asked = {"in_channels": in_channels, "planes": planes, "stride": stride, "side": side}
    return Case(asked | {"budget": full // 2}, {}, examine=EXAMINED)


def _cases(gen: Generator) -> list[Case]:
    odd, even, any_side = [5, 7], [6, 8], [5, 6, 7, 8]
    shapes = (
        (8, 8, 1, any_side),
        (8, 16, 2, even),
        (8, 8, 2, odd),
        (12, 12, 1, any_side),
        (12, 24, 1, any_side),
        (4, 4, 2, even),
    )
    return [_case(*shape, side=pick(gen, sides)) for *shape, sides in shapes]


def _small() -> list[Case]:
    """Return cases whose images are so large that the middle pixel has neighbours, even after two
    strides of 2."""
    shapes = ((8, 8, 1, 6), (8, 16, 2, 8), (8, 8, 2, 8), (8, 16, 1, 6))
    return [_case(*shape) for shape in shapes]


mistake = Mistakes(framework.Design)


def _layer(in_channels, planes, stride, kernel: int, groups: int = 1) -> nn.Module:
    """Return a block of one convolution, with batch norm and ReLU."""
    conv = nn.Conv2d(in_channels, planes, kernel, stride, kernel // 2, groups=groups)
    return nn.Sequential(conv, nn.BatchNorm2d(planes), nn.ReLU())


@mistake
def full(in_channels, planes, stride):
    """A full 3x3 layer costs twice the budget. Find out which of its weights your block can do
    without."""
    return _layer(in_channels, planes, stride, 3)


@mistake
def depthwise_alone(in_channels, planes, stride):
    """With a depthwise layer alone, no two channels ever meet. Something has to mix them."""
    return _layer(in_channels, planes, stride, 3, gcd(in_channels, planes))


@mistake
def four_groups(in_channels, planes, stride):
    """The block keeps within the budget, but its four groups never meet (lesson 05 calls them
    stovepipes). Something has to mix them."""
    return _layer(in_channels, planes, stride, 3, 4)


@mistake
def two_groups(in_channels, planes, stride):
    """There are two groups of channels that never meet, so each output sees only half of the
    inputs. Something has to mix them."""
    return _layer(in_channels, planes, stride, 3, 2)


@mistake
def one_pixel(in_channels, planes, stride):
    """All channels meet, but an output sees none of its pixel's neighbours. A block of an image
    network has to look at 3 x 3 pixels or more."""
    return _layer(in_channels, planes, stride, 1)


@mistake
def column(in_channels, planes, stride):
    """An output sees only 3 pixels, in one column or in one row. A 3 x 1 kernel needs a 1 x 3
    kernel as well."""
    return nn.Conv2d(in_channels, planes, (3, 1), stride, (1, 0))


@mistake
def unused(in_channels, planes, stride):
    """Some input channels are not used at all. Every output channel has to depend on every input
    channel."""
    quarter = in_channels // 4
    return change_input(nn.Conv2d(quarter, planes, 3, stride, 1), lambda x: x.narrow(1, 0, quarter))


@mistake
def no_stride(in_channels, planes, stride):
    """The stride is not used. With stride 2 the output has half as many rows and columns."""
    return framework.Design(in_channels, planes, 1)


@mistake
def stride_in_rows(in_channels, planes, stride):
    """The stride is used for the rows only. With stride 2 the output should have half as many
    columns, too."""
    block = framework.Design(in_channels, planes, stride)
    block.depthwise.stride = (stride, 1)
    return block


@mistake
def stride_twice(in_channels, planes, stride):
    """The stride is used in two layers, so a stride of 2 becomes one of 4. Use it once."""
    block = framework.Design(in_channels, planes, stride)
    block.pointwise.stride = (stride, stride)
    return block


@mistake
def two_full(in_channels, planes, stride):
    """Two full 3x3 layers cost at least four times the budget. Even one is too much: find out which
    of its weights your block can do without."""
    first = nn.Conv2d(in_channels, planes, 3, stride, 1)
    return nn.Sequential(first, nn.ReLU(), nn.Conv2d(planes, planes, 3, 1, 1))


@mistake
def row_after_column(in_channels, planes, stride):
    """A 3 x 1 layer and a 1 x 3 layer see 3 x 3 pixels, but two full ones cost two thirds of a full
    3x3 layer or more. The budget is a half."""
    column = nn.Conv2d(in_channels, planes, (3, 1), (stride, 1), (1, 0))
    return nn.Sequential(column, nn.ReLU(), nn.Conv2d(planes, planes, (1, 3), (1, stride), (0, 1)))


@mistake
def pooled_later(in_channels, planes, stride):
    """The block computes at full size and throws pixels away at its end, so with stride 2 it costs
    four times as much. Put the stride into its first layer."""
    block = framework.Design(in_channels, planes, 1)
    return block if stride == 1 else nn.Sequential(block, nn.MaxPool2d(2, ceil_mode=True))


@mistake
def pooled_globally(in_channels, planes, stride):
    """The whole image becomes one pixel. A block of an image network keeps the rows and columns
    (half of them with stride 2)."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(in_channels, planes, 1))


@mistake
def no_padding(in_channels, planes, stride):
    """Rows and columns are lost at the border. A 3x3 needs a padding of 1 to keep them."""
    depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, groups=in_channels)
    return nn.Sequential(depthwise, nn.Conv2d(in_channels, planes, 1))


@mistake
def planes_fixed(in_channels, planes, stride):
    """The block returns another number of channels than `planes`. Return `planes` channels."""
    return framework.Design(in_channels, 4, stride)


EXERCISE = Exercise(
    id="zoo.design",
    place=4,
    lesson=LESSON,
    title="A design of your own",
    points=3,
    minutes=20,
    name="Design",
    reference=framework.Design,
    cases=_cases,
    small=_small,
    returns=(
        "output channels",
        "output rows",
        "output columns",
        "multiply-adds above the budget",
        "unused input channels",
        "pairs of channels that never meet",
        "pixels seen in a 3 x 3",
    ),
    mistakes=tuple(mistake),
    hints=(
        "There are two jobs: to look at neighbours, and to mix channels. A full 3x3 does both "
        "with each of its weights. What if two layers share the work?",
        "A 3x3 in many groups is cheap and looks at neighbours, and a 1x1 mixes channels. Or use "
        "two grouped layers with a shuffle between them, or make the middle narrow. Count the "
        "cost before you check: `measure.cost`.",
    ),
)
