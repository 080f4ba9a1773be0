"""Lesson 06: the exercises of separable convolution; its questions are in separable_questions."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Wrong, integers, normal, pick
from convzoo.exercises.separable_block import BLOCK, GROUPED
from convzoo.exercises.separable_further import FURTHER
from convzoo.exercises.separable_questions import PREDICTIONS, QUESTIONS
from convzoo.framework import separable as framework

__all__ = ["EXERCISES", "PREDICTIONS", "QUESTIONS"]
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


def _small_depthwise(channels, kernel, image, stride=1, padding=0) -> Case:
    tensors = {"x": integers(1, channels, *image), "weight": integers(channels, 1, *kernel)}
    return Case({"stride": stride, "padding": padding}, tensors)


def _depthwise_small() -> list[Case]:
    return [
        _small_depthwise(2, (1, 1), (2, 2)),
        _small_depthwise(2, (1, 2), (2, 2)),
        _small_depthwise(2, (2, 2), (3, 3)),
        _small_depthwise(2, (1, 1), (3, 3), stride=2),
        _small_depthwise(2, (1, 1), (2, 2), padding=1),
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


def _spoilt(of_weight, of_output=lambda y: y):
    """The framework's operation on a spoilt weight, or with a spoilt result."""

    def target(x, weight, stride=1, padding=0):
        return of_output(framework.depthwise_conv2d(x, of_weight(weight), stride, padding))

    return target


def _same(weight: Tensor) -> Tensor:
    return weight


