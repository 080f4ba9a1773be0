"""Lesson 01: the exercises that are functions: a stack's matrix, gradients, a shortcut."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Shortcut, Wrong, integers, normal, pick
from convzoo.framework import resnet as framework

LESSON = "01_resnet"

# --- the matrix of a stack -------------------------------------------------------


def _stack_case(gen: Generator, layers: int, channels: int, scale: float) -> Case:
    return Case({"scale": scale}, {"weights": normal(gen, layers, channels, channels)})


def _stack_cases(gen: Generator) -> list[Case]:
    return [
        _stack_case(gen, 1, 4, 0.5),
        _stack_case(gen, 2, 3, 1.0),
        _stack_case(gen, pick(gen, [3, 4]), 5, 0.25),
        _stack_case(gen, 5, 2, -0.5),
    ]


def _stack_small() -> list[Case]:
    two = torch.tensor([[[0.0, 1], [2, 0]], [[1.0, 0], [3, 0]]], dtype=torch.float64)
    return [
        Case({"scale": 2}, {"weights": integers(1, 2, 2)}),
        Case({"scale": 1}, {"weights": two}),
        Case({"scale": 2}, {"weights": two}),
    ]


def _unit(weights: Tensor) -> Tensor:
    return torch.eye(weights.shape[-1], dtype=weights.dtype)


def _chain(weights: Tensor, layer) -> Tensor:
    """Layer after layer on the unit vectors, one a column; layer(w, y) gives the next y."""
    return reduce(lambda y, w: layer(w, y), weights, _unit(weights))


def _from_the_start(weights: Tensor, scale: float) -> Tensor:
    return _chain(weights, lambda w, y: _unit(weights) + scale * torch.mm(w, y))


RESIDUAL_STACK = Exercise(
    id="resnet.residual_stack",
    lesson=LESSON,
    title="The matrix of a residual stack",
    points=2,
    minutes=8,
    name="residual_stack",
    reference=framework.residual_stack,
    cases=_stack_cases,
    small=_stack_small,
    wrong=(
        Wrong(
            "reversed",
            "The layers act in the reverse order. Written as a product, the layer that acts "
            "first stands rightmost.",
            lambda weights, scale: framework.residual_stack(weights.flip(0), scale),
        ),
        Wrong(
            "plain",
            "That is the plain stack: nothing is added. Each layer hands on what it got, and "
            "its branch on top.",
            lambda weights, scale: _chain(weights, lambda w, y: scale * torch.mm(w, y)),
        ),
        Wrong(
            "added_to_all",
            "A one is added to every entry of a layer's matrix. What hands each channel on to "
            "itself has ones on the diagonal and zeros beside it.",
            lambda weights, scale: _chain(weights, lambda w, y: torch.mm(1 + scale * w, y)),
        ),
        Wrong(
            "first_order",
            "The branches are summed, each on the stack's input. A later layer reads what the "
            "earlier ones have added, too.",
            lambda weights, scale: _unit(weights) + scale * weights.sum(0),
        ),
        Wrong(
            "from_the_start",
            "Each layer adds the input of the whole stack. It adds its own input, which is what "
            "the layer before it gave.",
            _from_the_start,
        ),
        Wrong(
            "scaled_all",
            "The scale multiplies the input too. It belongs to the branch alone.",
            lambda weights, scale: scale ** len(weights) * framework.residual_stack(weights, 1),
        ),
        Wrong(
            "transposed",
            "Rows and columns are exchanged. Rows are outputs: a matrix multiplies from the left.",
            lambda weights, scale: framework.residual_stack(weights, scale).mT,
        ),
        Wrong(
            "cut_off",
            "The numbers are right, but the gradient does not come back to `weights`.",
            lambda weights, scale: framework.residual_stack(weights.detach(), scale),
        ),
    ),
    hints=(
        "Write one layer as a matrix first: the input once, and the branch's weights, scaled, on "
        "top. Which matrix hands every channel on unchanged?",
        "Begin with the matrix of no layer at all, which is `torch.eye` of the right size and "
        "dtype. Let each layer in turn multiply what there is so far, from the left.",
    ),
)

# --- what reaches the scale --------------------------------------------------------


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


def _spoilt_scale(spoil):
    """The framework's three gradients, and what is made of them and of the arguments."""

    def target(branch: Tensor, scale: Tensor, upstream: Tensor):
        found = framework.scale_gradients(branch, scale, upstream)
        return spoil(*found, branch, scale, upstream)

    return target


