"""Lesson 07: a recipe, the learning rate."""

from __future__ import annotations

from math import cos, pi

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, pick
from convzoo.ideas.zoo import framework

LESSON = "07_zoo"


def _schedule_case(steps: int, warmup: int, lr: float) -> Case:
    return Case({"steps": steps, "warmup": warmup, "lr": lr}, {})


def _schedule_cases(gen: Generator) -> list[Case]:
    def drawn(low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=gen))

    return [
        _schedule_case(drawn(20, 40), drawn(3, 8), pick(gen, [0.1, 0.05, 0.4])),
        _schedule_case(drawn(8, 19), 2, 0.2),
        _schedule_case(drawn(8, 19), 0, 0.3),
    ]


def _schedule_small() -> list[Case]:
    return [_schedule_case(5, 2, 4.0), _schedule_case(2, 0, 2.0), _schedule_case(6, 3, 3.0)]


def _spoilt_curve(rise, fall):
    """A schedule of which rise(i, warmup) and fall(i, warmup, steps) give the parts."""

    def target(steps: int, warmup: int, lr: float) -> Tensor:
        parts = [rise(i, warmup) for i in range(warmup)]
        parts += [fall(i, warmup, steps) for i in range(warmup, steps)]
        return lr * torch.tensor(parts, dtype=torch.float64)

    return target


def _rise(i: int, warmup: int) -> float:
    return (1 + i) / warmup


def _half(i: int, first: int, last: int) -> float:
    """Half a cosine from 1 at `first` to 0 at `last`."""
    return cos(pi / 2 * (i - first) / max(1, last - first)) ** 2


EXERCISE = Exercise(
    id="zoo.schedule",
    place=2,
    lesson=LESSON,
    title="A recipe: the learning rate",
    points=2,
    minutes=8,
    name="schedule",
    reference=framework.schedule,
    cases=_schedule_cases,
    small=_schedule_small,
    mistakes=(
        Mistake(
            "from_zero",
            "The first step has learning rate 0, so it learns nothing. The rise ends at the full "
            "height with its last step.",
            _spoilt_curve(lambda i, w: i / w, _half),
        ),
        Mistake(
            "from_zero_to_lr",
            "The first step has learning rate 0, so it learns nothing. The rise is `warmup` equal "
            "heights, the first of them at its first step.",
            _spoilt_curve(lambda i, w: i / max(1, w - 1), _half),
        ),
        Mistake(
            "no_warmup",
            "There is no rise at the beginning: the cosine runs over all steps.",
            lambda steps, warmup, lr: framework.schedule(steps, 0, lr),
        ),
        Mistake(
            "cosine_from_the_start",
            "The cosine has begun with the rise, so there is a jump where the rise ends. Count "
            "its steps from there.",
            _spoilt_curve(_rise, lambda i, w, n: _half(i, 0, n)),
        ),
        Mistake(
            "fall_counts_all",
            "The fall is as long as it should be, but begins in its midst: its steps are counted "
            "from the start of the training. Its number 0 is the step after the rise.",
            _spoilt_curve(_rise, lambda i, w, n: _half(i, 0, n - w)),
        ),
        Mistake(
            "fall_too_long",
            "The fall has `steps - warmup` steps, not `steps`: it ends high.",
            _spoilt_curve(_rise, lambda i, w, n: _half(i, w, n + w)),
        ),
        Mistake(
            "fall_counts_from_one",
            "The first step of the fall is below `lr` already: it is number 0, not number 1.",
            _spoilt_curve(_rise, lambda i, w, n: _half(i + 1, w, n)),
        ),
        Mistake(
            "not_halved",
            "The fall begins at twice `lr`: a cosine lifted by 1 goes from 2 to 0.",
            _spoilt_curve(_rise, lambda i, w, n: 2 * _half(i, w, n)),
        ),
        Mistake(
            "no_pi",
            "The fall ends far above zero: half a cosine is pi long, and this one ends at 1.",
            _spoilt_curve(_rise, lambda i, w, n: cos((i - w) / (n - w) / 2) ** 2),
        ),
        Mistake(
            "zero_at_the_last",
            "The last step has learning rate 0. Zero is reached one step later, when all are over.",
            _spoilt_curve(_rise, lambda i, w, n: _half(i, w, n - 1)),
        ),
        Mistake(
            "quarter",
            "That is a quarter of a cosine: it falls steeply at its end. Half a cosine goes from "
            "1 to -1, and is lifted and halved.",
            _spoilt_curve(_rise, lambda i, w, n: cos(pi / 2 * (i - w) / (n - w))),
        ),
        Mistake(
            "straight",
            "It falls in a straight line. Half a cosine is flat at both of its ends.",
            _spoilt_curve(_rise, lambda i, w, n: 1 - (i - w) / (n - w)),
        ),
        Mistake(
            "to_minus_one",
            "It falls below zero: a cosine goes from 1 to -1, and has to be lifted and halved.",
            _spoilt_curve(_rise, lambda i, w, n: cos(pi * (i - w) / (n - w))),
        ),
        Mistake(
            "stays",
            "After the rise it stays where it is. It has to fall, along half a cosine.",
            _spoilt_curve(_rise, lambda i, w, n: 1.0),
        ),
        Mistake(
            "height_one",
            "The shape is right, the height is not: the whole curve is multiplied by `lr`.",
            lambda steps, warmup, lr: framework.schedule(steps, warmup, 1.0),
        ),
    ),
    hints=(
        "Two pieces, put together. The rise has `warmup` steps of equal height, and the last of "
        "them is `lr`. The fall has the other `steps - warmup`.",
        "The fall is lr / 2 times (1 + cos(pi t)), where t is the share of the fall that is over: "
        "0 at its first step, and 1 only after its last. `torch.arange` gives all steps at once.",
    ),
)
