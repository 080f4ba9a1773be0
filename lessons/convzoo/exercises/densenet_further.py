"""Lesson 03, Further: one buffer, and the widths of a network."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case, Op
from convzoo.exercises.model import (
    Exercise, Shortcut, Wrong, integers, module_case, normal, pick, small_module_case,
)  # fmt: skip
from convzoo.framework import densenet as framework

LESSON = "03_densenet"

# --- one buffer ------------------------------------------------------------------


def _buffer_case(gen, training=False, image=(3, 4), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.BufferBlock, scalars, {"x": x}, gen, training)


def _buffer_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [5, 6, 7])
    return [
        _buffer_case(gen, num_layers=3, in_channels=wide, growth_rate=2, bn_size=2),
        _buffer_case(gen, num_layers=2, in_channels=3, growth_rate=4, bn_size=1, image=(1, 5)),
        _buffer_case(gen, num_layers=4, in_channels=2, growth_rate=3, bn_size=2),
    ]


def _buffer_small() -> list[Case]:
    x = integers(1, 2, 1, 2) % 3
    sizes = {"in_channels": 2, "growth_rate": 1, "bn_size": 1}
    return [
        small_module_case(framework.BufferBlock, {"num_layers": n} | sizes, {"x": x})
        for n in (1, 2)
    ]


class _Emptied(framework.BufferBlock):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.zeros_like(x))


class _Fed(framework.BufferBlock):
    """The second layer is given what it was not made for."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        for layer in self.values():
            layer(self.fed(x, y))
        return y


class _StandsStill(_Fed):
    def fed(self, x: Tensor, y: Tensor) -> Tensor:
        return x


class _Whole(_Fed):
    def fed(self, x: Tensor, y: Tensor) -> Tensor:
        return y


class _Reordered(framework.BufferBlock):
    def forward(self, x: Tensor) -> Tensor:
        y, c = super().forward(x), x.shape[1]
        return self.placed(y[:, :c], y[:, c:].unflatten(1, (len(self), -1)))


class _FromTheEnd(_Reordered):
    def placed(self, x: Tensor, new: Tensor) -> Tensor:
        return torch.hstack((x, new.flip(1).flatten(1, 2)))


class _XLast(_Reordered):
    def placed(self, x: Tensor, new: Tensor) -> Tensor:
        return torch.hstack((new.flatten(1, 2), x))


class _NoX(_Reordered):
    def placed(self, x: Tensor, new: Tensor) -> Tensor:
        return new.flatten(1, 2)


class _OnePlace(framework.BufferBlock):
    """Each layer writes over the one before; what lies behind is still zero."""

    def __init__(self, **scalars):
        super().__init__(**scalars)
        for layer in self.values():
            layer.register_forward_pre_hook(lambda module, args: (_moved_up(args[0]),))

    def forward(self, x: Tensor) -> Tensor:
        y, c = super().forward(x), x.shape[1]
        return torch.hstack(_moved_up([y[:, :c], *y[:, c:].split((y.shape[1] - c) // len(self), 1)]))


def _moved_up(pieces: list[Tensor]) -> list[Tensor]:
    x, *new = pieces
    return [x, *new[-1:], *(torch.zeros_like(piece) for piece in new[1:])]


def _joins(op: Op) -> bool:
    """Whether it puts several tensors together; torchvision's layer does so with one."""
    return op.name.startswith(("aten.cat", "aten.stack")) and len(op.args[0]) > 1


BUFFER = Exercise(
    id="densenet.buffer",
    lesson=LESSON,
    title="One buffer for all channels",
    points=2,
    minutes=12,
    name="BufferBlock",
    reference=framework.BufferBlock,
    cases=_buffer_cases,
    small=_buffer_small,
    wrong=(
        Wrong(
            "emptied",
            "x has not been written into the buffer before the first layer reads it.",
            _Emptied,
        ),
        Wrong(
            "whole",
            "A layer is given the whole buffer. It reads the front of it, as far as it is filled.",
            _Whole,
        ),
        Wrong(
            "stands_still",
            "Every layer is given as many channels as the first. What is filled grows by the growth "
            "rate at each layer, and the next one reads all of it.",
            _StandsStill,
        ),
        Wrong(
            "one_place",
            "Every layer writes to the same place, over the channels of the one before. The place "
            "moves on by the growth rate at each layer.",
            _OnePlace,
        ),
        Wrong(
            "from_the_end",
            "The layers' channels lie in reverse order: the first layer's belong right behind x.",
            _FromTheEnd,
        ),
        Wrong(
            "x_last",
            "x lies at the end of the buffer. It belongs at the beginning, so that what a layer "
            "reads is always one piece from channel 0 on.",
            _XLast,
        ),
        Wrong(
            "no_x",
            "The result has the new channels alone. The buffer holds x, too.",
            _NoX,
        ),
    ),
    hints=(
        "How many channels are there at the end? Make a tensor of that many with "
        "`x.new_empty(...)`, and write x into the first ones.",
        "A slice of the channels is a view: reading it copies nothing, and assigning to it writes "
        "into the buffer. Let a number say how many channels are filled.",
        "For each layer: give it the filled channels, write what it returns behind them, and add "
        "growth_rate to the number.",
    ),
    shortcuts=(
        Shortcut(
            "It calls `torch.cat` or its like, which copies what is there into a new tensor. Write "
            "into the buffer instead.",
            _joins,
            ("cat", "concat", "concatenate", "hstack", "stack"),
        ),
    ),
)

# --- the widths of a network -----------------------------------------------------


def _width_case(features: int, growth: int, blocks: list[int]) -> Case:
    return Case(
        {"num_init_features": features, "growth_rate": growth, "block_config": blocks}, {}
    )


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


CHANNELS = Exercise(
    id="densenet.channels",
    lesson=LESSON,
    title="The widths of a whole network",
    points=2,
    minutes=8,
    name="channels",
    reference=framework.channels,
    cases=_width_cases,
    small=_width_small,
    wrong=(
        Wrong(
            "never_halved",
            "The transitions between the blocks are missing: each halves the channels.",
            lambda num_init_features, growth_rate, block_config: tuple(
                framework.channels(num_init_features, growth_rate, [sum(block_config[: i + 1])])[0]
                for i in range(len(block_config))
            ),
        ),
        Wrong(
            "last_halved",
            "The last block is halved, too. A transition stands between two blocks, so there is "
            "none behind the last.",
            lambda num_init_features, growth_rate, block_config: (
                *framework.channels(num_init_features, growth_rate, block_config)[:-1],
                framework.channels(num_init_features, growth_rate, block_config)[-1] // 2,
            ),
        ),
        Wrong(
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
        Wrong(
            "all_halved",
            "Every number is halved. Asked are the channels at the end of each block, before its "
            "transition halves them; and behind the last block there is none.",
            lambda num_init_features, growth_rate, block_config: tuple(
                width // 2
                for width in framework.channels(num_init_features, growth_rate, block_config)
            ),
        ),
        Wrong(
            "not_rounded",
            "Half channels are kept. Where an odd number is halved, it is rounded down.",
            _not_rounded,
        ),
        Wrong(
            "rounded_up",
            "Where an odd number is halved, it is rounded up. Round it down, as the paper's "
            "networks do.",
            _rounded_up,
        ),
        Wrong(
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
