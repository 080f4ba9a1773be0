"""Images, always in the same form.

Whatever the source, images are float32 in 0..1, shaped n c h w; labels are int64, shaped n (or n h
w for a task that is read out at each pixel, where -100 means "no label here" and `F.cross_entropy`
ignores it by default). The split into training and test images is fixed. `Images.normalised()`
shifts and scales each channel by the mean and standard deviation of the training images.

`load` returns real images: "digits" comes with scikit-learn; "cifar10" and "fashion_mnist" are
downloaded once. `made` returns synthetic tasks that test one claim each. `photograph` returns one
large colour photograph instead, as `convzoo.photographs` describes.
"""

from __future__ import annotations

from inspect import signature

import numpy as np

from convzoo.data.images import IGNORED, Images
from convzoo.data.sources import SOURCES
from convzoo.data.tasks import TASKS
from convzoo.errors import UserError
from convzoo.photographs import photograph

__all__ = ["IGNORED", "Images", "load", "made", "photograph"]


def load(name: str = "digits", size: int | None = None, limit: int | None = None) -> Images:
    """Return real images by name, at their original size or at `size` x `size` pixels.

    "digits" 1 x 8 x 8 (1437 + 360 images), "digits32" the same at 32 x 32, "cifar10" 3 x 32 x 32
    (50,000 + 10,000), "fashion_mnist" 1 x 28 x 28 (60,000 + 10,000). `limit` keeps at most that
    many training images and the same number of test images; all of CIFAR-10 takes 0.7 GB of memory.
    The last two are downloaded once, with a progress bar and a checksum, into `place.cache()`.
    Raises UserError for an unknown name, a size or limit under 1, no network, a damaged file.
    """
    for option, value in (("size", size), ("limit", limit)):
        if value is not None and value < 1:
            raise UserError(
                f"{option} is {value}, but must be 1 or more. Leave it out to get everything."
            )
    if name == "digits32":
        name, size = "digits", size or 32
    if name not in SOURCES:
        known = ", ".join(["digits32", *SOURCES])
        also = f' "{name}" is a synthetic task: call made("{name}").' if name in TASKS else ""
        raise UserError(f"There are no images named {name!r}: load knows {known}.{also}")
    images = SOURCES[name](limit)
    return images.resized(size) if size else images


def made(name: str, seed: int = 0, train: int = 2048, test: int = 512, **options) -> Images:
    """Return a synthetic task by name: the same images for the same seed, on every machine.

    "xor_groups" (groups=4, width=4, size=4) asks whether information passes between channel groups;
    "far_clue" (distance=12, size=16) asks how far a pixel sees. See `data.tasks` for both.
    Raises UserError for an unknown name or option, and if the options do not fit together.
    """
    if name not in TASKS:
        raise UserError(f"There is no task named {name!r}: made knows {', '.join(TASKS)}.")
    if train < 1 or test < 1:
        raise UserError(f"train is {train} and test is {test}, but both must be 1 or more.")
    known = list(signature(TASKS[name]).parameters)[3:]
    if unknown := sorted(set(options) - set(known)):
        raise UserError(
            f"made({name!r}) has no option {' or '.join(unknown)}: it has {', '.join(known)}."
        )
    return TASKS[name](np.random.RandomState(seed), train, test, **options)
