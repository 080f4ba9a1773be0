"""Lesson 05: the matrix of a stack, the channel shuffle, the ShuffleNet unit."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import (
    Exercise, Shortcut, Wrong, integers, module_case, normal, pick, small_module_case,
)  # fmt: skip
from convzoo.exercises.shufflenet_asks import PREDICTIONS, QUESTIONS
from convzoo.exercises.shufflenet_further import FURTHER
from convzoo.framework import shufflenet as framework

__all__ = ["EXERCISES", "PREDICTIONS", "QUESTIONS"]

LESSON = "05_shufflenet"

# --- the matrix of a stack ---------------------------------------------------------


def _stack_case(gen: Generator, depth: int, channels: int, groups: int) -> Case:
    blocks = [normal(gen, groups, channels // groups, channels // groups) for _ in range(depth)]
    layers = torch.stack([torch.block_diag(*layer) for layer in blocks])
    order = torch.randperm(channels, generator=gen)
    while torch.equal(order, order.argsort()):  # its own inverse would hide which of the two it is
        order = torch.randperm(channels, generator=gen)
    return Case({}, {"layers": layers, "order": order})


def _stack_cases(gen: Generator) -> list[Case]:
    return [
        _stack_case(gen, 3, 6, 2),
        _stack_case(gen, 2, 8, pick(gen, [2, 4])),
        _stack_case(gen, 4, 9, 3),
        _stack_case(gen, 1, 6, 3),
    ]


def _stack_small() -> list[Case]:
    order, layers = torch.tensor([1, 2, 0]), torch.zeros(3, 3, 3, dtype=torch.float64)
    layers[:, [0, 1, 2], [0, 1, 2]] = torch.tensor([[1.0, 2, 3], [1, 1, 2], [1, 2, 1]]).double()
    layers[:2, 0, 1] = 1
    return [Case({}, {"layers": part, "order": order}) for part in (layers[:1], layers[:2], layers)]


def _all_inputs(layers: Tensor, order: Tensor) -> Tensor:
    """The permutation takes the columns of what came before."""
    product = layers[0]
    for weight in layers[1:]:
        product = F.linear(weight, product[:, order].mT)
    return product


def _only_once(layers: Tensor, order: Tensor) -> Tensor:
    if len(layers) < 3:
        return framework.stack_matrix(layers, order)
    rest = framework.stack_matrix(layers[1:], torch.arange(len(order)))
    return framework.stack_matrix(torch.stack([layers[0], rest]), order)


STACK = Exercise(
    id="shufflenet.stack_matrix",
    lesson=LESSON,
    title="The matrix of a stack",
    points=3,
    minutes=10,
    name="stack_matrix",
    reference=framework.stack_matrix,
    cases=_stack_cases,
    small=_stack_small,
    wrong=(
        Wrong(
            "last_first",
            "The layers are multiplied in the wrong order. The first layer is the first to touch "
            "the input, so it stands rightmost in the product.",
            lambda layers, order: framework.stack_matrix(layers.flip(0), order),
        ),
        Wrong(
            "inverse_order",
            "The permutation is inverted: place i takes channel order[i], and does not send "
            "channel i to place order[i].",
            lambda layers, order: framework.stack_matrix(layers, order.argsort()),
        ),
        Wrong(
            "columns",
            "The permutation moves columns. What it moves are outputs of the layers before it: "
            "those are rows.",
            _all_inputs,
        ),
        Wrong(
            "after_the_last",
            "There is a permutation after the last layer, too. It stands only between two layers.",
            lambda layers, order: framework.stack_matrix(layers, order)[order],
        ),
        Wrong(
            "before_the_first",
            "There is a permutation before the first layer, too. It stands only between two "
            "layers.",
            lambda layers, order: framework.stack_matrix(layers, order)[:, order.argsort()],
        ),
        Wrong(
            "only_once",
            "There is a permutation after the first layer only. It stands between every two.",
            _only_once,
        ),
        Wrong(
            "no_permutation",
            "The permutation is not used: this is the plain product of the layers.",
            lambda layers, order: framework.stack_matrix(layers, torch.arange(len(order))),
        ),
        Wrong(
            "elementwise",
            "The matrices are multiplied cell by cell. One layer after the other is a matrix "
            "product.",
            lambda layers, order: layers.prod(0),
        ),
        Wrong(
            "summed",
            "The layers are added up. One after the other, they multiply.",
            lambda layers, order: layers.sum(0),
        ),
        Wrong(
            "transposed",
            "The result is transposed: rows are outputs and columns are inputs.",
            lambda layers, order: framework.stack_matrix(layers, order).mT,
        ),
        Wrong(
            "cut_off",
            "The numbers are right, but no gradient comes back to `layers`.",
            lambda layers, order: framework.stack_matrix(layers.detach(), order),
        ),
    ),
    hints=(
        "What does the stack do to a vector? The first matrix is applied, the channels are put "
        "into their new order, the second matrix is applied, and so on. The same steps work on a "
        "matrix, whose columns are vectors.",
        "Begin with the first layer's matrix. Its rows are the first layer's outputs: put these "
        "rows into their new order, then multiply by the next layer's matrix from the left. "
        "Repeat for every further layer.",
    ),
)

# --- the shuffle ---------------------------------------------------------------------


def _shuffle_case(gen: Generator, n: int, groups: int, width: int, image: tuple) -> Case:
    return Case({"groups": groups}, {"x": normal(gen, n, groups * width, *image)})


def _shuffle_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [3, 5])
    return [
        _shuffle_case(gen, 2, 3, 4, (2, side)),
        _shuffle_case(gen, 1, 2, 5, (4, 3)),
        _shuffle_case(gen, 3, 4, 2, (1, 2)),
        _shuffle_case(gen, 2, 1, 6, (2, 2)),
        _shuffle_case(gen, 2, 5, 3, (3, 1)),
    ]


def _shuffle_small() -> list[Case]:
    shapes = [(2, 1, 6, 1, 1), (3, 1, 6, 1, 2), (2, 2, 4, 1, 1), (2, 1, 4, 2, 2)]
    return [Case({"groups": g}, {"x": integers(*shape) % 19}) for g, *shape in shapes]


def _shuffle_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    return _shuffle_case(gen, 2, 2, 3, (3, 3)), _shuffle_case(gen, 2, 8, 3, (3, 3))


def _over_images(x: Tensor, groups: int) -> Tensor:
    """The images' channels in one row, shuffled together."""
    row = x.flatten(0, 1)[None]
    return torch.channel_shuffle(row, groups).reshape(x.shape)


