"""Lesson 03: the exercises of DenseNet's core, a growing matrix, a layer, a block."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.densenet_asks import PREDICTIONS, QUESTIONS
from convzoo.exercises.densenet_further import FURTHER
from convzoo.exercises.model import (
    Exercise, Shortcut, Wrong, integers, module_case, normal, pick, small_module_case,
)  # fmt: skip
from convzoo.framework import densenet as framework

LESSON = "03_densenet"

# --- the growing matrix ----------------------------------------------------------


def _grow_case(gen: Generator, c0: int, c: int, k: int) -> Case:
    return Case({}, {"matrix": normal(gen, c, c0), "weight": normal(gen, k, c)})


def _grow_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [5, 6, 7])
    shapes = [(4, 4, 4), (3, wide, 2), (2, 5, 3), (4, 4, 2), (5, 8, 1)]
    return [_grow_case(gen, *shape) for shape in shapes]


def _grow_small() -> list[Case]:
    first = {"matrix": torch.eye(2, dtype=torch.float64), "weight": integers(2, 2)}
    later = {"matrix": integers(3, 2), "weight": integers(2, 3)}
    return [Case({}, first), Case({}, later)]


def _grow_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    return _grow_case(gen, 3, 4, 2), _grow_case(gen, 3, 9, 6)


def _new_on_top(matrix: Tensor, weight: Tensor) -> Tensor:
    return framework.grow(matrix, weight).roll(len(weight), 0)


def _as_they_are(matrix: Tensor, weight: Tensor) -> Tensor:
    width = matrix.shape[1]
    return torch.vstack((matrix, F.pad(weight, (0, width))[:, :width]))


def _added(matrix: Tensor, weight: Tensor) -> Tensor:
    new = F.linear(weight, matrix.mT)
    return matrix + F.pad(new, (0, 0, 0, len(matrix) - len(new)))


GROW = Exercise(
    id="densenet.grow",
    lesson=LESSON,
    title="A matrix that grows",
    points=2,
    minutes=8,
    name="grow",
    reference=framework.grow,
    cases=_grow_cases,
    small=_grow_small,
    wrong=(
        Wrong(
            "new_on_top",
            "The new rows stand on top. The channels that are there keep their places, and the "
            "new ones come below.",
            _new_on_top,
        ),
        Wrong(
            "as_they_are",
            "The new rows are the weight as it is. A weight reads the channels that are there "
            "by now, and each of those is itself a row over x: the two must be multiplied.",
            _as_they_are,
        ),
        Wrong(
            "from_the_identity",
            "The old rows are those of the identity. That is right for the first layer alone: "
            "later the channels that are there are no longer x.",
            lambda matrix, weight: torch.vstack(
                (torch.eye(*matrix.shape, dtype=matrix.dtype), F.linear(weight, matrix.mT))
            ),
        ),
        Wrong(
            "added",
            "The new rows are added to old ones, as a residual layer does. Here nothing is "
            "added: the old rows stay, and the matrix gets higher.",
            _added,
        ),
        Wrong(
            "only_new",
            "Only the new rows are there. DenseNet keeps the old ones above them.",
            lambda matrix, weight: F.linear(weight, matrix.mT),
        ),
        Wrong(
            "upside_down",
            "The new rows are in reverse order.",
            lambda matrix, weight: framework.grow(matrix, weight.flip(0)),
        ),
        Wrong(
            "cut_off",
            "The new rows are copied in a way that lets no gradient back to the weight.",
            lambda matrix, weight: framework.grow(matrix, weight.detach()),
        ),
    ),
    hints=(
        "How large is the result? All rows that are there, and one more for each row of the "
        "weight; as many columns as before.",
        "The old rows come first and stay as they are. What does a new channel read? Channels, "
        "of which row i of `matrix` says what they are made of.",
        "A row of the weight mixes the rows of the matrix: that is a matrix product. Put its "
        "result below the matrix with `torch.cat`, along the rows.",
    ),
    steady=_grow_steady,
    slow="The number of operations grows with the number of rows. One matrix product makes all "
    "new rows at once.",
)

# --- the layer -------------------------------------------------------------------


def _layer_case(gen, training=False, image=(4, 5), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.DenseLayer, scalars, {"x": x}, gen, training)


def _layer_cases(gen: Generator) -> list[Case]:
    return [
        _layer_case(gen, in_channels=6, growth_rate=2, bn_size=4),
        _layer_case(gen, True, in_channels=5, growth_rate=3, bn_size=2),
        _layer_case(gen, in_channels=pick(gen, [7, 9]), growth_rate=4, bn_size=3, image=(3, 6)),
        _layer_case(gen, in_channels=4, growth_rate=1, bn_size=2),
    ]


def _small_layer(image, **scalars) -> Case:
    x = integers(1, scalars["in_channels"], *image, start=0) % 4 - 1
    return small_module_case(framework.DenseLayer, scalars, {"x": x})


def _layer_small() -> list[Case]:
    return [
        _small_layer((3, 3), in_channels=1, growth_rate=1, bn_size=2),
        _small_layer((3, 3), in_channels=2, growth_rate=1, bn_size=2),
    ]


class _NoFirstRelu(framework.DenseLayer):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu1 = nn.Identity()


class _NoSecondRelu(framework.DenseLayer):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu2 = nn.Identity()


class _ConvFirst(framework.DenseLayer):
    """Convolution, batch norm, ReLU, twice: the order of a ResNet."""

    def __init__(self, in_channels, growth_rate, bn_size):
        super().__init__(in_channels=in_channels, growth_rate=growth_rate, bn_size=bn_size)
        self.norm1, self.norm2 = self.norm2, nn.BatchNorm2d(growth_rate)

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(narrow)))


class _Narrow(framework.DenseLayer):
    def __init__(self, bn_size, **scalars):
        super().__init__(bn_size=1, **scalars)


class _NoPadding(framework.DenseLayer):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.conv2.padding = (0, 0)


class _Joined(framework.DenseLayer):
    def forward(self, x: Tensor) -> Tensor:
        return torch.hstack((x, super().forward(x)))


LAYER = Exercise(
    id="densenet.layer",
    lesson=LESSON,
    title="The dense layer",
    points=3,
    minutes=12,
    name="DenseLayer",
    reference=framework.DenseLayer,
    cases=_layer_cases,
    small=_layer_small,
    wrong=(
        Wrong(
            "no_first_relu",
            "There is no ReLU between the first batch norm and the 1x1.",
            _NoFirstRelu,
        ),
        Wrong(
            "no_second_relu",
            "There is no ReLU between the second batch norm and the 3x3.",
            _NoSecondRelu,
        ),
        Wrong(
            "conv_first",
            "Each convolution comes before its batch norm, as in a ResNet. In DenseNet the norm "
            "comes first, and so has as many channels as the convolution reads.",
            _ConvFirst,
        ),
        Wrong(
            "narrow",
            "The 1x1 makes as many channels as the growth rate. It makes a few times more: the "
            "factor is `bn_size`.",
            _Narrow,
        ),
        Wrong(
            "no_padding",
            "The 3x3 has no padding, so the image loses its border. Then the new channels would "
            "no longer fit beside the old ones.",
            _NoPadding,
        ),
        Wrong(
            "joined",
            "The layer returns its input and the new channels together. It returns the new ones "
            "alone here; the block puts them side by side.",
            _Joined,
        ),
    ),
    hints=(
        "Two times the same three steps: batch norm, ReLU, convolution. How many channels arrive "
        "at each batch norm?",
        "The 1x1 goes from `in_channels` to bn_size * growth_rate channels, the 3x3 from there to "
        "growth_rate, with a padding that keeps the image's size. No convolution has a bias.",
        "norm1 has `in_channels` channels; norm2 has as many as conv1 makes. In `forward`: norm1, "
        "ReLU, conv1, then norm2, ReLU, conv2. Return what conv2 gives.",
    ),
    shortcuts=(
        Shortcut(
            "It takes torchvision's own layer, which is what you are building.",
            lambda op: False,
            ("_DenseLayer",),
        ),
    ),
)

# --- the block -------------------------------------------------------------------


def _block_case(gen, training=False, image=(3, 4), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.DenseBlock, scalars, {"x": x}, gen, training)


def _block_cases(gen: Generator) -> list[Case]:
    wide = pick(gen, [5, 6, 7])
    return [
        _block_case(gen, num_layers=3, in_channels=wide, growth_rate=2, bn_size=2),
        _block_case(gen, True, num_layers=2, in_channels=3, growth_rate=4, bn_size=1),
        _block_case(gen, num_layers=4, in_channels=2, growth_rate=3, bn_size=2),
        _block_case(gen, num_layers=1, in_channels=4, growth_rate=1, bn_size=3),
    ]


def _block_small() -> list[Case]:
    x = integers(1, 2, 1, 2) % 3
    sizes = {"in_channels": 2, "growth_rate": 1, "bn_size": 1}
    return [
        small_module_case(framework.DenseBlock, {"num_layers": n} | sizes, {"x": x})
        for n in (1, 2)
    ]


class _OneOf(framework.DenseLayer):
    """A layer that is handed x and all new channels so far, and reads one of these alone."""

    which = 0

    def forward(self, x: list[Tensor]) -> Tensor:
        return super().forward(x[self.which])


class _Newest(_OneOf):
    which = -1


class _Built(framework.DenseBlock):
    """The framework's block with other layers in it."""

    kind: type = framework.DenseLayer

    def __init__(self, num_layers, in_channels, growth_rate, bn_size):
        super().__init__(num_layers, in_channels, growth_rate, bn_size)
        for i, name in enumerate(self):
            self[name] = self.kind(self.reads(i, in_channels, growth_rate), growth_rate, bn_size)


