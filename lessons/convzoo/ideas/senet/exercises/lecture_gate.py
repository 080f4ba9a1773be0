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
    ]


def _lecture_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    return tuple(_lecture_case(gen, 2, c, (4, 4), True) for c in (2, 6))


RETURNS = ("rescaled", "gates")
HELD_STILL = (
    "The gates are cut off from the image: they rescale, but nothing is learned through them."
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
    """The softmax goes over the images of the batch. An image's gates compare its own channels:
    they sum to one for each image."""
    return rescale(x, _shares(x.mul(weight).transpose(0, 1)).mT * _factor(x, scaled))


@mistake
def per_pixel(x, weight, scaled=False):
    """The sum goes over the channels, so each pixel gets a number. The gate weighs channels: sum
    over height and width, and keep the channels apart."""
    products = x.mul(weight).flatten(2).mT[..., None]  # n hw c 1
    gates = (_shares(products) * _factor(x, scaled)).unflatten(1, x.shape[2:])  # n h w
    return x.mul(gates[:, None]), gates


@mistake
def sigmoid(x, weight, scaled=False):
    """The sums go through a sigmoid, each on its own. That is the paper's way; the lecture lets the
    channels compete, in a softmax."""
    alone = x.mul(weight).flatten(0, 1)[:, None]  # nc 1 h w
    pairs = torch.cat([alone, torch.zeros_like(alone)], 1)  # each beside a channel of zeros
    gates = _shares(pairs)[:, 0].unflatten(0, x.shape[:2])
    return rescale(x, gates * _factor(x, scaled))


@mistake
def average(x, weight, scaled=False):
    """The inner product is divided by the number of pixels. The lecture's is a sum; the average is
    the paper's."""
    return framework.lecture_gate(x, weight / x[0, 0].numel(), scaled)


@mistake
def one_number(x, weight, scaled=False):
    """All channels share one sum, so all gates are equal and nothing is preferred. Each channel
    needs an inner product of its own."""
    alike = x.mul(weight).sum(1, keepdim=True).expand_as(x)
    return rescale(x, _shares(alike) * _factor(x, scaled))


@mistake
def never_scaled(x, weight, scaled=False):
    """`scaled` changes nothing. With it the gates are multiplied by the number of channels, so that
    their mean is one."""
    return framework.lecture_gate(x, weight, False)


@mistake
def always_scaled(x, weight, scaled=False):
    """The gates are multiplied by the number of channels even without `scaled`."""
    return framework.lecture_gate(x, weight, True)


@mistake
def scaled_sums(x, weight, scaled=False):
    """With `scaled` the sums are multiplied before the softmax, which makes the largest share
    larger. It is the gates that are multiplied."""
    return framework.lecture_gate(x, weight * _factor(x, scaled), False)


@mistake
def scaled_image_alone(x, weight, scaled=False):
    """The image is multiplied by the number of channels, and the gates that come back are not. Give
    back the gates that were used."""
    return framework.lecture_gate(x, weight, scaled)[0], framework.lecture_gate(x, weight)[1]


@mistake
def scaled_by_pixels(x, weight, scaled=False):
    """With `scaled` the gates are multiplied by the number of pixels. They are shared out among the
    channels, so it takes their number."""
    pixels = x[0, 0].numel() if scaled else 1
    return rescale(x, framework.lecture_gate(x, weight)[1] * pixels)


@mistake
def added(x, weight, scaled=False):
    """The gates are added to the image. They rescale it: multiply."""
    gates = framework.lecture_gate(x, weight, scaled)[1]
    return gates[..., None, None] + x, gates


mistake.add(
    "held_still",
    HELD_STILL,
    lambda x, **call: rescale(x, framework.lecture_gate(x, **call)[1].detach()),
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
