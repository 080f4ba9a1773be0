"""The framework's separable convolution (Howard 2017, 1704.04861; Sandler 2018, 1801.04381)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.mobilenetv2 import InvertedResidual as TorchvisionInvertedResidual
from torchvision.ops import Conv2dNormActivation


def depthwise_conv2d(x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    """(n, c, h, w), (c, 1, kh, kw) -> (n, c, h', w')."""
    return F.conv2d(x, weight, None, stride, padding, 1, x.shape[1])


def dense_kernel(depthwise: Tensor, pointwise: Tensor) -> Tensor:
    """(c_in, 1, kh, kw), (c_out, c_in, 1, 1) -> (c_out, c_in, kh, kw): the response to impulses,
    one for each input channel. The response shows the kernel flipped, so it is flipped back."""
    channels, _, height, width = depthwise.shape
    impulses = torch.eye(channels, dtype=depthwise.dtype, device=depthwise.device)
    impulses = F.pad(impulses[..., None, None], (width - 1, width - 1, height - 1, height - 1))
    answers = F.conv2d(F.conv2d(impulses, depthwise, groups=channels), pointwise)
    return answers.transpose(0, 1).flip(2, 3)


class DepthwiseSeparable(nn.Module):
    """MobileNetV1's block from torchvision's two, with the exercise's names."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1):
        super().__init__()
        first = Conv2dNormActivation(in_channels, in_channels, 3, stride, groups=in_channels)
        second = Conv2dNormActivation(in_channels, out_channels, 1)
        names = ("depthwise", "bn1", "relu1", "pointwise", "bn2", "relu2")
        for name, layer in zip(names, (*first, *second), strict=True):
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, out_channels, h / stride, w / stride)."""
        for layer in self.children():
            x = layer(x)
        return x


def best_separable(weight: Tensor, rank: int) -> Tensor:
    """Return the nearest kernel whose matrices (c_out, kh kw), one for each input channel, have
    this rank.

    (c_out, c_in, kh, kw) -> the same shape; by projection on the eigenvectors of each matrix's
    smaller Gram matrix (Eckart and Young 1936).
    """
    matrices = weight.flatten(2).transpose(0, 1)  # c_in c_out taps
    wide = matrices.shape[1] < matrices.shape[2]
    gram = matrices @ matrices.mT if wide else matrices.mT @ matrices
    leading = torch.linalg.eigh(gram).eigenvectors.flip(-1)[..., :rank]
    onto = leading @ leading.mT
    kept = onto @ matrices if wide else matrices @ onto
    return kept.movedim(0, 1).unflatten(2, weight.shape[2:])


class InvertedResidual(TorchvisionInvertedResidual):
    """torchvision's block, with the exercise's names for its layers."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, expand_ratio: int = 6):
        super().__init__(in_channels, out_channels, stride, expand_ratio)
        layers = [m for m in self.conv.modules() if not list(m.children())]
        names = ["expand", "bn1", "relu1", "depthwise", "bn2", "relu2", "project", "bn3"]
        del self.conv
        for name, layer in zip(names[-len(layers) :], layers, strict=True):
            self.add_module(name, layer)

    def branch(self, x: Tensor) -> Tensor:
        """From the input to the last batch norm."""
        for layer in self.children():
            x = layer(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, out_channels, h / stride, w / stride)."""
        kept = x if self.use_res_connect else 0
        return self.branch(x) + kept
