"""Lesson 01: the exercises that are blocks, and the ways to build one wrong."""

from __future__ import annotations

from torch import Generator, Tensor, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import (
    Exercise, Wrong, integers, module_case, normal, pick, small_module_case,
)  # fmt: skip
from convzoo.framework import resnet as framework

LESSON = "01_resnet"

# --- spoilt blocks ---------------------------------------------------------------


class _Relu(nn.Module):
    """ReLU, but not at one of the calls that a block makes in turn."""

    def __init__(self, calls: int, skipped: int):
        super().__init__()
        self.calls, self.skipped, self.call = calls, skipped, 0

    def forward(self, x: Tensor) -> Tensor:
        call, self.call = self.call, (self.call + 1) % self.calls
        return x if call == self.skipped else F.relu(x)


def _without_relu(block: type[nn.Module], calls: int, skipped: int) -> type[nn.Module]:
    """The framework's block, which calls one ReLU `calls` times, less one of them."""

    class Spoilt(block):
        def __init__(self, **scalars):
            super().__init__(**scalars)
            self.relu = _Relu(calls, skipped)

    return Spoilt


def _relu_then_add(block: type[nn.Module], calls: int, last: str) -> type[nn.Module]:
    class Spoilt(_without_relu(block, calls, calls - 1)):
        def __init__(self, **scalars):
            super().__init__(**scalars)
            norm = getattr(self, last)
            norm.register_forward_hook(lambda module, inputs, y: F.relu(y).clone())

    return Spoilt


def _projecting_only(block: type[nn.Module], where: str) -> type[nn.Module]:
    """A projection where the stride changes, or where the width does, and nowhere else."""

    class Spoilt(block):
        def __init__(self, in_channels, planes, stride=1, **scalars):
            super().__init__(in_channels, planes, stride, **scalars)
            wider = in_channels != planes * self.expansion
            if not (stride != 1 if where == "stride" else wider):
                self.downsample = nn.Identity()

    return Spoilt


class _AlwaysProjects(framework.BasicBlock):
    def __init__(self, in_channels, planes, stride=1):
        super().__init__(in_channels, planes, stride)
        if self.downsample is None:
            project = nn.Conv2d(in_channels, planes, 1, bias=False)
            self.downsample = nn.Sequential(project, nn.BatchNorm2d(planes))


class _NoInput(framework.BasicBlock):
    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


def _striding(block: type[nn.Module], strides, **fixed) -> type[nn.Module]:
    """Another stride at each convolution: strides(stride, stride_in_1x1) gives all of them."""

    class Spoilt(block):
        def __init__(self, in_channels, planes, stride=1, **scalars):
            super().__init__(in_channels, planes, stride, **scalars)
            layers = [self.conv1, self.conv2, getattr(self, "conv3", None)]
            for layer, step in zip(layers, strides(stride, **scalars), strict=False):
                layer.stride = (step, step)

    return Spoilt


_RELU_THEN_ADD = (
    "The last ReLU comes before the addition. Then the branch can only add to the input, never "
    "take away from it."
)
_ON_STRIDE = (
    "The projection is there only where the stride changes. It is needed too where the number "
    "of channels changes: else the two cannot be added."
)

_KEEPS_SIZE = (
    "The shortcut keeps the image's size where the stride is not 1. It projects there too, be the "
    "channels as many or not, and its 1x1 has the block's stride."
)

# --- the basic block -------------------------------------------------------------


def _basic_case(gen: Generator, training: bool = False, image=(6, 5), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.BasicBlock, scalars, {"x": x}, gen, training)


def _basic_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [3, 5, 6])
    return [
        _basic_case(gen, in_channels=4, planes=4, stride=1),
        _basic_case(gen, in_channels=4, planes=wide, stride=1),
        _basic_case(gen, in_channels=3, planes=3, stride=2),
        _basic_case(gen, True, in_channels=3, planes=wide + 1, stride=2, image=(7, 6)),
        _basic_case(gen, True, in_channels=wide, planes=wide, stride=1, image=(4, 5)),
    ]


def _small_basic(image, **scalars) -> Case:
    x = integers(1, scalars["in_channels"], *image) % 3
    return small_module_case(framework.BasicBlock, scalars, {"x": x})


def _basic_small() -> list[Case]:
    return [
        _small_basic((2, 2), in_channels=1, planes=1, stride=1),
        _small_basic((1, 2), in_channels=1, planes=2, stride=1),
        _small_basic((3, 3), in_channels=1, planes=1, stride=2),
    ]


