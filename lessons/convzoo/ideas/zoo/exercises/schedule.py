"""Lesson 07: a recipe, the learning rate."""

from __future__ import annotations

from math import cos, pi

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, pick
from convzoo.ideas.zoo import framework

LESSON = "07_zoo"


def _case(steps: int, warmup: int, lr: float) -> Case:
    return Case({"steps": steps, "warmup": warmup, "lr": lr}, {})


def _cases(gen: Generator) -> list[Case]:
    def drawn(low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=gen))

    return [
        _case(drawn(20, 40), drawn(3, 8), pick(gen, [0.1, 0.05, 0.4])),
        _case(drawn(8, 19), 2, 0.2),
        _case(drawn(8, 19), 0, 0.3),
    ]


def _small() -> list[Case]:
    return [_case(5, 2, 4.0), _case(2, 0, 2.0), _case(6, 3, 3.0)]


mistake = Mistakes(framework.schedule)


def _half(i: int, first: int, last: int) -> float:
    """Return half a cosine's height at step i: 1 at `first`, 0 at `last`."""
    return cos(pi / 2 * (i - first) / max(1, last - first)) ** 2


def _curve(steps: int, warmup: int, lr: float, rise=None, fall=None) -> Tensor:
    """Return the schedule with another rise or fall: the height at step i, of 1, not of `lr`."""
    rise = rise or (lambda i: (1 + i) / warmup)
    fall = fall or (lambda i: _half(i, warmup, steps))
    heights = [rise(i) for i in range(warmup)] + [fall(i) for i in range(warmup, steps)]
    return lr * torch.tensor(heights, dtype=torch.float64)


@mistake
def from_zero(steps, warmup, lr):
    """The first step has learning rate 0, so it learns nothing. The rise ends at the full height
    with its last step."""
    return _curve(steps, warmup, lr, rise=lambda i: i / warmup)


@mistake
def from_zero_to_lr(steps, warmup, lr):
    """The first step has learning rate 0, so it learns nothing. The rise is `warmup` equal heights,
    the first of them at its first step."""
    return _curve(steps, warmup, lr, rise=lambda i: i / max(1, warmup - 1))


@mistake
def no_warmup(steps, warmup, lr):
    """There is no rise at the beginning: the cosine runs over all steps."""
    return framework.schedule(steps, 0, lr)


@mistake
def cosine_from_the_start(steps, warmup, lr):
    """The cosine has begun with the rise, so there is a jump where the rise ends. Count its steps
    from there."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i, 0, steps))


@mistake
def fall_counts_all(steps, warmup, lr):
    """The fall is as long as it should be, but begins in its midst: its steps are counted from the
    start of the training. Its number 0 is the step after the rise."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i, 0, steps - warmup))


@mistake
def fall_too_long(steps, warmup, lr):
    """The fall has `steps - warmup` steps, not `steps`: it ends high."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i, warmup, steps + warmup))


@mistake
def fall_counts_from_one(steps, warmup, lr):
    """The first step of the fall is below `lr` already: it is number 0, not number 1."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i + 1, warmup, steps))


@mistake
def not_halved(steps, warmup, lr):
    """The fall begins at twice `lr`: a cosine lifted by 1 goes from 2 to 0."""
    return _curve(steps, warmup, lr, fall=lambda i: 2 * _half(i, warmup, steps))


@mistake
def no_pi(steps, warmup, lr):
    """The fall ends far above zero: half a cosine is pi long, and this one ends at 1."""
    return _curve(steps, warmup, lr, fall=lambda i: cos((i - warmup) / (steps - warmup) / 2) ** 2)


@mistake
def zero_at_the_last(steps, warmup, lr):
    """The last step has learning rate 0. Zero is reached one step later, when all are over."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i, warmup, steps - 1))


@mistake
def quarter(steps, warmup, lr):
    """That is a quarter of a cosine: it falls steeply at its end. Half a cosine goes from 1 to -1,
    and is lifted and halved."""
    return _curve(steps, warmup, lr, fall=lambda i: cos(pi / 2 * (i - warmup) / (steps - warmup)))


@mistake
def straight(steps, warmup, lr):
    """It falls in a straight line. Half a cosine is flat at both of its ends."""
    return _curve(steps, warmup, lr, fall=lambda i: 1 - (i - warmup) / (steps - warmup))


@mistake
def to_minus_one(steps, warmup, lr):
    """It falls below zero: a cosine goes from 1 to -1, and has to be lifted and halved."""
    return _curve(steps, warmup, lr, fall=lambda i: cos(pi * (i - warmup) / (steps - warmup)))


@mistake
def stays(steps, warmup, lr):
    """After the rise it stays where it is. It has to fall, along half a cosine."""
    return _curve(steps, warmup, lr, fall=lambda i: 1.0)


@mistake
def height_one(steps, warmup, lr):
    """The shape is right, the height is not: the whole curve is multiplied by `lr`."""
    return framework.schedule(steps, warmup, 1.0)


EXERCISE = Exercise(
    id="zoo.schedule",
    place=2,
    lesson=LESSON,
    title="A recipe: the learning rate",
    points=2,
    minutes=8,
    name="schedule",
    reference=framework.schedule,
    cases=_cases,
    small=_small,
    mistakes=tuple(mistake),
    hints=(
        "Two pieces, put together. The rise has `warmup` steps of equal height, and the last of "
        "them is `lr`. The fall has the other `steps - warmup`.",
        "The fall is lr / 2 times (1 + cos(pi t)), where t is the share of the fall that is over: "
        "0 at its first step, and 1 only after its last. `torch.arange` gives all steps at once.",
    ),
)
