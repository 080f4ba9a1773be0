"""Lesson 04: how far a layer sees."""

from __future__ import annotations

from itertools import accumulate
from operator import mul

from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, pick
from convzoo.ideas.convolution.exercises.stack import FIELD
from convzoo.ideas.senet import framework

LESSON = "04_senet"


def _layers_case(*layers: list[int]) -> Case:
    return Case({"layers": list(layers)}, {})


def _drawn_layer(gen: Generator) -> list[int]:
    return [pick(gen, [2, 3, 5]), pick(gen, [1, 2, 3]), pick(gen, [1, 2, 3])]


def _field_cases(gen: Generator) -> list[Case]:
    drawn = [[_drawn_layer(gen) for _ in range(n)] for n in (3, 4)]
    return [
        _layers_case([3, 1, 1], [3, 1, 1], [3, 1, 1]),
        _layers_case([7, 2, 1], [3, 2, 1], [3, 1, 1], [1, 2, 1], [3, 1, 1]),
        _layers_case([3, 1, 1], [3, 1, 2], [3, 1, 4]),
        *(_layers_case(*layers, [2, 1, 2]) for layers in drawn),
        _layers_case([7, 2, 1], [3, 2, 1], [3, 2, 2], [5, 2, 4], [3, 1, 2]),  # beyond any image
    ]


def _field_small() -> list[Case]:
    return [
        _layers_case([3, 1, 1], [3, 1, 1]),
        _layers_case([2, 1, 1]),
        _layers_case([3, 2, 1], [3, 1, 1]),
        _layers_case([3, 1, 2], [3, 1, 1]),
        _layers_case([3, 2, 1], [3, 2, 1], [3, 1, 1]),
    ]


mistake = Mistakes(framework.field_sizes)


def _spaced(layers, spacings):
    """Return the sizes if neighbours lie so many pixels apart before each layer."""
    pairs = zip(spacings, layers, strict=False)  # the last stride spreads no kernel
    reach = (framework.field_sizes([[1, s, 1], layer])[-1] - 1 for s, layer in pairs)
    return tuple(accumulate(reach, initial=1))[1:]


@mistake
def no_stride(layers):
    """The strides are not used. After a stride of 2, neighbouring pixels are two input pixels
    apart, so every later layer reaches twice as far."""
    return framework.field_sizes([[kernel, 1, dilation] for kernel, _, dilation in layers])


@mistake
def no_dilation(layers):
    """The dilation is not used. It spreads out the kernel's taps: with a dilation of 2, a 3x3
    kernel is 5 pixels across."""
    return framework.field_sizes([[kernel, stride, 1] for kernel, stride, _ in layers])


@mistake
def own_stride(layers):
    """Each stride is applied to its own kernel. The kernel reads the pixels that come in. The
    stride spreads out the pixels that go out, so it counts only from the next layer on."""
    kernels, strides, dilations = zip(*layers, strict=True)
    moved = zip(kernels, (*strides[1:], 1), dilations, strict=True)
    return framework.field_sizes([[1, strides[0], 1], *moved])[1:]


@mistake
def stride_before(layers):
    """Only the stride of the layer directly before is used. Strides multiply: after two strides of
    2, neighbouring pixels are four input pixels apart."""
    return _spaced(layers, (1, *(stride for _, stride, _ in layers)))


@mistake
def kernel_times_dilation(layers):
    """The kernel size is multiplied by the dilation. Only the gaps between the taps grow: 3 taps
    have two gaps, so with a dilation of 2 they span 5 pixels, not 6."""
    return framework.field_sizes(
        [[kernel * dilation, stride, 1] for kernel, stride, dilation in layers]
    )


@mistake
def dilation_stays(layers):
    """The dilation is carried over to later layers, as if it were a stride. It only spreads out the
    taps of its own layer."""
    return framework.field_sizes(
        [[kernel, stride * dilation, dilation] for kernel, stride, dilation in layers]
    )


@mistake
def from_zero(layers):
    """Every size is one too small. Before the first layer a pixel sees itself, so the size starts
    at 1."""
    return tuple(size - 1 for size in framework.field_sizes(layers))


@mistake
def whole_kernel(layers):
    """Each layer adds its whole kernel. One of its pixels was already counted: a kernel of 3 adds
    two."""
    return framework.field_sizes(
        [[kernel + 1, stride, dilation] for kernel, stride, dilation in layers]
    )


