"""Lesson 02: the ResNeXt block."""

from __future__ import annotations

from math import ceil

from torch import Generator, Tensor, nn
from torch.nn import functional as F

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
from convzoo.ideas.resnext import framework
from convzoo.ideas.resnext.exercises.grouped_conv2d import is_grouped

LESSON = "02_resnext"


def _bottleneck_case(gen, training=False, image=(6, 5), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.Bottleneck, scalars, {"x": x}, gen, training)


def _bottleneck_cases(gen: Generator) -> list[Case]:
    groups = pick(gen, [2, 3, 4])  # times 1.875 channels: whoever rounds otherwise is seen
    return [
        _bottleneck_case(gen, in_channels=16, planes=4, stride=1, groups=2, width_per_group=32),
        _bottleneck_case(gen, in_channels=6, planes=6, stride=1, groups=groups, width_per_group=20),
        _bottleneck_case(
            gen, True, in_channels=10, planes=4, stride=2, groups=2, width_per_group=48
        ),
        _bottleneck_case(gen, in_channels=12, planes=3, stride=1, groups=1, width_per_group=64),
        _bottleneck_case(gen, in_channels=12, planes=3, stride=2, groups=3, width_per_group=64),
    ]


def _small_bottleneck(image, shift=0.0, **scalars) -> Case:
    x = integers(1, scalars["in_channels"], *image) % 3
    scalars["width_per_group"] = 64
    return small_module_case(framework.Bottleneck, scalars, {"x": x}, shift)


def _bottleneck_small() -> list[Case]:
    return [
        _small_bottleneck((1, 2), in_channels=4, planes=1, stride=1, groups=2),
        _small_bottleneck((1, 2), 1.0, in_channels=4, planes=1, stride=1, groups=2),
        _small_bottleneck((1, 2), in_channels=3, planes=1, stride=1, groups=2),
        _small_bottleneck((2, 2), in_channels=2, planes=1, stride=2, groups=2),
    ]


class _Relu(nn.Module):
    """ReLU, but not at the calls named in `skips`: the framework's block calls one thrice."""

    def __init__(self, skips: tuple[int, ...]):
        super().__init__()
        self.skips, self.calls = skips, 0

    def forward(self, x: Tensor) -> Tensor:
        call, self.calls = self.calls % 3, self.calls + 1
        return x if call in self.skips else F.relu(x)


