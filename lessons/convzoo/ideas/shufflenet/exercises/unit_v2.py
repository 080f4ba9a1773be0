"""Lesson 05, Further: the unit of ShuffleNet V2."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import (
    Mistakes,
    change_input,
    change_result,
    regroup,
    relu_after,
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
from convzoo.exercises.shortcuts import TORCHVISION
from convzoo.ideas.shufflenet import framework

_v2_case = partial(layer_case, framework.ShuffleUnitV2, image=(5, 4))


def _v2(in_channels: int, out_channels: int, stride: int) -> dict:
    return {"in_channels": in_channels, "out_channels": out_channels, "stride": stride}


def _v2_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [5, 6])
    return [
        _v2_case(gen, **_v2(12, 12, 1)),
        _v2_case(gen, image=(side, 7), **_v2(8, 8, 2)),
        _v2_case(gen, True, **_v2(10, 10, 1)),
        _v2_case(gen, True, **_v2(5, 12, 2)),
    ]


def _small_v2(image: tuple, *settings: int) -> Case:
    x = integers(1, settings[0], *image) % 5 - 1
    return small_module_case(framework.ShuffleUnitV2, _v2(*settings), {"x": x})


def _v2_small() -> list[Case]:
    return [_small_v2((1, 1), 6, 6, 1), _small_v2((2, 2), 6, 6, 1), _small_v2((2, 2), 2, 6, 2)]


mistake = Mistakes(framework.ShuffleUnitV2)


def _shuffle_back(module: nn.Module) -> nn.Module:
    return change_result(module, lambda x, y: torch.channel_shuffle(y, y.shape[1] // 2))


@mistake
def no_shuffle(**scalars):
    """The two halves are not shuffled after they are joined. Then the kept half would be kept by
    the next unit too, and never be processed."""
    return _shuffle_back(framework.ShuffleUnitV2(**scalars))


@mistake
def inverse_shuffle(**scalars):
    """That is the inverse shuffle. The joined halves are two groups, one after the other: shuffle
    in 2 groups."""
    return _shuffle_back(no_shuffle(**scalars))


def _split_after(change: Callable, stride: int, **scalars) -> nn.Module:
    """Return the unit with its channels in another order before they are split in halves."""
    module = framework.ShuffleUnitV2(stride=stride, **scalars)
    return change_input(module, change) if stride == 1 else module


def _swapped(y: Tensor) -> Tensor:
    """Return the result of a unit whose two parts were joined in the other order."""
    return y.unflatten(1, (-1, 2)).flip(2).flatten(1, 2)


@mistake
def other_half(**scalars):
    """The second half is kept and the first one is processed. It should be the other way round."""
    return _split_after(lambda x: x.roll(x.shape[1] // 2, 1), **scalars)


@mistake
def first_half_processed(stride, **scalars):
    """The first half goes through branch2, and the second half is kept. It should be the other way
    round: keep the first half where it is."""
    module = other_half(stride=stride, **scalars)
    return change_result(module, lambda x, y: _swapped(y)) if stride == 1 else module


@mistake
def every_second(**scalars):
    """Every second channel is kept. Keep the first half of the channels instead."""
    return _split_after(lambda x: torch.cat([x[:, ::2], x[:, 1::2]], 1), **scalars)


@mistake
def relu_over_all(**scalars):
    """There is a ReLU over the whole result. The kept half should pass unchanged."""
    return change_result(framework.ShuffleUnitV2(**scalars), lambda x, y: F.relu(y))


@mistake
def not_depthwise(**scalars):
    """The 3x3 of branch2 is a full convolution. It should be depthwise: one group for each
    channel."""
    return regroup(framework.ShuffleUnitV2(**scalars), "branch2.3", 1)


@mistake
def branch1_not_depthwise(**scalars):
    """The 3x3 of branch1 is a full convolution. It should be depthwise: one group for each
    channel."""
    module = framework.ShuffleUnitV2(**scalars)
    return regroup(module, "branch1.0", 1) if len(module.branch1) else module


@mistake
def none_depthwise(**scalars):
    """The 3x3 of both branches is a full convolution. It should be depthwise: one group for each
    channel."""
    module = branch1_not_depthwise(**scalars)
    return regroup(module, "branch2.3", 1)


@mistake
def other_order(**scalars):
    """The two parts are joined in the wrong order. The kept half, or at stride 2 the result of
    branch1, should come first."""
    return change_result(framework.ShuffleUnitV2(**scalars), lambda x, y: _swapped(y))


@mistake
def relu_after_depthwise(**scalars):
    """There is a ReLU after the depthwise layer. Only a batch norm should follow it."""
    module = framework.ShuffleUnitV2(**scalars)
    relu_after(module.branch2, "4")
    return module


@mistake
def no_last_relu(**scalars):
    """The ReLU at the end of each branch is missing."""
    return branch1_no_relu(module=branch2_no_relu(**scalars))


@mistake
def branch1_no_relu(module=None, **scalars):
    """The ReLU at the end of branch1 is missing."""
    module = module or framework.ShuffleUnitV2(**scalars)
    if len(module.branch1):
        module.branch1[-1] = nn.Identity()
    return module


@mistake
def branch2_no_relu(**scalars):
    """The ReLU at the end of branch2 is missing."""
    module = framework.ShuffleUnitV2(**scalars)
    module.branch2[-1] = nn.Identity()
    return module


@mistake
def no_first_relu(**scalars):
    """The ReLU after the first batch norm of branch2 is missing."""
    module = framework.ShuffleUnitV2(**scalars)
    module.branch2[2] = nn.Identity()
    return module


def _layers(module: nn.Module, branch: str, *layers: nn.Module) -> nn.Module:
    """Return the unit with one of its branches made of other layers, if it has that branch."""
    if layers:
        setattr(module, branch, nn.Sequential(*layers))
    return module


@mistake
def layer_too_few(**scalars):
    """In branch2 a layer is missing before the depthwise one, such as the ReLU after the first
    batch norm. The depthwise layer should be number 3 (counted from 0)."""
    module = framework.ShuffleUnitV2(**scalars)
    return _layers(module, "branch2", *module.branch2[:2], *module.branch2[3:])


@mistake
def layer_too_many(**scalars):
    """In branch2 there is one layer too many after the depthwise one and its batch norm, such as a
    ReLU. The second 1x1 follows them directly, as number 5 (counted from 0)."""
    module = framework.ShuffleUnitV2(**scalars)
    return _layers(module, "branch2", *module.branch2[:5], nn.ReLU(), *module.branch2[5:])


@mistake
def layer_too_many_in_branch1(**scalars):
    """In branch1 there is one layer too many after the depthwise one and its batch norm, such as a
    ReLU. The 1x1 follows them directly, as number 2 (counted from 0)."""
    module = framework.ShuffleUnitV2(**scalars)
    more = (nn.ReLU(),) if len(module.branch1) else ()
    return _layers(module, "branch1", *module.branch1[:2], *more, *module.branch1[2:])


@mistake
def stride_first(**scalars):
    """The stride is in branch2's first 1x1, where it throws away three of four pixels. It belongs
    in the depthwise layer."""
    return swap_strides(framework.ShuffleUnitV2(**scalars), "branch2.0", "branch2.3")


@mistake
def stride_last(**scalars):
    """The stride is in branch2's last 1x1. In evaluation both give the same numbers, but the
    depthwise layer computes four times as many pixels, and in training its batch norm counts
    them all."""
    return swap_strides(framework.ShuffleUnitV2(**scalars), "branch2.3", "branch2.5")


@mistake
def branch1_stride_last(**scalars):
    """The stride is in branch1's 1x1. In evaluation both give the same numbers, but the depthwise
    layer computes four times as many pixels, and in training its batch norm counts them all."""
    module = framework.ShuffleUnitV2(**scalars)
    return swap_strides(module, "branch1.0", "branch1.2") if len(module.branch1) else module


@mistake
def no_padding(**scalars):
    """The depthwise layer of branch2 has no padding, so the branch loses its border. It needs a
    padding of 1."""
    return unpad(framework.ShuffleUnitV2(**scalars), "branch2.3")


@mistake
def input_added(stride, **scalars):
    """At stride 1 the input of branch2 is added to its result, as in a residual unit. Nothing is
    added here: the kept half has the role of the shortcut."""
    module = framework.ShuffleUnitV2(stride=stride, **scalars)
    if stride == 1:
        module.branch2.register_forward_hook(lambda _, args, y: y + args[0])
    return module


for _branch, _layer in (("branch1", "0"), ("branch2", "3")):

    def _no_stride(_branch=_branch, _layer=_layer, **scalars):
        module = framework.ShuffleUnitV2(**scalars)
        if len(getattr(module, _branch)):
            module.get_submodule(f"{_branch}.{_layer}").stride = (1, 1)
        return module

    mistake.add(
        f"{_branch}_no_stride",
        f"The stride does not reach {_branch}: its depthwise layer needs it.",
        _no_stride,
    )


EXERCISE = Exercise(
    id="shufflenet.unit_v2",
    place=6,
    lesson="05_shufflenet",
    title="The unit of ShuffleNet V2",
    points=3,
    minutes=15,
    name="ShuffleUnitV2",
    reference=framework.ShuffleUnitV2,
    cases=_v2_cases,
    small=_v2_small,
    mistakes=tuple(mistake),
    hints=(
        "Each of the two parts makes half of the output's channels. At stride 1 one part is the "
        "first half of x, unchanged; the other is branch2 of the second half. At stride 2 both "
        "branches read all of x.",
        "`x.chunk(2, dim=1)` splits the channels. Concatenate the two parts, the first one first, "
        "and shuffle the result in two groups.",
        "branch2: 1x1, norm, ReLU, depthwise 3x3 with the stride, norm, 1x1, norm, ReLU. branch1 "
        "at stride 2: depthwise 3x3, norm, 1x1, norm, ReLU; at stride 1 an empty nn.Sequential().",
    ),
    shortcuts=(
        Shortcut(
            "It calls the framework's channel shuffle. Use yours.",
            ("*channel_shuffle*", "ChannelShuffle"),
        ),
        TORCHVISION,
    ),
)
