"""ResNet (He 2015, arXiv 1512.03385): the framework's blocks, gradients and convolutions."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock as TorchvisionBasicBlock
from torchvision.models.resnet import Bottleneck as TorchvisionBottleneck


def residual_stack(weights: Tensor, scale: float) -> Tensor:
    """(layers, c, c) -> (c, c): what 1x1 convolutions return for an image of each unit vector."""
    units = torch.eye(weights.shape[-1], dtype=weights.dtype, device=weights.device)
    kernels = weights[..., None, None]
    images = reduce(lambda x, k: x + scale * F.conv2d(x, k), kernels, units[..., None, None])
    return images[:, :, 0, 0].mT


def projection(in_channels: int, channels: int, stride: int) -> nn.Sequential | None:
    """Return what the shortcut needs if stride or width changes (He 2015, option B); else None."""
    if stride == 1 and in_channels == channels:
        return None
    conv = nn.Conv2d(in_channels, channels, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels))


class BasicBlock(TorchvisionBasicBlock):
    """torchvision's basic block, with its projection included."""

    def __init__(self, in_channels, planes, stride=1):
        super().__init__(in_channels, planes, stride, projection(in_channels, planes, stride))

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, planes, h / stride, w / stride)."""
        return super().forward(x)


class Bottleneck(TorchvisionBottleneck):
    """torchvision's bottleneck with its projection; optionally with the paper's stride."""

    def __init__(self, in_channels, planes, stride=1, stride_in_1x1=False):
        project = projection(in_channels, 4 * planes, stride)
        super().__init__(in_channels, planes, stride, project)
        if stride_in_1x1:
            self.conv1.stride, self.conv2.stride = self.conv2.stride, self.conv1.stride

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, 4 planes, h / stride, w / stride)."""
        return super().forward(x)


def scale_gradients(
    branch: Tensor, scale: Tensor, upstream: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(n, c, h, w), (c,), (n, c, h, w) -> autograd's gradients of scale, branch and x."""
    with torch.enable_grad():
        given = (scale, branch, torch.zeros_like(branch))
        leaves = [t if t.requires_grad else t.detach().clone().requires_grad_() for t in given]
        y = leaves[2] + leaves[0].view(-1, 1, 1) * leaves[1]
        total = (upstream * y).sum()
        return torch.autograd.grad(total, leaves, create_graph=True)


def pad_shortcut(x: Tensor, out_channels: int, stride: int) -> Tensor:
    """(n, c, h, w) -> (n, out_channels, h', w'): a convolution with the identity as its weight."""
    unit = torch.eye(out_channels, x.shape[1], dtype=x.dtype, device=x.device)
    return F.conv2d(x, unit[..., None, None], stride=stride)
