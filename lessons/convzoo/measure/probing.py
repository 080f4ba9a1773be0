"""What depends on what: the matrix between channels, and how far a layer sees.

Both are probed by gradients from the module itself, so a wrong layer gives a wrong picture. A
module is copied (float64, eval mode, on the CPU) and never changed; a function is used as it is, in
the dtype and on the device of its input.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convzoo.errors import UserError


def channel_matrix(
    fn: Callable[[Tensor], Tensor],
    x: Tensor,  # n c h w, or n c; only the first image is used
    position: Sequence[int] | None = None,
    tap: Sequence[int] | None = None,
) -> Tensor:
    """Return how each output channel depends on each input channel, at the input `x`.

    Entry (i, j) of the result, float64 [C_out, C_in] on the CPU, is the sum over all
    pixels q of d y[i, position] / d x[j, q], with its sign. For a convolution that is
    the sum of its kernel's taps (at the border, of those inside the image); for a 1x1
    convolution, its weight. The default position is the output's middle.

    tap=(dy, dx) takes only the pixel q at (dy, dx) from the position instead, so that a 3x3 is nine
    matrices. If the output is smaller than the input, a position corresponds to the pixel that it
    has in a layer of that stride with padding (k-1)/2, or of stride 1 with any padding; a q outside
    the image gives zeros.

    Raises UserError if the position is not in the output, or if there are no pixels to choose a tap
    from.
    """
    y, leaf = _run(fn, x)
    sizes, position = y.shape[2:], _checked(position, y.shape[2:])
    if tap is None:
        return torch.stack([g.reshape(len(g), -1).sum(1) for g in _gradients(y, leaf, position)])
    if not position or len(tap) != len(position) or leaf.dim() != y.dim():
        raise UserError(
            f"tap={tuple(tap)} does not name a pixel, because the input has {leaf.dim() - 2} and "
            f"the output {len(position)} dimensions besides batch and channels. Leave it out, or "
            "give one offset for each dimension."
        )
    pixel = tuple(map(_pixel_under, position, sizes, leaf.shape[2:]))
    pixel = tuple(q + offset for q, offset in zip(pixel, tap))
    if any(not 0 <= q < n for q, n in zip(pixel, leaf.shape[2:])):
        return torch.zeros(y.shape[1], leaf.shape[1], dtype=torch.float64)
    return torch.stack([g[(slice(None), *pixel)] for g in _gradients(y, leaf, position)])


def effective_receptive_field(
    fn: Callable[[Tensor], Tensor],
    x: Tensor,  # n c h w; only the first image is used
    position: Sequence[int] | None = None,
) -> Tensor:
    """Return how strongly the output at `position` depends on each pixel: float64 [H, W] on the
    CPU.

    The absolute gradients d y[i, position] / d x[j, q], summed over the channels i and j
    (Luo et al. 2016, 1701.04128, but without signs that cancel). The default position
    is the output's middle.
    """
    y, leaf = _run(fn, x)
    position = _checked(position, y.shape[2:])
    return sum(g.abs().sum(0) for g in _gradients(y, leaf, position))


@dataclass(frozen=True)
class Field:
    """What one output pixel sees along one axis, in pixels of the input.

    size   number of pixels that it can depend on
    jump   distance between two neighbours in the output
    start  centre of what the first output pixel sees; pixel 0 is at 0.0
    """

    size: int
    jump: int
    start: float


def receptive_field(layers: nn.Module | Iterable[nn.Module | Sequence[int]]) -> Field:
    """Return the theoretical receptive field of a sequence of layers.

    layers: convolutions, pools and pointwise layers, in an `nn.Sequential` (possibly nested) or in
    a list; a layer may also be given as (kernel, stride, padding, dilation), of which the last ones
    may be left out. Kernels are square. For the field layer by layer, pass `layers[:1]`,
    `layers[:2]`, ...

    Raises UserError for a layer whose field does not follow from its arguments.
    """
    size, jump, start = 1, 1, 0.0
    for kernel, stride, padding, dilation in _windows(layers):
        reach = (kernel - 1) * dilation
        size += reach * jump
        start += (reach / 2 - padding) * jump
        jump *= stride
    return Field(size, jump, start)


def _run(fn: Callable, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the output for the first image, and the leaf tensor of that image."""
    if isinstance(fn, nn.Module):
        fn, x = copy.deepcopy(fn).cpu().double().eval(), x.cpu().double()
    with torch.enable_grad():
        leaf = x[:1].detach().clone().requires_grad_()
        y = fn(leaf.clone())  # a copy, because a leaf cannot be changed in place
    if not isinstance(y, Tensor) or y.dim() < 2 or not y.is_floating_point():
        raise UserError(
            "The channels cannot be probed, because the result is not a floating-point tensor [n, "
            "c, ...]. Probe a function that returns one."
        )
    return y, leaf


