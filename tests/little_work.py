"""A lesson with little to compute, for tests that ask only whether it runs. What is learned and
how fast is seen where lessons run whole, in notebooks."""

from dataclasses import replace

from convzoo import train
from convzoo.experiments import runner
from convzoo.measure import timing

IMAGES = 32  # that a training gets, and a test of it


def little_work() -> None:
    """From now on, train on a few images and time as few repeats as there may be."""
    full = train.train

    def shorter(model, images, *given, **settings):
        few = replace(
            images,
            **{
                name: getattr(images, name)[:IMAGES]
                for name in ("train_x", "train_y", "test_x", "test_y")
            },
        )
        return full(model, few, *given, **settings)

    train.train = runner.train = shorter
    timing._SHORTEST, timing._MOST_REPEATS = 0.0, timing._FEWEST_REPEATS
