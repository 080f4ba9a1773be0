"""Lesson 06, Further: the best separable kernel of a given rank."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, normal, pick
from convzoo.ideas.separable import framework

LESSON = "06_separable"


def _case(gen: Generator, c_out, c_in, kernel, rank) -> Case:
    tensors = {"weight": normal(gen, c_out, c_in, *kernel)}
    return Case({"rank": rank}, tensors, differentiable=False)


def _cases(gen: Generator) -> list[Case]:
    return [
        _case(gen, 7, 3, (3, 3), 2),
        _case(gen, 5, 4, (3, 2), pick(gen, [2, 3])),
        _case(gen, 12, 2, (3, 3), 4),
        _case(gen, 6, 3, (3, 3), 1),
    ]


def _small() -> list[Case]:
    def case(rank, rows):
        tensors = {"weight": torch.tensor(rows, dtype=torch.float64)}
        return Case({"rank": rank}, tensors, differentiable=False)

    return [
        case(1, [[[[3, 0]]], [[[0, 1]]]]),
        case(1, [[[[2, 0]], [[0, 1]]], [[[0, 1]], [[3, 0]]]]),
        case(1, [[[[3, 0]], [[4, 0]]], [[[0, 1]], [[0, 0]]], [[[0, 0]], [[0, 2]]]]),
        case(2, [[[[3, 0], [0, 0]]], [[[0, 2], [0, 0]]], [[[0, 0], [1, 0]]]]),
        case(1, [[[[3, 3], [3, 3]]], [[[1, -1], [-1, 1]]]]),
        case(2, [[[[4, 4], [4, 4]]], [[[2, -2], [-2, 2]]], [[[1, 1], [-1, -1]]]]),
    ]


mistake = Mistakes(framework.best_separable)


@mistake
def whole(weight, rank):
    """All input channels are treated as one matrix. Each input channel has its own matrix, (c_out,
    taps), and its own best filters."""
    one_matrix = weight.flatten(1)[:, None, None]  # c_out, 1, 1, c_in kh kw
    return framework.best_separable(one_matrix, rank).reshape(weight.shape)


@mistake
def by_output(weight, rank):
    """There is one matrix for each output channel: (c_in, taps). The depthwise filters come first,
    so you need one matrix for each input channel: (c_out, taps)."""
    return framework.best_separable(weight.transpose(0, 1), rank).transpose(0, 1)


@mistake
def reshaped(weight, rank):
    """A reshape swaps the channels, but it keeps the numbers in their order. To swap two
    dimensions, transpose them: once before the SVD, and once after it."""
    read = weight.reshape(weight.transpose(0, 1).shape).transpose(0, 1)
    return framework.best_separable(read, rank).transpose(0, 1).reshape(weight.shape)


@mistake
def not_turned_back(weight, rank):
    """It is right up to the product. The product's first dimension is the input channel: transpose
    it back. A reshape alone would keep the numbers in their order."""
    return framework.best_separable(weight, rank).transpose(0, 1).reshape(weight.shape)


@mistake
def inputs_first(weight, rank):
    """The result starts with the input channels. A weight starts with the output channels: swap the
    two."""
    return framework.best_separable(weight, rank).transpose(0, 1)


@mistake
def spatial(weight, rank):
    """Each filter is split into a column times a row. That is the other meaning of the word
    separable. Here the outputs are separated from the taps."""
    filters = weight.flatten(0, 1).transpose(0, 1)[..., None]  # kh, c_out c_in, kw, 1
    kept = framework.best_separable(filters, min(rank, *weight.shape[2:]))
    return kept[..., 0].transpose(0, 1).reshape(weight.shape)


def _without_largest(weight: Tensor, left_out: int) -> Tensor:
    """Return what is left without so many of the largest singular values; 0 if these are all."""
    full = min(len(weight), weight[0, 0].numel())
    return weight - framework.best_separable(weight, left_out) if left_out < full else weight * 0


@mistake
def smallest(weight, rank):
    """The smallest singular values are kept. Keep the largest ones: they matter most."""
    return _without_largest(weight, min(len(weight), weight[0, 0].numel()) - rank)


@mistake
def smallest_of_the_outputs(weight, rank):
    """The vectors of the smallest eigenvalues are kept: `torch.linalg.eigh` lists them from the
    smallest to the largest, unlike `svd`. Keep the last `rank` of its vectors."""
    return _without_largest(weight, len(weight) - rank)


@mistake
def smallest_of_the_taps(weight, rank):
    """The filters of the smallest eigenvalues are kept: `torch.linalg.eigh` lists them from the
    smallest to the largest, unlike `svd`. Keep the last `rank` of its filters."""
    return _without_largest(weight, weight[0, 0].numel() - rank)


def _parts(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the parts of the kernel, each of length 1, (full, c_out, c_in, kh, kw), and their
    singular values, (full, 1, c_in, 1, 1), the largest first."""
    ranks = range(1, min(len(weight), weight[0, 0].numel()) + 1)
    sums = torch.stack([weight * 0, *(framework.best_separable(weight, k) for k in ranks)])
    parts = sums.diff(dim=0)
    sizes = parts.square().sum((1, 3, 4), keepdim=True).sqrt()
    return parts / sizes.clamp(min=1e-9), sizes


def _rescaled(weight: Tensor, rank: int, power: float) -> Tensor:
    """Return the kept parts, each with its singular value to this power, not to the first."""
    parts, sizes = _parts(weight)
    return (parts * sizes**power)[:rank].sum(0)


