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
    "It calls the framework's normalisation, which is what you are building here.",
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
    def case(x, training, mean, var, eps=3):
        """Return a case in which variance and eps add up to 4, so that the root is 2."""
        vectors = {"weight": [1.0] * len(mean), "bias": [0.0] * len(mean)}
        vectors |= {"running_mean": mean, "running_var": var}
        tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in vectors.items()}
        image = torch.tensor(x, dtype=torch.float64).reshape(len(x), len(mean), 1, -1)
        return Case({"training": training, "momentum": 0.25, "eps": eps}, {"x": image, **tensors})

    return [
        case([[5], [1]], False, [1], [1]),
        case([[2], [4]], True, [0], [1]),
        case([[2, 10], [4, 12]], True, [0, 2], [1, 4]),
        _affine(case([[2], [4]], True, [0], [1])),
        case([[5, 1], [1, 1]], True, [0], [1], eps=1),
    ]


def _affine(case: Case) -> Case:
    tensors = case.tensors | {name: case.tensors[name] + 1 for name in ("weight", "bias")}
    return Case(case.scalars, tensors)


mistake = Mistakes(framework.batch_norm)


@mistake
def batch_in_evaluation(**given):
    """In evaluation it uses the statistics of the batch. Use the running ones there: otherwise the
    result for one image depends on the other images in its batch."""
    y = framework.batch_norm(**given | {"training": True})[0]
    return y, *framework.batch_norm(**given)[1:]


@mistake
def running_in_training(**given):
    """In training it uses the running statistics. Use the mean and variance of this batch there:
    only then is the output of this batch normalised."""
    y = framework.batch_norm(**given | {"training": False})[0]
    return y, *framework.batch_norm(**given)[1:]


@mistake
def momentum_swapped(momentum, **given):
    """The two shares are swapped. `momentum` is the share of the new batch, and it is small; the
    old statistic keeps the rest."""
    return framework.batch_norm(momentum=1 - momentum, **given)


@mistake
def updated_in_evaluation(**given):
    """The running statistics change in evaluation too. They change only in training: in evaluation,
    return the ones that were passed in."""
    y = framework.batch_norm(**given)[0]
    return y, *framework.batch_norm(**given | {"training": True})[1:]


@mistake
def biased_running(**given):
    """The running variance is updated with the variance that divides by the count. Update it with
    the unbiased one, which divides by the count minus 1."""
    y, mean, var = framework.batch_norm(**given)
    if given["training"]:
        fresh = var - (1 - given["momentum"]) * given["running_var"].detach()
        var = var - fresh / given["x"][:, 0].numel()
    return y, mean, var


@mistake
def unbiased_output(x, weight, training, eps, **given):
    """The output is normalised with the unbiased variance, which divides by the count minus 1.
    Normalise it with the one that divides by the count. The unbiased one is only for the running
    variance."""
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
    """It adds eps to the standard deviation. eps belongs to the variance, under the root."""
    spread = _spread(x, **given)
    return framework.batch_norm(x, weight * spread / (spread + eps), eps=TINY, **given)


@mistake
def root_missing(x, weight, eps, **given):
    """It divides by the variance. Divide by the root of it, the standard deviation: that brings the
    numbers to a scale of 1."""
    root = (_spread(x, **given) ** 2 + eps) ** 0.5
    return framework.batch_norm(x, weight / root, eps=eps, **given)


@mistake
def vector_along_width(x, running_mean, running_var, **given):
    """It combines one number for each channel with the width of the image, because torch lines up
    shapes from the last dimension. Give such a vector a height and a width of 1."""
    return x - running_mean, running_mean, running_var


@mistake
def no_weight(weight, **given):
    """The scale is missing: multiply the normalised numbers by `weight`."""
    return framework.batch_norm(weight=torch.ones_like(weight), **given)


