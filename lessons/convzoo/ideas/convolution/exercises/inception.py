"""Lesson 00, Further: the Inception block."""

from __future__ import annotations

import torch
from torch import Generator, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes, change_input, change_output, unpad
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
        _block_case(gen, (3, 2, 3, wide, 2, 3, 2), (6, 5), 5),
        _block_case(gen, (4, 3, 2, 4, 3, 2, 5), (4, 7), 3, training=True),
        _block_case(gen, (5, 1, 4, 3, 2, 4, 5), (5, 5), 5),
        _block_case(gen, (2, 3, 4, 2, 4, 1, 3), (1, 1), 3),
    ]


def _block_small() -> list[Case]:
    """Return cases with negative pixels and 1x1 layers of -1: they show the pool and its border."""

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
        case((1, 1, 1, 1, 1, 1, 1), (1, 3), 5),
    ]


mistake = Mistakes(framework.Inception)


@mistake
def other_order(**settings):
    """Two branches are concatenated in the wrong order. The order is 1x1, 3x3, 5x5, pool: the
    weights of the next layer depend on it."""
    block = framework.Inception(**settings)
    in_order = block._forward
    block._forward = lambda x: [in_order(x)[k] for k in (0, 1, 3, 2)]
    return block


def _with_pool(pool: nn.Module, settings: dict) -> nn.Module:
    """Return the framework's block with another layer in place of the fourth branch's pool."""
    block = framework.Inception(**settings)
    block.branch4[0] = pool
    return block


@mistake
def average_pool(**settings):
    """The fourth branch takes the mean of 3 x 3 pixels. In the paper it takes the largest of
    them."""
    return _with_pool(nn.AvgPool2d(3, 1, 1), settings)


@mistake
def no_pool(**settings):
    """The pool of the fourth branch is missing. Without it the branch is a second 1x1 layer."""
    return _with_pool(nn.Identity(), settings)


@mistake
def pool_after(**settings):
    """In the fourth branch the pool comes after the 1x1. The pool should come first."""
    block = _with_pool(nn.Identity(), settings)
    return change_output(block, "branch4", lambda y: F.max_pool2d(y, 3, 1, 1))


@mistake
def zeros_pooled(**settings):
    """The pool sees zeros beyond the border: where all pixels are negative, such a zero is the
    largest. Use the padding of the pool itself, which ignores the border."""
    return _with_pool(nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(3, 1)), settings)


@mistake
def pool_stride(**settings):
    """The pool shrinks the image: its stride equals its kernel size unless you pass another. Every
    branch has to keep height and width."""
    return _with_pool(nn.MaxPool2d(3, padding=1), settings)


@mistake
def small_kernel(large, **widths):
    """The kernel of the third branch is always 3. It should be `large`."""
    return framework.Inception(large=3, **widths)


@mistake
def reductions_swapped(ch3x3red, ch5x5red, **settings):
    """The widths of the two reductions are swapped: `ch3x3red` is for the 3x3, `ch5x5red` for the
    large kernel."""
    return framework.Inception(ch3x3red=ch5x5red, ch5x5red=ch3x3red, **settings)


@mistake
def no_padding(**settings):
    """A branch shrinks the image. To keep height and width, a kernel of size k needs a padding of
    half of k, rounded down."""
    return unpad(framework.Inception(**settings), "branch2.1.conv", "branch3.1.conv")


@mistake
def large_pool(large, **widths):
    """The pool of the fourth branch has the size of the large kernel. It is a pool of 3 x 3 pixels
    in every block."""
    return _with_pool(nn.MaxPool2d(large, 1, large // 2), {"large": large, **widths})


@mistake
def all_pooled(**settings):
    """All branches read the pooled image. The pool belongs to the fourth branch alone; the others
    read x itself."""
    block = _with_pool(nn.Identity(), settings)
    return change_input(block, lambda x: F.max_pool2d(x, 3, 1, 1))


@mistake
def pool_unpadded(**settings):
    """The pool shrinks the image: it has no padding. Every branch has to keep height and width."""
    return _with_pool(nn.MaxPool2d(3, 1), settings)


@mistake
def large_unpadded(**settings):
    """The third branch shrinks the image. To keep height and width, its large kernel needs a
    padding of half of it, rounded down."""
    return unpad(framework.Inception(**settings), "branch3.1.conv")


def _pad_large(padding: int, settings: dict) -> nn.Module:
    block = framework.Inception(**settings)
    block.branch3[1].conv.padding = (padding, padding)
    return block


@mistake
def always_padded_by_two(**settings):
    """The third branch always has a padding of 2, which fits only a kernel of 5. The padding
    depends on `large`: half of it, rounded down."""
    return _pad_large(2, settings)


@mistake
def always_padded_by_one(**settings):
    """The third branch always has a padding of 1, which fits only a kernel of 3. The padding
    depends on `large`: half of it, rounded down."""
    return _pad_large(1, settings)


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
        "All four branches read the same x. `self.branch1` is one `BasicConv2d`; each of the "
        "others is an `nn.Sequential` of two layers. Then the names are right.",
        "Branches 2 and 3: a 1x1 to the reduced width, then the larger kernel with a padding of "
        "half of it, rounded down. Branch 4: a max pool of 3 with stride 1 and padding 1, then a "
        "1x1. Channels are dimension 1.",
    ),
    shortcuts=(TORCHVISION,),
)
