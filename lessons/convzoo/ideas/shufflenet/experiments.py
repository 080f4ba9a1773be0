"""Lesson 05: tests claims 13, 14 and 15 by training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import SqueezeExcitation

from convzoo import data
from convzoo.experiments.runner import Experiment
from convzoo.nets import ResNet

# --- what comes between two grouped layers -----------------------------------------


class Copies(nn.Module):
    """The sum of k fixed random permutations of the channels, scaled to keep the variance.

    (n, c, h, w) -> the same shape; no parameters; drawn once, when it is built.
    """

    def __init__(self, channels: int, k: int):
        super().__init__()
        orders = torch.stack([torch.randperm(channels) for _ in range(k)])
        self.register_buffer("orders", orders)  # k c

    def forward(self, x: Tensor) -> Tensor:
        return sum(x[:, order] for order in self.orders) / sqrt(len(self.orders))


Between = Callable[[int, int], nn.Module]  # called with channels and groups


def nothing(channels: int, groups: int) -> nn.Module:
    """Identity."""
    return nn.Identity()


def shuffle(channels: int, groups: int) -> nn.Module:
    """Return the paper's shuffle: reshape to (groups, width), transpose, flatten."""
    return nn.ChannelShuffle(groups)


def copies(k: int) -> Between:
    """Return the sum of k random permutations."""
    return lambda channels, groups: Copies(channels, k)


def learned(channels: int, groups: int) -> nn.Module:
    """Return a full 1x1 without a ReLU: a permutation matrix that can be trained."""
    return nn.Conv2d(channels, channels, 1, bias=False)


def stack(
    between: Between, c_in: int, channels: int, groups: int, classes: int, layers: int = 3
) -> nn.Module:
    """Grouped 1x1 layers, each with batch norm and ReLU; a global pool, a linear head.

    (n, c_in, h, w) -> (n, classes)
    """
    parts, wide = [], c_in
    for layer in range(layers):
        parts += [nn.Conv2d(wide, channels, 1, groups=groups, bias=False)]
        parts += [nn.BatchNorm2d(channels), nn.ReLU()]
        parts += [between(channels, groups)] if layer < layers - 1 else []
        wide = channels
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(wide, classes))


# --- the moment: XOR of two groups --------------------------------------------------


def xor() -> data.Images:
    """Return the task whose label is the XOR of a bit in channel group 0 and a bit in group 2."""
    return data.made("xor_groups", groups=4, width=4).normalised()


_XOR = {"c_in": 16, "classes": 2}
SHUFFLE_XOR = Experiment(
    name="shuffle_xor",
    question="If the answer depends on two groups at once, is a fixed permutation enough?",
    images=xor,
    variants={
        "no shuffle": partial(stack, nothing, channels=32, groups=4, **_XOR),
        "shuffle": partial(stack, shuffle, channels=32, groups=4, **_XOR),
        "dense, 3.1 times the weights": partial(stack, nothing, channels=32, groups=1, **_XOR),
    },
    settings={"epochs": 6, "batch_size": 64, "lr": 0.05},
)

# --- one permutation, or more, or a learned mix --------------------------------------


