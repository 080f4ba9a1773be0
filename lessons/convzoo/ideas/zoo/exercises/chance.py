"""Lesson 07, Further: is the gap between two sets of seeds due to chance?"""

from __future__ import annotations

from itertools import product

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise
from convzoo.ideas.zoo import framework

LESSON = "07_zoo"


def _two_sets(gen: Generator, s: int, apart: int) -> Case:
    """Return a case: the hits of 1000 of two networks, from s seeds each."""
    hits = 600 + torch.randint(0, 40, (2, s), generator=gen).double()
    hits[1] += apart
    return Case({}, {"one": hits[0].clone(), "other": hits[1].clone()})


def _cases(gen: Generator) -> list[Case]:
    return [_two_sets(gen, 5, 12), _two_sets(gen, 4, -9), _two_sets(gen, 3, 15), _tied(gen)]


def _tied(gen: Generator) -> Case:
    """Return a case with two pairs of seeds that have the same hits, in which every way to treat
    equal numbers as one gives a different share. (With only one such pair, distinct numbers give
    the right share.)"""
    ways = (
        framework.chance,
        without_equals,
        sums_without_equals,
        by_distinct,
        distinct_splits,
        distinct_chosen,
        distinct_alone,
    )
    while True:
        hits = 600 + torch.randperm(40, generator=gen).double()
        one, other = hits[[0, 0, 1, 2]], hits[[1, 3, 4, 5]]
        if len({round(way(one, other), 6) for way in ways}) == len(ways):
            return Case({}, {"one": one, "other": other})


def _small() -> list[Case]:
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


mistake = Mistakes(framework.chance)


