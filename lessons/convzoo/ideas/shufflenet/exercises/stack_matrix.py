"""Lesson 05: the matrix of a stack, and the channel shuffle; the other exercises have files of
their own."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, normal, pick
from convzoo.ideas.shufflenet import framework

LESSON = "05_shufflenet"


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


EXERCISE = Exercise(
    id="shufflenet.stack_matrix",
    place=1,
    lesson=LESSON,
    title="The matrix of a stack",
    points=3,
    minutes=10,
    name="stack_matrix",
    reference=framework.stack_matrix,
    cases=_stack_cases,
    small=_stack_small,
    mistakes=(
        Mistake(
            "last_first",
            "The layers are multiplied in the wrong order. The first layer is the first to touch "
            "the input, so it stands rightmost in the product.",
            lambda layers, order: framework.stack_matrix(layers.flip(0), order),
        ),
        Mistake(
            "from_the_right",
            "The next layer is multiplied from the right, which makes it the first to touch the "
            "input. It comes after what is there already: from the left.",
            _from_the_right,
        ),
        Mistake(
            "inverse_order",
            "The permutation is inverted: place i takes channel order[i], and does not send "
            "channel i to place order[i].",
            lambda layers, order: framework.stack_matrix(layers, order.argsort()),
        ),
        Mistake(
            "columns",
            "The permutation moves columns. What it moves are outputs of the layers before it: "
            "those are rows.",
            _all_inputs,
        ),
        Mistake(
            "after_the_last",
            "There is a permutation after the last layer, too. It stands only between two layers.",
            lambda layers, order: framework.stack_matrix(layers, order)[order],
        ),
        Mistake(
            "one_place_late",
            "The permutation comes one place late: after the last layer, and not after the first.",
            _one_place_late,
        ),
        Mistake(
            "before_the_first",
            "There is a permutation before the first layer, too. It stands only between two "
            "layers.",
            lambda layers, order: framework.stack_matrix(layers, order)[:, order.argsort()],
        ),
        Mistake(
            "only_once",
            "There is a permutation after the first layer only. It stands between every two.",
            _only_once,
        ),
        Mistake(
            "no_permutation",
            "The permutation is not used: this is the plain product of the layers.",
            lambda layers, order: framework.stack_matrix(layers, torch.arange(len(order))),
        ),
        Mistake(
            "elementwise",
            "The matrices are multiplied cell by cell. One layer after the other is a matrix "
            "product.",
            _cell_by_cell,
        ),
        Mistake(
            "summed",
            "The layers are added up. One after the other, they multiply.",
            lambda layers, order: layers.sum(0),
        ),
        Mistake(
            "single_precision",
            "`torch.eye` and `torch.zeros` make float32, unless they are told: give them the dtype "
            "of `layers`.",
            _single_precision,
        ),
        Mistake(
            "transposed",
            "The result is transposed: rows are outputs and columns are inputs.",
            lambda layers, order: framework.stack_matrix(layers, order).mT,
        ),
        Mistake(
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