@mistake
def one_side(layers):
    """That is how far the field reaches to one side. Count both sides, and the pixel in the
    middle."""
    return tuple(size // 2 for size in framework.field_sizes(layers))


@mistake
def multiplied(layers):
    """The kernel sizes are multiplied. Two 3x3 layers see 5 pixels, not 9: each layer adds its own
    reach to what was already seen."""
    return framework.field_sizes([[kernel, kernel, 1] for kernel, _, _ in layers])


@mistake
def one_side_of_kernels(layers):
    """Only one half of each kernel is added. A kernel reaches to both sides: k taps have k - 1
    gaps, and all of them count."""
    return framework.field_sizes([[k // 2 + 1, *rest] for k, *rest in layers])


@mistake
def even_as_odd(layers):
    """A kernel of even size is treated as if it were one pixel wider. There are k - 1 gaps between
    k taps, whether k is odd or even."""
    return framework.field_sizes([[k // 2 * 2 + 1, *rest] for k, *rest in layers])


@mistake
def plain(layers):
    """Neither the strides nor the dilations are used. A stride spreads out what all later layers
    see, a dilation spreads out the layer's own kernel."""
    return framework.field_sizes([[kernel, 1, 1] for kernel, _, _ in layers])


@mistake
def swapped(layers):
    """Stride and dilation are swapped. The order is: kernel, stride, dilation."""
    return framework.field_sizes([[k, dilation, stride] for k, stride, dilation in layers])


@mistake
def last_first(layers):
    """The layers are read from the last to the first. The first layer in the list is the first one
    that the image goes through."""
    return framework.field_sizes(layers[::-1])


@mistake
def backward_formula(layers):
    """The size is multiplied by the stride of each layer. That is right if you go from the last
    layer back to the first. On the way forward only the distance between neighbours grows."""
    return tuple(framework.field_sizes(layers[n::-1])[-1] for n in range(len(layers)))


@mistake
def own_stride_alone(layers):
    """Each layer's reach is multiplied by its own stride only. What counts are the strides of all
    layers before it, multiplied together."""
    return _spaced(layers, (stride for _, stride, _ in layers))


@mistake
def strides_added(layers):
    """The strides are added up. They multiply: after strides of 2 and 3, neighbouring pixels are 6
    input pixels apart, not 5."""
    return _spaced(layers, accumulate((stride for _, stride, _ in layers), initial=1))


@mistake
def steps_added(layers):
    """The distance between neighbours grows by each stride minus 1. Strides multiply: after strides
    of 2 and 3, neighbouring pixels are 6 input pixels apart."""
    return _spaced(layers, accumulate((stride - 1 for _, stride, _ in layers), initial=1))


@mistake
def dilation_added(layers):
    """The dilation is added to the kernel size. It is the length of each gap between two taps, so
    multiply the number of gaps by it."""
    return framework.field_sizes([[k + d - 1, stride, 1] for k, stride, d in layers])


@mistake
def dilation_as_holes(layers):
    """The dilation is taken as the number of pixels left out between two taps. It is the distance
    from one tap to the next: with a dilation of 1 nothing is left out."""
    return framework.field_sizes([[k, stride, dilation + 1] for k, stride, dilation in layers])


@mistake
def whole_reach(layers):
    """Each layer adds all the pixels that its kernel spans. One of them was already counted, so
    add one pixel fewer."""
    return framework.field_sizes([[(k - 1) * d + 2, stride, 1] for k, stride, d in layers])


@mistake
def before_the_layer(layers):
    """Each size is that of the layer before. The list starts with what an output of the first layer
    sees."""
    return (1, *framework.field_sizes(layers)[:-1])


@mistake
def each_alone(layers):
    """Each size is that of one layer alone. Add the reach of each layer to the size before it."""
    return tuple(framework.field_sizes([layer])[0] for layer in layers)


@mistake
def spacings(layers):
    """Those are the distances between neighbouring pixels: the strides, multiplied. You need them
    on the way, but return the sizes."""
    steps = (framework.field_sizes([[1, stride, 1], [2, 1, 1]])[-1] - 1 for _, stride, _ in layers)
    return tuple(accumulate(steps, mul))


@mistake
def squared(layers):
    """That is the number of pixels in the whole square. Return how many pixels it is
    across."""
    return tuple(size**2 for size in framework.field_sizes(layers))


EXERCISE = Exercise(
    id="senet.field_sizes",
    place=1,
    lesson=LESSON,
    title="How far a layer sees",
    points=2,
    minutes=10,
    name="field_sizes",
    reference=framework.field_sizes,
    cases=_field_cases,
    small=_field_small,
    mistakes=tuple(mistake),
    hints=(
        "Start from one pixel, which sees itself: the size is 1. Draw a row of pixels for two "
        "layers of width 3: what does the second one add at each end?",
        "Keep two numbers while you go through the layers: the size of the field, and how many "
        "input pixels apart two neighbours are here (1 at the start).",
        "A kernel of k taps spans (k - 1) * dilation steps, and one step is as long as the second "
        "number. After the layer, multiply that number by the stride.",
    ),
    shortcuts=(FIELD,),
)
