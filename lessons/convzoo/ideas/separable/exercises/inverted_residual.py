"""Lesson 06, Further: the exercise of MobileNetV2's block."""

from __future__ import annotations

from torch import Generator, Tensor, nn

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
from convzoo.ideas.separable import framework
from convzoo.ideas.separable.exercises.block import GROUPED_LAYER

LESSON = "06_separable"


def _case(gen, training=False, image=(5, 4), times=1.0, **scalars) -> Case:
    x = times * normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.InvertedResidual, scalars, {"x": x}, gen, training)


def _cases(gen: Generator) -> list[Case]:
    ratio = pick(gen, [3, 4, 5])
    return [
        _case(gen, times=20.0, in_channels=4, out_channels=4, stride=1, expand_ratio=ratio),
        _case(gen, in_channels=3, out_channels=5, stride=1, expand_ratio=2),
        _case(gen, True, in_channels=4, out_channels=4, stride=2, expand_ratio=3),
        _case(gen, in_channels=4, out_channels=4, stride=1, expand_ratio=1),
        _case(gen, in_channels=5, out_channels=3, stride=2, image=(6, 5), expand_ratio=1),
    ]


def _small_case(image, start=0, shift=0.0, **scalars) -> Case:
    x = (integers(1, scalars["in_channels"], *image) + start) % 4 - 1
    return small_module_case(framework.InvertedResidual, scalars, {"x": x}, shift)


def _small() -> list[Case]:
    large = {"x": integers(1, 2, 1, 2, start=4)}
    even = {"in_channels": 2, "out_channels": 2, "stride": 1, "expand_ratio": 2}
    return [
        _small_case((1, 2), in_channels=2, out_channels=2, stride=1, expand_ratio=1),
        _small_case((1, 2), in_channels=2, out_channels=2, stride=1, expand_ratio=2),
        _small_case((2, 2), start=1, in_channels=2, out_channels=2, stride=2, expand_ratio=2),
        _small_case((3, 3), in_channels=1, out_channels=2, stride=2, expand_ratio=2),
        _small_case((1, 2), in_channels=1, out_channels=2, stride=1, expand_ratio=2),
        small_module_case(framework.InvertedResidual, even, large),
        _small_case((1, 2), shift=-1.0, in_channels=1, out_channels=2, stride=1, expand_ratio=1),
    ]


class _ReluLast(framework.InvertedResidual):
    def branch(self, x: Tensor) -> Tensor:
        return nn.functional.relu6(super().branch(x))


class _ReluAfter(framework.InvertedResidual):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu6(super().forward(x))


class _NoShortcut(framework.InvertedResidual):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.use_res_connect = False


class _ShortcutWhereItFits(framework.InvertedResidual):
    """Wherever the stride is 1."""

    def __init__(self, stride=1, **scalars):
        super().__init__(stride=stride, **scalars)
        self.use_res_connect = stride == 1


class _Relu(framework.InvertedResidual):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        for name in ("relu1", "relu2"):
            if hasattr(self, name):
                setattr(self, name, nn.ReLU())


class _AlwaysExpanded(framework.InvertedResidual):
    def __init__(self, in_channels, out_channels, stride=1, expand_ratio=6):
        width = (in_channels + 0.4) / in_channels if expand_ratio == 1 else expand_ratio
        super().__init__(in_channels, out_channels, stride, width)


class _StrideInExpand(framework.InvertedResidual):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        if hasattr(self, "expand"):
            first, second = self.expand, self.depthwise
            first.stride, second.stride = second.stride, first.stride


class _StrideInProject(framework.InvertedResidual):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.project.stride, self.depthwise.stride = self.depthwise.stride, self.project.stride


class _NoLastNorm(framework.InvertedResidual):
    def branch(self, x: Tensor) -> Tensor:
        for layer in (m for m in self.children() if m is not self.bn3):
            x = layer(x)
        return x


class _NoMiddleRelu(framework.InvertedResidual):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu2 = nn.Identity()


EXERCISE = Exercise(
    id="separable.inverted_residual",
    place=5,
    lesson=LESSON,
    title="MobileNetV2's block",
    points=3,
    minutes=15,
    name="InvertedResidual",
    reference=framework.InvertedResidual,
    cases=_cases,
    small=_small,
    mistakes=(
        Mistake(
            "relu_last",
            "There is a ReLU behind the last batch norm. The narrow end of V2's block is linear: "
            "that is the paper's linear bottleneck.",
            _ReluLast,
        ),
        Mistake(
            "relu_after",
            "There is a ReLU after the addition, as in ResNet. V2's block ends without one.",
            _ReluAfter,
        ),
        Mistake(
            "no_shortcut",
            "The input is never added. It is, where the block keeps the shape.",
            _NoShortcut,
        ),
        Mistake(
            "shortcut_by_stride",
            "The input is added wherever the stride is 1. The number of channels must be the same, "
            "too; there is no projection in V2.",
            _ShortcutWhereItFits,
        ),
        Mistake("relu", "The activation is ReLU. V2 has ReLU6, which cuts off at 6.", _Relu),
        Mistake(
            "always_expanded",
            "There is a first 1x1 even where the ratio is 1. There is nothing to expand there: "
            "leave that layer and its batch norm out.",
            _AlwaysExpanded,
        ),
        Mistake(
            "stride_in_expand",
            "The stride sits in the first 1x1. It belongs to the depthwise layer.",
            _StrideInExpand,
        ),
        Mistake(
            "stride_in_project",
            "The stride sits in the last 1x1. It belongs to the depthwise layer. In evaluation "
            "both give the same numbers; in training the batch norm between them averages over "
            "pixels that are then thrown away.",
            _StrideInProject,
        ),
        Mistake(
            "no_last_norm",
            "The last batch norm is made and not used. It stands behind the last 1x1.",
            _NoLastNorm,
        ),
        Mistake(
            "no_middle_relu",
            "There is no ReLU6 between the depthwise layer and the last 1x1.",
            _NoMiddleRelu,
        ),
    ),
    hints=(
        "Three convolutions with a batch norm each: a 1x1 up to expand_ratio times the channels, "
        "a depthwise 3x3 there, with the stride, and a 1x1 down to out_channels.",
        "ReLU6 behind the first two batch norms, none behind the third. The input is added where "
        "the stride is 1 and the number of channels stays.",
        "Where expand_ratio is 1, `self.expand` and `self.bn1` are None, and the forward pass "
        "goes straight to the depthwise layer.",
    ),
    shortcuts=(GROUPED_LAYER,),
)
