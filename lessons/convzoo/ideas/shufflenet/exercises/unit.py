"""Lesson 05: the ShuffleNet unit."""

from __future__ import annotations

import torch
from torch import Generator
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import (
    Exercise,
    Mistake,
    integers,
    module_case,
    normal,
    pick,
    small_module_case,
)
from convzoo.ideas.shufflenet import framework


def _unit_case(gen, training=False, image=(5, 4), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.ShuffleUnit, scalars, {"x": x}, gen, training)


def _unit(in_channels: int, out_channels: int, stride: int, groups: int, first: int) -> dict:
    return {
        "in_channels": in_channels,
        "out_channels": out_channels,
        "stride": stride,
        "groups": groups,
        "first_groups": first,
    }


def _unit_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [5, 7])
    return [
        _unit_case(gen, **_unit(24, 24, 1, 3, 3)),
        _unit_case(gen, image=(side, 6), **_unit(12, 32, 2, 2, 2)),
        _unit_case(gen, True, **_unit(9, 24, 2, 3, 1)),
        _unit_case(gen, **_unit(16, 16, 1, 2, 1)),
        _unit_case(gen, **_unit(20, 20, 1, 1, 1)),
    ]


def _small_unit(image: tuple, *settings: int, shift: float = 0.0) -> Case:
    x = integers(1, settings[0], *image) % 5 - 1
    if settings[2] == 2:  # nines, so that the mean of nine is whole
        x = 9 * x.clamp(max=1)
    return small_module_case(framework.ShuffleUnit, _unit(*settings), {"x": x}, shift)


def _unit_small() -> list[Case]:
    return [
        _small_unit((1, 1), 4, 8, 2, 2, 2),
        _small_unit((1, 2), 4, 8, 2, 1, 1),
        _small_unit((1, 2), 8, 8, 1, 1, 1),
        _small_unit((1, 1), 4, 16, 2, 2, 2),
        _small_unit((1, 1), 4, 16, 2, 2, 1),
        _small_unit((1, 1), 4, 8, 2, 1, 1, shift=1.0),
    ]


