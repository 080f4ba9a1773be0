"""Lesson 00: the exercises of the core. A 1x1, a k x k, a stack of layers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.convolution_asks import PREDICTIONS, QUESTIONS
from convzoo.exercises.convolution_further import FURTHER
from convzoo.exercises.model import Exercise, Shortcut, Wrong, integers, normal, pick
from convzoo.framework import convolution as framework

LESSON = "00_convolution"

CONVOLUTION = Shortcut(
    "It calls the framework's convolution, which is what you are building.",
    lambda op: op.name.startswith("aten.convolution"),
    ("conv1d", "conv2d", "conv3d", "Conv2d", "convolution"),
)

# --- the 1x1 --------------------------------------------------------------------


def _one_case(gen, n, c_in, c_out, image, stride=1) -> Case:
    tensors = {"x": normal(gen, n, c_in, *image), "weight": normal(gen, c_out, c_in)}
    return Case({"stride": stride}, tensors)


def _one_cases(gen: Generator) -> list[Case]:
    """First a square matrix, in which rows and columns are easily exchanged."""
    side = pick(gen, [4, 6])
    return [
        _one_case(gen, 2, 5, 5, (4, 3)),
        _one_case(gen, 3, 2, 6, (side, 2)),
        _one_case(gen, 2, 6, 3, (6, side), stride=2),
        _one_case(gen, 2, 3, 4, (5, 7), stride=2),
        _one_case(gen, 1, 4, 2, (8, 7), stride=3),
    ]


def _one_small() -> list[Case]:
    def case(n, c_in, c_out, image, stride=1):
        tensors = {"x": integers(n, c_in, *image), "weight": integers(c_out, c_in)}
        return Case({"stride": stride}, tensors)

    return [
        case(1, 2, 2, (1, 2)),
        case(2, 2, 3, (1, 1)),
        case(1, 1, 1, (2, 2), stride=2),
        case(1, 1, 1, (3, 4), stride=2),
    ]


def _one_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    return _one_case(gen, 2, 3, 2, (3, 3)), _one_case(gen, 2, 6, 8, (6, 5))


def _thinned(x: Tensor, stride: int) -> Tensor:
    return x[..., ::stride, ::stride]


def _images_mixed(x, weight, stride=1):
    """As if the memory of n images of c channels were that of c channels of n images."""
    x = _thinned(x, stride)
    images, channels, high, wide = x.shape
    y = framework.conv1x1(x.reshape(1, channels, images * high, wide), weight)
    return y.reshape(images, -1, high, wide)


def _results_mixed(x, weight, stride=1):
    y = framework.conv1x1(x, weight, stride)
    return y.transpose(0, 1).reshape(y.shape)


CONV1X1 = Exercise(
    id="convolution.conv1x1",
    lesson=LESSON,
    title="The matrix at each pixel",
    points=2,
    minutes=8,
    name="conv1x1",
    reference=framework.conv1x1,
    cases=_one_cases,
    small=_one_small,
    wrong=(
        Wrong(
            "transposed",
            "The matrix is transposed. Its rows are outputs and its columns are inputs: sum over "
            "the columns.",
            lambda x, weight, stride=1: framework.conv1x1(x, weight.T, stride),
        ),
        Wrong(
            "rescaled",
            "Each channel is only rescaled, by the diagonal of the matrix. An output channel "
            "reads every input channel of its pixel.",
            lambda x, weight, stride=1: framework.conv1x1(
                x, weight * torch.eye(*weight.shape, dtype=weight.dtype), stride
            ),
        ),
        Wrong(
            "images_mixed",
            "Images and channels are mixed up on the way in. In memory the image comes before "
            "the channel: a reshape alone does not put all first channels beside each other.",
            _images_mixed,
        ),
        Wrong(
            "results_mixed",
            "Images and channels are mixed up on the way out: the product has the channel first, "
            "the result has the image first, and a reshape does not exchange the two.",
            _results_mixed,
        ),
        Wrong(
            "averaged",
            "With a stride the pixels between are averaged. A stride averages nothing: it takes "
            "one pixel and leaves the others unread.",
            lambda x, weight, stride=1: framework.conv1x1(
                F.avg_pool2d(x, stride, ceil_mode=True), weight
            ),
        ),
        Wrong(
            "late_start",
            "The stride takes the last pixel of each step. It starts at pixel 0: 0, 2, 4.",
            lambda x, weight, stride=1: framework.conv1x1(
                x[..., stride - 1 :, stride - 1 :], weight, stride
            ),
        ),
        Wrong(
            "no_stride",
            "The stride is not used: the output is as large as with stride 1.",
            lambda x, weight, stride=1: framework.conv1x1(x, weight),
        ),
        Wrong(
            "one_axis",
            "The stride goes along one axis of the image. It goes along both, height and width.",
            lambda x, weight, stride=1: framework.conv1x1(x[..., ::stride], weight),
        ),
        Wrong(
            "cut_off",
            "The numbers are right, but the weights are copied in a way that lets no gradient "
            "back to them.",
            lambda x, weight, stride=1: framework.conv1x1(x, weight.detach(), stride),
        ),
    ),
    hints=(
        "The stride first: which slice of `x` keeps every stride-th row and column?",
        "Then one product for all pixels. `torch.einsum` takes the letters of each dimension: "
        "o and c for the matrix, n, c, h and w for the image. Which letter is summed?",
        "The letter that both have and the result has not is summed: c. The result has "
        "the letters n, o, h, w, in this order.",
    ),
    shortcuts=(CONVOLUTION,),
    steady=_one_steady,
    slow="The number of operations grows with the pixels or the channels. One "
    "product can do all of them.",
)

# --- the k x k -------------------------------------------------------------------


def _conv_case(
    gen, n, c_in, c_out, kernel, image, stride=1, padding=0, dilation=1, draw: Callable = normal
) -> Case:  # fmt: skip
    tensors = {"x": draw(gen, n, c_in, *image), "weight": draw(gen, c_out, c_in, *kernel)}
    return Case({"stride": stride, "padding": padding, "dilation": dilation}, tensors)


def _conv_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [5, 6, 7])
    return [
        _conv_case(gen, 2, 3, 4, (3, 3), (6, 5)),
        _conv_case(gen, 2, 2, 3, (3, 3), (side, 4), padding=1),
        _conv_case(gen, 1, 3, 2, (3, 3), (7, 6), 2, 1),
        _conv_case(gen, 2, 4, 3, (3, 3), (8, side), padding=2, dilation=2),
        _conv_case(gen, 1, 2, 5, (2, 3), (9, 8), 2, 1, 3),
        _conv_case(gen, 2, 5, 2, (1, 1), (4, 5), stride=3),
    ]


def _conv_small() -> list[Case]:
    def case(c_in, c_out, kernel, image, n=1, **scalars):
        return _conv_case(
            None, n, c_in, c_out, kernel, image, **scalars, draw=lambda gen, *shape: integers(*shape)
        )

    return [
        case(1, 1, (2, 2), (3, 3)),
        case(2, 1, (1, 2), (1, 3)),
        case(1, 1, (1, 1), (3, 3), stride=2),
        case(1, 1, (2, 2), (2, 2), padding=1),
        case(1, 1, (2, 2), (3, 3), dilation=2),
        case(1, 3, (1, 1), (1, 1), n=2),
    ]


def _conv_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    few = _conv_case(gen, 2, 2, 3, (3, 3), (4, 4), padding=1)
    return few, _conv_case(gen, 2, 4, 5, (3, 3), (16, 15), padding=1)


def _conv(x, weight, stride=1, padding=0, dilation=1) -> Tensor:
    return framework.conv2d(x, weight, stride, padding, dilation)


def _spoilt_weight(spoil: Callable[[Tensor], Tensor]) -> Callable:
    def target(x, weight, stride=1, padding=0, dilation=1):
        return _conv(x, spoil(weight), stride, padding, dilation)

    return target


def _last_tap(weight: Tensor) -> Tensor:
    mask = torch.zeros_like(weight)
    mask[..., -1, -1] = 1
    return weight * mask


def _spoilt_padding(pad: Callable[[Tensor, int], Tensor]) -> Callable:
    def target(x, weight, stride=1, padding=0, dilation=1):
        return _conv(pad(x, padding), weight, stride, 0, dilation)

    return target


def _images_beside(x, weight, stride=1, padding=0, dilation=1):
    """As if the products of all images, channel first, were read image first."""
    y = _conv(x, weight, stride, padding, dilation)
    return y.transpose(0, 1).reshape(y.shape)


CONV2D = Exercise(
    id="convolution.conv2d",
    lesson=LESSON,
    title="A convolution as products of matrices",
    points=4,
    minutes=20,
    name="conv2d",
    reference=framework.conv2d,
    cases=_conv_cases,
    small=_conv_small,
    wrong=(
        Wrong(
            "flipped",
            "The kernel is turned by 180 degrees. What deep learning calls a convolution does "
            "not flip it.",
            _spoilt_weight(lambda weight: weight.flip(2, 3)),
        ),
        Wrong(
            "transposed",
            "Rows and columns of the kernel are exchanged: height comes before width.",
            _spoilt_weight(lambda weight: weight.transpose(2, 3)),
        ),
        Wrong(
            "taps_first",
            "Taps and channels are in another order in the weight than in the columns. In the "
            "columns of `F.unfold` the channel is the slower one: all taps of channel 0, then "
            "those of channel 1.",
            _spoilt_weight(lambda weight: weight.permute(0, 2, 3, 1).reshape(weight.shape)),
        ),
        Wrong(
            "last_tap",
            "Only the product of the last tap is left. Each product is added to those before it.",
            _spoilt_weight(_last_tap),
        ),
        Wrong(
            "edge_repeated",
            "The border is filled with the nearest pixel. Padding means zeros here.",
            _spoilt_padding(lambda x, p: F.pad(x, (p, p, p, p), mode="replicate")),
        ),
        Wrong(
            "one_side",
            "The padding is all at the right and at the bottom. Half of it belongs on the left "
            "and at the top.",
            _spoilt_padding(lambda x, p: F.pad(x, (0, 2 * p, 0, 2 * p))),
        ),
        Wrong(
            "images_mixed",
            "Images and channels are mixed up on the way out: the image comes first in the "
            "result, and a reshape does not exchange two dimensions.",
            _images_beside,
        ),
        Wrong(
            "no_stride",
            "The stride is not used: the output is as large as with stride 1.",
            lambda x, weight, stride=1, padding=0, dilation=1: _conv(
                x, weight, 1, padding, dilation
            ),
        ),
        Wrong(
            "no_padding",
            "The padding is not used: the border of zeros is missing.",
            lambda x, weight, stride=1, padding=0, dilation=1: _conv(x, weight, stride, 0, dilation),
        ),
        Wrong(
            "no_dilation",
            "The dilation is not used: neighbouring taps read pixels that lie `dilation` apart.",
            lambda x, weight, stride=1, padding=0, dilation=1: _conv(x, weight, stride, padding),
        ),
        Wrong(
            "cut_off",
            "The numbers are right, but the weights are copied in a way that lets no gradient "
            "back to them.",
            _spoilt_weight(Tensor.detach),
        ),
    ),
    hints=(
        "Pad first (`F.pad` takes left, right, top, bottom). Tap (i, j) then reads the pixel "
        "that lies i * dilation down and j * dilation right of where the window begins. All "
        "windows begin `stride` apart: so one slice of the image holds what tap (i, j) reads.",
        "Nine products: for every tap take its slice of the padded image, apply the matrix "
        "`weight[:, :, i, j]` at each of its pixels, as in your 1x1, and add up. Or one: "
        "`F.unfold` takes dilation, padding and stride by name and does the slicing.",
        "With `F.unfold` the columns are (n, c_in * kh * kw, positions), the channel slower than "
        "the taps. The weight with its last three dimensions flattened fits them, and `@` "
        "multiplies. What is left is to give the positions their height and width back.",
    ),
    shortcuts=(CONVOLUTION,),
    steady=_conv_steady,
    slow="The number of operations grows with the image. Loop over the taps of the kernel, or "
    "over nothing, but not over pixels.",
)

# --- a stack of layers ------------------------------------------------------------

Layers = list[list[int]]


def _stack_case(size: int, *layers: tuple[int, ...]) -> Case:
    return Case({"size": size, "layers": [list(layer) for layer in layers]}, {})


def _stack_cases(gen: Generator) -> list[Case]:
    size = 100 + pick(gen, list(range(40)))
    return [
        _stack_case(size, (3, 1, 1, 1), (3, 1, 1, 1)),
        _stack_case(size + 3, (7, 2, 3, 1), (3, 2, 1, 1), (3, 1, 1, 1)),
        _stack_case(size + 6, (3, 2, 0, 1), (pick(gen, [4, 6]), 3, 2, 1), (2, 2, 0, 1)),
        _stack_case(size, (3, 1, 1, 1), (3, 1, 2, 2), (3, 2, 4, 4), (5, 1, 2, 3)),
        _stack_case(size + 2, (pick(gen, [4, 8]), 4, 0, 1)),
    ]


def _stack_small() -> list[Case]:
    return [
        _stack_case(6, (3, 1, 1, 1)),
        _stack_case(10, (3, 1, 0, 1), (3, 1, 0, 1)),
        _stack_case(12, (3, 2, 1, 1), (3, 1, 1, 1)),
        _stack_case(12, (3, 1, 0, 2)),
    ]


def _spoilt_stack(spoil: Callable[[list[int]], list[int]]) -> Callable:
    """The size is right; the field is that of other layers."""

    def target(size: int, layers: Layers):
        other = framework.stack(4096, [spoil(layer) for layer in layers])
        return framework.stack(size, layers)[0], other[1]

    return target


def _spoilt_size(before: Callable[[int, list[int]], int], less: int = 0) -> Callable:
    """The field is right; every layer is given another size, or gives another."""

    def target(size: int, layers: Layers):
        seen = framework.stack(4096, layers)[1]
        for layer in layers:
            size = framework.stack(before(size, layer), [layer])[0] - less
        return size, seen

    return target


def _own_stride(size: int, layers: Layers):
    """As if a layer's own stride already spread its own taps."""
    strides = [layer[1] for layer in layers] + [1]
    shifted = [[k, s, p, d] for (k, _, p, d), s in zip(layers, strides[1:], strict=True)]
    field = framework.stack(4096, [[1, strides[0], 0, 1], *shifted])[1]
    return framework.stack(size, layers)[0], field


