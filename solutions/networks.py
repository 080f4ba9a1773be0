"""The papers' networks from the lessons' blocks: the parts that no lesson teaches.

A lesson adds its networks to NETWORKS, here, and their family to FAMILIES in its folder of
`convzoo.ideas`, which names the lesson to a reader without this folder. Names, settings and values
are those in torchvision's source (torchvision/models/resnet.py).
"""

from pathlib import Path

from convzoo import UserError, nets
from convzoo.count import Network, definitions
from convzoo.ideas.shufflenet import skeleton as shufflenets
from torch import nn


def basic_blocks(defs, **settings) -> nn.Module:
    """ResNet-18 and 34: the skeleton with lesson 01's block of two layers."""
    return nets.ResNet(defs.BasicBlock, **settings)


def bottlenecks(defs, groups: int, width_per_group: int, stride_in_1x1: bool, **settings):
    """ResNet-50 and deeper: lesson 01's bottleneck. With groups or another width, it is ResNeXt's
    block, which lesson 02 builds.

    Raises UserError for the paper's layout of ResNet (stride in the first 1x1) with groups.
    """
    if (groups, width_per_group) == (1, 64):
        return nets.ResNet(defs.Bottleneck, stride_in_1x1=stride_in_1x1, **settings)
    if stride_in_1x1:
        raise UserError(
            f"stride_in_1x1 needs groups=1 and width_per_group=64, but here they are {groups} and "
            f"{width_per_group}: ResNeXt has its stride in the 3x3."
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


def inceptions(defs, **settings) -> nn.Module:
    """GoogLeNet with batch norm, as lesson 00 builds it. torchvision's has `large` = 3, while the
    paper has a 5x5; the smallest image is the one that torchvision's weights name."""
    network = defs.googlenet(**settings)
    network.smallest_image = 15
    return network


def densenets(defs, **settings) -> nn.Module:
    """DenseNet, as lesson 03 assembles it from its layers, blocks and transitions."""
    return defs.DenseNet(**settings)


def _densenet(block_config: tuple[int, ...], growth_rate: int = 32, num_init_features: int = 64):
    settings = {"growth_rate": growth_rate, "block_config": block_config}
    settings |= {"num_init_features": num_init_features, "bn_size": 4}
    return Network("03_densenet", densenets, settings)


def mobilenet_v1(defs, **settings) -> nn.Module:
    """MobileNetV1 (Howard 2017, table 1) with lesson 06's block; channels are multiples of 8."""
    return _halving_five_times(defs.mobilenet_v1(defs.DepthwiseSeparable, **settings))


def mobilenet_v2(defs, **settings) -> nn.Module:
    """MobileNetV2 (Sandler 2018, table 2) with lesson 06's inverted residual."""
    return _halving_five_times(defs.mobilenet_v2(defs.InvertedResidual, **settings))


def _halving_five_times(network: nn.Module) -> nn.Module:
    nets.initialise(network)
    network.smallest_image = 17  # the fifth stride still has two pixels to choose from
    return network


def gated(defs, **settings) -> nn.Module:
    """SE-ResNet or, with groups, SE-ResNeXt: the skeleton with the block of lesson 04."""
    return nets.ResNet(_with_own_groups(defs).SEBottleneck, **settings)


def _seresnet(layers: tuple[int, ...], groups: int = 1, width_per_group: int = 64) -> Network:
    settings = {"layers": layers, "groups": groups, "width_per_group": width_per_group}
    return Network("04_senet", gated, settings | {"reduction": 16})


def shuffled(defs, **settings) -> nn.Module:
    """ShuffleNet V1: lesson 05's unit in its skeleton, on lesson 02's grouped convolution."""
    return shufflenets.ShuffleNetV1(_with_own_groups(defs).ShuffleUnit, **settings)


def halved(defs, **settings) -> nn.Module:
    """ShuffleNet V2: the same with lesson 05's other unit."""
    return shufflenets.ShuffleNetV2(_with_own_groups(defs).ShuffleUnitV2, **settings)


def _with_own_groups(defs):
    """Return lesson 04 or 05 with lesson 02's grouped convolution in place of the framework's."""
    own = definitions(Path(__file__).with_name("02_resnext.py")).grouped_conv2d
    defs.GroupedConv2d.convolve = staticmethod(own)
    return defs


def _shufflenet_v2(*widths: int) -> Network:
    settings = {"stages_repeats": (4, 8, 4), "stages_out_channels": widths}
    return Network("05_shufflenet", halved, settings)


NETWORKS = {
    "googlenet": Network("00_convolution", inceptions, {"large": 3}),
    "resnet18": Network("01_resnet", basic_blocks, {"layers": (2, 2, 2, 2)}),
    "resnet34": Network("01_resnet", basic_blocks, {"layers": (3, 4, 6, 3)}),
    "resnet50": _resnet((3, 4, 6, 3)),
    "resnet101": _resnet((3, 4, 23, 3)),
    "resnet152": _resnet((3, 8, 36, 3)),
    "resnext50_32x4d": _resnext((3, 4, 6, 3), groups=32, width_per_group=4),
    "resnext101_32x8d": _resnext((3, 4, 23, 3), groups=32, width_per_group=8),
    "resnext101_64x4d": _resnext((3, 4, 23, 3), groups=64, width_per_group=4),
    "densenet121": _densenet((6, 12, 24, 16)),
    "densenet169": _densenet((6, 12, 32, 32)),
    "densenet201": _densenet((6, 12, 48, 32)),
    "densenet161": _densenet((6, 12, 36, 24), growth_rate=48, num_init_features=96),
    "seresnet50": _seresnet((3, 4, 6, 3)),
    "seresnet101": _seresnet((3, 4, 23, 3)),
    "seresnext50_32x4d": _seresnet((3, 4, 6, 3), groups=32, width_per_group=4),
    "mobilenet_v1": Network("06_separable", mobilenet_v1, {"width_mult": 1.0}),
    "mobilenet_v2": Network("06_separable", mobilenet_v2, {"width_mult": 1.0}),
    "shufflenet_v1": Network("05_shufflenet", shuffled, {"groups": 3, "width_mult": 1.0}),
    "shufflenet_v2_x0_5": _shufflenet_v2(24, 48, 96, 192, 1024),
    "shufflenet_v2_x1_0": _shufflenet_v2(24, 116, 232, 464, 1024),
    "shufflenet_v2_x1_5": _shufflenet_v2(24, 176, 352, 704, 1024),
    "shufflenet_v2_x2_0": _shufflenet_v2(24, 244, 488, 976, 2048),
}
