"""Lesson 02, Further: the width that a budget allows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from math import sqrt

from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, pick
from convzoo.ideas.resnext import framework

LESSON = "02_resnext"


def _budget_cases(gen: Generator) -> list[Case]:
    fixed = [(70200, 256, 1), (70200, 256, 4), (70200, 256, 32)]
    fixed += [(70200, 256, 8)]  # 13.8: rounding to the nearest shows
    fixed += [(70144, 256, 32), (69632, 256, 1)]  # met exactly, by 4 and by 64
    fixed += [(10, 256, 32)]  # allows nothing
    fixed += [(100000, 16, 1), (300000, 16, 2)]  # wider than 64, and than `channels`
    drawn = [
        (pick(gen, [9000, 21000, 54321]), pick(gen, [60, 128]), pick(gen, [2, 3, 8]))
        for _ in range(3)
    ]
    names = ("budget", "channels", "groups")
    return [Case(dict(zip(names, numbers, strict=True)), {}) for numbers in fixed + drawn]


def _budget_small() -> list[Case]:
    return [
        Case({"budget": 26, "channels": 2, "groups": 2}, {}),  # met exactly, by 1
        Case({"budget": 10, "channels": 2, "groups": 2}, {}),  # allows nothing
        Case({"budget": 100, "channels": 4, "groups": 1}, {}),
        Case({"budget": 100, "channels": 4, "groups": 2}, {}),
        Case({"budget": 100, "channels": 2, "groups": 1}, {}),  # wider than `channels`
        Case({"budget": 40000, "channels": 2, "groups": 1}, {}),  # wider than 64
    ]


def _root(budget: float, channels: int, taps: int = 9) -> float:
    """Return the d >= 0 with 2 channels d + taps d^2 = budget."""
    return (sqrt(channels**2 + taps * budget) - channels) / taps


def _widest(budget: int, weights: Callable[[int], int]) -> int:
    """Return the largest d of which `weights` counts at most `budget`."""
    return bisect_right(range(1, budget + 1), budget, key=weights)


mistake = Mistakes(framework.group_width)


@mistake
def rounded(budget, channels, groups):
    """The width is rounded to the nearest whole number, so it can exceed the budget. A budget is a
    limit: round down."""
    return float(round(_root(budget / groups, channels)))


@mistake
def not_rounded(budget, channels, groups):
    """The width is not a whole number. A group has whole channels: round down at the very end."""
    return _root(budget / groups, channels)


@mistake
def total_width(budget, channels, groups):
    """That is the width of all groups together. The exercise asks for the width of one."""
    return groups * framework.group_width(budget, channels, groups)


@mistake
def one_tap(budget, channels, groups):
    """The 3x3 layer is counted as a 1x1. It has nine taps, so nine times as many weights."""
    return int(_root(budget / groups, channels, taps=1))


@mistake
def full_middle(budget, channels, groups):
    """The 3x3 layer is counted as one full convolution. In groups it has `groups` times fewer
    weights."""
    return int(_root(budget, channels)) // groups


@mistake
def each_group_all(budget, channels, groups):
    """Every group gets the whole budget. The groups have to share it."""
    return framework.group_width(budget, channels, 1)


@mistake
def below(budget, channels, groups):
    """A width that uses up the budget exactly is left out, but it is still within the budget. If
    you compute a root, it may end up slightly below the whole number that it should be."""
    return framework.group_width(budget - 1, channels, groups)


@mistake
def at_least_one(budget, channels, groups):
    """It never returns less than 1. When the budget does not allow even one channel, the answer is
    0."""
    return max(1, framework.group_width(budget, channels, groups))


@mistake
def one_too_many(budget, channels, groups):
    """That is the first width that exceeds the budget. The exercise asks for the last one within
    it."""
    return 1 + framework.group_width(budget, channels, groups)


@mistake
def one_outer_layer(budget, channels, groups):
    """One of the 1x1 layers is missing from the count. There are two: one to the groups, and one
    back."""
    return _widest(budget, lambda d: groups * d * (channels + 9 * d))


@mistake
def middle_once(budget, channels, groups):
    """The 3x3 layer is counted for one group only. Each group has its own block of weights."""
    return _widest(budget, lambda d: 2 * groups * channels * d + 9 * d * d)


@mistake
def outer_once(budget, channels, groups):
    """The 1x1 layers are counted for one group only. They read and write the channels of all
    groups."""
    return _widest(budget, lambda d: 2 * channels * d + 9 * groups * d * d)


@mistake
def middle_alone(budget, channels, groups):
    """Only the 3x3 layer is counted. The two 1x1 layers have weights too."""
    return _widest(budget, lambda d: 9 * groups * d * d)


@mistake
def with_biases(budget, channels, groups):
    """Biases are counted too. The block has none: count weights only."""
    extra = 2 * groups
    return _widest(budget - channels, lambda d: groups * d * (2 * channels + 9 * d) + extra * d)


@mistake
def up_to_channels(budget, channels, groups):
    """The search stops at `channels`. A group may be wider than that: search until the budget is
    used up."""
    return min(channels, framework.group_width(budget, channels, groups))


@mistake
def up_to_64(budget, channels, groups):
    """The search stops at 64. A group may be wider than that: search until the budget is used
    up."""
    return min(64, framework.group_width(budget, channels, groups))


EXERCISE = Exercise(
    id="resnext.group_width_for",
    place=6,
    lesson=LESSON,
    title="The width that a budget allows",
    points=2,
    minutes=12,
    name="group_width",
    reference=framework.group_width,
    cases=_budget_cases,
    small=_budget_small,
    mistakes=tuple(mistake),
    hints=(
        "Count the weights for groups of width d: the two 1x1 layers between `channels` and "
        "groups * d, and the 3x3 layer, which has `groups` blocks of d x d with nine taps each.",
        "The count grows with d. So either try d = 1, 2, 3, ... until the next one is too "
        "expensive, or solve the quadratic equation and round down.",
    ),
)
