"""The squeeze-and-excitation gate and the rescaling that follows it as one Triton kernel.

The squeeze must see the whole image before any gate is known, so it is a separate kernel.
Everything else, two small matrices, ReLU, sigmoid and the rescaling, is done while the image is
read once more.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _squeeze(x, means, pixels, BLOCK: tl.constexpr):
    plane = tl.program_id(0)  # one channel of one image
    total = tl.zeros([BLOCK], tl.float32)
    for start in range(0, pixels, BLOCK):
        pixel = start + tl.arange(0, BLOCK)
        part = tl.load(x + plane * pixels + pixel, mask=pixel < pixels, other=0.0)
        total += part.to(tl.float32)
    tl.store(means + plane, tl.sum(total, 0) / pixels)


@triton.jit
def _gate_and_rescale(
    x, means, w1, b1, w2, b2, y, channels, hidden, pixels,
    CHANNELS: tl.constexpr, HIDDEN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    plane = tl.program_id(0)
    image, channel = plane // channels, plane % channels
    c, h = tl.arange(0, CHANNELS), tl.arange(0, HIDDEN)
    squeezed = tl.load(means + image * channels + c, mask=c < channels, other=0.0)
    there = (h[:, None] < hidden) & (c[None, :] < channels)
    first = tl.load(w1 + h[:, None] * channels + c[None, :], mask=there, other=0.0)
    middle = tl.sum(first * squeezed[None, :], 1) + tl.load(b1 + h, mask=h < hidden, other=0.0)
    middle = tl.maximum(middle, 0.0)
    second = tl.load(w2 + channel * hidden + h, mask=h < hidden, other=0.0)
    gate = tl.sigmoid(tl.sum(second * middle, 0) + tl.load(b2 + channel))  # one number a channel
    pixel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    place = plane * pixels + pixel
    part = tl.load(x + place, mask=pixel < pixels).to(tl.float32)
    tl.store(y + place, part * gate, mask=pixel < pixels)


def squeeze_excite(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    """Return x times its gates, sigmoid(w2 relu(w1 mean(x) + b1) + b2), in two launches.

    x: (n, c, h, w); w1: (c / r, c); b1: (c / r); w2: (c, c / r); b2: (c); all contiguous.
    """
    n, c, h, w = x.shape
    hidden, pixels = w1.shape[0], h * w
    means, y = x.new_empty(n, c, dtype=torch.float32), torch.empty_like(x)
    block = min(1024, triton.next_power_of_2(pixels))
    _squeeze[n * c,](x, means, pixels, BLOCK=block)
    tile = {"CHANNELS": triton.next_power_of_2(c), "HIDDEN": triton.next_power_of_2(hidden)}
    grid = n * c, triton.cdiv(pixels, block)
    _gate_and_rescale[grid](x, means, w1, b1, w2, b2, y, c, hidden, pixels, BLOCK=block, **tile)
    return y
