"""Lesson 01: the basic block. The bottleneck shares some of its mistakes."""

from __future__ import annotations

from functools import partial

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import (
    Mistakes,
    change_input,
    change_result,
    relu_after,
    replace_call,
    skip_relu,
    unpad,
)
from convzoo.exercises.model import Exercise, integers, layer_case, pick, small_module_case
from convzoo.exercises.shortcuts import TORCHVISION
from convzoo.ideas.resnet import framework

LESSON = "01_resnet"


_basic_case = partial(layer_case, framework.BasicBlock)


def _basic_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [3, 5, 6])
    return [
        _basic_case(gen, in_channels=4, planes=4, stride=1),
        _basic_case(gen, in_channels=4, planes=wide, stride=1),
        _basic_case(gen, in_channels=3, planes=3, stride=2),
        _basic_case(gen, True, in_channels=3, planes=wide + 1, stride=2, image=(7, 6)),
        _basic_case(gen, True, in_channels=wide, planes=wide, stride=1, image=(4, 5)),
    ]


def _small_basic(image, shift: float = 0.0, **scalars) -> Case:
    x = integers(1, scalars["in_channels"], *image) % 3
    return small_module_case(framework.BasicBlock, scalars, {"x": x}, shift)


def _basic_small() -> list[Case]:
    doubled = _small_basic((1, 2), in_channels=1, planes=1, stride=1)
    two = torch.full((1,), 2.0, dtype=torch.float64)
    return [
        _small_basic((2, 2), in_channels=1, planes=1, stride=1),
        _small_basic((1, 2), in_channels=1, planes=2, stride=1),
        _small_basic((3, 3), in_channels=1, planes=1, stride=2),
        _small_basic((2, 2), 1.0, in_channels=1, planes=1, stride=1),
        Case(doubled.scalars, doubled.tensors, doubled.weights | {"bn2.weight": two}),
    ]


# --- what the mistakes of the two blocks share --------------------------------------

NO_LAST_RELU = "The last ReLU is missing. Apply it after the addition."
RELU_THEN_ADD = (
    "The last ReLU comes before the addition. Then the branch can only add to the input, and never "
    "subtract from it. Add first, then apply the ReLU."
)
RELU_TWICE = (
    "The branch ends with a ReLU of its own, before the addition. Then it can only add to the "
    "input, and never subtract from it. Keep only the ReLU after the addition."
)
NO_INPUT = (
    "The input is never added: this is the plain block. Add the input, or its projection, to the "
    "output of the branch."
)
UNPROJECTED = (
    "When the number of channels changes, the unchanged input is added to the branch. The shortcut "
    "needs its projection there, with stride 1 too: add the projected input."
)
TWO_SIZES = (
    "When the stride is not 1, branch and shortcut have different sizes. Both need the block's "
    "stride, each once. The shortcut needs its projection there even if the number of channels "
    "stays the same."
)
STRIDE_TWICE = (
    "Two convolutions of the branch have the stride, so the image shrinks twice. Give it to only "
    "one of them."
)
NO_NORM = (
    "The projection has no batch norm. Every convolution of the block is followed by one, this one "
    "too."
)
NOT_A_LAYER = (
    "`downsample` is None if input and output have the same shape, and None cannot be called. Add "
    "the input itself then."
)
RECTIFIED_PROJECTION = (
    "The projection ends with a ReLU. It should end with its batch norm: the only ReLU after it is "
    "the one after the addition."
)
UNPADDED = (
    "The output of the branch is smaller than its input although the stride is 1: a 3x3 without "
    "padding loses one pixel on each side. Give it a padding of 1."
)


def without_input(block: nn.Module, convolutions: int) -> nn.Module:
    """Let the block return its branch, after the last ReLU, and add nothing to it."""

    def forward(x: Tensor) -> Tensor:
        for k in range(1, convolutions + 1):
            x = F.relu(getattr(block, f"bn{k}")(getattr(block, f"conv{k}")(x)))
        return x

    block.forward = forward
    return block


def set_strides(block: nn.Module, *strides: int) -> nn.Module:
    """Give conv1, conv2 and so on other strides."""
    for k, stride in enumerate(strides, 1):
        block.get_submodule(f"conv{k}").stride = (stride, stride)
    return block


def without_norm(block: nn.Module) -> nn.Module:
    """Take the batch norm of the projection away."""
    if block.downsample is not None:
        block.downsample = block.downsample[:1]
    return block


def project_if(block: nn.Module, condition: bool) -> nn.Module:
    """Take the projection away unless the condition holds."""
    if not condition:
        block.downsample = nn.Identity()
    return block


def always_project(block: nn.Module) -> nn.Module:
    """Give the block a projection even where the input has the output's shape already."""
    if block.downsample is None:
        channels = block.conv1.in_channels
        project = nn.Conv2d(channels, channels, 1, bias=False)
        block.downsample = nn.Sequential(project, nn.BatchNorm2d(channels))
    return block


def called_without_projection(block: nn.Module) -> nn.Module:
    """Let the block call its projection even if it has none."""
    if block.downsample is None:
        block.forward = lambda x: block.downsample(x)
    return block


# --- the mistakes -----------------------------------------------------------------

mistake = Mistakes(framework.BasicBlock)


mistake.add(
    "no_last_relu",
    NO_LAST_RELU,
    lambda **settings: skip_relu(framework.BasicBlock(**settings), 1, of=2),
)
mistake.add(
    "relu_then_add",
    RELU_THEN_ADD,
    lambda **settings: relu_after(skip_relu(framework.BasicBlock(**settings), 1, of=2), "bn2"),
)
mistake.add(
    "relu_twice", RELU_TWICE, lambda **settings: relu_after(framework.BasicBlock(**settings), "bn2")
)


