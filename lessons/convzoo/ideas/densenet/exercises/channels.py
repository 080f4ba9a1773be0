"""Lesson 03, Further: the widths of a whole network."""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, pick
from convzoo.ideas.densenet import framework

LESSON = "03_densenet"


def _width_case(features: int, growth: int, blocks: list[int]) -> Case:
    return Case({"num_init_features": features, "growth_rate": growth, "block_config": blocks}, {})


def _width_cases(gen: Generator) -> list[Case]:
    odd = 2 * int(torch.randint(3, 40, (), generator=gen)) + 1
    return [
        _width_case(odd, pick(gen, [2, 4, 6]), [2, 3, 1]),
        _width_case(8, 4, [3, 2]),
        _width_case(6, 3, [1, 2, 2, 1]),
        _width_case(5, 2, [2]),
    ]


def _width_small() -> list[Case]:
    return [_width_case(4, 2, [1, 1]), _width_case(3, 2, [1, 2]), _width_case(2, 1, [1, 2, 1])]


mistake = Mistakes(framework.channels)


@mistake
def never_halved(num_init_features, growth_rate, block_config):
    """The transitions between the blocks are missing. Each halves the channels before the next
    block."""
    layers = accumulate(block_config)
    return tuple(framework.channels(num_init_features, growth_rate, [n])[0] for n in layers)


@mistake
def last_halved(num_init_features, growth_rate, block_config):
    """The last block is halved, too. A transition is between two blocks, so there is none after the
    last one."""
    *widths, last = framework.channels(num_init_features, growth_rate, block_config)
    return *widths, last // 2


@mistake
def after_transitions(num_init_features, growth_rate, block_config):
    """Those are the channels after the transitions. The exercise asks for those at the end of each
    block, before they are halved."""
    *widths, last = framework.channels(num_init_features, growth_rate, block_config)
    return *(width // 2 for width in widths), last


@mistake
def all_halved(num_init_features, growth_rate, block_config):
    """Every number is halved. The exercise asks for the channels at the end of each block, before
    its transition halves them. After the last block there is no transition."""
    widths = framework.channels(num_init_features, growth_rate, block_config)
    return tuple(width // 2 for width in widths)


@mistake
def not_rounded(num_init_features, growth_rate, block_config):
    """Half channels are kept. When an odd number is halved, it is rounded down."""
    scale = 2 ** len(block_config)  # so large that nothing is rounded
    large = framework.channels(num_init_features * scale, growth_rate * scale, block_config)
    return tuple(width / scale for width in large)


@mistake
def rounded_up(num_init_features, growth_rate, block_config):
    """When an odd number is halved, it is rounded up. Round it down, as in the paper's networks."""
    widths, features = [], num_init_features
    for layers in block_config:  # the framework's blocks one by one
        widths += framework.channels(features, growth_rate, [layers])
        features = -(-widths[-1] // 2)
    return tuple(widths)


@mistake
def once_a_block(num_init_features, growth_rate, block_config):
    """Each block adds the growth rate only once. Every layer of a block adds it."""
    return framework.channels(num_init_features, growth_rate, [1] * len(block_config))


@mistake
def starts_again(num_init_features, growth_rate, block_config):
    """Every block starts from num_init_features. Only the first one does: the next starts with what
    the transition before it leaves."""
    return tuple(framework.channels(num_init_features, growth_rate, [n])[0] for n in block_config)


def _starts(num_init_features: int, growth_rate: int, block_config: list[int]) -> list[int]:
    """Return the channels that each block starts with."""
    ends = framework.channels(num_init_features, growth_rate, block_config)
    return [num_init_features, *(end // 2 for end in ends[:-1])]


@mistake
def added_alone(num_init_features, growth_rate, block_config):
    """Those are the channels that each block adds. A block also passes on the channels of its
    input, so count these too."""
    ends = framework.channels(num_init_features, growth_rate, block_config)
    starts = _starts(num_init_features, growth_rate, block_config)
    return tuple(end - start for start, end in zip(starts, ends, strict=True))


@mistake
def starts(num_init_features, growth_rate, block_config):
    """Those are the channels that each block starts with. The exercise asks for those that it ends
    with, after all of its layers."""
    return tuple(_starts(num_init_features, growth_rate, block_config))


@mistake
def first_halved(num_init_features, growth_rate, block_config):
    """The channels are halved before the first block, too. A transition is between two blocks, so
    the first block starts with num_init_features."""
    return framework.channels(num_init_features // 2, growth_rate, block_config)


@mistake
def one_layer_more(num_init_features, growth_rate, block_config):
    """Each block is counted with one layer too many. A block of n layers adds the growth rate n
    times."""
    return framework.channels(num_init_features, growth_rate, [n + 1 for n in block_config])


@mistake
def growth_doubled(num_init_features, growth_rate, block_config):
    """The growth rate is doubled from block to block. It is the same in the whole network."""
    widths, features = [], num_init_features
    for i, layers in enumerate(block_config):
        widths += framework.channels(features, growth_rate * 2**i, [layers])
        features = widths[-1] // 2
    return tuple(widths)


EXERCISE = Exercise(
    id="densenet.channels",
    place=6,
    lesson=LESSON,
    title="The widths of a whole network",
    points=2,
    minutes=8,
    name="channels",
    reference=framework.channels,
    cases=_width_cases,
    small=_width_small,
    sizes=True,
    mistakes=tuple(mistake),
    hints=(
        "Keep one number: the current number of channels. What does a block of n layers do to it? "
        "What does a transition do?",
        "A block adds growth_rate for each of its layers: record the number then. The transition "
        "after it halves the number, rounded down. After the last block there is none.",
    ),
    shortcuts=(
        Shortcut(
            "It builds torchvision's network to look up the numbers. Compute them yourself.",
            modules=("torchvision", "timm"),
        ),
    ),
)
