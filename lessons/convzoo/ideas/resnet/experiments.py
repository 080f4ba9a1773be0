"""Lesson 01: deep plain networks and residual ones that differ only in the addition."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock

from convzoo import data
from convzoo.experiments.runner import Experiment
from convzoo.ideas.resnet.framework import pad_shortcut
from convzoo.nets import ResNet

DEPTHS = (8, 20, 32, 56)  # 6n + 2 layers with weights, as in He 2015, section 4.2


class Plain(BasicBlock):
    """Two 3x3 layers, each with batch norm and ReLU; no shortcut.

    (n, in_channels, h, w) -> (n, planes, h / stride, w / stride)
    """

    def __init__(self, in_channels: int, planes: int, stride: int = 1):
        super().__init__(in_channels, planes, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.branch(x))

    def branch(self, x: Tensor) -> Tensor:
        """Return the result before the last ReLU."""
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))


class Residual(Plain):
    """The same layers, with the input added by a shortcut without parameters (option A)."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        same = y.shape == x.shape
        return F.relu(y + (x if same else pad_shortcut(x, y.shape[1], self.stride)))


def network(block: type[nn.Module], depth: int) -> nn.Module:
    """Return three stages of (depth - 2) / 6 blocks, 8, 16 and 32 channels wide, for 8 x 8
    digits."""
    blocks = [(depth - 2) // 6] * 3
    return ResNet(block, blocks, 10, in_channels=1, widths=[8, 16, 32], stem="small")


DEPTH = Experiment(
    name="resnet_depth",
    question="With the same layers and the same recipe, do deeper networks train worse, and does "
    "the addition fix it?",
    images=lambda: data.load("digits").normalised(),
    variants={
        f"{kind.__name__.lower()} {depth}": partial(network, kind, depth)
        for depth in DEPTHS
        for kind in (Plain, Residual)
    },
    settings={"epochs": 6, "batch_size": 64, "lr": 0.05},
)

_DEEP = {"plain 56": partial(network, Plain, 56)}

PATIENCE = Experiment(
    name="resnet_patience",
    question="With longer training, does the deep plain network train as well as a shallow one?",
    images=DEPTH.images,
    variants=_DEEP,
    settings={**DEPTH.settings, "epochs": 18},
)

SMALL_STEPS = Experiment(
    name="resnet_small_steps",
    question="With smaller steps, does the deep plain network train as well as a shallow one?",
    images=DEPTH.images,
    variants=_DEEP,
    settings={**DEPTH.settings, "lr": 0.01},
)

EXPERIMENTS = (DEPTH, PATIENCE, SMALL_STEPS)
