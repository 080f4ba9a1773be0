"""Lesson 04: the lecture's gate."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, integers, normal, pick
from convzoo.ideas.senet import framework

LESSON = "04_senet"


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
        Case({"scaled": False}, {"x": integers(2, 2, 1, 3), "weight": same}),
    ]


def _lecture_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    return tuple(_lecture_case(gen, 2, c, (4, 4), True) for c in (2, 6))


RETURNS = ("rescaled", "gates")
HELD_STILL = (
    "The gates are cut off from the gradient: they rescale, but nothing is learned through them."
)
UNALIGNED = (
    "The gates are (n, c) and the image is (n, c, h, w). PyTorch lines up dimensions from the "
    "right, so here it compares n and c with h and w: give the gates two more dimensions of size "
    "one."
)


def rescale(x: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
    """Return x times the gates, (n, c) or (n, c, h, w), and the gates."""
    return x.mul(gates if gates.dim() == 4 else gates[..., None, None]), gates


def _shares(products: Tensor) -> Tensor:
    """Return the framework's gates, (n, c), of products (n, c, h, w) that it only has to sum."""
    return framework.lecture_gate(products, torch.ones_like(products[0]))[1]


def _factor(x: Tensor, scaled: bool) -> int:
    return x.shape[1] if scaled else 1


mistake = Mistakes(framework.lecture_gate)


@mistake
def over_the_batch(x, weight, scaled=False):
    """The softmax runs over the images of the batch. It should compare the channels of one image:
    the shares of each image sum to one."""
    return rescale(x, _shares(x.mul(weight).transpose(0, 1)).mT * _factor(x, scaled))


@mistake
def per_pixel(x, weight, scaled=False):
    """The sum runs over the channels, so each pixel gets a number. The gate needs one number per
    channel: sum over height and width, and keep the channels apart."""
    products = x.mul(weight).flatten(2).mT[..., None]  # n hw c 1
    gates = (_shares(products) * _factor(x, scaled)).unflatten(1, x.shape[2:])  # n h w
    return x.mul(gates[:, None]), gates


@mistake
def sigmoid(x, weight, scaled=False):
    """Each sum goes through a sigmoid by itself. That is the paper's gate; in the lecture's gate
    the channels compete in a softmax."""
    alone = x.mul(weight).flatten(0, 1)[:, None]  # nc 1 h w
    pairs = torch.cat([alone, torch.zeros_like(alone)], 1)  # each beside a channel of zeros
    gates = _shares(pairs)[:, 0].unflatten(0, x.shape[:2])
    return rescale(x, gates * _factor(x, scaled))


@mistake
def average(x, weight, scaled=False):
    """The inner product is divided by the number of pixels. The lecture's gate takes the sum; the
    paper's gate takes the mean."""
    return framework.lecture_gate(x, weight / x[0, 0].numel(), scaled)


@mistake
def one_number(x, weight, scaled=False):
    """All channels share one sum, so all gates are equal and no channel is preferred. Each channel
    needs its own inner product."""
    alike = x.mul(weight).sum(1, keepdim=True).expand_as(x)
    return rescale(x, _shares(alike) * _factor(x, scaled))


@mistake
def never_scaled(x, weight, scaled=False):
    """`scaled` changes nothing. When it is True, multiply the gates by the number of channels, so
    that their mean is one."""
    return framework.lecture_gate(x, weight, False)


@mistake
def always_scaled(x, weight, scaled=False):
    """The gates are multiplied by the number of channels even when `scaled` is False. Do that only
    when it is True."""
    return framework.lecture_gate(x, weight, True)


@mistake
def scaled_reversed(x, weight, scaled=False):
    """`scaled` is used the wrong way round. Multiply the gates by the number of channels when it is
    True, and leave them as they are when it is False."""
    return framework.lecture_gate(x, weight, not scaled)


@mistake
def scaled_sums(x, weight, scaled=False):
    """With `scaled`, the sums are multiplied before the softmax, which makes the largest share even
    larger. Multiply the gates instead."""
    return framework.lecture_gate(x, weight * _factor(x, scaled), False)


@mistake
def scaled_image_alone(x, weight, scaled=False):
    """The image is multiplied by the number of channels, but the gates that are returned are not.
    Return the gates that you used."""
    return framework.lecture_gate(x, weight, scaled)[0], framework.lecture_gate(x, weight)[1]


@mistake
def scaled_by_pixels(x, weight, scaled=False):
    """With `scaled`, the gates are multiplied by the number of pixels. They are shares among the
    channels: multiply by the number of channels."""
    pixels = x[0, 0].numel() if scaled else 1
    return rescale(x, framework.lecture_gate(x, weight)[1] * pixels)


@mistake
def added(x, weight, scaled=False):
    """The gates are added to the image. They should rescale it: multiply."""
    gates = framework.lecture_gate(x, weight, scaled)[1]
    return gates[..., None, None] + x, gates


