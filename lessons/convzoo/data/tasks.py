"""Synthetic tasks: random images that test one claim each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from convzoo.data.images import IGNORED, Images
from convzoo.errors import UserError


def _split(name: str, classes: tuple[str, ...], x: np.ndarray, y: np.ndarray, train: int) -> Images:
    pixels = torch.from_numpy(x.astype(np.float32)).clamp_(0, 1)
    labels = torch.from_numpy(y.astype(np.int64))
    return Images(name, classes, pixels[:train], labels[:train], pixels[train:], labels[train:])


def _xor_groups(
    rng: np.random.RandomState,
    train: int,
    test: int,
    groups: int = 4,
    width: int = 4,
    size: int = 4,
) -> Images:
    """Return images with the label: does the bit in channel group 0 differ from the bit in group 2?

    x is n (groups * width) size size. Every group hides one random bit: +1 or -1 times a pattern of
    that group is added to its channels, under noise. A stack of grouped convolutions with a linear
    head adds up one term for each group, and no sum of two terms is their XOR; one shuffle between
    two layers is enough.
    """
    if groups < 3 or width < 1 or size < 1:
        raise UserError(
            "xor_groups needs at least 3 groups, because it compares group 0 with group 2, "
            f"and a width and size of 1 or more; it got groups={groups}, width={width}, "
            f"size={size}."
        )
    n = train + test
    bits = rng.randint(0, 2, (n, groups))
    pattern = rng.choice([-1.0, 1.0], (groups, width))
    signal = (2 * bits[:, :, None] - 1) * pattern  # n groups width
    noise = rng.normal(0, 0.1, (n, groups * width, size, size))
    x = 0.5 + 0.2 * signal.reshape(n, groups * width, 1, 1) + noise
    return _split("xor_groups", ("alike", "unlike"), x, bits[:, 0] ^ bits[:, 2], train)


def _far_clue(
    rng: np.random.RandomState, train: int, test: int, distance: int = 12, size: int = 16
) -> Images:
    """Return images with the label: which animal is it? Its own pixels do not tell; a clue far away
    in the image does.

    x is n 1 size size; y is n size size: the class at the animal's middle pixel, -100 at all
    others, so that the network answers at each pixel and nothing is pooled on the way. (With a
    global pool and a linear head the evidence from the clue would simply be added up, and the task
    would be easy.) The animal is a bright 3 x 3 square. The clue, also 3 x 3, is `distance` rows
    and `distance` columns away in one of the four diagonal directions: three vertical stripes (a
    cat) or three horizontal ones (a dog) of equal brightness. The clue becomes informative from a
    receptive field of 2 * distance + 1 pixels on; its nearest corner alone is bright in both.
    """
    room = size - 2 - distance  # positions that the pair's outer corner can take
    if distance < 3 or room < 1:
        raise UserError(
            "far_clue keeps animal and clue apart and inside the image, so distance must be "
            f"between 3 and size - 3 = {size - 3}, but it is {distance}."
        )
    n = train + test
    y = rng.randint(0, 2, n)
    start = rng.randint(0, room, (n, 2)) + 1  # the upper left of the two middles
    flip = rng.randint(0, 2, (n, 2))  # at which end of each axis the animal is
    animal, clue = start + flip * distance, start + (1 - flip) * distance  # n 2: row, column
    stripes = np.array([[1.0, 0.0, 1.0]] * 3)
    x = rng.uniform(0, 0.2, (n, 1, size, size))
    labels = np.full((n, size, size), IGNORED)
    for i in range(n):
        x[i, 0][_square(animal[i])] = 0.8
        x[i, 0][_square(clue[i])] = stripes.T if y[i] else stripes
        labels[i, animal[i, 0], animal[i, 1]] = y[i]
    return _split("far_clue", ("cat", "dog"), x, labels, train)


def _square(middle: np.ndarray) -> tuple[slice, slice]:
    """Return the 3 x 3 pixels around a centre."""
    return tuple(slice(at - 1, at + 2) for at in middle)


TASKS: dict[str, Callable[..., Images]] = {"xor_groups": _xor_groups, "far_clue": _far_clue}
