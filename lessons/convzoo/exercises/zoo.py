"""Lesson 07: the Pareto front, a width for a budget, a recipe."""

from __future__ import annotations

from math import cos, pi, sqrt

import torch
from torch import Generator, Tensor

from convzoo import zoo
from convzoo.case import Case
from convzoo.exercises.model import Exercise, Wrong, pick
from convzoo.exercises.zoo_asks import PREDICTIONS, QUESTIONS
from convzoo.exercises.zoo_further import FURTHER
from convzoo.framework import zoo as framework

__all__ = ["EXERCISES", "PREDICTIONS", "QUESTIONS"]

LESSON = "07_zoo"

# --- the Pareto front --------------------------------------------------------------

# cost and accuracy: on the front; beaten in one thing alone; beaten in both; a twin of the third
POINTS = ((1, 50), (2, 53), (4, 80), (8, 90), (8, 70), (5, 80), (9, 60), (3, 40), (4, 80), (2, 51))


def _front_case(gen: Generator, less: bool) -> Case:
    points = torch.tensor(POINTS, dtype=torch.float64)
    more = torch.randint(1, 10, (4, 2), generator=gen).double() * torch.tensor([1.0, 8.0])
    points = torch.cat([points, more.double()])[torch.randperm(len(points) + 4, generator=gen)]
    cost, accuracy = points[:, 0], points[:, 1]
    return Case({"less_is_better": less}, {
        "cost": (cost if less else 12 - cost).contiguous(), "accuracy": accuracy.contiguous(),
    })  # fmt: skip


def _front_cases(gen: Generator) -> list[Case]:
    return [_front_case(gen, less) for less in (True, False, True)]


def _front_small() -> list[Case]:
    cases = [
        ([1, 2, 3], [5, 7, 6], True), ([1, 1, 2], [5, 6, 6], True), ([2, 2, 1], [6, 6, 3], True),
        ([1, 2, 3], [5, 7, 6], False),
    ]  # fmt: skip
    return [
        Case({"less_is_better": less}, {
            "cost": torch.tensor(c, dtype=torch.float64),
            "accuracy": torch.tensor(a, dtype=torch.float64),
        })
        for c, a, less in cases
    ]  # fmt: skip


def _beaten(cost: Tensor, accuracy: Tensor, less: bool, by) -> Tensor:
    """Which points are not beaten by any other, where by(cheaper, as_cheap, better, as_good)."""
    c = cost if less else -cost
    cells = (torch.lt(c[:, None], c), torch.le(c[:, None], c),
             torch.gt(accuracy[:, None], accuracy), torch.ge(accuracy[:, None], accuracy))  # fmt: skip
    return ~torch.any(by(*cells), dim=0)


def _spoilt_rule(by):
    return lambda cost, accuracy, less_is_better: _beaten(cost, accuracy, less_is_better, by)


def _without_itself(cheaper, as_cheap, better, as_good):
    return as_cheap & as_good & ~torch.eye(len(cheaper), dtype=torch.bool)


FRONT = Exercise(
    id="zoo.pareto_front",
    lesson=LESSON,
    title="The Pareto front",
    points=3,
    minutes=12,
    name="pareto_front",
    reference=framework.pareto_front,
    cases=_front_cases,
    small=_front_small,
    wrong=(
        Wrong(
            "only_the_best",
            "Only the most accurate points are left. A point that is worse but cheaper is on the "
            "front, too, if nothing as cheap is as good.",
            lambda cost, accuracy, less_is_better: accuracy == accuracy.max(),
        ),
        Wrong(
            "strictly_both",
            "Points that are equal to another in one thing and worse in the other are still there. "
            "One is beaten by any that is at least as good in both and better in one.",
            _spoilt_rule(lambda cheaper, as_cheap, better, as_good: cheaper & better),
        ),
        Wrong(
            "twins_lost",
            "Two points that are equal in both have beaten each other. To beat, one has to be "
            "better in at least one of the two.",
            _spoilt_rule(_without_itself),
        ),
        Wrong(
            "beaten_by_itself",
            "No point is left: each is at least as good as itself, and so has beaten itself.",
            _spoilt_rule(lambda cheaper, as_cheap, better, as_good: as_cheap & as_good),
        ),
        Wrong(
            "only_by_cheaper",
            "A point that costs as much as another and is worse is still there. The other beats "
            "it: as cheap, and better.",
            _spoilt_rule(lambda cheaper, as_cheap, better, as_good: cheaper & as_good),
        ),
        Wrong(
            "only_by_better",
            "A point that is as good as another and costs more is still there. The other beats "
            "it: as good, and cheaper.",
            _spoilt_rule(lambda cheaper, as_cheap, better, as_good: as_cheap & better),
        ),
        Wrong(
            "direction_ignored",
            "The direction is not used: of a throughput, more is better.",
            lambda cost, accuracy, less_is_better: framework.pareto_front(cost, accuracy, True),
        ),
        Wrong(
            "direction_reversed",
            "The direction is taken the wrong way round: with `less_is_better` the cheaper is the "
            "better.",
            lambda cost, accuracy, less_is_better: framework.pareto_front(
                cost, accuracy, not less_is_better
            ),
        ),
        Wrong(
            "worst_accuracy",
            "The lower accuracy is taken for the better one.",
            lambda cost, accuracy, less_is_better: framework.pareto_front(
                cost, -accuracy, less_is_better
            ),
        ),
        Wrong(
            "the_rest",
            "Those are the points that are beaten. Asked are the others.",
            lambda cost, accuracy, less_is_better: ~framework.pareto_front(
                cost, accuracy, less_is_better
            ),
        ),
    ),
    hints=(
        "Write down when point j beats point i: it is at least as cheap, at least as good, and "
        "better in at least one of the two. The front is whoever nobody beats.",
        "Turn a cost of which more is better into one of which less is: change its sign. Then "
        "compare all pairs at once: a column of n against a row of n gives n x n.",
        "Three n x n tables of booleans: as cheap, as good, better in one. Combine them with &, "
        "ask with `any` along the dimension of the one who beats, and negate.",
    ),
)  # fmt: skip

