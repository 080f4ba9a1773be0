"""Lesson 03, Further: counting what a dense block keeps for its backward pass."""

from __future__ import annotations

from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, pick
from convzoo.ideas.densenet import framework

LESSON = "03_densenet"
NAMES = ("in_channels", "growth_rate", "num_layers", "bn_size")


def _kept_cases(gen: Generator) -> list[Case]:
    drawn = [pick(gen, [5, 7, 11]), pick(gen, [2, 3, 6]), pick(gen, [4, 5]), pick(gen, [3, 4])]
    cases = [drawn, [4, 2, 1, 3], [3, 5, 3, 2], [10, 1, 4, 6]]
    return [Case(dict(zip(NAMES, numbers, strict=True)), {}) for numbers in cases]


def _kept_small() -> list[Case]:
    cases = [(2, 1, 1, 1), (2, 1, 2, 1), (2, 3, 2, 2)]
    return [Case(dict(zip(NAMES, numbers, strict=True)), {}) for numbers in cases]


mistake = Mistakes(framework.kept_maps)


@mistake
def flat(num_layers, **sizes):
    """Every layer is counted like the first one. The channels grow: layer i reads as many as there
    are by then."""
    naive, inputs, _ = framework.kept_maps(num_layers=1, **sizes)
    pieces = framework.kept_maps(num_layers=num_layers, **sizes)[2]
    return num_layers * naive, num_layers * inputs, pieces


@mistake
def after_the_layer(in_channels, growth_rate, **sizes):
    """Each layer is counted with the channels that there are after it. It keeps what it reads,
    before its own channels are added."""
    naive, inputs, pieces = framework.kept_maps(in_channels + growth_rate, growth_rate, **sizes)
    return naive, inputs, pieces - growth_rate


@mistake
def norms_alone(**sizes):
    """The outputs of the ReLUs are missing from the first count. A convolution needs its input for
    the gradient of its weight, and that is not the same tensor as the norm's input."""
    naive, inputs, pieces = framework.kept_maps(**sizes)
    return naive // 2, inputs, pieces


@mistake
def no_bottleneck(**sizes):
    """The maps between the 1x1 and the 3x3 are missing from the first count: bn_size times the
    growth rate before the ReLU, and the same number after it."""
    _, inputs, pieces = framework.kept_maps(**sizes)
    return 2 * inputs, inputs, pieces


@mistake
def narrow_once(in_channels, growth_rate, num_layers, bn_size):
    """The narrow maps are counted only once in the first count. The second batch norm keeps them,
    and the ReLU after it keeps the same number again."""
    naive, *rest = framework.kept_maps(in_channels, growth_rate, num_layers, bn_size)
    return naive - num_layers * bn_size * growth_rate, *rest


@mistake
def new_ones(in_channels, growth_rate, num_layers, bn_size):
    """The new channels of each layer are in the first count, for the layer that makes them. A layer
    keeps what it reads; they are counted when a later layer reads them."""
    naive, *rest = framework.kept_maps(in_channels, growth_rate, num_layers, bn_size)
    return naive + num_layers * growth_rate, *rest


@mistake
def last_alone(in_channels, growth_rate, num_layers, bn_size):
    """That is what the last layer keeps. All layers keep theirs until the backward pass gets there,
    so the counts are sums."""
    read = in_channels + (num_layers - 1) * growth_rate
    naive, inputs, _ = framework.kept_maps(read, growth_rate, 1, bn_size)
    return naive, inputs, read


@mistake
def last_piece(growth_rate, **sizes):
    """The new channels of the last layer are counted among the pieces. No layer reads them, so
    nothing in this block keeps them."""
    naive, inputs, pieces = framework.kept_maps(growth_rate=growth_rate, **sizes)
    return naive, inputs, pieces + growth_rate


@mistake
def pieces_of_each(**sizes):
    """A piece is counted again for each layer that reads it. It is one tensor in memory, no matter
    how many layers keep it."""
    naive, inputs, _ = framework.kept_maps(**sizes)
    return naive, inputs, inputs


@mistake
def relu1_forgotten(**sizes):
    """The outputs of the first ReLUs are missing from the first count. The 1x1 keeps its input, and
    that is not the same tensor as the input of the norm."""
    naive, inputs, pieces = framework.kept_maps(**sizes)
    return naive - inputs, inputs, pieces