SHUFFLE = Exercise(
    id="shufflenet.channel_shuffle",
    lesson=LESSON,
    title="The channel shuffle",
    points=3,
    minutes=8,
    name="channel_shuffle",
    reference=framework.channel_shuffle,
    cases=_shuffle_cases,
    small=_shuffle_small,
    wrong=(
        Wrong(
            "inverse",
            "That is the inverse: it undoes the shuffle. The channels arrive group by group, so "
            "the group is the slower of the two dimensions that they are split into.",
            lambda x, groups: torch.channel_shuffle(x, x.shape[1] // groups),
        ),
        Wrong(
            "nothing_moved",
            "No channel has moved. Two reshapes, one after the other, change nothing: between "
            "them the two dimensions have to change places.",
            lambda x, groups: x.clone(),
        ),
        Wrong(
            "rolled",
            "Every channel moves on by one group, so that groups stay together. A shuffle takes "
            "one channel from each group in turn.",
            lambda x, groups: x.roll(x.shape[1] // groups, 1),
        ),
        Wrong(
            "within_groups",
            "The channels change places within their groups. They have to leave them.",
            lambda x, groups: x.unflatten(1, (groups, -1)).flip(2).flatten(1, 2),
        ),
        Wrong(
            "groups_reversed",
            "The channels are reversed. The first channel of the first group stays first.",
            lambda x, groups: x.flip(1),
        ),
        Wrong(
            "over_images",
            "Channels move from one image to another. Each image is shuffled on its own: keep n "
            "as a dimension by itself.",
            _over_images,
        ),
        Wrong(
            "wrong_axes",
            "The wrong pair of dimensions changes places: the image's rows take part. Only the "
            "group and the place within the group do.",
            lambda x, groups: x.unflatten(1, (groups, -1)).transpose(2, 3).reshape(x.shape),
        ),
        Wrong(
            "cut_off",
            "The numbers are copied in a way that lets no gradient back to `x`.",
            lambda x, groups: torch.channel_shuffle(x.detach(), groups),
        ),
    ),
    hints=(
        "Think of the channels of one image as a table with a row for each group. The shuffle "
        "reads that table column by column.",
        "Split the channel dimension into (groups, c / groups), so that x has five dimensions. "
        "Which two have to change places?",
        "Reshape to (n, groups, c / groups, h, w), transpose dimensions 1 and 2, and reshape back "
        "to the shape of x. After a transpose `view` is refused; `reshape` and `flatten` copy.",
    ),
    shortcuts=(
        Shortcut(
            "It calls the framework's channel shuffle, which is what you are building.",
            lambda op: "channel_shuffle" in op.name,
            ("ChannelShuffle", "torch.channel_shuffle", "native_channel_shuffle"),
        ),
    ),
    steady=_shuffle_steady,
    slow="The number of operations grows with the number of groups. One transpose moves all "
    "channels at once.",
)

# --- the unit --------------------------------------------------------------------------


def _unit_case(gen, training=False, image=(5, 4), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.ShuffleUnit, scalars, {"x": x}, gen, training)


def _unit(in_channels: int, out_channels: int, stride: int, groups: int, first: int) -> dict:
    return {
        "in_channels": in_channels, "out_channels": out_channels, "stride": stride,
        "groups": groups, "first_groups": first,
    }  # fmt: skip


def _unit_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [5, 7])
    return [
        _unit_case(gen, **_unit(24, 24, 1, 3, 3)),
        _unit_case(gen, image=(side, 6), **_unit(12, 32, 2, 2, 2)),
        _unit_case(gen, True, **_unit(9, 24, 2, 3, 1)),
        _unit_case(gen, **_unit(16, 16, 1, 2, 1)),
        _unit_case(gen, **_unit(20, 20, 1, 1, 1)),
    ]


def _small_unit(image: tuple, *settings: int) -> Case:
    x = integers(1, settings[0], *image) % 5 - 1
    if settings[2] == 2:  # nines, so that the mean of nine is whole
        x = 9 * x.clamp(max=1)
    return small_module_case(framework.ShuffleUnit, _unit(*settings), {"x": x})


def _unit_small() -> list[Case]:
    return [
        _small_unit((1, 1), 16, 16, 1, 2, 2),
        _small_unit((1, 1), 4, 8, 2, 2, 2),
        _small_unit((1, 2), 4, 8, 2, 1, 1),
        _small_unit((1, 2), 8, 8, 1, 1, 1),
    ]


class _NoShuffle(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.shuffle = torch.nn.Identity()


class _LateShuffle(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        late, self.shuffle = self.shuffle, torch.nn.Identity()
        self.bn2.register_forward_hook(lambda layer, args, y: late(y))


class _ReluAfterDepthwise(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn2.register_forward_hook(lambda layer, args, y: F.relu(y))


class _NoFirstRelu(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu = torch.nn.Identity()


class _NoLastRelu(framework.ShuffleUnit):
    last = staticmethod(torch.nn.Identity())


class _ReluThenJoin(_NoLastRelu):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn3.register_forward_hook(lambda layer, args, y: F.relu(y))


class _MaxPool(framework.ShuffleUnit):
    pool = staticmethod(torch.nn.MaxPool2d(3, 2, 1))


class _SmallPool(framework.ShuffleUnit):
    pool = staticmethod(torch.nn.AvgPool2d(2, 2, ceil_mode=True))


class _BranchFirst(framework.ShuffleUnit):
    def join(self, x, branch):
        joined = super().join(x, branch)
        return joined.roll(branch.shape[1], 1) if self.stride == 2 else joined


class _FirstAlwaysGrouped(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars | {"first_groups": scalars["groups"]})


class _LastUngrouped(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        one, shuffle = scalars | {"groups": 1}, self.shuffle
        self.conv3 = framework.ShuffleUnit(**one).conv3
        self.shuffle = shuffle


class _WholeBranch(framework.ShuffleUnit):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        whole = framework.ShuffleUnit(**scalars | {"stride": 1})
        self.conv3, self.bn3 = whole.conv3, whole.bn3
        for weight in self.parameters():  # no case fits: what is shown of them are whole numbers
            torch.nn.init.zeros_(weight)


UNIT = Exercise(
    id="shufflenet.unit",
    lesson=LESSON,
    title="The ShuffleNet unit",
    points=4,
    minutes=20,
    name="ShuffleUnit",
    reference=framework.ShuffleUnit,
    cases=_unit_cases,
    small=_unit_small,
    wrong=(
        Wrong(
            "no_shuffle",
            "Nothing is shuffled: the two grouped 1x1 layers see the same groups.",
            _NoShuffle,
        ),
        Wrong(
            "late_shuffle",
            "The shuffle comes after the depthwise layer. The paper's figure 2 has it before: the "
            "same function, but with the depthwise weights in another order.",
            _LateShuffle,
        ),
        Wrong(
            "relu_after_depthwise",
            "There is a ReLU after the depthwise layer. The paper leaves it out there.",
            _ReluAfterDepthwise,
        ),
        Wrong(
            "no_first_relu",
            "The ReLU after the first 1x1 is missing.",
            _NoFirstRelu,
        ),
        Wrong(
            "no_last_relu",
            "The last ReLU is missing: it comes after the two ways are joined.",
            _NoLastRelu,
        ),
        Wrong(
            "relu_then_join",
            "The last ReLU covers the branch alone. It comes after the two ways are joined.",
            _ReluThenJoin,
        ),
        Wrong(
            "max_pool",
            "The input is pooled by its maximum. At stride 2 it is averaged.",
            _MaxPool,
        ),
        Wrong(
            "small_pool",
            "The average is taken over 2 x 2 pixels. Its window is 3 x 3, with stride 2 and a "
            "border of one pixel.",
            _SmallPool,
        ),
        Wrong(
            "branch_first",
            "The two parts are concatenated in the other order: the pooled input comes first.",
            _BranchFirst,
        ),
        Wrong(
            "whole_branch",
            "At stride 2 the branch makes all of the output's channels. The pooled input brings "
            "some of them: the branch makes the rest.",
            _WholeBranch,
        ),
        Wrong(
            "first_always_grouped",
            "The first 1x1 has `groups` groups. It has `first_groups`, which is 1 where the input "
            "is narrow.",
            _FirstAlwaysGrouped,
        ),
        Wrong(
            "last_ungrouped",
            "The last 1x1 is one full convolution: the groups do not reach it.",
            _LastUngrouped,
        ),
    ),
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

EXERCISES = (STACK, SHUFFLE, UNIT, *FURTHER)
