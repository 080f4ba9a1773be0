"""Lesson 04, Further: the block of SE-ResNet."""

from __future__ import annotations

from functools import partial

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torchvision.ops import SqueezeExcitation

from convzoo.case import Case
from convzoo.exercises.mistakes import (
    Mistakes,
    change_input,
    change_output,
    change_result,
    regroup,
    relu_after,
    skip_relu,
    swap_strides,
)
from convzoo.exercises.model import Exercise, layer_case, pick
from convzoo.exercises.shortcuts import TORCHVISION
from convzoo.ideas.senet import framework

LESSON = "04_senet"


_block_case = partial(layer_case, framework.SEBottleneck, image=(5, 4))


def _block_cases(gen: Generator) -> list[Case]:
    def scalars(in_channels, planes, stride, groups, width, reduction):
        return {
            "in_channels": in_channels,
            "planes": planes,
            "stride": stride,
            "groups": groups,
            "width_per_group": width,
            "reduction": reduction,
        }

    return [
        _block_case(gen, **scalars(16, 4, 1, 4, 128, 4)),
        _block_case(gen, **scalars(6, 6, 1, 2, 20, pick(gen, [3, 6, 8]))),
        _block_case(gen, True, **scalars(10, 4, 2, 4, 48, 2)),
        _block_case(gen, **scalars(12, 3, 2, 1, 64, 4)),
    ]


SMALL = {
    "in_channels": 4,
    "planes": 1,
    "stride": 1,
    "groups": 1,
    "width_per_group": 64,
    "reduction": 4,
}


def _block_small() -> list[Case]:
    """Gates of 0, 1/2 and 1: the numbers that open them are far from zero, or zero."""
    module = framework.SEBottleneck(**SMALL).double()
    rows = {
        "conv1.weight": [1, 0, 0, 1],
        "conv2.weight": [0, 0, 0, 0, 2, 0, 0, 0, 0],
        "conv3.weight": [1, -1, 2, 1],
        "se.fc1.weight": [1, 0, 0, 1],
        "se.fc2.weight": [19, 19, 0, -19],
    }
    weights = {}
    for name, value in module.state_dict().items():
        if name in rows:
            weights[name] = torch.tensor(rows[name], dtype=torch.float64).reshape(value.shape)
        elif name.endswith("running_var"):
            weights[name] = torch.full_like(value, 1 - module.bn1.eps)
        elif not name.endswith("num_batches_tracked"):
            weights[name] = torch.full_like(value, float(name.endswith("weight")))
    x = torch.tensor([4.0, 2.0, 6.0, -2.0], dtype=torch.float64).reshape(1, 4, 1, 1)
    negative = [
        weights | {name: -weights[name], "conv2.weight": -weights["conv2.weight"]}
        for name in ("conv1.weight", "conv2.weight")  # what the first or the second ReLU cuts off
    ]
    return [
        Case(SMALL, {"x": x}, weights),
        _strided_small(weights),
        *(Case(SMALL, {"x": x}, changed) for changed in negative),
    ]


def _strided_small(weights: dict[str, Tensor]) -> Case:
    """Two pixels, of which stride 2 in the first 1x1 would skip the second; and a batch norm
    before the gate that adds 2."""
    x = torch.tensor([[1, 2], [0, 0], [0, 0], [0, 0]], dtype=torch.float64).reshape(1, 4, 1, 2)
    scalars = SMALL | {"stride": 2}
    state = framework.SEBottleneck(**scalars).double().state_dict()
    project = {
        name: weights[name.replace("downsample.1", "bn3")]
        for name in state
        if name.startswith("downsample.1") and not name.endswith("num_batches_tracked")
    }
    project["downsample.0.weight"] = torch.eye(4, dtype=torch.float64)[..., None, None]
    kernel = torch.tensor([0, 0, 0, 0, 2, 1, 0, 0, 0], dtype=torch.float64).reshape(1, 1, 3, 3)
    shift = torch.full((4,), 2.0, dtype=torch.float64)
    own = {"conv2.weight": kernel, "bn3.bias": shift}
    return Case(scalars, {"x": x}, weights | project | own)


mistake = Mistakes(framework.SEBottleneck)


@mistake
def not_asked(**scalars):
    """The gate makes no difference: it is built but never called, or its result is not used. Apply
    it to the branch."""
    module = framework.SEBottleneck(**scalars)
    module.bn3.after = (nn.Identity(),)
    return module


@mistake
def after_addition(**scalars):
    """The gate comes after the addition, so it also rescales the shortcut, and no signal passes the
    block unchanged. Rescale only the branch, before the addition."""
    module = skip_relu(not_asked(**scalars), 2, of=3)
    return change_result(module, lambda x, y: F.relu(module.se(y)))


@mistake
def on_shortcut(**scalars):
    """The gate rescales the shortcut. It should rescale the branch and leave the shortcut as it
    is."""
    module = not_asked(**scalars)
    if module.downsample is None:
        module.downsample = module.se.forward  # a method, which brings no weights of its own
        return module
    return change_output(module, "downsample", module.se)


@mistake
def relu_before_gate(**scalars):
    """There is a ReLU between the last batch norm and the gate. The branch must be able to subtract
    from the shortcut: the last ReLU comes only after the addition."""
    return change_input(framework.SEBottleneck(**scalars), F.relu, "se")


