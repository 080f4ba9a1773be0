"""Lesson 07: a width for a budget."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, pick
from convzoo.ideas.zoo import framework
from convzoo.ideas.zoo import networks as zoo

LESSON = "07_zoo"

COUNTED = ("plain", "residual", "separable")


def _case(kind: str, steps: int, step: int, part: float) -> Case:
    """Return a case whose budget is `part` of the way from this number of steps to the next."""
    low, high = (zoo.macs(kind, (steps + more) * step) for more in (0, 1))
    return Case({"kind": kind, "budget": low + int(part * (high - low)), "step": step}, {})


def _cases(gen: Generator) -> list[Case]:
    def few() -> int:
        return int(torch.randint(2, 6, (), generator=gen))

    return [
        _case(pick(gen, [*COUNTED]), few(), 8, 0.3),
        _case(pick(gen, [*COUNTED]), few(), 4, 0.8),
        _case(pick(gen, [*COUNTED]), few(), 8, 0.0),
        _case("plain", 15 + few(), 8, 0.5),  # wider than a short list goes
        Case({"kind": pick(gen, [*COUNTED]), "budget": zoo.macs("plain", 1) // 4, "step": 8}, {}),
        _case("separable", few() + 3, 8, 0.5),
    ]


def _small() -> list[Case]:
    near = [_case("plain", 2, 8, part) for part in (0.5, 0.0, 0.9)]
    far = [_case("separable", 3, 8, 0.5), _case("plain", 13, 8, 0.5)]
    return [*near, Case({"kind": "plain", "budget": 100, "step": 8}, {}), *far]


mistake = Mistakes(framework.width_for_budget)


@mistake
def first_above(kind, budget, step):
    """This is the first width above the budget. The task asks for the last one within it."""
    return framework.width_for_budget(kind, budget, step) + step


@mistake
def strictly_below(kind, budget, step):
    """A network that costs exactly the budget is left out. It is still within the budget."""
    return framework.width_for_budget(kind, budget - 1, step)


@mistake
def doublings(kind, budget, step):
    """Only doublings are tried. There are other widths between the last one that fits and the first
    one that does not: search there too."""
    most = framework.width_for_budget(kind, budget, step) // step
    return 2 ** most.bit_length() // 2 * step  # the last of 0, 1, 2, 4, ... that is not above


@mistake
def always_plain(kind, budget, step):
    """The cost of another kind of network is counted. The cost depends on the kind: count the one
    that you are given."""
    return framework.width_for_budget("plain", budget, step)


@mistake
def nearest(kind, budget, step):
    """This is the width whose cost is nearest to the budget, but it costs more than the budget
    allows. Take the last width that fits."""
    low = framework.width_for_budget(kind, budget, step)
    return min((low, low + step), key=lambda w: abs((zoo.macs(kind, w) if w else 0) - budget))


@mistake
def any_width(kind, budget, step):
    """The step is not used: the width has to be a multiple of it."""
    return framework.width_for_budget(kind, budget, 1)


@mistake
def steps(kind, budget, step):
    """This is the number of steps. The task asks for the width, in channels."""
    return framework.width_for_budget(kind, budget, step) // step


@mistake
def in_proportion(kind, budget, step):
    """The width grows in proportion to the budget. But the cost of a full layer grows with the
    square of the width: count the network instead."""
    return step * (budget // zoo.macs(kind, step))


@mistake
def by_the_root(kind, budget, step):
    """The width grows with the square root of the budget. That is close, but the stem, the
    depthwise layers and the linear layer grow in proportion to the width: count the network
    instead."""
    return step * int(sqrt(budget / zoo.macs(kind, step)))


@mistake
def at_least_one(kind, budget, step):
    """Sometimes even the narrowest network costs more than the budget. Then the answer is 0."""
    return max(step, framework.width_for_budget(kind, budget, step))


EXERCISE = Exercise(
    id="zoo.width_for_budget",
    place=1,
    lesson=LESSON,
    title="A width for a budget",
    points=2,
    minutes=10,
    name="width_for_budget",
    reference=framework.width_for_budget,
    cases=_cases,
    small=_small,
    mistakes=tuple(mistake),
    hints=(
        "`zoo.macs(kind, width)` returns what a width costs, and the cost grows with the width. "
        "So there is a last width that fits, and every width below it fits too.",
        "Count the width in steps. Double it until it no longer fits. Then halve the gap between "
        "one that fits and one that does not, until they are neighbours. Zero steps always fit.",
    ),
)
