"""ResNeXt (Xie 2016, arXiv 1611.05431): the framework's own grouped convolution and block."""

from __future__ import annotations

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
    """torchvision's bottleneck, with the projection that it needs already in it."""

    def __init__(self, in_channels, planes, stride=1, groups=1, width_per_group=64):
        project = None
        if stride != 1 or in_channels != 4 * planes:
            conv = nn.Conv2d(in_channels, 4 * planes, 1, stride, bias=False)
            project = nn.Sequential(conv, nn.BatchNorm2d(4 * planes))
        super().__init__(in_channels, planes, stride, project, groups, width_per_group)

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, 4 planes, h / stride, w / stride)."""
        return super().forward(x)
