"""Lesson 07: every idea of the course at an equal budget of multiply-adds, one task, one recipe."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from torch import nn

from convzoo import data
from convzoo.experiments.runner import Experiment
from convzoo.ideas.zoo import clutter
from convzoo.ideas.zoo import networks as zoo

# Multiply-adds of one image. Of the budgets we tried, these two leave the least unused.
SMALL, LARGE = 109_000, 174_000
WIDTHS = {  # the widest of each kind within SMALL and LARGE, found by lesson 07's width_for_budget
    "plain": (15, 20),
    "residual": (15, 20),
    "SE": (15, 20),
    "ResNeXt": (35, 47),
    "DenseNet": (13, 18),
    "separable": (34, 47),
    "inverted": (12, 16),
    "ShuffleNet": (67, 83),
    "no shuffle": (67, 83),
}
SETTINGS = {"epochs": 12, "batch_size": 64, "lr": 0.1, "recipe": {"warmup": 0.1}}


@cache
def images() -> data.Images:
    """Return the task: which digit is it, among pieces of other digits?"""
    return clutter.cluttered().normalised()


def _variants(make: Callable[[str, int], nn.Module]) -> dict[str, Callable[[], nn.Module]]:
    return {
        f"{kind}, {budget // 1000}k": partial(make, kind, width)
        for budget, pair in zip((SMALL, LARGE), zip(*WIDTHS.values()))
        for kind, width in zip(WIDTHS, pair)
    }


def on(name: str) -> Experiment:
    """Return the same networks, twice as wide, on other images such as "cifar10"; best on a GPU."""

    @cache
    def others() -> data.Images:
        return data.load(name).normalised()

    def network(kind: str, width: int) -> nn.Module:
        return zoo.network(kind, 2 * width, len(others().classes), others().channels)

    return Experiment(
        f"zoo_{name}",
        f"At equal multiply-adds, which idea does best on {name}?",
        others,
        _variants(network),
        SETTINGS | {"batch_size": 128},
    )


ZOO = Experiment(
    name="zoo",
    question="At equal multiply-adds, which idea best finds the digit among pieces of others?",
    images=images,
    variants=_variants(zoo.network),
    settings=SETTINGS,
    elsewhere=on,
)

SHORT = Experiment(
    name="zoo_six_epochs",
    question="After half of the training, is the ranking of the zoo the same?",
    images=images,
    variants=_variants(zoo.network),
    settings=SETTINGS | {"epochs": 6},
)

EXPERIMENTS = (ZOO, SHORT)