# --- a width for a budget ------------------------------------------------------------

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
        Case({"kind": pick(gen, [*COUNTED]), "budget": zoo.macs("plain", 1) // 4, "step": 8}, {}),
        _width_case("separable", few() + 3, 8, 0.5),
    ]


def _width_small() -> list[Case]:
    near = [_width_case("plain", 2, 8, part) for part in (0.5, 0.0, 0.9)]
    return [*near, Case({"kind": "plain", "budget": 100, "step": 8}, {})]


def _fits(kind: str, budget: int, step: int) -> int:
    return framework.width_for_budget(kind, budget, step)


def _nearest(kind: str, budget: int, step: int) -> int:
    low = _fits(kind, budget, step)
    return min((low, low + step), key=lambda w: abs((zoo.macs(kind, w) if w else 0) - budget))


WIDTH = Exercise(
    id="zoo.width_for_budget",
    lesson=LESSON,
    title="A width for a budget",
    points=2,
    minutes=10,
    name="width_for_budget",
    reference=framework.width_for_budget,
    cases=_width_cases,
    small=_width_small,
    wrong=(
        Wrong(
            "first_above",
            "That is the first width above the budget. Asked is the last one within it.",
            lambda kind, budget, step: _fits(kind, budget, step) + step,
        ),
        Wrong(
            "strictly_below",
            "A network that costs exactly the budget is within it.",
            lambda kind, budget, step: _fits(kind, budget - 1, step),
        ),
        Wrong(
            "nearest",
            "That is the width whose cost is nearest to the budget, but it is above it. A budget "
            "is not exceeded.",
            _nearest,
        ),
        Wrong(
            "any_width",
            "The step is not kept: the width has to be a multiple of it.",
            lambda kind, budget, step: _fits(kind, budget, 1),
        ),
        Wrong(
            "steps",
            "That is how many steps there are. Asked is the width, in channels.",
            lambda kind, budget, step: _fits(kind, budget, step) // step,
        ),
        Wrong(
            "in_proportion",
            "The width is taken in proportion to the budget. A full layer's cost grows with the "
            "square of the width.",
            lambda kind, budget, step: step * (budget // zoo.macs(kind, step)),
        ),
        Wrong(
            "by_the_root",
            "The width is taken by the square root of the budget. That is near, but stem, "
            "depthwise layers and the linear layer grow in proportion: count the network.",
            lambda kind, budget, step: step * int(sqrt(budget / zoo.macs(kind, step))),
        ),
        Wrong(
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

# --- a recipe ---------------------------------------------------------------------------


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


SCHEDULE = Exercise(
    id="zoo.schedule",
    lesson=LESSON,
    title="A recipe: the learning rate",
    points=2,
    minutes=8,
    name="schedule",
    reference=framework.schedule,
    cases=_schedule_cases,
    small=_schedule_small,
    wrong=(
        Wrong(
            "from_zero",
            "The first step has learning rate 0, so it learns nothing. The rise ends at the full "
            "height with its last step.",
            _spoilt_curve(lambda i, w: i / w, _half),
        ),
        Wrong(
            "no_warmup",
            "There is no rise at the beginning: the cosine runs over all steps.",
            lambda steps, warmup, lr: framework.schedule(steps, 0, lr),
        ),
        Wrong(
            "cosine_from_the_start",
            "The cosine has begun with the rise, so there is a jump where the rise ends. Count "
            "its steps from there.",
            _spoilt_curve(_rise, lambda i, w, n: _half(i, 0, n)),
        ),
        Wrong(
            "zero_at_the_last",
            "The last step has learning rate 0. Zero is reached one step later, when all are over.",
            _spoilt_curve(_rise, lambda i, w, n: _half(i, w, n - 1)),
        ),
        Wrong(
            "quarter",
            "That is a quarter of a cosine: it falls steeply at its end. Half a cosine goes from "
            "1 to -1, and is lifted and halved.",
            _spoilt_curve(_rise, lambda i, w, n: cos(pi / 2 * (i - w) / (n - w))),
        ),
        Wrong(
            "straight",
            "It falls in a straight line. Half a cosine is flat at both of its ends.",
            _spoilt_curve(_rise, lambda i, w, n: 1 - (i - w) / (n - w)),
        ),
        Wrong(
            "to_minus_one",
            "It falls below zero: a cosine goes from 1 to -1, and has to be lifted and halved.",
            _spoilt_curve(_rise, lambda i, w, n: cos(pi * (i - w) / (n - w))),
        ),
        Wrong(
            "stays",
            "After the rise it stays where it is. It has to fall, along half a cosine.",
            _spoilt_curve(_rise, lambda i, w, n: 1.0),
        ),
        Wrong(
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

EXERCISES = (WIDTH, SCHEDULE, FRONT, *FURTHER)
