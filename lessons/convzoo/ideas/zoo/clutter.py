"""Digits to be found: at various sizes, anywhere in a larger image, among pieces of other digits.

The bundled digits fill their 8 x 8 pixels, and every network in the course learns them. Here a
network must recognise one whole digit, wherever it is, among strokes of many others.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from convzoo.data import Images, load
from convzoo.errors import UserError

SIDES = (8, 9, 10, 11)  # pixels of a digit
CUT = (3, 6)  # pixels of a piece: the least, and one more than the most
LARGEST = SIDES[-1]
BRIGHT, DIM = (0.7, 1.0), (0.4, 0.8)  # brightness of a digit, and of a piece

Bank = dict[int, np.ndarray]  # all digits at each side: n side side


def cluttered(
    seed: int = 0,
    train: int = 3000,
    test: int = 1000,
    size: int = 16,
    pieces: int = 2,
    noise: float = 0.05,
) -> Images:
    """Return the digits of `load("digits")` at a new size and place, among `pieces` pieces.

    x is n 1 size size, y the digit: 8 to 11 pixels large, whole, anywhere, at 0.7 to 1 of its
    brightness. A piece is a square of 3 to 5 pixels cut from another digit, at 0.4 to 0.8 of its
    brightness. Noise with this standard deviation is added, within 0..1. Training images are made
    only from training digits, test images from test digits; the same seed gives the same images.
    Raises UserError for an image that cannot hold a digit, or an invalid number.
    """
    if size < LARGEST or pieces < 0 or noise < 0 or train < 1 or test < 1:
        raise UserError(
            f"cluttered needs a size of {LARGEST} pixels or more, at least one image in "
            f"each part, and no negative pieces or noise; it got size={size}, train={train}, "
            f"test={test}, pieces={pieces}, noise={noise}."
        )
    digits, rng = load("digits"), np.random.RandomState(seed)
    parts = [
        _scenes(rng, x, y, number, size, pieces, noise)
        for x, y, number in (
            (digits.train_x, digits.train_y, train),
            (digits.test_x, digits.test_y, test),
        )
    ]
    (train_x, train_y), (test_x, test_y) = parts
    return Images("cluttered", digits.classes, train_x, train_y, test_x, test_y)


def _scenes(rng, x: torch.Tensor, y: torch.Tensor, number: int, size: int, pieces: int, noise):
    """Return `number` images, and the digit to be found in each."""
    bank = {s: F.interpolate(x, (s, s), mode="bilinear")[:, 0].numpy() for s in SIDES}
    images = np.zeros((number, size, size))
    chosen = rng.randint(0, len(x), number)
    for image, digit in zip(images, chosen):
        for _ in range(pieces):
            _paste(rng, image, _piece(rng, bank, rng.randint(len(x))), DIM)
        _paste(rng, image, bank[SIDES[rng.randint(len(SIDES))]][digit], BRIGHT)
    images += rng.normal(0, noise, images.shape)
    pixels = torch.from_numpy(images.astype(np.float32)).clamp_(0, 1).unsqueeze(1)
    return pixels, y[torch.from_numpy(chosen)]


def _piece(rng, bank: Bank, digit: int) -> np.ndarray:
    whole, side = bank[SIDES[rng.randint(len(SIDES))]][digit], rng.randint(*CUT)
    top, left = rng.randint(0, len(whole) - side + 1, 2)
    return whole[top : top + side, left : left + side]


def _paste(rng, image: np.ndarray, patch: np.ndarray, light: tuple[float, float]) -> None:
    """Add a patch to the image at a random place and brightness; the brighter pixel stays."""
    side = len(patch)
    top, left = rng.randint(0, len(image) - side + 1, 2)
    under = image[top : top + side, left : left + side]
    np.maximum(under, rng.uniform(*light) * patch, out=under)
