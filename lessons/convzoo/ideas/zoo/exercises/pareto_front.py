"""Lesson 07: the Pareto front."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise
from convzoo.ideas.zoo import framework

LESSON = "07_zoo"

# cost and accuracy: on the front; beaten in only one thing; beaten in both; equal to the third
POINTS = ((1, 50), (2, 53), (4, 80), (8, 90), (8, 70), (5, 80), (9, 60), (3, 40), (4, 80), (2, 51))


def _case(gen: Generator, less: bool, best_first: bool | None = None) -> Case:
    points = torch.tensor(POINTS, dtype=torch.float64)
    more = torch.randint(1, 10, (4, 2), generator=gen).double() * torch.tensor([1.0, 8.0])
    points = torch.cat([points, more.double()])[torch.randperm(len(points) + 4, generator=gen)]
    if best_first is not None:  # which of two that cost the same does a sort by cost meet first?
        points = points[points[:, 1].argsort(descending=best_first)]
    cost, accuracy = points[:, 0], points[:, 1]
    return Case(
        {"less_is_better": less},
        {"cost": (cost if less else 12 - cost).contiguous(), "accuracy": accuracy.contiguous()},
    )


def _cases(gen: Generator) -> list[Case]:
    cases = [_case(gen, True), _case(gen, False, True), _case(gen, True, False)]
    return [*cases, _with_a_best(cases[0])]


def _with_a_best(case: Case) -> Case:
    """Return the case with one more point, which is cheaper than all others and better."""
    more = {"cost": torch.zeros(1).double(), "accuracy": torch.tensor([99.0]).double()}
    return Case(case.scalars, {k: torch.cat([v, more[k]]) for k, v in case.tensors.items()})


def _small() -> list[Case]:
    cases = [
        ([1, 2, 3], [5, 7, 6], True),
        ([1, 1, 2], [5, 6, 6], True),
        ([2, 2, 1], [6, 6, 3], True),
        ([1, 2, 3], [5, 7, 6], False),
    ]
    return [
        Case(
            {"less_is_better": less},
            {
                "cost": torch.tensor(c, dtype=torch.float64),
                "accuracy": torch.tensor(a, dtype=torch.float64),
            },
        )
        for c, a, less in cases
    ]


mistake = Mistakes(framework.pareto_front)


class _Pairs(NamedTuple):
    """Tables (n, n) that compare the point of the row with that of the column."""

    cheaper: Tensor
    as_cheap: Tensor  # or cheaper
    better: Tensor
    as_good: Tensor  # or better


def _pairs(cost: Tensor, accuracy: Tensor, less_is_better: bool) -> _Pairs:
    c = cost if less_is_better else cost.neg()
    a = accuracy
    costs = torch.lt(c[:, None], c), torch.le(c[:, None], c)
    return _Pairs(*costs, torch.gt(a[:, None], a), torch.ge(a[:, None], a))


def _unbeaten(beats: Tensor) -> Tensor:
    """Return which columns no row beats."""
    return ~torch.any(beats, dim=0)


@mistake
def only_the_best(cost, accuracy, less_is_better):
    """Only the most accurate points are left. A less accurate point is on the front too, if no
    other point beats it: cheaper may be enough."""
    return accuracy == accuracy.max()


@mistake
def strictly_both(cost, accuracy, less_is_better):
    """Points that equal another one in one thing and are worse in the other are still there. A
    point is beaten by any point that is at least as good in both and better in one."""
    pairs = _pairs(cost, accuracy, less_is_better)
    return _unbeaten(pairs.cheaper & pairs.better)


@mistake
def twins_lost(cost, accuracy, less_is_better):
    """Two points that are equal in both beat each other here. To beat another point, a point has to
    be better in at least one of the two."""
    pairs = _pairs(cost, accuracy, less_is_better)
    return _unbeaten(pairs.as_cheap & pairs.as_good & ~torch.eye(len(cost), dtype=torch.bool))


@mistake
def one_twin(cost, accuracy, less_is_better):
    """Of two points that are equal in both, only the first is left. Neither beats the other, so
    both stay."""
    points = list(zip(cost.tolist(), accuracy.tolist(), strict=True))
    first = torch.tensor([point not in points[:i] for i, point in enumerate(points)])
    return first & framework.pareto_front(cost, accuracy, less_is_better)


@mistake
def best_so_far(cost, accuracy, less_is_better):
    """Each point is compared only with those before it in the order of cost. Of two points with the
    same cost, the later one may beat the earlier one. And of two points that are equal in both,
    neither beats the other."""
    best, mask = float("-inf"), torch.zeros(len(cost), dtype=torch.bool)
    for i in (cost if less_is_better else cost.neg()).argsort(stable=True).tolist():
        mask[i] = accuracy[i].item() > best
        best = max(best, accuracy[i].item())
    return mask


@mistake
def better_of_the_cheaper(cost, accuracy, less_is_better):
    """The points are compared in the order of cost, and a point stays if it is at least as accurate
    as all before it. But a point that is only equally accurate and costs more is beaten."""
    best, mask = float("-inf"), torch.zeros(len(cost), dtype=torch.bool)
    for i in (cost if less_is_better else cost.neg()).argsort(stable=True).tolist():
        mask[i] = accuracy[i].item() >= best
        best = max(best, accuracy[i].item())
    return mask


@mistake
def in_order_of_cost(cost, accuracy, less_is_better):
    """The answer is in the order of cost. Put it back: number i belongs to point i of the input."""
    order = (cost if less_is_better else cost.neg()).argsort(stable=True)
    return framework.pareto_front(cost, accuracy, less_is_better)[order]


@mistake
def best_sorted(cost, accuracy, less_is_better):
    """The points are sorted by cost, and the answer is in that order. Put it back: number i belongs
    to point i of the input. Also compare points that cost the same with each other."""
    order = (cost if less_is_better else cost.neg()).argsort(stable=True)
    sorted_accuracy = accuracy[order]
    return sorted_accuracy == sorted_accuracy.cummax(0).values


@mistake
def two_ends(cost, accuracy, less_is_better):
    """Only the two ends are left: the cheapest points and the most accurate ones. Between them
    there are points that no other point beats."""
    price = cost if less_is_better else cost.neg()
    return torch.logical_or(price == price.min(), accuracy == accuracy.max())


@mistake
def the_cheapest(cost, accuracy, less_is_better):
    """Only the cheapest points are left. A point that costs more is on the front too, if no other
    point beats it: being more accurate may be enough."""
    price = cost if less_is_better else cost.neg()
    return price == price.min()


@mistake
def best_ratio(cost, accuracy, less_is_better):
    """Only the points with the most accuracy for their cost are left. The front does not divide the
    two: it compares cost with cost and accuracy with accuracy."""
    ratio = accuracy / cost if less_is_better else accuracy * cost
    return ratio == ratio.max()


@mistake
def later_points(cost, accuracy, less_is_better):
    """Each point is compared only with those that come after it. Earlier ones may beat it, too."""
    pairs = _pairs(cost, accuracy, less_is_better)
    beats = pairs.as_cheap & pairs.as_good & (pairs.better | pairs.cheaper)
    return _unbeaten(beats.tril())


@mistake
def last_one_decides(cost, accuracy, less_is_better):
    """The last comparison alone decides, because every new one overwrites the result. A point that
    was beaten once stays beaten."""
    pairs = _pairs(cost, accuracy, less_is_better)
    beats = pairs.as_cheap & pairs.as_good & (pairs.better | pairs.cheaper)
    return ~beats[-1]


@mistake
def first_point_alone(cost, accuracy, less_is_better):
    """Only the first point was compared with the others. Does the function return inside its loop?
    Return once, after the loop."""
    mask = torch.ones(len(cost), dtype=torch.bool)
    mask[0] = framework.pareto_front(cost, accuracy, less_is_better)[0]
    return mask


@mistake
def both_reversed(cost, accuracy, less_is_better):
    """When more cost is better, the accuracy is reversed too. More accuracy is always better:
    reverse only the cost."""
    better = accuracy if less_is_better else -accuracy
    return framework.pareto_front(cost, better, less_is_better)


@mistake
def beats_nobody(cost, accuracy, less_is_better):
    """These are the points that beat no other point. The exercise asks for the points that no other
    point beats."""
    pairs = _pairs(cost, accuracy, less_is_better)
    return _unbeaten((pairs.as_cheap & pairs.as_good & (pairs.better | pairs.cheaper)).T)


@mistake
def beaten_by_itself(cost, accuracy, less_is_better):
    """No point is left, because each one beats itself: it is at least as good as itself. To beat
    another point, a point has to be better in at least one of the two."""
    pairs = _pairs(cost, accuracy, less_is_better)
    return _unbeaten(pairs.as_cheap & pairs.as_good)


@mistake
def one_is_enough(cost, accuracy, less_is_better):
    """Being better in one thing was enough to beat another point. The point also has to be at least
    as good in the other thing."""
    pairs = _pairs(cost, accuracy, less_is_better)
    return _unbeaten(pairs.cheaper | pairs.better)


@mistake
def only_by_cheaper(cost, accuracy, less_is_better):
    """A point that costs the same as another one and is less accurate is still there. The other one
    beats it: it costs no more, and it is more accurate."""
    pairs = _pairs(cost, accuracy, less_is_better)
    return _unbeaten(pairs.cheaper & pairs.as_good)


@mistake
def only_by_better(cost, accuracy, less_is_better):
    """A point that is as accurate as another one and costs more is still there. The other one beats
    it: it is equally accurate, and cheaper."""
    pairs = _pairs(cost, accuracy, less_is_better)
    return _unbeaten(pairs.as_cheap & pairs.better)


@mistake
def direction_ignored(cost, accuracy, less_is_better):
    """`less_is_better` is not used. For some costs more is better, for example for images per
    second."""
    return framework.pareto_front(cost, accuracy, True)


@mistake
def direction_reversed(cost, accuracy, less_is_better):
    """The direction is reversed. With `less_is_better`, the cheaper point is the better one."""
    return framework.pareto_front(cost, accuracy, not less_is_better)


@mistake
def worst_accuracy(cost, accuracy, less_is_better):
    """The lower accuracy is treated as the better one. More accuracy is always better."""
    return framework.pareto_front(cost, -accuracy, less_is_better)


@mistake
def the_rest(cost, accuracy, less_is_better):
    """These are the points that are beaten. The exercise asks for the other ones."""
    return ~framework.pareto_front(cost, accuracy, less_is_better)


EXERCISE = Exercise(
    id="zoo.pareto_front",
    place=3,
    lesson=LESSON,
    title="The Pareto front",
    points=3,
    minutes=12,
    name="pareto_front",
    reference=framework.pareto_front,
    cases=_cases,
    small=_small,
    mistakes=tuple(mistake),
    hints=(
        "Write down when point j beats point i: it costs at most the same, it is at least as "
        "accurate, and it is better in at least one of the two. The front is made of the points "
        "that no other point beats.",
        "If more cost is better, change its sign: then less is better. Then compare all pairs at "
        "once: a column of n numbers against a row of n numbers gives an n x n table.",
        "You need three n x n tables of booleans: costs at most the same, at least as accurate, "
        "better in one. Combine them with &, use `any` along the dimension of the point that "
        "beats, and negate the result.",
    ),
)
