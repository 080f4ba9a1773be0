"""What a forward pass keeps for the backward one, against counts by hand."""

import torch
from convzoo.measure import saved_bytes
from torch import nn
from torch.utils.checkpoint import checkpoint

FLOAT = 4  # bytes


def test_saved_bytes_by_hand():
    conv, x = nn.Conv2d(3, 8, 3, bias=False), torch.randn(1, 3, 8, 8)
    image, hidden = 3 * 64, 8 * 36
    assert saved_bytes(conv, x) == FLOAT * image  # for the weight's gradient
    # ReLU keeps its result, which the batch norm keeps too: one storage
    net = nn.Sequential(conv, nn.ReLU(), nn.BatchNorm2d(8))
    statistics = 2 * 8
    assert saved_bytes(net, x) == FLOAT * (image + hidden + statistics)
    assert saved_bytes(lambda x: net[:2](x), x) == FLOAT * (image + hidden)
    assert saved_bytes(lambda x: x + 1, x) == 0
    assert saved_bytes(lambda x: x * x, x) == FLOAT * image


def test_a_checkpoint_saves_bytes():
    net = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
    x = torch.randn(1, 4, 6, 6)
    assert saved_bytes(net, x) == FLOAT * 2 * 144
    assert saved_bytes(lambda x: checkpoint(net, x, use_reentrant=False), x) == FLOAT * 144


def test_concatenation_keeps_every_copy():
    """DenseNet, naive: each layer keeps the whole concatenation that it was given."""
    layers = [nn.Conv2d(4 + 2 * i, 2, 3, padding=1) for i in range(3)]

    def block(x):
        for layer in layers:
            x = torch.cat([x, layer(x)], 1)
        return x

    assert saved_bytes(block, torch.randn(1, 4, 5, 5)) == FLOAT * 25 * (4 + 6 + 8)
