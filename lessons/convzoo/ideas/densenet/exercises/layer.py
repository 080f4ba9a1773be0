"""Lesson 03: the layer that a dense block adds."""

from __future__ import annotations

from functools import partial

import torch
from torch import Generator, nn

from convzoo.case import Case
from convzoo.exercises.mistakes import (
    Mistakes,
    change_result,
    relu_after,
    reorder,
    replace_call,
    unpad,
)
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


_layer_case = partial(layer_case, framework.DenseLayer, image=(4, 5))


def _layer_cases(gen: Generator) -> list[Case]:
    return [
        _layer_case(gen, in_channels=6, growth_rate=2, bn_size=4),
        _layer_case(gen, True, in_channels=5, growth_rate=3, bn_size=2),
        _layer_case(gen, in_channels=pick(gen, [7, 9]), growth_rate=4, bn_size=3, image=(3, 6)),
        _layer_case(gen, in_channels=4, growth_rate=1, bn_size=2),
    ]


def _small_layer(image, shift=0.0, **scalars) -> Case:
    x = integers(1, scalars["in_channels"], *image, start=0) % 4 - 1
    return small_module_case(framework.DenseLayer, scalars, {"x": x}, shift)


def _layer_small() -> list[Case]:
    return [
        _small_layer((3, 3), in_channels=1, growth_rate=1, bn_size=2),
        _small_layer((3, 3), in_channels=2, growth_rate=1, bn_size=2),
        _small_layer((2, 2), 1.0, in_channels=1, growth_rate=1, bn_size=1),
    ]


mistake = Mistakes(framework.DenseLayer)


@mistake
def no_first_relu(**sizes):
    """There is no ReLU between the first batch norm and the 1x1. Each batch norm is followed by
    one."""
    return replace_call(framework.DenseLayer(**sizes), "relu1")


@mistake
def no_second_relu(**sizes):
    """There is no ReLU between the second batch norm and the 3x3. Each batch norm is followed by
    one."""
    return replace_call(framework.DenseLayer(**sizes), "relu2")


@mistake
def no_relus(**sizes):
    """Both ReLUs are missing. There is one after each batch norm."""
    return replace_call(no_first_relu(**sizes), "relu2")


@mistake
def relu_last(**sizes):
    """There is a ReLU at the end, after the 3x3. The layer ends with its 3x3: whatever reads its
    channels has its own batch norm and ReLU."""
    return relu_after(framework.DenseLayer(**sizes), "conv2")


@mistake
def relu_first(**sizes):
    """Each ReLU comes before its batch norm. The norm comes first: it decides what lies below zero,
    and the ReLU cuts that off."""
    layer = framework.DenseLayer(**sizes)
    return reorder(layer, norm1="relu1", relu1="norm1", norm2="relu2", relu2="norm2")


@mistake
def no_norms(**sizes):
    """The batch norms are created but never used. Each comes before its ReLU and convolution."""
    return replace_call(replace_call(framework.DenseLayer(**sizes), "norm1"), "norm2")


def _convolve_first(layer: nn.Module) -> nn.Module:
    """Let each convolution act before its batch norm and ReLU."""
    reorder(layer, norm1="conv1", relu1="norm1", conv1="relu1")
    return reorder(layer, norm2="conv2", relu2="norm2", conv2="relu2")


@mistake
def norm_late(**sizes):
    """A batch norm does not fit what arrives at it. Each comes before its convolution: the first
    reads the layer's input, the second reads what the 1x1 makes."""
    return _convolve_first(framework.DenseLayer(**sizes))


@mistake
def conv_first(growth_rate, **sizes):
    """Each convolution comes before its batch norm, as in a ResNet. In DenseNet the norm comes
    first, so it has as many channels as the convolution reads."""
    layer = framework.DenseLayer(growth_rate=growth_rate, **sizes)
    layer.norm1, layer.norm2 = layer.norm2, nn.BatchNorm2d(growth_rate)
    return _convolve_first(layer)


@mistake
def narrow(bn_size, **sizes):
    """The 1x1 makes `growth_rate` channels. It should make `bn_size` times that many."""
    return framework.DenseLayer(bn_size=1, **sizes)


@mistake
def always_four(bn_size, **sizes):
    """The 1x1 makes 4 times the growth rate, whatever `bn_size` is. 4 is only the default: use
    `bn_size`."""
    return framework.DenseLayer(bn_size=4, **sizes)


@mistake
def no_padding(**sizes):
    """The 3x3 has no padding, so the image loses its border. Then the new channels no longer fit
    next to the old ones."""
    return unpad(framework.DenseLayer(**sizes), "conv2")


