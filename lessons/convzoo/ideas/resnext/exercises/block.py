"""Lesson 02: the ResNeXt block."""

from __future__ import annotations

from functools import partial
from math import ceil

import torch
from torch import Generator, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import (
    Mistakes,
    change_input,
    change_output,
    relu_after,
    replace_call,
    skip_relu,
    swap_strides,
    unpad,
)
from convzoo.exercises.model import (
    Exercise,
    Shortcut,
    integers,
    layer_case,
    pick,
    small_module_case,
)
from convzoo.exercises.shortcuts import CONVOLUTIONS, TORCHVISION, in_groups
from convzoo.ideas.resnext import framework

LESSON = "02_resnext"


_bottleneck_case = partial(layer_case, framework.Bottleneck)


def _bottleneck_cases(gen: Generator) -> list[Case]:
    groups = pick(gen, [2, 3, 4])  # times 1.875 channels: other rounding shows
    return [
        _bottleneck_case(gen, in_channels=16, planes=4, stride=1, groups=2, width_per_group=32),
        _bottleneck_case(gen, in_channels=6, planes=6, stride=1, groups=groups, width_per_group=20),
        _bottleneck_case(
            gen, True, in_channels=10, planes=4, stride=2, groups=2, width_per_group=48
        ),
        _bottleneck_case(gen, in_channels=12, planes=3, stride=1, groups=1, width_per_group=64),
        _bottleneck_case(gen, in_channels=12, planes=3, stride=2, groups=3, width_per_group=64),
    ]


def _small_bottleneck(image, shift=0.0, **scalars) -> Case:
    x = integers(1, scalars["in_channels"], *image) % 3
    scalars["width_per_group"] = 64
    return small_module_case(framework.Bottleneck, scalars, {"x": x}, shift)


def _bottleneck_small() -> list[Case]:
    return [
        _small_bottleneck((1, 2), in_channels=4, planes=1, stride=1, groups=2),
        _small_bottleneck((1, 2), 1.0, in_channels=4, planes=1, stride=1, groups=2),
        _small_bottleneck((1, 2), in_channels=3, planes=1, stride=1, groups=2),
        _small_bottleneck((2, 2), in_channels=2, planes=1, stride=2, groups=2),
    ]


mistake = Mistakes(framework.Bottleneck)


@mistake
def rounded_up(planes, groups=1, width_per_group=64, **scalars):
    """The width of a group is rounded up. Round it down, as in the paper's networks: 1.5 channels
    become 1."""
    width = ceil(planes * width_per_group / 64)
    return framework.Bottleneck(
        planes=planes, groups=groups, width_per_group=64 * width / planes, **scalars
    )