DEPTHWISE = Exercise(
    id="separable.depthwise_conv2d",
    lesson=LESSON,
    title="A depthwise convolution",
    points=4,
    minutes=18,
    name="depthwise_conv2d",
    reference=framework.depthwise_conv2d,
    cases=_depthwise_cases,
    small=_depthwise_small,
    wrong=(
        Wrong(
            "mixing",
            "Every output adds up all input channels. In a depthwise convolution output channel "
            "c reads input channel c, and no other: nothing is summed over the channels.",
            _mixing,
        ),
        Wrong(
            "first_filter",
            "Every channel is filtered with the weights of channel 0. Each has a filter of its own.",
            _spoilt(lambda w: w[:1].expand_as(w)),
        ),
        Wrong(
            "summed",
            "The filtered channels are added up into one. They stand beside each other: as many "
            "come out as went in.",
            _spoilt(_same, lambda y: y.sum(1, keepdim=True)),
        ),
        Wrong(
            "taps_first",
            "The columns are split as (taps, channels). In the columns that unfold gives the "
            "channel is the slower of the two: (channels, taps).",
            _taps_first,
        ),
        Wrong(
            "flipped",
            "The kernel is turned by 180 degrees. What deep learning calls a convolution does "
            "not flip it.",
            _spoilt(lambda w: w.flip(2, 3)),
        ),
        Wrong(
            "reversed",
            "The filters are handed out from the last to the first: channel 0 belongs to the "
            "first row of the weight.",
            _spoilt(lambda w: w.flip(0)),
        ),
        Wrong(
            "mean",
            "The taps are averaged. A convolution adds them up.",
            _spoilt(lambda w: w / w[0].numel()),
        ),
        Wrong(
            "no_stride",
            "The stride is not used: the output is as large as with stride 1.",
            lambda x, weight, stride=1, padding=0: framework.depthwise_conv2d(
                x, weight, 1, padding
            ),
        ),
        Wrong(
            "no_padding",
            "The padding is not used: the border of zeros is missing.",
            lambda x, weight, stride=1, padding=0: framework.depthwise_conv2d(x, weight, stride, 0),
        ),
        Wrong(
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

# --- the dense kernel of the two ---------------------------------------------------


def _kernel_case(gen, c_in, c_out, kernel) -> Case:
    tensors = {
        "depthwise": normal(gen, c_in, 1, *kernel),
        "pointwise": normal(gen, c_out, c_in, 1, 1),
    }
    return Case({}, tensors)


def _kernel_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [4, 6, 7])
    return [
        _kernel_case(gen, 3, wide, (3, 2)),
        _kernel_case(gen, 3, 3, (3, 3)),
        _kernel_case(gen, 5, 2, (3, 3)),
        _kernel_case(gen, 2, 4, (1, 1)),
    ]


def _kernel_small() -> list[Case]:
    def case(c_in, c_out, kernel):
        return Case({}, {
            "depthwise": integers(c_in, 1, *kernel), "pointwise": integers(c_out, c_in, 1, 1)
        })  # fmt: skip

    return [case(2, 2, (1, 1)), case(2, 2, (1, 2)), case(2, 3, (2, 2)), case(2, 1, (1, 2))]


def _added(depthwise, pointwise):
    ones = torch.ones_like(pointwise)
    return framework.dense_kernel(depthwise, ones) + pointwise


def _outputs_filter(depthwise, pointwise):
    """As if the filters went with the output channels."""
    rows = [
        framework.dense_kernel(depthwise[o % len(depthwise)].expand(depthwise.shape), row[None])
        for o, row in enumerate(pointwise)
    ]
    return torch.cat(rows)


DENSE_KERNEL = Exercise(
    id="separable.dense_kernel",
    lesson=LESSON,
    title="The dense kernel of the two",
    points=2,
    minutes=8,
    name="dense_kernel",
    reference=framework.dense_kernel,
    cases=_kernel_cases,
    small=_kernel_small,
    wrong=(
        Wrong(
            "added",
            "The two weights are added. The 1x1 multiplies what the depthwise filter gave, so "
            "the weights along a path are multiplied.",
            _added,
        ),
        Wrong(
            "not_lined_up",
            "The two weights do not line up. The channel between them is the first dimension of "
            "`depthwise`; in the result it is the second.",
            lambda depthwise, pointwise: torch.mul(pointwise, depthwise),
        ),
        Wrong(
            "outputs_filter",
            "The filter goes with the output channel. The depthwise layer comes first, so a "
            "filter belongs to the input channel.",
            _outputs_filter,
        ),
        Wrong(
            "first_filter",
            "All input channels have the filter of channel 0. Each has one of its own.",
            lambda depthwise, pointwise: framework.dense_kernel(
                depthwise[:1].expand_as(depthwise), pointwise
            ),
        ),
        Wrong(
            "swapped",
            "Inputs and outputs are exchanged: the result begins with the output channels, as "
            "the weight of every convolution does.",
            lambda depthwise, pointwise: framework.dense_kernel(depthwise, pointwise).transpose(
                0, 1
            ),
        ),
        Wrong(
            "summed",
            "It sums over the input channels. That sum is the convolution's own work; the kernel "
            "keeps the input channels apart.",
            lambda depthwise, pointwise: framework.dense_kernel(depthwise, pointwise).sum(
                1, keepdim=True
            ),
        ),
        Wrong(
            "flipped",
            "The taps are turned by 180 degrees. Nothing has to be turned: a tap of the filter is "
            "the same tap of the kernel.",
            lambda depthwise, pointwise: framework.dense_kernel(depthwise.flip(2, 3), pointwise),
        ),
        Wrong(
            "cut_off",
            "The numbers are right, but no gradient comes back to `depthwise`.",
            lambda depthwise, pointwise: framework.dense_kernel(depthwise.detach(), pointwise),
        ),
    ),
    hints=(
        "Follow one path: from a pixel of input channel i, by one tap of filter i, to the pixel of "
        "channel i in between, and by one weight of the 1x1 to output channel o. What is the "
        "product of the two weights on it?",
        "So entry (o, i, y, x) is pointwise (o, i) times depthwise (i, y, x). Bring the depthwise "
        "weight to the shape (1, c_in, kh, kw): broadcasting does the rest.",
    ),
)

EXERCISES = (DEPTHWISE, DENSE_KERNEL, BLOCK, *FURTHER)
