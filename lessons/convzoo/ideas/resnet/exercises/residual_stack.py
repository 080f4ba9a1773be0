"""Lesson 01: the matrix of a residual stack."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, integers, normal, pick
from convzoo.ideas.resnet import framework

LESSON = "01_resnet"


def _stack_case(gen: Generator, layers: int, channels: int, scale: float) -> Case:
    return Case({"scale": scale}, {"weights": normal(gen, layers, channels, channels)})


def _stack_cases(gen: Generator) -> list[Case]:
    return [
        _stack_case(gen, 1, 4, 0.5),
        _stack_case(gen, 2, 3, 1.0),
        _stack_case(gen, pick(gen, [3, 4]), 5, 0.25),
        _stack_case(gen, 5, 2, -0.5),
    ]


def _stack_small() -> list[Case]:
    two = torch.tensor([[[0.0, 1], [2, 0]], [[1.0, 0], [3, 0]]], dtype=torch.float64)
    return [
        Case({"scale": 2}, {"weights": integers(1, 2, 2)}),
        Case({"scale": 1}, {"weights": two}),
        Case({"scale": 2}, {"weights": two}),
    ]


def _unit(weights: Tensor) -> Tensor:
    return torch.eye(weights.shape[-1], dtype=weights.dtype)


def _chain(weights: Tensor, layer) -> Tensor:
    """Return what the layers make of the unit vectors, one a column; layer(w, y): the next y."""
    return reduce(lambda y, w: layer(w, y), weights, _unit(weights))


mistake = Mistakes(framework.residual_stack)


@mistake
def reversed(weights, scale):
    """The layers act in reverse order. In a product of matrices, the layer that acts first is the
    rightmost."""
    return framework.residual_stack(weights.flip(0), scale)


@mistake
def plain(weights, scale):
    """This is the plain stack, in which nothing is added. Each layer passes on its input, plus what
    its branch makes of it."""
    return _chain(weights, lambda w, y: scale * torch.mm(w, y))


@mistake
def added_to_all(weights, scale):
    """It adds 1 to every entry of a layer's matrix. The matrix that passes each channel on
    unchanged has ones on the diagonal and zeros everywhere else."""
    return _chain(weights, lambda w, y: torch.mm(1 + scale * w, y))


@mistake
def first_order(weights, scale):
    """It adds up the branches, each applied to the input of the stack. A later layer also reads
    what the earlier layers have added."""
    return _unit(weights) + scale * weights.sum(0)


@mistake
def from_the_start(weights, scale):
    """Each layer adds the input of the whole stack. It should add its own input, which is the
    output of the layer before."""
    return _chain(weights, lambda w, y: _unit(weights) + scale * torch.mm(w, y))


@mistake
def scaled_all(weights, scale):
    """The scale also multiplies the input. It should multiply the branch alone."""
    return scale ** len(weights) * framework.residual_stack(weights, 1)


@mistake
def unscaled(weights, scale):
    """The scale is missing. Multiply the output of each branch by it."""
    return framework.residual_stack(weights, 1)


@mistake
def identity_at_the_end(weights, scale):
    """The identity is added once, to the product of all branches. Each layer adds its own input, so
    the matrix of every single layer contains the identity."""
    return _unit(weights) + _chain(weights, lambda w, y: scale * torch.mm(w, y))


@mistake
def begun_with_weights(weights, scale):
    """The first layer is its weights alone. It is a residual layer like the others: start from the
    matrix of a stack without layers."""
    return torch.mm(framework.residual_stack(weights[1:], scale), weights[0])


@mistake
def first_layer_alone(weights, scale):
    """Only the first layer is in the result. Does the function return inside its loop? Return once,
    after the loop."""
    return framework.residual_stack(weights[:1], scale)


@mistake
def by_entries(weights, scale):
    """The matrices are multiplied entry by entry. One layer after another is a product of matrices,
    rows by columns."""
    return _chain(weights, lambda w, y: (_unit(w) + scale * w) * y)


@mistake
def float32(weights, scale):
    """`torch.eye` makes float32 unless you pass a dtype. Give it the dtype of `weights`."""
    return torch.mm(weights[0], torch.eye(weights.shape[-1]))


@mistake
def transposed(weights, scale):
    """Rows and columns are swapped. Rows are outputs, so each layer's matrix multiplies from the
    left."""
    return framework.residual_stack(weights, scale).mT


@mistake
def cut_off(weights, scale):
    """The matrix is cut off from the gradient of `weights`. Compute with `weights` itself, not with
    a detached copy."""
    return framework.residual_stack(weights.detach(), scale)


@mistake
def scaled_input(weights, scale):
    """The scale multiplies the input instead of the branch. Each layer adds scale times the output
    of its branch to its unscaled input."""
    return _chain(weights, lambda w, y: scale * y + torch.mm(w, y))


@mistake
def from_zeros(weights, scale):
    """It starts from a matrix of zeros, and a product with zeros stays zero. A stack without layers
    passes every channel on unchanged: start from its matrix."""
    return 0 * framework.residual_stack(weights, scale)


@mistake
def from_ones(weights, scale):
    """It starts from a matrix of ones. A stack without layers passes every channel on unchanged:
    its matrix has ones on the diagonal only."""
    matrix = framework.residual_stack(weights, scale)
    return torch.mm(matrix, torch.ones_like(matrix))


@mistake
def last_layer_alone(weights, scale):
    """Only the last layer is in the result. Each layer multiplies the matrix of the layers before
    it."""
    return framework.residual_stack(weights[-1:], scale)


@mistake
def first_left_out(weights, scale):
    """The first layer is missing from the result. Go through all of `weights`."""
    return framework.residual_stack(weights[1:], scale)


@mistake
def last_left_out(weights, scale):
    """The last layer is missing from the result. Go through all of `weights`."""
    return framework.residual_stack(weights[:-1], scale)


@mistake
def layers_transposed(weights, scale):
    """Every layer's matrix is transposed. A row of `weights` belongs to an output already: use it
    as it is."""
    return framework.residual_stack(weights.mT, scale)


EXERCISE = Exercise(
    id="resnet.residual_stack",
    place=1,
    lesson=LESSON,
    title="The matrix of a residual stack",
    points=2,
    minutes=8,
    name="residual_stack",
    reference=framework.residual_stack,
    cases=_stack_cases,
    small=_stack_small,
    mistakes=tuple(mistake),
    hints=(
        "First write one layer as a matrix: the input once, plus the scaled weights of the branch. "
        "Which matrix passes every channel on unchanged?",
        "Start with the matrix of a stack without layers, `torch.eye` of the right size and dtype. "
        "Then let one layer after another multiply the matrix so far, from the left.",
    ),
)
