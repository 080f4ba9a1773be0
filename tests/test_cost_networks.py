"""Counting whole networks of torchvision's: parameters and multiply-adds, as they are known."""

import pytest
import torch
from convzoo.measure import cost
from torch import nn
from torchvision import models
from torchvision.models.resnet import Bottleneck, ResNet


def bottlenecks(depth: int, groups: int, width: int) -> nn.Module:
    layers = {50: [3, 4, 6, 3], 101: [3, 4, 23, 3]}[depth]
    return ResNet(Bottleneck, layers, groups=groups, width_per_group=width)


# Parameters and multiply-adds at 1x3x224x224, as counted for the course with torch 2.14.1 and
# torchvision 0.29.1 in two ways that agreed: forward hooks, and the framework's counter halved.
MODELS = {
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    "resnext50_32x4d": (25_028_904, 4_230_479_872),
    "resnext101_32x8d": (88_791_336, 16_414_015_488),
    "resnext101_64x4d": (83_455_272, 15_460_270_080),
    "densenet121": (7_978_856, 2_834_161_664),
    "densenet169": (14_149_480, 3_359_843_328),
    "densenet201": (20_013_928, 4_291_365_888),
    "densenet161": (28_681_000, 7_727_907_072),
    "shufflenet_v2_x0_5": (1_366_792, 40_476_448),
    "shufflenet_v2_x1_0": (2_278_604, 144_907_992),
    "shufflenet_v2_x1_5": (3_503_624, 295_759_392),
    "shufflenet_v2_x2_0": (7_393_996, 583_253_464),
    "mobilenet_v2": (3_504_872, 300_774_272),
}
GOOGLENETS = {False: (6_624_904, 1_498_376_192), True: (13_004_888, 1_498_376_192)}
EQUAL_BUDGETS = {  # depth, groups, width of a group
    (50, 1, 64): (25_557_032, 4_089_184_256),
    (101, 1, 64): (44_549_160, 7_801_405_440),
    (50, 2, 40): (25_425_000, 4_124_508_160),
    (101, 2, 40): (44_456_296, 7_843_553_280),
    (50, 4, 24): (25_292_968, 4_159_832_064),
    (101, 4, 24): (44_363_432, 7_885_701_120),
    (50, 8, 14): (25_603_016, 4_267_409_408),
    (101, 8, 14): (45_104_328, 8_076_871_680),
    (50, 32, 4): (25_028_904, 4_230_479_872),
    (101, 32, 4): (44_177_704, 7_969_996_800),
}


def counted(build) -> tuple[int, int]:
    """Parameters and multiply-adds of a network on the meta device: nothing is computed."""
    with torch.device("meta"):
        result = cost(build().eval(), torch.empty(1, 3, 224, 224))
    return result.params, result.macs


@pytest.mark.parametrize("name", MODELS)
def test_torchvision(name):
    assert counted(getattr(models, name)) == MODELS[name]


@pytest.mark.parametrize("aux", GOOGLENETS)
def test_googlenet(aux):
    build = lambda: models.googlenet(aux_logits=aux, init_weights=False)  # noqa: E731
    assert counted(build) == GOOGLENETS[aux]


@pytest.mark.parametrize("depth, groups, width", EQUAL_BUDGETS)
def test_the_equal_budget_row(depth, groups, width):
    build = lambda: bottlenecks(depth, groups, width)  # noqa: E731
    assert counted(build) == EQUAL_BUDGETS[depth, groups, width]
