"""Lesson 07, Further: is the gap between two sets of seeds chance?"""

from __future__ import annotations

from itertools import product

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake
from convzoo.ideas.zoo import framework

LESSON = "07_zoo"


def _two_sets(gen: Generator, s: int, apart: int) -> Case:
    """Hits of 1000 of two networks, from s seeds each."""
    hits = 600 + torch.randint(0, 40, (2, s), generator=gen).double()
    hits[1] += apart
    return Case({}, {"one": hits[0].clone(), "other": hits[1].clone()})


def _chance_cases(gen: Generator) -> list[Case]:
    return [_two_sets(gen, 5, 12), _two_sets(gen, 4, -9), _two_sets(gen, 3, 15), _tied(gen)]


def _tied(gen: Generator) -> Case:
    """Two pairs of seeds with the same hits, and whoever takes equal numbers for one is wrong by
    it, in a way of his own. (With one such pair distinct numbers alone give the right share.)"""
    ways = (
        framework.chance,
        _without_equals,
        _sums_without_equals,
        _by_distinct,
        _distinct_splits,
        _distinct_chosen,
        _distinct_alone,
    )
    while True:
        hits = 600 + torch.randperm(40, generator=gen).double()
        one, other = hits[[0, 0, 1, 2]], hits[[1, 3, 4, 5]]
        if len({round(way(one, other), 6) for way in ways}) == len(ways):
            return Case({}, {"one": one, "other": other})


def _chance_small() -> list[Case]:
    pairs = (
        ([1, 6, 5], [2, 7, 8]),
        ([2, 7, 8], [1, 6, 5]),
        ([5, 1, 4], [5, 8, 2]),
        ([1, 1, 1], [1, 1, 1]),
    )
    return [
        Case({}, {"one": torch.tensor(a).double(), "other": torch.tensor(b).double()})
        for a, b in pairs
    ]


