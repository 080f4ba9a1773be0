"""Lesson 06, Further: MobileNetV2's block."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Generator, Tensor, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import (
    Mistakes,
    change_input,
    change_output,
    change_result,
    reorder,
    replace_call,
    swap_strides,
    unpad,
)
from convzoo.exercises.model import Exercise, integers, layer_case, pick, small_module_case
from convzoo.exercises.shortcuts import TORCHVISION
from convzoo.ideas.separable import framework
from convzoo.ideas.separable.exercises.block import GROUPED_LAYER

LESSON = "06_separable"


_case = partial(layer_case, framework.InvertedResidual, image=(5, 4))


def _cases(gen: Generator) -> list[Case]:
    ratio = pick(gen, [3, 4, 5])
    return [
        _case(gen, times=20.0, in_channels=4, out_channels=4, stride=1, expand_ratio=ratio),
        _case(gen, in_channels=3, out_channels=5, stride=1, expand_ratio=2),
        _case(gen, True, in_channels=4, out_channels=4, stride=2, expand_ratio=3),
        _case(gen, in_channels=4, out_channels=4, stride=1, expand_ratio=1),
        _case(gen, in_channels=5, out_channels=5, stride=2, image=(6, 5), expand_ratio=1),
        _case(gen, in_channels=4, out_channels=3, stride=1, expand_ratio=1),
    ]


def _small_case(image, start=0, shift=0.0, **scalars) -> Case:
    x = (integers(1, scalars["in_channels"], *image) + start) % 4 - 1
    return small_module_case(framework.InvertedResidual, scalars, {"x": x}, shift)


def _small() -> list[Case]:
    large = {"x": integers(1, 2, 1, 2, start=4)}
    even = {"in_channels": 2, "out_channels": 2, "stride": 1, "expand_ratio": 2}
    return [
        _small_case((1, 2), in_channels=2, out_channels=2, stride=1, expand_ratio=1),
        _small_case((1, 2), in_channels=2, out_channels=2, stride=1, expand_ratio=2),
        _small_case((2, 2), start=1, in_channels=2, out_channels=2, stride=2, expand_ratio=2),
        _small_case((3, 3), in_channels=1, out_channels=2, stride=2, expand_ratio=2),
        _small_case((1, 2), in_channels=1, out_channels=2, stride=1, expand_ratio=2),
        small_module_case(framework.InvertedResidual, even, large),
        _small_case((1, 2), shift=-1.0, in_channels=1, out_channels=2, stride=1, expand_ratio=1),
        _small_case((1, 2), shift=-1.0, in_channels=2, out_channels=2, stride=1, expand_ratio=2),
        _small_case((1, 2), shift=1.0, in_channels=2, out_channels=2, stride=1, expand_ratio=1),
    ]


mistake = Mistakes(framework.InvertedResidual)


def _activated(activation: Callable[[Tensor], Tensor], **scalars) -> nn.Module:
    """Return the block with another activation in both places."""
    block = framework.InvertedResidual(**scalars)
    for layer in block.children():
        if isinstance(layer, nn.ReLU6):
            layer.forward = activation
    return block


@mistake
def relu_last(**scalars):
    """There is a ReLU after the last batch norm. The narrow end of V2's block is linear: this is
    the paper's linear bottleneck."""
    return change_output(framework.InvertedResidual(**scalars), "bn3", F.relu6)


@mistake
def relu_after(**scalars):
    """There is a ReLU after the addition, as in ResNet. V2's block ends without one."""
    return change_result(framework.InvertedResidual(**scalars), lambda x, y: F.relu6(y))


@mistake
def no_shortcut(**scalars):
    """The input is never added. Add it when the output has the same shape as the input."""
    block = framework.InvertedResidual(**scalars)
    block.use_res_connect = False
    return block


@mistake
def only_expanded_added(stride, in_channels, out_channels, expand_ratio):
    """With a ratio of 1 the input is not added. Whether it is added depends only on the stride and
    on the number of channels."""
    block = framework.InvertedResidual(in_channels, out_channels, stride, expand_ratio)
    block.use_res_connect &= expand_ratio != 1
    return block


