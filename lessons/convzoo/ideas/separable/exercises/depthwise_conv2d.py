"""Lesson 06: the exercises of separable convolution; its questions are in separable_questions."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, integers, normal, pick
from convzoo.ideas.separable import framework
from convzoo.ideas.separable.exercises.block import GROUPED

LESSON = "06_separable"

# --- the depthwise convolution ---------------------------------------------------


def _depthwise_case(gen, channels, kernel, image, stride, padding, n=2) -> Case:
    tensors = {"x": normal(gen, n, channels, *image), "weight": normal(gen, channels, 1, *kernel)}
    return Case({"stride": stride, "padding": padding}, tensors)


def _depthwise_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [5, 6, 7])
    return [
        _depthwise_case(gen, 3, (3, 3), (side, side + 1), 1, 1),
        _depthwise_case(gen, 5, (3, 2), (6, 5), 2, 0),
        _depthwise_case(gen, 4, (3, 3), (7, 6), 2, 1, n=1),
        _depthwise_case(gen, 2, (1, 2), (4, 5), 1, 2, n=3),
    ]


def _small_depthwise(channels, kernel, image, stride=1, padding=0, n=1) -> Case:
    tensors = {"x": integers(n, channels, *image), "weight": integers(channels, 1, *kernel)}
    return Case({"stride": stride, "padding": padding}, tensors)


def _depthwise_small() -> list[Case]:
    return [
        _small_depthwise(2, (1, 1), (2, 2)),
        _small_depthwise(2, (1, 2), (2, 2)),
        _small_depthwise(2, (2, 2), (3, 3)),
        _small_depthwise(2, (1, 1), (3, 3), stride=2),
        _small_depthwise(2, (1, 1), (2, 2), padding=1),
        _small_depthwise(2, (1, 2), (1, 3), n=2),
    ]


def _depthwise_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    few = _depthwise_case(gen, 3, (3, 3), (5, 5), 1, 1)
    return few, _depthwise_case(gen, 12, (3, 3), (5, 5), 1, 1)


def _mixing(x, weight, stride=1, padding=0):
    return F.conv2d(x, weight.expand(-1, x.shape[1], -1, -1), None, stride, padding)


def _taps_first(x, weight, stride=1, padding=0):
    """The columns of `unfold` read as (taps, channels): entry t c + i for tap t of channel i."""
    channels, _, height, width = weight.shape
    taps, spoilt = height * width, weight.new_zeros(channels, channels * height * width)
    for i in range(channels):
        for t in range(taps):
            spoilt[i, t * channels + i] = weight[i, 0, t // width, t % width]
    return F.conv2d(x, spoilt.unflatten(1, (channels, height, width)), None, stride, padding)


def _last_tap(weight: Tensor) -> Tensor:
    mask = torch.zeros_like(weight)
    mask[..., -1, -1] = 1
    return weight * mask


def _stride_counted(x, weight, stride=1, padding=0):
    """As many windows as with the stride, but neighbouring ones lie a pixel apart."""
    high, wide = framework.depthwise_conv2d(x, weight, stride, padding).shape[2:]
    return framework.depthwise_conv2d(x, weight, 1, padding)[..., :high, :wide]


def _spoilt(of_weight, of_output=lambda y: y):
    """The framework's operation on a spoilt weight, or with a spoilt result."""

    def target(x, weight, stride=1, padding=0):
        return of_output(framework.depthwise_conv2d(x, of_weight(weight), stride, padding))

    return target


def _laid_out(of_x_and_weight):
    """The framework's operation on other numbers, laid out in the shape that the task tells."""

    def target(x, weight, stride=1, padding=0):
        told = framework.depthwise_conv2d(x, weight, stride, padding).shape
        return of_x_and_weight(x, weight, stride, padding).reshape(told)

    return target


def _dilated(x, weight, stride, padding):
    """`unfold` with stride and padding by place: its third place is the dilation."""
    return F.conv2d(x, weight, None, 1, padding, stride, x.shape[1])


def _every_filter(x, weight, stride, padding):
    return F.conv2d(x.flatten(0, 1)[:, None], weight, None, stride, padding)


def _one_image(x, weight, stride, padding):
    """The columns of all images read as those of one: (channels, taps, everything else)."""
    taps = weight[0].numel()
    one_tap = torch.eye(taps, dtype=x.dtype).reshape(taps, *weight.shape[1:])
    columns = _every_filter(x, one_tap, stride, padding).reshape(len(weight), taps, -1)
    return torch.linalg.vecdot(columns, weight.flatten(2).mT, dim=1)


def _put_back(x, weight, stride=1, padding=0):
    """Every patch times its filter, added up again where the patch was: `fold`."""
    y = framework.depthwise_conv2d(x, weight, stride, padding)
    return x * F.conv_transpose2d(
        torch.ones_like(y), weight, None, stride, padding, groups=x.shape[1]
    )


