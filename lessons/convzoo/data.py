"""Images, always in the same form.

Whatever the source: images are float32 in 0..1, shaped n c h w; labels are int64, shaped n (for
a task that is read out at each pixel n h w, where -100 means "not asked here", which
`F.cross_entropy` leaves out by default). The split into training and test images is fixed.
`Images.normalised()` shifts and scales each channel by the training images' mean and deviation.

`load` gives real images: "digits" lies on this disk already (scikit-learn brings it); "cifar10"
and "fashion_mnist" are downloaded once. `made` gives the tasks that put a claim to the test.
"""

from __future__ import annotations

import errno
import http.client
import os
import tarfile
import urllib.error
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from convzoo import place
from convzoo.errors import UserError

IGNORED = -100  # the label of a pixel that nobody asks about
VARIABLE = "CONVZOO_DATA"
INSTEAD = 'take the digits, which need no download: load("digits", size=32)'


@dataclass(frozen=True)
class Images:
    """A set of images, split: x float32 n c h w in 0..1, y int64 n (or n h w)."""

    name: str
    classes: tuple[str, ...]
    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return self.train_x.shape[1]

    @property
    def size(self) -> int:
        """Height and width of an image, in pixels."""
        return self.train_x.shape[-1]

    def to(self, device: torch.device | str) -> Images:
        """The same images on a device."""
        return self._with(lambda x: x.to(device), lambda y: y.to(device))

    def limit(self, train: int, test: int) -> Images:
        """The first images of either part; the order is mixed already, and fixed."""
        return replace(
            self,
            train_x=self.train_x[:train],
            train_y=self.train_y[:train],
            test_x=self.test_x[:test],
            test_y=self.test_y[:test],
        )

    def normalised(self) -> Images:
        """Every channel with mean 0 and deviation 1 over the training images."""
        mean = self.train_x.mean((0, 2, 3), keepdim=True)
        deviation = self.train_x.std((0, 2, 3), keepdim=True).clamp(min=1e-6)
        return self._with(lambda x: (x - mean) / deviation)

    def resized(self, size: int) -> Images:
        """Every image at size x size pixels, by bilinear interpolation."""
        if size == self.train_x.shape[-2] == self.train_x.shape[-1]:
            return self
        return self._with(lambda x: F.interpolate(x, (size, size), mode="bilinear"))

    def _with(self, on_x: Callable, on_y: Callable = lambda y: y) -> Images:
        return replace(
            self,
            train_x=on_x(self.train_x),
            train_y=on_y(self.train_y),
            test_x=on_x(self.test_x),
            test_y=on_y(self.test_y),
        )


def load(name: str = "digits", size: int | None = None, limit: int | None = None) -> Images:
    """Real images by name, at their own size or at `size` x `size` pixels.

    "digits" 1 x 8 x 8 (1437 + 360 images), "digits32" the same at 32 x 32, "cifar10" 3 x 32 x 32
    (50,000 + 10,000), "fashion_mnist" 1 x 28 x 28 (60,000 + 10,000). `limit` keeps at most so
    many training images and as many test images; all of CIFAR-10 takes 0.7 GB of memory.
    The last two are downloaded once, with a progress bar and a checksum, into `place.cache()`.
    Raises UserError for an unknown name, a size or limit under 1, no network, a damaged file.
    """
    for option, value in (("size", size), ("limit", limit)):
        if value is not None and value < 1:
            raise UserError(f"{option} is {value}, and must be 1 or more: leave it out for all.")
    if name == "digits32":
        name, size = "digits", size or 32
    if name not in _SOURCES:
        known = ", ".join(["digits32", *_SOURCES])
        also = f' "{name}" is a made task: call made("{name}").' if name in _MADE else ""
        raise UserError(f"No images are named {name!r}: load knows {known}.{also}")
    images = _SOURCES[name](limit)
    return images.resized(size) if size else images


def _digits(limit: int | None) -> Images:
    """scikit-learn's bundled digits, 0..16 brought to 0..1; one image in five is for testing."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise UserError(
            "The digits come with scikit-learn, which is not installed: run "
            "`pip install -r requirements.txt`."
        ) from error
    bunch = load_digits()
    # The file is in the writers' order, ten digits in turn: mixed, so that a slice is a sample.
    order = np.random.RandomState(0).permutation(len(bunch.target))
    x = torch.from_numpy(bunch.images[order]).float().unsqueeze(1) / 16  # n 1 8 8
    y = torch.from_numpy(bunch.target[order]).long()
    images = Images("digits", tuple("0123456789"), x[:1437], y[:1437], x[1437:], y[1437:])
    return images.limit(limit, limit) if limit else images


def _torchvision(name: str, title: str, class_name: str) -> Callable[[int | None], Images]:
    """A loader for one of torchvision's datasets, by the name of its class."""

    def loader(limit: int | None) -> Images:
        from torchvision import datasets

        kind = getattr(datasets, class_name)
        parts = [_fetch(kind, title, is_train) for is_train in (True, False)]
        tensors = [tensor for part in parts for tensor in _tensors(part, limit)]
        return Images(name, tuple(parts[0].classes), *tensors)

    return loader