@mistake
def over_everything(x, weight, scaled=False):
    """The softmax runs over all images and channels at once. It should compare the channels of one
    image: the shares of each image sum to one."""
    products = x.mul(weight)
    shares = _shares(products.flatten(0, 1)[None])[0].unflatten(0, x.shape[:2])
    return rescale(x, shares * _factor(x, scaled))


def _softmax_per_pixel(x: Tensor, weight: Tensor) -> Tensor:
    """Return the channels' shares at every pixel, (n, h w, c)."""
    pixels = x.mul(weight).flatten(2).mT  # n hw c
    return _shares(pixels.flatten(0, 1)[..., None, None]).unflatten(0, pixels.shape[:2])


@mistake
def softmax_first(x, weight, scaled=False):
    """The softmax comes before the sum, so it compares the channels at every pixel. Sum over height
    and width first."""
    return rescale(x, _softmax_per_pixel(x, weight).sum(1) * _factor(x, scaled))


@mistake
def softmax_first_averaged(x, weight, scaled=False):
    """The softmax compares the channels at every pixel, and the shares are averaged afterwards. Sum
    over height and width first, then compare the channels."""
    return rescale(x, _softmax_per_pixel(x, weight).mean(1) * _factor(x, scaled))


@mistake
def no_softmax(x, weight, scaled=False):
    """The sums are divided by their total. A softmax takes their exponentials first, because sums
    can be negative and shares cannot."""
    sums = x.mul(weight).sum((2, 3))
    return rescale(x, sums / sums.sum(1, keepdim=True) * _factor(x, scaled))


@mistake
def all_one(x, weight, scaled=False):
    """Every gate is the same, and nothing depends on the weight: the softmax runs over a dimension
    of size one. The channels are dimension 1."""
    return rescale(x, torch.ones_like(x[:, :, 0, 0]) * _factor(x, scaled))


@mistake
def sums_first(x, weight, scaled=False):
    """The image and the weight are summed first and multiplied afterwards. The inner product
    multiplies pixel by pixel first."""
    sums = x.sum((2, 3), keepdim=True) * weight.sum((1, 2))[:, None, None]
    return rescale(x, _shares(sums) * _factor(x, scaled))


@mistake
def one_for_all_images(x, weight, scaled=False):
    """The sum runs over the images too, so all of them get the same gates. Keep n as the first
    dimension of the sums."""
    gates = _shares(x.mul(weight).sum(0, keepdim=True)) * _factor(x, scaled)
    return x.mul(gates[..., None, None]), gates[0]


@mistake
def scaled_by_images(x, weight, scaled=False):
    """With `scaled`, the gates are multiplied by the number of images. Multiply them by the number
    of channels: dimension 1."""
    return rescale(x, framework.lecture_gate(x, weight)[1] * (len(x) if scaled else 1))


@mistake
def scaled_twice(x, weight, scaled=False):
    """With `scaled`, the image is multiplied by the number of channels a second time. The gates
    already contain this factor."""
    rescaled, gates = framework.lecture_gate(x, weight, scaled)
    return rescaled * _factor(x, scaled), gates


@mistake
def products_rescaled(x, weight, scaled=False):
    """The gates rescale the image times the weight. The weight is only needed to find the gates:
    rescale the image itself."""
    rescaled, gates = framework.lecture_gate(x, weight, scaled)
    return rescaled * weight, gates


@mistake
def residual(x, weight, scaled=False):
    """The image is added to the rescaled image. The gate only rescales: return the product."""
    rescaled, gates = framework.lecture_gate(x, weight, scaled)
    return x + rescaled, gates


@mistake
def sums_returned(x, weight, scaled=False):
    """The second result is the sums before the softmax. Return the gates that the image was
    multiplied by."""
    return framework.lecture_gate(x, weight, scaled)[0], x.mul(weight).sum((2, 3))


mistake.add(
    "held_still",
    HELD_STILL,
    lambda x, **call: rescale(x, framework.lecture_gate(x, **call)[1].detach()),
)
mistake.add(
    "unaligned",
    UNALIGNED,
    lambda x, **call: (x.mul(framework.lecture_gate(x, **call)[1]), x),  # it raises
)


EXERCISE = Exercise(
    id="senet.lecture_gate",
    place=2,
    lesson=LESSON,
    title="The lecture's gate",
    points=4,
    minutes=12,
    name="lecture_gate",
    reference=framework.lecture_gate,
    cases=_lecture_cases,
    small=_lecture_small,
    returns=RETURNS,
    mistakes=tuple(mistake),
    hints=(
        "Three steps: a number for each image and channel, shares that sum to one in each image, "
        "and the image times its shares.",
        "For the numbers, multiply the image and the weight pixel by pixel (their shapes line up "
        "from the right) and sum over the last two dimensions. The softmax runs over the "
        "channels: dimension 1.",
        "The gates are (n, c) and the image is (n, c, h, w): give the gates two dimensions of "
        "size one at the end before you multiply. With `scaled`, multiply the gates by c first.",
    ),
    steady=_lecture_steady,
    slow="The number of operations grows with the number of channels. One "
    "multiplication and one sum give the inner products of all channels at once.",
)
