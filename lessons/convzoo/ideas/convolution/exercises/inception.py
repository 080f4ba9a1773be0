"""Lesson 00, Further: the Inception block."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Mistake, module_case, normal, pick, small_module_case
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
    mistakes=(
        Mistake(
            "other_order",
            "Two of the branches are concatenated in another order. The order is 1x1, 3x3, 5x5, "
            "pool: the next layer's weights know it.",
            _Ordered,
        ),
        Mistake(
            "average_pool",
            "The fourth branch takes means. The paper takes the largest value of 3 x 3 pixels.",
            _AveragePool,
        ),
        Mistake("no_pool", "The fourth branch has no pool: a second 1x1 is left.", _NoPool),
        Mistake(
            "pool_after",
            "The pool of the fourth branch comes behind its 1x1. It comes first.",
            _PoolAfter,
        ),
        Mistake(
            "zeros_pooled",
            "The pool sees zeros beyond the border, and where all pixels are negative a zero is "
            "the largest. The pool's own padding lets the border take no part.",
            _ZeroPaddedPool,
        ),
        Mistake(
            "pool_stride",
            "The pool shrinks the image: unless told, its stride is its kernel size. Here the "
            "branches must keep height and width.",
            _PoolStride,
        ),
        Mistake("small_kernel", "The third branch has a 3x3. Its kernel is `large`.", _SmallKernel),
        Mistake(
            "reductions_swapped",
            "The widths of the two reductions are exchanged: the first is the 3x3's, the second "
            "is the one of the large kernel.",
            _ReductionsSwapped,
        ),
        Mistake(
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
