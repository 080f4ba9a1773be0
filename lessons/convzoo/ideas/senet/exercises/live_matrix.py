"""Lesson 04, Further: the matrix of a live gate."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, normal, pick
from convzoo.exercises.shortcuts import AUTOGRAD, DERIVING
from convzoo.ideas.senet import framework

LESSON = "04_senet"


def _live_case(gen: Generator, c: int, m: int) -> Case:
    shapes = {"pixel": (c,), "mean": (c,), "w1": (m, c), "b1": (m,), "w2": (c, m), "b2": (c,)}
    return Case({}, {name: normal(gen, *shape) for name, shape in shapes.items()})


def _live_cases(gen: Generator) -> list[Case]:
    return [_live_case(gen, *size) for size in ((4, 2), (3, 5), (pick(gen, [5, 6, 7]), 3), (2, 6))]


def _live_small() -> list[Case]:
    def rows(*values):
        return torch.tensor(values, dtype=torch.float64)

    w1, w2, b1 = rows([1.0, 2.0]), rows([2.0], [4.0]), rows(0.0)
    one = {"pixel": rows(4.0, 2.0), "mean": rows(1.0, 1.0), "b2": rows(-6.0, -12.0)}
    off = one | {"mean": rows(-1.0, -1.0), "b2": rows(0.0, 0.0)}
    return [Case({}, part | {"w1": w1, "b1": b1, "w2": w2}) for part in (one, off)]


def _gates(mean: Tensor, **weights: Tensor) -> Tensor:
    """Return the framework's gates, (c,), of an image with these means."""
    return framework.squeeze_excite(mean[None, :, None, None], **weights)[1][0]


