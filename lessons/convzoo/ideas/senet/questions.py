"""Lesson 04: the short questions and the predictions."""

from __future__ import annotations

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "04_senet"


def _draw_weights(rng) -> dict:
    reduction = rng.choice([4, 8, 16])
    channels = reduction * rng.choice([6, 10, 12, 20])
    return {"r": reduction, "c": channels, "side": rng.choice([7, 14])}


QUESTIONS = (
    Question(
        id="senet.corner",
        lesson=LESSON,
        title="From corner to corner",
        points=1,
        text="An image of {n} x {n} pixels goes through 3x3 layers of stride 1 that keep its size. "
        "How many layers until the output at the top left depends on the pixel at the bottom "
        "right?",
        draw=lambda rng: {"n": rng.choice([9, 15, 17, 25, 33])},
        answer=lambda v: v["n"] - 1,
        explain="Each layer reaches one pixel further, and the corner is {n} - 1 pixels away.",
        beliefs=(
            Belief(
                lambda v: (v["n"] - 1) / 2,
                "After that many layers the field is {n} pixels wide, but a corner sees only the "
                "half of it that lies inside the image.",
            ),
            Belief(lambda v: v["n"], "One less: a pixel sees itself before the first layer."),
            Belief(
                lambda v: v["n"] / 3,
                "A second layer of width 3 adds two pixels to the field, not three.",
            ),
            Belief(
                lambda v: 2 * v["n"] - 1, "So wide must the field be. Each layer widens it by two."
            ),
            Belief(lambda v: 1, "One layer sees the eight neighbours alone."),
        ),
    ),
    Question(
        id="senet.how_many_gates",
        lesson=LESSON,
        title="How many gates",
        points=1,
        text="A batch holds {n} images with {c} channels of {side} x {side} pixels each. How many "
        "different gates does one SE layer compute for it?",
        draw=lambda rng: {
            "n": rng.choice([4, 8, 32]),
            "c": rng.choice([48, 96, 160]),
            "side": rng.choice([7, 14]),
        },
        answer=lambda v: v["n"] * v["c"],
        explain="One for each image and channel. All pixels of a channel share it.",
        beliefs=(
            Belief(
                lambda v: v["c"],
                "That would be one for each channel, whatever the image. The gates are computed "
                "from each image anew.",
            ),
            Belief(
                lambda v: v["n"] * v["side"] ** 2,
                "That is one for each pixel. SE weighs channels: all pixels of one share its gate.",
            ),
            Belief(
                lambda v: v["n"] * v["c"] * v["side"] ** 2,
                "That is one for each number of the image. All pixels of a channel share a gate.",
            ),
            Belief(lambda v: v["n"], "One gate an image could prefer no channel to another."),
        ),
    ),
    Question(
        id="senet.sum_of_gates",
        lesson=LESSON,
        title="What the gates sum to",
        points=1,
        text="The second layer of the paper's gate gives 0 for each of {c} channels. What do the "
        "{c} gates of an image sum to?",
        draw=lambda rng: {"c": rng.choice([12, 24, 64, 96, 256])},
        answer=lambda v: v["c"] / 2,
        explain="sigmoid(0) is one half, and no gate hears of the others.",
        beliefs=(
            Belief(
                lambda v: 1,
                "Sigmoids do not share anything out: each gate is between 0 and 1 on its own. A "
                "softmax's gates sum to one.",
            ),
            Belief(lambda v: v["c"], "That would be gates of 1. What is sigmoid(0)?"),
            Belief(lambda v: 0, "That would be gates of 0. What is sigmoid(0)?"),
        ),
    ),
    Question(
        id="senet.weights",
        lesson=LESSON,
        title="What the two gates hold",
        points=1,
        text="The paper's gate stands behind a layer of {c} channels of {side} x {side} pixels, "
        "with reduction {r}. How many weights does it have, biases included?",
        draw=_draw_weights,
        answer=lambda v: 2 * v["c"] ** 2 / v["r"] + v["c"] + v["c"] / v["r"],
        explain="{c} to {c}/{r} and back, and a bias for each number that comes out.",
        beliefs=(
            Belief(
                lambda v: 2 * v["c"] ** 2 / v["r"],
                "Those are the two matrices. Each layer has biases, too.",
            ),
            Belief(
                lambda v: 2 * v["c"] ** 2 / v["r"] + v["c"],
                "The first layer has biases, too: {c}/{r} of them.",
            ),
            Belief(
                lambda v: 2 * v["c"] ** 2 / v["r"] + v["c"] / v["r"],
                "The second layer has biases, too: {c} of them.",
            ),
            Belief(
                lambda v: v["c"] * v["side"] ** 2,
                "That is the lecture's gate, with a weight for each pixel. The paper's sees the "
                "mean alone, and does not know the image's size.",
            ),
            Belief(
                lambda v: v["c"] ** 2 / v["r"] + v["c"] / v["r"],
                "That is the way down. There is a way back up.",
            ),
            Belief(
                lambda v: 2 * v["c"] ** 2 + 2 * v["c"],
                "That is without the reduction: the middle has {c}/{r} numbers.",
            ),
        ),
    ),
    Question(
        id="senet.once_trained",
        lesson=LESSON,
        title="Once it is trained",
        points=1,
        text="A trained SE network is in evaluation mode. You send it two images. What are the "
        "gates of its first SE layer?",
        answer="They differ from image to image.",
        options=(
            "They differ from image to image.",
            "They are the same: training has fixed them.",
            "They differ from pixel to pixel.",
            "They are all 1: gates work in training alone.",
        ),
        explain="Training fixes the weights that compute the gates. The gates are an activation, "
        "like any other.",
        beliefs=(
            Belief(
                "They are the same: training has fixed them.",
                "The weights of its two layers are fixed. What goes through them is the image's "
                "own mean.",
            ),
            Belief(
                "They differ from pixel to pixel.",
                "A channel's gate is one number for the whole image.",
            ),
            Belief(
                "They are all 1: gates work in training alone.",
                "That is dropout's way. The gate is a part of the network.",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="senet.layers",
        question="An image of 12 x 12 pixels, 3x3 layers of stride 1. After how many layers does "
        "the output at the top left depend on the pixel at the bottom right?",
        unit="layers",
        why="And how strongly, then?",
        value=11,
    ),
    Prediction(
        id="senet.scale",
        question="The lecture's gate on 256 channels, all its weights still zero. By which factor "
        "does the image come out smaller?",
        unit="times smaller",
        why="What do the gates sum to?",
        value=256,
    ),
    Prediction(
        id="senet.first_stage",
        question="A block of ResNet-50's first stage has 256 channels of 56 x 56 pixels. How many "
        "times as many weights does the lecture's gate need there as the paper's (reduction 16)?",
        unit="times as many",
        why="And in the last stage, 2048 channels of 7 x 7?",
    ),
    Prediction(
        id="senet.far_clue",
        question="The clue is 9 rows and 9 columns away; a network sees 9 x 9 pixels. How often is "
        "it right, without a gate?",
        options=("about 50%, which is chance", "about 75%", "about 100%"),
        why="What could it know?",
        value="about 50%, which is chance",
    ),
    Prediction(
        id="senet.bytes",
        question="The gate adds less than a thousandth to the multiply-adds of a block in the "
        "first stage. By how many percent do the bytes grow that the block moves?",
        unit="percent",
        why="What must be read twice?",
    ),
)