def _checked(position: Sequence[int] | None, sizes: Sequence[int]) -> tuple[int, ...]:
    if position is None:
        return tuple(n // 2 for n in sizes)
    if len(position) != len(sizes) or any(not 0 <= p < n for p, n in zip(position, sizes)):
        raise UserError(
            f"Position {tuple(position)} is not in the output, which has the size {tuple(sizes)}. "
            "Count from 0 in each dimension."
        )
    return tuple(position)


def _gradients(y: Tensor, leaf: Tensor, position: tuple[int, ...]) -> Iterator[Tensor]:
    """Yield d y[i, position] / d leaf [C_in, *] for each output channel i, one at a time."""
    with torch.enable_grad():
        entries = y[(0, slice(None), *position)].unbind()
    for entry in entries:
        if entry.requires_grad:
            (gradient,) = torch.autograd.grad(
                entry, leaf, retain_graph=True, allow_unused=True, materialize_grads=True
            )
        else:
            gradient = torch.zeros_like(leaf)
        yield gradient[0].cpu().double()


def _pixel_under(position: int, small: int, large: int) -> int:
    """Return the input pixel that an output position corresponds to, along one axis."""
    stride = max(1, round(large / small))
    return stride * position if stride > 1 else position + (large - small) // 2


def _windows(layers) -> Iterator[tuple[int, int, int, int]]:
    """Yield (kernel, stride, padding, dilation) of every layer that has a window."""
    if isinstance(layers, nn.Module) and not isinstance(layers, nn.Sequential):
        layers = [layers]
    for layer in layers:
        if isinstance(layer, nn.Sequential):
            yield from _windows(layer)
        elif isinstance(layer, nn.Module):
            yield from _window(layer)
        else:
            yield (*layer, *(1, 0, 1)[len(layer) - 1 :])


_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
_AVERAGE_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
_POINTWISE = tuple(
    f"torch.nn.modules.{name}" for name in ("activation", "batchnorm", "dropout", "channelshuffle")
)


def _window(layer: nn.Module) -> Iterator[tuple[int, int, int, int]]:
    if isinstance(layer, _CONVOLUTIONS + _MAX_POOLS + _AVERAGE_POOLS):
        kernel, stride = _one(layer, "kernel_size"), _one(layer, "stride")
        dilation = 1 if isinstance(layer, _AVERAGE_POOLS) else _one(layer, "dilation")
        padding = _one(layer, "padding")
        if isinstance(padding, str):
            padding = (kernel - 1) * dilation // 2 if padding == "same" else 0
        yield kernel, stride, padding, dilation
    elif not (isinstance(layer, nn.Identity) or type(layer).__module__ in _POINTWISE):
        raise UserError(
            f"The receptive field of {type(layer).__name__} does not follow from its arguments, "
            "because it is neither a convolution, a pool nor pointwise. Measure it with "
            "effective_receptive_field, or give (kernel, stride, padding, dilation)."
        )


def _one(layer: nn.Module, name: str) -> int | str:
    value = getattr(layer, name)
    values = set(value) if isinstance(value, tuple) else {value}
    if len(values) > 1:
        raise UserError(
            f"{type(layer).__name__} has {name}={value}, which differs between rows and columns. "
            "Give (kernel, stride, padding, dilation), one axis at a time."
        )
    return values.pop()
