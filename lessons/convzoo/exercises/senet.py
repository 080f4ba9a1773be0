"""Lesson 04: how far a layer sees, the lecture's gate and the paper's."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Shortcut, Wrong, integers, normal, pick
from convzoo.exercises.senet_further import FURTHER
from convzoo.exercises.senet_questions import PREDICTIONS, QUESTIONS
from convzoo.framework import senet as framework

LESSON = "04_senet"
__all__ = ["EXERCISES", "PREDICTIONS", "QUESTIONS"]

# --- how far a layer sees --------------------------------------------------------


def _layers_case(*layers: list[int]) -> Case:
    return Case({"layers": list(layers)}, {})


def _drawn_layer(gen: Generator) -> list[int]:
    return [pick(gen, [2, 3, 5]), pick(gen, [1, 2, 3]), pick(gen, [1, 2, 3])]


def _field_cases(gen: Generator) -> list[Case]:
    drawn = [[_drawn_layer(gen) for _ in range(n)] for n in (3, 4)]
    return [
        _layers_case([3, 1, 1], [3, 1, 1], [3, 1, 1]),
        _layers_case([7, 2, 1], [3, 2, 1], [3, 1, 1], [1, 2, 1], [3, 1, 1]),
        _layers_case([3, 1, 1], [3, 1, 2], [3, 1, 4]),
        *(_layers_case(*layers, [3, 1, 2]) for layers in drawn),
    ]


def _field_small() -> list[Case]:
    return [
        _layers_case([3, 1, 1], [3, 1, 1]),
        _layers_case([3, 2, 1], [3, 1, 1]),
        _layers_case([3, 1, 2], [3, 1, 1]),
    ]


def _spoilt_fields(change) -> object:
    return lambda layers: framework.field_sizes([change(*layer) for layer in layers])


def _own_stride(layers):
    kernels, strides, dilations = zip(*layers, strict=True)
    moved = zip(kernels, (*strides[1:], 1), dilations, strict=True)
    return framework.field_sizes([[1, strides[0], 1], *moved])[1:]


FIELD_SIZES = Exercise(
    id="senet.field_sizes",
    lesson=LESSON,
    title="How far a layer sees",
    points=2,
    minutes=10,
    name="field_sizes",
    reference=framework.field_sizes,
    cases=_field_cases,
    small=_field_small,
    wrong=(
        Wrong(
            "no_stride",
            "The strides are not used. After a stride of 2 neighbouring pixels lie two pixels of "
            "the input apart, so every later layer reaches twice as far.",
            _spoilt_fields(lambda kernel, stride, dilation: [kernel, 1, dilation]),
        ),
        Wrong(
            "no_dilation",
            "The dilation is not used. It spreads the kernel's taps: with a dilation of 2 a 3x3 "
            "kernel covers 5 pixels.",
            _spoilt_fields(lambda kernel, stride, dilation: [kernel, stride, 1]),
        ),
        Wrong(
            "own_stride",
            "A layer's own stride is counted for its own kernel. The kernel lies on the pixels "
            "that come in; the stride spreads those that go out.",
            _own_stride,
        ),
        Wrong(
            "whole_kernel",
            "Each layer adds a whole kernel. The pixel in its place was seen before: a kernel of "
            "3 adds two.",
            _spoilt_fields(lambda kernel, stride, dilation: [kernel + 1, stride, dilation]),
        ),
        Wrong(
            "one_side",
            "That is how far it sees to one side. The field goes to both sides, and has a middle.",
            lambda layers: tuple((n - 1) / 2 for n in framework.field_sizes(layers)),
        ),
        Wrong(
            "multiplied",
            "The kernels are multiplied. Two 3x3 layers see 5 pixels, not 9: each adds its own "
            "reach to what was seen.",
            _spoilt_fields(lambda kernel, stride, dilation: [kernel, kernel, 1]),
        ),
    ),
    hints=(
        "Begin with one pixel, which sees itself: the size is 1. Draw a row of pixels for two "
        "3-wide layers: what does the second one add at either end?",
        "Keep two numbers while you go through the layers: the size of the field, and how many "
        "pixels of the input lie between two neighbours here (1 at the start).",
        "A kernel of k taps spans (k - 1) * dilation steps, and a step is as long as the second "
        "number. After the layer that number is multiplied by the stride.",
    ),
    shortcuts=(
        Shortcut(
            "It calls `measure.receptive_field`, which is what you are building.",
            lambda op: False,  # it runs no operation of torch's
            ("receptive_field",),
        ),
    ),
)

# --- the lecture's gate ----------------------------------------------------------

RETURNS = ("rescaled", "gates")


def _lecture_case(gen: Generator, n: int, c: int, image: tuple[int, int], scaled: bool) -> Case:
    size = (image[0] * image[1]) ** 0.5
    weight = normal(gen, c, *image) / size
    return Case({"scaled": scaled}, {"x": normal(gen, n, c, *image), "weight": weight})


def _lecture_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [5, 6, 7])
    return [
        _lecture_case(gen, 2, 4, (3, 5), False),
        _lecture_case(gen, 3, wide, (4, 3), True),
        _lecture_case(gen, 1, 3, (2, 4), True),
        _lecture_case(gen, 4, 2, (5, 2), False),
    ]


def _lecture_small() -> list[Case]:
    x = integers(1, 2, 1, 2)
    first = torch.tensor([[[4.0, 7.0]], [[1.0, 0.0]]], dtype=torch.float64)  # sums 18 and 3
    same = torch.zeros(2, 1, 3, dtype=torch.float64)
    return [
        Case({"scaled": False}, {"x": x, "weight": first}),
        Case({"scaled": True}, {"x": integers(1, 2, 1, 3), "weight": same}),
    ]


def _lecture_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    return tuple(_lecture_case(gen, 2, c, (4, 4), True) for c in (2, 6))


def _shares(x: Tensor, weight: Tensor) -> Tensor:
    """The framework's gates, n c, that sum to one."""
    return framework.lecture_gate(x, weight)[1]


