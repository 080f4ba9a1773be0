"""Lesson 06, Further: the exercise of the best separable kernels of a rank."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, normal, pick
from convzoo.ideas.separable import framework

LESSON = "06_separable"


def _rank_case(gen: Generator, c_out, c_in, kernel, rank) -> Case:
    return Case({"rank": rank}, {"weight": normal(gen, c_out, c_in, *kernel)})


def _rank_cases(gen: Generator) -> list[Case]:
    return [
        _rank_case(gen, 7, 3, (3, 3), 2),
        _rank_case(gen, 5, 4, (3, 2), pick(gen, [2, 3])),
        _rank_case(gen, 12, 2, (3, 3), 4),
        _rank_case(gen, 6, 3, (3, 3), 1),
    ]


def _rank_small() -> list[Case]:
    def case(rank, rows):
        return Case({"rank": rank}, {"weight": torch.tensor(rows, dtype=torch.float64)})

    return [
        case(1, [[[[3, 0]]], [[[0, 1]]]]),
        case(1, [[[[2, 0]], [[0, 1]]], [[[0, 1]], [[3, 0]]]]),
        case(1, [[[[3, 0]], [[4, 0]]], [[[0, 1]], [[0, 0]]], [[[0, 0]], [[0, 2]]]]),
        case(2, [[[[3, 0], [0, 0]]], [[[0, 2], [0, 0]]], [[[0, 0], [1, 0]]]]),
        case(1, [[[[3, 3], [3, 3]]], [[[1, -1], [-1, 1]]]]),
        case(2, [[[[4, 4], [4, 4]]], [[[2, -2], [-2, 2]]], [[[1, 1], [-1, -1]]]]),
    ]


def _among(order):
    """The reference on a weight whose dimensions stand in another order, and back."""
    back = [order.index(k) for k in range(4)]

    def target(weight: Tensor, rank: int) -> Tensor:
        return framework.best_separable(weight.permute(order), rank).permute(back)

    return target


def _read_as_inputs_first(weight: Tensor, rank: int) -> Tensor:
    """The numbers in their order, read as (c_in, c_out, taps) and back."""
    read = weight.reshape(weight.transpose(0, 1).shape).transpose(0, 1)
    return framework.best_separable(read, rank).transpose(0, 1).reshape(weight.shape)


def _not_turned_back(weight: Tensor, rank: int) -> Tensor:
    return framework.best_separable(weight, rank).transpose(0, 1).reshape(weight.shape)


def _whole(weight: Tensor, rank: int) -> Tensor:
    """One matrix for all input channels: (c_out, c_in kh kw)."""
    return framework.best_separable(weight.flatten(1)[:, None, None], rank).reshape(weight.shape)


def _rescaled(power: int):
    """Every kept component times its singular value to another power than 1."""

    def target(weight: Tensor, rank: int) -> Tensor:
        parts, before = 0, torch.zeros_like(weight)
        for k in range(1, rank + 1):
            now = framework.best_separable(weight, k)
            part, before = now - before, now
            size = part.square().sum((0, 2, 3), keepdim=True).sqrt()
            parts = parts + part * size ** (power - 1)
        return parts

    return target


def _smallest(weight: Tensor, rank: int) -> Tensor:
    full = min(len(weight), weight[0, 0].numel())
    if rank == full:
        return weight * 1
    return weight - framework.best_separable(weight, full - rank)


EXERCISE = Exercise(
    id="separable.rank",
    place=4,
    lesson=LESSON,
    title="The best separable kernel of a rank",
    points=2,
    minutes=15,
    name="best_separable",
    reference=framework.best_separable,
    cases=_rank_cases,
    small=_rank_small,
    mistakes=(
        Mistake(
            "whole",
            "All input channels are taken as one matrix. Each input channel has a matrix of its "
            "own, (c_out, taps), and its own best filters.",
            _whole,
        ),
        Mistake(
            "by_output",
            "The matrices belong to the output channels: (c_in, taps). The depthwise filters come "
            "first, so there is one matrix for each input channel: (c_out, taps).",
            _among([1, 0, 2, 3]),
        ),
        Mistake(
            "reshaped",
            "The channels are exchanged by a reshape, which keeps the numbers in their order. To "
            "exchange two dimensions is to transpose them, before and after.",
            _read_as_inputs_first,
        ),
        Mistake(
            "not_turned_back",
            "Right as far as the product. Its first dimension is the input channel: transpose it "
            "back, where a reshape keeps the numbers in their order.",
            _not_turned_back,
        ),
        Mistake(
            "inputs_first",
            "The result begins with the input channels. A weight begins with the output channels.",
            lambda weight, rank: framework.best_separable(weight, rank).transpose(0, 1),
        ),
        Mistake(
            "spatial",
            "Each filter is split into a column times a row. That is the other use of the word "
            "separable; here outputs are split from taps.",
            lambda weight, rank: (
                framework.best_separable(
                    weight.flatten(0, 1).transpose(0, 1)[..., None], min(rank, *weight.shape[2:])
                )[..., 0]
                .transpose(0, 1)
                .reshape(weight.shape)
            ),
        ),
        Mistake(
            "smallest",
            "The smallest singular values are kept. The largest ones carry the most.",
            _smallest,
        ),
        Mistake(
            "unscaled",
            "The singular values are left out: each kept part has the length 1.",
            _rescaled(0),
        ),
        Mistake(
            "scaled_twice",
            "The singular values are multiplied in twice, once with either factor.",
            _rescaled(2),
        ),
        Mistake(
            "rank_one",
            "It keeps one part whatever the rank says.",
            lambda weight, rank: framework.best_separable(weight, 1),
        ),
        Mistake(
            "cut_off",
            "The numbers are right, but no gradient comes back to `weight`.",
            lambda weight, rank: framework.best_separable(weight.detach(), rank) + 0 * weight,
        ),
    ),
    hints=(
        "Bring the weight to (c_in, c_out, taps): one matrix for each input channel. A separable "
        "layer of rank 1 has one filter for each, so its matrices have rank 1.",
        "`torch.linalg.svd(matrices, full_matrices=False)` decomposes all of them at once into "
        "U, S and Vh, the largest singular values first. The nearest matrix of rank r keeps the "
        "first r of each (Eckart and Young 1936).",
        "Multiply the first r columns of U by the first r singular values, then by the first r "
        "rows of Vh; bring the result back to (c_out, c_in, kh, kw).",
    ),
)
