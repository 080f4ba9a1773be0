"""Lesson 04: the matrix of a live gate, in Further."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, Shortcut, normal, pick
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


def _held(pixel, mean, w1, b1, w2, b2) -> Tensor:
    return framework.live_matrix(pixel * 0, mean, w1, b1, w2, b2)


def _moved(pixel, mean, w1, b1, w2, b2) -> Tensor:
    """The part that comes through the gate."""
    whole = framework.live_matrix(pixel, mean, w1, b1, w2, b2)
    return whole - _held(pixel, mean, w1, b1, w2, b2)


def _gates(pixel, mean, w1, b1, w2, b2) -> Tensor:
    return framework.squeeze_excite(mean[None, :, None, None], w1, b1, w2, b2)[1][0]


def _no_relu(pixel, mean, w1, b1, w2, b2):
    both = torch.cat([w1, -w1]), torch.cat([b1, -b1]), torch.cat([w2, -w2], 1)
    slope = framework.live_matrix(pixel, mean, *both, b2) - _held(pixel, mean, *both, b2)
    linear = _gates(pixel, mean, *both, b2)
    own = _gates(pixel, mean, w1, b1, w2, b2)
    factor = own * (1 - own) / (linear * (1 - linear))
    return torch.diag(own) + factor[:, None] * slope


def _unit(pixel, mean, w1, b1, w2, b2) -> Tensor:
    """How the gates move, whatever the pixel is."""
    return _moved(pixel * 0 + 1, mean, w1, b1, w2, b2)


def _no_slope(*call):
    own = _gates(*call)
    return torch.diag(own) + _moved(*call) / (own * (1 - own))[:, None]


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
    mistakes=(
        Mistake(
            "held_still",
            "That is the gate held still: a diagonal. Live, the gate itself moves with every "
            "channel that it reads.",
            lambda **call: _held(**call),
        ),
        Mistake(
            "gate_alone",
            "The diagonal of the gates is missing: a channel reaches its own output directly, too.",
            lambda **call: _moved(**call),
        ),
        Mistake(
            "transposed",
            "Rows and columns are exchanged: rows are outputs, columns are inputs.",
            lambda **call: framework.live_matrix(**call).mT,
        ),
        Mistake(
            "no_relu",
            "The ReLU is passed over: where a middle number is not above zero, nothing goes "
            "through it.",
            lambda pixel, mean, w1, b1, w2, b2: _no_relu(pixel, mean, w1, b1, w2, b2),
        ),
        Mistake(
            "no_slope",
            "The sigmoid's slope is missing. A gate that is nearly 0 or 1 hardly moves.",
            lambda pixel, mean, w1, b1, w2, b2: _no_slope(pixel, mean, w1, b1, w2, b2),
        ),
        Mistake(
            "mean_for_pixel",
            "The gate's part is multiplied by the channel's mean. What it rescales here is the "
            "pixel.",
            lambda pixel, mean, **weights: framework.live_matrix(mean, mean, **weights),
        ),
        Mistake(
            "no_pixel",
            "The gate's part is not multiplied by the pixel. A gate that moves changes a bright "
            "pixel more than a dark one.",
            lambda **call: _held(**call) + _unit(**call),
        ),
        Mistake(
            "pixel_of_column",
            "Column j is multiplied by pixel j. It is the output's own pixel that is rescaled: "
            "row i by pixel i.",
            lambda pixel, **call: _held(pixel, **call) + _unit(pixel, **call) * pixel,
        ),
    ),
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