@mistake
def smallest_values(weight, rank):
    """The vectors are those of the largest singular values, but the values are the smallest ones.
    Keep the first `rank` of all three: U, S and Vh."""
    parts, sizes = _parts(weight)
    return (parts[:rank] * sizes[-rank:]).sum(0)


@mistake
def smallest_vectors(weight, rank):
    """The singular values are the largest ones, but their vectors are those of the smallest. Keep
    the first `rank` of all three: U, S and Vh."""
    parts, sizes = _parts(weight)
    return (parts[-rank:] * sizes[:rank]).sum(0)


@mistake
def values_reversed(weight, rank):
    """The singular values are sorted from the smallest to the largest, but their vectors are not.
    `svd` returns all three with the largest first: leave them in this order."""
    parts, sizes = _parts(weight)
    return (parts * sizes.flip(0))[:rank].sum(0)


@mistake
def unscaled(weight, rank):
    """The singular values are left out, so every part that is kept has length 1. Multiply each part
    by its singular value."""
    return _rescaled(weight, rank, 0)


@mistake
def scaled_twice(weight, rank):
    """The product contains the singular values twice, once with each factor. They belong in it
    once."""
    return _rescaled(weight, rank, 2)


@mistake
def root_too_many(weight, rank):
    """The product contains the singular values once, and their square roots in addition. Either
    one factor has the values, or both have the roots."""
    return _rescaled(weight, rank, 1.5)


@mistake
def rank_one(weight, rank):
    """Only one part is kept, whatever the rank is. Keep `rank` of them."""
    return framework.best_separable(weight, 1)


@mistake
def unchanged(weight, rank):
    """The kernel is returned unchanged: no singular value is left out. Keep only the `rank` largest
    ones."""
    return 1 * weight


@mistake
def without_the_largest(weight, rank):
    """The `rank` largest singular values are left out. They are the ones to keep: leave out the
    others."""
    return weight - framework.best_separable(weight, rank)


@mistake
def root_scaled(weight, rank):
    """The product contains the square roots of the singular values. A root belongs there only if
    both factors have it."""
    return _rescaled(weight, rank, 0.5)


@mistake
def averaged(weight, rank):
    """All outputs get the average of their filters. The nearest kernel of rank 1 has one filter
    too, but each output has its own factor, and the SVD finds both."""
    return weight.mean(0, keepdim=True).expand_as(weight)


@mistake
def centred(weight, rank):
    """The mean over the outputs is subtracted before the SVD and added again after it. The mean is
    one more filter, so the rank is one too high. Decompose the kernels as they are."""
    mean = weight.mean(0, keepdim=True)
    return framework.best_separable(weight - mean, rank) + mean


@mistake
def mean_lost(weight, rank):
    """The mean over the outputs is subtracted and never added again. Decompose the kernels as they
    are."""
    return framework.best_separable(weight - weight.mean(0, keepdim=True), rank)


@mistake
def reshaped_and_transposed(weight, rank):
    """Before the SVD a reshape swaps the channels, but it keeps the numbers in their order: the
    matrices mix several input channels. Transpose there, as you do after the SVD."""
    read = weight.reshape(weight.transpose(0, 1).shape).transpose(0, 1)
    return framework.best_separable(read, rank)


def _first(weight: Tensor, rank: int, dim: int) -> Tensor:
    """Return the flattened kernels with only the first `rank` entries along a dimension kept."""
    flat = weight.flatten(2)
    places = torch.arange(flat.shape[dim]).reshape([-1] + [1] * (2 - dim))
    return (flat * torch.lt(places, rank)).reshape(weight.shape)


@mistake
def first_outputs(weight, rank):
    """The first `rank` output channels are kept as they are, and the others are 0. A small rank
    drops no output: every output is a mix of `rank` filters."""
    return _first(weight, rank, 0)


@mistake
def first_inputs(weight, rank):
    """The first `rank` input channels are kept as they are, and the others are 0. Each input
    channel keeps `rank` filters."""
    return _first(weight, rank, 1)


@mistake
def first_taps(weight, rank):
    """The first `rank` taps are kept as they are, and the others are 0. The filters that the SVD
    finds use all taps."""
    return _first(weight, rank, 2)


@mistake
def v_not_transposed(weight, rank):
    """The last factor is cut or transposed in the wrong way, so the product does not have the shape
    (c_out, taps). `torch.linalg.svd` returns Vh, already transposed: its rows are the filters."""
    c_out, c_in, height, width = weight.shape
    if c_out < height * width:
        numbers = weight.new_zeros(c_in * c_out * c_out)
        return numbers.reshape(c_in, c_out, height, width)
    return framework.best_separable(weight, rank)


EXERCISE = Exercise(
    id="separable.rank",
    place=4,
    lesson=LESSON,
    title="The best separable kernel of a given rank",
    points=2,
    minutes=15,
    name="best_separable",
    reference=framework.best_separable,
    cases=_cases,
    small=_small,
    mistakes=tuple(mistake),
    hints=(
        "Give the weight the shape (c_in, c_out, taps): one matrix for each input channel. A "
        "separable layer of rank 1 has one filter for each input channel, so its matrices have "
        "rank 1.",
        "`torch.linalg.svd(matrices, full_matrices=False)` decomposes all of them at once into U, "
        "S and Vh, with the largest singular values first. The nearest matrix of rank r keeps the "
        "first r of each (Eckart and Young 1936).",
        "Multiply the first r columns of U by the first r singular values, and the result by the "
        "first r rows of Vh. Then bring it back to (c_out, c_in, kh, kw).",
    ),
)
