"""Lesson 06: what a separable network loses and gains compared with a dense one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from convzoo import data
from convzoo.experiments.runner import Experiment
from convzoo.ideas.separable.framework import DepthwiseSeparable

LAYERS = 3


def _digits() -> data.Images:
    return data.load("digits").normalised()


def dense(channels: int) -> list[nn.Module]:
    """Return a full 3x3 layer with batch norm and ReLU."""
    conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU()]


def separable(channels: int) -> list[nn.Module]:
    """MobileNetV1's block: depthwise and pointwise, each with batch norm and ReLU."""
    return [DepthwiseSeparable(channels, channels)]


def depthwise_alone(channels: int) -> list[nn.Module]:
    """Return a depthwise layer without a 1x1 after it: the channels never mix."""
    conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU()]


def network(layer: Callable[[int], list[nn.Module]], channels: int) -> nn.Sequential:
    """Return a dense stem, three layers of one kind, a global pool, a linear head.

    (n, 1, h, w) -> (n, 10)
    """
    parts = [nn.Conv2d(1, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
    for _ in range(LAYERS):
        parts += layer(channels)
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


DIGITS = Experiment(
    name="separable_digits",
    question=(
        "How does a separable network compare with a dense one of the same width, and with one of "
        "the same cost?"
    ),
    images=_digits,
    variants={
        "dense": partial(network, dense, 48),
        "separable": partial(network, separable, 48),
        "dense, as cheap": partial(network, dense, 18),
        "depthwise alone": partial(network, depthwise_alone, 48),
    },
    settings={"epochs": 6, "batch_size": 64, "lr": 0.05},
)

EXPERIMENTS = (DIGITS,)