class _NoLastRelu(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu = _Relu(skips=(2,))


class _NoMiddleRelu(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu = _Relu(skips=(1,))


class _NoFirstRelu(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu = _Relu(skips=(0,))


def _relu_first(*layers: int) -> type:
    """ReLU before the norm in the layers named, of the first two."""

    class ReluFirst(framework.Bottleneck):
        def __init__(self, **scalars):
            super().__init__(**scalars)
            self.relu = _Relu(skips=tuple(layer - 1 for layer in layers))
            for layer in layers:
                conv = self.get_submodule(f"conv{layer}")
                conv.register_forward_hook(lambda module, args, y: F.relu(y))

    return ReluFirst


def _without(norm: str) -> type:
    """A norm that is there, and that nothing passes through."""

    class Without(framework.Bottleneck):
        def __init__(self, **scalars):
            super().__init__(**scalars)
            self.get_submodule(norm).forward = lambda x: x

    return Without


class _FirstNormTwice(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn2.forward = lambda x: self.bn1(x)


class _ReluOnShortcut(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        if self.downsample is not None:
            self.downsample.append(nn.ReLU())


class _ReluThenAdd(_NoLastRelu):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn3.register_forward_hook(lambda module, args, y: F.relu(y).clone())


class _ReluTwice(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn3.register_forward_hook(lambda module, args, y: F.relu(y).clone())


class _NoShortcut(framework.Bottleneck):
    """The framework's block without its input: the branch alone goes into the last ReLU."""

    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn3.register_forward_hook(self._keep)
        self.register_forward_hook(lambda module, args, y: F.relu(self._total()))

    def _keep(self, module, args, y):
        self.branch = y.clone()

    def _total(self) -> Tensor:
        return self.branch


class _InputOverwritten(_NoShortcut):
    def _total(self) -> Tensor:
        return self.branch + (self.downsample or nn.Identity())(self.branch)


class _StrideFirst(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.conv1.stride, self.conv2.stride = self.conv2.stride, self.conv1.stride


class _RoundedUp(framework.Bottleneck):
    def __init__(self, planes, groups=1, width_per_group=64, **scalars):
        width = ceil(planes * width_per_group / 64)
        super().__init__(
            planes=planes, groups=groups, width_per_group=64 * width / planes, **scalars
        )


class _NoGroups(framework.Bottleneck):
    def __init__(self, planes, groups=1, width_per_group=64, **scalars):
        wide = int(planes * width_per_group / 64)
        super().__init__(
            planes=planes, groups=1, width_per_group=64 * groups * wide / planes, **scalars
        )


class _WidthForGroups(framework.Bottleneck):
    def __init__(self, planes, groups=1, width_per_group=64, **scalars):
        width = int(planes * width_per_group / 64)
        super().__init__(
            planes=planes, groups=width, width_per_group=64 * groups / planes, **scalars
        )


class _NoPadding(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.conv2.padding = (0, 0)


class _NoProjection(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.downsample = nn.Identity()


class _ProjectOnStride(framework.Bottleneck):
    def __init__(self, in_channels, planes, stride=1, **scalars):
        super().__init__(in_channels=in_channels, planes=planes, stride=stride, **scalars)
        if stride == 1:
            self.downsample = nn.Identity()


class _ProjectOnChannels(framework.Bottleneck):
    def __init__(self, in_channels, planes, **scalars):
        super().__init__(in_channels=in_channels, planes=planes, **scalars)
        if in_channels == 4 * planes:
            self.downsample = nn.Identity()


class _AlwaysProject(framework.Bottleneck):
    def __init__(self, in_channels, planes, stride=1, **scalars):
        super().__init__(in_channels=in_channels, planes=planes, stride=stride, **scalars)
        conv = nn.Conv2d(in_channels, 4 * planes, 1, stride, bias=False)
        self.downsample = nn.Sequential(conv, nn.BatchNorm2d(4 * planes))


EXERCISE = Exercise(
    id="resnext.block",
    place=3,
    lesson=LESSON,
    title="The ResNeXt block",
    points=4,
    minutes=15,
    name="Bottleneck",
    reference=framework.Bottleneck,
    cases=_bottleneck_cases,
    small=_bottleneck_small,
    mistakes=(
        Mistake(
            "rounded_up",
            "The width of a group is rounded up. Round it down, as the paper's networks do: "
            "1.5 channels become 1.",
            _RoundedUp,
        ),
        Mistake(
            "no_groups",
            "The 3x3 layer is one full convolution: the groups do not reach it.",
            _NoGroups,
        ),
        Mistake(
            "width_for_groups",
            "The number of groups and the width of a group are exchanged. `groups` counts the "
            "blocks of the matrix, not the channels in one of them.",
            _WidthForGroups,
        ),
        Mistake(
            "stride_first",
            "The stride sits in the first 1x1. There it throws three of four pixels away before "
            "the 3x3 has seen them; in ResNeXt it sits in the 3x3.",
            _StrideFirst,
        ),
        Mistake(
            "no_last_relu", "The last ReLU is missing: it comes after the addition.", _NoLastRelu
        ),
        Mistake(
            "relu_then_add",
            "The last ReLU comes before the addition. Then the branch can only add, never take "
            "away.",
            _ReluThenAdd,
        ),
        Mistake(
            "relu_twice",
            "There is a ReLU before the addition too. Only the one after it belongs there.",
            _ReluTwice,
        ),
        Mistake(
            "no_shortcut",
            "The input is not added: without it the block is no residual one.",
            _NoShortcut,
        ),
        Mistake(
            "input_overwritten",
            "The branch is added to itself: by then the name no longer stands for the input. Give "
            "what the layers make another name.",
            _InputOverwritten,
        ),
        Mistake(
            "no_middle_relu", "There is no ReLU between the 3x3 and the last 1x1.", _NoMiddleRelu
        ),
        Mistake(
            "no_first_relu", "There is no ReLU between the first 1x1 and the 3x3.", _NoFirstRelu
        ),
        Mistake(
            "relu_first",
            "The ReLU comes before the batch norm, twice. The order is convolution, norm, ReLU.",
            _relu_first(1, 2),
        ),
        Mistake(
            "relu_before_bn1",
            "After the first 1x1 the ReLU comes before the batch norm. The order is convolution, "
            "norm, ReLU.",
            _relu_first(1),
        ),
        Mistake(
            "relu_before_bn2",
            "After the 3x3 the ReLU comes before the batch norm. The order is convolution, norm, "
            "ReLU.",
            _relu_first(2),
        ),
        Mistake(
            "relu_on_shortcut",
            "There is a ReLU at the end of `downsample`. It ends with its norm: what is added may "
            "be negative.",
            _ReluOnShortcut,
        ),
        *(
            Mistake(
                f"no_{norm}",
                f"`{norm}` is made and never used: a norm stands after every convolution.",
                _without(norm),
            )
            for norm in ("bn1", "bn2", "bn3")
        ),
        Mistake(
            "bn1_twice",
            "`bn1` is used twice, and `bn2` never: each convolution has a norm of its own.",
            _FirstNormTwice,
        ),
        Mistake(
            "no_padding",
            "The 3x3 has no padding: without a border of zeros its image shrinks, and can no "
            "longer be added to the input.",
            _NoPadding,
        ),
        Mistake(
            "no_projection",
            "There is no projection at all. Where stride or channels change, the input must be "
            "taken to the shape of the output before the two are added.",
            _NoProjection,
        ),
        Mistake(
            "project_on_stride",
            "The projection is there only where the stride changes. It is needed too where the "
            "number of channels changes: else the two cannot be added.",
            _ProjectOnStride,
        ),
        Mistake(
            "project_on_channels",
            "The projection is there only where the number of channels changes. It is needed too "
            "where the stride makes the image smaller: else the two cannot be added.",
            _ProjectOnChannels,
        ),
        Mistake(
            "always_project",
            "`downsample` must be None where the input already has the output's shape: there the "
            "input itself is added.",
            _AlwaysProject,
        ),
    ),
    hints=(
        "Three convolutions: 1x1 from in_channels to the width, 3x3 at that width in groups, "
        "1x1 from there to 4 * planes. A batch norm after each; ReLU after the first two.",
        "The width of one group is int(planes * width_per_group / 64); the 3x3 has groups of them. "
        "The stride belongs to the 3x3.",
        "`self.downsample` is None where the input already has the output's shape, and "
        "nn.Sequential(1x1 convolution with the stride, batch norm) where stride or channels "
        "differ. Add, then ReLU.",
    ),
    shortcuts=(
        Shortcut(
            "The 3x3 (`conv2`, made in `__init__`) is the framework's grouped convolution. Use "
            "`GroupedConv2d`, the layer around your own.",
            is_grouped,
            ("groups",),
        ),
    ),
)
