"""Lesson 02: the grouped convolution."""

from __future__ import annotations

import torch
from torch import Generator
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, integers, normal, pick
from convzoo.exercises.shortcuts import CONVOLUTIONS, in_groups
from convzoo.ideas.resnext import framework
from convzoo.ideas.resnext.exercises.block_diagonal import interleave

LESSON = "02_resnext"


def _conv_case(gen, groups, wide_in, wide_out, kernel, image, stride, padding, n=2) -> Case:
    x = normal(gen, n, groups * wide_in, *image)
    weight = normal(gen, groups * wide_out, wide_in, *kernel)
    scalars = {"groups": groups, "stride": stride, "padding": padding}
    return Case(scalars, {"x": x, "weight": weight})


def _conv_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [5, 6, 7])
    return [
        _conv_case(gen, 2, 3, 2, (1, 1), (3, 4), 1, 0),
        _conv_case(gen, 4, 2, 3, (3, 3), (side, side + 2), 1, 1),
        _conv_case(gen, 3, 2, 2, (3, 3), (7, 6), 2, 1, n=1),
        _conv_case(gen, 2, 3, 4, (3, 2), (6, 5), 2, 0),
        _conv_case(gen, 1, 4, 3, (2, 2), (5, 5), 1, 2),
        _conv_case(gen, 5, 1, 1, (3, 3), (5, 4), 1, 1),
    ]


def _small_conv(groups, wide_in, wide_out, kernel, image, stride=1, padding=0, n=1) -> Case:
    x = integers(n, groups * wide_in, *image)
    weight = integers(groups * wide_out, wide_in, *kernel)
    scalars = {"groups": groups, "stride": stride, "padding": padding}
    return Case(scalars, {"x": x, "weight": weight})


def _conv_small() -> list[Case]:
    return [
        _small_conv(2, 1, 1, (1, 1), (3, 3)),
        _small_conv(2, 2, 2, (1, 1), (1, 2)),
        _small_conv(2, 1, 1, (2, 2), (3, 3)),
        _small_conv(2, 2, 1, (1, 2), (1, 3)),
        _small_conv(2, 1, 1, (1, 1), (3, 3), stride=2),
        _small_conv(2, 1, 1, (1, 1), (2, 2), padding=1),
        _small_conv(2, 1, 1, (1, 1), (1, 2), n=2),
    ]


def _conv_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    few = _conv_case(gen, 2, 2, 2, (3, 3), (5, 5), 1, 1)
    return few, _conv_case(gen, 8, 2, 2, (3, 3), (5, 5), 1, 1)


mistake = Mistakes(framework.grouped_conv2d)


