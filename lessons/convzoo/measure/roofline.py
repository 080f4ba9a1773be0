"""The least an operation must move and multiply, and so the least time it can take.

Positions are pixels times images, P = n*h*w; `size` is the bytes of one element.
Least bytes: each input is read once, each output written once. Only multiply-adds are
counted: additions and comparisons are never what an operation here waits for.
"""

from dataclasses import dataclass

import torch

from convzoo.measure.timing import bench


@dataclass(frozen=True)
class Work:
    """Multiply-adds and least bytes of an operation."""

    macs: float
    bytes: float

    @property
    def intensity(self) -> float:
        """Multiply-adds a byte."""
        return self.macs / self.bytes


@dataclass(frozen=True)
class Peaks:
    """What a device can do: bytes a second, multiply-adds a second."""

    bandwidth: float
    rate: float

    @property
    def ridge(self) -> float:
        """Multiply-adds a byte below which the memory is what an operation waits for."""
        return self.rate / self.bandwidth


def convolution(
    positions: int,
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    groups: int = 1,
    size: int = 4,
) -> Work:
    """Return a convolution with stride 1; groups=in_channels is a depthwise one."""
    weights = kernel_size**2 * in_channels * out_channels // groups
    moved = positions * (in_channels + out_channels) + weights
    return Work(positions * weights, size * moved)


def residual(positions: int, channels: int, size: int = 4, fused: bool = True) -> Work:
    """Addition and ReLU, in one kernel or in two."""
    return Work(0, (3 if fused else 5) * positions * channels * size)


def concatenation(
    positions: int,
    channels: int,
    growth_rate: int,
    layers: int,
    size: int = 4,
    one_buffer: bool = False,
) -> Work:
    """DenseNet's concatenations in a block: after every layer, or into one buffer."""
    widths = [channels + i * growth_rate for i in range(1, layers + 1)]
    copied = widths[-1] if one_buffer else sum(widths)
    return Work(0, 2 * size * positions * copied)


def squeeze_excitation(
    positions: int,
    images: int,
    channels: int,
    reduction: int = 16,
    size: int = 4,
    fused: bool = False,
) -> Work:
    """Squeeze, two linear layers, scale; fused: the squeeze is done by what made its input."""
    macs = 2 * images * channels**2 / reduction
    return Work(macs, (2 if fused else 3) * positions * channels * size)


def shuffle(positions: int, channels: int, size: int = 4, folded: bool = False) -> Work:
    """Return a channel shuffle: a copy, or nothing if the next layer's weights take it in."""
    return Work(0, 0 if folded else 2 * positions * channels * size)


def floor_seconds(work, peaks: Peaks) -> float:
    """Return the least time of a Work, or of a Cost: the longer of moving and multiplying."""
    return max(work.bytes / peaks.bandwidth, work.macs / peaks.rate)


def peaks(
    device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32, seconds: float = 1.0
) -> Peaks:
    """Measure a device in about `seconds`: a copy far larger than its caches, and a product."""
    large = torch.device(device).type == "cuda"
    elements, width = (2**28, 8192) if large else (2**25, 1024)
    source = torch.ones(elements, dtype=dtype, device=device)
    target = torch.empty_like(source)
    a, b = torch.randn(2, width, width, device=device).to(dtype)
    timed = bench(
        {"copy": lambda: target.copy_(source), "product": lambda: a @ b},
        seconds=seconds,
        device=device,
    )
    moved = 2 * source.numel() * source.element_size()
    return Peaks(moved / timed["copy"].minimum, width**3 / timed["product"].minimum)
