"""Lesson 01: the gradients of a scaled branch."""

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
    """The gradient of the scale is multiplied by the scale. How much y changes with the scale
    depends on what the scale multiplies, not on how large the scale is now."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale * scale, for_branch, for_x


@mistake
def mean(branch, scale, upstream):
    """The gradient of the scale is averaged over images and pixels. One scale acts on all of them,
    so add up their contributions."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale / branch[:, 0].numel(), for_branch, for_x


@mistake
def no_branch(branch, scale, upstream):
    """The gradient of the scale leaves out the branch. This would be the gradient of a bias, a
    number that is added. The scale multiplies the branch."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return torch.einsum("nchw->c", upstream), for_branch, for_x


@mistake
def no_upstream(branch, scale, upstream):
    """The gradient of the scale leaves out `upstream`, which says how much the loss changes with
    each number of y."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return torch.einsum("nchw->c", branch), for_branch, for_x


@mistake
def one_number(branch, scale, upstream):
    """The gradient of the scale is one number. There is one scale for each channel: sum over
    images, rows and columns, and keep the channels apart."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return torch.sum(for_scale), for_branch, for_x


@mistake
def each_image(branch, scale, upstream):
    """The gradient of the scale has a row for each image. The same scale acts on every image, so
    sum over the images too."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return torch.einsum("nchw,nchw->nc", upstream, branch), for_branch, for_x


@mistake
def not_summed(branch, scale, upstream):
    """The gradient of the scale is not summed. One number acts at every pixel of every image, so
    add up the contributions of all of them."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return upstream * branch, for_branch, for_x


@mistake
def axes_kept(branch, scale, upstream):
    """The sums are right, but three dimensions of length 1 are kept. `scale` has one dimension, and
    so does its gradient."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale.view(1, -1, 1, 1), for_branch, for_x


@mistake
def along_the_width(branch, scale, upstream):
    """Torch lines up shapes from the last dimension, so the c numbers of the scale meet the width
    of (n, c, h, w). Give them two dimensions of length 1 at the end."""
    for_scale, _, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, scale * for_x, for_x


@mistake
def exchanged(branch, scale, upstream):
    """The gradients of the branch and of x are swapped. The order is: scale, branch, x."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, for_x, for_branch


@mistake
def slope_alone(branch, scale, upstream):
    """The gradient of the branch leaves out `upstream`. The scale says how much y changes with the
    branch; `upstream` says how much the loss changes with y."""
    for_scale, _, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, _everywhere(scale).expand_as(branch), for_x


@mistake
def scale_as_it_is(branch, scale, upstream):
    """The gradient of the branch is the scale alone, one number for each channel. The branch has a
    number at each pixel, and so does its gradient: `upstream`, times the scale of the channel."""
    for_scale, _, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, scale.clone(), for_x


@mistake
def branch_unscaled(branch, scale, upstream):
    """The branch gets all of `upstream`. In y the branch is multiplied by the scale, and so is its
    gradient."""
    for_scale, _, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, upstream.clone(), for_x


@mistake
def x_scaled(branch, scale, upstream):
    """The gradient of x is multiplied by the scale. There is no scale on the shortcut: that is the
    point of it."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, for_branch, _everywhere(scale) * for_x


@mistake
def x_twice(branch, scale, upstream):
    """The gradient of x also contains a part that came through the branch. `branch` is given here,
    so x reaches y only through the shortcut."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, for_branch, for_x + _everywhere(scale) * for_x


@mistake
def x_ones(branch, scale, upstream):
    """The gradient of x leaves out `upstream`. y changes as much as x does, and `upstream`
    says how much the loss changes with y."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, for_branch, torch.ones_like(for_x)


@mistake
def sums_multiplied(branch, scale, upstream):
    """For the scale, two sums are multiplied. At each pixel the scale meets one number of the
    branch and one of `upstream`: multiply first, then sum."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    sums = [torch.einsum("nchw->c", t) for t in (upstream, branch)]
    return sums[0] * sums[1], for_branch, for_x


@mistake
def mean_of_images(branch, scale, upstream):
    """The gradient of the scale is averaged over the images. One scale acts on all of them, so sum
    over them too."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale / len(branch), for_branch, for_x


@mistake
def mean_of_pixels(branch, scale, upstream):
    """The gradient of the scale is averaged over the pixels. One scale acts on all of them, so sum
    over them too."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale / branch[0, 0].numel(), for_branch, for_x


@mistake
def branch_by_itself(branch, scale, upstream):
    """The gradient of the branch is multiplied by the branch. In y the branch is multiplied by the
    scale, so that is what its gradient is multiplied by."""
    for_scale, _, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, branch * for_x, for_x


@mistake
def pixels_apart(branch, scale, upstream):
    """The gradient of the scale has a number for each pixel. The same scale acts at every pixel, so
    sum over rows and columns too."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return torch.einsum("nchw,nchw->chw", upstream, branch), for_branch, for_x


@mistake
def channels_summed(branch, scale, upstream):
    """The gradient of the scale has a number for each image. There is one scale for each channel:
    sum over images, rows and columns, and keep the channels, which are dimension 1."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return torch.einsum("nchw,nchw->n", upstream, branch), for_branch, for_x


@mistake
def branch_first(branch, scale, upstream):
    """The gradient of the branch is returned first. The order is: scale, branch, x."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_branch, for_scale, for_x


@mistake
def x_first(branch, scale, upstream):
    """The gradient of x is returned first. The order is: scale, branch, x."""
    for_scale, for_branch, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_x, for_scale, for_branch


@mistake
def upstream_for_scale_alone(branch, scale, upstream):
    """Only the gradient of the scale uses `upstream`. It says how much the loss changes with y, and
    the branch and x also act through y."""
    for_scale, _, for_x = framework.scale_gradients(branch, scale, upstream)
    return for_scale, _everywhere(scale).expand_as(branch), torch.ones_like(for_x)


@mistake
def no_upstream_at_all(branch, scale, upstream):
    """All three gradients leave out `upstream`, so they are gradients of y, not of the loss.
    `upstream` is a factor of each of them."""
    _, for_branch, for_x = framework.scale_gradients(branch, scale, torch.ones_like(upstream))
    return torch.einsum("nchw->c", branch), for_branch, for_x


EXERCISE = Exercise(
    id="resnet.scale_gradients",
    place=3,
    lesson=LESSON,
    title="The gradients of a scaled branch",
    points=2,
    minutes=10,
    name="scale_gradients",
    reference=framework.scale_gradients,
    cases=_scale_cases,
    small=_scale_small,
    returns=("for scale", "for branch", "for x"),
    mistakes=tuple(mistake),
    hints=(
        "Take one number first: y = x + s * b, and its gradient is g. Change s a little: by how "
        "much does y change, and so the loss? Then do the same for b, and for x.",
        "All three are `upstream` times something, once times 1. If a number acts in many places, "
        "its gradient is the sum over all of them: `.sum(dim=(0, 2, 3))` keeps the channels. "
        "`scale[:, None, None]` fits (n, c, h, w).",
    ),
    shortcuts=(
        Shortcut(
            "It calls autograd, but here you work out the gradients by hand.", AUTOGRAD, DERIVING
        ),
    ),
)
