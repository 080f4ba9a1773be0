"""Lesson 01, Further B: the bottleneck, in two layouts."""

from __future__ import annotations

from torch import Generator

from convzoo.case import Case
from convzoo.exercises.model import (
    Exercise,
    Mistake,
    integers,
    module_case,
    normal,
    pick,
    small_module_case,
)
from convzoo.ideas.resnet import framework
from convzoo.ideas.resnet.exercises.basic_block import (
    NO_INPUT,
    RELU_THEN_ADD,
    RELU_TWICE,
    STRIDE_TWICE,
    TWO_SIZES,
    UNPADDED,
    UNPROJECTED,
    always_projecting,
    projecting_only,
    rectified_after,
    relu_then_add,
    striding,
    unpadded,
    without_input,
    without_relu,
)

LESSON = "01_resnet"


def _bottleneck_case(gen: Generator, training: bool = False, image=(6, 5), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.Bottleneck, scalars, {"x": x}, gen, training)


def _bottleneck_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [5, 7, 9])
    rows = [  # in_channels, planes, stride, stride_in_1x1
        (8, 2, 1, False),
        (12, 3, 2, True),
        (wide, 2, 2, False),
        (wide, 2, 2, True),
        (wide, 3, 1, True),
    ]
    names = ("in_channels", "planes", "stride", "stride_in_1x1")
    return [
        _bottleneck_case(gen, training=k in (2, 3), **dict(zip(names, row, strict=True)))
        for k, row in enumerate(rows)
    ]


def _small_bottleneck(image, **scalars) -> Case:
    x = integers(1, scalars["in_channels"], *image) % 3
    return small_module_case(framework.Bottleneck, scalars, {"x": x})


def _bottleneck_small() -> list[Case]:
    return [
        _small_bottleneck((1, 2), in_channels=4, planes=1, stride=1, stride_in_1x1=False),
        _small_bottleneck((1, 2), in_channels=1, planes=1, stride=1, stride_in_1x1=False),
        _small_bottleneck((1, 2), in_channels=1, planes=2, stride=2, stride_in_1x1=False),
        _small_bottleneck((1, 2), in_channels=1, planes=2, stride=2, stride_in_1x1=True),
        _small_bottleneck((1, 3), in_channels=1, planes=2, stride=2, stride_in_1x1=False),
    ]


def _early(stride: int, stride_in_1x1: bool) -> tuple[int, int, int]:
    return stride, 1, 1


def _late(stride: int, stride_in_1x1: bool) -> tuple[int, int, int]:
    return 1, stride, 1


def _reverse(stride: int, stride_in_1x1: bool) -> tuple[int, int, int]:
    return _late(stride, stride_in_1x1) if stride_in_1x1 else _early(stride, stride_in_1x1)


class _NoNorm(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        if self.downsample is not None:
            self.downsample = self.downsample[:1]


EXERCISE = Exercise(
    id="resnet.bottleneck",
    place=5,
    lesson=LESSON,
    title="The bottleneck, in two layouts",
    points=4,
    minutes=15,
    name="Bottleneck",
    reference=framework.Bottleneck,
    cases=_bottleneck_cases,
    small=_bottleneck_small,
    mistakes=(
        Mistake(
            "always_3x3",
            "The stride sits in the 3x3 whatever is asked. In the paper's layout it is the first "
            "1x1 that leaves out pixels.",
            striding(framework.Bottleneck, _late),
        ),
        Mistake(
            "always_1x1",
            "The stride sits in the first 1x1 whatever is asked. That is the paper's layout; "
            "where it is not asked for, the stride belongs to the 3x3.",
            striding(framework.Bottleneck, _early),
        ),
        Mistake(
            "reversed",
            "The two layouts are exchanged. Where the stride is asked for in the 1x1, the 3x3 "
            "has none.",
            striding(framework.Bottleneck, _reverse),
        ),
        Mistake(
            "in_the_last",
            "The stride sits in the last 1x1. It belongs to the first 1x1 or to the 3x3.",
            striding(framework.Bottleneck, lambda stride, stride_in_1x1: (1, 1, stride)),
        ),
        Mistake(
            "stride_twice",
            STRIDE_TWICE,
            striding(framework.Bottleneck, lambda stride, stride_in_1x1: (stride, stride, 1)),
        ),
        Mistake("unpadded", UNPADDED, unpadded(framework.Bottleneck)),
        Mistake("no_input", NO_INPUT, without_input(framework.Bottleneck, 3)),
        Mistake(
            "no_last_relu",
            "The last ReLU is missing: it comes after the addition.",
            without_relu(framework.Bottleneck, 3, 2),
        ),
        Mistake("relu_then_add", RELU_THEN_ADD, relu_then_add(framework.Bottleneck, 3, "bn3")),
        Mistake("relu_twice", RELU_TWICE, rectified_after(framework.Bottleneck, "bn3")),
        Mistake(
            "no_first_relu",
            "There is no ReLU between the first 1x1 and the 3x3.",
            without_relu(framework.Bottleneck, 3, 0),
        ),
        Mistake(
            "no_middle_relu",
            "There is no ReLU between the 3x3 and the last 1x1.",
            without_relu(framework.Bottleneck, 3, 1),
        ),
        Mistake("unprojected", UNPROJECTED, projecting_only(framework.Bottleneck, "stride")),
        Mistake("two_sizes", TWO_SIZES, projecting_only(framework.Bottleneck, "width")),
        Mistake(
            "always_projects",
            "The shortcut projects where the input has the output's shape already. What leaves the "
            "block has 4 * `planes` channels, so it is that number which `in_channels` is "
            "compared with.",
            always_projecting(framework.Bottleneck),
        ),
        Mistake(
            "no_norm",
            "The projection has no batch norm. Behind each of the block's convolutions stands "
            "one, behind this one too.",
            _NoNorm,
        ),
    ),
    hints=(
        "Three convolutions without bias: a 1x1 from in_channels to planes, a 3x3 at that width, "
        "a 1x1 to 4 * planes. A batch norm after each, a ReLU after the first two and one after "
        "the addition, as in the basic block.",
        "The output is as large in either layout, so the projection keeps its stride. Only who of "
        "conv1 and conv2 has it depends on `stride_in_1x1`: two numbers, one of which is 1.",
    ),
)
