"""Lesson 03: tests claim 9 with two networks, each trained with two recipes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convzoo import data
from convzoo.experiments.runner import Experiment
from convzoo.ideas.densenet.framework import DenseBlock, Transition
from convzoo.ideas.resnet.framework import BasicBlock
from convzoo.nets import ResNet

TRAINING, NOISE = 200, 0.15  # images; standard deviation of the noise on each pixel, in 0..1


def few_noisy_digits() -> data.Images:
    """Return the bundled digits with noise: 200 to train on, the other 1,597 to test on."""
    digits = data.load("digits")
    x = torch.cat([digits.train_x, digits.test_x])
    y = torch.cat([digits.train_y, digits.test_y])
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    x = (x + NOISE * noise).clamp(0, 1)
    parts = {"train_x": x[:TRAINING], "train_y": y[:TRAINING]}
    parts |= {"test_x": x[TRAINING:], "test_y": y[TRAINING:]}
    return replace(digits, name="few_noisy_digits", **parts).normalised()


class Moved(nn.Module):
    """Randomly rotates, scales and shifts each image a little at each call, only in training.

    (n, c, h, w) -> the same; up to 0.2 radians, 15% in size, and 0.15 of half the image's side.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        angle, size, *shift = (torch.rand(4, len(x), device=x.device) * 2 - 1).unbind()
        angle, size = 0.2 * angle, 1 + 0.15 * size
        turned = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1)
        turned = size[:, None, None] * turned.unflatten(1, (2, 2))
        where = torch.cat([turned, 0.15 * torch.stack(shift, 1)[:, :, None]], 2)  # n 2 3
        grid = F.affine_grid(where, list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def small_resnet() -> nn.Module:
    """Return two basic blocks, 16 and 32 channels wide."""
    return ResNet(BasicBlock, [1, 1], 10, in_channels=1, widths=[16, 32], stem="small")


def small_densenet() -> nn.Module:
    """Return two dense blocks of three layers, growth rate 10, a transition between them."""
    width, wide = 16 + 3 * 10, (16 + 3 * 10) // 2 + 3 * 10
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        DenseBlock(3, 16, 10, 2),
        Transition(width, width // 2),
        DenseBlock(3, width // 2, 10, 2),
        nn.BatchNorm2d(wide),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(wide, 10),
    )


NETWORKS = {"ResNet": small_resnet, "DenseNet": small_densenet}


def _moved(network) -> nn.Module:
    return nn.Sequential(Moved(), network())


PLAIN = Experiment(
    name="recipe_plain",
    question="Two networks with plain training: 20 epochs at a constant learning rate.",
    images=few_noisy_digits,
    variants=NETWORKS,
    settings={
        "epochs": 20,
        "batch_size": 50,
        "lr": 0.03,
        "recipe": {"cosine": False, "weight_decay": 0.0},
    },
)

CAREFUL = Experiment(
    name="recipe_careful",
    question="The same two networks with careful training: shifted images, label smoothing, "
    "weight decay, a cosine learning rate, three times as long.",
    images=few_noisy_digits,
    variants={name: partial(_moved, network) for name, network in NETWORKS.items()},
    settings={
        "epochs": 60,
        "batch_size": 50,
        "lr": 0.1,
        "recipe": {"cosine": True, "weight_decay": 5e-4, "label_smoothing": 0.1},
    },
)

EXPERIMENTS = (PLAIN, CAREFUL)
