"""ShuffleNet (Zhang 2017, arXiv 1707.01083; Ma 2018, 1807.11164): the framework's shuffle and
units."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.shufflenetv2 import InvertedResidual


def stack_matrix(layers: Tensor, order: Tensor) -> Tensor:
    """(l, c, c), (c,) -> (c, c): one unit signal for each input is sent through the stack."""
    channels = layers.shape[-1]
    signals = torch.eye(channels, dtype=layers.dtype, device=layers.device)  # input, channel
    for place, weight in enumerate(layers):
        arrived = signals.index_select(1, order) if place else signals
        signals = F.linear(arrived, weight)
    return signals.mT.contiguous()


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """(n, c, h, w) -> (n, c, h, w), from (groups, c / groups) to (c / groups, groups)."""
    return torch.channel_shuffle(x, groups)


class ShuffleUnit(nn.Sequential):
    """The branch as a sequence of the framework's layers, joined to the input."""

    def __init__(self, in_channels, out_channels, stride, groups, first_groups):
        super().__init__()
        wide = out_channels - in_channels if stride == 2 else out_channels
        narrow = out_channels // 4
        for name, layer in (
            ("conv1", nn.Conv2d(in_channels, narrow, 1, groups=first_groups, bias=False)),
            ("bn1", nn.BatchNorm2d(narrow)),
            ("relu", nn.ReLU()),
            ("shuffle", nn.ChannelShuffle(groups)),
            ("conv2", nn.Conv2d(narrow, narrow, 3, stride, 1, groups=narrow, bias=False)),
            ("bn2", nn.BatchNorm2d(narrow)),
            ("conv3", nn.Conv2d(narrow, wide, 1, groups=groups, bias=False)),
            ("bn3", nn.BatchNorm2d(wide)),
        ):
            self.add_module(name, layer)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, out_channels, h / stride, w / stride)."""
        return self.last(self.join(x, super().forward(x)))

    def join(self, x: Tensor, branch: Tensor) -> Tensor:
        """Return the input concatenated with the branch, or added to it."""
        return torch.cat([self.pool(x), branch], dim=1) if self.stride == 2 else branch + x

    pool = staticmethod(nn.AvgPool2d(3, 2, 1))
    last = staticmethod(nn.ReLU())


def mixing_matrix(orders: Tensor) -> Tensor:
    """(k, c) -> (c, c): the mean of k permutation matrices times the root of k."""
    return F.one_hot(orders).double().mean(0) * sqrt(len(orders))


def fold_shuffle(weight: Tensor, groups: int) -> Tensor:
    """(c_out, c, kh, kw) -> the same shape: the weight times the shuffle's matrix."""
    eye = torch.eye(weight.shape[1], dtype=weight.dtype, device=weight.device)
    columns = torch.channel_shuffle(eye.reshape(*eye.shape, 1, 1), groups)[..., 0, 0]
    return torch.einsum("oihw,ji->ojhw", weight, columns)


class ShuffleUnitV2(InvertedResidual):
    """torchvision's unit, with the lesson's names."""

    def __init__(self, in_channels, out_channels, stride):
        super().__init__(in_channels, out_channels, stride)
