"""Lesson 00: short questions and predictions."""

from __future__ import annotations

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "00_convolution"


def _pixels(rng) -> dict:
    """Four different numbers whose mean, sum and largest are told apart from each."""
    a, d = rng.choice([3, 5, 7]), rng.choice([14, 16, 18])
    return {"w": rng.choice([2, 3, 5]), "a": a, "b": a + 5, "c": a + 6, "d": d + a}


QUESTIONS = (
    Question(
        id="convolution.mixing",
        lesson=LESSON,
        title="What a 1x1 convolution does",
        points=1,
        text="A 1x1 convolution has {c} channels in and {c} out. What does output channel {i} at "
        "one pixel depend on?",
        draw=lambda rng: {"c": rng.choice([8, 16, 32, 64]), "i": rng.choice([2, 3, 5])},
        answer="On all {c} input channels, at that pixel.",
        options=(
            "On all {c} input channels, at that pixel.",
            "On input channel {i} alone, multiplied by a number.",
            "On input channel {i}, at that pixel and its neighbours.",
            "On all {c} input channels, at all pixels.",
        ),
        explain="Row {i} of the matrix has {c} entries, one for each input channel.",
        beliefs=(
            Belief(
                "On input channel {i} alone, multiplied by a number.",
                "That would be a diagonal matrix. The matrix of a 1x1 is full: it mixes channels.",
            ),
            Belief(
                "On input channel {i}, at that pixel and its neighbours.",
                "Neighbours need a larger kernel. A 1x1 sees one pixel, and all its channels.",
            ),
            Belief(
                "On all {c} input channels, at all pixels.",
                "That would be a fully connected layer. A 1x1 works at each pixel alone.",
            ),
        ),
    ),
    Question(
        id="convolution.parameters",
        lesson=LESSON,
        title="Counting a 1x1's parameters",
        points=1,
        text="A 1x1 convolution takes {ci} channels to {co}, without bias, on images of {h} x {w} "
        "pixels. How many parameters does it have?",
        draw=lambda rng: {
            "ci": rng.choice([12, 24, 48]),
            "co": rng.choice([20, 40, 80]),
            "h": rng.choice([14, 28, 56]),
            "w": rng.choice([15, 30, 60]),
        },
        answer=lambda v: v["ci"] * v["co"],
        explain="One matrix of {co} x {ci}, the same at every pixel, whatever their number.",
        beliefs=(
            Belief(
                lambda v: v["ci"] * v["co"] * v["h"] * v["w"],
                "Those are its multiply-adds. The matrix is the same at each pixel, so its "
                "parameters do not grow with the image.",
            ),
            Belief(
                lambda v: v["ci"] * v["co"] + v["co"],
                "That has a bias for each output. This layer has none.",
            ),
            Belief(
                lambda v: v["co"],
                "That is one number for each channel, which would only rescale. Each output has "
                "a weight for each input.",
            ),
            Belief(
                lambda v: v["ci"] * v["h"] * v["w"],
                "Those are the numbers in the image. The layer's parameters do not depend on it.",
            ),
        ),
    ),
    Question(
        id="convolution.stride",
        lesson=LESSON,
        title="A stride of 2",
        points=1,
        text="One channel, four pixels: {a} and {b} in the first row, {c} and {d} in the second. A "
        "1x1 convolution with the one weight {w}, stride 2 and no padding gives one number. Which?",
        draw=_pixels,
        answer=lambda v: v["w"] * v["a"],
        explain="It reads the pixel at the top left. Nothing ever reads the other three.",
        beliefs=(
            Belief(
                lambda v: v["w"] * (v["a"] + v["b"] + v["c"] + v["d"]) / 4,
                "That is the mean of the four, as a pool would take it. A stride averages "
                "nothing: it leaves pixels out.",
            ),
            Belief(
                lambda v: v["w"] * (v["a"] + v["b"] + v["c"] + v["d"]),
                "That adds up the four. A 1x1 reads one pixel.",
            ),
            Belief(
                lambda v: v["w"] * v["d"],
                "That is the largest, or the last. A stride begins with the first pixel.",
            ),
            Belief(lambda v: v["a"], "The pixel is the right one. And the weight?"),
        ),
    ),
    Question(
        id="convolution.running_mean",
        lesson=LESSON,
        title="A running mean",
        points=1,
        text="A batch norm with momentum 0.1 has the running mean {r} in a channel. In training a "
        "batch arrives whose mean is {b} there. What is the running mean afterwards?",
        draw=lambda rng: {"r": 10 * rng.choice([2, 3, 4]), "b": 10 * rng.choice([7, 8, 9, 11])},
        answer=lambda v: 0.9 * v["r"] + 0.1 * v["b"],
        explain="Nine tenths of the old one and one tenth of the batch's.",
        beliefs=(
            Belief(
                lambda v: 0.1 * v["r"] + 0.9 * v["b"],
                "Old and new are exchanged. torch's momentum is the share of the new batch.",
            ),
            Belief(
                lambda v: v["b"],
                "That is the batch's mean: it normalises this batch, but only a tenth of it is "
                "kept.",
            ),
            Belief(
                lambda v: (v["r"] + v["b"]) / 2,
                "That is momentum 0.5. With 0.1 a single batch moves it little.",
            ),
            Belief(
                lambda v: v["r"] + 0.1 * v["b"],
                "The old one must lose its tenth, too: else the mean would grow for ever.",
            ),
        ),
    ),
    Question(
        id="convolution.branches",
        lesson=LESSON,
        title="Channels of an Inception block",
        points=1,
        text="An Inception block reads {c} channels. Its branches: a 1x1 to {a}; a 1x1 to {b0}, "
        "then a 3x3 to {b}; a 1x1 to {d0}, then a 5x5 to {d}; a max pool, then a 1x1 to {e}. How "
        "many channels come out?",
        draw=lambda rng: {
            "c": rng.choice([192, 256, 480]),
            "a": rng.choice([64, 128]),
            "b0": 96,
            "b": rng.choice([120, 136, 200]),
            "d0": 16,
            "d": rng.choice([32, 48]),
            "e": rng.choice([40, 56]),
        },
        answer=lambda v: v["a"] + v["b"] + v["d"] + v["e"],
        explain="The branches stand beside each other: {a} + {b} + {d} + {e}.",
        beliefs=(
            Belief(
                lambda v: v["a"] + v["b0"] + v["b"] + v["d0"] + v["d"] + v["e"],
                "The narrow layers {b0} and {d0} stay inside their branches. What comes out are "
                "the last layers.",
            ),
            Belief(
                lambda v: max(v["a"], v["b"]),
                "That is the widest branch, as if the four were added up. They stand beside each "
                "other.",
            ),
            Belief(
                lambda v: v["a"] + v["b"] + v["d"] + v["c"],
                "The pool keeps {c} channels, but a 1x1 to {e} comes behind it.",
            ),
            Belief(
                lambda v: v["c"] + v["a"] + v["b"] + v["d"] + v["e"],
                "The input itself is not passed on; that would be DenseNet.",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="convolution.eight_of_nine",
        question="Add up eight of the nine products of a 3x3 layer with random weights, all but "
        "one. How large is what is missing, as a share of the output? (Both measured as the root "
        "of the mean square; 0.5 means half as large.)",
        unit="of the output",
        why="Why is it not a ninth?",
    ),
    Prediction(
        id="convolution.unread",
        question="A 3x3 with stride 2, dilation 2 and padding 2 runs over 13 x 13 pixels. Which "
        "share of the pixels does no output ever read? (0.1 means a tenth.)",
        unit="of the pixels",
        why="Which rows can a tap reach?",
    ),
    Prediction(
        id="convolution.field",
        question="Four 3x3 layers in a row, the first with stride 2, the others with stride 1. How "
        "many pixels of the image, along one axis, does one output see?",
        unit="pixels",
        why="What does a stride do to the layers behind it?",
        value=15,
    ),
    Prediction(
        id="convolution.unfolded",
        question="Unfolding copies for every output the pixels that it reads. A 3x3 with stride 1 "
        "and padding 1: how many times as many numbers as the image does the unfolded one hold?",
        unit="times as many",
        why="Who reads the same pixel?",
    ),
    Prediction(
        id="convolution.company",
        question="One image goes through a batch norm in training mode, twice, each time with "
        "three other images beside it. Its numbers are then about 1 large. By how much do the two "
        "results differ? (Root of the mean square; 0 means not at all.)",
        unit="of the output's size",
        why="What of it depends on the other images?",
    ),
    Prediction(
        id="convolution.regularises",
        question="The lecture: batch norm regularises. 200 digits to learn from, 5 seeds each: by "
        "how many percentage points is the test accuracy with batch norm above that without? "
        "(Negative if below.)",
        unit="points",
        why="What else does batch norm change?",
    ),
    Prediction(
        id="convolution.reduced",
        question="GoogLeNet's block 3a takes 192 channels to 32 with a 5x5. How many times fewer "
        "multiply-adds is that where a 1x1 brings the 192 down to 16 first?",
        unit="times fewer",
        why="Which of the two layers costs more now?",
    ),
)
