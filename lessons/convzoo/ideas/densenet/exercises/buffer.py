"""Lesson 03, Further: one buffer for all channels."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case, Op
from convzoo.exercises.model import (
    Exercise,
    Mistake,
    Shortcut,
    integers,
    module_case,
    normal,
    pick,
    small_module_case,
)
from convzoo.ideas.densenet import framework

LESSON = "03_densenet"


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
    x = 1 - integers(1, 2, 1, 2) % 3
    sizes = {"in_channels": 2, "growth_rate": 1, "bn_size": 2}
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


class _Misread(framework.BufferBlock):
    """The layers read a buffer of zeros into which the pieces so far were written otherwise."""

    def __init__(self, **scalars):
        super().__init__(**scalars)
        for layer in self.values():
            layer.register_forward_pre_hook(lambda module, args: ([*self.read(*args[0])],))

    def pieces(self, y: Tensor, c: int) -> list[Tensor]:
        return [y[:, :c], *y[:, c:].split((y.shape[1] - c) // len(self), 1)]


class _OnePlace(_Misread):
    """Each layer writes over the one before."""

    def read(self, x: Tensor, *new: Tensor) -> list[Tensor]:
        return [x, *new[-1:], *map(torch.zeros_like, new[1:])]

    def forward(self, x: Tensor) -> Tensor:
        return torch.hstack(self.read(*self.pieces(super().forward(x), x.shape[1])))


class _WrittenLate(_Misread):
    def read(self, x: Tensor, *new: Tensor) -> list[Tensor]:
        return [x, *map(torch.zeros_like, new)]


class _AtTheEnd(_WrittenLate):
    """Each layer writes over the one before, behind all that any layer reads."""

    def forward(self, x: Tensor) -> Tensor:
        *front, last = self.pieces(super().forward(x), x.shape[1])
        return torch.hstack([*self.read(*front), last])


def _joins(op: Op) -> bool:
    """Whether it puts several tensors together; torchvision's layer does so with one."""
    return op.name.startswith(("aten.cat", "aten.stack")) and len(op.args[0]) > 1


EXERCISE = Exercise(
    id="densenet.buffer",
    place=5,
    lesson=LESSON,
    title="One buffer for all channels",
    points=2,
    minutes=12,
    name="BufferBlock",
    reference=framework.BufferBlock,
    cases=_buffer_cases,
    small=_buffer_small,
    mistakes=(
        Mistake(
            "emptied",
            "x has not been written into the buffer before the first layer reads it.",
            _Emptied,
        ),
        Mistake(
            "whole",
            "A layer is given the whole buffer. It reads the front of it, as far as it is filled.",
            _Whole,
        ),
        Mistake(
            "stands_still",
            "Every layer is given as many channels as the first. What is filled grows by the "
            "growth rate at each layer, and the next one reads all of it.",
            _StandsStill,
        ),
        Mistake(
            "one_place",
            "Every layer writes to the same place, over the channels of the one before. The place "
            "moves on by the growth rate at each layer.",
            _OnePlace,
        ),
        Mistake(
            "at_the_end",
            "Every layer writes to the end of the buffer. Its place is right behind what is "
            "filled, where the next layer reads.",
            _AtTheEnd,
        ),
        Mistake(
            "written_late",
            "All layers run before any of their channels is in the buffer. Write down what a layer "
            "gives before the next one reads.",
            _WrittenLate,
        ),
        Mistake(
            "from_the_end",
            "The layers' channels lie in reverse order: the first layer's belong right behind x.",
            _FromTheEnd,
        ),
        Mistake(
            "x_last",
            "x lies at the end of the buffer. It belongs at the beginning, so that what a layer "
            "reads is always one piece from channel 0 on.",
            _XLast,
        ),
        Mistake("no_x", "The result has the new channels alone. The buffer holds x, too.", _NoX),
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
