"""Cutting zeros into a trained network's 1x1 layers: what is kept, and what is left alone."""

import pytest
import torch
from convzoo.ideas.resnext import cutting
from torch import nn


@pytest.fixture
def network():
    torch.manual_seed(3)
    layers = nn.Conv2d(6, 4, 1), nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 8, 1, bias=False)
    return nn.Sequential(*layers)


def kept(network) -> list[torch.Tensor]:
    """Which weights of each 1x1 layer are not zero: (c_out, c_in)."""
    return [layer.weight[:, :, 0, 0] != 0 for layer in cutting.pointwise(network)]


def test_the_largest_weights_are_kept_and_the_network_itself_is_not_touched(network):
    before = [p.clone() for p in network.parameters()]
    cut = cutting.pruned(network, 0.25)
    assert [int(mask.sum()) for mask in kept(cut)] == [6, 8]
    whole = network[0].weight.detach().abs().flatten()
    assert torch.equal(
        cut[0].weight.abs().flatten().nonzero()[:, 0], whole.topk(6).indices.sort()[0]
    )
    assert torch.equal(cut[1].weight, network[1].weight), "a depthwise layer is not a 1x1"
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_only_the_blocks_on_the_diagonal_are_kept(network):
    first, last = kept(cutting.in_blocks(network, 2))
    assert torch.equal(first, torch.block_diag(torch.ones(2, 3), torch.ones(2, 3)).bool())
    assert torch.equal(last, torch.block_diag(torch.ones(4, 2), torch.ones(4, 2)).bool())
    assert all(mask.all() for mask in kept(cutting.in_blocks(network, 1)))


def test_a_hidden_block_structure_is_found():
    torch.manual_seed(1)
    matrix = torch.block_diag(torch.randn(6, 6), torch.randn(6, 6)) + 0.01 * torch.randn(12, 12)
    mixed = torch.tensor([0, 1, 2, 3, 6, 7, 4, 5, 8, 9, 10, 11])  # two of each half change places
    matrix = matrix[mixed][:, mixed]
    rows, columns = cutting.best_halves(matrix)
    assert rows.sum() == columns.sum() == 6, "the halves stay equal"
    assert cutting.share_inside(matrix, rows, columns) > 0.99
    still = cutting.best_halves(matrix, rounds=0)
    assert cutting.share_inside(matrix, *still) < 0.8
