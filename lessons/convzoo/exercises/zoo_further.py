"""Lesson 07, further: a design of one's own, and whether a gap is chance."""

from __future__ import annotations

from itertools import product
from math import gcd

import torch
from torch import Generator, Tensor, nn

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Wrong, pick
from convzoo.framework import zoo as framework

LESSON = "07_zoo"

# --- a design of one's own -----------------------------------------------------------

EXAMINED = "convzoo.zoo:examined"


def _design_case(in_channels: int, planes: int, stride: int, side: int) -> Case:
    """The budget is half of what a full 3x3 layer costs there."""
    full = (-(-side // stride)) ** 2 * 9 * in_channels * planes
    asked = {"in_channels": in_channels, "planes": planes, "stride": stride, "side": side}
    return Case(asked | {"budget": full // 2}, {}, examine=EXAMINED)


def _design_cases(gen: Generator) -> list[Case]:
    odd, even, any_side = [5, 7], [6, 8], [5, 6, 7, 8]
    shapes = ((8, 8, 1, any_side), (8, 16, 2, even), (8, 8, 2, odd), (12, 12, 1, any_side),
              (12, 24, 1, any_side))  # fmt: skip
    return [_design_case(*shape, side=pick(gen, sides)) for *shape, sides in shapes]


def _design_small() -> list[Case]:
    """Sides at which the middle pixel's neighbours are there, even two strides of 2 away."""
    shapes = ((8, 8, 1, 6), (8, 16, 2, 8), (8, 8, 2, 8), (8, 16, 1, 6))
    return [_design_case(*shape) for shape in shapes]


def _layer(kernel: int, groups=lambda i, p: 1, keep: bool = False):
    """A block of one convolution, with batch norm and ReLU."""

    class Layer(nn.Sequential):
        def __init__(self, in_channels, planes, stride):
            out = in_channels if keep else planes
            conv = nn.Conv2d(
                in_channels, out, kernel, stride, kernel // 2, groups=groups(in_channels, out)
            )
            super().__init__(conv, nn.BatchNorm2d(out), nn.ReLU())

    return Layer


class _NoStride(framework.Design):
    def __init__(self, in_channels, planes, stride):
        super().__init__(in_channels, planes, 1)


class _NoPadding(nn.Sequential):
    def __init__(self, in_channels, planes, stride):
        look = nn.Conv2d(in_channels, in_channels, 3, stride, groups=in_channels)
        super().__init__(look, nn.Conv2d(in_channels, planes, 1))


class _SamePlanes(framework.Design):
    def __init__(self, in_channels, planes, stride):
        super().__init__(in_channels, 4, stride)


class _Part(nn.Module):
    """A convolution that is given a quarter of the channels."""

    def __init__(self, in_channels, planes, stride):
        super().__init__()
        self.used = in_channels // 4
        self.conv = nn.Conv2d(self.used, planes, 3, stride, 1)

    def forward(self, x):
        return self.conv(x.narrow(1, 0, self.used))


class _Column(nn.Sequential):
    def __init__(self, in_channels, planes, stride):
        super().__init__(nn.Conv2d(in_channels, planes, (3, 1), stride, (1, 0)))


DESIGN = Exercise(
    id="zoo.design",
    lesson=LESSON,
    title="A design of your own",
    points=3,
    minutes=20,
    name="Design",
    reference=framework.Design,
    cases=_design_cases,
    small=_design_small,
    returns=(
        "channels out", "rows out", "multiply-adds above the budget", "unused input channels",
        "pairs of channels that never meet", "pixels of a 3 x 3 that one sees",
    ),
    wrong=(
        Wrong(
            "full",
            "A full 3x3 layer is twice the budget. Find weights that it can do without.",
            _layer(3),
        ),
        Wrong(
            "depthwise_alone",
            "A depthwise layer alone lets no two channels meet.",
            _layer(3, lambda i, p: gcd(i, p)),
        ),
        Wrong(
            "four_groups",
            "The budget is kept, but these are stovepipes: four groups that never meet (lesson "
            "05).",
            _layer(3, lambda i, p: 4),
        ),
        Wrong(
            "two_groups",
            "Two groups of channels never meet, so each output sees half of the inputs.",
            _layer(3, lambda i, p: 2),
        ),
        Wrong(
            "one_pixel",
            "All channels meet, but a pixel sees none of its neighbours. A block of an image "
            "network looks at 3 x 3 pixels at least.",
            _layer(1),
        ),
        Wrong(
            "column",
            "A pixel sees 3 pixels of one column, or of one row, and none beside it. A kernel of "
            "3 x 1 needs one of 1 x 3 too.",
            _Column,
        ),
        Wrong(
            "unused",
            "Some input channels are not used at all. Every output has to depend on each of them.",
            _Part,
        ),
        Wrong(
            "no_stride",
            "The stride is not used: with stride 2 the image has half as many rows and columns.",
            _NoStride,
        ),
        Wrong(
            "no_padding",
            "Rows and columns are lost at the border: a 3x3 keeps them with a padding of 1.",
            _NoPadding,
        ),
        Wrong(
            "planes_fixed",
            "The number of channels that come out is not `planes`.",
            _SamePlanes,
        ),
    ),
    hints=(
        "Two jobs, and a full 3x3 does both in each of its weights: look at neighbours, and mix "
        "channels. What if two layers share them?",
        "A 3x3 in many groups is cheap and looks; a 1x1 mixes. Or two grouped layers with a "
        "shuffle between them. Or a narrow middle. Count before you check: `measure.cost`.",
    ),
)

# --- is the gap chance? -----------------------------------------------------------------


def _two_sets(gen: Generator, s: int, apart: int) -> Case:
    """Hits of 1000 of two networks, from s seeds each."""
    hits = 600 + torch.randint(0, 40, (2, s), generator=gen).double()
    hits[1] += apart
    return Case({}, {"one": hits[0].clone(), "other": hits[1].clone()})


def _chance_cases(gen: Generator) -> list[Case]:
    return [_two_sets(gen, 5, 12), _two_sets(gen, 4, -9), _two_sets(gen, 3, 15)]


def _chance_small() -> list[Case]:
    pairs = (([3, 6, 2], [7, 2, 9]), ([7, 2, 9], [3, 6, 2]), ([1, 1, 1], [1, 1, 1]))
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


CHANCE = Exercise(
    id="zoo.chance",
    lesson=LESSON,
    title="Is the gap chance?",
    points=2,
    minutes=12,
    name="chance",
    reference=framework.chance,
    cases=_chance_cases,
    small=_chance_small,
    wrong=(
        Wrong(
            "strictly",
            "A split with exactly the gap that was seen counts, too: the one that was seen is "
            "among them.",
            _strictly,
        ),
        Wrong(
            "one_sided",
            "Only one direction is counted. A gap as large the other way round would have "
            "surprised as much.",
            _one_sided,
        ),
        Wrong(
            "signed",
            "The gaps are compared with their signs. Their sizes are asked.",
            _signed,
        ),
        Wrong(
            "seen_signed",
            "The gap that was seen has kept its sign. Where `other` is the better one, every "
            "split has a larger gap than that.",
            _seen_signed,
        ),
        Wrong(
            "the_rest",
            "That is the share of the splits with a smaller gap.",
            lambda one, other: 1 - framework.chance(one, other),
        ),
        Wrong(
            "a_count",
            "That is how many splits there are with such a gap. Asked is their share of all.",
            lambda one, other: round(framework.chance(one, other) * len(_splits(one, other)[0])),
        ),
        Wrong(
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

FURTHER = (DESIGN, CHANCE)
