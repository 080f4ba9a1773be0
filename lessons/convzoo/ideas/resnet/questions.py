"""Lesson 01: its short questions and its predictions."""

from __future__ import annotations

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "01_resnet"


def _draw_stage(rng) -> dict:
    wide = rng.choice([24, 40, 48, 64])
    return {"a": wide, "b": 2 * wide, "n": rng.choice([3, 4, 5, 6])}


def _projection(v: dict) -> int:
    return v["a"] * v["b"] + 2 * v["b"]


def _draw_channel(rng) -> dict:
    """Two pixels' worth of numbers; no sum that a belief gives is another's, or the answer."""
    while True:
        v = {
            "b1": rng.choice([2, 3, 4, 5]),
            "b2": rng.choice([-3, -2, -1]),
            "g1": rng.choice([3, 4, 5, 6]),
            "g2": rng.choice([-5, -2, 7, 8]),
        }
        sums = v["g1"] + v["g2"], v["b1"] + v["b2"]
        told = [_at_scale(v), _at_scale(v) / 2, *sums, sums[0] * sums[1], _sign_lost(v), 0]
        if len(set(told)) == len(told):
            return v


def _at_scale(v: dict) -> int:
    return v["g1"] * v["b1"] + v["g2"] * v["b2"]


def _sign_lost(v: dict) -> int:
    return v["g1"] * v["b1"] - v["g2"] * v["b2"]


def _draw_relu(rng) -> dict:
    """The input is the larger, so that something is left after the addition."""
    x = rng.choice([5, 6, 7, 8])
    return {"x": x, "b": rng.choice([1, 2, 3])}


