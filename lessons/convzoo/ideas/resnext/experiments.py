"""Lesson 02: tests claims 3, 4 and 7 by training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convzoo import data
from convzoo.experiments.runner import Experiment
from convzoo.ideas.resnext.framework import Bottleneck
from convzoo.nets import ResNet

# --- more groups at an equal budget ---------------------------------------------

ROWS = ((1, 64), (2, 40), (4, 24), (8, 14), (32, 4))  # groups, width of each: Xie 2016, table 2


def _digits() -> data.Images:
    return data.load("digits").normalised()


def _small_resnext(groups: int, width: int) -> nn.Module:
    """Return the paper's block at half its width, at which all five rows are still whole
    numbers."""
    return ResNet(
        Bottleneck,
        [1, 1],
        10,
        in_channels=1,
        widths=[32, 64],
        stem="small",
        groups=groups,
        width_per_group=width,
    )


EQUAL_BUDGET = Experiment(
    name="resnext_equal_budget",
    question="At equal multiply-adds, do more groups, and so more channels, learn digits better?",
    images=_digits,
    variants={f"{g}x{w}d": partial(_small_resnext, g, w) for g, w in ROWS},
    settings={"epochs": 6, "batch_size": 64, "lr": 0.1},
)

# --- a few blocks off the diagonal ----------------------------------------------

GROUPS = 4
Blocks = list[tuple[int, int]]  # (row, column) of each block that is not zero
DIAGONAL: Blocks = [(i, i) for i in range(GROUPS)]


def neighbours() -> Blocks:
    """Return the diagonal and the block to the right of each of its blocks, with wrap-around."""
    return DIAGONAL + [(i, (i + 1) % GROUPS) for i in range(GROUPS)]


def at_random() -> Blocks:
    """Return the diagonal and the same number of random blocks off it, different in every layer."""
    off = [(i, j) for i in range(GROUPS) for j in range(GROUPS) if i != j]
    return DIAGONAL + [off[k] for k in torch.randperm(len(off))[:GROUPS].tolist()]


def everywhere() -> Blocks:
    """Return all blocks: a dense layer."""
    return [(i, j) for i in range(GROUPS) for j in range(GROUPS)]


class BlockConv2d(nn.Module):
    """A convolution whose channel matrix has weights only in some of its GROUPS x GROUPS blocks.

    (n, GROUPS in_width, h, w) -> (n, GROUPS out_width, h, w), at the multiply-adds of its blocks.
    """

    def __init__(self, blocks: Blocks, in_width: int, out_width: int, kernel_size: int):
        super().__init__()
        rows, columns = zip(*blocks)
        self.register_buffer("rows", torch.tensor(rows))
        self.register_buffer("columns", torch.tensor(columns))
        fan_in = in_width * kernel_size**2 * len(blocks) / GROUPS
        shape = (len(blocks) * out_width, in_width, kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.randn(shape) * (2 / fan_in) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        blocks, padding = len(self.rows), self.weight.shape[-1] // 2
        read = x.unflatten(1, (GROUPS, -1))[:, self.columns].flatten(1, 2)  # a copy per block
        parts = F.conv2d(read, self.weight, padding=padding, groups=blocks)
        parts = parts.unflatten(1, (blocks, -1))  # n blocks out_width h w
        n, _, *shape = parts.shape
        return parts.new_zeros(n, GROUPS, *shape).index_add(1, self.rows, parts).flatten(1, 2)


def _stack(
    blocks: Callable[[], Blocks],
    width: int,
    layers: int,
    kernel_size: int,
    classes: int,
    in_width: int | None = None,
    shuffle: bool = False,
) -> nn.Module:
    """Return layers of blocks, each with batch norm and ReLU; a global pool and a linear head.

    in_width: the channels of a group of the task; None for an image, which a dense layer reads.
    """
    channels, parts = GROUPS * width, []
    if in_width is None:  # an image, not channels in groups
        parts += [nn.Conv2d(1, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
        in_width = width
    for layer in range(layers):
        parts += [BlockConv2d(blocks(), in_width, width, kernel_size)]
        parts += [nn.BatchNorm2d(channels), nn.ReLU()]
        if shuffle and layer < layers - 1:
            parts += [nn.ChannelShuffle(GROUPS)]
        in_width = width
    return nn.Sequential(
        *parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)
    )


def _patterns(widths: tuple[int, int, int], **settings) -> dict[str, Callable[[], nn.Module]]:
    """Return five patterns. widths: of a group with 4, 8 or all 16 blocks, chosen so that the
    number of parameters is the same."""
    few, some, every = widths
    patterns = {
        "block-diagonal": (lambda: DIAGONAL, few, False),
        "plus neighbours": (neighbours, some, False),
        "plus random blocks": (at_random, some, False),
        "block-diagonal, shuffled": (lambda: DIAGONAL, few, True),
        "dense": (everywhere, every, False),
    }
    return {
        name: partial(_stack, blocks, width, shuffle=shuffle, **settings)
        for name, (blocks, width, shuffle) in patterns.items()
    }


def _xor() -> data.Images:
    return data.made("xor_groups", groups=GROUPS, width=4).normalised()


OFF_DIAGONAL = Experiment(
    name="off_diagonal",
    question=(
        "If the answer depends on two groups at once, do a few blocks off the diagonal find it, "
        "at equal parameters?"
    ),
    images=_xor,
    variants=_patterns((14, 10, 7), layers=3, kernel_size=1, in_width=4, classes=2),
    settings={"epochs": 8, "batch_size": 64, "lr": 0.05},
)

OFF_DIAGONAL_DIGITS = Experiment(
    name="off_diagonal_digits",
    question="And on real images, whose first layer mixes all groups anyway?",
    images=_digits,
    variants=_patterns((18, 13, 9), layers=3, kernel_size=3, classes=10),
    settings={"epochs": 6, "batch_size": 64, "lr": 0.05},
)

EXPERIMENTS = (EQUAL_BUDGET, OFF_DIAGONAL, OFF_DIAGONAL_DIGITS)