@mistake
def mixed_inputs(x, weight, groups, **window):
    """The channels of a group are taken with gaps (0, 2, 4, ...). A group reads channels that are
    next to each other: split c_in into (groups, c_in / groups), in that order."""
    order = interleave(x.shape[1], x.shape[1] // groups)
    return framework.grouped_conv2d(x[:, order], weight, groups, **window)


@mistake
def split_late(x, weight, groups, **window):
    """The groups are split off the wrong end of the patches, so a group gets channels and taps with
    gaps. In a patch the channel is the slowest part: split the groups off first."""
    full = weight.new_zeros(groups, len(weight) // groups, weight[0].numel(), groups)
    each = torch.arange(groups)
    full[each, :, :, each] = weight.flatten(1).unflatten(0, (groups, -1))
    return F.conv2d(x, full.reshape(len(weight), x.shape[1], *weight.shape[2:]), **window)


@mistake
def mixed_outputs(x, weight, groups, **window):
    """The output channels are right, but in the wrong order. All outputs of group 0 come first, so
    the group is the first of the two output dimensions."""
    y = framework.grouped_conv2d(x, weight, groups, **window)
    return y[:, interleave(y.shape[1], groups)]


@mistake
def mixed_weight(x, weight, groups, **window):
    """The rows of `weight` are taken with gaps. The rows of a group are next to each other: split
    c_out into (groups, c_out / groups), in that order."""
    order = interleave(weight.shape[0], weight.shape[0] // groups)
    return framework.grouped_conv2d(x, weight[order], groups, **window)


@mistake
def mixed_both(x, weight, groups, **window):
    """The channels of `x` and the rows of `weight` are both taken with gaps (0, 2, 4, ...). In
    both, those of one group are next to each other."""
    order = interleave(weight.shape[0], weight.shape[0] // groups)
    return mixed_inputs(x, weight[order], groups, **window)


@mistake
def weight_split(x, weight, groups, **window):
    """`weight` is split the wrong way round. The rows of a group are next to each other, so when
    c_out is split, the groups come first."""
    # torch's own error, if the two do not fit
    weight.new_empty(len(weight) // groups, 1, 1) + x.new_empty(len(x), groups, 1, 1)
    return framework.grouped_conv2d(x, weight, groups, **window)


@mistake
def rows_by_inputs(x, weight, groups, **window):
    """A group takes as many rows of `weight` as it has inputs. Rows are outputs: a group has c_out
    / groups of them."""
    wide = weight.shape[1]
    rows = weight[: wide * groups]
    reads = torch.arange(len(rows)) // wide
    read = x.unflatten(1, (groups, -1))[:, reads].flatten(1, 2)  # each row is one group
    return framework.grouped_conv2d(read, rows, len(rows), **window)


@mistake
def reversed(x, weight, groups, **window):
    """The groups are in reverse order in the result. The outputs of group 0 come first."""
    y = framework.grouped_conv2d(x, weight, groups, **window)
    return y.unflatten(1, (groups, -1)).flip(1).flatten(1, 2)


@mistake
def first_input(x, weight, groups, **window):
    """Every group reads the channels of group 0. Give each group its own channels of `x`."""
    first = x[:, : weight.shape[1]].repeat(1, groups, 1, 1)
    return framework.grouped_conv2d(first, weight, groups, **window)


@mistake
def first_weight(x, weight, groups, **window):
    """Every group uses the weights of group 0. The first rows of `weight` belong to group 0, the
    next ones to group 1, and so on."""
    first = weight[: weight.shape[0] // groups].repeat(groups, 1, 1, 1)
    return framework.grouped_conv2d(x, first, groups, **window)


@mistake
def summed(x, weight, groups, **window):
    """The groups are added up. Their outputs are different channels: concatenate them."""
    y = framework.grouped_conv2d(x, weight, groups, **window)
    return y.unflatten(1, (groups, -1)).sum(1)


@mistake
def along_images(x, weight, groups, **window):
    """The groups are joined along the images, dimension 0, as `torch.cat` does by default. The
    channels are dimension 1."""
    y = framework.grouped_conv2d(x, weight, groups, **window)
    return y.unflatten(1, (groups, -1)).transpose(0, 1).flatten(0, 1)


@mistake
def flipped(x, weight, **rest):
    """The kernel is rotated by 180 degrees. In deep learning, a convolution does not flip its
    kernel."""
    return framework.grouped_conv2d(x, weight.flip(2, 3), **rest)


@mistake
def transposed(x, weight, **rest):
    """The rows and columns of the kernel are swapped. Height comes before width."""
    return framework.grouped_conv2d(x, weight.transpose(2, 3), **rest)


@mistake
def taps_first(x, weight, **rest):
    """The channels and the taps of the kernel are in the wrong order. Where they share a dimension,
    the channel comes first, in the patches as in the weight."""
    taps_first = weight.permute(0, 2, 3, 1).reshape(weight.shape)
    return framework.grouped_conv2d(x, taps_first, **rest)


@mistake
def corner(x, weight, groups, stride=1, padding=0):
    """All the zeros are below and to the right of the image. Padding goes all around: the same
    amount on each of the four sides."""
    x = F.pad(x, (0, 2 * padding, 0, 2 * padding))
    return framework.grouped_conv2d(x, weight, groups, stride)


@mistake
def far_corner(x, weight, groups, stride=1, padding=0):
    """All the zeros are above and to the left of the image. Padding goes all around: the same
    amount on each of the four sides."""
    x = F.pad(x, (2 * padding, 0, 2 * padding, 0))
    return framework.grouped_conv2d(x, weight, groups, stride)


@mistake
def positions_first(x, weight, groups, **window):
    """The positions come before the channels of a group when the result gets its shape. A reshape
    does not move any number: the last dimension must be the positions, which become height and
    width."""
    y = framework.grouped_conv2d(x, weight, groups, **window)
    return y.reshape(len(x), groups, -1, y[0, 0].numel()).transpose(2, 3).reshape(y.shape)


@mistake
def images_inside(x, weight, groups, **window):
    """The images come after the groups when the result gets its shape. A reshape does not move any
    number: the first dimension must be the images."""
    y = framework.grouped_conv2d(x, weight, groups, **window)
    return y.transpose(0, 1).reshape(y.shape)


@mistake
def no_stride(x, weight, groups, stride=1, padding=0):
    """The stride is not used: the output is as large as with stride 1. Neighbouring windows start
    `stride` pixels apart."""
    return framework.grouped_conv2d(x, weight, groups, padding=padding)


@mistake
def no_padding(x, weight, groups, stride=1, padding=0):
    """The padding is not used: the border of zeros is missing. Add it on all four sides."""
    return framework.grouped_conv2d(x, weight, groups, stride)


def _forced(x, weight, groups, window: dict, **spoilt: int):
    """Return a convolution in another window, forced into the shape of the right one."""
    right = framework.grouped_conv2d(x, weight, groups, **window)
    return F.conv2d(x, weight, groups=groups, **spoilt).reshape(right.shape)


@mistake
def unfold_no_padding(x, weight, groups, **window):
    """The patches are cut from the image without its padding, so there are fewer patches than the
    output has positions. Pass the padding to `F.unfold` too."""
    return _forced(x, weight, groups, window, stride=window["stride"])


@mistake
def unfold_no_stride(x, weight, groups, **window):
    """A patch is cut at every pixel, so there are more patches than the output has positions. Pass
    the stride to `F.unfold` too."""
    return _forced(x, weight, groups, window, padding=window["padding"])


@mistake
def unfold_stride_third(x, weight, groups, **window):
    """The third argument of `F.unfold` is the dilation, and here it gets the stride. Pass stride
    and padding by name."""
    stride, padding = window["stride"], window["padding"]
    return _forced(x, weight, groups, window, padding=padding, dilation=stride)


@mistake
def unfold_padding_third(x, weight, groups, stride=1, padding=0):
    """The third argument of `F.unfold` is the dilation, and here it gets the padding. Pass padding
    and stride by name."""
    F.unfold(x, weight.shape[2:], padding, stride)  # torch's own error, if there is no padding
    window = {"stride": stride, "padding": padding}
    return _forced(x, weight, groups, window, padding=stride, dilation=padding)


@mistake
def stride_for_bias(x, weight, groups, stride=1, padding=0):
    """The third argument of `F.conv2d` is the bias, and here it gets the stride. Pass stride and
    padding by name."""
    return F.conv2d(x, weight, stride, padding)


@mistake
def cut_off_image(x, weight, **rest):
    """The image is copied in a way that cuts off its gradient. Compute with `x` itself."""
    return framework.grouped_conv2d(x.detach(), weight, **rest)


@mistake
def cut_off_both(x, weight, **rest):
    """No gradient gets back at all, neither to the image nor to the weights: the result is cut off
    from both."""
    return framework.grouped_conv2d(x, weight, **rest).detach()


@mistake
def cut_off(x, weight, **rest):
    """The weights are copied in a way that cuts off their gradient. Compute with `weight`
    itself."""
    return framework.grouped_conv2d(x, weight.detach(), **rest)


@mistake
def one_convolution(x, weight, groups, stride=1, padding=0):
    """One full convolution gets all of `x` and all of `weight`. Its kernels read only the channels
    of one group: convolve each group's channels with its own rows of `weight`."""
    return F.conv2d(x, weight, stride=stride, padding=padding)


@mistake
def all_channels(x, weight, groups, stride=1, padding=0):
    """A group gets all channels of `x`, and its kernels read only its own. Slice the channels of
    `x`, dimension 1, for each group."""
    return F.conv2d(x, weight[: len(weight) // groups], stride=stride, padding=padding)


@mistake
def repeated_weight(x, weight, groups, stride=1, padding=0):
    """Each output reads the channels of every group. It should read only the channels of its own
    group."""
    return F.conv2d(x, weight.repeat(1, groups, 1, 1), stride=stride, padding=padding)


@mistake
def next_channel(x, weight, groups, **window):
    """Each group starts one channel of `x` after the group before, so the groups overlap. A group
    starts where the one before it ends."""
    wide = weight.shape[1]
    read = torch.hstack([x[:, i : i + wide] for i in range(groups)])
    return framework.grouped_conv2d(read, weight, groups, **window)


@mistake
def next_row(x, weight, groups, **window):
    """Each group starts one row of `weight` after the group before, so the groups overlap. A group
    starts where the one before it ends."""
    rows = len(weight) // groups
    read = torch.vstack([weight[i : i + rows] for i in range(groups)])
    return framework.grouped_conv2d(x, read, groups, **window)


@mistake
def first_group(x, weight, groups, **window):
    """Only the outputs of group 0 are in the result. Does the function return inside its loop?
    Return once, after the loop."""
    return framework.grouped_conv2d(x, weight, groups, **window)[:, : len(weight) // groups]


@mistake
def weight_turned(x, weight, groups, **window):
    """The numbers of `weight` are in the wrong order within a group: each row of `weight` is one
    piece in memory. Split c_out, the first dimension, and leave the rest of a row as it is."""
    rows = len(weight) // groups
    own = weight.reshape(groups, -1, rows).transpose(1, 2).reshape(weight.shape)
    return framework.grouped_conv2d(x, own, groups, **window)


@mistake
def size_of_x(x, weight, groups, **window):
    """The result is given the height and width of `x`. Kernel, stride and padding change them:
    compute h' and w' first."""
    y = framework.grouped_conv2d(x, weight, groups, **window)
    return y.reshape(len(x), len(weight), *x.shape[2:])


EXERCISE = Exercise(
    id="resnext.grouped_conv2d",
    place=2,
    lesson=LESSON,
    title="A grouped convolution",
    points=4,
    minutes=20,
    name="grouped_conv2d",
    reference=framework.grouped_conv2d,
    cases=_conv_cases,
    small=_conv_small,
    mistakes=tuple(mistake),
    hints=(
        "First make it right: for each group, slice its channels of `x` and its rows of "
        "`weight`, call `F.conv2d` on the two, and join the results with `torch.cat`. The check "
        "will say that the numbers are right, and count the operations.",
        "Then make it one product. `F.unfold(x, kernel_size, padding=..., stride=...)` returns "
        "(n, c_in * kh * kw, positions). In the middle dimension the channel varies slowest, so "
        "a reshape can split the groups off.",
        "Reshape the columns to (n, groups, c_in / groups * kh * kw, positions) and the weight "
        "to (groups, c_out / groups, c_in / groups * kh * kw). `weight @ columns` multiplies all "
        "groups at once. What is left is to join two dimensions, and to turn the positions "
        "back into height and width.",
    ),
    shortcuts=(
        Shortcut(
            "It calls the framework's grouped convolution, which is what you are building.",
            CONVOLUTIONS,
            argument="groups",
            counts=in_groups,
        ),
    ),
    steady=_conv_steady,
    slow="The number of operations grows with the number of groups. Can you compute all "
    "groups in one batched product?",
)
