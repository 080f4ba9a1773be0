"""Lesson 00: short questions and predictions."""

from __future__ import annotations

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "00_convolution"


def _pixels(rng) -> dict:
    a, d = rng.choice([3, 5, 7]), rng.choice([14, 16, 18])
    return {"w": rng.choice([2, 3, 5]), "a": a, "b": a + 5, "c": a + 6, "d": d + a}


QUESTIONS = (
    Question(
        id="convolution.mixing",
        lesson=LESSON,
        title="What a 1x1 convolution does",
        points=1,
        text="A 1x1 convolution has {c} channels in and {c} out. What does output channel {i} "
        "depend on at one pixel?",
        draw=lambda rng: {"c": rng.choice([8, 16, 32, 64]), "i": rng.choice([2, 3, 5])},
        answer="On all {c} input channels, at that pixel.",
        options=(
            "On all {c} input channels, at that pixel.",
            "On input channel {i} only, multiplied by a number.",
            "On input channel {i}, at that pixel and its neighbours.",
            "On all {c} input channels, at all pixels.",
        ),
        explain="Row {i} of the matrix has {c} entries, one for each input channel.",
        beliefs=(
            Belief(
                "On input channel {i} only, multiplied by a number.",
                "That would be a diagonal matrix. A 1x1 has a full matrix: it mixes channels.",
            ),
            Belief(
                "On input channel {i}, at that pixel and its neighbours.",
                "To see neighbours, a layer needs a larger kernel. A 1x1 sees one pixel, with all "
                "its channels.",
            ),
            Belief(
                "On all {c} input channels, at all pixels.",
                "That would be a fully connected layer. A 1x1 works on each pixel separately.",
            ),
        ),
    ),
    Question(
        id="convolution.parameters",
        lesson=LESSON,
        title="Counting the parameters of a 1x1",
        points=1,
        text="A 1x1 convolution without bias turns {ci} channels into {co}, on images of {h} x {w} "
        "pixels. How many parameters does it have?",
        draw=lambda rng: {
            "ci": rng.choice([12, 24, 48]),
            "co": rng.choice([20, 40, 80]),
            "h": rng.choice([14, 28, 56]),
            "w": rng.choice([15, 30, 60]),
        },
        answer=lambda v: v["ci"] * v["co"],
        wrong_numbers=lambda v: (
            v["ci"] + v["co"],
            9 * v["ci"] * v["co"],
            v["ci"] * v["co"] + v["ci"],
            v["co"] * v["h"] * v["w"],
            v["ci"],
        ),
        explain="One matrix of {co} x {ci}. Every pixel uses the same one, so the size of the "
        "image does not matter.",
        beliefs=(
            Belief(
                lambda v: v["ci"] * v["co"] * v["h"] * v["w"],
                "Those are its multiply-adds. All pixels use the same matrix, so the number of "
                "parameters does not grow with the image.",
                name="counts multiply-adds, not parameters",
            ),
            Belief(
                lambda v: v["ci"] * v["co"] + v["co"],
                "That includes a bias for each output. This layer has none.",
                name="adds a bias for each output",
            ),
            Belief(
                lambda v: v["co"],
                "With one number for each channel, the layer could only rescale the channels. Each "
                "output has a weight for each input.",
                name="one weight for each output",
            ),
            Belief(
                lambda v: v["ci"] * v["h"] * v["w"],
                "That is how many numbers the image has. The layer's parameters do not depend on "
                "the image.",
                name="counts the numbers in the image",
            ),
        ),
    ),
    Question(
        id="convolution.stride",
        lesson=LESSON,
        title="A stride of 2",
        points=1,
        text="One channel, four pixels: {a} and {b} in the first row, {c} and {d} in the second. A "
        "1x1 convolution with the single weight {w}, stride 2 and no padding returns one number. "
        "What is it?",
        draw=_pixels,
        answer=lambda v: v["w"] * v["a"],
        wrong_numbers=lambda v: (
            v["b"],
            v["c"],
            v["d"],
            v["w"] * v["b"],
            v["w"] * v["c"],
            v["w"] + v["a"],
            (v["a"] + v["b"] + v["c"] + v["d"]) / 4,
            v["a"] + v["b"] + v["c"] + v["d"],
        ),
        explain="It reads the pixel at the top left and multiplies it by {w}. The other three are "
        "never read.",
        beliefs=(
            Belief(
                lambda v: v["w"] * (v["a"] + v["b"] + v["c"] + v["d"]) / 4,
                "That uses the mean of the four, like a mean pool. A stride does not average: it "
                "skips pixels.",
                name="a stride averages the pixels",
            ),
            Belief(
                lambda v: v["w"] * (v["a"] + v["b"] + v["c"] + v["d"]),
                "That adds up all four. A 1x1 reads one pixel.",
                name="a stride adds up the pixels",
            ),
            Belief(
                lambda v: v["w"] * v["d"],
                "That uses the largest pixel, or the last. A stride starts at the first pixel.",
                name="a stride keeps the largest or the last pixel",
            ),
            Belief(
                lambda v: v["a"],
                "That is the right pixel. Now multiply by the weight.",
                name="forgets the weight",
            ),
        ),
    ),
    Question(
        id="convolution.running_mean",
        lesson=LESSON,
        title="A running mean",
        points=1,
        text="A batch norm with momentum 0.1 has the running mean {r} in one channel. In training, "
        "a batch arrives with the mean {b} in that channel. What is the running mean afterwards?",
        draw=lambda rng: {"r": 10 * rng.choice([2, 3, 4]), "b": 10 * rng.choice([7, 8, 9, 11])},
        answer=lambda v: 0.9 * v["r"] + 0.1 * v["b"],
        wrong_numbers=lambda v: (
            0.1 * v["b"],
            0.9 * v["b"],
            0.9 * v["r"],
            v["r"],
            v["r"] + v["b"],
            0.1 * (v["r"] + v["b"]),
            0.1 * v["r"] + v["b"],
            v["r"] - 0.1 * (v["b"] - v["r"]),
        ),
        explain="Nine tenths of the old mean plus one tenth of the batch's mean.",
        beliefs=(
            Belief(
                lambda v: 0.1 * v["r"] + 0.9 * v["b"],
                "Old and new are swapped. In torch, momentum is the share of the new batch.",
                name="swaps old and new",
            ),
            Belief(
                lambda v: v["b"],
                "That is the batch's mean. It is used to normalise this batch, but only a tenth of "
                "it goes into the running mean.",
                name="replaces the running mean by the batch's",
            ),
            Belief(
                lambda v: (v["r"] + v["b"]) / 2,
                "That would be momentum 0.5. With 0.1, one batch changes the mean only a little.",
                name="averages old and new equally",
            ),
            Belief(
                lambda v: v["r"] + 0.1 * v["b"],
                "The old mean must lose a tenth as well. Otherwise the mean would keep growing.",
                name="adds a tenth without taking one away",
            ),
        ),
    ),
    Question(
        id="convolution.branches",
        lesson=LESSON,
        title="Channels of an Inception block",
        points=1,
        text="An Inception block reads {c} channels. It has four branches: a 1x1 to {a}; a 1x1 to "
        "{b0}, then a 3x3 to {b}; a 1x1 to {d0}, then a 5x5 to {d}; a max pool, then a 1x1 to {e}. "
        "How many channels does the block return?",
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
        wrong_numbers=lambda v: (
            v["a"] + v["b"] + v["d"],
            v["a"] + v["b0"] + v["d0"] + v["e"],
            v["b"] + v["d"] + v["e"],
            v["c"],
        ),
        explain="The outputs of the branches are put next to each other: {a} + {b} + {d} + {e}.",
        beliefs=(
            Belief(
                lambda v: v["a"] + v["b0"] + v["b"] + v["d0"] + v["d"] + v["e"],
                "The narrow layers with {b0} and {d0} channels stay inside their branches. Only "
                "the last layer of each branch counts.",
                name="counts the layers inside the branches",
            ),
            Belief(
                lambda v: max(v["a"], v["b"]),
                "That is the widest branch, as if the four images were added. They are put next to "
                "each other instead.",
                name="takes the widest branch only",
            ),
            Belief(
                lambda v: v["a"] + v["b"] + v["d"] + v["c"],
                "The pool keeps {c} channels, but after it a 1x1 reduces them to {e}.",
                name="forgets the 1x1 after the pool",
            ),
            Belief(
                lambda v: v["c"] + v["a"] + v["b"] + v["d"] + v["e"],
                "The input itself is not passed on. DenseNet does that.",
                name="passes the input on as well",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="convolution.eight_of_nine",
        question="A 3x3 layer with random weights adds up nine products. You leave one out. How "
        "large is the missing part, as a share of the output? (Both as root mean squares; 0.5 "
        "means half as large.)",
        unit="of the output",
        why="Why is it not a ninth?",
    ),
    Prediction(
        id="convolution.unread",
        question="A 3x3 with stride 2, dilation 2 and padding 2 runs over 13 x 13 pixels. What "
        "share of the pixels is never read by any output? (0.1 means a tenth.)",
        unit="of the pixels",
        why="Which rows can a tap reach?",
    ),
    Prediction(
        id="convolution.field",
        question="Four 3x3 layers in a row, the first with stride 2, the others with stride 1. How "
        "many pixels of the image, along one axis, does one output see?",
        unit="pixels",
        why="What does a stride do to the layers after it?",
        value=15,
    ),
    Prediction(
        id="convolution.unfolded",
        question="Unfolding copies, for every output, the pixels that it reads. Take a 3x3 with "
        "stride 1 and padding 1. How many times as many numbers as the image does the unfolded "
        "image have?",
        unit="times as many",
        why="How many outputs read the same pixel?",
    ),
    Prediction(
        id="convolution.company",
        question="One image goes through a batch norm in training mode twice, each time in a batch "
        "with three different images. The results have a size of about 1. By how much do they "
        "differ? (Root of the mean square; 0 means not at all.)",
        unit="of the output's size",
        why="Which part of the result depends on the other images?",
    ),
    Prediction(
        id="convolution.regularises",
        question="The lecture says that batch norm regularises. We train on 200 digits, with 5 "
        "seeds each. By how many percentage points is the test accuracy higher with batch norm "
        "than without? (Negative if it is lower.)",
        unit="points",
        why="What else does batch norm change?",
    ),
    Prediction(
        id="convolution.reduced",
        question="GoogLeNet's block 3a turns 192 channels into 32 with a 5x5. How many times fewer "
        "multiply-adds does that take if a 1x1 first reduces the 192 channels to 16?",
        unit="times fewer",
        why="Which of the two layers costs more now?",
    ),
)
