"""Lesson 01: what reaches the scale."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, integers, normal, pick
from convzoo.exercises.shortcuts import AUTOGRAD, DERIVING
from convzoo.ideas.resnet import framework

LESSON = "01_resnet"


def _scale_case(gen: Generator, *shape: int, zero: bool = False) -> Case:
    scale = normal(gen, shape[1]) * (not zero)
    branch, upstream = normal(gen, *shape), normal(gen, *shape)
    return Case({}, {"branch": branch, "scale": scale, "upstream": upstream})


def _scale_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [4, 5])
    return [
        _scale_case(gen, 2, 3, 4, 5),
        _scale_case(gen, 1, wide, 2, 3, zero=True),
        _scale_case(gen, 3, 2, 1, 4),
        _scale_case(gen, 2, 6, 3, 3),
    ]


def _scale_small() -> list[Case]:
    def case(scale: list[float], *shape: int) -> Case:
        branch, upstream = integers(*shape), (integers(*shape) + 1) % 3 - 1
        given = {"branch": branch, "scale": torch.tensor(scale), "upstream": upstream}
        return Case({}, {name: value.double() for name, value in given.items()})

    return [case([0.0], 1, 1, 1, 2), case([2.0, 3.0], 1, 2, 1, 3), case([0.0, 2.0], 2, 2, 1, 2)]


def _everywhere(scale: Tensor) -> Tensor:
    return scale[:, None, None]


mistake = Mistakes(framework.scale_gradients)


@mistake
def dead_at_zero(branch, scale, upstream):
    """The scale's gradient is multiplied by the scale. How much the sum changes when the
    scale does, depends on what it multiplies, not on how large it is now."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale * scale, for_branch, for_x


@mistake
def mean(branch, scale, upstream):
    """The scale's gradient is averaged over images and pixels. One scale acts on all of them, so
    their shares are summed."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale / branch[:, 0].numel(), for_branch, for_x


@mistake
def no_branch(branch, scale, upstream):
    """The scale's gradient leaves out the branch: that is the gradient of a number that is added,
    a bias. The scale multiplies the branch."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return torch.einsum("nchw->c", upstream), for_branch, for_x


@mistake
def no_upstream(branch, scale, upstream):
    """The scale's gradient leaves out what arrives from above: `upstream` is how much the loss
    changes with each number of y."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return torch.einsum("nchw->c", branch), for_branch, for_x


@mistake
def one_number(branch, scale, upstream):
    """The scale's gradient is one number. There is one scale for each channel, so sum over
    images, rows and columns, and keep the channels apart."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return torch.sum(for_scale), for_branch, for_x


@mistake
def each_image(branch, scale, upstream):
    """There is a row for each image. The same scale acts on every image, so its gradient is
    summed over the images too."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return torch.einsum("nchw,nchw->nc", upstream, branch), for_branch, for_x


@mistake
def not_summed(branch, scale, upstream):
    """The scale's gradient is not summed. One number acts at every pixel of every image, and
    gets all of their shares."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return upstream * branch, for_branch, for_x


@mistake
def axes_kept(branch, scale, upstream):
    """The sums are right, but three axes of length 1 are kept. `scale` has one axis, and so has
    its gradient."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale.view(1, -1, 1, 1), for_branch, for_x


@mistake
def along_the_width(branch, scale, upstream):
    """Torch compares shapes from the last axis on, so c numbers beside (n, c, h, w) are taken
    for a row of the image. They need two axes of length 1 behind their own."""
    for_scale, _, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, scale * for_x, for_x


@mistake
def exchanged(branch, scale, upstream):
    """The gradients of the branch and of x are exchanged. The order is: scale, branch, x."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, for_x, for_branch


@mistake
def slope_alone(branch, scale, upstream):
    """The branch's gradient leaves out what arrives from above. The scale says how much y changes
    with the branch; how much the loss changes with y, `upstream` says."""
    for_scale, _, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, _everywhere(scale).expand_as(branch), for_x


@mistake
def branch_unscaled(branch, scale, upstream):
    """The branch gets the whole gradient. What arrives at it comes through the scale."""
    for_scale, _, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, upstream.clone(), for_x


@mistake
def x_scaled(branch, scale, upstream):
    """The gradient of x goes through the scale. On the way along the shortcut there is none: that
    is the point of it."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, for_branch, _everywhere(scale) * for_x


@mistake
def x_twice(branch, scale, upstream):
    """The gradient of x has a share through the branch added. Here `branch` is given as it is;
    x reaches y by the shortcut alone."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, for_branch, for_x + _everywhere(scale) * for_x


EXERCISE = Exercise(
    id="resnet.scale_gradients",
    place=3,
    lesson=LESSON,
    title="What reaches the scale",
    points=2,
    minutes=10,
    name="scale_gradients",
    reference=framework.scale_gradients,
    cases=_scale_cases,
    small=_scale_small,
    returns=("for scale", "for branch", "for x"),
    mistakes=tuple(mistake),
    hints=(
        "One number first: y = x + s * b, and g arrives at y. Change s a little: by how much does "
        "y change, and so the loss? Then do the same for b, and for x.",
        "Three products of `upstream` with something, one of them with 1. A number that acts in "
        "many places gets the sum over all of those places: `.sum(dim=(0, 2, 3))` keeps the "
        "channels. `scale[:, None, None]` stands beside (n, c, h, w).",
    ),
    shortcuts=(
        Shortcut("It asks autograd, which is what you are following by hand.", AUTOGRAD, DERIVING),
    ),
)
