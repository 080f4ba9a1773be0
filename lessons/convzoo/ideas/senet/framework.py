"""SE-Net (Hu 2017, arXiv 1709.01507): the torch and torchvision operations for the gates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import SqueezeExcitation as TorchvisionGate

from convzoo.ideas.resnext import framework as resnext


def field_sizes(layers: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return how many pixels one output pixel sees after each layer; layers: [kernel, stride,
    dilation] each. A transposed convolution spreads one pixel over all the pixels that it depends
    on.
    """
    return tuple(_spread(layers[: n + 1]) for n in range(len(layers)))


def _spread(layers: Sequence[Sequence[int]]) -> int:
    seen = torch.ones(1, 1, 1)
    for kernel, stride, dilation in reversed(layers):
        seen = F.conv_transpose1d(seen, torch.ones(1, 1, kernel), stride=stride, dilation=dilation)
    return seen.shape[-1]


def lecture_gate(x: Tensor, weight: Tensor, scaled: bool = False) -> tuple[Tensor, Tensor]:
    """(n, c, h, w), (c, h, w) -> the rescaled image, and the gates (n, c).

    A depthwise kernel as large as the image has exactly one position.
    """
    sums = F.conv2d(x, weight.unsqueeze(1), groups=len(weight))  # n c 1 1
    factor = len(weight) if scaled else 1
    shares = factor * F.softmax(sums, 1)
    return shares.mul(x), shares.flatten(1)


class Gates(TorchvisionGate):
    """torchvision's layer with given weights, which returns its gates too. It has no parameters
    itself, because a cost would count those in addition to the given ones.
    """

    def __init__(self, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor):
        nn.Module.__init__(self)
        self.avgpool, self.activation = nn.AdaptiveAvgPool2d(1), nn.ReLU()
        self.fc1 = partial(F.conv2d, weight=w1[..., None, None], bias=b1)
        self.fc2 = partial(F.conv2d, weight=w2[..., None, None], bias=b2)
        self.scale_activation = nn.Sigmoid()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        gates = self._scale(x)  # only once, so that a cost counts it once
        return gates.mul(x), gates.flatten(1)


def squeeze_excite(
    x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
) -> tuple[Tensor, Tensor]:
    """(n, c, h, w), (m, c), (m,), (c, m), (c,) -> the rescaled image, and the gates (n, c)."""
    return Gates(w1, b1, w2, b2)(x)


def live_matrix(
    pixel: Tensor, mean: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
) -> Tensor:
    """(c,), (c,) and the four weights -> (c, c): autograd's own Jacobian of pixel times gate,
    when all pixels move together."""

    def moved(step: Tensor) -> Tensor:
        _, gates = squeeze_excite((mean + step)[None, :, None, None], w1, b1, w2, b2)
        return (pixel + step) * gates[0]

    return torch.autograd.functional.jacobian(moved, torch.zeros_like(mean), create_graph=True)


class Then(nn.BatchNorm2d):
    """A batch norm that is followed by another layer, which is not a submodule of it."""

    def __init__(self, channels: int, after: nn.Module):
        super().__init__(channels)
        self.after = (after,)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> the same."""
        return self.after[0](super().forward(x))


class SEBottleneck(resnext.Bottleneck):
    """torchvision's bottleneck with torchvision's gate on its branch."""

    def __init__(self, in_channels, planes, stride=1, groups=1, width_per_group=64, reduction=16):
        super().__init__(in_channels, planes, stride, groups, width_per_group)
        out = self.bn3.num_features
        self.se = TorchvisionGate(out, max(1, out // reduction))
        self.bn3 = Then(out, self.se)
