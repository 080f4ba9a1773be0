"""Lesson 00: the output size and the receptive field of a stack of layers."""

from __future__ import annotations

from functools import reduce

from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, pick
from convzoo.ideas.convolution import framework

LESSON = "00_convolution"

Layers = list[list[int]]


def _stack_case(size: int, *layers: tuple[int, ...]) -> Case:
    return Case({"size": size, "layers": [list(layer) for layer in layers]}, {})


def _stack_cases(gen: Generator) -> list[Case]:
    size = 100 + pick(gen, list(range(40)))
    return [
        _stack_case(size, (3, 1, 1, 1), (3, 1, 1, 1)),
        _stack_case(size + 3, (7, 2, 3, 1), (3, 2, 1, 1), (3, 1, 1, 1)),
        _stack_case(size + 6, (3, 2, 0, 1), (pick(gen, [4, 6]), 3, 2, 1), (2, 2, 0, 1)),
        _stack_case(size, (3, 1, 1, 1), (3, 1, 2, 2), (3, 2, 4, 4), (5, 1, 2, 3)),
        _stack_case(size + 2, (pick(gen, [4, 8]), 4, 0, 1)),
    ]


def _stack_small() -> list[Case]:
    return [
        _stack_case(6, (3, 1, 1, 1)),
        _stack_case(10, (3, 1, 0, 1), (3, 1, 0, 1)),
        _stack_case(12, (3, 2, 1, 1), (3, 1, 1, 1)),
        _stack_case(12, (3, 1, 0, 2)),
        _stack_case(16, (3, 2, 1, 1), (3, 2, 1, 1), (3, 1, 1, 1)),
    ]


def _size(size: int, layers: Layers) -> int:
    return framework.stack(size, layers)[0]


def _field(layers: Layers) -> int:
    return framework.stack(4096, layers)[1]  # the same for every image that is large enough


mistake = Mistakes(framework.stack)


@mistake
def kernels_summed(size, layers):
    """The kernels are added up. Two 3x3 layers see 5 pixels, not 6: a layer adds its kernel less
    one to what is seen."""
    return _size(size, layers), sum(kernel for kernel, *_ in layers)


@mistake
def stride_forgotten(size, layers):
    """The field ignores the strides. Behind a layer of stride 2 neighbours lie 2 pixels of the
    image apart, so what later layers add counts twice."""
    return _size(size, layers), _field([[k, 1, p, d] for k, _, p, d in layers])


@mistake
def own_stride(size, layers):
    """Here a layer's own stride spreads its own taps already. It spreads only those of the layers
    behind it: use the product of the strides before."""
    strides = [layer[1] for layer in layers] + [1]
    shifted = [[k, s, p, d] for (k, _, p, d), s in zip(layers, strides[1:], strict=True)]
    return _size(size, layers), _field([[1, strides[0], 0, 1], *shifted])


@mistake
def dilation_forgotten(size, layers):
    """The field ignores the dilation. Neighbouring taps lie `dilation` apart, so the kernel less
    one counts as often."""
    return _size(size, layers), _field([[k, s, p, 1] for k, s, p, _ in layers])


@mistake
def dilation_nowhere(size, layers):
    """The dilation is left out of the size and the field. The outermost taps lie the dilation
    times the kernel less one apart."""
    return framework.stack(size, [[k, s, p, 1] for k, s, p, _ in layers])


@mistake
def last_stride(size, layers):
    """Only the stride of the layer before is counted. Strides multiply: behind two layers of
    stride 2 neighbours lie 4 pixels of the image apart."""
    strides = [1, *(layer[1] for layer in layers)]
    alone = [[[1, s, 0, 1], layer] for layer, s in zip(layers, strides, strict=False)]
    return _size(size, layers), 1 + sum(_field(pair) - 1 for pair in alone)


@mistake
def from_zero(size, layers):
    """The field begins at 0. Before any layer an output is one pixel and sees it."""
    return _size(size, layers), _field(layers) - 1


@mistake
def swapped(size, layers):
    """The two results are exchanged: the size comes first, then the field."""
    return framework.stack(size, layers)[::-1]


@mistake
def first_alone(size, layers):
    """It returns after the first layer: look how far in the `return` stands."""
    return framework.stack(size, layers[:1])


@mistake
def fractions(size, layers):
    """A size is not whole. A window that does not fit any more is left out: round down at every
    layer."""
    exact = float(size)
    for kernel, step, padding, dilation in layers:
        exact = 1 + (exact - 1 + 2 * padding - dilation * (kernel - 1)) / step
    return exact, _field(layers)


@mistake
def one_less(size, layers):
    """The sizes are one too small at every layer. Count the first position too: that is the
    + 1."""
    return reduce(lambda n, layer: _size(n, [layer]) - 1, layers, size), _field(layers)


@mistake
def padded_once(size, layers):
    """The padding is counted once. It stands on both sides of the image."""
    return reduce(lambda n, layer: _size(n - layer[2], [layer]), layers, size), _field(layers)


@mistake
def rounded_up(size, layers):
    """The sizes are rounded up. A window that does not fit any more is left out: round down."""
    return reduce(lambda n, layer: _size(n + layer[1] - 1, [layer]), layers, size), _field(layers)


@mistake
def padding_seen(size, layers):
    """The field shrinks by the padding. What an output sees does not depend on the padding: that
    changes how many outputs there are."""
    return _size(size, layers), _field(layers) - 2 * sum(layer[2] for layer in layers)


EXERCISE = Exercise(
    id="convolution.stack",
    place=3,
    lesson=LESSON,
    title="What a stack of layers gives, and what it sees",
    points=2,
    minutes=12,
    name="stack",
    reference=framework.stack,
    cases=_stack_cases,
    small=_stack_small,
    mistakes=tuple(mistake),
    hints=(
        "Go through the layers and keep three numbers: the size so far, the field so far (it "
        "begins with 1 pixel), and how many pixels of the image lie between two neighbours of the "
        "output so far (it begins with 1).",
        "A layer's outermost taps lie dilation * (kernel - 1) apart, counted in pixels of its own "
        "input. In pixels of the image that is as many times the third number. Only then "
        "multiply the third number by the layer's stride.",
    ),
    returns=("output size", "receptive field"),
)
