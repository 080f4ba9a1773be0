"""Lesson 07: every idea of the course at an equal budget of multiply-adds, one task, one recipe."""

from __future__ import annotations

from functools import cache, partial

from torch import nn

from convzoo import clutter, data, zoo
from convzoo.experiments.runner import Experiment
from convzoo.experiments.shufflenet import BLOCKS, GroupedBlock, nothing, shuffle
from convzoo.nets import ResNet

# Multiply-adds of one image. Of the budgets that were tried these two leave the least unspent.
SMALL, LARGE = 109_000, 174_000
WIDTHS = {  # the widest of each kind within SMALL and LARGE, found by lesson 07's width_for_budget
    "plain": (15, 20), "residual": (15, 20), "SE": (15, 20), "ResNeXt": (32, 44),
    "DenseNet": (13, 18), "separable": (34, 47), "inverted": (12, 16),
    "ShuffleNet": (60, 80), "no shuffle": (60, 80),
}  # fmt: skip
SETTINGS = {"epochs": 6, "batch_size": 64, "lr": 0.1, "recipe": {"warmup": 0.1}}


@cache
def images() -> data.Images:
    """The task: which digit is it, among pieces of others?"""
    return clutter.cluttered().normalised()


ZOO = Experiment(
    name="zoo",
    question="At equal multiply-adds, which idea finds the digit among pieces of others?",
    images=images,
    variants={
        f"{kind}, {budget // 1000}k": partial(zoo.network, kind, width)
        for budget, pair in zip((SMALL, LARGE), zip(*WIDTHS.values()))
        for kind, width in zip(WIDTHS, pair)
    },
    settings=SETTINGS,
)

# --- the shuffle in other networks, on this task ------------------------------------


def _grouped(between, **block) -> nn.Module:
    """Three stages of two blocks, every convolution but the first in groups."""
    made = ResNet(
        GroupedBlock, [2, 2, 2], 10, in_channels=1, widths=[16, 32, 64], stem="small",
        between=between, **block,
    )  # fmt: skip
    made.maxpool = nn.MaxPool2d(2)
    return made


ZOO_SHUFFLE = Experiment(
    name="zoo_shuffle",
    question="Blocks of ResNet, ResNeXt and SE, all layers in groups: does the shuffle help here?",
    images=images,
    variants={
        f"{name}, {mix}": partial(_grouped, between, **block)
        for name, block in BLOCKS.items()
        for mix, between in (("no shuffle", nothing), ("shuffle", shuffle))
    },
    settings=SETTINGS,
)

EXPERIMENTS = (ZOO, ZOO_SHUFFLE)
