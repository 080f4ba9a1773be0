"""Lesson 00: the output size and the receptive field of a stack of layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import prod

from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, pick
from convzoo.ideas.convolution import framework

LESSON = "00_convolution"

FIELD = Shortcut(
    "It calls `measure.receptive_field`, which is what you are building.", ("*receptive_field",)
)

Layers = list[list[int]]


def _stack_case(size: int, *layers: tuple[int, ...]) -> Case:
    return Case({"size": size, "layers": [list(layer) for layer in layers]}, {})


def _stack_cases(gen: Generator) -> list[Case]:
    """Return the cases; whatever is drawn, every division rounds in the same way."""
    size = 96 + 24 * pick(gen, list(range(40)))
    return [
        _stack_case(size, (3, 1, 1, 1), (5, 1, 1, 1)),
        _stack_case(size + 3, (7, 2, 3, 1), (3, 2, 0, 1), (3, 1, 1, 1)),
        _stack_case(size + 6, (3, 2, 0, 1), (pick(gen, [4, 16]), 3, 2, 1), (2, 2, 0, 1)),
        _stack_case(size, (3, 1, 1, 1), (3, 1, 2, 2), (3, 2, 4, 4), (5, 1, 2, 3)),
        _stack_case(size + 2, (pick(gen, [4, 12]), 4, 0, 1)),
        _stack_case(size + 1, (1, 2, 0, 1), (3, 1, 1, 1), (3, 3, 1, 1), (5, 1, 2, 1)),
        _stack_case(pick(gen, [21, 23]), (3, 1, 4, 4), (3, 1, 8, 8)),  # sees more than the image
    ]


def _stack_small() -> list[Case]:
    return [
        _stack_case(6, (3, 1, 1, 1)),
        _stack_case(10, (3, 1, 1, 1), (3, 1, 1, 1)),
        _stack_case(12, (3, 2, 1, 1), (3, 1, 1, 1)),
        _stack_case(12, (3, 1, 0, 2)),
        _stack_case(16, (3, 2, 1, 1), (3, 2, 1, 1), (3, 1, 1, 1)),
        _stack_case(12, (3, 1, 0, 2), (3, 1, 0, 1)),
        _stack_case(3, (3, 1, 4, 4)),
    ]


def _size(size: int, layers: Layers) -> int:
    return framework.stack(size, layers)[0]


def _padded(size: int, layers: Layers, sides: int = 2) -> int:
    """Return the output size, below zero too, if `sides` sides of the image are padded."""
    for kernel, step, padding, dilation in layers:
        size = (size + sides * padding - dilation * (kernel - 1) - 1) // step + 1
    return size


def _field(layers: Layers) -> int:
    return framework.stack(4096, layers)[1]  # the same for every image that is large enough


mistake = Mistakes(framework.stack)


@mistake
def kernels_summed(size, layers):
    """It adds up the kernels. Two 3x3 layers see 5 pixels, not 6: each layer adds its kernel minus
    1 to the field."""
    return _size(size, layers), sum(kernel for kernel, *_ in layers)


@mistake
def stride_forgotten(size, layers):
    """The field ignores the strides. After a layer of stride 2, neighbouring outputs are 2 pixels
    of the image apart, so whatever later layers add counts twice."""
    return _size(size, layers), _field([[k, 1, p, d] for k, _, p, d in layers])


@mistake
def own_stride(size, layers):
    """The stride of a layer is applied to its own kernel. It spreads only the kernels of the layers
    after it: use the product of the strides before."""
    strides = [layer[1] for layer in layers] + [1]
    shifted = [[k, s, p, d] for (k, _, p, d), s in zip(layers, strides[1:], strict=True)]
    return _size(size, layers), _field([[1, strides[0], 0, 1], *shifted])


@mistake
def dilation_forgotten(size, layers):
    """The field ignores the dilation. Neighbouring taps are `dilation` pixels apart, so multiply
    the kernel minus 1 by it."""
    return _size(size, layers), _field([[k, s, p, 1] for k, s, p, _ in layers])


@mistake
def distances_forgotten(size, layers):
    """The field ignores strides and dilations: each layer adds its kernel minus 1. Multiply that by
    its dilation, for the gaps between its taps, and by the strides of all the layers before it."""
    return _size(size, layers), 1 + sum(kernel - 1 for kernel, *_ in layers)


@mistake
def dilation_nowhere(size, layers):
    """Neither the size nor the field uses the dilation. The outermost taps of a kernel are dilation
    * (kernel - 1) pixels apart."""
    return framework.stack(size, [[k, s, p, 1] for k, s, p, _ in layers])


@mistake
def last_stride(size, layers):
    """Only the stride of the layer directly before is used. Strides multiply: after two layers of
    stride 2, neighbouring outputs are 4 pixels of the image apart."""
    strides = [1, *(layer[1] for layer in layers)]
    alone = [[[1, s, 0, 1], layer] for layer, s in zip(layers, strides, strict=False)]
    return _size(size, layers), 1 + sum(_field(pair) - 1 for pair in alone)


@mistake
def from_zero(size, layers):
    """The field starts at 0. Start at 1: before any layer, an output is one pixel and sees
    itself."""
    return _size(size, layers), _field(layers) - 1


@mistake
def swapped(size, layers):
    """The two results are swapped. The order is: size, field."""
    return framework.stack(size, layers)[::-1]


@mistake
def first_alone(size, layers):
    """Only the first layer is in the result. Does the function return inside its loop? Return once,
    after the loop."""
    return framework.stack(size, layers[:1])


@mistake
def fractions(size, layers):
    """A size is not a whole number. A window that no longer fits is left out: round down at every
    layer."""
    exact = float(size)
    for kernel, step, padding, dilation in layers:
        exact = 1 + (exact - 1 + 2 * padding - dilation * (kernel - 1)) / step
    return exact, _field(layers)


@mistake
def one_less(size, layers):
    """The size is one too small at every layer. Count the first position too: that is the + 1."""
    return reduce(lambda n, layer: _size(n, [layer]) - 1, layers, size), _field(layers)


@mistake
def padded_once(size, layers):
    """The padding is counted only once. It is added on both sides of the image."""
    return _padded(size, layers, sides=1), _field(layers)


@mistake
def rounded_up(size, layers):
    """The sizes are rounded up. A window that no longer fits is left out: round down."""
    return reduce(lambda n, layer: _size(n + layer[1] - 1, [layer]), layers, size), _field(layers)


@mistake
def padding_seen(size, layers):
    """The field shrinks by the padding. What one output sees does not depend on the padding.
    Padding only changes how many outputs there are."""
    return _size(size, layers), _field(layers) - 2 * sum(layer[2] for layer in layers)


def _reach(layers: Layers, far: Callable[[int, int, int], int]) -> int:
    """Return the field if one layer adds far(kernel, dilation, product of the strides before)."""
    return 1 + sum(
        far(kernel, dilation, prod(layer[1] for layer in layers[:k]))
        for k, (kernel, _, _, dilation) in enumerate(layers)
    )


@mistake
def whole_kernels(size, layers):
    """Each layer adds its whole kernel to the field. It adds the kernel minus 1, because one of its
    pixels was seen already."""
    return _size(size, layers), _reach(
        layers, lambda kernel, spread, apart: kernel * spread * apart
    )


@mistake
def half_kernels(size, layers):
    """Each layer adds half of its kernel to the field. It sees that much on both sides: a 3x3 adds
    2 pixels, not 1."""
    half = _reach(layers, lambda kernel, spread, apart: kernel // 2 * spread * apart)
    return _size(size, layers), half


@mistake
def kernel_times_dilation(size, layers):
    """The field counts a dilated kernel as kernel times dilation. From its first to its last tap it
    covers dilation * (kernel - 1) + 1 pixels."""
    return _size(size, layers), _reach(layers, lambda k, spread, apart: (k * spread - 1) * apart)


@mistake
def long_kernels(size, layers):
    """Size and field count a dilated kernel as kernel times dilation. From its first to its last
    tap it covers dilation * (kernel - 1) + 1 pixels."""
    longer = [[k * d, s, p, 1] for k, s, p, d in layers]
    return framework.stack(size, longer)


@mistake
def long_kernels_in_size(size, layers):
    """The size counts a dilated kernel as kernel times dilation. From its first to its last tap it
    covers dilation * (kernel - 1) + 1 pixels."""
    return _size(size, [[k * d, s, p, 1] for k, s, p, d in layers]), _field(layers)


@mistake
def no_dilation_in_size(size, layers):
    """The size ignores the dilation. A dilated kernel covers more pixels, so fewer positions are
    left for it."""
    return _size(size, [[k, s, p, 1] for k, s, p, _ in layers]), _field(layers)


@mistake
def one_more(size, layers):
    """The sizes are too large when the last window fits exactly. A window covers one pixel more
    than lies between its outermost taps: subtract that pixel too."""
    more = reduce(lambda n, layer: _size(n + 1, [layer]), layers, size)
    return more, _field(layers)


@mistake
def size_divided(size, layers):
    """The size is only divided by the strides. Kernel, padding and dilation change it too."""
    return reduce(lambda n, layer: n // layer[1], layers, size), _field(layers)


@mistake
def last_size(size, layers):
    """Each layer starts from the size of the image. Start from the size that the layer before it
    returned."""
    return _size(size, layers[-1:]), _field(layers)


@mistake
def last_reach(size, layers):
    """Only the last layer adds to the field. Every layer adds to what was seen before."""
    strides = [[1, layer[1], 0, 1] for layer in layers[:-1]]
    return _size(size, layers), _field([*strides, *layers[-1:]])


@mistake
def from_the_last(size, layers):
    """The field is that of the layers in reverse order. Only the strides of the layers before a
    layer spread its taps. A formula that multiplies the field by the stride goes through the layers
    from the last to the first."""
    return _size(size, layers), _field(layers[::-1])


@mistake
def strides_added(size, layers):
    """The strides are added up. They multiply: after two layers of stride 2, neighbouring outputs
    are 4 pixels of the image apart."""
    field, apart = 1, 1
    for kernel, stride, _, dilation in layers:
        field, apart = field + dilation * (kernel - 1) * apart, apart + stride
    return _size(size, layers), field


@mistake
def dilations_multiplied(size, layers):
    """A dilation also spreads the taps of later layers. It spreads only those of its own layer;
    what is passed on from layer to layer is the stride."""
    return _size(size, layers), _field([[k, s * d, p, d] for k, s, p, d in layers])


@mistake
def own_stride_alone(size, layers):
    """Each layer's kernel is multiplied by its own stride. Multiply it by the strides of all the
    layers before it."""
    return _size(size, layers), 1 + sum(d * (k - 1) * s for k, s, _, d in layers)


@mistake
def clamped(size, layers):
    """The field is cut off at the size of the image. The exercise asks about an output far from
    every border, so the field may be larger than the image."""
    return _size(size, layers), min(size, _field(layers))


@mistake
def settings_swapped(size, layers):
    """Stride and padding of the layers are swapped. The order is: kernel, stride, padding,
    dilation."""
    swapped = [[k, p, s, d] for k, s, p, d in layers]
    return _padded(size, swapped), _field(swapped)


@mistake
def no_padding(size, layers):
    """The size ignores the padding. Each layer pads its input on both sides first."""
    return _padded(size, layers, sides=0), _field(layers)


@mistake
def no_stride_in_size(size, layers):
    """The size ignores the strides. With a stride of 2 there are only half as many positions."""
    return _size(size, [[k, 1, p, d] for k, _, p, d in layers]), _field(layers)


EXERCISE = Exercise(
    id="convolution.stack",
    place=3,
    lesson=LESSON,
    title="Output size and receptive field of a stack",
    points=2,
    minutes=12,
    name="stack",
    reference=framework.stack,
    cases=_stack_cases,
    small=_stack_small,
    mistakes=tuple(mistake),
    hints=(
        "Go through the layers and keep three numbers: the size so far; the field so far, which "
        "starts at 1 pixel; and the distance between two neighbouring outputs, in pixels of the "
        "image, which also starts at 1.",
        "The outermost taps of a layer are dilation * (kernel - 1) apart, in pixels of its own "
        "input. Multiply that by the distance so far to get pixels of the image. Only then "
        "multiply the distance by the stride of the layer.",
    ),
    returns=("output size", "receptive field"),
    shortcuts=(FIELD,),
)
