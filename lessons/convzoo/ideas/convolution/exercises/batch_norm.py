"""Lesson 00, Further: batch norm."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, normal, pick
from convzoo.ideas.convolution import framework

LESSON = "00_convolution"

TINY = 1e-200  # torch takes no eps of 0 in training

NORMALISATION = Shortcut(
    "It calls the framework's normalisation, which is what you are building.",
    ("*batch_norm*", "*instance_norm*", "*group_norm*", "*layer_norm*", "*rms_norm*")
    + ("*BatchNorm*", "*InstanceNorm*", "*GroupNorm*", "*LayerNorm*", "*RMSNorm*"),
)


def _norm_case(gen, n, c, image, training, momentum=0.1, eps=1e-5) -> Case:
    tensors = {
        "x": 3 + 2 * normal(gen, n, c, *image),
        "weight": normal(gen, c),
        "bias": normal(gen, c),
        "running_mean": normal(gen, c),
        "running_var": 0.5 + normal(gen, c).abs(),
    }
    return Case({"training": training, "momentum": momentum, "eps": eps}, tensors)


def _norm_cases(gen: Generator) -> list[Case]:
    momentum = pick(gen, [0.1, 0.2, 0.3])
    return [
        _norm_case(gen, 4, 3, (3, 2), True),
        _norm_case(gen, 2, 4, (3, 3), False, eps=0.1),
        _norm_case(gen, 3, 2, (1, 4), True, momentum, eps=0.5),
        _norm_case(gen, 5, 1, (1, 1), True, 0.01),
        _norm_case(gen, 1, 5, (2, 3), False, momentum),
    ]


def _norm_small() -> list[Case]:
    def case(x, training, mean, var):
        """eps is 3 and a variance 1, so that the root is 2."""
        vectors = {"weight": [1.0] * len(mean), "bias": [0.0] * len(mean)}
        vectors |= {"running_mean": mean, "running_var": var}
        tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in vectors.items()}
        image = torch.tensor(x, dtype=torch.float64).reshape(len(x), len(mean), 1, 1)
        return Case({"training": training, "momentum": 0.25, "eps": 3}, {"x": image, **tensors})

    return [
        case([[5], [1]], False, [1], [1]),
        case([[2], [4]], True, [0], [1]),
        case([[2, 10], [4, 12]], True, [0, 2], [1, 4]),
        _affine(case([[2], [4]], True, [0], [1])),
    ]


def _affine(case: Case) -> Case:
    tensors = case.tensors | {name: case.tensors[name] + 1 for name in ("weight", "bias")}
    return Case(case.scalars, tensors)


mistake = Mistakes(framework.batch_norm)


@mistake
def batch_in_evaluation(**given):
    """In evaluation the statistics of the batch are used. There the running ones are: else the
    answer for an image would depend on what it is served with."""
    y = framework.batch_norm(**given | {"training": True})[0]
    return y, *framework.batch_norm(**given)[1:]


@mistake
def running_in_training(**given):
    """In training the running statistics are used. There the batch's own are: only so are the
    outputs of this very batch normalised."""
    y = framework.batch_norm(**given | {"training": False})[0]
    return y, *framework.batch_norm(**given)[1:]


@mistake
def momentum_swapped(momentum, **given):
    """Old and new are exchanged: momentum is the share of the new batch, and a small one."""
    return framework.batch_norm(momentum=1 - momentum, **given)


@mistake
def updated_in_evaluation(**given):
    """The running statistics move in evaluation, too. They move in training alone."""
    y = framework.batch_norm(**given)[0]
    return y, *framework.batch_norm(**given | {"training": True})[1:]


@mistake
def biased_running(**given):
    """Here the running variance takes in the one that divides by the count. It should take in the
    unbiased one, which divides by the count less one."""
    y, mean, var = framework.batch_norm(**given)
    if given["training"]:
        fresh = var - (1 - given["momentum"]) * given["running_var"].detach()
        var = var - fresh / given["x"][:, 0].numel()
    return y, mean, var


@mistake
def unbiased_output(x, weight, training, eps, **given):
    """Here the output is normalised by the unbiased variance. It should be by the one that
    divides by the count; the unbiased one is for the running variance."""
    if training:
        count = x[:, 0].numel()
        share = (count - 1) / count
        weight, eps = weight * share**0.5, eps * share
    return framework.batch_norm(x, weight, training=training, eps=eps, **given)


def _spread(x: Tensor, running_var: Tensor, training: bool, **given) -> Tensor:
    """(n, c, h, w), (c,) -> the standard deviation of each channel that y is divided by."""
    return x.std((0, 2, 3), correction=0) if training else running_var.detach() ** 0.5


@mistake
def eps_outside(x, weight, eps, **given):
    """Here eps is added to the standard deviation. It belongs to the variance, under the root."""
    spread = _spread(x, **given)
    return framework.batch_norm(x, weight * spread / (spread + eps), eps=TINY, **given)


@mistake
def root_missing(x, weight, eps, **given):
    """It is divided by the variance. What brings the numbers to a scale of 1 is its root, the
    standard deviation."""
    root = (_spread(x, **given) ** 2 + eps) ** 0.5
    return framework.batch_norm(x, weight / root, eps=eps, **given)


@mistake
def vector_along_width(x, running_mean, running_var, **given):
    """Channels meet the width of the image, as torch lines dimensions up from the last. A
    statistic is one number for each channel; give it a height and a width of 1."""
    return x - running_mean, running_mean, running_var


@mistake
def no_weight(weight, **given):
    """The scale is missing: what is normalised is multiplied by `weight`."""
    return framework.batch_norm(weight=torch.ones_like(weight), **given)


@mistake
def one_statistic(x, weight, bias, running_mean, running_var, training, momentum, eps):
    """All channels share one mean and one variance. Each channel has its own: go over images,
    height and width."""
    settings = {"training": training, "momentum": momentum, "eps": eps}
    if not training:
        return framework.batch_norm(x, weight, bias, running_mean, running_var, **settings)
    blank = x.new_zeros(1)
    images = x.reshape(-1, 1, *x.shape[2:])
    y, mean, var = framework.batch_norm(images, blank + 1, blank, blank, blank, **settings)
    y = y.reshape(x.shape) * weight[:, None, None] + bias[:, None, None]
    kept = [(1 - momentum) * t.detach() for t in (running_mean, running_var)]
    return y, kept[0] + mean, kept[1] + var


@mistake
def no_scale(weight, bias, **given):
    """Scale and shift are missing: what is normalised is multiplied by `weight`, and `bias` is
    added."""
    blank = {"weight": torch.ones_like(weight), "bias": torch.zeros_like(bias)}
    return framework.batch_norm(**blank, **given)


@mistake
def constant_statistics(**given):
    """Mean and variance of the batch are taken for constants. They depend on x, and the gradient
    of x goes through them, too."""
    y, *kept = framework.batch_norm(**given)
    if given["training"]:
        var, mean = torch.var_mean(given["x"].detach(), (0, 2, 3), correction=0)
        batch = {"running_mean": mean, "running_var": var, "training": False}
        y = framework.batch_norm(**given | batch)[0]
    return y, *kept


@mistake
def graph_kept(**given):
    """The running statistics still hang on the graph of this batch. They are kept from batch to
    batch, so every graph would be kept: detach them."""
    y, mean, var = framework.batch_norm(**given)
    if given["training"]:
        batch_var, batch_mean = torch.var_mean(given["x"], (0, 2, 3))
        mean = mean + given["momentum"] * (batch_mean - batch_mean.detach())
        var = var + given["momentum"] * (batch_var - batch_var.detach())
    return y, mean, var


EXERCISE = Exercise(
    id="convolution.batch_norm",
    place=4,
    lesson=LESSON,
    title="Batch norm, in training and in evaluation",
    points=4,
    minutes=20,
    name="batch_norm",
    reference=framework.batch_norm,
    cases=_norm_cases,
    small=_norm_small,
    mistakes=tuple(mistake),
    hints=(
        "In training: mean and variance over images, height and width, of each channel. In "
        "evaluation: the running ones. `x.var(dims, correction=0)` divides by the count, "
        "`correction=1` by the count less one. The output takes the first, what is kept the "
        "second.",
        "Normalise: less the mean, over the root of variance + eps; then times weight, plus "
        "bias. A vector over the channels stands beside an image as `v[:, None, None]`.",
        "What is kept: (1 - momentum) of the old one and momentum of the batch's, detached. In "
        "evaluation the old ones are returned as they are. Change neither in place.",
    ),
    shortcuts=(NORMALISATION,),
    returns=("y", "running mean", "running variance"),
)
