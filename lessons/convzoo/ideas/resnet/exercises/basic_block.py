"""Lesson 01: the basic block, and the ways to build a block wrong."""

from __future__ import annotations

from torch import Generator, Tensor, nn
from torch.nn import functional as F

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


def without_relu(block: type[nn.Module], calls: int, skipped: int) -> type[nn.Module]:
    """The framework's block, which calls one ReLU `calls` times, less one of them."""

    class Spoilt(block):
        def __init__(self, **scalars):
            super().__init__(**scalars)
            self.relu = _Relu(calls, skipped)

    return Spoilt


def changed_after(block: type[nn.Module], layer: str, change) -> type[nn.Module]:
    """The block with something more done to what one of its layers gives, where it has it."""

    class Spoilt(block):
        def __init__(self, **scalars):
            super().__init__(**scalars)
            if getattr(self, layer) is not None:
                getattr(self, layer).register_forward_hook(lambda module, x, y: change(y))

    return Spoilt


def rectified_after(block: type[nn.Module], layer: str) -> type[nn.Module]:
    """A ReLU more, behind one of the layers."""
    return changed_after(block, layer, lambda y: F.relu(y).clone())


def relu_then_add(block: type[nn.Module], calls: int, last: str) -> type[nn.Module]:
    """The last ReLU behind the branch, and none behind the addition."""
    return rectified_after(without_relu(block, calls, calls - 1), last)


def norm_taken_for(block: type[nn.Module], layer: str, other: str | None) -> type[nn.Module]:
    """Another batch norm where one should act, or none; its own stays, and is not used."""

    class Spoilt(block):
        def __init__(self, **scalars):
            super().__init__(**scalars)
            acting = getattr(self, other) if other else nn.Identity()
            getattr(self, layer).forward = acting.forward

    return Spoilt


def unpadded(block: type[nn.Module]) -> type[nn.Module]:
    """No padding at any convolution."""

    class Spoilt(block):
        def __init__(self, **scalars):
            super().__init__(**scalars)
            for layer in (self.conv1, self.conv2):
                layer.padding = (0, 0)

    return Spoilt


def projecting_only(block: type[nn.Module], where: str) -> type[nn.Module]:
    """A projection where the stride changes, or where the width does, and nowhere else."""

    class Spoilt(block):
        def __init__(self, in_channels, planes, stride=1, **scalars):
            super().__init__(in_channels, planes, stride, **scalars)
            wider = in_channels != planes * self.expansion
            if not (stride != 1 if where == "stride" else wider):
                self.downsample = nn.Identity()

    return Spoilt


def always_projecting(block: type[nn.Module]) -> type[nn.Module]:
    """A projection even where the input has the output's shape already."""

    class Spoilt(block):
        def __init__(self, in_channels, planes, stride=1, **scalars):
            super().__init__(in_channels, planes, stride, **scalars)
            if self.downsample is None:
                project = nn.Conv2d(in_channels, in_channels, 1, bias=False)
                self.downsample = nn.Sequential(project, nn.BatchNorm2d(in_channels))

    return Spoilt


def without_input(block: type[nn.Module], convolutions: int) -> type[nn.Module]:
    """The branch alone, with the last ReLU behind it."""

    class Spoilt(block):
        def forward(self, x: Tensor) -> Tensor:
            for k in range(1, convolutions + 1):
                x = F.relu(getattr(self, f"bn{k}")(getattr(self, f"conv{k}")(x)))
            return x

    return Spoilt


def striding(block: type[nn.Module], strides) -> type[nn.Module]:
    """Another stride at each convolution: strides(stride, stride_in_1x1) gives all of them."""

    class Spoilt(block):
        def __init__(self, in_channels, planes, stride=1, **scalars):
            super().__init__(in_channels, planes, stride, **scalars)
            layers = [self.conv1, self.conv2, getattr(self, "conv3", None)]
            for layer, step in zip(layers, strides(stride, **scalars), strict=False):
                layer.stride = (step, step)

    return Spoilt


