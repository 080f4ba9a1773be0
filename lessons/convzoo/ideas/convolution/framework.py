"""The framework's convolution, batch norm and Inception block.

Batch norm: Ioffe and Szegedy 2015, arXiv 1502.03167. Inception: Szegedy 2014, arXiv 1409.4842.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.models.googlenet import BasicConv2d
from torchvision.models.googlenet import Inception as TorchvisionInception


def conv1x1(x: Tensor, weight: Tensor, stride: int = 1) -> Tensor:
    """(n, c_in, h, w), (c_out, c_in) -> (n, c_out, h', w')."""
    return F.conv2d(x, weight[:, :, None, None], None, stride)


def conv2d(
    x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """(n, c_in, h, w), (c_out, c_in, kh, kw) -> (n, c_out, h', w')."""
    return F.conv2d(x, weight, None, stride, padding, dilation)


def stack(size: int, layers: list[list[int]]) -> tuple[int, int]:
    """Return the output size and receptive field of a sequence of convolutions, found by running
    them.

    layers: [kernel, stride, padding, dilation] of each layer, along one axis.
    """
    with torch.device("meta"):
        out = _run(torch.empty(1, 1, size), layers, padded=True).shape[-1]
    return out, _field_size(layers)


def _run(x: Tensor, layers: list[list[int]], padded: bool) -> Tensor:
    for size, step, border, spread in layers:
        x = F.conv1d(x, x.new_ones(1, 1, size), None, step, padded * border, spread)
    return x


def _field_size(layers: list[list[int]]) -> int:
    """Return the pixels from the first to the last one that an output depends on, away from
    borders."""
    with torch.enable_grad():
        x = torch.zeros(1, 1, 2048, dtype=torch.float64, requires_grad=True)
        first = _run(x, layers, padded=False)[0, 0, 0]
        reached = torch.autograd.grad(first, x)[0].nonzero()[:, -1]
    return int(reached[-1] - reached[0]) + 1


def batch_norm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    """(n, c, h, w) and four (c,) -> the normalised images, and the running statistics after."""
    mean, var = running_mean.detach().clone(), running_var.detach().clone()
    return F.batch_norm(x, mean, var, weight, bias, training, momentum, eps), mean, var


class Inception(TorchvisionInception):
    """torchvision's block, with the kernel of its third branch as an argument.

    In torchvision it is a 3x3, in the paper a 5x5 (pytorch/vision issue 906).
    """

    def __init__(self, in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj, large=5):
        super().__init__(in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj)
        settings = {"kernel_size": large, "padding": large // 2}
        self.branch3[1] = BasicConv2d(ch5x5red, ch5x5, **settings)

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, ch1x1 + ch3x3 + ch5x5 + pool_proj, h, w)."""
        return super().forward(x)