def _by(gates):
    """x times what `gates` gives of the call's arguments: n c, or n c h w."""

    def gate(x, *rest, **named):
        found = gates(x, *rest, **named)
        return x.mul(found if found.dim() == 4 else found[..., None, None]), found

    return gate


def _factor(x: Tensor, scaled: bool) -> int:
    return x.shape[1] if scaled else 1


def _over_the_batch(x, weight, scaled=False):
    """Images and channels change places; the weight has gone into the image."""
    turned = x.mul(weight).transpose(0, 1)
    return _shares(turned, torch.ones_like(turned[0])).mT * _factor(x, scaled)


def _per_pixel(x, weight, scaled=False):
    """Pixels and channels change places."""
    turned = x.mul(weight).flatten(2).mT[..., None]  # n hw c 1
    found = _shares(turned, torch.ones_like(turned[0])) * _factor(x, scaled)
    found = found.unflatten(1, x.shape[2:])
    return x.mul(found[:, None]), found


def _sigmoid(x, weight, scaled=False):
    """The share of each channel beside one that is zero."""
    alone = x.mul(weight).flatten(0, 1)[:, None]  # nc 1 h w
    pairs = torch.cat([alone, torch.zeros_like(alone)], 1)
    found = _shares(pairs, torch.ones_like(pairs[0]))[:, 0]
    return found.unflatten(0, x.shape[:2]) * _factor(x, scaled)


def _one_number(x, weight, scaled=False):
    """Each channel is given the sum of all."""
    alike = x.mul(weight).sum(1, keepdim=True).expand_as(x)
    return _shares(alike, torch.ones_like(alike[0])) * _factor(x, scaled)


