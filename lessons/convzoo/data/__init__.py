"""Images, always in the same form.

Whatever the source: images are float32 in 0..1, shaped n c h w; labels are int64, shaped n (for
a task that is read out at each pixel n h w, where -100 means "not asked here", which
`F.cross_entropy` leaves out by default). The split into training and test images is fixed.
`Images.normalised()` shifts and scales each channel by the training images' mean and deviation.

`load` gives real images: "digits" lies on this disk already (scikit-learn brings it); "cifar10"
and "fashion_mnist" are downloaded once. `made` gives the tasks that put a claim to the test.
"""

from __future__ import annotations

from inspect import signature

import numpy as np

from convzoo.data.images import IGNORED, Images
from convzoo.data.sources import SOURCES
from convzoo.data.tasks import TASKS
from convzoo.errors import UserError

__all__ = ["IGNORED", "Images", "load", "made"]


def load(name: str = "digits", size: int | None = None, limit: int | None = None) -> Images:
    """Return real images by name, at their own size or at `size` x `size` pixels.

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
    if name not in SOURCES:
        known = ", ".join(["digits32", *SOURCES])
        also = f' "{name}" is a made task: call made("{name}").' if name in TASKS else ""
        raise UserError(f"No images are named {name!r}: load knows {known}.{also}")
    images = SOURCES[name](limit)
    return images.resized(size) if size else images


def made(name: str, seed: int = 0, train: int = 2048, test: int = 512, **options) -> Images:
    """Return a made task by name: the same images for the same seed, on every machine.

    "xor_groups" (groups=4, width=4, size=4) asks whether channel groups get to know each other;
    "far_clue" (distance=12, size=16) asks how far a pixel sees. `data.tasks` says more of both.
    Raises UserError for an unknown name or option, and if the options do not fit together.
    """
    if name not in TASKS:
        raise UserError(f"No made task is named {name!r}: made knows {', '.join(TASKS)}.")
    if train < 1 or test < 1:
        raise UserError(f"train is {train} and test is {test}: either must be 1 or more.")
    known = list(signature(TASKS[name]).parameters)[3:]
    if unknown := sorted(set(options) - set(known)):
        raise UserError(
            f"made({name!r}) has no option {' or '.join(unknown)}: it has {', '.join(known)}."
        )
    return TASKS[name](np.random.RandomState(seed), train, test, **options)
