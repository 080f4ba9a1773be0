"""The minimum that an operation must move and multiply, and so the minimum time it can take.

Positions are pixels times images, P = n*h*w; `size` is the bytes of one element. Minimum bytes:
each input is read once, each output written once. Only multiply-adds are counted: additions and
comparisons are never the bottleneck here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from convzoo.measure.timing import Timing, bench


@dataclass(frozen=True)
class Work:
    """Multiply-adds and minimum bytes of an operation."""

    macs: float
    bytes: float

    @property
    def intensity(self) -> float:
        """Multiply-adds per byte."""
        return self.macs / self.bytes


@dataclass(frozen=True)
class Peaks:
    """What a device can do: bytes per second, multiply-adds per second."""

    bandwidth: float
    rate: float

    @property
    def ridge(self) -> float:
        """Multiply-adds per byte below which the memory is the bottleneck."""
        return self.rate / self.bandwidth


def convolution(
    positions: int,
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    groups: int = 1,
    size: int = 4,
) -> Work:
    """Return the work of a convolution with stride 1; with groups=in_channels it is depthwise."""
    weights = kernel_size**2 * in_channels * out_channels // groups
    moved = positions * (in_channels + out_channels) + weights
    return Work(positions * weights, size * moved)


def residual(positions: int, channels: int, size: int = 4, fused: bool = True) -> Work:
    """Return the work of an addition and a ReLU, in one kernel or in two."""
    return Work(0, (3 if fused else 5) * positions * channels * size)


def concatenation(
    positions: int,
    channels: int,
    growth_rate: int,
    layers: int,
    size: int = 4,
    one_buffer: bool = False,
) -> Work:
    """Return the work of DenseNet's concatenations in a block: after every layer, or into one
    buffer."""
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
    """Return the work of the squeeze, two linear layers and the scaling; fused: the layer before
    computes the squeeze."""
    macs = 2 * images * channels**2 / reduction
    return Work(macs, (2 if fused else 3) * positions * channels * size)


def shuffle(positions: int, channels: int, size: int = 4, folded: bool = False) -> Work:
    """Return the work of a channel shuffle: a copy, or nothing if it is folded into the next
    layer's weights."""
    return Work(0, 0 if folded else 2 * positions * channels * size)


def floor_seconds(work, peaks: Peaks) -> float:
    """Return the minimum time of a Work or a Cost: the longer of moving and multiplying."""
    return max(work.bytes / peaks.bandwidth, work.macs / peaks.rate)


def floors(works: Mapping, timings: Mapping[str, Timing], peaks: Peaks) -> dict[str, float]:
    """Return the minimum time of each call that was timed; works: a Work or a Cost by name.

    A rate that one of the calls has reached is possible, even if the measured peaks are lower: the
    machine was busy then, or the calls find their data in a cache. So no floor is above its time.
    """
    reached = [(w, timings[k].minimum) for k, w in works.items() if timings[k].available]
    best = Peaks(
        max([peaks.bandwidth, *(work.bytes / seconds for work, seconds in reached)]),
        max([peaks.rate, *(work.macs / seconds for work, seconds in reached)]),
    )
    return {name: floor_seconds(work, best) for name, work in works.items()}


def peaks(
    device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32, seconds: float = 1.0
) -> Peaks:
    """Measure a device in about `seconds`: a copy far larger than its caches, and a matrix
    product."""
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
