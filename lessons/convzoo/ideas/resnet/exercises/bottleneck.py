"""Lesson 01, Further B: the bottleneck, in two layouts."""

from __future__ import annotations

from functools import partial

from torch import Generator, nn

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes, relu_after, replace_call, skip_relu, unpad
from convzoo.exercises.model import Exercise, integers, layer_case, pick, small_module_case
from convzoo.exercises.shortcuts import TORCHVISION
from convzoo.ideas.resnet import framework
from convzoo.ideas.resnet.exercises.basic_block import (
    NO_INPUT,
    NO_LAST_RELU,
    NO_NORM,
    NOT_A_LAYER,
    RECTIFIED_PROJECTION,
    RELU_THEN_ADD,
    RELU_TWICE,
    STRIDE_TWICE,
    TWO_SIZES,
    UNPADDED,
    UNPROJECTED,
    always_project,
    called_without_projection,
    project_if,
    set_strides,
    without_input,
    without_norm,
)

LESSON = "01_resnet"


_bottleneck_case = partial(layer_case, framework.Bottleneck)


def _bottleneck_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [5, 7, 9])
    rows = [  # in_channels, planes, stride, stride_in_1x1
        (8, 2, 1, False),
        (12, 3, 2, True),
        (wide, 2, 2, False),
        (wide, 2, 2, True),
        (wide, 3, 1, True),
    ]
    names = ("in_channels", "planes", "stride", "stride_in_1x1")
    return [
        _bottleneck_case(gen, training=k in (2, 3), **dict(zip(names, row, strict=True)))
        for k, row in enumerate(rows)
    ]


def _small_bottleneck(image, shift: float = 0.0, **scalars) -> Case:
    x = integers(1, scalars["in_channels"], *image) % 3
    return small_module_case(framework.Bottleneck, scalars, {"x": x}, shift)


def _bottleneck_small() -> list[Case]:
    return [
        _small_bottleneck((1, 2), in_channels=4, planes=1, stride=1, stride_in_1x1=False),
        _small_bottleneck((1, 2), in_channels=1, planes=1, stride=1, stride_in_1x1=False),
        _small_bottleneck((1, 2), in_channels=1, planes=2, stride=2, stride_in_1x1=False),
        _small_bottleneck((1, 2), in_channels=1, planes=2, stride=2, stride_in_1x1=True),
        _small_bottleneck((1, 3), in_channels=1, planes=2, stride=2, stride_in_1x1=False),
        _small_bottleneck((1, 2), 1.0, in_channels=4, planes=1, stride=1, stride_in_1x1=False),
    ]


mistake = Mistakes(framework.Bottleneck)


@mistake
def always_3x3(stride_in_1x1, **settings):
    """The 3x3 has the stride in both layouts. With `stride_in_1x1`, the paper's layout, the first
    1x1 has it."""
    return framework.Bottleneck(stride_in_1x1=False, **settings)


@mistake
def always_1x1(stride_in_1x1, **settings):
    """The first 1x1 has the stride in both layouts. That is the paper's layout only. Without
    `stride_in_1x1` the stride belongs to the 3x3."""
    return framework.Bottleneck(stride_in_1x1=True, **settings)


@mistake
def reversed(stride_in_1x1, **settings):
    """The two layouts are swapped. With `stride_in_1x1` the first 1x1 has the stride and the 3x3
    has none."""
    return framework.Bottleneck(stride_in_1x1=not stride_in_1x1, **settings)


@mistake
def in_the_last(stride, **settings):
    """The last 1x1 has the stride. Depending on `stride_in_1x1`, it belongs to the first 1x1 or to
    the 3x3."""
    return set_strides(framework.Bottleneck(stride=stride, **settings), 1, 1, stride)


mistake.add(
    "stride_twice",
    STRIDE_TWICE,
    lambda stride, **settings: set_strides(
        framework.Bottleneck(stride=stride, **settings), stride, stride
    ),
)
mistake.add(
    "unpadded", UNPADDED, lambda **settings: unpad(framework.Bottleneck(**settings), "conv2")
)
mistake.add(
    "no_input", NO_INPUT, lambda **settings: without_input(framework.Bottleneck(**settings), 3)
)
mistake.add(
    "no_last_relu",
    NO_LAST_RELU,
    lambda **settings: skip_relu(framework.Bottleneck(**settings), 2, of=3),
)
mistake.add(
    "relu_then_add",
    RELU_THEN_ADD,
    lambda **settings: relu_after(skip_relu(framework.Bottleneck(**settings), 2, of=3), "bn3"),
)
mistake.add(
    "relu_twice", RELU_TWICE, lambda **settings: relu_after(framework.Bottleneck(**settings), "bn3")
)


