"""Lesson 04: the paper's gate."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, normal, pick
from convzoo.ideas.senet import framework
from convzoo.ideas.senet.exercises.lecture_gate import HELD_STILL, RETURNS, UNALIGNED, rescale

LESSON = "04_senet"


def _paper_case(gen: Generator, n: int, c: int, m: int, image: tuple[int, int]) -> Case:
    weights = {
        "w1": normal(gen, m, c),
        "b1": normal(gen, m),
        "w2": normal(gen, c, m),
        "b2": normal(gen, c),
    }
    return Case({}, {"x": normal(gen, n, c, *image)} | weights)


def _paper_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [6, 7, 9])
    return [
        _paper_case(gen, 2, 4, 2, (3, 5)),
        _paper_case(gen, 3, wide, 3, (4, 2)),
        _paper_case(gen, 1, 5, 4, (2, 3)),
        _paper_case(gen, 4, 3, 1, (5, 4)),
    ]


def _paper_small() -> list[Case]:
    def case(first: float, b1: float) -> Case:
        def rows(*values):
            return torch.tensor(values, dtype=torch.float64)

        x = rows([[1.0, 3.0]], [[2.0, 6.0]])[None]  # means 2 and 4
        w1, w2 = rows([first, 0.0]), rows([9.0], [-9.0])
        b2 = rows(-18.0, 0.0)
        return Case({}, {"x": x, "w1": w1, "b1": rows(b1), "w2": w2, "b2": b2})

    turned = case(1.0, 0.0)  # two middle numbers, and weights that their transposes are not
    turned.tensors.update(
        w1=torch.tensor([[0.0, 1.0], [0.0, 0.0]]).double(),
        b1=torch.zeros(2).double(),
        w2=torch.tensor([[4.0, 0.0], [-5.0, 0.0]]).double(),
        b2=torch.tensor([-16.0, 0.0]).double(),
    )
    two = case(1.0, 0.0)
    two.tensors["x"] = torch.cat([two.tensors["x"], 2 * two.tensors["x"]])
    return [case(1.0, 0.0), case(-1.0, 0.0), case(0.0, 2.0), turned, two]


def _gates(x: Tensor, **weights: Tensor) -> Tensor:
    """Return the framework's gates, (n, c)."""
    return framework.squeeze_excite(x, **weights)[1]


def _with(x: Tensor, weights: dict[str, Tensor], **layers: nn.Module) -> tuple[Tensor, Tensor]:
    """Return what torchvision's gate gives with other layers in it.

    layers: by their place: avgpool, activation (between the two), scale_activation (at the end).
    """
    module = framework.Gates(**weights)
    for place, layer in layers.items():
        setattr(module, place, layer)
    return module(x)


mistake = Mistakes(framework.squeeze_excite)


@mistake
def summed(x, w1, **weights):
    """The pixels are summed. The squeeze is their mean, so that the gate does not grow with the
    size of the image."""
    return framework.squeeze_excite(x, w1 * x[0, 0].numel(), **weights)


@mistake
def largest(x, **weights):
    """The squeeze takes the largest pixel of each channel. The paper takes the mean."""
    return _with(x, weights, avgpool=nn.AdaptiveMaxPool2d(1))


@mistake
def no_relu(x, **weights):
    """There is no ReLU between the two layers. Without it, the two can do no more than one linear
    layer."""
    return _with(x, weights, activation=nn.Identity())


@mistake
def softmax(x, **weights):
    """The gates of an image sum to one: that is a softmax, as in the lecture's gate. The paper's
    sigmoid gives each channel a gate that does not depend on the others."""
    return _with(x, weights, scale_activation=nn.Softmax(1))


@mistake
def no_sigmoid(x, **weights):
    """The sigmoid at the end is missing, so the gates are not limited to the range from 0 to 1."""
    return _with(x, weights, scale_activation=nn.Identity())


@mistake
def relu_last(x, **weights):
    """There is a ReLU before the sigmoid, so no gate falls below one half. The ReLU belongs only
    between the two layers."""
    return _with(x, weights, scale_activation=nn.Sequential(nn.ReLU(), nn.Sigmoid()))


@mistake
def no_biases(x, w1, b1, w2, b2):
    """The biases are not used. Both layers have one: add `b1` and `b2`."""
    return framework.squeeze_excite(x, w1, b1 * 0, w2, b2 * 0)


@mistake
def no_first_bias(x, w1, b1, w2, b2):
    """The first layer's bias is not used. Add `b1`."""
    return framework.squeeze_excite(x, w1, b1 * 0, w2, b2)


@mistake
def no_second_bias(x, w1, b1, w2, b2):
    """The second layer's bias is not used. Add `b2`."""
    return framework.squeeze_excite(x, w1, b1, w2, b2 * 0)


@mistake
def added(x, **weights):
    """The image is added to the rescaled image. The gate only rescales; the addition of a residual
    block comes later."""
    rescaled, gates = framework.squeeze_excite(x, **weights)
    return x + rescaled, gates