@mistake
def rounded_last(planes, groups=1, width_per_group=64, **scalars):
    """The whole width is rounded down, not the width of one group. Round the width of one group
    first, then multiply by `groups`: every group has the same whole number of channels."""
    width = int(planes * width_per_group * groups / 64)
    module = framework.Bottleneck(planes=planes, width_per_group=64 * width / planes, **scalars)
    if groups > 1:  # the layer itself refuses a width that is not divisible by `groups`
        module.conv2.groups = groups
        module.conv2.weight = nn.Parameter(torch.zeros(width, width // groups, 3, 3))
    return module


@mistake
def no_groups(planes, groups=1, width_per_group=64, **scalars):
    """The 3x3 is one full convolution. It should be split into `groups` groups."""
    width = groups * int(planes * width_per_group / 64)
    return framework.Bottleneck(planes=planes, width_per_group=64 * width / planes, **scalars)


@mistake
def width_for_groups(planes, groups=1, width_per_group=64, **scalars):
    """The number of groups and the width of a group are swapped. `groups` is the number of blocks
    in the matrix, not the number of channels in one of them."""
    width = int(planes * width_per_group / 64)
    return framework.Bottleneck(
        planes=planes, groups=width, width_per_group=64 * groups / planes, **scalars
    )


@mistake
def stride_first(**scalars):
    """The stride is in the first 1x1. There it throws away three of four pixels before the 3x3 has
    seen them. In ResNeXt the stride is in the 3x3."""
    return swap_strides(framework.Bottleneck(**scalars), "conv1", "conv2")


@mistake
def no_last_relu(**scalars):
    """The last ReLU is missing. Apply it after the addition."""
    return skip_relu(framework.Bottleneck(**scalars), 2, of=3)


@mistake
def relu_then_add(**scalars):
    """The last ReLU comes before the addition. Then the branch can only add, never subtract. Add
    first, then apply the ReLU."""
    return skip_relu(relu_twice(**scalars), 2, of=3)


@mistake
def relu_twice(**scalars):
    """There is a ReLU before the addition too. Only the one after it belongs there."""
    return relu_after(framework.Bottleneck(**scalars), "bn3")


def _with_shortcut(**scalars) -> nn.Module:
    """Return the framework's block with a layer in its shortcut, even if that is the identity."""
    module = framework.Bottleneck(**scalars)
    module.downsample = module.downsample or nn.Identity()
    return module


@mistake
def no_shortcut(**scalars):
    """The input is not added. Without the addition this is not a residual block."""
    return change_output(_with_shortcut(**scalars), "downsample", torch.zeros_like)


@mistake
def input_overwritten(**scalars):
    """The branch is added to itself, because the variable no longer holds the input by then. Use
    another name for the outputs of the layers."""
    module, branch = _with_shortcut(**scalars), []
    module.bn3.register_forward_hook(lambda _, args, y: branch.append(y.clone()))
    return change_input(module, lambda x: branch.pop(), "downsample")


@mistake
def no_middle_relu(**scalars):
    """There is no ReLU between the 3x3 and the last 1x1. Apply one after the second batch norm."""
    return skip_relu(framework.Bottleneck(**scalars), 1, of=3)


@mistake
def no_first_relu(**scalars):
    """There is no ReLU between the first 1x1 and the 3x3. Apply one after the first batch norm."""
    return skip_relu(framework.Bottleneck(**scalars), 0, of=3)


def _relu_before_norm(module: nn.Module, *layers: int) -> nn.Module:
    """Let the ReLU come before the batch norm in these layers (1, 2)."""
    for layer in layers:
        change_output(module, f"conv{layer}", F.relu)
    return skip_relu(module, *(layer - 1 for layer in layers), of=3)


@mistake
def relu_first(**scalars):
    """Both inner ReLUs come before their batch norms. The order is convolution, norm, ReLU."""
    return _relu_before_norm(framework.Bottleneck(**scalars), 1, 2)


@mistake
def relu_before_bn1(**scalars):
    """After the first 1x1 the ReLU comes before the batch norm. The order is convolution, norm,
    ReLU."""
    return _relu_before_norm(framework.Bottleneck(**scalars), 1)


@mistake
def relu_before_bn2(**scalars):
    """After the 3x3 the ReLU comes before the batch norm. The order is convolution, norm, ReLU."""
    return _relu_before_norm(framework.Bottleneck(**scalars), 2)


@mistake
def relu_on_shortcut(**scalars):
    """There is a ReLU at the end of `downsample`. It should end with its batch norm: what is added
    may be negative."""
    return change_output(framework.Bottleneck(**scalars), "downsample", F.relu)


for _norm in ("bn1", "bn2", "bn3"):
    mistake.add(
        f"no_{_norm}",
        f"`{_norm}` is created but never used. Every convolution is followed by a norm.",
        lambda _norm=_norm, **scalars: replace_call(framework.Bottleneck(**scalars), _norm),
    )


@mistake
def bn1_twice(**scalars):
    """`bn1` is used twice, and `bn2` never. Each convolution has its own norm."""
    return replace_call(framework.Bottleneck(**scalars), "bn2", "bn1")


@mistake
def no_padding(**scalars):
    """The 3x3 has no padding. Without a border of zeros the image shrinks and no longer fits the
    shortcut."""
    return unpad(framework.Bottleneck(**scalars), "conv2")


@mistake
def no_projection(**scalars):
    """There is no projection at all. When the stride or the number of channels changes, the input
    must be brought to the output's shape before the addition."""
    module = framework.Bottleneck(**scalars)
    module.downsample = None
    return module


@mistake
def project_on_stride(stride=1, **scalars):
    """There is a projection only if the stride is not 1. It is also needed when the number of
    channels changes: otherwise the two cannot be added."""
    build = no_projection if stride == 1 else framework.Bottleneck
    return build(stride=stride, **scalars)


@mistake
def project_on_channels(in_channels, planes, **scalars):
    """There is a projection only if the number of channels changes. It is also needed when the
    stride makes the image smaller: otherwise the two cannot be added."""
    build = no_projection if in_channels == 4 * planes else framework.Bottleneck
    return build(in_channels=in_channels, planes=planes, **scalars)


@mistake
def always_project(in_channels, planes, stride=1, **scalars):
    """There is a projection even when the input already has the output's shape. Then `downsample`
    must be None, and the input itself is added."""
    module = framework.Bottleneck(in_channels, planes, stride, **scalars)
    conv = nn.Conv2d(in_channels, 4 * planes, 1, stride, bias=False)
    module.downsample = nn.Sequential(conv, nn.BatchNorm2d(4 * planes))
    return module


@mistake
def width_of_one_group(planes, groups=1, width_per_group=64, **scalars):
    """The layers are as wide as one group. The 3x3 has `groups` groups, so the whole width is
    `groups` times that."""
    wide = max(1, int(planes * width_per_group / 64) / groups)  # no layer without channels
    return framework.Bottleneck(
        planes=planes, groups=groups, width_per_group=64 * wide / planes, **scalars
    )


@mistake
def full_groups(width_per_group=64, **scalars):
    """Each group is `planes` wide, whatever `width_per_group` is. `width_per_group` scales the
    width of a group: only at 64 is it equal to `planes`."""
    return framework.Bottleneck(**scalars)


@mistake
def width_unscaled(planes, width_per_group=64, **scalars):
    """Each group is `width_per_group` wide, whatever `planes` is. That is its width at 64 planes,
    and it scales with `planes`."""
    base = 64 * (width_per_group + 0.5) / planes
    return framework.Bottleneck(planes=planes, width_per_group=base, **scalars)


@mistake
def no_inner_relus(**scalars):
    """Two ReLUs are missing: apply one after each of the first two batch norms."""
    return skip_relu(framework.Bottleneck(**scalars), 0, 1, of=3)


@mistake
def no_relus(**scalars):
    """There is no ReLU at all. There is one after each of the first two batch norms, and one after
    the addition."""
    return skip_relu(framework.Bottleneck(**scalars), 0, 1, 2, of=3)


@mistake
def relu_on_input(**scalars):
    """The shortcut goes through a ReLU before the addition. Add the input as it is, or what
    `downsample` makes of it: the ReLU comes after the addition."""
    return change_output(_with_shortcut(**scalars), "downsample", F.relu)


@mistake
def no_norms(**scalars):
    """The batch norms are created but never used. Every convolution is followed by a norm."""
    module = framework.Bottleneck(**scalars)
    for norm in ("bn1", "bn2", "bn3"):
        replace_call(module, norm)
    return module


@mistake
def stride_last(**scalars):
    """The stride is in the last 1x1. In evaluation both give the same numbers, but in training
    `bn2` also counts pixels that are thrown away after it. In ResNeXt the stride is in the 3x3."""
    return swap_strides(framework.Bottleneck(**scalars), "conv2", "conv3")


@mistake
def stride_on_one_side(**scalars):
    """The stride is used only in the branch or only in the projection, so their images differ in
    size. Both need it: the 3x3, and the 1x1 of the projection."""
    module = framework.Bottleneck(**scalars)
    module.conv2.stride = (1, 1)
    return module


@mistake
def stride_twice(**scalars):
    """The branch uses the stride twice, in the first 1x1 and in the 3x3, so its image is smaller
    than that of the shortcut. Only the 3x3 has the stride."""
    module = framework.Bottleneck(**scalars)
    module.conv1.stride = module.conv2.stride
    return module


EXERCISE = Exercise(
    id="resnext.block",
    place=3,
    lesson=LESSON,
    title="The ResNeXt block",
    points=4,
    minutes=15,
    name="Bottleneck",
    reference=framework.Bottleneck,
    cases=_bottleneck_cases,
    small=_bottleneck_small,
    mistakes=tuple(mistake),
    hints=(
        "Three convolutions: 1x1 from in_channels to the width, 3x3 at that width in groups, "
        "1x1 from there to 4 * planes. Each is followed by a batch norm, the first two also by a "
        "ReLU.",
        "The width of one group is int(planes * width_per_group / 64). The whole width is that, "
        "times `groups`. The stride belongs in the 3x3.",
        "`self.downsample` is None if the input already has the output's shape. Otherwise it is "
        "nn.Sequential(1x1 convolution with the stride, batch norm). Add first, then ReLU.",
    ),
    shortcuts=(
        Shortcut(
            "The 3x3 (`conv2`, made in `__init__`) is the framework's grouped convolution. Use "
            "`GroupedConv2d`, the layer around your function.",
            CONVOLUTIONS,
            argument="groups",
            counts=in_groups,
        ),
        TORCHVISION,
    ),
)