mistake.add(
    "rectified_projection",
    RECTIFIED_PROJECTION,
    lambda **settings: relu_after(framework.BasicBlock(**settings), "downsample"),
)


@mistake
def relu_then_norm(**settings):
    """The first ReLU comes before the batch norm. The order is: convolution, batch norm, ReLU."""
    return relu_after(skip_relu(framework.BasicBlock(**settings), 0, of=2), "conv1")


@mistake
def one_norm_for_both(**settings):
    """The first batch norm is used twice and the second never. Each 3x3 has its own."""
    return replace_call(framework.BasicBlock(**settings), "bn2", "bn1")


@mistake
def no_second_norm(**settings):
    """The second batch norm is created but not used. Apply it after the second 3x3, before the
    addition."""
    return replace_call(framework.BasicBlock(**settings), "bn2")


@mistake
def no_first_relu(**settings):
    """There is no ReLU between the two 3x3 layers. Apply one after the first batch norm."""
    return skip_relu(framework.BasicBlock(**settings), 0, of=2)


mistake.add(
    "no_input", NO_INPUT, lambda **settings: without_input(framework.BasicBlock(**settings), 2)
)


@mistake
def stride_second(stride, **widths):
    """The second 3x3 has the stride. The sizes are right, but the first 3x3 then works at the full
    size, and the numbers differ. Give the stride to the first 3x3."""
    return set_strides(framework.BasicBlock(stride=stride, **widths), 1, stride)


mistake.add(
    "stride_twice",
    STRIDE_TWICE,
    lambda stride, **widths: set_strides(
        framework.BasicBlock(stride=stride, **widths), stride, stride
    ),
)
mistake.add(
    "unpadded",
    UNPADDED,
    lambda **settings: unpad(framework.BasicBlock(**settings), "conv1", "conv2"),
)
mistake.add(
    "unprojected",
    UNPROJECTED,
    lambda stride, **widths: project_if(framework.BasicBlock(stride=stride, **widths), stride != 1),
)
mistake.add(
    "two_sizes",
    TWO_SIZES,
    lambda in_channels, planes, stride: project_if(
        framework.BasicBlock(in_channels, planes, stride), in_channels != planes
    ),
)


@mistake
def always_projects(**settings):
    """Every block has a projection. If the input already has the shape of the output, add it
    unchanged: that identity is the point of the block."""
    return always_project(framework.BasicBlock(**settings))


@mistake
def no_relu(**settings):
    """There is no ReLU at all. Apply one after the first batch norm and one after the addition."""
    return skip_relu(framework.BasicBlock(**settings), 0, 1, of=2)


@mistake
def norm_after_sum(**settings):
    """The second batch norm comes after the addition. Then it scales and shifts the input as well.
    Normalise the branch first, then add."""
    block = framework.BasicBlock(**settings)
    norm = block.bn2.forward
    replace_call(block, "bn2")
    skip_relu(block, 1, of=2)
    return change_result(block, lambda x, y: F.relu(norm(y)))


@mistake
def shortcut_from_the_middle(**settings):
    """The shortcut starts after the first 3x3, so what it adds is no longer the input. Keep the
    input of the block until the addition: give the outputs of the layers another name."""
    block = framework.BasicBlock(**settings)
    conv, norm = block.conv1.forward, block.bn1.forward
    replace_call(block, "conv1")
    replace_call(block, "bn1")
    return change_input(block, lambda x: F.relu(norm(conv(x))).clone())


@mistake
def both_rectified(**settings):
    """Branch and shortcut each go through a ReLU before they are added, so neither can be negative.
    Add first, then apply one ReLU to the sum."""
    block = relu_after(relu_after(framework.BasicBlock(**settings), "bn2"), "downsample")
    if block.downsample is None:
        block.downsample = nn.ReLU()
    return block


mistake.add(
    "not_a_layer",
    NOT_A_LAYER,
    lambda **settings: called_without_projection(framework.BasicBlock(**settings)),
)
mistake.add("no_norm", NO_NORM, lambda **settings: without_norm(framework.BasicBlock(**settings)))


@mistake
def padded_projection(**settings):
    """The 1x1 of the projection has a padding, which makes its output larger. A 1x1 needs none."""
    block = framework.BasicBlock(**settings)
    if block.downsample is not None:
        block.downsample[0].padding = (1, 1)
    return block


@mistake
def one_unpadded(**settings):
    """The second 3x3 has no padding, so the branch loses one pixel on each side. Both 3x3 layers
    need a padding of 1."""
    return unpad(framework.BasicBlock(**settings), "conv2")


EXERCISE = Exercise(
    id="resnet.basic_block",
    place=2,
    lesson=LESSON,
    title="The basic block",
    points=4,
    minutes=15,
    name="BasicBlock",
    reference=framework.BasicBlock,
    cases=_basic_cases,
    small=_basic_small,
    mistakes=tuple(mistake),
    hints=(
        "Draw it first: two 3x3 layers in a row, each followed by a batch norm, and a line around "
        "both that joins them at a plus sign. There is a ReLU between the two layers and one after "
        "the plus.",
        "Only the first 3x3 has the stride and changes the channels from in_channels to planes. "
        "When do the two ends of the line around have different shapes? There are two reasons.",
        "In `__init__`: conv1, bn1, conv2, bn2, then `downsample`: None, or the 1x1 and its batch "
        "norm in an nn.Sequential. In `forward`: the branch up to bn2; the input, through "
        "`downsample` if there is one; the sum of both; the ReLU of the sum.",
    ),
    shortcuts=(TORCHVISION,),
)
