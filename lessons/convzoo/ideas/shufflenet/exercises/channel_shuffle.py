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
    """That is the inverse: it undoes the shuffle. The channels arrive group by group, so when you
    split them, the group is the first of the two new dimensions."""
    return torch.channel_shuffle(x, x.shape[1] // groups)


@mistake
def nothing_moved(x, groups):
    """No channel has moved. Two reshapes in a row change nothing: the two new dimensions have to be
    swapped in between."""
    return x.clone()


@mistake
def rolled(x, groups):
    """Every channel moves on by one group, so the groups stay together. A shuffle takes one channel
    from each group in turn."""
    return x.roll(x.shape[1] // groups, 1)


@mistake
def within_groups(x, groups):
    """The channels move only within their own group. A shuffle spreads them over all groups."""
    return x.unflatten(1, (groups, -1)).flip(2).flatten(1, 2)


@mistake
def groups_reversed(x, groups):
    """The channels are in reverse order. In a shuffle, the first channel of the first group stays
    first."""
    return x.flip(1)


@mistake
def over_images(x, groups):
    """Channels move from one image to another. Each image is shuffled separately: keep n as its own
    dimension."""
    row = x.flatten(0, 1)[None]  # the channels of all images
    return torch.channel_shuffle(row, groups).reshape(x.shape)


@mistake
def images_for_groups(x, groups):
    """The images are swapped with the groups. Images stay where they are: swap the group with the
    place within the group."""
    return x.unflatten(1, (groups, -1)).transpose(0, 1).reshape(x.shape)


@mistake
def with_the_pixels(x, groups):
    """Pixels move too: the rows and columns of the image were merged with the channels into one
    dimension. Keep h and w as separate dimensions."""
    return x.reshape(len(x), groups, -1).mT.reshape(x.shape)


@mistake
def wrong_axes(x, groups):
    """The wrong pair of dimensions is swapped: the rows of the image take part. Swap only the group
    and the place within the group."""
    return x.unflatten(1, (groups, -1)).transpose(2, 3).reshape(x.shape)


@mistake
def cut_off(x, groups):
    """The numbers are copied in a way that lets no gradient back to `x`. Compute with `x`
    itself."""
    return torch.channel_shuffle(x.detach(), groups)


@mistake
def rows_for_columns(x, groups):
    """The rows and columns of the image are swapped, and the channels are not. Swap the group and
    the place within the group instead."""
    return x.mT.reshape(x.shape)


@mistake
def rows_for_groups(x, groups):
    """The groups are swapped with the rows of the image. Swap them with the places within the
    group."""
    return x.unflatten(1, (groups, -1)).transpose(1, 3).reshape(x.shape)


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
        "Think of the channels of one image as a table with one row for each group. The shuffle "
        "reads that table column by column.",
        "Split the channel dimension into (groups, c / groups), so that x has five dimensions. "
        "Which two have to be swapped?",
        "Reshape to (n, groups, c / groups, h, w), transpose dimensions 1 and 2, and reshape back "
        "to the shape of x. After a transpose, `view` fails; `reshape` and `flatten` copy.",
    ),
    shortcuts=(
        Shortcut(
            "It calls the framework's channel shuffle, which is what you are building.",
            ("*channel_shuffle*", "ChannelShuffle"),
        ),
    ),
    steady=_shuffle_steady,
    slow="The number of operations grows with the number of groups. One transpose moves all "
    "channels at once.",
)
