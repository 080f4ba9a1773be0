"""Lesson 07: the learning rate of a recipe, step by step."""

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
        _case(drawn(8, 19), 1, 0.2),
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
    """The first step has learning rate 0, so it learns nothing, and the rise ends below `lr`. The
    last step of the rise has to reach `lr`."""
    return _curve(steps, warmup, lr, rise=lambda i: i / warmup)


@mistake
def from_zero_to_lr(steps, warmup, lr):
    """The first step has learning rate 0, so it learns nothing. The rise goes up by the same amount
    `warmup` times, and the first training step should already be one step up."""
    return _curve(steps, warmup, lr, rise=lambda i: i / max(1, warmup - 1))


@mistake
def no_warmup(steps, warmup, lr):
    """There is no rise at the beginning: the cosine runs over all the steps. It should start after
    the first `warmup` steps."""
    return framework.schedule(steps, 0, lr)


@mistake
def cosine_from_the_start(steps, warmup, lr):
    """The cosine starts together with the rise, so there is a jump where the rise ends. Count the
    steps of the cosine from there."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i, 0, steps))


@mistake
def fall_counts_all(steps, warmup, lr):
    """The fall has the right length, but it starts partway down, because its steps are counted from
    the start of the training. Count them from the first step after the rise."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i, 0, steps - warmup))


@mistake
def fall_too_long(steps, warmup, lr):
    """The fall is stretched over `steps` steps, so it ends too high. Only `steps - warmup` steps
    are left for it."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i, warmup, steps + warmup))


@mistake
def fall_counts_from_one(steps, warmup, lr):
    """The first step of the fall is already below `lr`. Count the steps of the fall from 0, not
    from 1."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i + 1, warmup, steps))


@mistake
def not_halved(steps, warmup, lr):
    """The fall starts at twice `lr`. A cosine that is lifted by 1 goes from 2 to 0: halve it."""
    return _curve(steps, warmup, lr, fall=lambda i: 2 * _half(i, warmup, steps))


@mistake
def no_pi(steps, warmup, lr):
    """The fall ends far above zero, because the angle goes only from 0 to 1. For half a cosine it
    has to go from 0 to pi."""
    return _curve(steps, warmup, lr, fall=lambda i: cos((i - warmup) / (steps - warmup) / 2) ** 2)


@mistake
def zero_at_the_last(steps, warmup, lr):
    """The last step has learning rate 0, so it learns nothing. Only a step after the last one would
    reach zero."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i, warmup, steps - 1))


@mistake
def once_at_the_top(steps, warmup, lr):
    """The full `lr` comes only once. It should come twice: in the last step of the rise and in the
    first step of the fall."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i + 1, warmup, steps + 1))


@mistake
def reaches_lr_late(steps, warmup, lr):
    """The rise ends below `lr`: its steps are divided by one too many. The last of its `warmup`
    steps has the full `lr`."""
    return _curve(steps, warmup, lr, rise=lambda i: (i + 1) / (warmup + 1))


@mistake
def first_is_zero(steps, warmup, lr):
    """The first step has learning rate 0, even without a warmup, and the rise is one step late.
    Count the steps of the rise from 1: the first of them is already above 0."""
    rise = lambda i: i / warmup  # noqa: E731
    fall = lambda i: _half(i, warmup, steps) if i else 0.0  # noqa: E731
    return _curve(steps, warmup, lr, rise, fall)


@mistake
def squared_rise(steps, warmup, lr):
    """The rise is not even: it goes up by more in every step. It should go up by the same amount in
    each."""
    return _curve(steps, warmup, lr, rise=lambda i: ((i + 1) / warmup) ** 2)


