"""Lesson 05, Further: the unit of ShuffleNet V2."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import (
    Exercise,
    Mistake,
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


class _Restored(framework.ShuffleUnitV2):
    """The unit, and its result shuffled back, as often as `times` says."""

    times = 1

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        for _ in range(self.times):
            y = torch.channel_shuffle(y, y.shape[1] // 2)
        return y


class _Inverted(_Restored):
    times = 2


class _OtherHalf(framework.ShuffleUnitV2):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.roll(x.shape[1] // 2, 1) if self.stride == 1 else x)


class _EverySecond(framework.ShuffleUnitV2):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.cat([x[:, ::2], x[:, 1::2]], 1) if self.stride == 1 else x)


class _ReluOverAll(framework.ShuffleUnitV2):
    def forward(self, x: Tensor) -> Tensor:
        return F.relu(super().forward(x))


class _NotDepthwise(framework.ShuffleUnitV2):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        wide = self.branch2[3].in_channels
        self.branch2[3] = nn.Conv2d(wide, wide, 3, scalars["stride"], 1, bias=False)


class _OtherOrder(framework.ShuffleUnitV2):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).unflatten(1, (-1, 2)).flip(2).flatten(1, 2)


class _ReluAfterDepthwise(framework.ShuffleUnitV2):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.branch2[4].register_forward_hook(lambda layer, args, y: F.relu(y))


class _NoLastRelu(framework.ShuffleUnitV2):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        for branch in (self.branch1, self.branch2):
            if len(branch):
                branch[-1] = nn.Identity()


class _StrideFirst(framework.ShuffleUnitV2):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        first, depthwise = self.branch2[0], self.branch2[3]
        first.stride, depthwise.stride = depthwise.stride, first.stride


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
    mistakes=(
        Mistake(
            "no_shuffle",
            "The two halves are not shuffled after they are joined: the kept half would never be "
            "worked on.",
            _Restored,
        ),
        Mistake(
            "inverse_shuffle",
            "That is the inverse shuffle: the joined halves are two groups, one beside the other.",
            _Inverted,
        ),
        Mistake(
            "other_half",
            "The second half is kept and the first one worked on. It is the other way round.",
            _OtherHalf,
        ),
        Mistake(
            "every_second",
            "Every second channel is kept. The half that is kept are the first c / 2 channels, one "
            "after the other.",
            _EverySecond,
        ),
        Mistake(
            "relu_over_all",
            "There is a ReLU over everything. The kept half passes as it is.",
            _ReluOverAll,
        ),
        Mistake(
            "not_depthwise",
            "The 3x3 is depthwise: one group for each channel, as many groups as channels.",
            _NotDepthwise,
        ),
        Mistake(
            "other_order",
            "The two parts are joined in the other order: branch1, or the half that is kept, "
            "comes first.",
            _OtherOrder,
        ),
        Mistake(
            "relu_after_depthwise",
            "There is a ReLU after the depthwise layer. It has a batch norm and no ReLU.",
            _ReluAfterDepthwise,
        ),
        Mistake("no_last_relu", "The ReLU at the end of a branch is missing.", _NoLastRelu),
        Mistake(
            "stride_first",
            "The stride sits in branch2's first 1x1. There it throws three of four pixels away; "
            "it belongs to the depthwise layer.",
            _StrideFirst,
        ),
    ),
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
