"""Lesson 03, Further: one buffer for all channels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor, nn

from convzoo.case import Case, Op
from convzoo.exercises.mistakes import Mistakes, change_input, change_result
from convzoo.exercises.model import (
    Exercise,
    Shortcut,
    integers,
    layer_case,
    pick,
    small_module_case,
)
from convzoo.ideas.densenet import framework

LESSON = "03_densenet"


_buffer_case = partial(layer_case, framework.BufferBlock, image=(3, 4))


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


def _joins(op: Op) -> bool:
    """Return whether several tensors are joined; torchvision's layer does so with one."""
    return op.name.startswith(("aten.cat", "aten.stack")) and len(op.args[0]) > 1


def _fed(given: Callable[[Tensor, Tensor], Tensor], sizes: dict) -> nn.Module:
    """Return the framework's block that at the end calls each layer on given(x, result).

    If a layer is not made for that, torch raises what it raises for the student's.
    """
    block = framework.BufferBlock(**sizes)

    def call_again(x: Tensor, y: Tensor) -> Tensor:
        for layer in block.values():
            layer(given(x, y))
        return y

    return change_result(block, call_again)


def _pieces(block: nn.Module, x: Tensor, y: Tensor) -> list[Tensor]:
    """Return the parts of a result: x, then the channels of each layer."""
    old, new = y[:, : x.shape[1]], y[:, x.shape[1] :]
    return [old, *new.chunk(len(block), 1)]


def _empty(pieces: list[Tensor]) -> list[Tensor]:
    """Return the front of a buffer that holds x alone."""
    x, *new = pieces
    return [x, *map(torch.zeros_like, new)]


def _overwritten(pieces: list[Tensor]) -> list[Tensor]:
    """Return the front of a buffer where each layer has written over the one before."""
    x, *new = pieces
    return [x, *new[-1:], *map(torch.zeros_like, new[1:])]


mistake = Mistakes(framework.BufferBlock)


@mistake
def emptied(**sizes):
    """x is not in the buffer when the first layer reads it. Write x into it before the first layer
    runs."""
    return change_input(framework.BufferBlock(**sizes), torch.zeros_like)


@mistake
def whole(**sizes):
    """A layer gets too many channels: those of the whole buffer. Slice the channels (dimension 1)
    as far as they are filled."""
    return _fed(lambda x, y: y, sizes)


@mistake
def stands_still(**sizes):
    """Every layer gets the same number of channels as the first. The filled part grows by the
    growth rate at each layer, and the next one reads all of it."""
    return _fed(lambda x, y: x, sizes)


@mistake
def one_place(**sizes):
    """Every layer writes to the same place, over the channels of the layer before. The place has to
    move on by the growth rate at each layer."""
    block = framework.BufferBlock(**sizes)
    change_input(block, _overwritten, *block)
    return change_result(block, lambda x, y: torch.hstack(_overwritten(_pieces(block, x, y))))


@mistake
def at_the_end(**sizes):
    """Every layer writes to the end of the buffer. Write right after the filled part, where the
    next layer reads."""
    block = written_late(**sizes)

    def overwrite(x: Tensor, y: Tensor) -> Tensor:
        *front, last = _pieces(block, x, y)
        return torch.hstack([*_empty(front), last])

    return change_result(block, overwrite)


@mistake
def written_late(**sizes):
    """All layers run before any of their channels is in the buffer. Write each layer's output into
    it before the next one reads."""
    block = framework.BufferBlock(**sizes)
    return change_input(block, _empty, *block)


@mistake
def from_the_end(**sizes):
    """The layers' channels are in reverse order. Those of the first layer belong right after x."""
    block = framework.BufferBlock(**sizes)

    def turn(x: Tensor, y: Tensor) -> Tensor:
        old, *new = _pieces(block, x, y)
        return torch.hstack((old, *new[::-1]))

    return change_result(block, turn)


@mistake
def x_last(**sizes):
    """x is at the end of the buffer. It belongs at the beginning, so that what a layer reads is
    always one piece that starts at channel 0."""
    return change_result(framework.BufferBlock(**sizes), lambda x, y: y.roll(-x.shape[1], 1))


@mistake
def no_x(**sizes):
    """The result has only the new channels. Return the whole buffer: it holds x, too."""
    return change_result(framework.BufferBlock(**sizes), lambda x, y: y[:, x.shape[1] :])


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
    mistakes=tuple(mistake),
    hints=(
        "How many channels are there at the end? Make a tensor with that many, using "
        "`x.new_empty(...)`, and write x into the first ones.",
        "A slice of the channels is a view: reading it copies nothing, and assigning to it writes "
        "into the buffer. Keep a number that says how many channels are filled.",
        "For each layer: give it the filled channels, write what it returns after them, and add "
        "growth_rate to the number.",
    ),
    shortcuts=(
        Shortcut(
            "It calls `torch.cat` or a similar function, which copies everything into a new "
            "tensor. Write into the buffer instead.",
            ("cat", "concat", "concatenate", "*stack"),
            counts=_joins,
        ),
    ),
)