@mistake
def each_pixel(x, **weights):
    """Every pixel has its own gate: the mean over the image is missing, so a gate knows nothing
    about the other pixels."""
    pixels = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1], 1, 1)  # each an image of its own
    gates = _gates(pixels, **weights).reshape(len(x), *x.shape[2:], -1)
    return rescale(x, gates.permute(0, 3, 1, 2))


@mistake
def not_applied(x, **weights):
    """The gates are right, but the image comes back unchanged. Multiply it by the gates."""
    return x.clone(), _gates(x, **weights)


@mistake
def sigmoid_twice(x, **weights):
    """There is a sigmoid after the first layer too. Between the two layers there should be a
    ReLU."""
    return _with(x, weights, activation=nn.Sigmoid())


@mistake
def exchanged(x, **weights):
    """The two activations are swapped. The ReLU comes between the layers, the sigmoid at the
    end."""
    return _with(x, weights, activation=nn.Sigmoid(), scale_activation=nn.ReLU())


@mistake
def relu_at_the_end(x, **weights):
    """There is a ReLU at the end instead of the sigmoid, so a gate can be larger than 1."""
    return _with(x, weights, scale_activation=nn.ReLU())


@mistake
def relu_first(x, **weights):
    """The ReLU comes before the first layer. It belongs between the two layers."""
    first = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.ReLU())
    return _with(x, weights, avgpool=first, activation=nn.Identity())


@mistake
def linear(x, **weights):
    """The ReLU between the two layers is missing, and so is the sigmoid at the end."""
    return _with(x, weights, activation=nn.Identity(), scale_activation=nn.Identity())


@mistake
def one_minus(x, **weights):
    """Each gate is one minus the right one, as if a sign in the sigmoid were wrong. A gate should
    grow with the input of its sigmoid."""
    return rescale(x, 1 - _gates(x, **weights))


@mistake
def over_the_batch(x, **weights):
    """The mean runs over the images too, so all of them get the same gates. Average over height and
    width only."""
    return rescale(x, _gates(x.mean(0, keepdim=True), **weights).expand(len(x), -1))


@mistake
def without_images(x, **weights):
    """The mean runs over the images too, so the dimension of the images is lost. Average over
    height and width only: each image needs a row of gates of its own."""
    return _gates(x.mean(0, keepdim=True), **weights)[0][:, :]  # it raises


@mistake
def reshaped(x, w1, w2, **weights):
    """The weights are reshaped to fit. A reshape puts their numbers in other places: transpose
    them."""
    w1, w2 = w1.reshape(w1.mT.shape).mT, w2.reshape(w2.mT.shape).mT
    return framework.squeeze_excite(x, w1=w1, w2=w2, **weights)


@mistake
def gates_added(x, **weights):
    """The gates are added to the image. They should rescale it: multiply."""
    gates = _gates(x, **weights)
    return gates[..., None, None] + x, gates


@mistake
def before_the_sigmoid(x, **weights):
    """The image is right, but the gates that are returned are those before the sigmoid. Return what
    the image was multiplied by."""
    rescaled, gates = framework.squeeze_excite(x, **weights)
    return rescaled, gates.logit()


@mistake
def means_returned(x, **weights):
    """The image is right, but the second result is the means of the channels. Return the gates."""
    return framework.squeeze_excite(x, **weights)[0], x.mean((2, 3))


@mistake
def not_transposed(x, w1, **weights):
    """The means are (n, c), a row for each image, and `w1` is (m, c): in a matrix product of the
    two the sizes do not fit. Multiply the rows by the transposed weight, as `F.linear` does."""
    return x.mean((2, 3)).mm(w1), x  # it raises


mistake.add(
    "held_still", HELD_STILL, lambda x, **weights: rescale(x, _gates(x, **weights).detach())
)
mistake.add(
    "unaligned",
    UNALIGNED,
    lambda x, **weights: (x.mul(_gates(x, **weights)), x),  # it raises
)


EXERCISE = Exercise(
    id="senet.squeeze_excite",
    place=3,
    lesson=LESSON,
    title="The paper's gate",
    points=4,
    minutes=12,
    name="squeeze_excite",
    reference=framework.squeeze_excite,
    cases=_paper_cases,
    small=_paper_small,
    returns=RETURNS,
    mistakes=tuple(mistake),
    hints=(
        "Five steps: the mean over the pixels, a layer down to m numbers, ReLU, a layer back to c "
        "numbers, sigmoid. Then the image times the gates.",
        "The mean runs over the last two dimensions and leaves (n, c). A layer multiplies these "
        "rows by the transposed weight and adds the bias: `F.linear` does both.",
        "The gates are (n, c) and the image is (n, c, h, w): give the gates two dimensions of "
        "size one at the end before you multiply.",
    ),
    shortcuts=(
        Shortcut(
            "It calls torchvision's `SqueezeExcitation`, which is what you are building.",
            modules=("torchvision", "timm"),
        ),
    ),
)
