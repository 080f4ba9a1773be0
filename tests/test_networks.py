"""The papers' networks from the course's own layers: exact counts, and weight for weight."""

from importlib import import_module

import pytest
import torch
from agreement import assert_agree, assert_loads, grouped_calls, shaken
from convzoo import UserError, count, nets
from convzoo.ideas.resnext import framework
from torch import nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models.resnet import Bottleneck as TorchvisionBottleneck

# Parameters and multiply-adds of torchvision 0.29.1 at 1 x 3 x 224 x 224, counted with torch 2.14.1
# in two ways that agreed: forward hooks, and torch.utils.flop_counter.FlopCounterMode, halved.
ROW = {"1x64d": (1, 64), "2x40d": (2, 40), "4x24d": (4, 24), "8x14d": (8, 14), "32x4d": (32, 4)}
ROW_50 = {
    "1x64d": (25_557_032, 4_089_184_256),
    "2x40d": (25_425_000, 4_124_508_160),
    "4x24d": (25_292_968, 4_159_832_064),
    "8x14d": (25_603_016, 4_267_409_408),
    "32x4d": (25_028_904, 4_230_479_872),
}
ROW_101 = {
    "1x64d": (44_549_160, 7_801_405_440),
    "2x40d": (44_456_296, 7_843_553_280),
    "4x24d": (44_363_432, 7_885_701_120),
    "8x14d": (45_104_328, 8_076_871_680),
    "32x4d": (44_177_704, 7_969_996_800),
}
BY_NAME = {
    "resnext50_32x4d": (25_028_904, 4_230_479_872),
    "resnext101_32x8d": (88_791_336, 16_414_015_488),
    "resnext101_64x4d": (83_455_272, 15_460_270_080),
}


def digits(name: str, **settings) -> tuple[int, int]:
    found = count.main(name, settings=settings)
    return found["params"], found["macs"]


def shape(name: str) -> dict[str, int]:
    groups, width = ROW[name]
    return {"groups": groups, "width_per_group": width}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_network_has_the_parameters_and_multiply_adds_of_the_record(name):
    assert digits(name) == BY_NAME[name]


@pytest.mark.parametrize("name", ROW)
def test_the_equal_budget_row_to_the_digit(name):
    assert digits("resnet50", **shape(name)) == ROW_50[name]
    assert digits("resnext101_32x8d", **shape(name)) == ROW_101[name]


def test_every_network_of_the_registry_is_held_against_the_record(root):
    """A lesson's own are in test_networks_NAME.py, also in a table BY_NAME."""
    tables = [import_module(p.stem).BY_NAME for p in root.glob("tests/test_networks*.py")]
    assert set(count.networks(root / "solutions")) == {name for t in tables for name in t}


# --- weight for weight -----------------------------------------------------------


def theirs(name: str):
    """torchvision's network with random weights; running statistics and scales that matter."""
    torch.manual_seed(1)
    layers = [3, 4, 6, 3]
    network = models.ResNet(TorchvisionBottleneck, layers, num_classes=10, **shape(name))
    return shaken(network)


def ours(name: str, other: nn.Module):
    network = count.build("resnext50_32x4d", 10, shape(name)).double()
    nets.load_torchvision(network, other.state_dict())
    return network


@pytest.fixture(scope="module")
def twins():
    other = theirs("32x4d")
    return ours("32x4d", other), other


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_the_same_weights_give_torchvisions_outputs_gradients_and_statistics(twins, training):
    assert_agree(*twins, (64, 64), training)


@pytest.mark.parametrize("name", ROW)
def test_torchvisions_weights_load_by_name_at_every_width(name):
    with torch.device("meta"):
        other = models.ResNet(TorchvisionBottleneck, [3, 4, 6, 3], **shape(name)).state_dict()
    network = count.build("resnet50", settings=shape(name), device="meta")
    assert_loads(network, other)


def small() -> nets.ResNet:
    return nets.ResNet(framework.Bottleneck, (1, 1), 3, widths=(4, 8), stem="small")


def test_a_name_or_a_shape_that_does_not_fit_is_told_before_anything_is_copied():
    network, state = small(), small().state_dict()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(UserError, match=r"'fc.bias' \(1 such"):
        nets.load_torchvision(network, {k: v for k, v in state.items() if k != "fc.bias"})
    with pytest.raises(UserError, match="but ours does not have, 'fc.more'"):
        nets.load_torchvision(network, {**state, "fc.more": state["fc.bias"]})
    with pytest.raises(
        UserError, match=r"fc.bias has shape \(7,\) in torchvision's network, but \(3,\)"
    ):
        nets.load_torchvision(network, {**state, "fc.bias": torch.zeros(7)})
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


