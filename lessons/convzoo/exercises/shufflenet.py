"""Lesson 05: the matrix of a stack, and the channel shuffle; the other exercises have files of
their own."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Shortcut, Wrong, integers, normal, pick
from convzoo.exercises.shufflenet_asks import PREDICTIONS, QUESTIONS
from convzoo.exercises.shufflenet_further import FOLD, MIXING
from convzoo.exercises.shufflenet_unit import UNIT
from convzoo.exercises.shufflenet_v2 import UNIT_V2
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


def _from_the_right(layers: Tensor, order: Tensor) -> Tensor:
    """In the order in which one writes them: the first, moved, times the next."""
    product = layers[0]
    for weight in layers[1:]:
        product = F.linear(product[order], weight.mT)
    return product


def _one_place_late(layers: Tensor, order: Tensor) -> Tensor:
    """No permutation after the first layer, one after each of the others."""
    product = layers[0]
    for weight in layers[1:]:
        product = F.linear(weight, product.mT)[order]
    return product


def _single_precision(layers: Tensor, order: Tensor) -> Tensor:
    """The permutation's matrix as torch.eye makes it: it does not multiply a float64."""
    return layers[-1] @ torch.eye(len(order))[order]


def _cell_by_cell(layers: Tensor, order: Tensor) -> Tensor:
    product = layers[0]
    for weight in layers[1:]:
        product = weight.mul(product[order])
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
            "from_the_right",
            "The next layer is multiplied from the right, which makes it the first to touch the "
            "input. It comes after what is there already: from the left.",
            _from_the_right,
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
            "one_place_late",
            "The permutation comes one place late: after the last layer, and not after the first.",
            _one_place_late,
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
            _cell_by_cell,
        ),
        Wrong(
            "summed",
            "The layers are added up. One after the other, they multiply.",
            lambda layers, order: layers.sum(0),
        ),
        Wrong(
            "single_precision",
            "`torch.eye` and `torch.zeros` make float32, unless they are told: give them the dtype "
            "of `layers`.",
            _single_precision,
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
            "images_for_groups",
            "The images change places with the groups. Images stay where they are: what changes "
            "places are the group and the place within the group.",
            lambda x, groups: x.unflatten(1, (groups, -1)).transpose(0, 1).reshape(x.shape),
        ),
        Wrong(
            "with_the_pixels",
            "Pixels move, too: the image's rows and columns were put into one dimension with the "
            "channels. Keep h and w as dimensions of their own.",
            lambda x, groups: x.reshape(len(x), groups, -1).mT.reshape(x.shape),
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

EXERCISES = (STACK, SHUFFLE, UNIT, FOLD, MIXING, UNIT_V2)
