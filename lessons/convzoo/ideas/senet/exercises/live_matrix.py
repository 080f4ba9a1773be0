"""Lesson 04, Further: the matrix of a live gate."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, normal, pick
from convzoo.ideas.senet import framework
from convzoo.ideas.senet.exercises.squeeze_excite import doubled

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


mistake = Mistakes(framework.live_matrix)


@mistake
def held_still(pixel, **call):
    """That is the gate held still: a diagonal. Live, the gate itself moves with every channel that
    it reads."""
    return framework.live_matrix(pixel * 0, **call)


@mistake
def gate_alone(pixel, **call):
    """The diagonal of the gates is missing: a channel reaches its own output directly, too."""
    return framework.live_matrix(pixel, **call) - held_still(pixel, **call)


@mistake
def transposed(**call):
    """Rows and columns are exchanged: rows are outputs, columns are inputs."""
    return framework.live_matrix(**call).mT


@mistake
def no_relu(pixel, mean, b2, **weights):
    """The ReLU is passed over: where a middle number is not above zero, nothing goes through it."""
    without = {"mean": mean, "b2": b2} | doubled(**weights)
    gates, linear = _gates(mean, b2=b2, **weights), _gates(**without)
    factor = gates * (1 - gates) / (linear * (1 - linear))  # the slope is that of the true gates
    return torch.diag(gates) + factor[:, None] * gate_alone(pixel, **without)


@mistake
def no_slope(pixel, mean, **weights):
    """The sigmoid's slope is missing. A gate that is nearly 0 or 1 hardly moves."""
    gates = _gates(mean, **weights)
    moved = gate_alone(pixel, mean=mean, **weights)
    return torch.diag(gates) + moved / (gates * (1 - gates))[:, None]


@mistake
def mean_for_pixel(pixel, mean, **weights):
    """The gate's part is multiplied by the channel's mean. What it rescales here is the pixel."""
    return framework.live_matrix(mean, mean, **weights)


@mistake
def no_pixel(pixel, **call):
    """The gate's part is not multiplied by the pixel. A gate that moves changes a bright pixel more
    than a dark one."""
    return held_still(pixel, **call) + gate_alone(pixel * 0 + 1, **call)


@mistake
def pixel_of_column(pixel, **call):
    """Column j is multiplied by pixel j. It is the output's own pixel that is rescaled: row i by
    pixel i."""
    return held_still(pixel, **call) + gate_alone(pixel * 0 + 1, **call) * pixel


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
        "By the product rule an output i = pixel[i] * gate[i] has two parts: its own pixel times "
        "nothing but the gate (a diagonal), and the pixel times what the gate does.",
        "How much does gate i move when mean j moves? Through the second layer's weight, the "
        "middle number's ReLU (1 where it is above zero, else 0) and the first layer's weight: a "
        "product of two matrices with a mask between.",
        "Multiply row i of that by the sigmoid's slope, gate * (1 - gate), and by pixel i. Add "
        "the diagonal of the gates.",
    ),
    shortcuts=(
        Shortcut(
            "It asks autograd for the Jacobian, which is what you are working out by hand.",
            lambda op: False,  # the backward pass runs operations like any other
            ("jacobian", "jacrev", "jacfwd", "vjp", "jvp", "grad"),
        ),
    ),
)