def _fetch(kind: type, title: str, is_train: bool):
    """torchvision's dataset, downloaded where it is not there yet; its errors as sentences."""
    where = place.cache()
    try:
        where.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{title} has nowhere to go, for the folder {where} cannot be made "
            f"({error.strerror}): set {VARIABLE} to a folder that can be written to."
        ) from error
    try:
        return kind(root=str(where), train=is_train, download=True)
    except _FAILURES as error:
        raise UserError(f"{title} {_explain(error, where)}, or {INSTEAD}.") from error


_NETWORK = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
_FAILURES = (OSError, RuntimeError, ValueError, EOFError, tarfile.TarError, zlib.error, *_NETWORK)
_DISK = (errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EDQUOT)


def _explain(error: Exception, where: Path) -> str:
    """What went wrong in a download, and what to do next."""
    said = str(error)
    if isinstance(error, _NETWORK) or "Error downloading" in said and "corrupted" not in said:
        return (
            f"is not in {where} and could not be downloaded ({_reason(error)}): connect to the "
            f"network and try again"
        )
    if getattr(error, "errno", None) in _DISK:
        return (
            f"could not be written to {where} ({os.strerror(error.errno)}): make room, or set "
            f"{VARIABLE} to another folder"
        )
    if "corrupted" in said:
        return (
            "came with a wrong checksum, so what was downloaded is damaged or not the right "
            f"file: delete {where} and try again"
        )
    return f"cannot be read ({_reason(error)}), so it is damaged: delete {where} and try again"


def _reason(error: Exception) -> str:
    """What lies under an error, in a few words: its last line that is not empty."""
    lines = [line for line in str(getattr(error, "reason", error)).splitlines() if line.strip()]
    return (lines[-1].strip().rstrip(".:") if lines else type(error).__name__)[:120]


def _tensors(part, limit: int | None) -> tuple[Tensor, Tensor]:
    """A torchvision dataset's images and labels, as n c h w in 0..1 and n."""
    pixels = torch.as_tensor(part.data[:limit])  # n h w, or n h w c; uint8
    pixels = pixels.unsqueeze(1) if pixels.dim() == 3 else pixels.permute(0, 3, 1, 2)
    labels = torch.as_tensor(part.targets[:limit], dtype=torch.int64)
    return pixels.contiguous().float().div_(255), labels


_SOURCES: dict[str, Callable[[int | None], Images]] = {
    "digits": _digits,
    "cifar10": _torchvision("cifar10", "CIFAR-10", "CIFAR10"),
    "fashion_mnist": _torchvision("fashion_mnist", "Fashion-MNIST", "FashionMNIST"),
}


def made(name: str, seed: int = 0, train: int = 2048, test: int = 512, **options) -> Images:
    """A made task by name: the same images for the same seed, on every machine.

    "xor_groups" (groups=4, width=4, size=4) asks whether channel groups get to know each other;
    "far_clue" (distance=12, size=16) asks how far a pixel sees. Their functions below say more.
    Raises UserError for an unknown name or option, and where the options do not fit together.
    """
    if name not in _MADE:
        raise UserError(f"No made task is named {name!r}: made knows {', '.join(_MADE)}.")
    if train < 1 or test < 1:
        raise UserError(f"train is {train} and test is {test}: either must be 1 or more.")
    known = list(signature(_MADE[name]).parameters)[3:]
    if unknown := sorted(set(options) - set(known)):
        raise UserError(
            f"made({name!r}) has no option {' or '.join(unknown)}: it has {', '.join(known)}."
        )
    return _MADE[name](np.random.RandomState(seed), train, test, **options)


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
    """Is the bit in channel group 0 unlike the bit in channel group 2?

    x is n (groups * width) size size. Every group hides one bit at random: it shifts the group's
    channels up and down in a pattern of its own, by +1 or -1 times that pattern, under noise.
    A stack of grouped convolutions with a linear head adds up what the groups say one by one, and
    no sum of two terms is the XOR of them; one shuffle between two layers is enough.
    """
    if groups < 3 or width < 1 or size < 1:
        raise UserError(
            f"xor_groups needs at least 3 groups, a width and a size of 1 or more, because it "
            f"compares group 0 with group 2; it was given groups={groups}, width={width}, "
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
    """What is the animal? Its own pixels do not tell; a clue does, far across the image.

    x is n 1 size size; y is n size size: the class at the animal's middle pixel, -100 at all
    others, so that the network answers at each pixel and nothing is pooled on the way. (With a
    global pool and a linear head the clue's evidence is simply added up, and the task is easy.)
    The animal is a bright 3 x 3 square. The clue, 3 x 3 too, lies `distance` rows and `distance`
    columns away in one of the four diagonal directions: three upright stripes (a cat) or three
    level ones (a dog) of equal brightness. The clue begins to tell from a receptive field of
    2 * distance + 1 pixels on; its nearest corner alone is bright in both.
    """
    room = size - 2 - distance  # positions that the pair's outer corner can take
    if distance < 3 or room < 1:
        raise UserError(
            f"far_clue keeps animal and clue apart and inside the image, so distance must lie "
            f"between 3 and size - 3 = {size - 3}; it is {distance}."
        )
    n = train + test
    y = rng.randint(0, 2, n)
    start = rng.randint(0, room, (n, 2)) + 1  # the upper left of the two middles
    flip = rng.randint(0, 2, (n, 2))  # which end of either axis holds the animal
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
    """The 3 x 3 pixels about a middle."""
    return tuple(slice(at - 1, at + 2) for at in middle)


_MADE: dict[str, Callable[..., Images]] = {"xor_groups": _xor_groups, "far_clue": _far_clue}
