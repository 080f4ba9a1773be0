"""Lesson 00, Further: batch norm."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, Shortcut, normal, pick
from convzoo.ideas.convolution import framework

LESSON = "00_convolution"

TINY = 1e-200  # torch takes no eps of 0 in training

NORMALISATION = Shortcut(
    "It calls the framework's normalisation, which is what you are building.",
    lambda op: "_norm" in op.name and "linalg" not in op.name,
    ("batch_norm", "BatchNorm2d", "instance_norm", "native_batch_norm", "group_norm"),
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


def _norm(
    x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    return framework.batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps)


def _spread(x: Tensor) -> Tensor:
    """(n, c, h, w) -> the standard deviation of each channel, dividing by the count."""
    return x.std((0, 2, 3), correction=0)


def _spoilt_norm(spoil: Callable) -> Callable:
    """Batch norm with other arguments; spoil: a dict of all of them -> those that change."""

    def target(x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
        given = {
            "x": x,
            "weight": weight,
            "bias": bias,
            "running_mean": running_mean,
            "running_var": running_var,
            "training": training,
            "momentum": momentum,
            "eps": eps,
        }
        return _norm(**given | spoil(given))

    return target


def _batch_in_evaluation(x, weight, bias, running_mean, running_var, training, **settings):
    y = _norm(x, weight, bias, running_mean, running_var, True, **settings)[0]
    kept = _norm(x, weight, bias, running_mean, running_var, training, **settings)
    return y, *kept[1:]


def _running_in_training(x, weight, bias, running_mean, running_var, training, **settings):
    y = _norm(x, weight, bias, running_mean, running_var, False, **settings)[0]
    kept = _norm(x, weight, bias, running_mean, running_var, training, **settings)
    return y, *kept[1:]


def _biased_running(x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """What is kept counts by n where it should count by n - 1."""
    y, mean, var = _norm(x, weight, bias, running_mean, running_var, training, momentum, eps)
    count = x[:, 0].numel()
    fresh = var - (1 - momentum) * running_var.detach()
    return y, mean, var - fresh / count if training else var


def _unbiased_output(given: dict) -> dict:
    if not given["training"]:
        return {}
    count = given["x"][:, 0].numel()
    share = (count - 1) / count
    return {"weight": given["weight"] * share**0.5, "eps": given["eps"] * share}


def _eps_outside(given: dict) -> dict:
    x, running_var = given["x"], given["running_var"]
    spread = _spread(x) if given["training"] else running_var.detach() ** 0.5
    return {"weight": given["weight"] * spread / (spread + given["eps"]), "eps": TINY}


def _root_missing(given: dict) -> dict:
    var = _spread(given["x"]) ** 2 if given["training"] else given["running_var"].detach()
    return {"weight": given["weight"] / (var + given["eps"]) ** 0.5}


def _one_statistic(x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """Mean and variance of all channels together."""
    if not training:
        return _norm(x, weight, bias, running_mean, running_var, False, momentum, eps)
    blank = x.new_zeros(1)
    y, mean, var = _norm(
        x.reshape(-1, 1, *x.shape[2:]), blank + 1, blank, blank, blank, True, momentum, eps
    )
    y = y.reshape(x.shape) * weight[:, None, None] + bias[:, None, None]
    kept = [(1 - momentum) * t.detach() for t in (running_mean, running_var)]
    return y, kept[0] + mean, kept[1] + var


def _constant_statistics(
    x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    """The batch's own mean and variance, but as constants."""
    y, mean, var = _norm(x, weight, bias, running_mean, running_var, training, momentum, eps)
    if training:
        constant = x.detach()
        batch = constant.mean((0, 2, 3)), _spread(constant) ** 2
        y = _norm(x, weight, bias, *batch, False, momentum, eps)[0]
    return y, mean, var


def _graph_kept(x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    y, mean, var = _norm(x, weight, bias, running_mean, running_var, training, momentum, eps)
    if not training:
        return y, mean, var
    own = x.mean((0, 2, 3)), x.var((0, 2, 3))
    hanging = [momentum * (value - value.detach()) for value in own]
    return y, mean + hanging[0], var + hanging[1]


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
    mistakes=(
        Mistake(
            "batch_in_evaluation",
            "In evaluation the statistics of the batch are used. There the running ones are: "
            "else the answer for an image would depend on what it is served with.",
            _batch_in_evaluation,
        ),
        Mistake(
            "running_in_training",
            "In training the running statistics are used. There the batch's own are: only so are "
            "the outputs of this very batch normalised.",
            _running_in_training,
        ),
        Mistake(
            "momentum_swapped",
            "Old and new are exchanged: momentum is the share of the new batch, and a small one.",
            _spoilt_norm(lambda given: {"momentum": 1 - given["momentum"]}),
        ),
        Mistake(
            "updated_in_evaluation",
            "The running statistics move in evaluation, too. They move in training alone.",
            lambda training, **given: (
                _norm(training=training, **given)[0],
                *_norm(training=True, **given)[1:],
            ),
        ),
        Mistake(
            "biased_running",
            "Here the running variance takes in the one that divides by the count. It should take "
            "in the unbiased one, which divides by the count less one.",
            _biased_running,
        ),
        Mistake(
            "unbiased_output",
            "Here the output is normalised by the unbiased variance. It should be by the one that "
            "divides by the count; the unbiased one is for the running variance.",
            _spoilt_norm(_unbiased_output),
        ),
        Mistake(
            "eps_outside",
            "Here eps is added to the standard deviation. It belongs to the variance, under the "
            "root.",
            _spoilt_norm(_eps_outside),
        ),
        Mistake(
            "root_missing",
            "It is divided by the variance. What brings the numbers to a scale of 1 is its root, "
            "the standard deviation.",
            _spoilt_norm(_root_missing),
        ),
        Mistake(
            "vector_along_width",
            "Channels meet the width of the image, as torch lines dimensions up from the last. A "
            "statistic is one number for each channel; give it a height and a width of 1.",
            lambda x, running_mean, running_var, **settings: (
                x - running_mean,
                running_mean,
                running_var,
            ),
        ),
        Mistake(
            "no_weight",
            "The scale is missing: what is normalised is multiplied by `weight`.",
            _spoilt_norm(lambda given: {"weight": torch.ones_like(given["weight"])}),
        ),
        Mistake(
            "one_statistic",
            "All channels share one mean and one variance. Each channel has its own: go over "
            "images, height and width.",
            _one_statistic,
        ),
        Mistake(
            "no_scale",
            "Scale and shift are missing: what is normalised is multiplied by `weight`, and "
            "`bias` is added.",
            _spoilt_norm(
                lambda given: {
                    "weight": torch.ones_like(given["weight"]),
                    "bias": torch.zeros_like(given["bias"]),
                }
            ),
        ),
        Mistake(
            "constant_statistics",
            "Mean and variance of the batch are taken for constants. They depend on x, and the "
            "gradient of x goes through them, too.",
            _constant_statistics,
        ),
        Mistake(
            "graph_kept",
            "The running statistics still hang on the graph of this batch. They are kept from "
            "batch to batch, so every graph would be kept: detach them.",
            _graph_kept,
        ),
    ),
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