def test_a_mapping_of_names_is_applied_to_torchvisions():
    network, state = small(), small().state_dict()
    renamed = {key.replace("fc.", "classifier."): value for key, value in state.items()}
    nets.load_torchvision(network, renamed, lambda key: key.replace("classifier.", "fc."))
    assert torch.equal(network.fc.weight, state["fc.weight"])


# --- no grouped convolution of the framework's ------------------------------------


@pytest.mark.parametrize("name", BY_NAME)
def test_no_grouped_convolution_of_the_frameworks_is_left_in_a_network(name):
    assert grouped_calls(count.build(name, device="meta")) == []


@pytest.mark.parametrize(
    "spoilt",
    [
        {
            "GroupedConv2d": lambda c_in, c_out, k, stride, padding, groups: nn.Conv2d(
                c_in, c_out, k, stride, padding, groups=groups, bias=False
            )
        },
        {"convolve": framework.grouped_conv2d},
        {"Bottleneck": framework.Bottleneck},
    ],
    ids=["layer", "function", "block"],
)
def test_a_grouped_convolution_of_the_frameworks_would_be_found(root, monkeypatch, spoilt):
    real = count.definitions(root / "solutions" / "02_resnext.py")
    real.Bottleneck.__init__.__globals__.update(spoilt)  # as if the lesson's cells had said so
    vars(real).update(spoilt)
    monkeypatch.setattr(count, "definitions", lambda path: real)
    found = grouped_calls(count.build("resnext50_32x4d", device="meta"))
    assert len(found) == 2 * 16  # sixteen blocks, forward and backward
    assert "aten.convolution.default with groups=32" in found


# --- the skeleton ----------------------------------------------------------------


class Plain(nn.Module):
    """A block without `expansion`, with a setting of its own."""

    def __init__(self, in_channels, planes, stride=1, slope=0.0):
        super().__init__()
        self.conv, self.slope = nn.Conv2d(in_channels, planes, 3, stride, 1), slope

    def forward(self, x):
        return F.leaky_relu(self.conv(x), self.slope)


def test_the_skeleton_takes_any_block_and_hands_on_its_settings():
    network = nets.ResNet(
        Plain, (1, 2, 3), 5, in_channels=1, widths=(4, 6, 10), stem="small", slope=0.2
    )
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 5)
    assert [len(getattr(network, name)) for name in network.stages] == [1, 2, 3]
    assert all(block.slope == 0.2 for name in network.stages for block in getattr(network, name))
    strides = [block.conv.stride[0] for name in network.stages for block in getattr(network, name)]
    assert strides == [1, 2, 1, 2, 1, 1]
    assert [layer.shape[0] for layer in network.state_dict().values() if layer.dim() == 4] == [
        4,
        4,
        6,
        6,
        10,
        10,
        10,
    ]


@pytest.mark.parametrize(("stem", "smallest"), [("imagenet", 17), ("small", 5)])
def test_in_the_smallest_image_the_last_stride_still_has_two_pixels(stem, smallest):
    network = nets.ResNet(Plain, (1, 1, 1, 1), stem=stem, widths=(4, 4, 4, 4))
    seen = []
    network.layer4.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0].shape[-1]))
    assert network.smallest_image == smallest
    for side in (smallest - 1, smallest):
        network(torch.zeros(2, 3, side, side))
    assert seen == [1, 2]


def test_a_readers_own_convolution_is_drawn_like_the_frameworks():
    torch.manual_seed(0)
    weight = count.build("resnext50_32x4d").layer4[0].conv2.weight
    assert weight.shape == (1024, 32, 3, 3)
    assert weight.std().item() == pytest.approx((2 / (1024 * 9)) ** 0.5, rel=0.01)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"layers": (1, 1), "widths": (4, 4, 4)}, "2 stages, but widths has 3"),
        ({"layers": (1, 0)}, r"\[1, 0\]"),
        ({"layers": ()}, "at least one"),
        ({"layers": (1,), "stem": "cifar"}, "'cifar'. Choose imagenet or small"),
    ],
)
def test_a_skeleton_that_cannot_stand_says_why(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        nets.ResNet(Plain, **settings)