class _NoShuffle(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.shuffle = torch.nn.Identity()


class _LateShuffle(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        late, self.shuffle = self.shuffle, torch.nn.Identity()
        self.bn2.register_forward_hook(lambda layer, args, y: late(y))


class _LastShuffle(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        late, self.shuffle = self.shuffle, torch.nn.Identity()
        self.bn3.register_forward_hook(lambda layer, args, y: late(y))


class _FirstGroupsShuffled(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.shuffle = torch.nn.ChannelShuffle(scalars["first_groups"])


class _ReluAfterDepthwise(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn2.register_forward_hook(lambda layer, args, y: F.relu(y))


class _NoFirstRelu(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu = torch.nn.Identity()


class _NoLastRelu(framework.ShuffleUnit):
    last = staticmethod(torch.nn.Identity())


class _ReluThenJoin(_NoLastRelu):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn3.register_forward_hook(lambda layer, args, y: F.relu(y))


class _MaxPool(framework.ShuffleUnit):
    pool = staticmethod(torch.nn.MaxPool2d(3, 2, 1))


class _SmallPool(framework.ShuffleUnit):
    pool = staticmethod(torch.nn.AvgPool2d(2, 2, ceil_mode=True))


class _BranchFirst(framework.ShuffleUnit):
    def join(self, x, branch):
        joined = super().join(x, branch)
        return joined.roll(branch.shape[1], 1) if self.stride == 2 else joined


class _FirstAlwaysGrouped(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars | {"first_groups": scalars["groups"]})


class _LastUngrouped(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        one, shuffle = scalars | {"groups": 1}, self.shuffle
        self.conv3 = framework.ShuffleUnit(**one).conv3
        self.shuffle = shuffle


def _depthwise_in(groups: str | None) -> type:
    """The unit with a 3x3 in as many groups as that setting says, or in one."""

    class Unit(framework.ShuffleUnit):
        def __init__(self, **scalars):
            super().__init__(**scalars)
            narrow, number = self.conv2.in_channels, scalars.get(groups, 1)
            settings = {"groups": number, "bias": False}
            self.conv2 = torch.nn.Conv2d(narrow, narrow, 3, scalars["stride"], 1, **settings)

    return Unit


def _unused(norm: str) -> type:
    """The unit with a batch norm that nothing passes through."""

    class Unit(framework.ShuffleUnit):
        def __init__(self, **scalars):
            super().__init__(**scalars)
            getattr(self, norm).register_forward_hook(lambda layer, args, y: args[0])

    return Unit


class _StrideFirst(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.conv1.stride, self.conv2.stride = self.conv2.stride, self.conv1.stride


class _NoPadding(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.conv2.padding = (0, 0)


class _BarePool(framework.ShuffleUnit):
    pool = staticmethod(torch.nn.AvgPool2d(3, 2))


class _WholeBranch(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        whole = framework.ShuffleUnit(**scalars | {"stride": 1})
        self.conv3, self.bn3 = whole.conv3, whole.bn3
        for weight in self.parameters():  # no case fits: what is shown of them are whole numbers
            torch.nn.init.zeros_(weight)


EXERCISE = Exercise(
    id="shufflenet.unit",
    place=3,
    lesson="05_shufflenet",
    title="The ShuffleNet unit",
    points=4,
    minutes=15,
    name="ShuffleUnit",
    reference=framework.ShuffleUnit,
    cases=_unit_cases,
    small=_unit_small,
    mistakes=(
        Mistake(
            "no_shuffle",
            "Nothing is shuffled: the two grouped 1x1 layers see the same groups.",
            _NoShuffle,
        ),
        Mistake(
            "late_shuffle",
            "The shuffle comes after the depthwise layer. The paper's figure 2 has it before: the "
            "same function, but with the depthwise weights in another order.",
            _LateShuffle,
        ),
        Mistake(
            "last_shuffle",
            "The shuffle comes after the last 1x1. It stands between the two grouped 1x1 layers, "
            "so that the second reads from all groups of the first.",
            _LastShuffle,
        ),
        Mistake(
            "first_groups_shuffled",
            "The shuffle is in `first_groups` groups. In the first unit that is one, and nothing "
            "moves: it is in `groups` groups, as the layer behind it.",
            _FirstGroupsShuffled,
        ),
        Mistake(
            "relu_after_depthwise",
            "There is a ReLU after the depthwise layer. The paper leaves it out there.",
            _ReluAfterDepthwise,
        ),
        Mistake("no_first_relu", "The ReLU after the first 1x1 is missing.", _NoFirstRelu),
        Mistake(
            "no_last_relu",
            "The last ReLU is missing: it comes after the two ways are joined.",
            _NoLastRelu,
        ),
        Mistake(
            "relu_then_join",
            "The last ReLU covers the branch alone. It comes after the two ways are joined.",
            _ReluThenJoin,
        ),
        Mistake(
            "max_pool", "The input is pooled by its maximum. At stride 2 it is averaged.", _MaxPool
        ),
        Mistake(
            "small_pool",
            "The average is taken over 2 x 2 pixels. Its window is 3 x 3, with stride 2 and a "
            "border of one pixel.",
            _SmallPool,
        ),
        Mistake(
            "bare_pool",
            "The average has no border: with a padding of one pixel it gives as many pixels as "
            "the branch.",
            _BarePool,
        ),
        Mistake(
            "no_padding", "The 3x3 has no padding, so that the branch loses its border.", _NoPadding
        ),
        Mistake(
            "stride_first",
            "The stride sits in the first 1x1. There it throws three of four pixels away; it "
            "belongs to the 3x3.",
            _StrideFirst,
        ),
        Mistake(
            "depthwise_in_groups",
            "The 3x3 is in `groups` groups. It is depthwise: as many groups as channels.",
            _depthwise_in("groups"),
        ),
        Mistake(
            "depthwise_dense",
            "The 3x3 is one full convolution. It is depthwise: one group for each channel.",
            _depthwise_in(None),
        ),
        *(
            Mistake(
                f"no_{norm}",
                f"Nothing passes through `{norm}`. Each of the three convolutions has its batch "
                "norm behind it.",
                _unused(norm),
            )
            for norm in ("bn1", "bn2", "bn3")
        ),
        Mistake(
            "branch_first",
            "The two parts are concatenated in the other order: the pooled input comes first.",
            _BranchFirst,
        ),
        Mistake(
            "whole_branch",
            "At stride 2 the branch makes all of the output's channels. The pooled input brings "
            "some of them: the branch makes the rest.",
            _WholeBranch,
        ),
        Mistake(
            "first_always_grouped",
            "The first 1x1 has `groups` groups. It has `first_groups`, which is 1 where the input "
            "is narrow.",
            _FirstAlwaysGrouped,
        ),
        Mistake(
            "last_ungrouped",
            "The last 1x1 is one full convolution: the groups do not reach it.",
            _LastUngrouped,
        ),
    ),
    hints=(
        "Three convolutions. 1x1 from in_channels to out_channels // 4, in first_groups groups; "
        "3x3 at that width, one group for each channel, with the stride; 1x1 in groups to the "
        "branch's width. A batch norm after each.",
        "The branch's width is out_channels at stride 1. At stride 2 the input's own channels "
        "stand beside it, so it is less by in_channels.",
        "Forward: first 1x1, batch norm, ReLU; shuffle; 3x3, batch norm; last 1x1, batch norm. "
        "Then add x, or concatenate `F.avg_pool2d(x, 3, 2, 1)` and the branch; then ReLU.",
    ),
)
