"""Lesson 00, Further: the Inception block."""

from __future__ import annotations

import torch
from torch import Generator, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes, change_output, unpad
from convzoo.exercises.model import Exercise, module_case, normal, pick, small_module_case
from convzoo.exercises.shortcuts import TORCHVISION
from convzoo.ideas.convolution import framework

LESSON = "00_convolution"

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


mistake = Mistakes(framework.Inception)


@mistake
def other_order(**settings):
    """Two of the branches are concatenated in another order. The order is 1x1, 3x3, 5x5, pool:
    the next layer's weights know it."""
    block = framework.Inception(**settings)
    in_order = block._forward
    block._forward = lambda x: [in_order(x)[k] for k in (0, 1, 3, 2)]
    return block


def _with_pool(pool: nn.Module, settings: dict) -> nn.Module:
    """Return the framework's block with another layer where the fourth branch has its pool."""
    block = framework.Inception(**settings)
    block.branch4[0] = pool
    return block


@mistake
def average_pool(**settings):
    """The fourth branch takes means. The paper takes the largest value of 3 x 3 pixels."""
    return _with_pool(nn.AvgPool2d(3, 1, 1), settings)


@mistake
def no_pool(**settings):
    """The fourth branch has no pool: a second 1x1 is left."""
    return _with_pool(nn.Identity(), settings)


@mistake
def pool_after(**settings):
    """The pool of the fourth branch comes behind its 1x1. It comes first."""
    block = _with_pool(nn.Identity(), settings)
    return change_output(block, "branch4", lambda y: F.max_pool2d(y, 3, 1, 1))


@mistake
def zeros_pooled(**settings):
    """The pool sees zeros beyond the border, and where all pixels are negative a zero is the
    largest. The pool's own padding lets the border take no part."""
    return _with_pool(nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(3, 1)), settings)


@mistake
def pool_stride(**settings):
    """The pool shrinks the image: unless told, its stride is its kernel size. Here the branches
    must keep height and width."""
    return _with_pool(nn.MaxPool2d(3, padding=1), settings)


@mistake
def small_kernel(large, **widths):
    """The third branch has a 3x3. Its kernel is `large`."""
    return framework.Inception(large=3, **widths)


@mistake
def reductions_swapped(ch3x3red, ch5x5red, **settings):
    """The widths of the two reductions are exchanged: the first is the 3x3's, the second is the
    one of the large kernel."""
    return framework.Inception(ch3x3red=ch5x5red, ch5x5red=ch3x3red, **settings)


@mistake
def no_padding(**settings):
    """A branch shrinks the image. To keep height and width a kernel of k needs a padding of half
    of k, rounded down."""
    return unpad(framework.Inception(**settings), "branch2.1.conv", "branch3.1.conv")


EXERCISE = Exercise(
    id="convolution.inception",
    place=5,
    lesson=LESSON,
    title="The Inception block",
    points=4,
    minutes=15,
    name="Inception",
    reference=framework.Inception,
    cases=_block_cases,
    small=_block_small,
    mistakes=tuple(mistake),
    hints=(
        "Four branches over the same x. `self.branch1` is one `BasicConv2d`, the other three are "
        "an `nn.Sequential` of two layers each: so the names come out right.",
        "Branches 2 and 3: a 1x1 down to the reduction, then the kernel with a padding of half "
        "of it, rounded down. Branch 4: a max pool of 3 with stride 1 and padding 1, then a "
        "1x1. The channels are dimension 1.",
    ),
    shortcuts=(TORCHVISION,),
)