STACK = Exercise(
    id="convolution.stack",
    lesson=LESSON,
    title="What a stack of layers gives, and what it sees",
    points=2,
    minutes=12,
    name="stack",
    reference=framework.stack,
    cases=_stack_cases,
    small=_stack_small,
    wrong=(
        Wrong(
            "kernels_summed",
            "The kernels are added up. Two 3x3 layers see 5 pixels, not 6: a layer adds its "
            "kernel less one to what is seen.",
            lambda size, layers: (
                framework.stack(size, layers)[0], sum(kernel for kernel, *_ in layers)
            ),
        ),
        Wrong(
            "stride_forgotten",
            "The field ignores the strides. Behind a layer of stride 2 neighbours lie 2 pixels "
            "of the image apart, so what later layers add counts twice.",
            _spoilt_stack(lambda layer: [layer[0], 1, *layer[2:]]),
        ),
        Wrong(
            "own_stride",
            "A layer's own stride spreads its own taps. It spreads those of the layers behind "
            "it: use the product of the strides before.",
            _own_stride,
        ),
        Wrong(
            "dilation_forgotten",
            "The field ignores the dilation. Neighbouring taps lie `dilation` apart, so the "
            "kernel less one counts as often.",
            _spoilt_stack(lambda layer: [*layer[:3], 1]),
        ),
        Wrong(
            "one_less",
            "The sizes are one too small at every layer. Count the first position too: that is "
            "the + 1.",
            _spoilt_size(lambda size, layer: size, less=1),
        ),
        Wrong(
            "padded_once",
            "The padding is counted once. It stands on both sides of the image.",
            _spoilt_size(lambda size, layer: size - layer[2]),
        ),
        Wrong(
            "rounded_up",
            "The sizes are rounded up. A window that does not fit any more is left out: round "
            "down.",
            _spoilt_size(lambda size, layer: size + layer[1] - 1),
        ),
        Wrong(
            "padding_seen",
            "The field shrinks by the padding. What an output sees does not depend on the "
            "padding: that changes how many outputs there are.",
            lambda size, layers: (
                framework.stack(size, layers)[0],
                framework.stack(size, layers)[1] - 2 * sum(layer[2] for layer in layers),
            ),
        ),
    ),
    hints=(
        "Go through the layers and keep three numbers: the size so far, the field so far (it "
        "begins with 1 pixel), and how many pixels of the image lie between two neighbours of the "
        "output so far (it begins with 1).",
        "A layer's outermost taps lie dilation * (kernel - 1) apart, counted in pixels of its own "
        "input. In pixels of the image that is as many times the third number. Only then "
        "multiply the third number by the layer's stride.",
    ),
    returns=("output size", "receptive field"),
)

EXERCISES = (CONV1X1, CONV2D, STACK, *FURTHER)
__all__ = ["EXERCISES", "PREDICTIONS", "QUESTIONS"]