LECTURE_GATE = Exercise(
    id="senet.lecture_gate",
    lesson=LESSON,
    title="The lecture's gate",
    points=4,
    minutes=12,
    name="lecture_gate",
    reference=framework.lecture_gate,
    cases=_lecture_cases,
    small=_lecture_small,
    returns=RETURNS,
    wrong=(
        Wrong(
            "over_the_batch",
            "The softmax goes over the images of the batch. An image's gates compare its own "
            "channels: they sum to one for each image.",
            _by(_over_the_batch),
        ),
        Wrong(
            "per_pixel",
            "The sum goes over the channels, so each pixel gets a number. The gate weighs "
            "channels: sum over height and width, and keep the channels apart.",
            _per_pixel,
        ),
        Wrong(
            "sigmoid",
            "The sums go through a sigmoid, each on its own. That is the paper's way; the "
            "lecture lets the channels compete, in a softmax.",
            _by(_sigmoid),
        ),
        Wrong(
            "average",
            "The inner product is divided by the number of pixels. The lecture's is a sum; the "
            "average is the paper's.",
            lambda x, weight, scaled=False: framework.lecture_gate(
                x, weight / x[0, 0].numel(), scaled
            ),
        ),
        Wrong(
            "one_number",
            "All channels share one sum, so all gates are equal and nothing is preferred. Each "
            "channel needs an inner product of its own.",
            _by(_one_number),
        ),
        Wrong(
            "never_scaled",
            "`scaled` changes nothing. With it the gates are multiplied by the number of "
            "channels, so that their mean is one.",
            lambda x, weight, scaled=False: framework.lecture_gate(x, weight, False),
        ),
        Wrong(
            "scaled_by_pixels",
            "With `scaled` the gates are multiplied by the number of pixels. They are shared out "
            "among the channels, so it takes their number.",
            _by(lambda x, weight, scaled=False: _shares(x, weight)
                * (x[0, 0].numel() if scaled else 1)),
        ),
        Wrong(
            "added",
            "The gates are added to the image. They rescale it: multiply.",
            lambda x, weight, scaled=False: (
                framework.lecture_gate(x, weight, scaled)[1][..., None, None] + x,
                framework.lecture_gate(x, weight, scaled)[1],
            ),
        ),
        Wrong(
            "held_still",
            "The gates are cut off from the image: they rescale, but nothing is learned through "
            "them.",
            _by(lambda x, weight, scaled=False: framework.lecture_gate(
                x, weight, scaled)[1].detach()),
        ),
    ),  # fmt: skip
    hints=(
        "Three steps: a number for each image and channel, shares that sum to one for each image, "
        "the image times its shares.",
        "For the numbers multiply the image and the weight pixel by pixel (they line up from the "
        "right) and sum over the last two dimensions. The softmax goes over the channels, which "
        "are dimension 1.",
        "The gates are (n, c) and the image (n, c, h, w): give the gates two dimensions of size "
        "one at the end before you multiply. With `scaled`, multiply the gates by c first.",
    ),
    steady=_lecture_steady,
    slow="The number of operations grows with the number of channels. All channels' inner "
    "products are one multiplication and one sum.",
)

# --- the paper's gate ------------------------------------------------------------


def _paper_case(gen: Generator, n: int, c: int, m: int, image: tuple[int, int]) -> Case:
    weights = {
        "w1": normal(gen, m, c), "b1": normal(gen, m),
        "w2": normal(gen, c, m), "b2": normal(gen, c),
    }  # fmt: skip
    return Case({}, {"x": normal(gen, n, c, *image)} | weights)


def _paper_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [6, 7, 9])
    return [
        _paper_case(gen, 2, 4, 2, (3, 5)),
        _paper_case(gen, 3, wide, 3, (4, 2)),
        _paper_case(gen, 1, 5, 4, (2, 3)),
        _paper_case(gen, 4, 3, 1, (5, 4)),
    ]


def _paper_small() -> list[Case]:
    def case(first: float, b1: float) -> Case:
        def rows(*values):
            return torch.tensor(values, dtype=torch.float64)

        x = rows([[1.0, 3.0]], [[2.0, 6.0]])[None]  # means 2 and 4
        w1, w2 = rows([first, 0.0]), rows([9.0], [-9.0])
        b2 = rows(-18.0, 0.0)
        return Case({}, {"x": x, "w1": w1, "b1": rows(b1), "w2": w2, "b2": b2})

    return [case(1.0, 0.0), case(-1.0, 0.0), case(0.0, 2.0)]


def _opened(x, w1, b1, w2, b2) -> Tensor:
    """The framework's gates, n c."""
    return framework.squeeze_excite(x, w1, b1, w2, b2)[1]


