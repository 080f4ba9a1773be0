"""Lesson 03: the dense block."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.model import (
    Exercise,
    Mistake,
    Shortcut,
    integers,
    module_case,
    normal,
    pick,
    small_module_case,
)
from convzoo.ideas.densenet import framework

LESSON = "03_densenet"


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
    x = 1 - integers(1, 2, 1, 2) % 3
    sizes = {"in_channels": 2, "growth_rate": 1, "bn_size": 2}
    return [
        small_module_case(framework.DenseBlock, {"num_layers": n} | sizes, {"x": x}) for n in (1, 2)
    ]


class _Choosy(framework.DenseLayer):
    """A layer that is handed x and all new channels so far, and reads some of these alone."""

    def __init__(self, chosen, *sizes: int):
        super().__init__(*sizes)
        self.chosen = chosen

    def forward(self, x: list[Tensor]) -> Tensor:
        return super().forward(self.chosen(x))


def _built(reads, chosen=lambda x: x) -> type:
    """The framework's block, layer i made for reads(i, in_channels, growth_rate) channels."""

    class Built(framework.DenseBlock):
        def __init__(self, num_layers, in_channels, growth_rate, bn_size):
            super().__init__(num_layers, in_channels, growth_rate, bn_size)
            for i, name in enumerate(self):
                width = reads(i, in_channels, growth_rate)
                self[name] = _Choosy(chosen, width, growth_rate, bn_size)

    return Built


def _folded(then) -> type:
    """The right layers, and then(x, new) for `x` after each."""

    class Folded(framework.DenseBlock):
        def forward(self, x: Tensor) -> Tensor:
            for layer in self.values():
                x = then(x, layer(x))
            return x

    return Folded


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


class _ReluLast(framework.DenseBlock):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu()


class _XLast(framework.DenseBlock):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).roll(-x.shape[1], 1)


class _FirstAlone(framework.DenseBlock):
    def forward(self, x: Tensor) -> Tensor:
        return torch.hstack((x, self["denselayer1"](x)))


class _NoBnSize(framework.DenseBlock):
    def __init__(self, bn_size, **scalars):
        super().__init__(bn_size=4, **scalars)


class _WidthForFactor(framework.DenseBlock):
    def __init__(self, growth_rate, bn_size, **scalars):
        super().__init__(growth_rate=growth_rate, bn_size=bn_size * growth_rate, **scalars)


class _OnlyNew(framework.DenseBlock):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, x.shape[1] :]


class _CutOff(framework.DenseBlock):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        for layer in self.values():
            layer.register_forward_pre_hook(lambda module, args: ([f.detach() for f in args[0]],))


