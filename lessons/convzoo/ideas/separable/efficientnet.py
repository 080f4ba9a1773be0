"""EfficientNet-Lite0 from the reader's own depthwise layer and inverted residual.

It is MobileNetV2's architecture with some 5x5 kernels and other widths (Tan 2019, table 1, without
the gates and with ReLU6). The weights were trained on ImageNet with TensorFlow, which pads a
strided convolution by one pixel more at the bottom and on the right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from convzoo import nets, weights
from convzoo.ideas.separable.framework import InvertedResidual

# kernel size, expand_ratio, channels, blocks, stride of the first block
STAGES = (
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)
STEM, HEAD = 32, 1280
EPS = 1e-3  # of every batch norm, as in TensorFlow
MEAN, DEVIATION = 127 / 255, 128 / 255  # of a pixel in 0..1


class SamePadding(nn.Module):
    """A convolution with the padding that TensorFlow calls "same": one more on one side at stride
    2.

    (n, c, h, w) -> (n, c', ceil(h / stride), ceil(w / stride))
    """

    def __init__(self, conv: nn.Module, kernel_size: int, stride: int):
        super().__init__()
        self.conv, self.kernel_size, self.stride = conv, kernel_size, stride

    def forward(self, x: Tensor) -> Tensor:
        sides = []
        for size in (x.shape[-1], x.shape[-2]):
            output = -(-size // self.stride)
            total = max(0, (output - 1) * self.stride + self.kernel_size - size)
            sides += [total // 2, total - total // 2]
        return self.conv(F.pad(x, sides))


class EfficientNetLite0(nn.Module):
    """A 3x3 stem, sixteen inverted residuals, a 1x1 to 1280 channels, a pool, a linear layer.

    block: called as block(in_channels, out_channels, stride, expand_ratio), with the layers
    `expand bn1 depthwise bn2 project bn3` of lesson 06; depthwise: called as
    depthwise(channels, kernel_size, stride, padding). (n, 3, h, w) -> (n, num_classes)
    """

    def __init__(
        self, block: Callable[..., nn.Module], depthwise: Callable[..., nn.Module], classes=1000
    ):
        super().__init__()
        self.stem = SamePadding(nn.Conv2d(3, STEM, 3, 2, bias=False), 3, 2)
        self.bn1 = nn.BatchNorm2d(STEM)
        blocks, channels = [], STEM
        for kernel_size, ratio, planes, repeats, stride in STAGES:
            for step in [stride] + [1] * (repeats - 1):
                made = block(channels, planes, step, ratio)
                made.depthwise = SamePadding(
                    depthwise(channels * ratio, kernel_size, step, 0), kernel_size, step
                )
                blocks.append(made)
                channels = planes
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Conv2d(channels, HEAD, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(HEAD)
        self.fc = nn.Linear(HEAD, classes)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = EPS

    def features(self, x: Tensor) -> Tensor:
        """Return the last feature maps: (n, 3, h, w) in 0..1 -> (n, 1280, h / 32, w / 32)."""
        x = F.relu6(self.bn1(self.stem((x - MEAN) / DEVIATION)))
        return F.relu6(self.bn2(self.head(self.blocks(x))))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean((2, 3)))


def load_bundled(network: EfficientNetLite0) -> EfficientNetLite0:
    """Load the bundled weights into a network built from the reader's blocks, name by name.

    Returns the network, in evaluation mode. Raises UserError for a layer that does not fit, and if
    the package with the weights is not installed.
    """
    return nets.pretrained(weights.BUNDLED, network, our_name)


def pretrained() -> EfficientNetLite0:
    """Return the bundled network, built of torch's own layers, in evaluation mode."""
    return load_bundled(EfficientNetLite0(InvertedResidual, depthwise_layer))


def depthwise_layer(channels: int, kernel_size: int, stride: int, padding: int) -> nn.Module:
    """Return the framework's depthwise convolution, without a bias."""
    return nn.Conv2d(channels, channels, kernel_size, stride, padding, groups=channels, bias=False)


_TOP = {"_conv_stem": "stem.conv", "_bn0": "bn1", "_conv_head": "head", "_bn1": "bn2", "_fc": "fc"}
_IN_BLOCK = {
    "_expand_conv": "expand",
    "_bn0": "bn1",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "bn2",
    "_project_conv": "project",
    "_bn2": "bn3",
}


def our_name(name: str, block: Mapping[str, str] = _IN_BLOCK) -> str:
    """Return our name for a weight: the wheel's "_blocks.3._bn0.weight" is our
    "blocks.3.bn1.weight"."""
    parts = name.split(".")
    if parts[0] == "_blocks":
        return ".".join(["blocks", parts[1], block[parts[2]], *parts[3:]])
    return ".".join([_TOP[parts[0]], *parts[1:]])
