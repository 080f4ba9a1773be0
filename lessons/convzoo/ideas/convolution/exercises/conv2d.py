"""Lesson 00: a k x k convolution as products of matrices."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, integers, normal, pick
from convzoo.ideas.convolution import framework
from convzoo.ideas.convolution.exercises.conv1x1 import CONVOLUTION

LESSON = "00_convolution"


def _conv_case(
    gen, n, c_in, c_out, kernel, image, stride=1, padding=0, dilation=1, draw: Callable = normal
) -> Case:
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
    def draw(gen, *shape: int) -> Tensor:
        return integers(*shape)

    def case(c_in, c_out, kernel, image, n=1, **scalars):
        return _conv_case(None, n, c_in, c_out, kernel, image, **scalars, draw=draw)

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


def _in_size_alone(**forgotten) -> Callable:
    """The result is as large as it should be, but the taps are read without this setting."""

    def target(x, weight, stride=1, padding=0, dilation=1):
        high, wide = _conv(x, weight, stride, padding, dilation).shape[2:]
        given = {"stride": stride, "padding": padding, "dilation": dilation}
        return _conv(x, weight, **(given | forgotten))[..., :high, :wide]

    return target


def _two_taps(x, weight, stride, dilation, wide=None) -> Tensor:
    """What the first two taps give, added: an error where one reads fewer pixels."""
    read = x[..., :wide], x[..., dilation:][..., :wide]
    return sum(framework.conv1x1(read[j], weight[..., 0, j], stride) for j in (0, 1))


def _slices_uncut(x, weight, stride=1, padding=0, dilation=1):
    return _two_taps(F.pad(x, (padding,) * 4), weight, stride, dilation)


def _padding_counted(x, weight, stride=1, padding=0, dilation=1):
    if not padding:
        return _conv(x, weight, stride, padding, dilation)
    wide = x.shape[3] + 2 * padding - dilation * (weight.shape[3] - 1)
    return _two_taps(x, weight, stride, dilation, wide)


EXERCISE = Exercise(
    id="convolution.conv2d",
    place=2,
    lesson=LESSON,
    title="A convolution as products of matrices",
    points=4,
    minutes=20,
    name="conv2d",
    reference=framework.conv2d,
    cases=_conv_cases,
    small=_conv_small,
    mistakes=(
        Mistake(
            "flipped",
            "The kernel is turned by 180 degrees. What deep learning calls a convolution does "
            "not flip it.",
            _spoilt_weight(lambda weight: weight.flip(2, 3)),
        ),
        Mistake(
            "transposed",
            "Rows and columns of the kernel are exchanged: height comes before width.",
            _spoilt_weight(lambda weight: weight.transpose(2, 3)),
        ),
        Mistake(
            "taps_first",
            "Taps and channels are in another order in the weight than in the columns. In the "
            "columns of `F.unfold` the channel is the slower one: all taps of channel 0, then "
            "those of channel 1.",
            _spoilt_weight(lambda weight: weight.permute(0, 2, 3, 1).reshape(weight.shape)),
        ),
        Mistake(
            "last_tap",
            "Only the product of the last tap is left. Each product is added to those before it.",
            _spoilt_weight(_last_tap),
        ),
        Mistake(
            "slices_uncut",
            "The slices differ in size, as each runs to the end of the image. For every tap there "
            "is one pixel for each window: cut each slice off after h' rows and w' columns.",
            _slices_uncut,
        ),
        Mistake(
            "padding_counted",
            "The size counts the padding, but the slices are cut from an image without it, and "
            "end too soon.",
            _padding_counted,
        ),
        Mistake(
            "stride_counted",
            "The size is that of the stride, but the windows begin one pixel apart: neighbouring "
            "outputs read windows that lie `stride` apart.",
            _in_size_alone(stride=1),
        ),
        Mistake(
            "dilation_counted",
            "The size is that of the dilation, but the taps lie side by side: neighbouring ones "
            "read pixels that lie `dilation` apart.",
            _in_size_alone(dilation=1),
        ),
        Mistake(
            "positions_in_a_row",
            "The positions still stand in one row. Give them their height and width back.",
            lambda *given, **settings: _conv(*given, **settings).flatten(2),
        ),
        Mistake(
            "edge_repeated",
            "The border is filled with the nearest pixel. Padding means zeros here.",
            _spoilt_padding(lambda x, p: F.pad(x, (p, p, p, p), mode="replicate")),
        ),
        Mistake(
            "one_side",
            "The padding is all at the right and at the bottom. Half of it belongs on the left "
            "and at the top.",
            _spoilt_padding(lambda x, p: F.pad(x, (0, 2 * p, 0, 2 * p))),
        ),
        Mistake(
            "images_mixed",
            "Images and channels are mixed up on the way out: the image comes first in the "
            "result, and a reshape does not exchange two dimensions.",
            _images_beside,
        ),
        Mistake(
            "no_stride",
            "The stride is not used: the output is as large as with stride 1.",
            lambda x, weight, stride=1, padding=0, dilation=1: _conv(
                x, weight, 1, padding, dilation
            ),
        ),
        Mistake(
            "no_padding",
            "The padding is not used: the border of zeros is missing.",
            lambda x, weight, stride=1, padding=0, dilation=1: _conv(
                x, weight, stride, 0, dilation
            ),
        ),
        Mistake(
            "no_dilation",
            "The dilation is not used: neighbouring taps read pixels that lie `dilation` apart.",
            lambda x, weight, stride=1, padding=0, dilation=1: _conv(x, weight, stride, padding),
        ),
        Mistake(
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