@mistake
def one_statistic(x, weight, bias, running_mean, running_var, training, momentum, eps):
    """All channels share one mean and one variance. Each channel needs its own: average over
    images, height and width, and keep the channels apart."""
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
    """Scale and shift are missing: multiply the normalised numbers by `weight`, then add `bias`."""
    blank = {"weight": torch.ones_like(weight), "bias": torch.zeros_like(bias)}
    return framework.batch_norm(**blank, **given)


@mistake
def constant_statistics(**given):
    """It treats the mean and variance of the batch as constants. They depend on x, so part of the
    gradient of x goes through them. Detach only what goes into the running statistics."""
    y, *kept = framework.batch_norm(**given)
    if given["training"]:
        var, mean = torch.var_mean(given["x"].detach(), (0, 2, 3), correction=0)
        batch = {"running_mean": mean, "running_var": var, "training": False}
        y = framework.batch_norm(**given | batch)[0]
    return y, *kept


@mistake
def graph_kept(**given):
    """The running statistics are still connected to the graph of this batch. They are kept from one
    batch to the next, and every graph would stay in memory with them. Detach them."""
    y, mean, var = framework.batch_norm(**given)
    if given["training"]:
        batch_var, batch_mean = torch.var_mean(given["x"], (0, 2, 3))
        mean = mean + given["momentum"] * (batch_mean - batch_mean.detach())
        var = var + given["momentum"] * (batch_var - batch_var.detach())
    return y, mean, var


def _recounted(given: dict, count: int) -> tuple[Tensor, ...]:
    """Return the right answer, but with a running variance of another count of numbers."""
    y, mean, var = framework.batch_norm(**given)
    if given["training"]:
        kept = (1 - given["momentum"]) * given["running_var"].detach()
        numbers = given["x"][:, 0].numel()
        var = kept + (var - kept) * (numbers - 1) / numbers * count / (count - 1)
    return y, mean, var


@mistake
def images_counted(**given):
    """The running variance is corrected with the number of images. Each channel has n * h * w
    numbers: count those."""
    return _recounted(given, len(given["x"]))


@mistake
def all_counted(**given):
    """The running variance is corrected with the count of all numbers of x. Each channel has n * h
    * w of them: leave out the factor c."""
    return _recounted(given, given["x"].numel())


@mistake
def corrected_twice(**given):
    """The unbiased variance normalises the output and is then corrected once more. The output needs
    the variance that divides by the count, and only the running variance is corrected, once."""
    numbers = given["x"][:, 0].numel()
    _, mean, var = framework.batch_norm(**given)
    if given["training"]:
        var = var + given["momentum"] * given["x"].detach().var((0, 2, 3)) / (numbers - 1)
    return unbiased_output(**given)[0], mean, var


@mistake
def statistics_swapped(**given):
    """The running variance is returned before the running mean. The order is: y, mean, variance."""
    y, mean, var = framework.batch_norm(**given)
    return y, var, mean


@mistake
def batch_kept(**given):
    """In training it returns the statistics of this batch alone. Mix them with the old running
    ones: `momentum` is the share of the new batch."""
    y, mean, var = framework.batch_norm(**given)
    if given["training"]:
        var, mean = torch.var_mean(given["x"].detach(), (0, 2, 3), correction=0)
    return y, mean, var


@mistake
def never_updated(**given):
    """The running statistics never change. In training, return new ones, in which this batch has a
    share of `momentum`."""
    y = framework.batch_norm(**given)[0]
    return y, given["running_mean"], given["running_var"]


@mistake
def nothing_forgotten(**given):
    """The share of the batch is added to the whole old statistic. Only 1 - `momentum` of the old
    one is kept: otherwise the statistic would grow without end."""
    y, *kept = framework.batch_norm(**given)
    if given["training"]:
        old = given["running_mean"], given["running_var"]
        kept = [k + given["momentum"] * o.detach() for k, o in zip(kept, old, strict=True)]
    return y, *kept


@mistake
def momentum_unused(momentum, **given):
    """`momentum` is not used: the share of the new batch is always 0.1. Use the `momentum` that is
    passed in."""
    return framework.batch_norm(**given)