RELU_THEN_ADD = (
    "The last ReLU comes before the addition. Then the branch can only add to the input, never "
    "take away from it."
)
RELU_TWICE = (
    "The branch ends in a ReLU of its own, before the addition. Then it can only add to the input, "
    "never take away from it. The last ReLU is the one behind the sum."
)
NO_INPUT = (
    "The input is never added: that is the plain block. Whatever leaves the branch is added to "
    "what comes in, or to its projection."
)
UNPROJECTED = (
    "Where the number of channels changes, the input as it came meets the branch. There too the "
    "shortcut needs its projection, whatever the stride, and it is the projected input that is "
    "added."
)
TWO_SIZES = (
    "Where the stride is not 1, branch and shortcut come out at different sizes. The branch has "
    "the block's stride once, and so has the projection, which is needed there even if the "
    "channels are as many."
)
STRIDE_TWICE = "The stride sits in two convolutions of the branch, which thins it out twice."
UNPADDED = (
    "The branch comes out smaller than its input although the stride is 1: a 3x3 without padding "
    "loses a border of one pixel."
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


def _small_basic(image, shift: float = 0.0, **scalars) -> Case:
    x = integers(1, scalars["in_channels"], *image) % 3
    return small_module_case(framework.BasicBlock, scalars, {"x": x}, shift)


def _basic_small() -> list[Case]:
    return [
        _small_basic((2, 2), in_channels=1, planes=1, stride=1),
        _small_basic((1, 2), in_channels=1, planes=2, stride=1),
        _small_basic((3, 3), in_channels=1, planes=1, stride=2),
        _small_basic((2, 2), 1.0, in_channels=1, planes=1, stride=1),
    ]


EXERCISE = Exercise(
    id="resnet.basic_block",
    place=2,
    lesson=LESSON,
    title="The basic block",
    points=4,
    minutes=15,
    name="BasicBlock",
    reference=framework.BasicBlock,
    cases=_basic_cases,
    small=_basic_small,
    mistakes=(
        Mistake(
            "no_last_relu",
            "The last ReLU is missing: it comes after the addition.",
            without_relu(framework.BasicBlock, 2, 1),
        ),
        Mistake("relu_then_add", RELU_THEN_ADD, relu_then_add(framework.BasicBlock, 2, "bn2")),
        Mistake("relu_twice", RELU_TWICE, rectified_after(framework.BasicBlock, "bn2")),
        Mistake(
            "rectified_projection",
            "The projection goes through a ReLU of its own. It ends with its batch norm; the only "
            "ReLU on its way is the one behind the sum.",
            rectified_after(framework.BasicBlock, "downsample"),
        ),
        Mistake(
            "relu_then_norm",
            "The first ReLU stands before the batch norm. The order is: convolution, batch norm, "
            "ReLU.",
            rectified_after(without_relu(framework.BasicBlock, 2, 0), "conv1"),
        ),
        Mistake(
            "one_norm_for_both",
            "The first batch norm acts twice and the second never. Each 3x3 has its own.",
            norm_taken_for(framework.BasicBlock, "bn2", "bn1"),
        ),
        Mistake(
            "no_second_norm",
            "The second batch norm is made and not used. It stands behind the second 3x3, before "
            "the addition.",
            norm_taken_for(framework.BasicBlock, "bn2", None),
        ),
        Mistake(
            "no_first_relu",
            "There is no ReLU between the two 3x3 layers, so that the branch has none at all.",
            without_relu(framework.BasicBlock, 2, 0),
        ),
        Mistake("no_input", NO_INPUT, without_input(framework.BasicBlock, 2)),
        Mistake(
            "stride_second",
            "The stride sits in the second 3x3. The sizes come out right, but the first one does "
            "its work at the large size, and the numbers are others.",
            striding(framework.BasicBlock, lambda stride: (1, stride)),
        ),
        Mistake(
            "stride_twice",
            STRIDE_TWICE,
            striding(framework.BasicBlock, lambda stride: (stride, stride)),
        ),
        Mistake("unpadded", UNPADDED, unpadded(framework.BasicBlock)),
        Mistake("unprojected", UNPROJECTED, projecting_only(framework.BasicBlock, "stride")),
        Mistake("two_sizes", TWO_SIZES, projecting_only(framework.BasicBlock, "width")),
        Mistake(
            "always_projects",
            "The shortcut projects in every block. Where the input has the output's shape already, "
            "it is added as it is: that is the identity that the block is built around.",
            always_projecting(framework.BasicBlock),
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
