"""Lesson 04: tests claim 11 with a clue that is too far away to be seen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torchvision.ops import SqueezeExcitation

from convzoo import data
from convzoo.experiments.runner import Experiment
from convzoo.ideas.senet.framework import lecture_gate

SIZE, CHANNELS, REDUCTION = 12, 12, 4
NEAR, FAR = 3, 9  # the smallest and the largest distance that fits into an image of SIZE
# One network is tested at all distances; near ones come more often, so that it can learn them.
DISTANCES = (3, 3, 3, 4, 4, 5, 6, 7, 8, 9)
MakeGate = Callable[[int], nn.Module]


def clues(distance: int, number: int = 256, seed: int = 0) -> data.Images:
    """Return images whose clue is `distance` rows and columns away from the animal, all for
    testing."""
    return data.made(
        "far_clue", seed=100 * seed + distance, train=1, test=number, size=SIZE, distance=distance
    )


def images(trained: tuple[int, ...] = DISTANCES, asked: tuple[int, ...] = (FAR,)) -> data.Images:
    """Return images with clues at some distances to train on, each as often as it is listed, and at
    others to test on."""
    each = 1500 // len(trained)
    parts = [clues(distance, each, seed + 1) for seed, distance in enumerate(trained)]
    tests = [clues(distance, 512 // len(asked)) for distance in asked]
    x, y = _joined(parts)
    return data.Images("clues", tests[0].classes, x, y, *_joined(tests))


def _joined(parts: list[data.Images]) -> tuple[Tensor, Tensor]:
    return torch.cat([part.test_x for part in parts]), torch.cat([part.test_y for part in parts])


def twins(distance: int) -> tuple[Tensor, tuple[int, int]]:
    """Return two images that differ only in their clue, n 1 h w with the cat's first, and the
    animal's row and column."""
    found = clues(distance, 1)
    x, y = found.test_x[0], found.test_y[0]
    row, column = (y != data.IGNORED).nonzero()[0].tolist()
    turned = x.clone()
    for i in (row - distance, row + distance):
        for j in (column - distance, column + distance):
            if 0 < i < SIZE - 1 and 0 < j < SIZE - 1 and x[0, i - 1, j - 1] > 0.9:
                clue = (0, slice(i - 1, i + 2), slice(j - 1, j + 2))
                turned[clue] = x[clue].T
    pair = (turned, x) if y[row, column] else (x, turned)
    return torch.stack(pair), (row, column)


def stack(gate: MakeGate | None = None, dilations: tuple[int, ...] = (1, 1, 1, 1)) -> nn.Module:
    """Return four 3x3 layers, each with batch norm and ReLU, the last two with a gate, and a 1x1
    readout.

    (n, 1, h, w) -> (n, 2, h, w). gate: called with the channels, returns a layer. Without dilation
    a pixel sees 9 x 9.
    """
    layers, channels = [], 1
    for place, dilation in enumerate(dilations):
        conv = nn.Conv2d(channels, CHANNELS, 3, padding=dilation, dilation=dilation, bias=False)
        layers += [conv, nn.BatchNorm2d(CHANNELS), nn.ReLU()]
        layers += [gate(CHANNELS)] if gate and place > 1 else []
        channels = CHANNELS
    return nn.Sequential(*layers, nn.Conv2d(channels, 2, 1))


class LectureGate(nn.Module):
    """The lecture's gate as a layer; at the start all gates are equal."""

    def __init__(self, channels: int, scaled: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, SIZE, SIZE))
        self.scaled = scaled

    def forward(self, x: Tensor) -> Tensor:
        return lecture_gate(x, self.weight, self.scaled)[0]


VARIANTS = {
    "no gate": stack,
    "no gate, dilations 1-2-4-8": partial(stack, dilations=(1, 2, 4, 8)),
    "the paper's gate": partial(
        stack, lambda channels: SqueezeExcitation(channels, channels // REDUCTION)
    ),
    "the lecture's, times C": partial(stack, partial(LectureGate, scaled=True)),
    "the lecture's, as said": partial(stack, partial(LectureGate, scaled=False)),
}
# At lr=0.01 one of five seeds of "times C" ended at 54%: its inner product sums 144 pixels, so
# that each step changes it a lot.
SETTINGS = {"epochs": 5, "batch_size": 32, "lr": 0.006, "recipe": {"optimizer": "adam"}}

FAR_CLUE = Experiment(
    name="senet_far_clue",
    question=(
        "If the clue is outside the receptive field, does a gate that sees the whole image find it?"
    ),
    images=images,
    variants=VARIANTS,
    settings=SETTINGS,
)

NEW_DISTANCES = Experiment(
    name="senet_new_distances",
    question=("Trained on clues at distances 3, 4, 6 and 9, how does a network do at 5, 7 and 8?"),
    images=partial(images, (3, 4, 6, 9), (5, 7, 8)),
    variants={name: make for name, make in VARIANTS.items() if name != "no gate"},
    settings=SETTINGS,
)

EXPERIMENTS = (FAR_CLUE, NEW_DISTANCES)