def _draw_side(rng) -> dict:
    side = rng.choice([8, 12, 14, 20, 24, 28, 32, 40, 56])
    return {"side": side, "half": side // 2}


QUESTIONS = (
    Question(
        id="resnet.relu_place",
        lesson=LESSON,
        title="Before or after the addition",
        points=1,
        text="At one pixel of one channel the input is {x} and the branch gives -{b}. What leaves "
        "the block if the ReLU comes after the addition?",
        draw=_draw_relu,
        answer=lambda v: v["x"] - v["b"],
        explain="Behind the addition the branch can take away: {x} - {b}. Before it, the ReLU "
        "would have made its -{b} a zero, and {x} would have left the block.",
        beliefs=(
            Belief(
                lambda v: v["x"],
                "That is the block with its ReLU before the addition: -{b} became 0. Whether it "
                "comes before or after is not the same.",
            ),
            Belief(lambda v: 0, "The sum is not negative, so the ReLU lets it pass."),
            Belief(lambda v: v["x"] + v["b"], "The branch gives -{b}, with its sign."),
            Belief(lambda v: -v["b"], "That is the branch alone. The input is added to it."),
        ),
    ),
    Question(
        id="resnet.shortcut_weights",
        lesson=LESSON,
        title="What the shortcuts cost",
        points=1,
        text="A stage of {n} basic blocks takes {a} channels to {b}, with stride 2 in its first "
        "block. How many parameters do the {n} shortcuts have together? (A projection is a 1x1 "
        "convolution without bias and a batch norm with a scale and a shift for each channel.)",
        draw=_draw_stage,
        answer=_projection,
        explain="Only the first block projects: {a} * {b} weights and 2 * {b} numbers of its "
        "batch norm. The other shortcuts are the input itself, and cost nothing.",
        beliefs=(
            Belief(
                lambda v: v["n"] * _projection(v),
                "That counts a projection in every block. From the second block on the input has "
                "the output's shape already.",
            ),
            Belief(
                lambda v: _projection(v) + (v["n"] - 1) * (v["b"] ** 2 + 2 * v["b"]),
                "From the second block on there is no projection, not even from {b} to {b}.",
            ),
            Belief(lambda v: v["a"] * v["b"], "The projection has a batch norm, too."),
            Belief(
                lambda v: v["a"] * v["b"] + v["b"],
                "The batch norm has two numbers for each channel, a scale and a shift.",
            ),
            Belief(
                lambda v: v["a"] * v["b"] + 4 * v["b"],
                "The running mean and variance are not learned, and so are no parameters.",
            ),
            Belief(
                lambda v: v["b"] ** 2 + 2 * v["b"],
                "What enters the first block has {a} channels: its projection is {a} to {b}.",
            ),
            Belief(
                lambda v: 0,
                "That would be so if the first block kept the shape. It changes stride and width.",
            ),
            Belief(
                lambda v: 9 * v["a"] * v["b"] + 2 * v["b"],
                "The projection is a 1x1 convolution: one tap, not nine.",
            ),
        ),
    ),
    Question(
        id="resnet.overfit",
        lesson=LESSON,
        title="What went wrong",
        points=1,
        text="A plain net of {deep} layers gets {train}% of its training images right and {test}% "
        "of the test images. One of 20 layers gets 98% and 97%. What is wrong with the deep one?",
        draw=lambda rng: (
            lambda low: {
                "deep": rng.choice([44, 56, 68, 80]),
                "train": low,
                "test": low - rng.choice([1, 2, 3]),
            }
        )(rng.choice([33, 36, 41, 45])),
        answer="It was not optimised: it cannot even tell its training images apart.",
        options=(
            "It was not optimised: it cannot even tell its training images apart.",
            "It overfits: so many layers learn the training images by heart.",
            "It has too few parameters for the task.",
            "Its test images are harder than those of the other.",
        ),
        explain="Who overfits is good on the training images. This one is as bad on them as on "
        "the test images, though a net of {deep} layers could copy the shallow one and hand the "
        "image on through the rest.",
        beliefs=(
            Belief(
                "It overfits: so many layers learn the training images by heart.",
                "Then its training accuracy would be high. It is {train}%.",
            ),
            Belief(
                "It has too few parameters for the task.",
                "It has more than the net of 20 layers, which solves the task.",
            ),
            Belief(
                "Its test images are harder than those of the other.",
                "Both are tested on the same images, and it fails on the training images too.",
            ),
        ),
    ),
    Question(
        id="resnet.zero_scale",
        lesson=LESSON,
        title="A scale of zero",
        points=1,
        text="y = x + s * b, and s is 0. A channel has two pixels: there the branch b is {b1} and "
        "{b2}, and the gradients that arrive at y are {g1} and {g2}. What is the gradient of s?",
        draw=_draw_channel,
        answer=_at_scale,
        explain="{g1} * {b1} + {g2} * {b2}. The value of s does not stand in it: a scale that "
        "starts at zero moves in the first step.",
        beliefs=(
            Belief(lambda v: 0, "s is zero, its gradient is not: if s grew, y would change by b."),
            Belief(
                lambda v: v["g1"] + v["g2"],
                "That is the gradient of something added to y. s multiplies the branch.",
            ),
            Belief(
                lambda v: v["b1"] + v["b2"],
                "That is how y changes. By how much the loss changes with y, the gradients at y "
                "tell.",
            ),
            Belief(
                lambda v: (v["g1"] + v["g2"]) * (v["b1"] + v["b2"]),
                "That is a product of sums. At each pixel the branch meets its own gradient: "
                "first the products, then their sum.",
            ),
            Belief(_sign_lost, "One sign is lost: the second pixel's product is {g2} * {b2}."),
            Belief(lambda v: _at_scale(v) / 2, "Both pixels count in full: it is a sum, no mean."),
        ),
    ),
    Question(
        id="resnet.seen_pixels",
        lesson=LESSON,
        title="What the branch has seen",
        points=1,
        text="A bottleneck with stride 2 gets an image of {side} x {side} pixels. In the paper's "
        "layout the stride sits in the first 1x1. How many of the image's pixels can its branch "
        "see?",
        draw=_draw_side,
        answer=lambda v: v["half"] ** 2,
        explain="The 1x1 reads every other pixel of every other row, {half} x {half}, and nothing "
        "behind it sees the others. In the 3x3 the stride loses none: its windows overlap.",
        beliefs=(
            Belief(
                lambda v: v["side"] ** 2,
                "That is the layout with the stride in the 3x3. A 1x1 reads one pixel at a time, "
                "and with stride 2 it steps over the others.",
            ),
            Belief(
                lambda v: v["side"] * v["half"],
                "It steps in both directions: half of the rows and half of the columns.",
            ),
            Belief(lambda v: v["half"], "That is one row of them."),
            Belief(lambda v: 1 / 4, "That is the share. The number of pixels is asked for."),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="resnet.directions",
        question="Sixteen plain layers in a row, each a random 12 x 12 matrix that on average "
        "keeps the length of a vector. Of the 12 directions that go in, how many come out at more "
        "than a hundredth of the strongest one's strength?",
        unit="directions",
        why="What does the addition change about that?",
    ),
    Prediction(
        id="resnet.depth",
        question="Twenty plain layers get 98% of the training digits right after six epochs. The "
        "same recipe, 56 plain layers: which share of the training digits, in percent?",
        unit="%",
        why="Is it overfitting?",
    ),
    Prediction(
        id="resnet.gradient",
        question="A plain net of 56 layers with batch norm, before its first step. How many times "
        "as large as at the last block is the gradient at the first block? (Below 1 it vanishes "
        "on the way, 0.001 for instance; above 1 it grows.)",
        unit="times",
        why="Which part of the net would do that?",
    ),
    Prediction(
        id="resnet.zero_start",
        question="The last scale of each of nine blocks starts at zero, so every block is the "
        "identity. How many of the 18 3x3 layers in these blocks get a gradient other than zero "
        "in the very first step?",
        unit="layers",
        why="And in the second step?",
    ),
    Prediction(
        id="resnet.stride",
        question="ResNet-50 with its strides moved from the 3x3 layers into the first 1x1 layers: "
        "how many percent of its multiply-adds does that save?",
        unit="%",
        why="Who works at the smaller size now?",
    ),
)