class _Multiplied(_Built):
    def reads(self, i: int, c: int, k: int) -> int:
        return c * k**i


class _Chain(_Built):
    kind = _Newest

    def reads(self, i: int, c: int, k: int) -> int:
        return k if i else c


class _SameInput(_Built):
    kind = _OneOf

    def reads(self, i: int, c: int, k: int) -> int:
        return c


class _NewFirst(framework.DenseBlock):
    """Each layer's channels on top of all others: what a later one reads is turned, too."""

    def __init__(self, num_layers, in_channels, growth_rate, bn_size):
        super().__init__(num_layers, in_channels, growth_rate, bn_size)
        for layer in self.values():
            layer.register_forward_pre_hook(lambda module, args: (args[0][::-1],))
        self._sizes = [growth_rate] * num_layers + [in_channels]

    def forward(self, x: Tensor) -> Tensor:
        parts = super().forward(x).split(self._sizes[::-1], 1)
        return torch.hstack(parts[::-1])


class _LastFirst(_NewFirst):
    def __init__(self, num_layers, in_channels, growth_rate, bn_size):
        framework.DenseBlock.__init__(self, num_layers, in_channels, growth_rate, bn_size)
        self._sizes = [growth_rate] * num_layers + [in_channels]


class _OnlyNew(framework.DenseBlock):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, x.shape[1] :]


