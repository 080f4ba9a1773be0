"""The papers' networks, out of the blocks that the lessons build: what no lesson teaches.

A lesson adds its networks to NETWORKS, here, and its family to `convzoo.count.LESSONS`, which is
what a reader without this folder is told. Names and settings are torchvision's; values stand
there as in its source (torchvision/models/resnet.py).
"""

from torch import nn

from convzoo import nets
from convzoo.count import Network


def bottlenecks(defs, **settings) -> nn.Module:
    """ResNet and ResNeXt: the skeleton with the block of lesson 02."""
    return nets.ResNet(defs.Bottleneck, **settings)


def _resnext(layers: tuple[int, ...], groups: int = 1, width_per_group: int = 64) -> Network:
    settings = {"layers": layers, "groups": groups, "width_per_group": width_per_group}
    return Network("02_resnext", bottlenecks, settings)


NETWORKS = {
    "resnet50": _resnext((3, 4, 6, 3)),
    "resnet101": _resnext((3, 4, 23, 3)),
    "resnext50_32x4d": _resnext((3, 4, 6, 3), groups=32, width_per_group=4),
    "resnext101_32x8d": _resnext((3, 4, 23, 3), groups=32, width_per_group=8),
    "resnext101_64x4d": _resnext((3, 4, 23, 3), groups=64, width_per_group=4),
}
