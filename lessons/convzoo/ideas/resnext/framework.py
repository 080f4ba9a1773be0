"""ResNeXt (Xie 2016, arXiv 1611.05431): the framework's grouped convolution and block."""

from __future__ import annotations

import warnings
from bisect import bisect_right

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import Bottleneck as TorchvisionBottleneck


def block_diagonal(blocks: Tensor) -> Tensor:
    """(g, r, c) -> (g r, g c)."""
    return torch.block_diag(*blocks)


def grouped_conv2d(
    x: Tensor, weight: Tensor, groups: int, stride: int = 1, padding: int = 0
) -> Tensor:
    """(n, c_in, h, w), (c_out, c_in / groups, kh, kw) -> (n, c_out, h', w')."""
    return F.conv2d(x, weight, None, stride, padding, 1, groups)


class Bottleneck(TorchvisionBottleneck):
    """torchvision's bottleneck, with its projection included."""

    def __init__(self, in_channels, planes, stride=1, groups=1, width_per_group=64):
        project = None
        if stride != 1 or in_channels != 4 * planes:
            conv = nn.Conv2d(in_channels, 4 * planes, 1, stride, bias=False)
            project = nn.Sequential(conv, nn.BatchNorm2d(4 * planes))
        super().__init__(in_channels, planes, stride, project, groups, width_per_group)

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, 4 planes, h / stride, w / stride)."""
        return super().forward(x)


def group_width(budget: int, channels: int, groups: int) -> int:
    """Return the widest group whose layers, as torch builds them, have at most `budget` weights."""
    return bisect_right(range(1, budget + 1), budget, key=lambda d: _weights(channels, groups, d))


def _weights(channels: int, groups: int, wide: int) -> int:
    width = groups * wide
    with torch.device("meta"):
        layers = (
            nn.Conv2d(channels, width, 1, bias=False),
            nn.Conv2d(width, width, 3, groups=groups, bias=False),
            nn.Conv2d(width, channels, 1, bias=False),
        )
    return sum(layer.weight.numel() for layer in layers)


def index_bytes(mask: Tensor, block: int) -> tuple[Tensor, int, int, int]:
    """(n, n) bool -> density, and the bytes of the index that torch keeps: COO, CSR, BSR."""
    values = mask.double()
    with warnings.catch_warnings():  # torch warns once that its sparse layouts are "beta"
        warnings.simplefilter("ignore")
        coo, csr = values.to_sparse(), values.to_sparse_csr()
        bsr = values.to_sparse_bsr((block, block))
    parts = (
        (coo.indices(),),
        (csr.crow_indices(), csr.col_indices()),
        (bsr.crow_indices(), bsr.col_indices()),
    )
    sizes = [sum(t.numel() * t.element_size() for t in tensors) for tensors in parts]
    return values.mean(), *sizes


def off_diagonal(blocks: Tensor, extra: Tensor, places: list[list[int]]) -> Tensor:
    """(g, r, c), (m, r, c), m pairs of block row and block column -> (g r, g c)."""
    whole = torch.block_diag(*blocks)
    for block, (row, column) in zip(extra, places, strict=True):
        unit = blocks.new_zeros(len(blocks), len(blocks))
        unit[row, column] = 1
        whole = whole + torch.kron(unit, block)
    return whole
