"""Lesson 05, Further: the unit of ShuffleNet V2."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import (
    Mistakes,
    change_input,
    change_result,
    regroup,
    relu_after,
    swap_strides,
)
from convzoo.exercises.model import (
    Exercise,
    Shortcut,
    integers,
    module_case,
    normal,
    pick,
    small_module_case,
)
from convzoo.ideas.shufflenet import framework


def _v2_case(gen, training=False, image=(5, 4), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.ShuffleUnitV2, scalars, {"x": x}, gen, training)


def _v2(in_channels: int, out_channels: int, stride: int) -> dict:
    return {"in_channels": in_channels, "out_channels": out_channels, "stride": stride}


def _v2_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [5, 6])
    return [
        _v2_case(gen, **_v2(12, 12, 1)),
        _v2_case(gen, image=(side, 7), **_v2(6, 16, 2)),
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
    """The two halves are not shuffled after they are joined: the kept half would never be worked
    on."""
    return _shuffle_back(framework.ShuffleUnitV2(**scalars))


@mistake
def inverse_shuffle(**scalars):
    """That is the inverse shuffle: the joined halves are two groups, one beside the other."""
    return _shuffle_back(no_shuffle(**scalars))


def _split_after(change: Callable, stride: int, **scalars) -> nn.Module:
    """Return the unit with its channels in another order before they are split in halves."""
    module = framework.ShuffleUnitV2(stride=stride, **scalars)
    return change_input(module, change) if stride == 1 else module


@mistake
def other_half(**scalars):
    """The second half is kept and the first one worked on. It is the other way round."""
    return _split_after(lambda x: x.roll(x.shape[1] // 2, 1), **scalars)


@mistake
def every_second(**scalars):
    """Every second channel is kept. The half that is kept are the first c / 2 channels, one after
    the other."""
    return _split_after(lambda x: torch.cat([x[:, ::2], x[:, 1::2]], 1), **scalars)


@mistake
def relu_over_all(**scalars):
    """There is a ReLU over everything. The kept half passes as it is."""
    return change_result(framework.ShuffleUnitV2(**scalars), lambda x, y: F.relu(y))


@mistake
def not_depthwise(**scalars):
    """The 3x3 is depthwise: one group for each channel, as many groups as channels."""
    return regroup(framework.ShuffleUnitV2(**scalars), "branch2.3", 1)


@mistake
def other_order(**scalars):
    """The two parts are joined in the other order: branch1, or the half that is kept, comes
    first."""
    return change_result(
        framework.ShuffleUnitV2(**scalars),
        lambda x, y: y.unflatten(1, (-1, 2)).flip(2).flatten(1, 2),
    )


@mistake
def relu_after_depthwise(**scalars):
    """There is a ReLU after the depthwise layer. It has a batch norm and no ReLU."""
    module = framework.ShuffleUnitV2(**scalars)
    relu_after(module.branch2, "4")
    return module


@mistake
def no_last_relu(**scalars):
    """The ReLU at the end of a branch is missing."""
    module = framework.ShuffleUnitV2(**scalars)
    for branch in filter(len, (module.branch1, module.branch2)):
        branch[-1] = nn.Identity()
    return module


@mistake
def stride_first(**scalars):
    """The stride sits in branch2's first 1x1. There it throws three of four pixels away; it belongs
    to the depthwise layer."""
    return swap_strides(framework.ShuffleUnitV2(**scalars), "branch2.0", "branch2.3")


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
        "Half of the output's channels come from each way. At stride 1 one way is the first half "
        "of x, unchanged; the other is branch2 of the second half. At stride 2 both branches read "
        "all of x.",
        "`x.chunk(2, dim=1)` splits the channels. Concatenate the two parts, the first one first, "
        "and shuffle the result in two groups.",
        "branch2: 1x1, norm, ReLU, depthwise 3x3 with the stride, norm, 1x1, norm, ReLU. branch1 "
        "at stride 2: depthwise 3x3, norm, 1x1, norm, ReLU; at stride 1 an empty nn.Sequential().",
    ),
    shortcuts=(
        Shortcut(
            "It calls the framework's channel shuffle. Take yours.",
            lambda op: "channel_shuffle" in op.name,
            ("ChannelShuffle", "torch.channel_shuffle", "native_channel_shuffle"),
        ),
    ),
)
