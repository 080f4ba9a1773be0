"""A lesson with little to compute, for tests that ask only whether it runs. What is learned and
how fast is seen where lessons run whole, in notebooks."""

import gc

import torchvision  # noqa: F401  so that it is imported
from convzoo import train
from convzoo.experiments import runner
from convzoo.measure import timing

IMAGES = 32  # that a training gets, and a test of it


def little_work() -> None:
    """From now on, train on a few images, time as few repeats as there may be, and look for no
    garbage among what has been imported."""
    full = train.train

    def shorter(model, images, *given, **settings):
        return full(model, images.limit(IMAGES, IMAGES), *given, **settings)

    train.train = runner.train = shorter
    gc.freeze()
    timing._SHORTEST, timing._MOST_REPEATS = 0.0, timing._FEWEST_REPEATS
