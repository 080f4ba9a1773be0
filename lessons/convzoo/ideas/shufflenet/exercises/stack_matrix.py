"""Lesson 05: the matrix of a stack."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Generator
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, normal, pick
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


mistake = Mistakes(framework.stack_matrix)


@mistake
def last_first(layers, order):
    """The layers are multiplied in the wrong order. The first layer acts on the input first, so it
    is rightmost in the product."""
    return framework.stack_matrix(layers.flip(0), order)


@mistake
def from_the_right(layers, order):
    """Each new layer is multiplied from the right, so it acts before the layers that are already
    there. It acts after them: multiply from the left."""
    return reduce(lambda product, weight: F.linear(product[order], weight.mT), layers)


@mistake
def inverse_order(layers, order):
    """The permutation is inverted: channel i goes to place order[i]. Instead, place i should take
    channel order[i]."""
    return framework.stack_matrix(layers, order.argsort())


@mistake
def columns(layers, order):
    """The permutation moves columns. It should move the outputs of the layers before it: the
    rows."""
    return reduce(lambda product, weight: F.linear(weight, product[:, order].mT), layers)


@mistake
def after_the_last(layers, order):
    """There is also a permutation after the last layer. Permutations belong only between two
    layers."""
    return framework.stack_matrix(layers, order)[order]


@mistake
def one_place_late(layers, order):
    """Each permutation comes one place too late: there is one after the last layer, and none after
    the first."""
    return reduce(lambda product, weight: F.linear(weight, product.mT)[order], layers)


@mistake
def before_the_first(layers, order):
    """There is also a permutation before the first layer. Permutations belong only between two
    layers."""
    return framework.stack_matrix(layers, order)[:, order.argsort()]


@mistake
def only_once(layers, order):
    """There is a permutation only after the first layer. There should be one between every two
    layers."""
    if len(layers) < 3:
        return framework.stack_matrix(layers, order)
    rest = no_permutation(layers[1:], order)
    return framework.stack_matrix(torch.stack([layers[0], rest]), order)


@mistake
def no_permutation(layers, order):
    """The permutation is not used: this is the plain product of the layers. Permute the channels
    between every two layers."""
    return framework.stack_matrix(layers, torch.arange(len(order)))


@mistake
def elementwise(layers, order):
    """The matrices are multiplied entry by entry. One layer after the other is a matrix product."""
    return reduce(lambda product, weight: weight.mul(product[order]), layers)


@mistake
def summed(layers, order):
    """The layers are added up. One layer after the other is a matrix product."""
    return layers.sum(0)


@mistake
def single_precision(layers, order):
    """`torch.eye` and `torch.zeros` make float32 unless you pass a dtype: pass the dtype of
    `layers`."""
    return layers[-1] @ torch.eye(len(order))[order]  # it does not multiply a float64


@mistake
def transposed(layers, order):
    """The result is transposed. Rows are outputs and columns are inputs."""
    return framework.stack_matrix(layers, order).mT


@mistake
def cut_off(layers, order):
    """The numbers are right, but no gradient gets back to `layers`. Compute with `layers`
    itself."""
    return framework.stack_matrix(layers.detach(), order)


@mistake
def both_sides(layers, order):
    """The permutation moves rows and columns. The columns are the inputs of the whole stack, and
    they stay: move only the rows."""
    return reduce(lambda product, weight: F.linear(weight, product[order][:, order].mT), layers)


@mistake
def only_at_the_end(layers, order):
    """There is one permutation, after the last layer. There should be one between every two layers,
    and none after the last."""
    return no_permutation(layers, order)[order]


@mistake
def without_the_first(layers, order):
    """The first layer's matrix is missing from the product. Start from it."""
    eye = torch.eye(len(order), dtype=layers.dtype)
    return framework.stack_matrix(torch.cat([eye[None], layers[1:]]), order)


@mistake
def without_the_last(layers, order):
    """The last layer's matrix is missing from the product. Go through all of `layers`."""
    return framework.stack_matrix(layers[: max(1, len(layers) - 1)], order)


@mistake
def first_two(layers, order):
    """Only the first two layers are used. Does the function return inside its loop? Return once,
    after the loop."""
    return framework.stack_matrix(layers[:2], order)


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
    mistakes=tuple(mistake),
    hints=(
        "What does the stack do to a vector? It applies the first matrix, puts the channels into "
        "their new order, applies the second matrix, and so on. The same steps work on a matrix, "
        "whose columns are vectors.",
        "Start from the first layer's matrix. Its rows are the first layer's outputs: put these "
        "rows into their new order, then multiply by the next layer's matrix from the left. "
        "Repeat for every further layer.",
    ),
)
