"""Lesson 06: the exercise of MobileNetV1's block."""

from __future__ import annotations

from dataclasses import replace

from torch import Generator, Tensor, nn
from torchvision.ops import Conv2dNormActivation

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
from convzoo.ideas.separable import framework

LESSON = "06_separable"


def _is_grouped(op: Op) -> bool:
    return op.name == "aten.convolution.default" and op.args[8] > 1


GROUPED = Shortcut(
    "It calls the framework's grouped convolution. With as many groups as channels that is the "
    "depthwise convolution that you are building.",
    _is_grouped,
    ("groups",),
)
GROUPED_LAYER = replace(
    GROUPED,
    sentence="It calls the framework's grouped convolution. `DepthwiseConv2d` stands above for "
    "that: take it, so that the block runs on your own.",
)


def _block_case(gen, training=False, image=(6, 5), times=1.0, **scalars) -> Case:
    x = times * normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.DepthwiseSeparable, scalars, {"x": x}, gen, training)


def _block_cases(gen: Generator) -> list[Case]:
    out = pick(gen, [5, 6, 7])
    return [
        _block_case(gen, in_channels=4, out_channels=4, stride=1, times=20.0),
        _block_case(gen, in_channels=4, out_channels=out, stride=1),
        _block_case(gen, True, in_channels=3, out_channels=6, stride=2),
        _block_case(gen, in_channels=5, out_channels=3, stride=2, image=(5, 7)),
    ]


def _small_block(image, start=0, shift=0.0, **scalars) -> Case:
    x = (integers(1, scalars["in_channels"], *image) + start) % 4 - 1
    return small_module_case(framework.DepthwiseSeparable, scalars, {"x": x}, shift)


def _block_small() -> list[Case]:
    return [
        _small_block((1, 2), in_channels=2, out_channels=2, stride=1),
        _small_block((2, 2), start=1, in_channels=2, out_channels=2, stride=2),
        _small_block((3, 3), start=3, in_channels=2, out_channels=2, stride=2),
        _small_block((1, 2), shift=-1.0, in_channels=2, out_channels=2, stride=1),
        Case(
            {"in_channels": 2, "out_channels": 2, "stride": 1},
            {"x": integers(1, 2, 1, 2, start=3)},
            small_module_case(
                framework.DepthwiseSeparable, {"in_channels": 2, "out_channels": 2, "stride": 1}, {}
            ).weights,
        ),
    ]


class _NoMiddleRelu(framework.DepthwiseSeparable):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu1 = nn.Identity()


class _NoLastRelu(framework.DepthwiseSeparable):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu2 = nn.Identity()


class _Shortcut(framework.DepthwiseSeparable):
    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return y + x if x.shape == y.shape else y


class _StrideInPointwise(framework.DepthwiseSeparable):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        first, second = self.depthwise, self.pointwise
        first.stride, second.stride = second.stride, first.stride


class _StrideInBoth(framework.DepthwiseSeparable):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.pointwise.stride = self.depthwise.stride


class _NoStride(framework.DepthwiseSeparable):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.depthwise.stride = (1, 1)


class _InOrder(framework.DepthwiseSeparable):
    """The layers in another order, or some left out, under their names."""

    order: tuple[str, ...] = ()

    def forward(self, x: Tensor) -> Tensor:
        for name in self.order:
            x = getattr(self, name)(x)
        return x


class _NoFirstNorm(_InOrder):
    order = ("depthwise", "relu1", "pointwise", "bn2", "relu2")


class _NoSecondNorm(_InOrder):
    order = ("depthwise", "bn1", "relu1", "pointwise", "relu2")


class _ReluBeforeNorm(_InOrder):
    order = ("depthwise", "relu1", "bn1", "pointwise", "relu2", "bn2")


class _Relu6(framework.DepthwiseSeparable):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu1, self.relu2 = nn.ReLU6(), nn.ReLU6()


class _PointwiseFirst(framework.DepthwiseSeparable):
    """Xception's order: the 1x1, then a depthwise layer at the new width."""

    def __init__(self, in_channels, out_channels, stride=1):
        nn.Module.__init__(self)
        first = Conv2dNormActivation(in_channels, out_channels, 1)
        second = Conv2dNormActivation(out_channels, out_channels, 3, stride, groups=out_channels)
        names = ("pointwise", "bn2", "relu2", "depthwise", "bn1", "relu1")
        for name, layer in zip(names, (*first, *second), strict=True):
            self.add_module(name, layer)


class _Full(framework.DepthwiseSeparable):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__(in_channels, out_channels, stride)
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, 1, bias=False)


EXERCISE = Exercise(
    id="separable.block",
    place=3,
    lesson=LESSON,
    title="MobileNet's block",
    points=3,
    minutes=12,
    name="DepthwiseSeparable",
    reference=framework.DepthwiseSeparable,
    cases=_block_cases,
    small=_block_small,
    mistakes=(
        Mistake(
            "no_middle_relu",
            "There is no ReLU between the depthwise layer and the 1x1. With none the two would "
            "be one linear layer of a special form.",
            _NoMiddleRelu,
        ),
        Mistake(
            "no_last_relu",
            "The last ReLU is missing: in MobileNetV1 there is one after the second batch norm.",
            _NoLastRelu,
        ),
        Mistake(
            "shortcut",
            "The input is added to the output. MobileNetV1 has no shortcut; that came with V2.",
            _Shortcut,
        ),
        Mistake(
            "stride_in_pointwise",
            "The stride sits in the 1x1. It belongs to the depthwise layer. In evaluation both "
            "give the same numbers; in training the first batch norm averages over pixels that "
            "are then thrown away.",
            _StrideInPointwise,
        ),
        Mistake(
            "stride_in_both",
            "Both layers take the stride. It belongs to the depthwise layer alone.",
            _StrideInBoth,
        ),
        Mistake(
            "no_stride", "The stride is not used. It belongs to the depthwise layer.", _NoStride
        ),
        Mistake(
            "no_first_norm",
            "The first batch norm is made and not used. It stands behind the depthwise layer, "
            "before the ReLU.",
            _NoFirstNorm,
        ),
        Mistake(
            "no_second_norm",
            "The second batch norm is made and not used. It stands behind the 1x1, before the "
            "last ReLU.",
            _NoSecondNorm,
        ),
        Mistake(
            "relu_before_norm",
            "The ReLUs stand before the batch norms. In MobileNet each comes behind its own.",
            _ReluBeforeNorm,
        ),
        Mistake(
            "relu6",
            "Large numbers are cut off at 6. That is ReLU6, which comes with MobileNetV2; here "
            "it is ReLU.",
            _Relu6,
        ),
        Mistake(
            "pointwise_first",
            "The 1x1 comes first. That is Xception's order; in MobileNet the depthwise layer is "
            "first, and so filters the channels that come in.",
            _PointwiseFirst,
        ),
        Mistake(
            "full",
            "The first layer is a full 3x3 convolution. It has one filter for each channel.",
            _Full,
        ),
    ),
    hints=(
        "Four layers with weights: a depthwise 3x3 that keeps the number of channels, its batch "
        "norm, a 1x1 to the new number, its batch norm.",
        "The stride belongs to the depthwise layer, and so does a padding of 1. The 1x1 has "
        "neither, and no bias. A ReLU stands behind each batch norm.",
    ),
    shortcuts=(GROUPED_LAYER,),
)
