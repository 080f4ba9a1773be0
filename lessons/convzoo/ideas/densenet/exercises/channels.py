"""Lesson 03, Further: the widths of a whole network."""

from __future__ import annotations

import torch
from torch import Generator

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, Shortcut, pick
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


def _rounded_up(num_init_features: int, growth_rate: int, block_config: list[int]):
    """The framework's blocks one by one, with halves that are rounded up between them."""
    widths, features = [], num_init_features
    for layers in block_config:
        widths += framework.channels(features, growth_rate, [layers])
        features = -(-widths[-1] // 2)
    return tuple(widths)


def _not_rounded(num_init_features: int, growth_rate: int, block_config: list[int]):
    """Halves of numbers so large that nothing is rounded, and made small again."""
    scale = 2 ** len(block_config)
    large = framework.channels(num_init_features * scale, growth_rate * scale, block_config)
    return tuple(width / scale for width in large)


def _each_block_once(num_init_features: int, growth_rate: int, block_config: list[int]):
    return framework.channels(num_init_features, growth_rate, [1] * len(block_config))


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
    mistakes=(
        Mistake(
            "never_halved",
            "The transitions between the blocks are missing: each halves the channels.",
            lambda num_init_features, growth_rate, block_config: tuple(
                framework.channels(num_init_features, growth_rate, [sum(block_config[: i + 1])])[0]
                for i in range(len(block_config))
            ),
        ),
        Mistake(
            "last_halved",
            "The last block is halved, too. A transition stands between two blocks, so there is "
            "none behind the last.",
            lambda num_init_features, growth_rate, block_config: (
                *framework.channels(num_init_features, growth_rate, block_config)[:-1],
                framework.channels(num_init_features, growth_rate, block_config)[-1] // 2,
            ),
        ),
        Mistake(
            "after_transitions",
            "Those are the channels behind the transitions. Asked are those at the end of each "
            "block, before they are halved.",
            lambda num_init_features, growth_rate, block_config: tuple(
                width // 2 if i < len(block_config) - 1 else width
                for i, width in enumerate(
                    framework.channels(num_init_features, growth_rate, block_config)
                )
            ),
        ),
        Mistake(
            "all_halved",
            "Every number is halved. Asked are the channels at the end of each block, before its "
            "transition halves them; and behind the last block there is none.",
            lambda num_init_features, growth_rate, block_config: tuple(
                width // 2
                for width in framework.channels(num_init_features, growth_rate, block_config)
            ),
        ),
        Mistake(
            "not_rounded",
            "Half channels are kept. Where an odd number is halved, it is rounded down.",
            _not_rounded,
        ),
        Mistake(
            "rounded_up",
            "Where an odd number is halved, it is rounded up. Round it down, as the paper's "
            "networks do.",
            _rounded_up,
        ),
        Mistake(
            "once_a_block",
            "Each block adds the growth rate once. It is each layer that adds it.",
            _each_block_once,
        ),
    ),
    hints=(
        "Keep one number, the channels that there are. What does a block of n layers do to it? "
        "What does a transition do?",
        "A block adds growth_rate for each of its layers: note the number then. The transition "
        "behind it halves the number, rounded down. Behind the last block there is none.",
    ),
    shortcuts=(
        Shortcut(
            "It builds torchvision's network to look the numbers up. Reckon them.",
            lambda op: False,
            ("DenseNet", "densenet121", "_DenseBlock"),
        ),
    ),
)
