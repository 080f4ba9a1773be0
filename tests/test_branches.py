"""Scaling a trained network's branches: what is scaled, what stays, and what has an identity."""

import pytest
import torch
from agreement import shaken
from convzoo.ideas.resnet import branches
from convzoo.ideas.resnet.framework import Bottleneck
from convzoo.ideas.separable import efficientnet
from convzoo.nets import ResNet


@pytest.fixture(scope="module")
def network() -> ResNet:
    torch.manual_seed(2)
    return shaken(ResNet(Bottleneck, (2, 2), 3, widths=(4, 8), stem="small")).eval()


def test_the_bundled_networks_nine_blocks_have_an_identity():
    """MobileNetV2's rule: stride 1 and as many channels as before (Sandler 2018, figure 4)."""
    lite = efficientnet.pretrained()
    found = branches.with_identity(lite, torch.rand(1, 3, 64, 64))
    repeated = (2, 4, 6, 7, 9, 10, 12, 13, 14)  # by the table: all but the first of each stage
    assert found == [f"blocks.{k}" for k in repeated]
    assert len(branches.blocks(lite)) == 16


def test_a_projection_is_not_an_identity(network):
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    assert branches.blocks(network) == ["layer1.0", "layer1.1", "layer2.0", "layer2.1"]
    assert branches.with_identity(network, x) == ["layer1.1", "layer2.1"]


@pytest.mark.parametrize("scale", [1.0, 0.3, 0.0])
def test_the_branch_alone_is_scaled_and_the_network_itself_is_not_touched(network, scale):
    block, before = network.layer1[1], network.layer1[1].bn3.weight.clone()
    x = torch.rand(2, 16, 5, 5, dtype=torch.float64)
    with torch.no_grad():
        y = torch.relu(block.bn1(block.conv1(x)))
        branch = block.bn3(block.conv3(torch.relu(block.bn2(block.conv2(y)))))
        cut = branches.scaled(network, ["layer1.1"], scale)
        torch.testing.assert_close(cut.layer1[1](x), torch.relu(x + scale * branch))
    assert torch.equal(block.bn3.weight, before)
    assert torch.equal(cut.layer2[1].bn3.weight, network.layer2[1].bn3.weight)