@mistake
def rounded_rise(steps, warmup, lr):
    """The rise is 0 until its last step, because a whole number is divided by a larger one and
    rounded down. Divide with a single slash."""
    return _curve(steps, warmup, lr, rise=lambda i: (i + 1) // warmup)


@mistake
def times_the_rise(steps, warmup, lr):
    """The cosine starts together with the rise, and the two are multiplied. They come one after the
    other: the cosine starts where the rise ends."""
    rise = lambda i: (i + 1) / warmup * _half(i, 0, steps)  # noqa: E731
    return _curve(steps, warmup, lr, rise=rise, fall=lambda i: _half(i, 0, steps))


@mistake
def fall_first(steps, warmup, lr):
    """The fall comes first and the rise after it. Join them in the other order."""
    return framework.schedule(steps, warmup, lr).roll(-warmup)


@mistake
def fall_below_lr(steps, warmup, lr):
    """The rise has the right height, but the fall does not: multiply it by `lr`, too."""
    return _curve(steps, warmup, lr, fall=lambda i: _half(i, warmup, steps) / lr)


@mistake
def rise_to_one(steps, warmup, lr):
    """The fall has the right height, but the rise does not: multiply it by `lr`, too."""
    return _curve(steps, warmup, lr, rise=lambda i: (i + 1) / warmup / lr)


@mistake
def rises_again(steps, warmup, lr):
    """After the rise the learning rate drops to 0 and rises again: the cosine is subtracted from 1.
    Add it to 1."""
    return _curve(steps, warmup, lr, fall=lambda i: 1 - _half(i, warmup, steps))


@mistake
def sine(steps, warmup, lr):
    """The fall is a sine: it starts at half of `lr` and first goes up. A cosine starts at its
    highest value."""
    angle = lambda i: pi * (i - warmup) / (steps - warmup)  # noqa: E731
    return _curve(steps, warmup, lr, fall=lambda i: (1 + cos(angle(i) - pi / 2)) / 2)


@mistake
def whole_cosine(steps, warmup, lr):
    """The fall is a whole cosine: halfway it is at 0, and then it goes up again. For half a cosine
    the angle goes from 0 to pi."""
    return _curve(steps, warmup, lr, fall=lambda i: cos(pi * (i - warmup) / (steps - warmup)) ** 2)


@mistake
def degrees(steps, warmup, lr):
    """The angle is in degrees, so the fall jumps up and down. The cosine takes an angle in radians:
    it goes from 0 to pi."""
    angle = lambda i: 180 * (i - warmup) / (steps - warmup)  # noqa: E731
    return _curve(steps, warmup, lr, fall=lambda i: (1 + cos(angle(i))) / 2)


@mistake
def half_of_lr(steps, warmup, lr):
    """The fall starts at half of `lr` and goes below zero. Lift the cosine by 1 before you halve
    it."""
    fall = lambda i: cos(pi * (i - warmup) / (steps - warmup)) / 2  # noqa: E731
    return _curve(steps, warmup, lr, fall=fall)


@mistake
def fall_of_all_steps(steps, warmup, lr):
    """The schedule is longer than the training, because the fall alone has as many steps as the
    whole training. Only `steps - warmup` are left for it."""
    return framework.schedule(steps + warmup, warmup, lr)


@mistake
def rise_too_long(steps, warmup, lr):
    """There is one step too many, because the rise also contains the step with learning rate 0.
    Leave that one out: the rise has only `warmup` steps."""
    rates = framework.schedule(steps, warmup, lr)
    return torch.cat([torch.zeros(1).double(), rates]) if warmup else rates


@mistake
def quarter(steps, warmup, lr):
    """This is a quarter of a cosine: it is steepest at its end. Half a cosine goes from 1 to -1:
    lift it by 1, and halve it."""
    return _curve(steps, warmup, lr, fall=lambda i: cos(pi / 2 * (i - warmup) / (steps - warmup)))


@mistake
def straight(steps, warmup, lr):
    """The fall is a straight line. It should be half a cosine, which is flat at both ends."""
    return _curve(steps, warmup, lr, fall=lambda i: 1 - (i - warmup) / (steps - warmup))


@mistake
def to_minus_one(steps, warmup, lr):
    """The fall goes below zero. A cosine goes from 1 to -1: lift it by 1, and halve it."""
    return _curve(steps, warmup, lr, fall=lambda i: cos(pi * (i - warmup) / (steps - warmup)))


@mistake
def stays(steps, warmup, lr):
    """After the rise the learning rate stays where it is. It has to fall, along half a cosine."""
    return _curve(steps, warmup, lr, fall=lambda i: 1.0)


@mistake
def height_one(steps, warmup, lr):
    """The shape is right, but the height is not: multiply the whole curve by `lr`."""
    return framework.schedule(steps, warmup, 1.0)


EXERCISE = Exercise(
    id="zoo.schedule",
    place=2,
    lesson=LESSON,
    title="The learning rate of a recipe",
    points=2,
    minutes=8,
    name="schedule",
    reference=framework.schedule,
    cases=_cases,
    small=_small,
    mistakes=tuple(mistake),
    hints=(
        "Build two pieces and join them. The rise goes up by the same amount in each of its "
        "`warmup` steps, and the last of them is at `lr`. The fall has the other "
        "`steps - warmup` steps.",
        "The fall is lr / 2 times (1 + cos(pi t)), where t is the share of the fall that is over: "
        "0 at its first step, and 1 only after its last. `torch.arange` gives you all steps at "
        "once.",
    ),
)
