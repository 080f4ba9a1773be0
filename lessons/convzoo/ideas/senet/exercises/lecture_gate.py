"""Lesson 04: the lecture's gate."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, integers, normal, pick
from convzoo.ideas.senet import framework

LESSON = "04_senet"
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


def by(gates):
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
    mistakes=(
        Mistake(
            "over_the_batch",
            "The softmax goes over the images of the batch. An image's gates compare its own "
            "channels: they sum to one for each image.",
            by(_over_the_batch),
        ),
        Mistake(
            "per_pixel",
            "The sum goes over the channels, so each pixel gets a number. The gate weighs "
            "channels: sum over height and width, and keep the channels apart.",
            _per_pixel,
        ),
        Mistake(
            "sigmoid",
            "The sums go through a sigmoid, each on its own. That is the paper's way; the "
            "lecture lets the channels compete, in a softmax.",
            by(_sigmoid),
        ),
        Mistake(
            "average",
            "The inner product is divided by the number of pixels. The lecture's is a sum; the "
            "average is the paper's.",
            lambda x, weight, scaled=False: framework.lecture_gate(
                x, weight / x[0, 0].numel(), scaled
            ),
        ),
        Mistake(
            "one_number",
            "All channels share one sum, so all gates are equal and nothing is preferred. Each "
            "channel needs an inner product of its own.",
            by(_one_number),
        ),
        Mistake(
            "never_scaled",
            "`scaled` changes nothing. With it the gates are multiplied by the number of "
            "channels, so that their mean is one.",
            lambda x, weight, scaled=False: framework.lecture_gate(x, weight, False),
        ),
        Mistake(
            "always_scaled",
            "The gates are multiplied by the number of channels even without `scaled`.",
            lambda x, weight, scaled=False: framework.lecture_gate(x, weight, True),
        ),
        Mistake(
            "scaled_sums",
            "With `scaled` the sums are multiplied before the softmax, which makes the largest "
            "share larger. It is the gates that are multiplied.",
            lambda x, weight, scaled=False: framework.lecture_gate(
                x, weight * _factor(x, scaled), False
            ),
        ),
        Mistake(
            "scaled_image_alone",
            "The image is multiplied by the number of channels, and the gates that come back are "
            "not. Give back the gates that were used.",
            lambda x, weight, scaled=False: (
                framework.lecture_gate(x, weight, scaled)[0],
                _shares(x, weight),
            ),
        ),
        Mistake(
            "scaled_by_pixels",
            "With `scaled` the gates are multiplied by the number of pixels. They are shared out "
            "among the channels, so it takes their number.",
            by(
                lambda x, weight, scaled=False: (
                    _shares(x, weight) * (x[0, 0].numel() if scaled else 1)
                )
            ),
        ),
        Mistake(
            "added",
            "The gates are added to the image. They rescale it: multiply.",
            lambda x, weight, scaled=False: (
                framework.lecture_gate(x, weight, scaled)[1][..., None, None] + x,
                framework.lecture_gate(x, weight, scaled)[1],
            ),
        ),
        Mistake(
            "held_still",
            "The gates are cut off from the image: they rescale, but nothing is learned through "
            "them.",
            by(
                lambda x, weight, scaled=False: framework.lecture_gate(x, weight, scaled)[
                    1
                ].detach()
            ),
        ),
    ),
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
