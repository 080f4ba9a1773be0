"""Lesson 05: the channel shuffle."""

from __future__ import annotations

import torch
from torch import Generator

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, integers, normal, pick
from convzoo.ideas.shufflenet import framework

LESSON = "05_shufflenet"


def _shuffle_case(gen: Generator, n: int, groups: int, width: int, image: tuple) -> Case:
    return Case({"groups": groups}, {"x": normal(gen, n, groups * width, *image)})


def _shuffle_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [3, 5])
    return [
        _shuffle_case(gen, 2, 3, 4, (2, side)),
        _shuffle_case(gen, 1, 2, 5, (4, 3)),
        _shuffle_case(gen, 3, 4, 2, (1, 2)),
        _shuffle_case(gen, 2, 1, 6, (2, 2)),
        _shuffle_case(gen, 2, 5, 3, (3, 1)),
    ]


def _shuffle_small() -> list[Case]:
    shapes = [(2, 1, 6, 1, 1), (3, 1, 6, 1, 2), (2, 2, 4, 1, 1), (2, 1, 4, 2, 2)]
    return [Case({"groups": g}, {"x": integers(*shape) % 19}) for g, *shape in shapes]


def _shuffle_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    return _shuffle_case(gen, 2, 2, 3, (3, 3)), _shuffle_case(gen, 2, 8, 3, (3, 3))


mistake = Mistakes(framework.channel_shuffle)


@mistake
def inverse(x, groups):
    """That is the inverse: it undoes the shuffle. The channels arrive group by group, so the group
    is the slower of the two dimensions that they are split into."""
    return torch.channel_shuffle(x, x.shape[1] // groups)


@mistake
def nothing_moved(x, groups):
    """No channel has moved. Two reshapes, one after the other, change nothing: between them the two
    dimensions have to change places."""
    return x.clone()


@mistake
def rolled(x, groups):
    """Every channel moves on by one group, so that groups stay together. A shuffle takes one
    channel from each group in turn."""
    return x.roll(x.shape[1] // groups, 1)


@mistake
def within_groups(x, groups):
    """The channels change places within their groups. They have to leave them."""
    return x.unflatten(1, (groups, -1)).flip(2).flatten(1, 2)


@mistake
def groups_reversed(x, groups):
    """The channels are reversed. The first channel of the first group stays first."""
    return x.flip(1)


@mistake
def over_images(x, groups):
    """Channels move from one image to another. Each image is shuffled on its own: keep n as a
    dimension by itself."""
    row = x.flatten(0, 1)[None]  # the channels of all images
    return torch.channel_shuffle(row, groups).reshape(x.shape)


@mistake
def images_for_groups(x, groups):
    """The images change places with the groups. Images stay where they are: what changes places are
    the group and the place within the group."""
    return x.unflatten(1, (groups, -1)).transpose(0, 1).reshape(x.shape)


@mistake
def with_the_pixels(x, groups):
    """Pixels move, too: the image's rows and columns were put into one dimension with the channels.
    Keep h and w as dimensions of their own."""
    return x.reshape(len(x), groups, -1).mT.reshape(x.shape)


@mistake
def wrong_axes(x, groups):
    """The wrong pair of dimensions changes places: the image's rows take part. Only the group and
    the place within the group do."""
    return x.unflatten(1, (groups, -1)).transpose(2, 3).reshape(x.shape)


@mistake
def cut_off(x, groups):
    """The numbers are copied in a way that lets no gradient back to `x`."""
    return torch.channel_shuffle(x.detach(), groups)


EXERCISE = Exercise(
    id="shufflenet.channel_shuffle",
    place=2,
    lesson=LESSON,
    title="The channel shuffle",
    points=3,
    minutes=8,
    name="channel_shuffle",
    reference=framework.channel_shuffle,
    cases=_shuffle_cases,
    small=_shuffle_small,
    mistakes=tuple(mistake),
    hints=(
        "Think of the channels of one image as a table with a row for each group. The shuffle "
        "reads that table column by column.",
        "Split the channel dimension into (groups, c / groups), so that x has five dimensions. "
        "Which two have to change places?",
        "Reshape to (n, groups, c / groups, h, w), transpose dimensions 1 and 2, and reshape back "
        "to the shape of x. After a transpose `view` is refused; `reshape` and `flatten` copy.",
    ),
    shortcuts=(
        Shortcut(
            "It calls the framework's channel shuffle, which is what you are building.",
            lambda op: "channel_shuffle" in op.name,
            ("ChannelShuffle", "torch.channel_shuffle", "native_channel_shuffle"),
        ),
    ),
    steady=_shuffle_steady,
    slow="The number of operations grows with the number of groups. One transpose moves all "
    "channels at once.",
)