@mistake
def eps_unused(eps, **given):
    """`eps` is not used: it is always 1e-5. Add the `eps` that is passed in."""
    return framework.batch_norm(**given)


@mistake
def no_eps(eps, **given):
    """eps is missing. Add it to the variance, so that nothing is divided by zero."""
    return framework.batch_norm(eps=TINY, **given)


@mistake
def no_shift(bias, **given):
    """The shift is missing: add `bias` at the end."""
    return framework.batch_norm(bias=torch.zeros_like(bias), **given)


@mistake
def shift_scaled(weight, bias, **given):
    """The bias is added before the scale, so it is multiplied by `weight` too. Add it last."""
    return framework.batch_norm(weight=weight, bias=weight * bias, **given)


@mistake
def weight_and_bias_swapped(weight, bias, **given):
    """`weight` and `bias` are swapped: multiply by `weight`, then add `bias`."""
    return framework.batch_norm(weight=bias, bias=weight, **given)


@mistake
def not_centred(x, weight, running_mean, eps, **given):
    """The mean is not subtracted. Subtract it before you divide."""
    y, *kept = framework.batch_norm(x, weight, running_mean=running_mean, eps=eps, **given)
    mean = x.mean((0, 2, 3)) if given["training"] else running_mean.detach()
    scale = weight / (_spread(x, **given) ** 2 + eps) ** 0.5
    return y + (mean * scale)[:, None, None], *kept


@mistake
def modes_swapped(training, **given):
    """Training and evaluation are swapped. Use the statistics of the batch in training, and the
    running ones in evaluation."""
    return framework.batch_norm(training=not training, **given)


@mistake
def always_training(training, **given):
    """In evaluation it does the same as in training. In evaluation, use the running statistics and
    return them unchanged."""
    return framework.batch_norm(training=True, **given)


@mistake
def never_training(training, **given):
    """In training it does the same as in evaluation. In training, use the statistics of the batch
    and update the running ones."""
    return framework.batch_norm(training=False, **given)


@mistake
def updated_used(**given):
    """In training the output is normalised with the updated running statistics. Use the statistics
    of this batch alone; the running ones are for evaluation."""
    _, mean, var = framework.batch_norm(**given)
    kept = {"running_mean": mean, "running_var": var, "training": False}
    return framework.batch_norm(**given | kept)


@mistake
def corrected_upside_down(**given):
    """The correction of the running variance is upside down and makes it smaller. The unbiased
    variance is the larger one: it divides by the count minus 1."""
    y, mean, var = framework.batch_norm(**given)
    if given["training"]:
        kept = (1 - given["momentum"]) * given["running_var"].detach()
        numbers = given["x"][:, 0].numel()
        var = kept + (var - kept) * ((numbers - 1) / numbers) ** 2
    return y, mean, var


EXERCISE = Exercise(
    id="convolution.batch_norm",
    place=4,
    lesson=LESSON,
    title="Batch norm in training and in evaluation",
    points=4,
    minutes=20,
    name="batch_norm",
    reference=framework.batch_norm,
    cases=_norm_cases,
    small=_norm_small,
    mistakes=tuple(mistake),
    hints=(
        "In training, take mean and variance over images, height and width, for each channel. In "
        "evaluation, take the running ones. `x.var(dims, correction=0)` divides by the count, "
        "`correction=1` by the count minus 1. The first is for the output, the second for the "
        "running variance.",
        "Normalise: subtract the mean and divide by the root of variance + eps. Then multiply by "
        "weight and add bias. A vector over the channels fits an image as `v[:, None, None]`.",
        "The new running statistic is (1 - momentum) times the old one plus momentum times the "
        "batch's, detached. In evaluation return the old ones as they are. Change neither in "
        "place.",
    ),
    shortcuts=(NORMALISATION,),
    returns=("y", "running mean", "running variance"),
)