def _everywhere(scale: Tensor) -> Tensor:
    return scale[:, None, None]


SCALE_GRADIENTS = Exercise(
    id="resnet.scale_gradients",
    lesson=LESSON,
    title="What reaches the scale",
    points=2,
    minutes=10,
    name="scale_gradients",
    reference=framework.scale_gradients,
    cases=_scale_cases,
    small=_scale_small,
    returns=("for scale", "for branch", "for x"),
    wrong=(
        Wrong(
            "dead_at_zero",
            "The scale's gradient is multiplied by the scale. How much the sum changes when the "
            "scale does, depends on what it multiplies, not on how large it is now.",
            _spoilt_scale(lambda s, b, x, branch, scale, upstream: (s * scale, b, x)),
        ),
        Wrong(
            "mean",
            "The scale's gradient is averaged over images and pixels. One scale acts on all of "
            "them, so their shares are summed.",
            _spoilt_scale(
                lambda s, b, x, branch, scale, upstream: (s / branch[:, 0].numel(), b, x)
            ),
        ),
        Wrong(
            "no_branch",
            "The scale's gradient leaves out the branch: that is the gradient of a number that "
            "is added, a bias. The scale multiplies the branch.",
            _spoilt_scale(
                lambda s, b, x, branch, scale, upstream: (
                    torch.einsum("nchw->c", upstream), b, x,
                )
            ),
        ),
        Wrong(
            "no_upstream",
            "The scale's gradient leaves out what arrives from above: `upstream` is how much the "
            "loss changes with each number of y.",
            _spoilt_scale(
                lambda s, b, x, branch, scale, upstream: (torch.einsum("nchw->c", branch), b, x)
            ),
        ),
        Wrong(
            "one_number",
            "The scale's gradient is one number. There is one scale for each channel, so sum "
            "over images, rows and columns, and keep the channels apart.",
            _spoilt_scale(lambda s, b, x, branch, scale, upstream: (torch.sum(s), b, x)),
        ),
        Wrong(
            "branch_unscaled",
            "The branch gets the whole gradient. What arrives at it comes through the scale.",
            _spoilt_scale(
                lambda s, b, x, branch, scale, upstream: (s, upstream.clone(), x)
            ),
        ),
        Wrong(
            "x_scaled",
            "The gradient of x goes through the scale. On the way along the shortcut there is "
            "none: that is the point of it.",
            _spoilt_scale(
                lambda s, b, x, branch, scale, upstream: (s, b, _everywhere(scale) * x)
            ),
        ),
        Wrong(
            "x_twice",
            "The gradient of x has a share through the branch added. Here `branch` is given as "
            "it is; x reaches y by the shortcut alone.",
            _spoilt_scale(
                lambda s, b, x, branch, scale, upstream: (s, b, x + _everywhere(scale) * x)
            ),
        ),
    ),
    hints=(
        "One number first: y = x + s * b, and g arrives at y. Change s a little: by how much does "
        "y change, and so the loss? Then do the same for b, and for x.",
        "Three products of `upstream` with something, one of them with 1. A number that acts in "
        "many places gets the sum over all of those places: `.sum(dim=(0, 2, 3))` keeps the "
        "channels. `scale[:, None, None]` stands beside (n, c, h, w).",
    ),
    shortcuts=(
        Shortcut(
            "It asks autograd, which is what you are following by hand.",
            lambda op: False,  # without a graph of its own the gradients' check stops it already
            ("autograd", "backward"),
        ),
    ),
)

# --- a shortcut without parameters -------------------------------------------------


def _pad_case(gen: Generator, channels: int, out: int, stride: int, image) -> Case:
    x = normal(gen, 2, channels, *image)
    return Case({"out_channels": out, "stride": stride}, {"x": x})


def _pad_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [7, 8, 10])
    return [
        _pad_case(gen, 3, wide, 2, (5, 6)),
        _pad_case(gen, 2, 5, 1, (3, 4)),
        _pad_case(gen, 4, 4, 3, (7, 8)),
        _pad_case(gen, 4, 9, 2, (4, 4)),
    ]


