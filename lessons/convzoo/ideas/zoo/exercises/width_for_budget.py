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


def _case(kind: str, steps: int, step: int, part: float) -> Case:
    """Return a case whose budget is `part` of the way from this number of steps to the next."""
    low, high = (zoo.macs(kind, (steps + more) * step) for more in (0, 1))
    return _within(kind, low + int(part * (high - low)), step)


def _within(kind: str, budget: int, step: int) -> Case:
    return Case({"kind": kind, "budget": budget, "step": step}, {})


def _cases(gen: Generator) -> list[Case]:
    def few() -> int:
        return int(torch.randint(2, 6, (), generator=gen))

    full = pick(gen, ["plain", "residual"])  # one kind for all, because each count takes time
    return [
        _case(full, few(), 8, 0.8),
        _case("separable", few() + 3, 8, 0.0),
        _case(full, few(), 4, 0.97),
        _case(full, 15 + few(), 8, 0.3),  # wider than a short list goes
        _case(full, 2, 8, 0.53),  # nearer to the next multiple in cost, but not in width
        _within(full, zoo.macs(full, 8) - 1, 8),
        _within(full, zoo.macs(full, 1) // 4, 8),
        # its channels are rounded to even numbers, so a wider one may cost the same:
        _case("DenseNet", 2 * few() - 3, 1, 0.0),
    ]


def _small() -> list[Case]:
    near = [_case("plain", 2, 8, part) for part in (0.5, 0.0, 0.9)]
    far = [_case("separable", 3, 8, 0.5), _case("plain", 13, 8, 0.5)]
    budgets = 100, zoo.macs("plain", 8) - 1
    none = [_within("plain", budget, 8) for budget in budgets]
    return [*near, *none, *far]


mistake = Mistakes(framework.width_for_budget)


@mistake
def first_above(kind, budget, step):
    """This is the first width above the budget. The exercise asks for the last one within it."""
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
def one_too_few(kind, budget, step):
    """A wider network would fit. The exercise asks for the last width within the budget: check
    where your search ends."""
    return max(0, framework.width_for_budget(kind, budget, step) - step)


@mistake
def rounded_up(kind, budget, step):
    """The widest network within the budget is rounded up to a multiple of `step`, and then it costs
    more than the budget. Round down."""
    return -(-framework.width_for_budget(kind, budget, 1) // step) * step


@mistake
def rounded(kind, budget, step):
    """The widest network within the budget is rounded to the nearest multiple of `step`. If that is
    the next one up, it costs more than the budget. Round down."""
    return round(framework.width_for_budget(kind, budget, 1) / step) * step


@mistake
def below_step(kind, budget, step):
    """The width `step` is returned although it costs more than the budget. If a network of width 1
    fits, one of width `step` may still be too large. Then the answer is 0."""
    smallest = step if zoo.macs(kind, 1) <= budget else 0
    return max(smallest, framework.width_for_budget(kind, budget, step))


@mistake
def cost_of_it(kind, budget, step):
    """This is what the network costs. The exercise asks for its width."""
    width = framework.width_for_budget(kind, budget, step)
    return zoo.macs(kind, width) if width else 0


@mistake
def counted_twice(kind, budget, step):
    """Every multiply-add is counted twice, as a multiplication and an addition. The budget is in
    multiply-adds."""
    return framework.width_for_budget(kind, budget // 2, step)


@mistake
def minus_one(kind, budget, step):
    """When no width fits at all, the answer is 0. Here it is below 0."""
    return framework.width_for_budget(kind, budget, step) or -1


@mistake
def minus_step(kind, budget, step):
    """When no width fits at all, the answer is 0. Here it is one step below 0."""
    return framework.width_for_budget(kind, budget, step) or -step


@mistake
def always_plain(kind, budget, step):
    """The cost of another kind of network is counted. The cost depends on the kind: count the one
    that you are given."""
    return framework.width_for_budget("plain", budget, step)


@mistake
def nearest(kind, budget, step):
    """This is the width whose cost is nearest to the budget, even if it costs more. Take the last
    width that fits."""
    low = framework.width_for_budget(kind, budget, step)
    return min((low, low + step), key=lambda w: abs((zoo.macs(kind, w) if w else 0) - budget))


@mistake
def any_width(kind, budget, step):
    """The step is not used. The width has to be a multiple of it."""
    return framework.width_for_budget(kind, budget, 1)


@mistake
def steps(kind, budget, step):
    """This is the number of steps. The exercise asks for the width, in channels."""
    return framework.width_for_budget(kind, budget, step) // step


@mistake
def in_proportion(kind, budget, step):
    """The width is computed in proportion to the budget. But the cost of a full layer grows with
    the square of the width: count the network instead."""
    return step * (budget // zoo.macs(kind, step))


@mistake
def by_the_root(kind, budget, step):
    """The width is computed from the square root of the budget. That is close, but the stem, the
    depthwise layers and the linear layer grow in proportion to the width: count the network
    instead."""
    return step * int(sqrt(budget / zoo.macs(kind, step)))


@mistake
def at_least_one(kind, budget, step):
    """It never returns less than `step`. Sometimes even the narrowest network costs more than the
    budget: then the answer is 0."""
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
    sizes=True,
    mistakes=tuple(mistake),
    hints=(
        "`zoo.macs(kind, width)` returns what a width costs, and the cost grows with the width. "
        "So there is a last width that fits, and every width below it fits too.",
        "Count the width in steps. Double it until it no longer fits. Then halve the gap between "
        "one that fits and one that does not, until they are neighbours. Zero steps always fit.",
    ),
)