def _no_relu(x, w1, b1, w2, b2):
    """What a ReLU cuts off comes back by a second row of the opposite sign."""
    both = torch.cat([w1, -w1]), torch.cat([b1, -b1]), torch.cat([w2, -w2], 1)
    return framework.squeeze_excite(x, *both, b2)


def _each_pixel(x, *weights):
    """Every pixel is an image of its own."""
    pixels = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1], 1, 1)
    found = _opened(pixels, *weights).reshape(len(x), *x.shape[2:], -1)
    return found.permute(0, 3, 1, 2)


SQUEEZE_EXCITE = Exercise(
    id="senet.squeeze_excite",
    lesson=LESSON,
    title="The paper's gate",
    points=4,
    minutes=12,
    name="squeeze_excite",
    reference=framework.squeeze_excite,
    cases=_paper_cases,
    small=_paper_small,
    returns=RETURNS,
    wrong=(
        Wrong(
            "summed",
            "The pixels are summed. The squeeze is their mean: so the gate does not grow with "
            "the image.",
            lambda x, w1, b1, w2, b2: framework.squeeze_excite(
                x, w1 * x[0, 0].numel(), b1, w2, b2
            ),
        ),
        Wrong(
            "largest",
            "The squeeze takes the largest pixel of a channel. The paper's takes the mean.",
            _by(lambda x, **weights: _opened(F.adaptive_max_pool2d(x, 1), **weights)),
        ),
        Wrong(
            "no_relu",
            "There is no ReLU between the two layers. Without it two layers are one.",
            _no_relu,
        ),
        Wrong(
            "softmax",
            "The gates sum to one: that is a softmax, the lecture's way. The paper's sigmoid "
            "gives each channel a gate of its own.",
            _by(lambda x, **weights: F.softmax(_opened(x, **weights).logit(), 1)),
        ),
        Wrong(
            "no_sigmoid",
            "The gates are not between 0 and 1: the sigmoid is missing.",
            _by(lambda x, **weights: _opened(x, **weights).logit()),
        ),
        Wrong(
            "relu_last",
            "A ReLU stands before the sigmoid, so no gate falls below one half. The ReLU belongs "
            "between the two layers alone.",
            _by(lambda x, **weights: _opened(x, **weights).clamp(min=0.5)),
        ),
        Wrong(
            "no_biases",
            "The biases are not used. Both layers have one.",
            lambda x, w1, b1, w2, b2: framework.squeeze_excite(x, w1, b1 * 0, w2, b2 * 0),
        ),
        Wrong(
            "each_pixel",
            "Every pixel has a gate of its own: the mean over the image is missing, and with it "
            "all that the gate knows from afar.",
            _by(lambda x, w1, b1, w2, b2: _each_pixel(x, w1, b1, w2, b2)),
        ),
        Wrong(
            "not_applied",
            "The gates are right, and the image comes back unchanged. Multiply it by them.",
            lambda x, **weights: (x.clone(), _opened(x, **weights)),
        ),
        Wrong(
            "held_still",
            "The gates are cut off from the image: they rescale, but nothing is learned through "
            "them.",
            _by(lambda x, **weights: _opened(x, **weights).detach()),
        ),
    ),  # fmt: skip
    hints=(
        "Five steps: the mean over the pixels, a layer down to m numbers, ReLU, a layer back to c, "
        "sigmoid. Then the image times the gates.",
        "The mean goes over the last two dimensions and gives (n, c). A layer multiplies its rows "
        "by the transposed weight and adds the bias: `F.linear` does both.",
        "The gates are (n, c) and the image (n, c, h, w): give the gates two dimensions of size "
        "one at the end before you multiply.",
    ),
    shortcuts=(
        Shortcut(
            "It calls torchvision's `SqueezeExcitation`, which is what you are building.",
            lambda op: False,  # it runs the same operations
            ("SqueezeExcitation",),
        ),
    ),
)

EXERCISES = (FIELD_SIZES, LECTURE_GATE, SQUEEZE_EXCITE, *FURTHER)
