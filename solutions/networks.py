"""The papers' networks, out of the blocks that the lessons build: what no lesson teaches.

A lesson adds its networks to NETWORKS, here, and its family to `convzoo.count.LESSONS`, which is
what a reader without this folder is told. Names and settings are torchvision's; values stand
there as in its source (torchvision/models/resnet.py).
"""

from pathlib import Path

from torch import nn

from convzoo import UserError, nets
from convzoo.count import Network, definitions


def basic_blocks(defs, **settings) -> nn.Module:
    """ResNet-18 and 34: the skeleton with lesson 01's block of two layers."""
    return nets.ResNet(defs.BasicBlock, **settings)


def bottlenecks(defs, groups: int, width_per_group: int, stride_in_1x1: bool, **settings):
    """ResNet-50 and deeper: lesson 01's bottleneck. With groups, or a width of its own, that is
    ResNeXt's block, which lesson 02 builds.

    Raises UserError for the paper's layout of ResNet (stride in the first 1x1) with groups.
    """
    if (groups, width_per_group) == (1, 64):
        return nets.ResNet(defs.Bottleneck, stride_in_1x1=stride_in_1x1, **settings)
    if stride_in_1x1:
        raise UserError(
            f"stride_in_1x1 goes with groups=1 and width_per_group=64, and here they are {groups} "
            f"and {width_per_group}: ResNeXt has its stride in the 3x3."
        )
    wider = definitions(Path(__file__).with_name("02_resnext.py"))
    return grouped(wider, groups=groups, width_per_group=width_per_group, **settings)


def grouped(defs, **settings) -> nn.Module:
    """ResNeXt: the skeleton with the block of lesson 02."""
    return nets.ResNet(defs.Bottleneck, **settings)


def _resnet(layers: tuple[int, ...]) -> Network:
    more = {"groups": 1, "width_per_group": 64, "stride_in_1x1": False}
    return Network("01_resnet", bottlenecks, {"layers": layers, **more})


def _resnext(layers: tuple[int, ...], groups: int, width_per_group: int) -> Network:
    settings = {"layers": layers, "groups": groups, "width_per_group": width_per_group}
    return Network("02_resnext", grouped, settings)


NETWORKS = {
    "resnet18": Network("01_resnet", basic_blocks, {"layers": (2, 2, 2, 2)}),
    "resnet34": Network("01_resnet", basic_blocks, {"layers": (3, 4, 6, 3)}),
    "resnet50": _resnet((3, 4, 6, 3)),
    "resnet101": _resnet((3, 4, 23, 3)),
    "resnet152": _resnet((3, 8, 36, 3)),
    "resnext50_32x4d": _resnext((3, 4, 6, 3), groups=32, width_per_group=4),
    "resnext101_32x8d": _resnext((3, 4, 23, 3), groups=32, width_per_group=8),
    "resnext101_64x4d": _resnext((3, 4, 23, 3), groups=64, width_per_group=4),
}