@mistake
def inputs_alone(**sizes):
    """The first count has only the inputs of the layers. Inside a layer, the batch norms and the
    convolutions each keep their own input."""
    _, inputs, pieces = framework.kept_maps(**sizes)
    return inputs, inputs, pieces


@mistake
def no_bn_size(in_channels, growth_rate, num_layers, bn_size):
    """The narrow part is counted as `growth_rate` maps. It has bn_size times that many."""
    naive, *rest = framework.kept_maps(in_channels, growth_rate, num_layers, bn_size)
    return naive - 2 * num_layers * (bn_size - 1) * growth_rate, *rest


@mistake
def narrow_of_one(in_channels, growth_rate, num_layers, bn_size):
    """The narrow part is counted for one layer only. Every layer has its own 1x1, and keeps what
    that makes."""
    naive, *rest = framework.kept_maps(in_channels, growth_rate, num_layers, bn_size)
    return naive - 2 * (num_layers - 1) * bn_size * growth_rate, *rest


@mistake
def result_kept(in_channels, growth_rate, num_layers, bn_size):
    """The result of the block is in the first count. No layer of the block reads it, so nothing in
    the block keeps it."""
    naive, *rest = framework.kept_maps(in_channels, growth_rate, num_layers, bn_size)
    return naive + in_channels + num_layers * growth_rate, *rest


@mistake
def inputs_end(in_channels, growth_rate, num_layers, bn_size):
    """The second count is what the block returns. It should be a sum: each layer keeps its own
    input, with all channels up to there."""
    naive, _, pieces = framework.kept_maps(in_channels, growth_rate, num_layers, bn_size)
    return naive, pieces + growth_rate, pieces


@mistake
def inputs_doubled(**sizes):
    """The second count has each input twice. A layer that keeps its input keeps nothing else: the
    rest is computed again in the backward pass."""
    naive, inputs, pieces = framework.kept_maps(**sizes)
    return naive, 2 * inputs, pieces


@mistake
def pieces_without_x(in_channels, **sizes):
    """The third count leaves out x. x is a piece as well: every layer reads it."""
    naive, inputs, pieces = framework.kept_maps(in_channels=in_channels, **sizes)
    return naive, inputs, pieces - in_channels


@mistake
def new_pieces(in_channels, growth_rate, **sizes):
    """The third count has the new channels of all layers, but not x. Every layer reads x, and no
    layer of this block reads what the last one makes."""
    naive, inputs, pieces = framework.kept_maps(in_channels, growth_rate, **sizes)
    return naive, inputs, pieces - in_channels + growth_rate


@mistake
def without_x(in_channels, growth_rate, num_layers, bn_size):
    """The channels of the block's input are missing from the first two counts. Every layer reads
    them, together with what the layers before it have added."""
    naive, inputs, pieces = framework.kept_maps(in_channels, growth_rate, num_layers, bn_size)
    missing = num_layers * in_channels
    return naive - 2 * missing, inputs - missing, pieces


@mistake
def in_bytes(**sizes):
    """The counts are multiplied by 4, the bytes of one float. The exercise asks for maps: a map is
    one channel of one image."""
    return tuple(4 * count for count in framework.kept_maps(**sizes))


EXERCISE = Exercise(
    id="densenet.kept_maps",
    place=4,
    lesson=LESSON,
    title="What a block keeps for the backward pass",
    points=3,
    minutes=12,
    name="kept_maps",
    reference=framework.kept_maps,
    cases=_kept_cases,
    small=_kept_small,
    returns=("as it is", "inputs kept", "pieces kept"),
    mistakes=tuple(mistake),
    hints=(
        "Begin with one layer that reads c channels. Its first batch norm keeps c maps, the ReLU "
        "after it c more. Then the narrow part: how many maps before the second ReLU, and after?",
        "Layer i reads in_channels + i * growth_rate channels. The first count is the sum of what "
        "all layers keep. The second is the sum of what they read.",
        "The third count has no sum over growing inputs: x once, and the growth_rate channels of "
        "each layer once, except those of the last one.",
    ),
    shortcuts=(
        Shortcut(
            "It lets `measure` count what a block keeps. Count it yourself.",
            modules=("convzoo.measure",),
        ),
    ),
)
