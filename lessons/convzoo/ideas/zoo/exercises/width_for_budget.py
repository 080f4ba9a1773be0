"""Lesson 07: a width for a budget."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Generator

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, pick
from convzoo.ideas.zoo import framework
from convzoo.ideas.zoo import networks as zoo

LESSON = "07_zoo"

COUNTED = ("plain", "residual", "separable")


def _width_case(kind: str, steps: int, step: int, part: float) -> Case:
    """The budget lies `part` of the way from this many steps to the next."""
    low, high = (zoo.macs(kind, (steps + more) * step) for more in (0, 1))
    return Case({"kind": kind, "budget": low + int(part * (high - low)), "step": step}, {})


def _width_cases(gen: Generator) -> list[Case]:
    def few() -> int:
        return int(torch.randint(2, 6, (), generator=gen))

    return [
        _width_case(pick(gen, [*COUNTED]), few(), 8, 0.3),
        _width_case(pick(gen, [*COUNTED]), few(), 4, 0.8),
        _width_case(pick(gen, [*COUNTED]), few(), 8, 0.0),
        _width_case("plain", 15 + few(), 8, 0.5),  # wider than a short list goes
        Case({"kind": pick(gen, [*COUNTED]), "budget": zoo.macs("plain", 1) // 4, "step": 8}, {}),
        _width_case("separable", few() + 3, 8, 0.5),
    ]


def _width_small() -> list[Case]:
    near = [_width_case("plain", 2, 8, part) for part in (0.5, 0.0, 0.9)]
    far = [_width_case("separable", 3, 8, 0.5), _width_case("plain", 13, 8, 0.5)]
    return [*near, Case({"kind": "plain", "budget": 100, "step": 8}, {}), *far]


def _fits(kind: str, budget: int, step: int) -> int:
    return framework.width_for_budget(kind, budget, step)


def _nearest(kind: str, budget: int, step: int) -> int:
    low = _fits(kind, budget, step)
    return min((low, low + step), key=lambda w: abs((zoo.macs(kind, w) if w else 0) - budget))


def _doubled(most: int) -> int:
    """The last of 1, 2, 4, ... that is not above `most`; or 0."""
    return 2 ** most.bit_length() // 2


EXERCISE = Exercise(
    id="zoo.width_for_budget",
    place=1,
    lesson=LESSON,
    title="A width for a budget",
    points=2,
    minutes=10,
    name="width_for_budget",
    reference=framework.width_for_budget,
    cases=_width_cases,
    small=_width_small,
    mistakes=(
        Mistake(
            "first_above",
            "That is the first width above the budget. Asked is the last one within it.",
            lambda kind, budget, step: _fits(kind, budget, step) + step,
        ),
        Mistake(
            "strictly_below",
            "A network that costs exactly the budget is within it.",
            lambda kind, budget, step: _fits(kind, budget - 1, step),
        ),
        Mistake(
            "doublings",
            "Only doublings were tried: between the last that fits and the first that does not "
            "there are other widths.",
            lambda kind, budget, step: _doubled(_fits(kind, budget, step) // step) * step,
        ),
        Mistake(
            "always_plain",
            "Another kind is counted than the one that was asked for. A network's cost depends on "
            "its kind.",
            lambda kind, budget, step: _fits("plain", budget, step),
        ),
        Mistake(
            "nearest",
            "That is the width whose cost is nearest to the budget, but it is above it. A budget "
            "is not exceeded.",
            _nearest,
        ),
        Mistake(
            "any_width",
            "The step is not kept: the width has to be a multiple of it.",
            lambda kind, budget, step: _fits(kind, budget, 1),
        ),
        Mistake(
            "steps",
            "That is how many steps there are. Asked is the width, in channels.",
            lambda kind, budget, step: _fits(kind, budget, step) // step,
        ),
        Mistake(
            "in_proportion",
            "The width is taken in proportion to the budget. A full layer's cost grows with the "
            "square of the width.",
            lambda kind, budget, step: step * (budget // zoo.macs(kind, step)),
        ),
        Mistake(
            "by_the_root",
            "The width is taken by the square root of the budget. That is near, but stem, "
            "depthwise layers and the linear layer grow in proportion: count the network.",
            lambda kind, budget, step: step * int(sqrt(budget / zoo.macs(kind, step))),
        ),
        Mistake(
            "at_least_one",
            "Where not even the narrowest network is within the budget, the answer is 0.",
            lambda kind, budget, step: max(step, _fits(kind, budget, step)),
        ),
    ),
    hints=(
        "`zoo.macs(kind, width)` tells what a width costs, and it grows with the width. So there "
        "is a last width that fits, and everything below it fits, too.",
        "Count in steps. Double until it does not fit any more. Then halve the gap between one "
        "that fits and one that does not, until they are neighbours. Zero steps always fit.",
    ),
)