@mistake
def before_norm(**scalars):
    """The gate comes before the last batch norm. Apply it after that batch norm."""
    module = not_asked(**scalars)
    return change_output(module, "conv3", module.se)


@mistake
def stride_first(**scalars):
    """The stride is in the first 1x1 convolution, which then skips pixels that no layer has read.
    It belongs in the 3x3, which reads all of them."""
    return swap_strides(framework.SEBottleneck(**scalars), "conv1", "conv2")


@mistake
def no_last_relu(**scalars):
    """The last ReLU is missing. Apply it after the addition."""
    return skip_relu(framework.SEBottleneck(**scalars), 2, of=3)


@mistake
def fixed_reduction(reduction=16, **scalars):
    """The gate always divides by 16, whatever `reduction` is. Pass the block's `reduction` to
    it."""
    return framework.SEBottleneck(**scalars)


@mistake
def of_planes(reduction=16, **scalars):
    """The gate's middle layer is sized from `planes`. The gate reads the block's output, which has
    four times as many channels."""
    return framework.SEBottleneck(reduction=4 * reduction, **scalars)


@mistake
def middle_is_reduction(reduction=16, **scalars):
    """The gate's middle layer has `reduction` channels. It should have the number of the block's
    output channels divided by `reduction`."""
    module = framework.SEBottleneck(**scalars)
    module.se = SqueezeExcitation(module.se.fc2.out_channels, reduction)
    module.bn3.after = (module.se,)
    return module


@mistake
def after_last_relu(**scalars):
    """The gate comes after the last ReLU and rescales the whole result. Rescale only the branch,
    before the addition."""
    module = not_asked(**scalars)
    return change_result(module, lambda x, y: module.se(y))


@mistake
def relu_then_add(**scalars):
    """There is a ReLU between the gate and the addition. The branch must be able to subtract from
    the shortcut: the only ReLU here comes after the addition."""
    return relu_after(framework.SEBottleneck(**scalars), "bn3")


@mistake
def relu_on_branch(**scalars):
    """The last ReLU is applied to the branch only. Apply it after the addition."""
    return skip_relu(relu_then_add(**scalars), 2, of=3)


@mistake
def no_first_relu(**scalars):
    """There is no ReLU between the first 1x1 and the 3x3. Apply one after the first batch norm."""
    return skip_relu(framework.SEBottleneck(**scalars), 0, of=3)


@mistake
def no_middle_relu(**scalars):
    """There is no ReLU between the 3x3 and the last 1x1. Apply one after the second batch norm."""
    return skip_relu(framework.SEBottleneck(**scalars), 1, of=3)


@mistake
def no_shortcut(**scalars):
    """The shortcut is missing. Add the input, or what `downsample` makes of it, to the branch."""
    module = framework.SEBottleneck(**scalars)
    if module.downsample is None:
        module.downsample = torch.zeros_like
        return module
    return change_output(module, "downsample", torch.zeros_like)


@mistake
def inside(**scalars):
    """The gate is built for the channels between the convolutions. It comes after the last
    convolution: build it for the block's output."""
    module = not_asked(**scalars)
    width = module.conv2.out_channels
    module.se = SqueezeExcitation(width, max(1, width // scalars["reduction"]))
    return module


@mistake
def dense(**scalars):
    """The 3x3 is a full convolution. Pass `groups` to it."""
    return regroup(framework.SEBottleneck(**scalars), "conv2", 1)


def _of_width(width: float, planes, groups=1, **scalars) -> nn.Module:
    """Return the block with groups of another width."""
    scalars["width_per_group"] = 64 * width / planes
    return framework.SEBottleneck(planes=planes, groups=groups, **scalars)


@mistake
def rounded(planes, width_per_group=64, **scalars):
    """The width of a group is rounded to the nearest number of channels. Round it down, as in
    ResNeXt: 1.9 channels become 1."""
    return _of_width(round(planes * width_per_group / 64), planes, **scalars)


@mistake
def width_unused(planes, width_per_group=64, **scalars):
    """`width_per_group` is not used. Compute the width from it and `planes`, as in ResNeXt."""
    return _of_width(planes, planes, **scalars)


@mistake
def groups_unused(planes, groups=1, width_per_group=64, **scalars):
    """The width is that of a single group. The 3x3 has `groups` of them, next to each other."""
    width = int(planes * width_per_group / 64)
    if width % groups:  # a layer that cannot be
        groups = 1
    return _of_width(width / groups, planes, groups=groups, **scalars)


EXERCISE = Exercise(
    id="senet.block",
    place=5,
    lesson=LESSON,
    title="The block of SE-ResNet",
    points=3,
    minutes=15,
    name="SEBottleneck",
    reference=framework.SEBottleneck,
    cases=_block_cases,
    small=_block_small,
    mistakes=tuple(mistake),
    hints=(
        "Start from ResNeXt's bottleneck: three convolutions, a batch norm after each, a ReLU "
        "after the first two, and `downsample` when the shape changes.",
        "Add one layer: `self.se`, a `SqueezeExcitation` for the channels that the block returns, "
        "with the block's `reduction`.",
        "In `forward`, call the gate once: after `bn3` and before the addition. The shortcut does "
        "not go through it.",
    ),
    shortcuts=(TORCHVISION,),
)