def _pad_small() -> list[Case]:
    def case(channels: int, out: int, stride: int, *image: int) -> Case:
        x = integers(1, channels, *image)
        return Case({"out_channels": out, "stride": stride}, {"x": x})

    return [case(1, 3, 1, 1, 2), case(1, 1, 2, 3, 3), case(2, 4, 2, 2, 3)]


def _moved(zeros_before) -> object:
    """The framework's shortcut, with so many of its zero channels in front."""

    def target(x: Tensor, out_channels: int, stride: int) -> Tensor:
        y = framework.pad_shortcut(x, out_channels, stride)
        return y.roll(zeros_before(out_channels - x.shape[1]), 1)

    return target


def _repeated(x: Tensor, out_channels: int, stride: int) -> Tensor:
    again = x[:, torch.arange(out_channels) % x.shape[1]]
    return framework.pad_shortcut(again, out_channels, stride)


def _averaged(x: Tensor, out_channels: int, stride: int) -> Tensor:
    return framework.pad_shortcut(F.avg_pool2d(x, stride, ceil_mode=True), out_channels, 1)


def _rows_alone(x: Tensor, out_channels: int, stride: int) -> Tensor:
    unit = torch.eye(out_channels, x.shape[1], dtype=x.dtype)[..., None, None]
    return F.conv2d(x, unit, stride=(stride, 1))


def _columns_alone(x: Tensor, out_channels: int, stride: int) -> Tensor:
    return _rows_alone(x.mT, out_channels, stride).mT


def _pad_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    return _pad_case(gen, 2, 4, 2, (4, 4)), _pad_case(gen, 8, 16, 2, (4, 4))


PAD_SHORTCUT = Exercise(
    id="resnet.pad_shortcut",
    lesson=LESSON,
    title="A shortcut without parameters",
    points=2,
    minutes=8,
    name="pad_shortcut",
    reference=framework.pad_shortcut,
    cases=_pad_cases,
    small=_pad_small,
    wrong=(
        Wrong(
            "zeros_first",
            "The channels of zeros stand in front. They come behind the channels of `x`.",
            _moved(lambda missing: missing),
        ),
        Wrong(
            "zeros_around",
            "Half of the zero channels stand in front and half behind. All of them come behind.",
            _moved(lambda missing: missing // 2),
        ),
        Wrong(
            "repeated",
            "The channels of `x` are repeated until there are enough. The new ones are zero: the "
            "branch alone fills them.",
            _repeated,
        ),
        Wrong(
            "averaged",
            "Neighbouring pixels are averaged. The shortcut keeps one pixel of each stride and "
            "leaves out the others.",
            _averaged,
        ),
        Wrong(
            "second_pixel",
            "It begins with a later pixel. The first one that is kept is pixel 0, in height and "
            "in width.",
            lambda x, out_channels, stride: framework.pad_shortcut(
                x.roll((1 - stride, 1 - stride), (2, 3)), out_channels, stride
            ),
        ),
        Wrong(
            "rows_alone",
            "Only the rows are thinned out. The stride holds for height and width alike.",
            _rows_alone,
        ),
        Wrong(
            "columns_alone",
            "Only the columns are thinned out. The stride holds for height and width alike.",
            _columns_alone,
        ),
        Wrong(
            "cut_off",
            "The numbers are copied, but the gradient does not come back to `x`: and a way back "
            "for the gradient is what the shortcut is for.",
            lambda x, out_channels, stride: framework.pad_shortcut(
                x.detach(), out_channels, stride
            ),
        ),
    ),
    hints=(
        "Two steps. A slice with a step keeps pixels 0, s, 2s, ... of an axis. Then channels of "
        "zeros are put behind those that there are.",
        "`F.pad` takes pairs of numbers from the last axis to the first: two for the width, two "
        "for the height, two for the channels. Or `torch.cat` with zeros of the input's dtype.",
    ),
    shortcuts=(
        Shortcut(
            "It calls a convolution. This shortcut has nothing to multiply.",
            lambda op: op.name.startswith("aten.convolution"),
            ("conv2d", "Conv2d"),
        ),
    ),
    steady=_pad_steady,
    slow="The number of operations grows with the number of channels. One slice and one padding "
    "do for all of them.",
)
