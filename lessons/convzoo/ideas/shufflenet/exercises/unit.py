"""Lesson 05: the ShuffleNet unit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from torch import Generator, nn

from convzoo.case import Case
from convzoo.exercises.mistakes import (
    Mistakes,
    change_output,
    change_result,
    regroup,
    relu_after,
    replace_call,
    swap_strides,
    unpad,
)
from convzoo.exercises.model import Exercise, integers, layer_case, pick, small_module_case
from convzoo.ideas.shufflenet import framework

_unit_case = partial(layer_case, framework.ShuffleUnit, image=(5, 4))


def _unit(in_channels: int, out_channels: int, stride: int, groups: int, first: int) -> dict:
    return {
        "in_channels": in_channels,
        "out_channels": out_channels,
        "stride": stride,
        "groups": groups,
        "first_groups": first,
    }


def _unit_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [5, 7])
    return [
        _unit_case(gen, **_unit(24, 24, 1, 3, 3)),
        _unit_case(gen, image=(side, 6), **_unit(12, 24, 2, 2, 2)),
        _unit_case(gen, True, **_unit(9, 24, 2, 3, 1)),
        _unit_case(gen, **_unit(16, 16, 1, 2, 1)),
        _unit_case(gen, **_unit(20, 20, 1, 1, 1)),
    ]


def _small_unit(image: tuple, *settings: int, shift: float = 0.0) -> Case:
    x = integers(1, settings[0], *image) % 5 - 1
    if settings[2] == 2:  # nines, so that the mean of nine is whole
        x = 9 * x.clamp(max=1)
    return small_module_case(framework.ShuffleUnit, _unit(*settings), {"x": x}, shift)


def _unit_small() -> list[Case]:
    return [
        _small_unit((1, 1), 4, 8, 2, 2, 2),
        _small_unit((1, 2), 4, 8, 2, 1, 1),
        _small_unit((1, 2), 8, 8, 1, 1, 1),
        _small_unit((1, 1), 4, 16, 2, 2, 2),
        _small_unit((1, 1), 4, 16, 2, 2, 1),
        _small_unit((1, 1), 4, 8, 2, 1, 1, shift=1.0),
        _small_unit((1, 1), 4, 8, 2, 1, 1, shift=-1.0),
        _with_other_bias(_small_unit((1, 1), 4, 16, 2, 2, 2), "bn1.bias"),
    ]


def _with_other_bias(case: Case, name: str) -> Case:
    """Return the case with a batch norm that adds 1 to its first channel, 2 to the second, ..."""
    return replace(case, weights=case.weights | {name: integers(*case.weights[name].shape)})


mistake = Mistakes(framework.ShuffleUnit)


@mistake
def no_shuffle(**scalars):
    """Nothing is shuffled, so the two grouped 1x1 layers never exchange anything between their
    groups. Shuffle before the depthwise layer."""
    return replace_call(framework.ShuffleUnit(**scalars), "shuffle")


def _shuffle_after(layer: str, groups: int, **scalars) -> nn.Module:
    """Return the unit with its shuffle at another place."""
    return change_output(no_shuffle(groups=groups, **scalars), layer, nn.ChannelShuffle(groups))


@mistake
def late_shuffle(**scalars):
    """The shuffle comes after the depthwise layer. In the paper's figure 2 it comes before it: the
    unit can compute the same functions, but the depthwise weights are in another order."""
    return _shuffle_after("bn2", **scalars)


@mistake
def last_shuffle(**scalars):
    """The shuffle comes after the last 1x1. It belongs between the two grouped 1x1 layers, so that
    the second reads from all groups of the first."""
    return _shuffle_after("bn3", **scalars)


@mistake
def first_groups_shuffled(first_groups, **scalars):
    """The shuffle uses `first_groups` groups. In the first unit that is 1, and nothing moves: use
    `groups`, as in the layer after it."""
    module = framework.ShuffleUnit(first_groups=first_groups, **scalars)
    module.shuffle = nn.ChannelShuffle(first_groups)
    return module


@mistake
def relu_after_depthwise(**scalars):
    """There is a ReLU after the depthwise layer. The paper leaves it out there."""
    return relu_after(framework.ShuffleUnit(**scalars), "bn2")


@mistake
def no_first_relu(**scalars):
    """The ReLU after the first 1x1 is missing. It comes after its batch norm."""
    return replace_call(framework.ShuffleUnit(**scalars), "relu")


def _with(layer: nn.Module, place: str, **scalars) -> nn.Module:
    """Return the unit with another layer, which has no weights, in place of `pool` or `last`."""
    module = framework.ShuffleUnit(**scalars)
    setattr(module, place, layer.forward)  # the layer itself would become a link of the chain
    return module


@mistake
def no_last_relu(**scalars):
    """The last ReLU is missing. Apply it after the input and the branch are joined."""
    return _with(nn.Identity(), "last", **scalars)


@mistake
def relu_then_join(**scalars):
    """The last ReLU is applied to the branch only. Apply it after the input and the branch are
    joined."""
    return relu_after(no_last_relu(**scalars), "bn3")


@mistake
def max_pool(**scalars):
    """The input goes through max pooling. At stride 2 it should go through average pooling."""
    return _with(nn.MaxPool2d(3, 2, 1), "pool", **scalars)


@mistake
def small_pool(**scalars):
    """The average is taken over 2 x 2 pixels. Its window should be 3 x 3, with stride 2 and a
    border of one pixel."""
    return _with(nn.AvgPool2d(2, 2, ceil_mode=True), "pool", **scalars)


@mistake
def bare_pool(**scalars):
    """The pooled input has fewer pixels than the branch. Average over 3 x 3 pixels, with stride 2
    and a border of one pixel."""
    return _with(nn.AvgPool2d(3, 2), "pool", **scalars)


@mistake
def no_padding(**scalars):
    """The 3x3 has no padding, so the branch loses its border. It needs a padding of 1."""
    return unpad(framework.ShuffleUnit(**scalars), "conv2")


@mistake
def stride_first(**scalars):
    """The stride is in the first 1x1, where it throws away three of four pixels. It belongs in the
    3x3."""
    return swap_strides(framework.ShuffleUnit(**scalars), "conv1", "conv2")


@mistake
def depthwise_in_groups(groups, **scalars):
    """The 3x3 has `groups` groups. It should be depthwise: one group for each channel."""
    return regroup(framework.ShuffleUnit(groups=groups, **scalars), "conv2", groups)


@mistake
def depthwise_dense(**scalars):
    """The 3x3 is a full convolution. It should be depthwise: one group for each channel."""
    return regroup(framework.ShuffleUnit(**scalars), "conv2", 1)


for _norm in ("bn1", "bn2", "bn3"):
    mistake.add(
        f"no_{_norm}",
        f"Nothing passes through `{_norm}`. Each of the three convolutions has its batch norm "
        "after it.",
        lambda _norm=_norm, **scalars: replace_call(framework.ShuffleUnit(**scalars), _norm),
    )


@mistake
def branch_first(stride, **scalars):
    """The two parts are concatenated in the wrong order. The pooled input should come first."""
    module = framework.ShuffleUnit(stride=stride, **scalars)
    return change_result(module, lambda x, y: y.roll(-x.shape[1], 1)) if stride == 2 else module


@mistake
def whole_branch(stride, **scalars):
    """At stride 2 the branch makes as many channels as the whole output has. The pooled input
    already brings some of them: the branch makes only the rest."""
    module = framework.ShuffleUnit(stride=stride, **scalars)
    whole = framework.ShuffleUnit(stride=1, **scalars)
    module.conv3, module.bn3 = whole.conv3, whole.bn3
    for weight in module.parameters():  # no case fits: what is shown of them are whole numbers
        nn.init.zeros_(weight)
    return module


@mistake
def first_always_grouped(groups, first_groups, **scalars):
    """The first 1x1 has `groups` groups. It should have `first_groups`, which is 1 when the input
    has few channels."""
    return framework.ShuffleUnit(groups=groups, first_groups=groups, **scalars)


@mistake
def last_ungrouped(**scalars):
    """The last 1x1 is a full convolution. It should have `groups` groups."""
    return regroup(framework.ShuffleUnit(**scalars), "conv3", 1)


@mistake
def relu_before_join(**scalars):
    """There is a ReLU after the last batch norm too. The branch must be able to subtract from the
    input: the only ReLU here comes after the two are joined."""
    return relu_after(framework.ShuffleUnit(**scalars), "bn3")


@mistake
def relu_before_norm(**scalars):
    """The first ReLU comes before its batch norm. The order is convolution, batch norm, ReLU."""
    return relu_after(no_first_relu(**scalars), "conv1")


@mistake
def shuffle_before_norm(**scalars):
    """The shuffle comes before the first batch norm, whose numbers then belong to other channels.
    It comes after the first ReLU."""
    return _shuffle_after("conv1", **scalars)


@mistake
def pooled_added(stride, **scalars):
    """At stride 2 the pooled input is added to the branch. The two should be concatenated."""
    module = framework.ShuffleUnit(stride=stride, **scalars)
    if stride > 1:
        module.join = lambda x, branch: module.pool(x) + branch
    return module


@mistake
def no_stride(**scalars):
    """The stride does not reach the branch. Pass it to the 3x3."""
    module = framework.ShuffleUnit(**scalars)
    module.conv2.stride = (1, 1)
    return module


@mistake
def stride_last(**scalars):
    """The stride is in the last 1x1. In evaluation both give the same numbers, but the 3x3 computes
    four times as many pixels, and in training its batch norm counts them all."""
    return swap_strides(framework.ShuffleUnit(**scalars), "conv2", "conv3")


@mistake
def first_ungrouped(**scalars):
    """The first 1x1 is a full convolution. It should have `first_groups` groups."""
    return regroup(framework.ShuffleUnit(**scalars), "conv1", 1)


@mistake
def last_in_first_groups(first_groups, **scalars):
    """The last 1x1 has `first_groups` groups. That number is for the first 1x1 only: the last has
    `groups`."""
    module = framework.ShuffleUnit(first_groups=first_groups, **scalars)
    return regroup(module, "conv3", first_groups)


EXERCISE = Exercise(
    id="shufflenet.unit",
    place=3,
    lesson="05_shufflenet",
    title="The ShuffleNet unit",
    points=4,
    minutes=15,
    name="ShuffleUnit",
    reference=framework.ShuffleUnit,
    cases=_unit_cases,
    small=_unit_small,
    mistakes=tuple(mistake),
    hints=(
        "Three convolutions: a 1x1 from in_channels to out_channels // 4, in first_groups groups; "
        "a 3x3 at that width, one group for each channel, with the stride; a 1x1 in `groups` "
        "groups to the branch's width. A batch norm after each.",
        "At stride 1 the branch's width is out_channels. At stride 2 the pooled input already "
        "brings in_channels of these channels, so the branch makes only the rest.",
        "Forward: first 1x1, batch norm, ReLU; shuffle; 3x3, batch norm; last 1x1, batch norm. "
        "Then add x, or concatenate `F.avg_pool2d(x, 3, 2, 1)` and the branch; then ReLU.",
    ),
)
