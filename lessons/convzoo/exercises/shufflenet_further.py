"""Lesson 05, Further: the shuffle folded into weights, several permutations, the unit of V2."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import (
    Exercise, Shortcut, Wrong, integers, module_case, normal, pick, small_module_case,
)  # fmt: skip
from convzoo.framework import shufflenet as framework

LESSON = "05_shufflenet"

# --- folded into the weights ----------------------------------------------------------


def _fold_case(gen: Generator, c_out: int, groups: int, width: int, kernel: tuple) -> Case:
    return Case({"groups": groups}, {"weight": normal(gen, c_out, groups * width, *kernel)})


def _fold_cases(gen: Generator) -> list[Case]:
    return [
        _fold_case(gen, 6, 3, 2, (1, 1)),
        _fold_case(gen, pick(gen, [8, 12]), 2, 6, (1, 1)),
        _fold_case(gen, 5, 4, 3, (3, 2)),
        _fold_case(gen, 2, 2, 5, (1, 1)),
    ]


def _fold_small() -> list[Case]:
    shapes = [(3, 1, 6, 1, 1), (2, 6, 6, 1, 1), (2, 2, 6, 1, 2)]
    return [Case({"groups": g}, {"weight": integers(*shape) % 19}) for g, *shape in shapes]


def _folded_rows(weight: Tensor, groups: int) -> Tensor:
    """The outputs are put into another order, where the groups divide them."""
    rows, g = weight.transpose(0, 1), groups if weight.shape[0] % groups == 0 else 1
    return torch.channel_shuffle(rows, g).transpose(0, 1)


FOLD = Exercise(
    id="shufflenet.fold",
    lesson=LESSON,
    title="The shuffle in the next layer's weights",
    points=2,
    minutes=10,
    name="fold_shuffle",
    reference=framework.fold_shuffle,
    cases=_fold_cases,
    small=_fold_small,
    wrong=(
        Wrong(
            "shuffled_again",
            "The weight's columns are moved as the channels were. They have to go the other way: "
            "the column for place i belongs to the channel that would have come to place i.",
            lambda weight, groups: torch.channel_shuffle(weight, groups),
        ),
        Wrong(
            "nothing_moved",
            "The weight is unchanged. Its columns stand for inputs, and these now come unshuffled.",
            lambda weight, groups: weight.clone(),
        ),
        Wrong(
            "rows",
            "The outputs are put into another order. What is shuffled are the inputs: columns.",
            _folded_rows,
        ),
        Wrong(
            "reversed",
            "The columns are reversed. Find out which input each of them should read.",
            lambda weight, groups: weight.flip(1),
        ),
        Wrong(
            "rolled",
            "The columns move on by one group and stay together. A shuffle takes one channel of "
            "each group in turn.",
            lambda weight, groups: weight.roll(weight.shape[1] // groups, 1),
        ),
        Wrong(
            "cut_off",
            "The numbers are right, but no gradient comes back to `weight`.",
            lambda weight, groups: framework.fold_shuffle(weight.detach(), groups),
        ),
    ),
    hints=(
        "Write the layer as a matrix W and the shuffle as a permutation matrix P. The layer after "
        "the shuffle computes W P x. What is the matrix that does it in one step?",
        "Column i of W meets the channel that the shuffle puts at place i. In the folded weight "
        "that column has to stand where this channel stood before: the inverse permutation of "
        "the columns. You know how to undo a shuffle.",
    ),
)

# --- several permutations --------------------------------------------------------------


def _orders_case(gen: Generator, k: int, channels: int) -> Case:
    orders = torch.stack([torch.randperm(channels, generator=gen) for _ in range(k)])
    return Case({}, {"orders": orders})


def _orders_cases(gen: Generator) -> list[Case]:
    return [
        _orders_case(gen, 2, 6),
        _orders_case(gen, 3, pick(gen, [7, 8])),
        _orders_case(gen, 4, 5),
        _orders_case(gen, 1, 6),
    ]


def _orders_small() -> list[Case]:
    one = [[1, 2, 0]]
    four = [[1, 2, 0], [0, 1, 2], [1, 0, 2], [0, 1, 2]]
    return [Case({}, {"orders": torch.tensor(rows)}) for rows in (one, four)]


def _spoilt_scale(scale):
    """The sum with another factor, which depends on how many there are."""
    return lambda orders: framework.mixing_matrix(orders) * scale(len(orders))


def _composed(orders: Tensor) -> Tensor:
    matrices = F.one_hot(orders).double()
    return torch.linalg.multi_dot([*matrices, torch.eye(orders.shape[1]).double()])


MIXING = Exercise(
    id="shufflenet.mixing_matrix",
    lesson=LESSON,
    title="Several permutations at once",
    points=2,
    minutes=8,
    name="mixing_matrix",
    reference=framework.mixing_matrix,
    cases=_orders_cases,
    small=_orders_small,
    wrong=(
        Wrong(
            "transposed",
            "The permutations are inverted. Row i has its one in the column of the channel that "
            "place i takes.",
            lambda orders: framework.mixing_matrix(orders).mT,
        ),
        Wrong(
            "not_scaled",
            "The permutations are added up and nothing more. Then the numbers grow with each of "
            "them: divide by the square root of how many there are.",
            _spoilt_scale(lambda k: sqrt(k)),
        ),
        Wrong(
            "mean",
            "That is the mean. It makes independent channels smaller: to keep their variance, "
            "divide by the square root of how many there are.",
            _spoilt_scale(lambda k: 1 / sqrt(k)),
        ),
        Wrong(
            "only_the_first",
            "Only the first permutation is there.",
            lambda orders: framework.mixing_matrix(orders[:1]),
        ),
        Wrong(
            "composed",
            "The permutations come one after the other: that is one permutation again. They "
            "stand side by side, and their results are added.",
            _composed,
        ),
        Wrong(
            "no_overlap",
            "Where two permutations have the same cell, it counts once. It has to count twice.",
            lambda orders: (framework.mixing_matrix(orders) > 0).double() / sqrt(len(orders)),
        ),
    ),
    hints=(
        "One permutation: a matrix of zeros, with a one in row i and column order[i] for every i. "
        "`torch.arange(c)` gives all the rows at once.",
        "Start from zeros of c x c. For each order add 1 to those cells; at the end divide by the "
        "square root of the number of orders.",
    ),
)

# --- the unit of V2 -----------------------------------------------------------------------


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
    return [
        _small_v2((1, 1), 6, 6, 1), _small_v2((2, 2), 6, 6, 1), _small_v2((2, 2), 2, 6, 2),
    ]  # fmt: skip


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


UNIT_V2 = Exercise(
    id="shufflenet.unit_v2",
    lesson=LESSON,
    title="The unit of ShuffleNet V2",
    points=3,
    minutes=15,
    name="ShuffleUnitV2",
    reference=framework.ShuffleUnitV2,
    cases=_v2_cases,
    small=_v2_small,
    wrong=(
        Wrong(
            "no_shuffle",
            "The two halves are not shuffled after they are joined: the kept half would never be "
            "worked on.",
            _Restored,
        ),
        Wrong(
            "inverse_shuffle",
            "That is the inverse shuffle: the joined halves are two groups, one beside the other.",
            _Inverted,
        ),
        Wrong(
            "other_half",
            "The second half is kept and the first one worked on. It is the other way round.",
            _OtherHalf,
        ),
        Wrong(
            "other_order",
            "The two parts are joined in the other order: branch1, or the half that is kept, "
            "comes first.",
            _OtherOrder,
        ),
        Wrong(
            "relu_after_depthwise",
            "There is a ReLU after the depthwise layer. It has a batch norm and no ReLU.",
            _ReluAfterDepthwise,
        ),
        Wrong(
            "no_last_relu",
            "The ReLU at the end of a branch is missing.",
            _NoLastRelu,
        ),
        Wrong(
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

FURTHER = (FOLD, MIXING, UNIT_V2)