BASIC_BLOCK = Exercise(
    id="resnet.basic_block",
    lesson=LESSON,
    title="The basic block",
    points=4,
    minutes=15,
    name="BasicBlock",
    reference=framework.BasicBlock,
    cases=_basic_cases,
    small=_basic_small,
    wrong=(
        Wrong(
            "no_last_relu",
            "The last ReLU is missing: it comes after the addition.",
            _without_relu(framework.BasicBlock, 2, 1),
        ),
        Wrong(
            "relu_then_add",
            _RELU_THEN_ADD,
            _relu_then_add(framework.BasicBlock, 2, "bn2"),
        ),
        Wrong(
            "no_first_relu",
            "There is no ReLU between the two 3x3 layers, so that the branch has none at all.",
            _without_relu(framework.BasicBlock, 2, 0),
        ),
        Wrong(
            "no_input",
            "The input is never added: that is the plain block. Whatever leaves the branch is "
            "added to what comes in, or to its projection.",
            _NoInput,
        ),
        Wrong(
            "stride_second",
            "The stride sits in the second 3x3. The sizes come out right, but the first one does "
            "its work at the large size, and the numbers are others.",
            _striding(framework.BasicBlock, lambda stride: (1, stride)),
        ),
        Wrong(
            "project_on_stride",
            _ON_STRIDE,
            _projecting_only(framework.BasicBlock, "stride"),
        ),
        Wrong(
            "shortcut_keeps_size",
            _KEEPS_SIZE,
            _projecting_only(framework.BasicBlock, "width"),
        ),
        Wrong(
            "always_projects",
            "The shortcut projects in every block. Where the input has the output's shape already, "
            "it is added as it is: that is the identity that the block is built around.",
            _AlwaysProjects,
        ),
    ),
    hints=(
        "Draw it first: two 3x3 layers in a row, each with a batch norm behind it, and a line "
        "around both that meets them again at a plus sign. A ReLU stands between the two layers "
        "and one stands behind the plus.",
        "Only the first 3x3 has the stride and the change from in_channels to planes. When do "
        "the two ends of the line around have different shapes? There are two reasons.",
        "In `__init__`: conv1, bn1, conv2, bn2, then `downsample`, which is None, or the 1x1 and "
        "its batch norm in an nn.Sequential. In `forward`: the branch as far as bn2; then the "
        "input, through `downsample` if there is one; the sum; the ReLU of the sum.",
    ),
)

# --- the bottleneck --------------------------------------------------------------


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


BOTTLENECK = Exercise(
    id="resnet.bottleneck",
    lesson=LESSON,
    title="The bottleneck, in two layouts",
    points=4,
    minutes=15,
    name="Bottleneck",
    reference=framework.Bottleneck,
    cases=_bottleneck_cases,
    small=_bottleneck_small,
    wrong=(
        Wrong(
            "always_3x3",
            "The stride sits in the 3x3 whatever is asked. In the paper's layout it is the first "
            "1x1 that leaves out pixels.",
            _striding(framework.Bottleneck, _late),
        ),
        Wrong(
            "always_1x1",
            "The stride sits in the first 1x1 whatever is asked. That is the paper's layout; "
            "where it is not asked for, the stride belongs to the 3x3.",
            _striding(framework.Bottleneck, _early),
        ),
        Wrong(
            "reversed",
            "The two layouts are exchanged. Where the stride is asked for in the 1x1, the 3x3 "
            "has none.",
            _striding(framework.Bottleneck, _reverse),
        ),
        Wrong(
            "no_last_relu",
            "The last ReLU is missing: it comes after the addition.",
            _without_relu(framework.Bottleneck, 3, 2),
        ),
        Wrong(
            "relu_then_add",
            _RELU_THEN_ADD,
            _relu_then_add(framework.Bottleneck, 3, "bn3"),
        ),
        Wrong(
            "no_middle_relu",
            "There is no ReLU between the 3x3 and the last 1x1.",
            _without_relu(framework.Bottleneck, 3, 1),
        ),
        Wrong(
            "project_on_stride",
            _ON_STRIDE,
            _projecting_only(framework.Bottleneck, "stride"),
        ),
        Wrong(
            "shortcut_keeps_size",
            _KEEPS_SIZE,
            _projecting_only(framework.Bottleneck, "width"),
        ),
        Wrong(
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