@mistake
def added_by_width(stride, in_channels, out_channels, expand_ratio):
    """The input is added only if the wide middle has the same number of channels as the input.
    Compare the two ends of the block instead: its input and its output."""
    block = framework.InvertedResidual(in_channels, out_channels, stride, expand_ratio)
    block.use_res_connect &= in_channels == in_channels * expand_ratio
    return block


@mistake
def shortcut_by_channels(stride, in_channels, out_channels, expand_ratio):
    """The input is added whenever the number of channels stays the same. The stride must also be 1:
    with stride 2 the output has half as many rows and columns."""
    block = framework.InvertedResidual(in_channels, out_channels, stride, expand_ratio)
    block.use_res_connect = in_channels == out_channels
    return block


@mistake
def shortcut_by_stride(stride, **scalars):
    """The input is added whenever the stride is 1. The number of channels must also be the same,
    because V2 has no projection."""
    block = framework.InvertedResidual(stride=stride, **scalars)
    block.use_res_connect = stride == 1
    return block


@mistake
def relu_after_addition(**scalars):
    """There is a ReLU6 after the addition. V2's block ends without one, with or without a
    shortcut."""
    block = framework.InvertedResidual(**scalars)
    added = block.use_res_connect
    return change_result(block, lambda x, y: F.relu6(y) if added else y)


@mistake
def wide_shortcut(**scalars):
    """The shortcut connects the wide ends, around the depthwise layer. In V2 it connects the narrow
    ends: the block's input and its output."""
    block = framework.InvertedResidual(**scalars)
    added, block.use_res_connect = block.use_res_connect, False
    kept = []
    change_input(block, lambda y: kept.append(y) or y, "depthwise")
    return change_input(block, lambda y: y + kept.pop() if added else y, "project")


@mistake
def second_relu(**scalars):
    """The second activation is ReLU. V2 uses ReLU6, which cuts off at 6, in both places."""
    block = framework.InvertedResidual(**scalars)
    block.relu2.forward = F.relu
    return block


@mistake
def capped_only(**scalars):
    """Large numbers are cut off at 6, but negative ones stay. ReLU6 does both: it also turns
    numbers below 0 into 0."""
    return _activated(lambda x: x.clamp(max=6), **scalars)


@mistake
def capped_at_one(**scalars):
    """Large numbers are cut off at 1. ReLU6 cuts off at 6."""
    return _activated(lambda x: x.clamp(0, 1), **scalars)


@mistake
def relu(**scalars):
    """The activation is ReLU. V2 uses ReLU6, which cuts off at 6."""
    return _activated(F.relu, **scalars)


@mistake
def always_expanded(in_channels, out_channels, stride, expand_ratio):
    """There is a first 1x1 even when the ratio is 1. At that ratio there is nothing to expand:
    leave out that layer and its batch norm."""
    if expand_ratio == 1:
        expand_ratio += 0.4 / in_channels  # the width is rounded, so it stays
    return framework.InvertedResidual(in_channels, out_channels, stride, expand_ratio)


@mistake
def stride_in_expand(**scalars):
    """The stride is in the first 1x1, which then skips pixels that no layer has read. It belongs to
    the depthwise layer."""
    block = framework.InvertedResidual(**scalars)
    return swap_strides(block, "expand", "depthwise") if hasattr(block, "expand") else block


@mistake
def stride_lost_without_expand(**scalars):
    """The stride is in the first 1x1, so it is lost when the ratio is 1 and there is none. It
    belongs to the depthwise layer."""
    block = framework.InvertedResidual(**scalars)
    if hasattr(block, "expand"):
        return swap_strides(block, "expand", "depthwise")
    block.depthwise.stride = (1, 1)
    return block


@mistake
def stride_in_project(**scalars):
    """The stride is in the last 1x1, but it belongs to the depthwise layer. In evaluation both give
    the same numbers. In training the batch norm between them then averages over pixels that are
    thrown away later."""
    return swap_strides(framework.InvertedResidual(**scalars), "depthwise", "project")


