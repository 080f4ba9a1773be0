"""Lesson 06: MobileNetV1's block."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from torch import Generator, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import (
    Mistakes,
    change_input,
    change_result,
    reorder,
    replace_call,
    swap_strides,
)
from convzoo.exercises.model import Exercise, integers, layer_case, pick, small_module_case
from convzoo.exercises.shortcuts import TORCHVISION
from convzoo.ideas.separable import framework
from convzoo.ideas.separable.exercises.depthwise_conv2d import GROUPED

LESSON = "06_separable"


GROUPED_LAYER = replace(
    GROUPED,
    sentence="It calls the framework's grouped convolution. Use `DepthwiseConv2d` from above "
    "instead, so that the block runs on your own code.",
)


_case = partial(layer_case, framework.DepthwiseSeparable)


def _cases(gen: Generator) -> list[Case]:
    out = pick(gen, [5, 6, 7])
    return [
        _case(gen, in_channels=4, out_channels=4, stride=1, times=20.0),
        _case(gen, in_channels=4, out_channels=out, stride=1),
        _case(gen, True, in_channels=3, out_channels=6, stride=2),
        _case(gen, in_channels=5, out_channels=3, stride=2, image=(5, 7)),
    ]


def _small_case(image, start=0, shift=0.0, **scalars) -> Case:
    x = (integers(1, scalars["in_channels"], *image) + start) % 4 - 1
    return small_module_case(framework.DepthwiseSeparable, scalars, {"x": x}, shift)


def _small() -> list[Case]:
    return [
        _small_case((1, 2), in_channels=2, out_channels=2, stride=1),
        _small_case((2, 2), start=1, in_channels=2, out_channels=2, stride=2),
        _small_case((3, 3), start=3, in_channels=2, out_channels=2, stride=2),
        _small_case((1, 2), shift=-1.0, in_channels=2, out_channels=2, stride=1),
        Case(
            {"in_channels": 2, "out_channels": 2, "stride": 1},
            {"x": integers(1, 2, 1, 2, start=3)},
            small_module_case(
                framework.DepthwiseSeparable, {"in_channels": 2, "out_channels": 2, "stride": 1}, {}
            ).weights,
        ),
    ]


mistake = Mistakes(framework.DepthwiseSeparable)


@mistake
def no_middle_relu(**scalars):
    """There is no ReLU between the depthwise layer and the 1x1. Without it the two would be one
    linear layer of a special form."""
    return replace_call(framework.DepthwiseSeparable(**scalars), "relu1")


@mistake
def no_last_relu(**scalars):
    """The last ReLU is missing. MobileNetV1 has one after the second batch norm too."""
    return replace_call(framework.DepthwiseSeparable(**scalars), "relu2")


@mistake
def no_relu(**scalars):
    """Both ReLUs are missing. There is one after each of the two batch norms; without them the
    block is one linear layer of a special form."""
    block = replace_call(framework.DepthwiseSeparable(**scalars), "relu1")
    return replace_call(block, "relu2")


@mistake
def relu_on_input(**scalars):
    """The input goes through a ReLU before the depthwise layer. The block begins with the depthwise
    layer: the ReLUs come after the batch norms."""
    return change_input(framework.DepthwiseSeparable(**scalars), F.relu, "depthwise")


@mistake
def shortcut_before_relu(**scalars):
    """The input is added before the last ReLU, as in ResNet. MobileNetV1 has no shortcut."""
    block = framework.DepthwiseSeparable(**scalars)
    block.relu2 = nn.Identity()
    return change_result(block, lambda x, y: F.relu(y + x if x.shape == y.shape else y))


@mistake
def no_norms(**scalars):
    """Both batch norms are created but not used. Apply one after each of the two convolutions."""
    return replace_call(replace_call(framework.DepthwiseSeparable(**scalars), "bn1"), "bn2")


@mistake
def norms_swapped(in_channels, out_channels, stride):
    """The two batch norms are swapped. The first one comes after the depthwise layer, the second
    one after the 1x1."""
    block = framework.DepthwiseSeparable(in_channels, out_channels, stride)
    return reorder(block, bn1="bn2", bn2="bn1")


@mistake
def one_norm(**scalars):
    """The first batch norm is used twice and the second one not at all. Each convolution has its
    own batch norm."""
    return replace_call(framework.DepthwiseSeparable(**scalars), "bn2", "bn1")


@mistake
def norm_first(**scalars):
    """Each batch norm and ReLU comes before its convolution. In MobileNet each convolution comes
    first, then its batch norm, then the ReLU."""
    block = framework.DepthwiseSeparable(**scalars)
    order = {"depthwise": "bn1", "bn1": "relu1", "relu1": "depthwise"}
    order |= {"pointwise": "bn2", "bn2": "relu2", "relu2": "pointwise"}
    return reorder(block, **order)


@mistake
def no_pointwise(**scalars):
    """The 1x1 is created but not used, so the channels are never mixed. Apply it after the first
    ReLU."""
    return replace_call(framework.DepthwiseSeparable(**scalars), "pointwise")


@mistake
def stride_as_padding(in_channels, out_channels, stride):
    """The block's stride is used as the padding of the depthwise layer, and the stride of that
    layer stays 1. The arguments are channels, kernel size, stride and padding, in this order."""
    block = framework.DepthwiseSeparable(in_channels, out_channels)
    block.depthwise.padding = (stride, stride)
    return block


@mistake
def shortcut(**scalars):
    """The input is added to the output. MobileNetV1 has no shortcut: that came with V2."""
    block = framework.DepthwiseSeparable(**scalars)
    return change_result(block, lambda x, y: y + x if x.shape == y.shape else y)


@mistake
def stride_in_pointwise(**scalars):
    """The stride is in the 1x1, but it belongs to the depthwise layer. In evaluation both give the
    same numbers. In training the first batch norm then averages over pixels that are thrown away
    later."""
    return swap_strides(framework.DepthwiseSeparable(**scalars), "depthwise", "pointwise")


@mistake
def stride_in_both(**scalars):
    """Both layers have the stride, so it is applied twice. Give it to the depthwise layer only."""
    block = framework.DepthwiseSeparable(**scalars)
    block.pointwise.stride = block.depthwise.stride
    return block


@mistake
def no_stride(in_channels, out_channels, stride):
    """The stride is not used. Give it to the depthwise layer."""
    return framework.DepthwiseSeparable(in_channels, out_channels)


@mistake
def no_first_norm(**scalars):
    """The first batch norm is created but not used. It comes after the depthwise layer, before the
    ReLU."""
    return replace_call(framework.DepthwiseSeparable(**scalars), "bn1")


@mistake
def no_second_norm(**scalars):
    """The second batch norm is created but not used. It comes after the 1x1, before the last
    ReLU."""
    return replace_call(framework.DepthwiseSeparable(**scalars), "bn2")


@mistake
def relu_before_norm(**scalars):
    """The ReLUs come before the batch norms. In MobileNet each ReLU comes after its batch norm."""
    block = framework.DepthwiseSeparable(**scalars)
    return reorder(block, bn1="relu1", relu1="bn1", bn2="relu2", relu2="bn2")


@mistake
def relu6(**scalars):
    """Large numbers are cut off at 6. That is ReLU6, which the paper of MobileNetV2 uses. The paper
    of V1 uses ReLU."""
    block = framework.DepthwiseSeparable(**scalars)
    block.relu1, block.relu2 = nn.ReLU6(), nn.ReLU6()
    return block


@mistake
def pointwise_first(in_channels, out_channels, stride):
    """The 1x1 comes first. That is the order in Xception. In MobileNet the depthwise layer comes
    first, so it filters the input channels."""
    block = framework.DepthwiseSeparable(in_channels, out_channels, stride)
    wide = framework.DepthwiseSeparable(out_channels, out_channels, stride)
    block.depthwise, block.bn1 = wide.depthwise, wide.bn1
    return reorder(block, depthwise="pointwise", bn1="bn2", pointwise="depthwise", bn2="bn1")


@mistake
def full(in_channels, out_channels, stride):
    """The first layer is a full 3x3 convolution. It should be depthwise: one filter for each
    channel."""
    block = framework.DepthwiseSeparable(in_channels, out_channels, stride)
    block.depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, 1, bias=False)
    return block


EXERCISE = Exercise(
    id="separable.block",
    place=3,
    lesson=LESSON,
    title="MobileNet's block",
    points=3,
    minutes=12,
    name="DepthwiseSeparable",
    reference=framework.DepthwiseSeparable,
    cases=_cases,
    small=_small,
    mistakes=tuple(mistake),
    hints=(
        "You need four layers with weights: a depthwise 3x3 that keeps the number of channels, "
        "its batch norm, a 1x1 that changes the number of channels, and its batch norm.",
        "The stride belongs to the depthwise layer, and so does a padding of 1. The 1x1 has "
        "neither of them, and no bias. A ReLU comes after each batch norm.",
    ),
    shortcuts=(GROUPED_LAYER, TORCHVISION),
)