def short(between: Between, width: int) -> nn.Module:
    """Return two grouped layers with one mix between them: eight groups of two channels, then eight
    of `width`. (n, 16, h, w) -> (n, 2)
    """
    return nn.Sequential(
        nn.Conv2d(16, 16, 1, groups=8, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        between(16, 8),
        nn.Conv2d(16, 8 * width, 1, groups=8, bias=False),
        nn.BatchNorm2d(8 * width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8 * width, 2),
    )


def eight_groups() -> data.Images:
    """Return the XOR of groups 0 and 2 among eight groups of two channels."""
    return data.made("xor_groups", groups=8, width=2).normalised()


SHUFFLE_COPIES = Experiment(
    name="shuffle_copies",
    question="One mix between two layers, at an equal budget: one permutation, several, or a "
    "learned mix?",
    images=eight_groups,
    variants={
        "identity": partial(short, nothing, 12),
        "shuffle": partial(short, shuffle, 12),
        "random permutation": partial(short, copies(1), 12),
        "2 permutations": partial(short, copies(2), 12),
        "3 permutations": partial(short, copies(3), 12),
        "4 permutations (log2 of 16)": partial(short, copies(4), 12),
        "learned mix, narrower": partial(short, learned, 7),
    },
    settings={"epochs": 6, "batch_size": 64, "lr": 0.05},
)

# --- the shuffle in other networks' blocks -------------------------------------------


class GroupedBlock(nn.Module):
    """1x1, 3x3, 1x1, all in groups, with a mix after the first; added to the input.

    width: channels of the 3x3; cardinality: its groups; gate: squeeze-and-excitation before the
    addition. (n, in_channels, h, w) -> (n, planes, h / stride, w / stride)
    """

    def __init__(
        self,
        in_channels,
        planes,
        stride=1,
        groups=4,
        width=16,
        cardinality=4,
        gate=False,
        between: Between = nothing,
    ):
        super().__init__()
        self.branch = nn.Sequential(
            *_convolved(in_channels, width, 1, 1, groups),
            nn.ReLU(),
            between(width, groups),
            *_convolved(width, width, 3, stride, cardinality),
            nn.ReLU(),
            *_convolved(width, planes, 1, 1, groups),
            SqueezeExcitation(planes, planes // 4) if gate else nn.Identity(),
        )
        same = stride == 1 and in_channels == planes
        project = nn.Sequential(*_convolved(in_channels, planes, 1, stride, groups))
        self.shortcut = nn.Identity() if same else project

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.branch(x))


def _convolved(c_in: int, c_out: int, kernel: int, stride: int, groups: int) -> tuple:
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return conv, nn.BatchNorm2d(c_out)


BLOCKS = {  # the 3x3's width and groups, and a gate
    "ResNet": {"width": 16, "cardinality": 4},
    "ResNeXt": {"width": 32, "cardinality": 16},
    "SE": {"width": 16, "cardinality": 4, "gate": True},
}
NARROWER = {"ResNet": (12, 4), "ResNeXt": (16, 8), "SE": (12, 4)}  # pays for a learned mix
BETWEEN: dict[str, Between] = {
    "identity": nothing,
    "shuffle": shuffle,
    "random permutation": copies(1),
    "learned mix": learned,
}


def _network(classes: int, in_channels: int, between: Between, **block) -> nn.Module:
    """Return two blocks, the second with stride 2; for a task in groups, the stem keeps the groups
    apart."""
    network = ResNet(
        GroupedBlock,
        [1, 1],
        classes,
        in_channels=in_channels,
        widths=[32, 64],
        stem="small",
        between=between,
        **block,
    )
    if in_channels > 1:
        network.conv1 = nn.Conv2d(in_channels, 32, 1, groups=4, bias=False)
    return network


def _every_mix(classes: int, in_channels: int) -> dict[str, Callable[[], nn.Module]]:
    found = {}
    for name, block in BLOCKS.items():
        for mix, between in BETWEEN.items():
            if mix == "learned mix":
                width, cardinality = NARROWER[name]
                block = block | {"width": width, "cardinality": cardinality}
            found[f"{name}, {mix}"] = partial(_network, classes, in_channels, between, **block)
    return found


SHUFFLE_BLOCKS = Experiment(
    name="shuffle_blocks",
    question="In blocks of ResNet, ResNeXt and SE, all layers in groups: does a mix help with XOR?",
    images=lambda: xor().limit(1024, 512),
    variants=_every_mix(2, 16),
    settings={"epochs": 4, "batch_size": 64, "lr": 0.05},
)

SHUFFLE_BLOCKS_DIGITS = Experiment(
    name="shuffle_blocks_digits",
    question="And on digits, whose dense stem mixes all groups anyway?",
    images=lambda: data.load("digits").normalised(),
    variants=_every_mix(10, 1),
    settings={"epochs": 3, "batch_size": 64, "lr": 0.05},
)

EXPERIMENTS = (SHUFFLE_XOR, SHUFFLE_COPIES, SHUFFLE_BLOCKS, SHUFFLE_BLOCKS_DIGITS)