def _splits(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """The gap of every split, and the one that was seen; times the number of seeds."""
    both, s = torch.cat([one, other]), len(one)
    sums = both[torch.combinations(torch.arange(2 * s), r=s)].sum(1)
    return 2 * sums - both.sum(), one.sum() - other.sum()


def _strictly(one: Tensor, other: Tensor) -> float:
    gaps, seen = _splits(one, other)
    return float((gaps.abs() > seen.abs()).double().mean())


def _one_sided(one: Tensor, other: Tensor) -> float:
    gaps, seen = _splits(one, other)
    return float((gaps >= seen.abs()).double().mean())


def _signed(one: Tensor, other: Tensor) -> float:
    gaps, seen = _splits(one, other)
    return float((gaps >= seen).double().mean())


def _seen_signed(one: Tensor, other: Tensor) -> float:
    gaps, seen = _splits(one, other)
    return float((gaps.abs() >= seen).double().mean())


def _paired(one: Tensor, other: Tensor) -> float:
    """By turning the signs of the pairs of seeds."""
    signs = torch.tensor(list(product([1.0, -1.0], repeat=len(one)))).double()
    gaps = signs @ (one - other)
    return float((gaps.abs() >= gaps[0].abs()).double().mean())


def _by_values(one: Tensor, other: Tensor, both: Tensor, rest: int = 0) -> float:
    """The others of a split of `both` are those that have none of the chosen numbers.

    rest: what their sum is divided by, if not by how many they are."""
    chosen = both[torch.combinations(torch.arange(len(both)), r=len(one))]
    left = (both[:, None] != chosen[:, None, :]).all(-1)
    gaps = chosen.mean(1) - (left * both).sum(1) / (rest or left.sum(1))
    return float((gaps.abs() >= (one.mean() - other.mean()).abs() - 1e-9).double().mean())


def _without_equals(one: Tensor, other: Tensor) -> float:
    return _by_values(one, other, torch.cat([one, other]))


def _sums_without_equals(one: Tensor, other: Tensor) -> float:
    return _by_values(one, other, torch.cat([one, other]), len(one))


def _by_distinct(one: Tensor, other: Tensor) -> float:
    return _by_values(one, other, torch.cat([one, other]).unique())


def _summed(one: Tensor, other: Tensor, chosen: Tensor, total: Tensor) -> float:
    """With the sums of the chosen numbers, a row for each split, and the total."""
    gaps = (2 * chosen.sum(1) - total).abs()
    return float((gaps >= (one.sum() - other.sum()).abs()).double().mean())


def _distinct_splits(one: Tensor, other: Tensor) -> float:
    both = torch.cat([one, other])
    parts = both[torch.combinations(torch.arange(len(both)), r=len(one))]
    return _summed(one, other, parts.sort(1).values.unique(dim=0), both.sum())


def _distinct_chosen(one: Tensor, other: Tensor) -> float:
    both = torch.cat([one, other])
    return _summed(one, other, torch.combinations(both.unique(), r=len(one)), both.sum())


def _distinct_alone(one: Tensor, other: Tensor) -> float:
    kinds = torch.cat([one, other]).unique()
    return _summed(one, other, torch.combinations(kinds, r=len(one)), kinds.sum())


def _distinct_gaps(one: Tensor, other: Tensor) -> float:
    gaps, seen = _splits(one, other)
    return float((gaps.abs().unique() >= seen.abs()).double().mean())


EXERCISE = Exercise(
    id="zoo.chance",
    place=5,
    lesson=LESSON,
    title="Is the gap chance?",
    points=2,
    minutes=12,
    name="chance",
    reference=framework.chance,
    cases=_chance_cases,
    small=_chance_small,
    mistakes=(
        Mistake(
            "strictly",
            "A split with exactly the gap that was seen counts, too: the one that was seen is "
            "among them.",
            _strictly,
        ),
        Mistake(
            "one_sided",
            "Only one direction is counted. A gap as large the other way round would have "
            "surprised as much.",
            _one_sided,
        ),
        Mistake(
            "signed", "The gaps are compared with their signs. Their sizes are asked.", _signed
        ),
        Mistake(
            "seen_signed",
            "The gap that was seen has kept its sign. Where `other` is the better one, every "
            "split has a larger gap than that.",
            _seen_signed,
        ),
        Mistake(
            "the_rest",
            "That is the share of the splits with a smaller gap.",
            lambda one, other: 1 - framework.chance(one, other),
        ),
        Mistake(
            "a_count",
            "That is how many splits there are with such a gap. Asked is their share of all.",
            lambda one, other: round(framework.chance(one, other) * len(_splits(one, other)[0])),
        ),
        Mistake(
            "percent",
            "That is the share in percent. Asked is a number from 0 to 1.",
            lambda one, other: 100 * framework.chance(one, other),
        ),
        Mistake(
            "without_equals",
            "Equal numbers are different seeds: choose places, not values. Who has the number of "
            "a chosen one is missing among the others.",
            _without_equals,
        ),
        Mistake(
            "sums_without_equals",
            "Equal numbers are different seeds: choose places, not values. A sum of the others "
            "lacks whoever has the number of a chosen one.",
            _sums_without_equals,
        ),
        Mistake(
            "by_distinct",
            "Equal numbers are taken for one seed. They are different seeds, and each has its "
            "place.",
            _by_distinct,
        ),
        Mistake(
            "distinct_chosen",
            "Chosen are only numbers that differ. Equal numbers are different seeds, and both may "
            "be chosen.",
            _distinct_chosen,
        ),
        Mistake(
            "distinct_alone",
            "Equal numbers have become one, in the splits and in the total. They are different "
            "seeds, and each counts.",
            _distinct_alone,
        ),
        Mistake(
            "distinct_splits",
            "Two splits with the same numbers are counted once. Equal numbers are different "
            "seeds, so they are two ways.",
            _distinct_splits,
        ),
        Mistake(
            "distinct_gaps",
            "Splits with the same gap are counted once. Each way to split counts, whatever the "
            "gap of another.",
            _distinct_gaps,
        ),
        Mistake(
            "paired",
            "Here only the two of a pair change places. The seeds of two networks are no pairs: "
            "any number may fall to either side.",
            _paired,
        ),
    ),
    hints=(
        "If the two networks were equally good, it would be chance which of the 2s numbers "
        "bears which name. Deal the names in every possible way, and see how often the gap is as "
        "large as yours.",
        "`itertools.combinations` gives every way to choose s of the 2s places. With the total "
        "known, the sum of the chosen ones is enough to know the gap.",
    ),
)
