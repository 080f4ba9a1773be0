"""DenseNet (Huang 2016, arXiv 1608.06993): the framework's layer, block and widths."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torchvision.models import DenseNet as TorchvisionDenseNet
from torchvision.models.densenet import _DenseBlock, _DenseLayer, _Transition

from convzoo.measure import saved_bytes


def grow(matrix: Tensor, weight: Tensor) -> Tensor:
    """(c, c0), (k, c) -> (c + k, c0): a product with the identity on top of the new rows."""
    unit = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    return torch.vstack((unit, weight)).mm(matrix)


class DenseLayer(_DenseLayer):
    """torchvision's layer: (n, in_channels, h, w) -> (n, growth_rate, h, w)."""

    def __init__(self, in_channels, growth_rate, bn_size=4):
        super().__init__(in_channels, growth_rate, bn_size, drop_rate=0.0)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class DenseBlock(_DenseBlock):
    """torchvision's block: (n, c, h, w) -> (n, c + num_layers * growth_rate, h, w)."""

    def __init__(self, num_layers, in_channels, growth_rate, bn_size=4):
        super().__init__(num_layers, in_channels, bn_size, growth_rate, drop_rate=0.0)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class Transition(_Transition):
    """torchvision's transition: (n, c, h, w) -> (n, out_channels, h / 2, w / 2)."""


class BufferBlock(DenseBlock):
    """The same block for inference only: nothing is kept for gradients."""

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


def channels(num_init_features: int, growth_rate: int, block_config: list[int]) -> tuple[int, ...]:
    """Return the number of channels after each block, read from torchvision's network."""
    return _read_off(num_init_features, growth_rate, tuple(block_config))


@lru_cache(256)  # a check asks for the same network once for each wrong answer
def _read_off(
    num_init_features: int, growth_rate: int, block_config: tuple[int, ...]
) -> tuple[int, ...]:
    with torch.device("meta"):
        network = TorchvisionDenseNet(
            growth_rate, block_config, num_init_features, bn_size=1, num_classes=1
        )
    norms = [part.norm for part in network.features if isinstance(part, _Transition)]
    return tuple(norm.num_features for norm in (*norms, network.features.norm5))


@lru_cache(256)
def kept_maps(
    in_channels: int, growth_rate: int, num_layers: int, bn_size: int
) -> tuple[int, int, int]:
    """Return the maps kept for the backward pass by a normal block, by one that keeps each layer's
    input, and by one that keeps the pieces; counted by running a block on one pixel."""
    block = DenseBlock(num_layers, in_channels, growth_rate, bn_size).eval()
    x = torch.zeros(1, in_channels, 1, 1)
    ways = (block, _Again(block, together=True), _Again(block, together=False))
    return tuple(saved_bytes(way, x) // x.element_size() for way in ways)


class _Again(nn.Module):
    """A block that runs each layer a second time in the backward pass."""

    def __init__(self, block: DenseBlock, together: bool):
        super().__init__()
        self.block, self.together = block, together

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.block.values():
            given = [torch.cat(features, 1)] if self.together else features
            fresh = checkpoint(
                lambda *f, own=layer: own(torch.cat(f, 1)), *given, use_reentrant=False
            )
            features.append(fresh)
        return torch.cat(features, 1)
