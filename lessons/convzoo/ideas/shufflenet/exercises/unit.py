"""Lesson 05: the ShuffleNet unit."""

from __future__ import annotations

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
from convzoo.exercises.model import Exercise, integers, module_case, normal, pick, small_module_case
from convzoo.ideas.shufflenet import framework


def _unit_case(gen, training=False, image=(5, 4), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.ShuffleUnit, scalars, {"x": x}, gen, training)


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
        _unit_case(gen, image=(side, 6), **_unit(12, 32, 2, 2, 2)),
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
    ]


mistake = Mistakes(framework.ShuffleUnit)


@mistake
def no_shuffle(**scalars):
    """Nothing is shuffled: the two grouped 1x1 layers see the same groups."""
    return replace_call(framework.ShuffleUnit(**scalars), "shuffle")


def _shuffle_after(layer: str, groups: int, **scalars) -> nn.Module:
    """Return the unit with its shuffle at another place."""
    return change_output(no_shuffle(groups=groups, **scalars), layer, nn.ChannelShuffle(groups))


@mistake
def late_shuffle(**scalars):
    """The shuffle comes after the depthwise layer. The paper's figure 2 has it before: the same
    function, but with the depthwise weights in another order."""
    return _shuffle_after("bn2", **scalars)


@mistake
def last_shuffle(**scalars):
    """The shuffle comes after the last 1x1. It stands between the two grouped 1x1 layers, so that
    the second reads from all groups of the first."""
    return _shuffle_after("bn3", **scalars)


@mistake
def first_groups_shuffled(first_groups, **scalars):
    """The shuffle is in `first_groups` groups. In the first unit that is one, and nothing moves: it
    is in `groups` groups, as the layer behind it."""
    module = framework.ShuffleUnit(first_groups=first_groups, **scalars)
    module.shuffle = nn.ChannelShuffle(first_groups)
    return module


@mistake
def relu_after_depthwise(**scalars):
    """There is a ReLU after the depthwise layer. The paper leaves it out there."""
    return relu_after(framework.ShuffleUnit(**scalars), "bn2")


@mistake
def no_first_relu(**scalars):
    """The ReLU after the first 1x1 is missing."""
    return replace_call(framework.ShuffleUnit(**scalars), "relu")


def _with(layer: nn.Module, place: str, **scalars) -> nn.Module:
    """Return the unit with another layer, which has no weights, in place of `pool` or `last`."""
    module = framework.ShuffleUnit(**scalars)
    setattr(module, place, layer.forward)  # the layer itself would become a link of the chain
    return module


@mistake
def no_last_relu(**scalars):
    """The last ReLU is missing: it comes after the two ways are joined."""
    return _with(nn.Identity(), "last", **scalars)


@mistake
def relu_then_join(**scalars):
    """The last ReLU covers the branch alone. It comes after the two ways are joined."""
    return relu_after(no_last_relu(**scalars), "bn3")


@mistake
def max_pool(**scalars):
    """The input is pooled by its maximum. At stride 2 it is averaged."""
    return _with(nn.MaxPool2d(3, 2, 1), "pool", **scalars)


@mistake
def small_pool(**scalars):
    """The average is taken over 2 x 2 pixels. Its window is 3 x 3, with stride 2 and a border of
    one pixel."""
    return _with(nn.AvgPool2d(2, 2, ceil_mode=True), "pool", **scalars)


@mistake
def bare_pool(**scalars):
    """The average has no border: with a padding of one pixel it gives as many pixels as the
    branch."""
    return _with(nn.AvgPool2d(3, 2), "pool", **scalars)


@mistake
def no_padding(**scalars):
    """The 3x3 has no padding, so that the branch loses its border."""
    return unpad(framework.ShuffleUnit(**scalars), "conv2")


@mistake
def stride_first(**scalars):
    """The stride sits in the first 1x1. There it throws three of four pixels away; it belongs to
    the 3x3."""
    return swap_strides(framework.ShuffleUnit(**scalars), "conv1", "conv2")


@mistake
def depthwise_in_groups(groups, **scalars):
    """The 3x3 is in `groups` groups. It is depthwise: as many groups as channels."""
    return regroup(framework.ShuffleUnit(groups=groups, **scalars), "conv2", groups)


@mistake
def depthwise_dense(**scalars):
    """The 3x3 is one full convolution. It is depthwise: one group for each channel."""
    return regroup(framework.ShuffleUnit(**scalars), "conv2", 1)


for _norm in ("bn1", "bn2", "bn3"):
    mistake.add(
        f"no_{_norm}",
        f"Nothing passes through `{_norm}`. Each of the three convolutions has its batch norm "
        "behind it.",
        lambda _norm=_norm, **scalars: replace_call(framework.ShuffleUnit(**scalars), _norm),
    )


@mistake
def branch_first(stride, **scalars):
    """The two parts are concatenated in the other order: the pooled input comes first."""
    module = framework.ShuffleUnit(stride=stride, **scalars)
    return change_result(module, lambda x, y: y.roll(-x.shape[1], 1)) if stride == 2 else module


@mistake
def whole_branch(stride, **scalars):
    """At stride 2 the branch makes all of the output's channels. The pooled input brings some of
    them: the branch makes the rest."""
    module = framework.ShuffleUnit(stride=stride, **scalars)
    whole = framework.ShuffleUnit(stride=1, **scalars)
    module.conv3, module.bn3 = whole.conv3, whole.bn3
    for weight in module.parameters():  # no case fits: what is shown of them are whole numbers
        nn.init.zeros_(weight)
    return module


@mistake
def first_always_grouped(groups, first_groups, **scalars):
    """The first 1x1 has `groups` groups. It has `first_groups`, which is 1 where the input is
    narrow."""
    return framework.ShuffleUnit(groups=groups, first_groups=groups, **scalars)


@mistake
def last_ungrouped(**scalars):
    """The last 1x1 is one full convolution: the groups do not reach it."""
    return regroup(framework.ShuffleUnit(**scalars), "conv3", 1)


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
        "Three convolutions. 1x1 from in_channels to out_channels // 4, in first_groups groups; "
        "3x3 at that width, one group for each channel, with the stride; 1x1 in groups to the "
        "branch's width. A batch norm after each.",
        "The branch's width is out_channels at stride 1. At stride 2 the input's own channels "
        "stand beside it, so it is less by in_channels.",
        "Forward: first 1x1, batch norm, ReLU; shuffle; 3x3, batch norm; last 1x1, batch norm. "
        "Then add x, or concatenate `F.avg_pool2d(x, 3, 2, 1)` and the branch; then ReLU.",
    ),
)
