"""Lesson 04: how far a layer sees."""

from __future__ import annotations

from itertools import accumulate

from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, pick
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
        *(_layers_case(*layers, [3, 1, 2]) for layers in drawn),
    ]


def _field_small() -> list[Case]:
    return [
        _layers_case([3, 1, 1], [3, 1, 1]),
        _layers_case([3, 2, 1], [3, 1, 1]),
        _layers_case([3, 1, 2], [3, 1, 1]),
        _layers_case([3, 2, 1], [3, 2, 1], [3, 1, 1]),
    ]


mistake = Mistakes(framework.field_sizes)


@mistake
def no_stride(layers):
    """The strides are not used. After a stride of 2 neighbouring pixels lie two pixels of the input
    apart, so every later layer reaches twice as far."""
    return framework.field_sizes([[kernel, 1, dilation] for kernel, _, dilation in layers])


@mistake
def no_dilation(layers):
    """The dilation is not used. It spreads the kernel's taps: with a dilation of 2 a 3x3 kernel
    covers 5 pixels."""
    return framework.field_sizes([[kernel, stride, 1] for kernel, stride, _ in layers])


@mistake
def own_stride(layers):
    """A layer's own stride is counted for its own kernel. The kernel lies on the pixels that come
    in; the stride spreads those that go out."""
    kernels, strides, dilations = zip(*layers, strict=True)
    moved = zip(kernels, (*strides[1:], 1), dilations, strict=True)
    return framework.field_sizes([[1, strides[0], 1], *moved])[1:]


@mistake
def stride_before(layers):
    """Only the stride next before a layer is counted for it. They multiply: after two strides of 2
    neighbouring pixels lie four pixels of the input apart."""
    before = (1, *(stride for _, stride, _ in layers))
    pairs = zip(before, layers, strict=False)  # the last stride spreads no kernel
    reach = (framework.field_sizes([[1, b, 1], layer])[-1] - 1 for b, layer in pairs)
    return tuple(accumulate(reach, initial=1))[1:]


@mistake
def kernel_times_dilation(layers):
    """The kernel is multiplied by its dilation. What grows are the gaps between the taps: 3 taps
    have two gaps, so a dilation of 2 spans 5 pixels, not 6."""
    return framework.field_sizes(
        [[kernel * dilation, stride, 1] for kernel, stride, dilation in layers]
    )


@mistake
def dilation_stays(layers):
    """The dilation is carried on to the later layers, as a stride is. It spreads the taps of its
    own kernel alone."""
    return framework.field_sizes(
        [[kernel, stride * dilation, dilation] for kernel, stride, dilation in layers]
    )


@mistake
def from_zero(layers):
    """Each size is one too small. Before any layer a pixel sees itself: the size is 1."""
    return tuple(size - 1 for size in framework.field_sizes(layers))


@mistake
def whole_kernel(layers):
    """Each layer adds a whole kernel. The pixel in its place was seen before: a kernel of 3 adds
    two."""
    return framework.field_sizes(
        [[kernel + 1, stride, dilation] for kernel, stride, dilation in layers]
    )


@mistake
def one_side(layers):
    """That is how far it sees to one side. The field goes to both sides, and has a middle."""
    return tuple((size - 1) / 2 for size in framework.field_sizes(layers))


@mistake
def multiplied(layers):
    """The kernels are multiplied. Two 3x3 layers see 5 pixels, not 9: each adds its own reach to
    what was seen."""
    return framework.field_sizes([[kernel, kernel, 1] for kernel, _, _ in layers])


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
        "Begin with one pixel, which sees itself: the size is 1. Draw a row of pixels for two "
        "3-wide layers: what does the second one add at either end?",
        "Keep two numbers while you go through the layers: the size of the field, and how many "
        "pixels of the input lie between two neighbours here (1 at the start).",
        "A kernel of k taps spans (k - 1) * dilation steps, and a step is as long as the second "
        "number. After the layer that number is multiplied by the stride.",
    ),
    shortcuts=(
        Shortcut(
            "It calls `measure.receptive_field`, which is what you are building.",
            lambda op: False,  # it runs no operation of torch's
            ("receptive_field",),
        ),
    ),
)