def _same(weight: Tensor) -> Tensor:
    return weight


EXERCISE = Exercise(
    id="separable.depthwise_conv2d",
    place=1,
    lesson=LESSON,
    title="A depthwise convolution",
    points=4,
    minutes=18,
    name="depthwise_conv2d",
    reference=framework.depthwise_conv2d,
    cases=_depthwise_cases,
    small=_depthwise_small,
    mistakes=(
        Mistake(
            "mixing",
            "Every output adds up all input channels. In a depthwise convolution output channel "
            "c reads input channel c, and no other: nothing is summed over the channels.",
            _mixing,
        ),
        Mistake(
            "first_filter",
            "Every channel is filtered with the weights of channel 0. Each has a filter of its "
            "own.",
            _spoilt(lambda w: w[:1].expand_as(w)),
        ),
        Mistake(
            "summed",
            "The filtered channels are added up into one. They stand beside each other: as many "
            "come out as went in.",
            _spoilt(_same, lambda y: y.sum(1, keepdim=True)),
        ),
        Mistake(
            "taps_first",
            "The columns are split as (taps, channels). In the columns that unfold gives the "
            "channel is the slower of the two: (channels, taps).",
            _taps_first,
        ),
        Mistake(
            "flipped",
            "The kernel is turned by 180 degrees. What deep learning calls a convolution does "
            "not flip it.",
            _spoilt(lambda w: w.flip(2, 3)),
        ),
        Mistake(
            "transposed",
            "Rows and columns of the kernel are exchanged: its taps are counted row by row, height "
            "before width.",
            _spoilt(lambda w: w.mT.reshape(w.shape)),
        ),
        Mistake(
            "last_tap",
            "Only the product of the last tap is left. Each product is added to those before it.",
            _spoilt(_last_tap),
        ),
        Mistake(
            "reversed",
            "The filters are handed out from the last to the first: channel 0 belongs to the "
            "first row of the weight.",
            _spoilt(lambda w: w.flip(0)),
        ),
        Mistake(
            "mean",
            "The taps are averaged. A convolution adds them up.",
            _spoilt(lambda w: w / w[0].numel()),
        ),
        Mistake(
            "no_stride",
            "The stride is not used: the output is as large as with stride 1.",
            lambda x, weight, stride=1, padding=0: framework.depthwise_conv2d(
                x, weight, 1, padding
            ),
        ),
        Mistake(
            "stride_counted",
            "The size is that of the stride, but the windows begin one pixel apart: neighbouring "
            "outputs read windows that lie `stride` apart.",
            _stride_counted,
        ),
        Mistake(
            "no_padding",
            "The padding is not used: the border of zeros is missing.",
            lambda x, weight, stride=1, padding=0: framework.depthwise_conv2d(x, weight, stride, 0),
        ),
        Mistake(
            "unfold_alone",
            "The columns are not those of the task's padding and stride: `unfold` has to be told "
            "both, by name.",
            _laid_out(lambda x, weight, *_: framework.depthwise_conv2d(x, weight)),
        ),
        Mistake(
            "by_place",
            "What comes third in `unfold` is the dilation. Give it the stride and the padding by "
            "name.",
            _laid_out(_dilated),
        ),
        Mistake(
            "every_filter",
            "Every channel is filtered with every filter, so there are channels times too many "
            "numbers. A filter needs a dimension of its own for its channel, beside the taps.",
            _laid_out(_every_filter),
        ),
        Mistake(
            "one_image",
            "The images are run together: the columns need the images as a dimension of their own.",
            _laid_out(_one_image),
        ),
        Mistake(
            "put_back",
            "The weighted patches are put back into the image, where they overlap. A patch gives "
            "one number, the sum over its taps, and nothing has to be folded.",
            _put_back,
        ),
        Mistake(
            "in_a_row",
            "The positions still stand in one row. Give them their height and width back.",
            _spoilt(_same, lambda y: y.flatten(2)),
        ),
        Mistake(
            "cut_off",
            "The weights are copied in a way that lets no gradient back to them.",
            _spoilt(lambda w: w.detach()),
        ),
    ),
    hints=(
        "One channel alone is an ordinary convolution from 1 channel to 1. To take all at once, "
        "keep the channels as a dimension of their own, beside which you sum over the taps only.",
        "`F.unfold(x, (kh, kw), padding=..., stride=...)` gives (n, c * kh * kw, positions), the "
        "channel slowest. Split the middle dimension into channels and taps.",
        "Each channel's filter is then one row of kh * kw numbers: (c, 1, taps) times "
        "(n, c, taps, positions), a batched product over n and c. Drop the dimension of length 1 "
        "and give the positions their height and width back. (Nine shifted images, each times "
        "its tap, pass as well.)",
    ),
    shortcuts=(GROUPED,),
    steady=_depthwise_steady,
    slow="The number of operations grows with the number of channels. Can all channels be one "
    "batched product, or one elementwise product for each tap?",
)
