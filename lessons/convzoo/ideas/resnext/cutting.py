"""Cut zeros into the 1x1 layers of a network that is trained already: a copy each, never itself.

A 1x1 convolution is one matrix: it can lose its smallest weights, or all that lies outside the
blocks on its diagonal, in the order of its channels or in the best order that can be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn


def pointwise(network: nn.Module) -> list[nn.Conv2d]:
    """Return the 1x1 convolutions of a network that are not grouped, in its own order."""
    layers = (m for m in network.modules() if isinstance(m, nn.Conv2d))
    return [m for m in layers if m.kernel_size == (1, 1) and m.groups == 1]


def pruned(network: nn.Module, density: float) -> nn.Module:
    """Return a copy whose 1x1 layers each keep a share of their weights, the largest ones.

    density: in 0..1; what is not kept is zero.
    """
    copy = deepcopy(network)
    for layer in pointwise(copy):
        kept = round(density * layer.weight.numel())
        sizes = layer.weight.detach().abs().flatten()
        mask = torch.zeros_like(sizes)
        mask[sizes.topk(kept).indices] = 1
        layer.weight.data *= mask.reshape(layer.weight.shape)
    return copy


def in_blocks(network: nn.Module, groups: int) -> nn.Module:
    """Return a copy whose 1x1 layers keep only the blocks on their diagonal.

    groups: the number of blocks, of as nearly equal sizes as the channels allow.
    """
    sizes = [layer.weight.shape[:2] for layer in pointwise(network)]
    return in_groups(network, [tuple(_in_order(n, groups) for n in size) for size in sizes])


def in_groups(network: nn.Module, groups: Sequence[tuple[Tensor, Tensor]]) -> nn.Module:
    """Return a copy whose 1x1 layers keep a weight only if its row and column are in one group.

    groups: for each 1x1 layer the group of each row and of each column, as `best_halves` does.
    """
    copy = deepcopy(network)
    for layer, (rows, columns) in zip(pointwise(copy), groups, strict=True):
        layer.weight.data *= (rows[:, None] == columns)[:, :, None, None]
    return copy


def best_halves(weight: Tensor, rounds: int = 10) -> tuple[Tensor, Tensor]:
    """Return for each row and each column one of two groups that gather much of the weight.

    weight: (c_out, c_in); much: the sum of squares in the two blocks. The halves stay equal.
    Rows are assigned in the best way for fixed columns, then columns for fixed rows, `rounds`
    times: a local optimum. With 0 rounds the first half of each is one group.
    """
    power = weight.double() ** 2
    rows, columns = (_in_order(n, 2) for n in weight.shape)
    for _ in range(rounds):
        rows = _halves(power[:, columns == 1].sum(1) - power[:, columns == 0].sum(1))
        columns = _halves(power[rows == 1].sum(0) - power[rows == 0].sum(0))
    return rows, columns


def _halves(gain: Tensor) -> Tensor:
    """Return 1 for the half that gains the most by it, 0 for the others."""
    group = torch.empty(len(gain), dtype=torch.long)
    group[gain.argsort()] = _in_order(len(gain), 2)
    return group


def share_inside(weight: Tensor, rows: Tensor, columns: Tensor) -> float:
    """Return which share of a matrix's sum of squares is inside the blocks, in 0..1."""
    power = weight.double() ** 2
    return float((power * (rows[:, None] == columns)).sum() / power.sum())


def _in_order(channels: int, groups: int) -> Tensor:
    """Return the group of each channel if neighbours stay together."""
    return torch.arange(channels) * groups // channels