@mistake
def no_first_relu(**settings):
    """There is no ReLU between the first 1x1 and the 3x3. Apply one after the first batch norm."""
    return skip_relu(framework.Bottleneck(**settings), 0, of=3)


@mistake
def no_middle_relu(**settings):
    """There is no ReLU between the 3x3 and the last 1x1. Apply one after the second batch norm."""
    return skip_relu(framework.Bottleneck(**settings), 1, of=3)


mistake.add(
    "unprojected",
    UNPROJECTED,
    lambda stride, **settings: project_if(
        framework.Bottleneck(stride=stride, **settings), stride != 1
    ),
)
mistake.add(
    "two_sizes",
    TWO_SIZES,
    lambda in_channels, planes, **settings: project_if(
        framework.Bottleneck(in_channels, planes, **settings), in_channels != 4 * planes
    ),
)


@mistake
def always_projects(**settings):
    """The shortcut has a projection although the input already has the shape of the output. The
    block returns 4 * `planes` channels: compare `in_channels` with that number."""
    return always_project(framework.Bottleneck(**settings))


mistake.add(
    "not_a_layer",
    NOT_A_LAYER,
    lambda **settings: called_without_projection(framework.Bottleneck(**settings)),
)
mistake.add("no_norm", NO_NORM, lambda **settings: without_norm(framework.Bottleneck(**settings)))
mistake.add(
    "rectified_projection",
    RECTIFIED_PROJECTION,
    lambda **settings: relu_after(framework.Bottleneck(**settings), "downsample"),
)


@mistake
def no_relu_in_the_branch(**settings):
    """There is no ReLU in the branch. Apply one after each of its first two batch norms."""
    return skip_relu(framework.Bottleneck(**settings), 0, 1, of=3)


@mistake
def relu_then_norm(**settings):
    """The ReLUs of the branch come before the batch norms. The order is: convolution, batch norm,
    ReLU."""
    block = skip_relu(framework.Bottleneck(**settings), 0, 1, of=3)
    return relu_after(relu_after(block, "conv1"), "conv2")


@mistake
def no_last_norm(**settings):
    """The third batch norm is created but not used. Apply it after the last 1x1, before the
    addition."""
    return replace_call(framework.Bottleneck(**settings), "bn3")


@mistake
def stride_lost(stride, stride_in_1x1, **settings):
    """Without `stride_in_1x1` nothing in the branch has the stride, so the branch is larger than
    the shortcut. In this layout the 3x3 has it."""
    block = framework.Bottleneck(stride=stride, stride_in_1x1=stride_in_1x1, **settings)
    return block if stride_in_1x1 else set_strides(block, 1, 1)


@mistake
def not_widened(in_channels, planes, stride, stride_in_1x1):
    """The block returns `planes` channels. It should return 4 * `planes`: the last 1x1 widens the
    branch to that number, and the projection does the same for the shortcut."""
    block = framework.Bottleneck(in_channels, planes, stride, stride_in_1x1)
    block.conv3, block.bn3 = nn.Conv2d(planes, planes, 1, bias=False), nn.BatchNorm2d(planes)
    block.downsample = framework.projection(in_channels, planes, stride)
    return block


EXERCISE = Exercise(
    id="resnet.bottleneck",
    place=5,
    lesson=LESSON,
    title="The bottleneck, in two layouts",
    points=4,
    minutes=15,
    name="Bottleneck",
    reference=framework.Bottleneck,
    cases=_bottleneck_cases,
    small=_bottleneck_small,
    mistakes=tuple(mistake),
    hints=(
        "Three convolutions without bias: a 1x1 from in_channels to planes, a 3x3 at that width, "
        "and a 1x1 to 4 * planes. A batch norm after each, a ReLU after the first two and one "
        "after the addition, as in the basic block.",
        "The output has the same size in both layouts, so the projection keeps its stride. Only "
        "conv1 and conv2 depend on `stride_in_1x1`: one of them has the stride, the other has 1.",
    ),
    shortcuts=(TORCHVISION,),
)