EXERCISE = Exercise(
    id="densenet.block",
    place=3,
    lesson=LESSON,
    title="The dense block",
    points=4,
    minutes=15,
    name="DenseBlock",
    reference=framework.DenseBlock,
    cases=_block_cases,
    small=_block_small,
    mistakes=(
        Mistake(
            "replaced",
            "What a layer gives takes the place of all channels. It is the new ones alone: put "
            "them behind the old ones, and let `x` be all of them.",
            _folded(lambda x, new: new),
        ),
        Mistake(
            "unassigned",
            "After the first layer `x` is still what it was, so the new channels are lost. `x` has "
            "to stand for the old ones and the new ones together.",
            _folded(lambda x, new: x),
        ),
        Mistake(
            "added",
            "The new channels are added to the old ones, as a residual block does. They stand "
            "beside them, and nothing is added.",
            _folded(lambda x, new: x + new),
        ),
        Mistake(
            "along_images",
            "The new channels are put behind the images, along dimension 0, which is where "
            "concatenation puts things unless it is told. The channels are dimension 1.",
            _folded(lambda x, new: torch.cat((x, new))),
        ),
        Mistake(
            "first_alone",
            "The block returns after its first layer. The result is returned once, behind the "
            "loop.",
            _FirstAlone,
        ),
        Mistake(
            "never_grows",
            "Every layer is made for the channels that the block is given. Layer 0 reads those; "
            "each later one reads what the layers before it have added, too.",
            _built(lambda i, c, k: c),
        ),
        Mistake(
            "too_early",
            "Each layer is made for one growth rate too many: for the channels that there are "
            "after it. Layer 0 reads what the block is given, and nothing has been added yet.",
            _built(lambda i, c, k: c + (i + 1) * k),
        ),
        Mistake(
            "multiples",
            "Layer i is made for i + 1 times the channels that the block is given. What is added "
            "at each layer is the growth rate.",
            _built(lambda i, c, k: c * (i + 1)),
        ),
        Mistake("no_bn_size", "The layers are not given `bn_size`, so each takes 4.", _NoBnSize),
        Mistake(
            "width_for_factor",
            "The layers are given a number of channels as `bn_size`. It is a factor: each layer "
            "multiplies it by the growth rate itself.",
            _WidthForFactor,
        ),
        Mistake(
            "multiplied",
            "The channels are multiplied by the growth rate at each layer. They grow by it: each "
            "layer adds that many.",
            _built(lambda i, c, k: c * k**i),
        ),
        Mistake(
            "chain",
            "Each layer reads the newest channels alone. In a dense block it reads all that are "
            "there: x and whatever the layers before it have made.",
            _built(lambda i, c, k: k if i else c, lambda x: x[-1:]),
        ),
        Mistake(
            "same_input",
            "Every layer reads x alone, so they stand side by side and none builds on another. "
            "Each must read what the layers before it have made, too.",
            _built(lambda i, c, k: c, lambda x: x[:1]),
        ),
        Mistake(
            "x_and_newest",
            "Each layer reads x and the newest channels, but not those of the layers between. "
            "Nothing that has been made is left out: the list of what is there only gets longer.",
            _built(lambda i, c, k: c + k if i else c, lambda x: x[:1] + x[1:][-1:]),
        ),
        Mistake(
            "without_x",
            "Only the first layer reads x; the later ones read what other layers have made. In a "
            "dense block x, too, is there for every layer.",
            _built(lambda i, c, k: i * k if i else c, lambda x: x[1:] or x),
        ),
        Mistake(
            "new_first",
            "The new channels are put in front of the old ones. The old ones keep their places: "
            "the new ones come behind them.",
            _NewFirst,
        ),
        Mistake(
            "last_first",
            "The layers read what they should, but in the result the pieces are in reverse order: "
            "x comes first, then the layers as they ran.",
            _LastFirst,
        ),
        Mistake(
            "x_last",
            "The layers' channels come first in the result, and x behind them. x keeps its place "
            "in front: whoever reads the block counts its channels from there.",
            _XLast,
        ),
        Mistake(
            "relu_each",
            "A ReLU stands behind each layer. A layer ends with its 3x3: whoever reads the new "
            "channels has a batch norm and a ReLU of its own.",
            _folded(lambda x, new: torch.hstack((x, new.relu()))),
        ),
        Mistake(
            "relu_all",
            "After each layer everything goes through a ReLU, x too, and what is below zero is "
            "lost for the layers that follow. Each has a ReLU of its own, behind its batch norm.",
            _folded(lambda x, new: torch.hstack((x, new)).relu()),
        ),
        Mistake(
            "relu_last",
            "A ReLU stands at the end of the block, as in a residual one. Here the channels are "
            "handed on as they are: what reads them has a batch norm and a ReLU of its own.",
            _ReluLast,
        ),
        Mistake(
            "only_new",
            "x itself is missing from the result. A dense block hands on everything: the channels "
            "it was given, and all new ones.",
            _OnlyNew,
        ),
        Mistake(
            "cut_off",
            "What a layer reads is cut off from the gradient, so the layers before it learn "
            "nothing from it.",
            _CutOff,
        ),
        Mistake(
            "unlearned",
            "What the layers make is cut off from the gradient: it reaches x past the layers, but "
            "none of them learns.",
            _folded(lambda x, new: torch.hstack((x, new.detach()))),
        ),
        Mistake(
            "no_grad",
            "The whole block runs without gradients. That is for a network that is done with "
            "learning; these layers have yet to learn.",
            framework.BufferBlock,
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