def _splits(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gap of every split and the observed one, both times the number of seeds."""
    both, s = torch.cat([one, other]), len(one)
    sums = both[torch.combinations(torch.arange(2 * s), r=s)].sum(1)
    return 2 * sums - both.sum(), one.sum() - other.sum()


def _share(among: Tensor) -> float:
    return float(among.double().mean())


@mistake
def strictly(one, other):
    """Splits with exactly the observed gap are not counted. They count too: the observed split is
    one of them."""
    gaps, observed = _splits(one, other)
    return _share(gaps.abs() > observed.abs())


@mistake
def one_sided(one, other):
    """Only one direction is counted. A gap of the same size in the other direction would be equally
    surprising."""
    gaps, observed = _splits(one, other)
    return _share(gaps >= observed.abs())


@mistake
def signed(one, other):
    """The gaps are compared with their signs. Compare their sizes: either direction counts."""
    gaps, observed = _splits(one, other)
    return _share(gaps >= observed)


@mistake
def seen_signed(one, other):
    """The observed gap still has its sign. When `other` is the better one, it is negative, and
    every split has a larger gap than that. Take its size."""
    gaps, observed = _splits(one, other)
    return _share(gaps.abs() >= observed)


@mistake
def the_rest(one, other):
    """This is the share of the splits with a smaller gap. The exercise asks for the other
    splits."""
    return 1 - framework.chance(one, other)


@mistake
def a_count(one, other):
    """This is the number of splits with such a gap. The exercise asks for their share of all
    splits."""
    return round(framework.chance(one, other) * len(_splits(one, other)[0]))


@mistake
def percent(one, other):
    """This is the share in percent. The exercise asks for a number from 0 to 1."""
    return 100 * framework.chance(one, other)


def _by_values(one: Tensor, other: Tensor, both: Tensor, others: int = 0) -> float:
    """Return the share of large gaps among the splits of `both`, where the others of a split are
    only those that equal none of the chosen.

    others: what the sum of the others is divided by; default: their number.
    """
    chosen = both[torch.combinations(torch.arange(len(both)), r=len(one))]
    left = (both[:, None] != chosen[:, None, :]).all(-1)
    gaps = chosen.mean(1) - (left * both).sum(1) / (others or left.sum(1))
    return _share(gaps.abs() >= (one.mean() - other.mean()).abs() - 1e-9)


@mistake
def without_equals(one, other):
    """The numbers are chosen by value, so every number that equals a chosen one is missing from the
    others. Equal numbers are different seeds: choose places, not values."""
    return _by_values(one, other, torch.cat([one, other]))


@mistake
def sums_without_equals(one, other):
    """The numbers are chosen by value, so every number that equals a chosen one is missing from the
    sum of the others. Equal numbers are different seeds: choose places, not values."""
    return _by_values(one, other, torch.cat([one, other]), len(one))


@mistake
def by_distinct(one, other):
    """Equal numbers are treated as one seed. They are different seeds, and each has its own
    place."""
    return _by_values(one, other, torch.cat([one, other]).unique())


def _summed(one: Tensor, other: Tensor, chosen: Tensor, total: Tensor) -> float:
    """Return the share of large gaps among splits: `chosen` has the numbers of each in a row."""
    gaps = (2 * chosen.sum(1) - total).abs()
    return _share(gaps >= (one.sum() - other.sum()).abs())


@mistake
def distinct_chosen(one, other):
    """Equal numbers are never chosen together. They are different seeds, so a split may choose
    both."""
    both = torch.cat([one, other])
    return _summed(one, other, torch.combinations(both.unique(), r=len(one)), both.sum())


@mistake
def distinct_alone(one, other):
    """Equal numbers are merged into one, in the splits and in the total. They are different seeds,
    and each one counts."""
    kinds = torch.cat([one, other]).unique()
    return _summed(one, other, torch.combinations(kinds, r=len(one)), kinds.sum())


@mistake
def distinct_splits(one, other):
    """Two splits with the same numbers are counted only once. Equal numbers are different seeds, so
    these are two different splits."""
    both = torch.cat([one, other])
    parts = both[torch.combinations(torch.arange(len(both)), r=len(one))]
    return _summed(one, other, parts.sort(1).values.unique(dim=0), both.sum())


@mistake
def distinct_gaps(one, other):
    """Splits with the same gap are counted once. Every split counts, even if another one has the
    same gap."""
    gaps, observed = _splits(one, other)
    return _share(gaps.abs().unique() >= observed.abs())


@mistake
def at_most(one, other):
    """This is the share of the splits whose gap is at most as large as the observed one. The
    exercise asks for those whose gap is at least as large."""
    gaps, observed = _splits(one, other)
    return _share(gaps.abs() <= observed.abs())


@mistake
def means_against_sums(one, other):
    """The gap of a split is computed from means, and the observed one from sums, so hardly any
    split reaches it. Compare sums with sums, or means with means."""
    gaps, observed = _splits(one, other)
    return _share(gaps.abs() / len(one) >= observed.abs())


@mistake
def sums_against_means(one, other):
    """The gap of a split is computed from sums, and the observed one from means, so nearly every
    split reaches it. Compare sums with sums, or means with means."""
    gaps, observed = _splits(one, other)
    return _share(gaps.abs() >= observed.abs() / len(one))


@mistake
def without_the_observed(one, other):
    """The observed split is left out. It is one of all the splits, and it counts."""
    gaps, observed = _splits(one, other)
    found = int((gaps.abs() >= observed.abs()).sum())
    return (found - 1) / (len(gaps) - 1)


@mistake
def observed_once_more(one, other):
    """The observed split is counted twice: it is already among all the splits. One is added only
    when the splits are drawn at random."""
    gaps, observed = _splits(one, other)
    found = int((gaps.abs() >= observed.abs()).sum())
    return (found + 1) / (len(gaps) + 1)


@mistake
def of_252(one, other):
    """The count is divided by 252, which is right for five seeds each. Count the splits: with
    another number of seeds, there are more or fewer."""
    gaps, observed = _splits(one, other)
    return int((gaps.abs() >= observed.abs()).sum()) / 252


@mistake
def per_seed(one, other):
    """The count is divided by the number of seeds. Divide it by the number of splits."""
    gaps, observed = _splits(one, other)
    return int((gaps.abs() >= observed.abs()).sum()) / len(one)


@mistake
def medians(one, other):
    """Medians are compared. The exercise asks for the gap between the means."""
    both, s = torch.cat([one, other]), len(one)
    places = torch.combinations(torch.arange(2 * s), r=s)
    rest = torch.tensor([[i for i in range(2 * s) if i not in p] for p in places.tolist()])
    gaps = both[places].median(1).values - both[rest].median(1).values
    return _share(gaps.abs() >= (one.median() - other.median()).abs())


@mistake
def one_too_few(one, other):
    """One number too few is chosen. Each side of a split has as many numbers as one network has
    seeds."""
    both, s = torch.cat([one, other]), len(one)
    chosen = both[torch.combinations(torch.arange(2 * s), r=s - 1)]
    return _summed(one, other, chosen, both.sum())


@mistake
def only_shifts(one, other):
    """Only splits into neighbouring places are tried. Any s of the 2s places may be chosen."""
    both, s = torch.cat([one, other]), len(one)
    chosen = torch.stack([both.roll(i)[:s] for i in range(2 * s)])
    return _summed(one, other, chosen, both.sum())


@mistake
def single_swaps(one, other):
    """Only splits are tried in which one number changes sides. Any s of the 2s places may be
    chosen."""
    swapped = [one.sum() - a + b for a in one for b in other]
    gaps = 2 * torch.stack(swapped) - one.sum() - other.sum()
    return _share(gaps.abs() >= (one.sum() - other.sum()).abs())


@mistake
def paired(one, other):
    """The numbers are only swapped within pairs. The seeds of two networks do not form pairs: any
    number may end up on either side."""
    signs = torch.tensor(list(product([1.0, -1.0], repeat=len(one)))).double()
    gaps = signs @ (one - other)
    return _share(gaps.abs() >= gaps[0].abs())


EXERCISE = Exercise(
    id="zoo.chance",
    place=5,
    lesson=LESSON,
    title="Is the gap due to chance?",
    points=2,
    minutes=12,
    name="chance",
    reference=framework.chance,
    cases=_cases,
    small=_small,
    mistakes=tuple(mistake),
    hints=(
        "If the two networks were equally good, it would be chance which of the 2s numbers "
        "belongs to which network. Split the numbers in every possible way, and count how often "
        "the gap is at least as large as the observed one.",
        "`itertools.combinations` returns every way to choose s of the 2s places. You know the "
        "total, so the sum of the chosen numbers is enough to compute the gap.",
    ),
)
