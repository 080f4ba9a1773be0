"""A network's gates, read from outside, are the ones that its gates compute."""

import torch
from convzoo import nets
from convzoo.ideas.senet import experiments, framework
from convzoo.ideas.senet.gates import gates_of
from torch import nn
from torchvision.ops import SqueezeExcitation


def test_the_gates_are_torchvisions_own():
    torch.manual_seed(1)
    layer = SqueezeExcitation(8, 4)
    x = torch.randn(3, 8, 5, 4)
    x[1, 2] = 0  # a channel that says nothing
    (found,) = gates_of(nn.Sequential(nn.Identity(), layer), x, SqueezeExcitation)
    expected = layer._scale(x).flatten(1).detach()
    nothing = torch.zeros(3, 8, dtype=torch.bool)
    nothing[1, 2] = True
    assert torch.equal(found.isnan(), nothing)
    torch.testing.assert_close(found[~nothing], expected[~nothing])


def test_a_whole_network_gives_one_layer_for_each_block_in_order():
    torch.manual_seed(1)
    network = nets.ResNet(framework.SEBottleneck, (1, 2), 5, widths=(8, 16), stem="small").eval()
    found = gates_of(network, torch.randn(2, 3, 16, 16), SqueezeExcitation)
    assert [tuple(g.shape) for g in found] == [(2, 32), (2, 64), (2, 64)]
    assert all(((g > 0) & (g < 1)).all() for g in found)


def test_the_lectures_gates_sum_to_the_number_of_channels():
    network = experiments.VARIANTS["the lecture's, times C"]().eval()
    first, second = gates_of(network, torch.rand(4, 1, 12, 12), experiments.LectureGate)
    torch.testing.assert_close(second.nansum(1) + second.isnan().sum(1), torch.full((4,), 12.0))
    assert first.shape == (4, 12)