class _CutOff(framework.DenseBlock):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        for layer in self.values():
            layer.register_forward_pre_hook(lambda module, args: ([f.detach() for f in args[0]],))


BLOCK = Exercise(
    id="densenet.block",
    lesson=LESSON,
    title="The dense block",
    points=4,
    minutes=15,
    name="DenseBlock",
    reference=framework.DenseBlock,
    cases=_block_cases,
    small=_block_small,
    wrong=(
        Wrong(
            "multiplied",
            "The channels are multiplied by the growth rate at each layer. They grow by it: each "
            "layer adds that many.",
            _Multiplied,
        ),
        Wrong(
            "chain",
            "Each layer reads the newest channels alone. In a dense block it reads all that are "
            "there: x and whatever the layers before it have made.",
            _Chain,
        ),
        Wrong(
            "same_input",
            "Every layer reads x alone, so they stand side by side and none builds on another. "
            "Each must read what the layers before it have made, too.",
            _SameInput,
        ),
        Wrong(
            "new_first",
            "The new channels are put in front of the old ones. The old ones keep their places: "
            "the new ones come behind them.",
            _NewFirst,
        ),
        Wrong(
            "last_first",
            "The layers read what they should, but in the result the pieces are in reverse order: "
            "x comes first, then the layers as they ran.",
            _LastFirst,
        ),
        Wrong(
            "only_new",
            "x itself is missing from the result. A dense block hands on everything: the channels "
            "it was given, and all new ones.",
            _OnlyNew,
        ),
        Wrong(
            "cut_off",
            "What a layer reads is cut off from the gradient, so the layers before it learn "
            "nothing from it.",
            _CutOff,
        ),
    ),
    hints=(
        "Write down the channels for in_channels=5 and growth_rate=2: layer 0 reads 5. How many "
        "are there when layer 1 reads? When layer 2 does?",
        "Before layer i there are i layers, and each has added growth_rate channels to the "
        "in_channels of the beginning.",
        "`layer(x)` gives the new channels alone. Put them behind the old ones with `torch.cat` "
        "along the dimension of the channels, and let `x` stand for all of them from there on.",
    ),
    shortcuts=(
        Shortcut(
            "It takes torchvision's own block, which is what you are building.",
            lambda op: False,
            ("_DenseBlock",),
        ),
    ),
)

EXERCISES = (GROW, LAYER, BLOCK, *FURTHER)

__all__ = ["EXERCISES", "PREDICTIONS", "QUESTIONS"]
