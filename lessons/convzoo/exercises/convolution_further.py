"""Lesson 00, Further: batch norm, and the Inception block."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import (
    Exercise, Shortcut, Wrong, module_case, normal, pick, small_module_case,
)  # fmt: skip
from convzoo.framework import convolution as framework

LESSON = "00_convolution"

# --- batch norm -------------------------------------------------------------------

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
    return framework.batch_norm(
        x, weight, bias, running_mean, running_var, training, momentum, eps
    )


def _spread(x: Tensor) -> Tensor:
    """(n, c, h, w) -> the standard deviation of each channel, dividing by the count."""
    return x.std((0, 2, 3), correction=0)


def _spoilt_norm(spoil: Callable) -> Callable:
    """Batch norm with other arguments; spoil: a dict of all of them -> those that change."""

    def target(x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
        given = {
            "x": x, "weight": weight, "bias": bias, "running_mean": running_mean,
            "running_var": running_var, "training": training, "momentum": momentum, "eps": eps,
        }  # fmt: skip
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


def _biased_running(
    x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
    """What is kept counts by n where it should count by n - 1."""
    y, mean, var = _norm(
        x, weight, bias, running_mean, running_var, training, momentum, eps
    )
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


def _one_statistic(
    x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5
):
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


BATCH_NORM = Exercise(
    id="convolution.batch_norm",
    lesson=LESSON,
    title="Batch norm, in training and in evaluation",
    points=4,
    minutes=20,
    name="batch_norm",
    reference=framework.batch_norm,
    cases=_norm_cases,
    small=_norm_small,
    wrong=(
        Wrong(
            "batch_in_evaluation",
            "In evaluation the statistics of the batch are used. There the running ones are: "
            "else the answer for an image would depend on what it is served with.",
            _batch_in_evaluation,
        ),
        Wrong(
            "running_in_training",
            "In training the running statistics are used. There the batch's own are: only so are "
            "the outputs of this very batch normalised.",
            _running_in_training,
        ),
        Wrong(
            "momentum_swapped",
            "Old and new are exchanged: momentum is the share of the new batch, and a small one.",
            _spoilt_norm(lambda given: {"momentum": 1 - given["momentum"]}),
        ),
        Wrong(
            "updated_in_evaluation",
            "The running statistics move in evaluation, too. They move in training alone.",
            lambda training, **given: (
                _norm(training=training, **given)[0], *_norm(training=True, **given)[1:]
            ),
        ),
        Wrong(
            "biased_running",
            "Here the running variance takes in the one that divides by the count. It should take "
            "in the unbiased one, which divides by the count less one.",
            _biased_running,
        ),
        Wrong(
            "unbiased_output",
            "Here the output is normalised by the unbiased variance. It should be by the one that "
            "divides by the count; the unbiased one is for the running variance.",
            _spoilt_norm(_unbiased_output),
        ),
        Wrong(
            "eps_outside",
            "Here eps is added to the standard deviation. It belongs to the variance, under the root.",
            _spoilt_norm(_eps_outside),
        ),
        Wrong(
            "root_missing",
            "It is divided by the variance. What brings the numbers to a scale of 1 is its root, "
            "the standard deviation.",
            _spoilt_norm(_root_missing),
        ),
        Wrong(
            "vector_along_width",
            "Channels meet the width of the image, as torch lines dimensions up from the last. A "
            "statistic is one number for each channel; give it a height and a width of 1.",
            lambda x, running_mean, running_var, **settings: (
                x - running_mean, running_mean, running_var
            ),
        ),
        Wrong(
            "no_weight",
            "The scale is missing: what is normalised is multiplied by `weight`.",
            _spoilt_norm(lambda given: {"weight": torch.ones_like(given["weight"])}),
        ),
        Wrong(
            "one_statistic",
            "All channels share one mean and one variance. Each channel has its own: go over "
            "images, height and width.",
            _one_statistic,
        ),
        Wrong(
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
        Wrong(
            "constant_statistics",
            "Mean and variance of the batch are taken for constants. They depend on x, and the "
            "gradient of x goes through them, too.",
            _constant_statistics,
        ),
        Wrong(
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

# --- the Inception block ----------------------------------------------------------

WIDTHS = ("in_channels", "ch1x1", "ch3x3red", "ch3x3", "ch5x5red", "ch5x5", "pool_proj")


def _block_case(gen, widths, image, large, training=False) -> Case:
    scalars = dict(zip(WIDTHS, widths, strict=True)) | {"large": large}
    x = normal(gen, 2, widths[0], *image)
    return module_case(framework.Inception, scalars, {"x": x}, gen, training)


def _block_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [4, 5, 6])
    return [
        _block_case(gen, (3, 2, 3, wide, 1, 3, 2), (6, 5), 5),
        _block_case(gen, (4, 3, 2, 4, 3, 2, 5), (4, 7), 3, training=True),
        _block_case(gen, (5, 1, 4, 3, 2, 4, 2), (5, 5), 5),
        _block_case(gen, (2, 3, 2, 2, 2, 1, 3), (1, 1), 3),
    ]


def _block_small() -> list[Case]:
    """Pixels below zero, and 1x1 layers of -1: so the pool and its border can be seen."""

    def case(widths, image, large):
        scalars = dict(zip(WIDTHS, widths, strict=True)) | {"large": large}
        x = 9 * (torch.arange(image[0] * image[1]) % 3 - 2).double()
        x = x.expand(widths[0], -1).reshape(1, widths[0], *image)
        case = small_module_case(framework.Inception, scalars, {"x": x})
        small = {k: -torch.ones_like(v) for k, v in case.weights.items() if v.shape[2:] == (1, 1)}
        return Case(scalars, {"x": x}, case.weights | small)

    return [
        case((1, 1, 1, 1, 1, 1, 1), (1, 2), 3),
        case((1, 1, 1, 2, 1, 1, 2), (2, 2), 3),
        case((1, 1, 1, 1, 1, 1, 1), (2, 2), 5),
    ]


class _Ordered(framework.Inception):
    """The branches, concatenated in another order."""

    order = (0, 1, 3, 2)

    def _forward(self, x: Tensor) -> list[Tensor]:
        outputs = super()._forward(x)
        return [outputs[k] for k in self.order]


class _AveragePool(framework.Inception):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.branch4[0] = nn.AvgPool2d(3, 1, 1)


class _NoPool(framework.Inception):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.branch4[0] = nn.Identity()


class _ZeroPaddedPool(framework.Inception):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.branch4[0] = nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(3, 1))


class _PoolStride(framework.Inception):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.branch4[0] = nn.MaxPool2d(3, padding=1)


class _SmallKernel(framework.Inception):
    def __init__(self, large=5, **scalars):
        super().__init__(large=3, **scalars)


class _ReductionsSwapped(framework.Inception):
    def __init__(self, ch3x3red, ch5x5red, **scalars):
        super().__init__(ch3x3red=ch5x5red, ch5x5red=ch3x3red, **scalars)


class _NoPadding(framework.Inception):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.branch2[1].conv.padding = self.branch3[1].conv.padding = (0, 0)


class _PoolAfter(framework.Inception):
    """The pool of the fourth branch behind its 1x1, with the names as they should be."""

    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.branch4[0] = nn.Identity()
        self.branch4[1].register_forward_hook(lambda module, args, y: F.max_pool2d(y, 3, 1, 1))


INCEPTION = Exercise(
    id="convolution.inception",
    lesson=LESSON,
    title="The Inception block",
    points=4,
    minutes=15,
    name="Inception",
    reference=framework.Inception,
    cases=_block_cases,
    small=_block_small,
    wrong=(
        Wrong(
            "other_order",
            "Two of the branches are concatenated in another order. The order is 1x1, 3x3, 5x5, "
            "pool: the next layer's weights know it.",
            _Ordered,
        ),
        Wrong(
            "average_pool",
            "The fourth branch takes means. The paper takes the largest value of 3 x 3 pixels.",
            _AveragePool,
        ),
        Wrong(
            "no_pool",
            "The fourth branch has no pool: a second 1x1 is left.",
            _NoPool,
        ),
        Wrong(
            "pool_after",
            "The pool of the fourth branch comes behind its 1x1. It comes first.",
            _PoolAfter,
        ),
        Wrong(
            "zeros_pooled",
            "The pool sees zeros beyond the border, and where all pixels are negative a zero is "
            "the largest. The pool's own padding lets the border take no part.",
            _ZeroPaddedPool,
        ),
        Wrong(
            "pool_stride",
            "The pool shrinks the image: unless told, its stride is its kernel size. Here the "
            "branches must keep height and width.",
            _PoolStride,
        ),
        Wrong(
            "small_kernel",
            "The third branch has a 3x3. Its kernel is `large`.",
            _SmallKernel,
        ),
        Wrong(
            "reductions_swapped",
            "The widths of the two reductions are exchanged: the first is the 3x3's, the second "
            "is the one of the large kernel.",
            _ReductionsSwapped,
        ),
        Wrong(
            "no_padding",
            "A branch shrinks the image. To keep height and width a kernel of k needs a padding "
            "of half of k, rounded down.",
            _NoPadding,
        ),
    ),
    hints=(
        "Four branches over the same x. `self.branch1` is one `BasicConv2d`, the other three are "
        "an `nn.Sequential` of two layers each: so the names come out right.",
        "Branches 2 and 3: a 1x1 down to the reduction, then the kernel with a padding of half "
        "of it, rounded down. Branch 4: a max pool of 3 with stride 1 and padding 1, then a "
        "1x1. The channels are dimension 1.",
    ),
)

FURTHER = (BATCH_NORM, INCEPTION)