@mistake
def stride_in_both(stride, in_channels, out_channels, expand_ratio):
    """Two layers have the stride, so it is applied twice. Give it to the depthwise layer only."""
    block = framework.InvertedResidual(in_channels, out_channels, stride, expand_ratio)
    block.project.stride = (stride, stride)
    return block


@mistake
def no_stride(stride, in_channels, out_channels, expand_ratio):
    """The stride is not used. Give it to the depthwise layer."""
    block = framework.InvertedResidual(in_channels, out_channels, 1, expand_ratio)
    block.use_res_connect &= stride == 1
    return block


@mistake
def no_first_norm(**scalars):
    """The first batch norm is created but not used. It comes after the first 1x1, before the
    ReLU6."""
    block = framework.InvertedResidual(**scalars)
    return replace_call(block, "bn1") if hasattr(block, "bn1") else block


@mistake
def no_second_norm(**scalars):
    """The second batch norm is created but not used. It comes after the depthwise layer, before the
    ReLU6."""
    return replace_call(framework.InvertedResidual(**scalars), "bn2")


@mistake
def relu_before_norm(**scalars):
    """The activations come before the batch norms. In V2 each ReLU6 comes after its batch norm."""
    block = framework.InvertedResidual(**scalars)
    places = ("1", "2") if hasattr(block, "bn1") else ("2",)
    for place in places:
        reorder(block, **{f"bn{place}": f"relu{place}", f"relu{place}": f"bn{place}"})
    return block


@mistake
def input_activated(expand_ratio, **scalars):
    """With a ratio of 1 the input goes through a ReLU6. At that ratio the whole first part is left
    out: the 1x1, its batch norm and its ReLU6."""
    block = framework.InvertedResidual(expand_ratio=expand_ratio, **scalars)
    return change_input(block, F.relu6, "depthwise") if expand_ratio == 1 else block


@mistake
def depthwise_left_out(expand_ratio, **scalars):
    """With a ratio of 1 the depthwise layer is left out too. Leave out only the first 1x1, its
    batch norm and its ReLU6: look at the indentation."""
    block = framework.InvertedResidual(expand_ratio=expand_ratio, **scalars)
    if expand_ratio == 1:
        for layer in ("depthwise", "bn2", "relu2"):
            replace_call(block, layer)
    return block


@mistake
def no_first_relu(**scalars):
    """There is no ReLU6 after the first batch norm. V2 has one after each of the first two batch
    norms."""
    block = framework.InvertedResidual(**scalars)
    return replace_call(block, "relu1") if hasattr(block, "relu1") else block


@mistake
def no_padding(**scalars):
    """The padding is missing, so rows and columns are lost at the border. A 3x3 needs a padding of
    1."""
    return unpad(framework.InvertedResidual(**scalars), "depthwise")


@mistake
def no_last_norm(**scalars):
    """The last batch norm is created but not used. It comes after the last 1x1."""
    return replace_call(framework.InvertedResidual(**scalars), "bn3")


@mistake
def no_middle_relu(**scalars):
    """There is no ReLU6 between the depthwise layer and the last 1x1. V2 has one after each of the
    first two batch norms."""
    return replace_call(framework.InvertedResidual(**scalars), "relu2")


EXERCISE = Exercise(
    id="separable.inverted_residual",
    place=5,
    lesson=LESSON,
    title="MobileNetV2's block",
    points=3,
    minutes=15,
    name="InvertedResidual",
    reference=framework.InvertedResidual,
    cases=_cases,
    small=_small,
    mistakes=tuple(mistake),
    hints=(
        "You need three convolutions, each with a batch norm: a 1x1 that makes expand_ratio times "
        "the channels, a depthwise 3x3 that has the stride, and a 1x1 down to out_channels.",
        "ReLU6 comes after the first two batch norms, and nothing after the third. The input is "
        "added when the stride is 1 and the number of channels stays the same.",
        "When expand_ratio is 1, `self.expand` and `self.bn1` are None, and the forward pass goes "
        "straight to the depthwise layer.",
    ),
    shortcuts=(GROUPED_LAYER, TORCHVISION),
)
