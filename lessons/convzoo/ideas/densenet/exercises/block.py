"""Lesson 03: the dense block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce

import torch
from torch import Generator, Tensor, nn

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes, change_input, change_result
from convzoo.exercises.model import (
    Exercise,
    Shortcut,
    integers,
    layer_case,
    pick,
    small_module_case,
)
from convzoo.ideas.densenet import framework

LESSON = "03_densenet"


_block_case = partial(layer_case, framework.DenseBlock, image=(3, 4))


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
        small_module_case(framework.DenseBlock, {"num_layers": n} | sizes, {"x": x}, shift)
        for n, shift in ((1, 0.0), (2, 0.0), (1, 1.0))
    ]


def _folded(then: Callable[[Tensor, Tensor], Tensor], sizes: dict) -> nn.Module:
    """Return the right layers, with then(x, new) in place of `x` after each."""
    block = framework.DenseBlock(**sizes)
    block.forward = lambda x: reduce(lambda x, layer: then(x, layer(x)), block.values(), x)
    return block


def _of_widths(
    widths: Sequence[int], growth_rate: int, bn_size: int, reads: Callable[[list], list] = list
) -> nn.Module:
    """Return the framework's block with layers made for other widths.

    reads: what a layer reads of the list of x and the channels of each layer so far.
    """
    block = framework.DenseBlock(len(widths), widths[0], growth_rate, bn_size)
    for name, width in zip(block, widths):
        block[name] = framework.DenseLayer(width, growth_rate, bn_size)
    return change_input(block, reads, *block)


mistake = Mistakes(framework.DenseBlock)


@mistake
def replaced(**sizes):
    """The output of a layer replaces all channels. It holds only the new ones: put them after the
    old ones, and let `x` be all of them."""
    return _folded(lambda x, new: new, sizes)


@mistake
def unassigned(**sizes):
    """The second layer gets only the channels of the block's input: those of the first layer are
    lost. `x` has to hold the old and the new channels together."""
    return _folded(lambda x, new: x, sizes)


@mistake
def added(**sizes):
    """The new channels are added to the old ones, as in a residual block. Put them next to the old
    ones instead: nothing is added."""
    return _folded(lambda x, new: x + new, sizes)


@mistake
def along_images(**sizes):
    """The new channels are concatenated along the images, dimension 0, which is the default.
    Concatenate along the channels, dimension 1."""
    return _folded(lambda x, new: torch.cat((x, new)), sizes)


@mistake
def first_alone(**sizes):
    """Only the first layer's channels come after x. Does `forward` return inside its loop? Return
    the result once, after the loop."""
    block = framework.DenseBlock(**sizes)
    block.forward = lambda x: torch.hstack((x, block["denselayer1"](x)))
    return block


@mistake
def never_grows(num_layers, in_channels, growth_rate, bn_size):
    """Every layer is made for the channels of the block's input. Layer 0 reads those; each later
    one also reads what the layers before it have added."""
    return _of_widths([in_channels] * num_layers, growth_rate, bn_size)


@mistake
def too_early(num_layers, in_channels, growth_rate, bn_size):
    """Each layer is made for one growth rate too many: for the channels that there are after it.
    Layer 0 reads the block's input, and nothing has been added yet."""
    widths = [in_channels + (i + 1) * growth_rate for i in range(num_layers)]
    return _of_widths(widths, growth_rate, bn_size)


@mistake
def multiples(num_layers, in_channels, growth_rate, bn_size):
    """Layer i is made for i + 1 times the channels of the block's input. Each layer adds the growth
    rate, not the channels of the input."""
    widths = [in_channels * (i + 1) for i in range(num_layers)]
    return _of_widths(widths, growth_rate, bn_size)


@mistake
def no_bn_size(bn_size, **sizes):
    """`bn_size` is not passed to the layers, so each uses the default, 4. Pass it on."""
    return framework.DenseBlock(bn_size=4, **sizes)


@mistake
def width_for_factor(growth_rate, bn_size, **sizes):
    """The layers get a number of channels as `bn_size`. It is a factor: each layer multiplies it by
    the growth rate itself."""
    return framework.DenseBlock(growth_rate=growth_rate, bn_size=bn_size * growth_rate, **sizes)


@mistake
def multiplied(num_layers, in_channels, growth_rate, bn_size):
    """The channels are multiplied by the growth rate at each layer. They grow by it: each layer
    adds that many."""
    widths = [in_channels * growth_rate**i for i in range(num_layers)]
    return _of_widths(widths, growth_rate, bn_size)


@mistake
def chain(num_layers, in_channels, growth_rate, bn_size):
    """Each layer after the first is made to read only the newest channels. In a dense block it
    reads everything so far: x, and what all layers before it have made."""
    widths = [in_channels] + [growth_rate] * (num_layers - 1)
    return _of_widths(widths, growth_rate, bn_size, lambda pieces: pieces[-1:])


@mistake
def same_input(num_layers, in_channels, growth_rate, bn_size):
    """Every layer is made to read as many channels as x has. Each must read everything so far: x,
    and what the layers before it have made."""
    widths = [in_channels] * num_layers
    return _of_widths(widths, growth_rate, bn_size, lambda pieces: pieces[:1])


