"""Lesson 07: the Pareto front."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake
from convzoo.ideas.zoo import framework

LESSON = "07_zoo"

# cost and accuracy: on the front; beaten in one thing alone; beaten in both; a twin of the third
POINTS = ((1, 50), (2, 53), (4, 80), (8, 90), (8, 70), (5, 80), (9, 60), (3, 40), (4, 80), (2, 51))


def _front_case(gen: Generator, less: bool, worst_first: bool = False) -> Case:
    points = torch.tensor(POINTS, dtype=torch.float64)
    more = torch.randint(1, 10, (4, 2), generator=gen).double() * torch.tensor([1.0, 8.0])
    points = torch.cat([points, more.double()])[torch.randperm(len(points) + 4, generator=gen)]
    if worst_first:  # a sort by cost alone meets the worse of two that cost the same
        points = points[points[:, 1].argsort()]
    cost, accuracy = points[:, 0], points[:, 1]
    return Case(
        {"less_is_better": less},
        {"cost": (cost if less else 12 - cost).contiguous(), "accuracy": accuracy.contiguous()},
    )


def _front_cases(gen: Generator) -> list[Case]:
    cases = [_front_case(gen, True), _front_case(gen, False), _front_case(gen, True, True)]
    return [*cases, _with_a_best(cases[0])]


def _with_a_best(case: Case) -> Case:
    """One more point, which is cheaper than all others and better."""
    more = {"cost": torch.zeros(1).double(), "accuracy": torch.tensor([99.0]).double()}
    return Case(case.scalars, {k: torch.cat([v, more[k]]) for k, v in case.tensors.items()})


def _front_small() -> list[Case]:
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


def _beaten(cost: Tensor, accuracy: Tensor, less: bool, by) -> Tensor:
    """Which points are not beaten by any other, where by(cheaper, as_cheap, better, as_good)."""
    c = cost if less else -cost
    a = accuracy
    costs = torch.lt(c[:, None], c), torch.le(c[:, None], c)
    accuracies = torch.gt(a[:, None], a), torch.ge(a[:, None], a)
    return ~torch.any(by(*costs, *accuracies), dim=0)


def _spoilt_rule(by):
    return lambda cost, accuracy, less_is_better: _beaten(cost, accuracy, less_is_better, by)


def _without_itself(cheaper, as_cheap, better, as_good):
    return as_cheap & as_good & ~torch.eye(len(cheaper), dtype=torch.bool)


def _best_so_far(cost: Tensor, accuracy: Tensor, less_is_better: bool) -> Tensor:
    """By a walk from cheap to dear that keeps whoever is better than all before."""
    best, mask = float("-inf"), torch.zeros(len(cost), dtype=torch.bool)
    for i in (cost if less_is_better else cost.neg()).argsort(stable=True).tolist():
        mask[i] = accuracy[i].item() > best
        best = max(best, accuracy[i].item())
    return mask


def _one_twin(cost: Tensor, accuracy: Tensor, less_is_better: bool) -> Tensor:
    pairs = list(zip(cost.tolist(), accuracy.tolist(), strict=True))
    first = torch.tensor([pair not in pairs[:i] for i, pair in enumerate(pairs)])
    return first & framework.pareto_front(cost, accuracy, less_is_better)


EXERCISE = Exercise(
    id="zoo.pareto_front",
    place=3,
    lesson=LESSON,
    title="The Pareto front",
    points=3,
    minutes=12,
    name="pareto_front",
    reference=framework.pareto_front,
    cases=_front_cases,
    small=_front_small,
    mistakes=(
        Mistake(
            "only_the_best",
            "Only the most accurate points are left. A point that is worse but cheaper is on the "
            "front, too, if nothing as cheap is as good.",
            lambda cost, accuracy, less_is_better: accuracy == accuracy.max(),
        ),
        Mistake(
            "strictly_both",
            "Points that are equal to another in one thing and worse in the other are still there. "
            "One is beaten by any that is at least as good in both and better in one.",
            _spoilt_rule(lambda cheaper, as_cheap, better, as_good: cheaper & better),
        ),
        Mistake(
            "twins_lost",
            "Two points that are equal in both have beaten each other. To beat, one has to be "
            "better in at least one of the two.",
            _spoilt_rule(_without_itself),
        ),
        Mistake(
            "one_twin",
            "Of two points that are equal in both only the first is left. Neither beats the "
            "other: both stay.",
            _one_twin,
        ),
        Mistake(
            "best_so_far",
            "Each point is compared only with those before it in the order of the costs. Of two "
            "that cost the same, the later one may beat the earlier; and twins both stay.",
            _best_so_far,
        ),
        Mistake(
            "beats_nobody",
            "Those are the points that beat nobody. Asked are those whom nobody beats.",
            _spoilt_rule(lambda c, as_cheap, b, as_good: (as_cheap & as_good & (b | c)).T),
        ),
        Mistake(
            "beaten_by_itself",
            "No point is left: each is at least as good as itself, and so has beaten itself.",
            _spoilt_rule(lambda cheaper, as_cheap, better, as_good: as_cheap & as_good),
        ),
        Mistake(
            "one_is_enough",
            "One better thing was enough to beat. To beat, a point has to be at least as good in "
            "the other thing, too.",
            _spoilt_rule(lambda cheaper, as_cheap, better, as_good: cheaper | better),
        ),
        Mistake(
            "only_by_cheaper",
            "A point that costs as much as another and is worse is still there. The other beats "
            "it: as cheap, and better.",
            _spoilt_rule(lambda cheaper, as_cheap, better, as_good: cheaper & as_good),
        ),
        Mistake(
            "only_by_better",
            "A point that is as good as another and costs more is still there. The other beats "
            "it: as good, and cheaper.",
            _spoilt_rule(lambda cheaper, as_cheap, better, as_good: as_cheap & better),
        ),
        Mistake(
            "direction_ignored",
            "The direction is not used: of a throughput, more is better.",
            lambda cost, accuracy, less_is_better: framework.pareto_front(cost, accuracy, True),
        ),
        Mistake(
            "direction_reversed",
            "The direction is taken the wrong way round: with `less_is_better` the cheaper is the "
            "better.",
            lambda cost, accuracy, less_is_better: framework.pareto_front(
                cost, accuracy, not less_is_better
            ),
        ),
        Mistake(
            "worst_accuracy",
            "The lower accuracy is taken for the better one.",
            lambda cost, accuracy, less_is_better: framework.pareto_front(
                cost, -accuracy, less_is_better
            ),
        ),
        Mistake(
            "the_rest",
            "Those are the points that are beaten. Asked are the others.",
            lambda cost, accuracy, less_is_better: (
                ~framework.pareto_front(cost, accuracy, less_is_better)
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
)
