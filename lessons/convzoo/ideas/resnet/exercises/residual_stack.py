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
    """The layers act in the reverse order. Written as a product, the layer that acts first stands
    rightmost."""
    return framework.residual_stack(weights.flip(0), scale)


@mistake
def plain(weights, scale):
    """That is the plain stack: nothing is added. Each layer hands on what it got, and its branch
    on top."""
    return _chain(weights, lambda w, y: scale * torch.mm(w, y))


@mistake
def added_to_all(weights, scale):
    """A one is added to every entry of a layer's matrix. What hands each channel on to itself has
    ones on the diagonal and zeros beside it."""
    return _chain(weights, lambda w, y: torch.mm(1 + scale * w, y))


@mistake
def first_order(weights, scale):
    """The branches are summed, each on the stack's input. A later layer reads what the earlier
    ones have added, too."""
    return _unit(weights) + scale * weights.sum(0)


@mistake
def from_the_start(weights, scale):
    """Each layer adds the input of the whole stack. It adds its own input, which is what the
    layer before it gave."""
    return _chain(weights, lambda w, y: _unit(weights) + scale * torch.mm(w, y))


@mistake
def scaled_all(weights, scale):
    """The scale multiplies the input too. It belongs to the branch alone."""
    return scale ** len(weights) * framework.residual_stack(weights, 1)


@mistake
def unscaled(weights, scale):
    """The scale is missing. It multiplies what each branch gives."""
    return framework.residual_stack(weights, 1)


@mistake
def identity_at_the_end(weights, scale):
    """The identity is added once, to the product of all the branches. Each layer adds its own
    input: what stands for one layer has the identity in it already."""
    return _unit(weights) + _chain(weights, lambda w, y: scale * torch.mm(w, y))


@mistake
def begun_with_weights(weights, scale):
    """The first layer is its weights alone. It is a residual layer like the others, and before it
    nothing has happened yet."""
    return torch.mm(framework.residual_stack(weights[1:], scale), weights[0])


@mistake
def first_layer_alone(weights, scale):
    """Only the first layer is in it. A `return` inside the loop ends it at the first turn."""
    return framework.residual_stack(weights[:1], scale)


@mistake
def by_entries(weights, scale):
    """The matrices are multiplied entry by entry. A layer after a layer is a product of matrices,
    rows by columns."""
    return _chain(weights, lambda w, y: (_unit(w) + scale * w) * y)


@mistake
def float32(weights, scale):
    """What `torch.eye` makes is float32, unless it is told: give it the dtype of `weights`."""
    return torch.mm(weights[0], torch.eye(weights.shape[-1]))


@mistake
def transposed(weights, scale):
    """Rows and columns are exchanged. Rows are outputs: a matrix multiplies from the left."""
    return framework.residual_stack(weights, scale).mT


@mistake
def cut_off(weights, scale):
    """The numbers are right, but the gradient does not come back to `weights`."""
    return framework.residual_stack(weights.detach(), scale)


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
        "Write one layer as a matrix first: the input once, and the branch's weights, scaled, on "
        "top. Which matrix hands every channel on unchanged?",
        "Begin with the matrix of no layer at all, which is `torch.eye` of the right size and "
        "dtype. Let each layer in turn multiply what there is so far, from the left.",
    ),
)
