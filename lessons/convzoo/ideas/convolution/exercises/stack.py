"""Lesson 00: the last exercise of the core, a stack of layers."""

from __future__ import annotations

from collections.abc import Callable

from torch import Generator

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, pick
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


def _spoilt_stack(spoil: Callable[[list[int]], list[int]]) -> Callable:
    """The size is right; the field is that of other layers."""

    def target(size: int, layers: Layers):
        other = framework.stack(4096, [spoil(layer) for layer in layers])
        return framework.stack(size, layers)[0], other[1]

    return target


def _spoilt_size(before: Callable[[int, list[int]], int], less: int = 0) -> Callable:
    """The field is right; every layer is given another size, or gives another."""

    def target(size: int, layers: Layers):
        seen = framework.stack(4096, layers)[1]
        for layer in layers:
            size = framework.stack(before(size, layer), [layer])[0] - less
        return size, seen

    return target


def _own_stride(size: int, layers: Layers):
    """As if a layer's own stride already spread its own taps."""
    strides = [layer[1] for layer in layers] + [1]
    shifted = [[k, s, p, d] for (k, _, p, d), s in zip(layers, strides[1:], strict=True)]
    field = framework.stack(4096, [[1, strides[0], 0, 1], *shifted])[1]
    return framework.stack(size, layers)[0], field


def _last_stride(size: int, layers: Layers):
    """As if a layer were spread by the stride before it alone."""
    strides = [1, *(layer[1] for layer in layers)]
    alone = [[[1, s, 0, 1], layer] for layer, s in zip(layers, strides, strict=False)]
    field = 1 + sum(framework.stack(4096, pair)[1] - 1 for pair in alone)
    return framework.stack(size, layers)[0], field


def _fractions(size: int, layers: Layers):
    """As if a window that does not fit whole counted in part."""
    seen, exact = framework.stack(size, layers)[1], float(size)
    for kernel, step, border, spread in layers:
        exact = 1 + (exact - 1 + 2 * border - spread * (kernel - 1)) / step
    return exact, seen


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
    mistakes=(
        Mistake(
            "kernels_summed",
            "The kernels are added up. Two 3x3 layers see 5 pixels, not 6: a layer adds its "
            "kernel less one to what is seen.",
            lambda size, layers: (
                framework.stack(size, layers)[0],
                sum(kernel for kernel, *_ in layers),
            ),
        ),
        Mistake(
            "stride_forgotten",
            "The field ignores the strides. Behind a layer of stride 2 neighbours lie 2 pixels "
            "of the image apart, so what later layers add counts twice.",
            _spoilt_stack(lambda layer: [layer[0], 1, *layer[2:]]),
        ),
        Mistake(
            "own_stride",
            "Here a layer's own stride spreads its own taps already. It spreads only those of the "
            "layers behind it: use the product of the strides before.",
            _own_stride,
        ),
        Mistake(
            "dilation_forgotten",
            "The field ignores the dilation. Neighbouring taps lie `dilation` apart, so the "
            "kernel less one counts as often.",
            _spoilt_stack(lambda layer: [*layer[:3], 1]),
        ),
        Mistake(
            "dilation_nowhere",
            "The dilation is left out of the size and the field. The outermost taps lie the "
            "dilation times the kernel less one apart.",
            lambda size, layers: framework.stack(size, [[*layer[:3], 1] for layer in layers]),
        ),
        Mistake(
            "last_stride",
            "Only the stride of the layer before is counted. Strides multiply: behind two layers "
            "of stride 2 neighbours lie 4 pixels of the image apart.",
            _last_stride,
        ),
        Mistake(
            "from_zero",
            "The field begins at 0. Before any layer an output is one pixel and sees it.",
            lambda size, layers: (
                framework.stack(size, layers)[0],
                framework.stack(size, layers)[1] - 1,
            ),
        ),
        Mistake(
            "swapped",
            "The two results are exchanged: the size comes first, then the field.",
            lambda size, layers: framework.stack(size, layers)[::-1],
        ),
        Mistake(
            "first_alone",
            "It returns after the first layer: look how far in the `return` stands.",
            lambda size, layers: framework.stack(size, layers[:1]),
        ),
        Mistake(
            "fractions",
            "A size is not whole. A window that does not fit any more is left out: round down at "
            "every layer.",
            _fractions,
        ),
        Mistake(
            "one_less",
            "The sizes are one too small at every layer. Count the first position too: that is "
            "the + 1.",
            _spoilt_size(lambda size, layer: size, less=1),
        ),
        Mistake(
            "padded_once",
            "The padding is counted once. It stands on both sides of the image.",
            _spoilt_size(lambda size, layer: size - layer[2]),
        ),
        Mistake(
            "rounded_up",
            "The sizes are rounded up. A window that does not fit any more is left out: round "
            "down.",
            _spoilt_size(lambda size, layer: size + layer[1] - 1),
        ),
        Mistake(
            "padding_seen",
            "The field shrinks by the padding. What an output sees does not depend on the "
            "padding: that changes how many outputs there are.",
            lambda size, layers: (
                framework.stack(size, layers)[0],
                framework.stack(size, layers)[1] - 2 * sum(layer[2] for layer in layers),
            ),
        ),
    ),
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