@mistake
def x_and_newest(num_layers, in_channels, growth_rate, bn_size):
    """Each layer is made to read only x and the newest channels, not those of the layers in
    between. Nothing is left out: each layer reads everything so far."""
    widths = [in_channels] + [in_channels + growth_rate] * (num_layers - 1)
    return _of_widths(widths, growth_rate, bn_size, lambda pieces: [*pieces[:1], *pieces[1:][-1:]])


@mistake
def without_x(num_layers, in_channels, growth_rate, bn_size):
    """Only the first layer is made to read x; the later ones read only what other layers have made.
    In a dense block every layer reads x, too."""
    widths = [i * growth_rate or in_channels for i in range(num_layers)]
    return _of_widths(widths, growth_rate, bn_size, lambda pieces: pieces[1:] or pieces)


@mistake
def new_first(**sizes):
    """The new channels come before the old ones. The old ones should keep their places: put the new
    ones after them."""
    block = last_first(**sizes)
    return change_input(block, lambda pieces: pieces[::-1], *block)


@mistake
def last_first(growth_rate, **sizes):
    """The layers read what they should, but in the result the pieces are in reverse order. Put x
    first, then the channels of the layers, in the order in which the layers ran."""

    def turn(x: Tensor, y: Tensor) -> Tensor:
        new = y[:, x.shape[1] :].split(growth_rate, 1)
        return torch.hstack((*new[::-1], y[:, : x.shape[1]]))

    return change_result(framework.DenseBlock(growth_rate=growth_rate, **sizes), turn)


@mistake
def x_last(**sizes):
    """In the result, the layers' channels come first and x comes last. x should stay in front:
    whatever reads the block counts its channels from there."""
    return change_result(framework.DenseBlock(**sizes), lambda x, y: y.roll(-x.shape[1], 1))


@mistake
def relu_each(**sizes):
    """There is a ReLU after each layer. A layer ends with its 3x3: whatever reads the new channels
    has its own batch norm and ReLU."""
    return _folded(lambda x, new: torch.hstack((x, new.relu())), sizes)


@mistake
def relu_all(**sizes):
    """After each layer everything goes through a ReLU, x too, and what is below zero is lost for
    the layers that follow. Each layer has its own ReLU, after its batch norm."""
    return _folded(lambda x, new: torch.hstack((x, new)).relu(), sizes)


@mistake
def relu_last(**sizes):
    """There is a ReLU at the end of the block, as in a residual block. A dense block passes its
    channels on as they are: whatever reads them has its own batch norm and ReLU."""
    return change_result(framework.DenseBlock(**sizes), lambda x, y: y.relu())


@mistake
def only_new(**sizes):
    """x itself is missing from the result. A dense block passes on everything: the channels of its
    input and all new ones."""
    return change_result(framework.DenseBlock(**sizes), lambda x, y: y[:, x.shape[1] :])


@mistake
def cut_off(**sizes):
    """What a layer reads is cut off from the gradient, so the layers before it learn nothing from
    it. Give the layers `x` itself."""
    block = framework.DenseBlock(**sizes)
    return change_input(block, lambda pieces: [piece.detach() for piece in pieces], *block)


@mistake
def unlearned(**sizes):
    """What the layers make is cut off from the gradient. The gradient reaches x past the layers,
    but none of them learns."""
    return _folded(lambda x, new: torch.hstack((x, new.detach())), sizes)


@mistake
def no_grad(**sizes):
    """The whole block runs without gradients. That is only for a trained network that is used for
    prediction; these layers still have to learn."""
    return framework.BufferBlock(**sizes)


@mistake
def all_at_once(num_layers, in_channels, growth_rate, bn_size):
    """Every layer is made for the channels at the end of the block. A layer reads only what is
    there before it: layer 0 reads only the block's input."""
    widths = [in_channels + num_layers * growth_rate] * num_layers
    return _of_widths(widths, growth_rate, bn_size)


@mistake
def relu_before(**sizes):
    """The channels go through a ReLU before a layer reads them. A layer begins with its batch norm,
    and has its own ReLU after it."""
    block = framework.DenseBlock(**sizes)
    return change_input(block, lambda pieces: [piece.relu() for piece in pieces], *block)


@mistake
def input_cut_off(**sizes):
    """The old channels are cut off from the gradient when they are put before the new ones. Then
    the gradient has no short way back to x."""
    return _folded(lambda x, new: torch.hstack((x.detach(), new)), sizes)


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
    mistakes=tuple(mistake),
    hints=(
        "Write down the channels for in_channels=5 and growth_rate=2: layer 0 reads 5. How many "
        "does layer 1 read? And layer 2?",
        "Before layer i there are i layers, and each has added growth_rate channels to the "
        "in_channels at the start.",
        "`layer(x)` returns only the new channels. Put them after the old ones with `torch.cat` "
        "along the channel dimension, and let `x` hold all of them from there on.",
    ),
    shortcuts=(
        Shortcut(
            "It uses torchvision's block, which is what you are building.",
            modules=("torchvision", "timm"),
        ),
    ),
)
