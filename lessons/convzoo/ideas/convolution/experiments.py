"""Lesson 00: tests claim 19 by training. Does batch norm regularise?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from convzoo import data
from convzoo.experiments.runner import Experiment

BATCH, WIDTH = 40, 16


class PartNorm(nn.BatchNorm2d):
    """Batch norm whose training statistics come from `images` images at a time: the fewer there
    are, the noisier the statistics. (n, c, h, w) -> the same."""

    def __init__(self, channels: int, images: int):
        super().__init__(channels)
        self.images = images

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        return torch.cat([super(PartNorm, self).forward(part) for part in x.split(self.images)])


def _network(norm: Callable[[int], nn.Module] | None) -> nn.Module:
    """Return three 3x3 layers, each with a norm and a ReLU; a pool to 2 x 2 and a linear head."""
    parts, channels = [], 1
    for _ in range(3):
        parts += [nn.Conv2d(channels, WIDTH, 3, padding=1, bias=norm is None)]
        parts += [norm(WIDTH)] if norm else []
        parts += [nn.ReLU()]
        channels = WIDTH
    head = nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * WIDTH, 10)
    return nn.Sequential(*parts, *head)


def _few_digits() -> data.Images:
    return data.load("digits").normalised().limit(200, 360)


REGULARISES = Experiment(
    name="convolution_norm",
    question="All networks learn their 200 training digits: which norm gives the best test "
    "accuracy?",
    images=_few_digits,
    variants={
        "no norm": partial(_network, None),
        "norm of each image": partial(_network, partial(nn.GroupNorm, 1)),
        "batch norm": partial(_network, nn.BatchNorm2d),
        "over 10 images": partial(_network, partial(PartNorm, images=10)),
        "over 4 images": partial(_network, partial(PartNorm, images=4)),
    },
    settings={"epochs": 60, "batch_size": BATCH, "lr": 0.1},
)

EXPERIMENTS = (REGULARISES,)
