"""Lesson 06, Further: the best separable kernels of a rank, and MobileNetV2's block."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from convzoo.case import Case
from convzoo.exercises.model import (
    Exercise, Wrong, integers, module_case, normal, pick, small_module_case,
)  # fmt: skip
from convzoo.exercises.separable_block import GROUPED
from convzoo.framework import separable as framework

LESSON = "06_separable"

# --- separable kernels of rising rank ----------------------------------------------


def _rank_case(gen: Generator, c_out, c_in, kernel, rank) -> Case:
    return Case({"rank": rank}, {"weight": normal(gen, c_out, c_in, *kernel)})


def _rank_cases(gen: Generator) -> list[Case]:
    return [
        _rank_case(gen, 7, 3, (3, 3), 2),
        _rank_case(gen, 5, 4, (3, 2), pick(gen, [2, 3])),
        _rank_case(gen, 12, 2, (3, 3), 4),
        _rank_case(gen, 6, 3, (3, 3), 1),
    ]


def _rank_small() -> list[Case]:
    def case(rank, rows):
        return Case({"rank": rank}, {"weight": torch.tensor(rows, dtype=torch.float64)})

    return [
        case(1, [[[[3, 0]]], [[[0, 1]]]]),
        case(1, [[[[2, 0]], [[0, 1]]], [[[0, 1]], [[3, 0]]]]),
        case(2, [[[[3, 0], [0, 0]]], [[[0, 2], [0, 0]]], [[[0, 0], [1, 0]]]]),
        case(1, [[[[3, 3], [3, 3]]], [[[1, -1], [-1, 1]]]]),
        case(2, [[[[4, 4], [4, 4]]], [[[2, -2], [-2, 2]]], [[[1, 1], [-1, -1]]]]),
    ]


def _among(order):
    """The reference on a weight whose dimensions stand in another order, and back."""
    back = [order.index(k) for k in range(4)]

    def target(weight: Tensor, rank: int) -> Tensor:
        return framework.best_separable(weight.permute(order), rank).permute(back)

    return target


def _whole(weight: Tensor, rank: int) -> Tensor:
    """One matrix for all input channels: (c_out, c_in kh kw)."""
    return framework.best_separable(weight.flatten(1)[:, None, None], rank).reshape(weight.shape)


def _rescaled(power: int):
    """Every kept component times its singular value to another power than 1."""

    def target(weight: Tensor, rank: int) -> Tensor:
        parts, before = 0, torch.zeros_like(weight)
        for k in range(1, rank + 1):
            now = framework.best_separable(weight, k)
            part, before = now - before, now
            size = part.square().sum((0, 2, 3), keepdim=True).sqrt()
            parts = parts + part * size ** (power - 1)
        return parts

    return target


def _smallest(weight: Tensor, rank: int) -> Tensor:
    full = min(len(weight), weight[0, 0].numel())
    if rank == full:
        return weight * 1
    return weight - framework.best_separable(weight, full - rank)


RANK = Exercise(
    id="separable.rank",
    lesson=LESSON,
    title="The best separable kernel of a rank",
    points=2,
    minutes=15,
    name="best_separable",
    reference=framework.best_separable,
    cases=_rank_cases,
    small=_rank_small,
    wrong=(
        Wrong(
            "whole",
            "All input channels are taken as one matrix. Each input channel has a matrix of its "
            "own, (c_out, taps), and its own best filters.",
            _whole,
        ),
        Wrong(
            "by_output",
            "The matrices belong to the output channels: (c_in, taps). The depthwise filters come "
            "first, so there is one matrix for each input channel: (c_out, taps).",
            _among([1, 0, 2, 3]),
        ),
        Wrong(
            "spatial",
            "Each filter is split into a column times a row. That is the other use of the word "
            "separable; here outputs are split from taps.",
            lambda weight, rank: framework.best_separable(
                weight.flatten(0, 1).transpose(0, 1)[..., None], min(rank, *weight.shape[2:])
            )[..., 0].transpose(0, 1).reshape(weight.shape),
        ),
        Wrong(
            "smallest",
            "The smallest singular values are kept. The largest ones carry the most.",
            _smallest,
        ),
        Wrong(
            "unscaled",
            "The singular values are left out: each kept part has the length 1.",
            _rescaled(0),
        ),
        Wrong(
            "scaled_twice",
            "The singular values are multiplied in twice, once with either factor.",
            _rescaled(2),
        ),
        Wrong(
            "rank_one",
            "It keeps one part whatever the rank says.",
            lambda weight, rank: framework.best_separable(weight, 1),
        ),
        Wrong(
            "cut_off",
            "The numbers are right, but no gradient comes back to `weight`.",
            lambda weight, rank: framework.best_separable(weight.detach(), rank) + 0 * weight,
        ),
    ),
    hints=(
        "Bring the weight to (c_in, c_out, taps): one matrix for each input channel. A separable "
        "layer of rank 1 has one filter for each, so its matrices have rank 1.",
        "`torch.linalg.svd(matrices, full_matrices=False)` decomposes all of them at once into "
        "U, S and Vh, the largest singular values first. The nearest matrix of rank r keeps the "
        "first r of each (Eckart and Young 1936).",
        "Multiply the first r columns of U by the first r singular values, then by the first r "
        "rows of Vh; bring the result back to (c_out, c_in, kh, kw).",
    ),
)

# --- MobileNetV2's block -------------------------------------------------------------


def _case(gen, training=False, image=(5, 4), times=1.0, **scalars) -> Case:
    x = times * normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.InvertedResidual, scalars, {"x": x}, gen, training)


def _cases(gen: Generator) -> list[Case]:
    ratio = pick(gen, [3, 4, 5])
    return [
        _case(gen, times=20.0, in_channels=4, out_channels=4, stride=1, expand_ratio=ratio),
        _case(gen, in_channels=3, out_channels=5, stride=1, expand_ratio=2),
        _case(gen, True, in_channels=4, out_channels=4, stride=2, expand_ratio=3),
        _case(gen, in_channels=4, out_channels=4, stride=1, expand_ratio=1),
        _case(gen, in_channels=5, out_channels=3, stride=2, image=(6, 5), expand_ratio=1),
    ]


def _small_case(image, start=0, **scalars) -> Case:
    x = (integers(1, scalars["in_channels"], *image) + start) % 4 - 1
    return small_module_case(framework.InvertedResidual, scalars, {"x": x})


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
    ]


class _ReluLast(framework.InvertedResidual):
    def branch(self, x: Tensor) -> Tensor:
        return nn.functional.relu6(super().branch(x))


class _ReluAfter(framework.InvertedResidual):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu6(super().forward(x))


class _NoShortcut(framework.InvertedResidual):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.use_res_connect = False


class _ShortcutWhereItFits(framework.InvertedResidual):
    """Wherever the stride is 1."""

    def __init__(self, stride=1, **scalars):
        super().__init__(stride=stride, **scalars)
        self.use_res_connect = stride == 1


class _Relu(framework.InvertedResidual):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        for name in ("relu1", "relu2"):
            if hasattr(self, name):
                setattr(self, name, nn.ReLU())


class _AlwaysExpanded(framework.InvertedResidual):
    def __init__(self, in_channels, out_channels, stride=1, expand_ratio=6):
        width = (in_channels + 0.4) / in_channels if expand_ratio == 1 else expand_ratio
        super().__init__(in_channels, out_channels, stride, width)


class _StrideInExpand(framework.InvertedResidual):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        if hasattr(self, "expand"):
            first, second = self.expand, self.depthwise
            first.stride, second.stride = second.stride, first.stride


class _NoMiddleRelu(framework.InvertedResidual):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu2 = nn.Identity()


INVERTED = Exercise(
    id="separable.inverted_residual",
    lesson=LESSON,
    title="MobileNetV2's block",
    points=3,
    minutes=15,
    name="InvertedResidual",
    reference=framework.InvertedResidual,
    cases=_cases,
    small=_small,
    wrong=(
        Wrong(
            "relu_last",
            "There is a ReLU behind the last batch norm. The narrow end of V2's block is linear: "
            "that is the paper's linear bottleneck.",
            _ReluLast,
        ),
        Wrong(
            "relu_after",
            "There is a ReLU after the addition, as in ResNet. V2's block ends without one.",
            _ReluAfter,
        ),
        Wrong(
            "no_shortcut",
            "The input is never added. It is, where the block keeps the shape.",
            _NoShortcut,
        ),
        Wrong(
            "shortcut_by_stride",
            "The input is added wherever the stride is 1. The number of channels must be the same, "
            "too; there is no projection in V2.",
            _ShortcutWhereItFits,
        ),
        Wrong(
            "relu",
            "The activation is ReLU. V2 has ReLU6, which cuts off at 6.",
            _Relu,
        ),
        Wrong(
            "always_expanded",
            "There is a first 1x1 even where the ratio is 1. There is nothing to expand there: "
            "leave that layer and its batch norm out.",
            _AlwaysExpanded,
        ),
        Wrong(
            "stride_in_expand",
            "The stride sits in the first 1x1. It belongs to the depthwise layer.",
            _StrideInExpand,
        ),
        Wrong(
            "no_middle_relu",
            "There is no ReLU6 between the depthwise layer and the last 1x1.",
            _NoMiddleRelu,
        ),
    ),
    hints=(
        "Three convolutions with a batch norm each: a 1x1 up to expand_ratio times the channels, "
        "a depthwise 3x3 there, with the stride, and a 1x1 down to out_channels.",
        "ReLU6 behind the first two batch norms, none behind the third. The input is added where "
        "the stride is 1 and the number of channels stays.",
        "Where expand_ratio is 1, `self.expand` and `self.bn1` are None, and the forward pass "
        "goes straight to the depthwise layer.",
    ),
    shortcuts=(GROUPED,),
)

FURTHER = (RANK, INVERTED)