@mistake
def joined(**sizes):
    """The layer returns its input and the new channels together. It should return the new ones
    alone; the block puts them together."""
    return change_result(framework.DenseLayer(**sizes), lambda x, new: torch.hstack((x, new)))


@mistake
def added(**sizes):
    """The layer adds its input to its output, as a residual block does. It should return the new
    channels alone; the block puts them next to the old ones."""
    return change_result(framework.DenseLayer(**sizes), lambda x, new: x + new)


@mistake
def no_norm1(**sizes):
    """`norm1` is created but never used. Each convolution has a batch norm before it."""
    return replace_call(framework.DenseLayer(**sizes), "norm1")


@mistake
def no_norm2(**sizes):
    """`norm2` is created but never used. Each convolution has a batch norm before it."""
    return replace_call(framework.DenseLayer(**sizes), "norm2")


@mistake
def first_relu_first(**sizes):
    """The first ReLU comes before its batch norm. The norm comes first: it decides what lies below
    zero, and the ReLU cuts that off."""
    return reorder(framework.DenseLayer(**sizes), norm1="relu1", relu1="norm1")


@mistake
def second_relu_first(**sizes):
    """The second ReLU comes before its batch norm. The norm comes first: it decides what lies below
    zero, and the ReLU cuts that off."""
    return reorder(framework.DenseLayer(**sizes), norm2="relu2", relu2="norm2")


@mistake
def factor_for_width(growth_rate, bn_size, **sizes):
    """The 1x1 makes `bn_size` channels. That is a factor: it makes `bn_size` times the growth
    rate."""
    layer = framework.DenseLayer(growth_rate=growth_rate, bn_size=bn_size, **sizes)
    return _narrowed(layer, bn_size)


@mistake
def factor_of_input(in_channels, bn_size, **sizes):
    """The 1x1 makes `bn_size` times the channels of the input. It makes `bn_size` times the growth
    rate, so that a layer stays narrow however many channels it reads."""
    layer = framework.DenseLayer(in_channels=in_channels, bn_size=bn_size, **sizes)
    return _narrowed(layer, bn_size * in_channels)


def _narrowed(layer: nn.Module, width: int) -> nn.Module:
    """Give the 1x1 another number of outputs."""
    into, out = layer.conv1.in_channels, layer.conv2.out_channels
    layer.conv1 = nn.Conv2d(into, width, 1, bias=False)
    layer.norm2 = nn.BatchNorm2d(width)
    layer.conv2 = nn.Conv2d(width, out, 3, padding=1, bias=False)
    return layer


@mistake
def joined_in_front(**sizes):
    """The layer returns the new channels and its input together. It should return the new ones
    alone; the block puts them together, with the new ones last."""
    return change_result(framework.DenseLayer(**sizes), lambda x, new: torch.hstack((new, x)))


@mistake
def kernels_exchanged(**sizes):
    """The kernel sizes are swapped. `conv1` is the 1x1, which reduces the number of channels, and
    `conv2` is the 3x3."""
    layer = framework.DenseLayer(**sizes)
    first, second = layer.conv1, layer.conv2
    layer.conv1 = nn.Conv2d(first.in_channels, first.out_channels, 3, padding=1, bias=False)
    layer.conv2 = nn.Conv2d(second.in_channels, second.out_channels, 1, bias=False)
    return layer


@mistake
def padded_twice(**sizes):
    """The 1x1 is padded as well, so the image grows by a border. A 1x1 keeps the image's size
    without any padding."""
    layer = framework.DenseLayer(**sizes)
    layer.conv1.padding = (1, 1)
    return layer


EXERCISE = Exercise(
    id="densenet.layer",
    place=2,
    lesson=LESSON,
    title="The dense layer",
    points=3,
    minutes=12,
    name="DenseLayer",
    reference=framework.DenseLayer,
    cases=_layer_cases,
    small=_layer_small,
    mistakes=tuple(mistake),
    hints=(
        "The same three steps twice: batch norm, ReLU, convolution. How many channels arrive "
        "at each batch norm?",
        "The 1x1 goes from `in_channels` to bn_size * growth_rate channels, the 3x3 from there to "
        "growth_rate, with a padding that keeps the image's size. No convolution has a bias.",
        "norm1 has `in_channels` channels; norm2 has as many as conv1 makes. In `forward`: norm1, "
        "ReLU, conv1, then norm2, ReLU, conv2. Return the output of conv2.",
    ),
    shortcuts=(
        Shortcut(
            "It uses torchvision's layer, which is what you are building.",
            modules=("torchvision", "timm"),
        ),
    ),
)
