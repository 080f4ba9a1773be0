"""Lesson 03: the layer that a dense block adds."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from convzoo.case import Case
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


def _layer_case(gen, training=False, image=(4, 5), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.DenseLayer, scalars, {"x": x}, gen, training)


def _layer_cases(gen: Generator) -> list[Case]:
    return [
        _layer_case(gen, in_channels=6, growth_rate=2, bn_size=4),
        _layer_case(gen, True, in_channels=5, growth_rate=3, bn_size=2),
        _layer_case(gen, in_channels=pick(gen, [7, 9]), growth_rate=4, bn_size=3, image=(3, 6)),
        _layer_case(gen, in_channels=4, growth_rate=1, bn_size=2),
    ]


def _small_layer(image, shift=0.0, **scalars) -> Case:
    x = integers(1, scalars["in_channels"], *image, start=0) % 4 - 1
    return small_module_case(framework.DenseLayer, scalars, {"x": x}, shift)


def _layer_small() -> list[Case]:
    return [
        _small_layer((3, 3), in_channels=1, growth_rate=1, bn_size=2),
        _small_layer((3, 3), in_channels=2, growth_rate=1, bn_size=2),
        _small_layer((2, 2), 1.0, in_channels=1, growth_rate=1, bn_size=1),
    ]


class _NoFirstRelu(framework.DenseLayer):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu1 = nn.Identity()


class _NoSecondRelu(framework.DenseLayer):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu2 = nn.Identity()


class _NoRelus(_NoFirstRelu):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu2 = nn.Identity()


class _ReluLast(framework.DenseLayer):
    def forward(self, x: Tensor) -> Tensor:
        return self.relu2(super().forward(x))


class _ReluFirst(framework.DenseLayer):
    def forward(self, x: Tensor) -> Tensor:
        narrow = self.conv1(self.norm1(x.relu()))
        return self.conv2(self.norm2(narrow.relu()))


class _NoNorms(framework.DenseLayer):
    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x.relu()).relu())


class _NormLate(framework.DenseLayer):
    """The norms as large as they should be, and each behind its convolution."""

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(narrow)))


class _ConvFirst(_NormLate):
    """Convolution, batch norm, ReLU, twice: the order of a ResNet."""

    def __init__(self, in_channels, growth_rate, bn_size):
        super().__init__(in_channels=in_channels, growth_rate=growth_rate, bn_size=bn_size)
        self.norm1, self.norm2 = self.norm2, nn.BatchNorm2d(growth_rate)


class _Narrow(framework.DenseLayer):
    def __init__(self, bn_size, **scalars):
        super().__init__(bn_size=1, **scalars)


class _AlwaysFour(framework.DenseLayer):
    def __init__(self, bn_size, **scalars):
        super().__init__(bn_size=4, **scalars)


class _NoPadding(framework.DenseLayer):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.conv2.padding = (0, 0)


class _Joined(framework.DenseLayer):
    def forward(self, x: Tensor) -> Tensor:
        return torch.hstack((x, super().forward(x)))


class _Added(framework.DenseLayer):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


EXERCISE = Exercise(
    id="densenet.layer",
    place=2,
    lesson=LESSON,
    title="The dense layer",
    points=3,
    minutes=12,
    name="DenseLayer",
    reference=framework.DenseLayer,
    cases=_layer_cases,
    small=_layer_small,
    mistakes=(
        Mistake(
            "no_first_relu",
            "There is no ReLU between the first batch norm and the 1x1.",
            _NoFirstRelu,
        ),
        Mistake(
            "no_second_relu",
            "There is no ReLU between the second batch norm and the 3x3.",
            _NoSecondRelu,
        ),
        Mistake(
            "no_relus", "Both ReLUs are missing: there is one behind each batch norm.", _NoRelus
        ),
        Mistake(
            "relu_last",
            "A ReLU comes last, behind the 3x3. The layer ends with its 3x3: whoever reads its "
            "channels has a batch norm and a ReLU of its own.",
            _ReluLast,
        ),
        Mistake(
            "relu_first",
            "Each ReLU comes before its batch norm. The norm is first: the ReLU cuts off what lies "
            "below the zero that the norm sets.",
            _ReluFirst,
        ),
        Mistake("no_norms", "The batch norms are made and never called.", _NoNorms),
        Mistake(
            "norm_late",
            "A batch norm does not fit what arrives at it. Each stands before its convolution: the "
            "first reads what the layer is given, the second what the 1x1 makes.",
            _NormLate,
        ),
        Mistake(
            "conv_first",
            "Each convolution comes before its batch norm, as in a ResNet. In DenseNet the norm "
            "comes first, and so has as many channels as the convolution reads.",
            _ConvFirst,
        ),
        Mistake(
            "narrow",
            "The 1x1 makes as many channels as the growth rate. It makes a few times more: the "
            "factor is `bn_size`.",
            _Narrow,
        ),
        Mistake(
            "always_four",
            "The 1x1 makes 4 times the growth rate, whatever `bn_size` is. 4 is only what it is "
            "where nobody says otherwise.",
            _AlwaysFour,
        ),
        Mistake(
            "no_padding",
            "The 3x3 has no padding, so the image loses its border. Then the new channels would "
            "no longer fit beside the old ones.",
            _NoPadding,
        ),
        Mistake(
            "joined",
            "The layer returns its input and the new channels together. It returns the new ones "
            "alone here; the block puts them side by side.",
            _Joined,
        ),
        Mistake(
            "added",
            "The layer adds its input to what it has made, as a residual block does. It returns "
            "the new channels alone; the block puts them beside the old ones.",
            _Added,
        ),
    ),
    hints=(
        "Two times the same three steps: batch norm, ReLU, convolution. How many channels arrive "
        "at each batch norm?",
        "The 1x1 goes from `in_channels` to bn_size * growth_rate channels, the 3x3 from there to "
        "growth_rate, with a padding that keeps the image's size. No convolution has a bias.",
        "norm1 has `in_channels` channels; norm2 has as many as conv1 makes. In `forward`: norm1, "
        "ReLU, conv1, then norm2, ReLU, conv2. Return what conv2 gives.",
    ),
    shortcuts=(
        Shortcut(
            "It takes torchvision's own layer, which is what you are building.",
            lambda op: False,
            ("_DenseLayer",),
        ),
    ),
)