def _doubled(w1: Tensor, b1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    """Return weights with which the ReLU changes nothing: what it cuts off comes back through a
    second row of the opposite sign."""
    return {"w1": torch.cat([w1, -w1]), "b1": torch.cat([b1, -b1]), "w2": torch.cat([w2, -w2], 1)}


def _slopes(mean: Tensor, **weights: Tensor) -> Tensor:
    """Return the slopes of the sigmoids, (c,)."""
    gates = _gates(mean, **weights)
    return gates * (1 - gates)


def _gate_part(
    factor: Tensor, mean: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, relu=F.relu
) -> Tensor:
    """Return autograd's own Jacobian of what goes into the sigmoids, (c,) times a factor each."""

    def scaled(mean: Tensor) -> Tensor:
        return F.linear(relu(F.linear(mean, w1, b1)), w2, b2).mul(factor)

    return torch.autograd.functional.jacobian(scaled, mean, create_graph=True)


mistake = Mistakes(framework.live_matrix)


@mistake
def held_still(pixel, **call):
    """That is the matrix of a gate held still: a diagonal. In the live gate, each gate also changes
    with every channel that it reads."""
    return framework.live_matrix(pixel * 0, **call)


@mistake
def gate_alone(pixel, **call):
    """The diagonal of the gates is missing. A channel also reaches its own output directly,
    multiplied by its gate."""
    return framework.live_matrix(pixel, **call) - held_still(pixel, **call)


@mistake
def transposed(**call):
    """Rows and columns are swapped. Rows are outputs, columns are inputs."""
    return framework.live_matrix(**call).mT


@mistake
def no_relu(pixel, **call):
    """The ReLU's slope is missing. When a middle number is not above zero, nothing goes through
    it."""
    factor = pixel * _slopes(**call)
    return held_still(pixel, **call) + _gate_part(factor, **call, relu=lambda z: z)


@mistake
def relu_of_weights(pixel, w1, **call):
    """A ReLU is applied to `w1`. The ReLU's slope depends on the middle numbers, not on the sign of
    a weight: it is 1 where a middle number is above zero, and 0 elsewhere."""
    factor = pixel * _slopes(w1=w1, **call)
    bent = _gate_part(factor, w1=w1.clamp(min=0), **call, relu=lambda z: z)
    return held_still(pixel, w1=w1, **call) + bent


@mistake
def linear(pixel, mean, b2, **weights):
    """The ReLU is missing twice: in the gates and in their slope. It comes between the two
    layers."""
    return framework.live_matrix(pixel, mean, b2=b2, **_doubled(**weights))


@mistake
def linear_gates(pixel, mean, b2, **weights):
    """The gates are computed without the ReLU. It comes between the two layers."""
    others = {"mean": mean, "b2": b2} | _doubled(**weights)
    moved = _gate_part(pixel * _slopes(**others), mean, b2=b2, **weights)
    return held_still(pixel, **others) + moved


@mistake
def middle_for_slope(pixel, **call):
    """After the ReLU, the middle numbers themselves are multiplied in. What you need there is the
    ReLU's slope, which does not depend on how large they are."""
    factor = pixel * _slopes(**call)
    bent = _gate_part(factor, **call, relu=lambda z: z.clamp(min=0).square() / 2)
    return held_still(pixel, **call) + bent


@mistake
def no_slope(pixel, **call):
    """The sigmoid's slope is missing, as a factor of each row. A gate that is nearly 0 or 1 hardly
    changes."""
    return held_still(pixel, **call) + _gate_part(pixel, **call)


@mistake
def gate_for_slope(pixel, **call):
    """The gate itself is used as the slope of the sigmoid. But a gate that is nearly 1 hardly
    changes: a factor is missing."""
    return held_still(pixel, **call) + _gate_part(pixel * _gates(**call), **call)


@mistake
def rest_for_slope(pixel, **call):
    """One minus the gate is used as the slope of the sigmoid. But a gate that is nearly 0 hardly
    changes: a factor is missing."""
    return held_still(pixel, **call) + _gate_part(pixel * (1 - _gates(**call)), **call)


@mistake
def mean_for_pixel(pixel, mean, **weights):
    """The gate's part is multiplied by the channel's mean. Here the gate rescales the pixel:
    multiply by that."""
    return framework.live_matrix(mean, mean, **weights)


@mistake
def pixel_for_mean(pixel, mean, **weights):
    """The gates are computed from the pixel. Compute them from the means."""
    return framework.live_matrix(pixel, pixel, **weights)


@mistake
def no_pixel(pixel, **call):
    """The gate's part is not multiplied by the pixel. When a gate changes, a bright pixel changes
    more than a dark one."""
    return held_still(pixel, **call) + _gate_part(_slopes(**call), **call)


@mistake
def pixel_of_column(pixel, **call):
    """Column j is multiplied by pixel j. The gate rescales the output's own pixel: multiply row i
    by pixel i."""
    return held_still(pixel, **call) + _gate_part(_slopes(**call), **call) * pixel


@mistake
def slope_of_column(pixel, **call):
    """The sigmoid's slope and the pixel multiply the columns. They belong to the output: they
    multiply the rows."""
    ones = torch.ones_like(pixel)
    return held_still(pixel, **call) + _gate_part(ones, **call) * pixel * _slopes(**call)


@mistake
def pixel_on_diagonal(pixel, **call):
    """The diagonal is the gates times the pixels, which are the outputs. When a pixel changes by 1,
    its output changes by the gate alone."""
    return held_still(pixel, **call) * pixel + gate_alone(pixel, **call)


@mistake
def not_diagonal(pixel, **call):
    """The gates are added to every row. They belong on the diagonal: a channel reaches only its own
    output directly."""
    return held_still(pixel, **call).diagonal() + gate_alone(pixel, **call)


EXERCISE = Exercise(
    id="senet.live_matrix",
    place=4,
    lesson=LESSON,
    title="The matrix of a live gate",
    points=3,
    minutes=15,
    name="live_matrix",
    reference=framework.live_matrix,
    cases=_live_cases,
    small=_live_small,
    mistakes=tuple(mistake),
    hints=(
        "Output i is pixel[i] * gate[i], so by the product rule its change has two parts: the "
        "gate times the change of its own pixel (a diagonal), and the pixel times the change of "
        "the gate.",
        "How much does gate i change when mean j changes? The change goes through the first "
        "layer's weight, the ReLU of the middle numbers (slope 1 above zero, else 0) and the "
        "second layer's weight: a product of two matrices with a mask between them.",
        "Multiply row i of that by the sigmoid's slope, gate * (1 - gate), and by pixel i. Then "
        "add the diagonal of the gates.",
    ),
    shortcuts=(
        Shortcut(
            "It lets autograd compute the Jacobian, which is what you are working out by hand.",
            AUTOGRAD,
            DERIVING,
        ),
    ),
)
