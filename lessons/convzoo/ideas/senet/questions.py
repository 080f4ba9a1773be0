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
        text="An image of {n} x {n} pixels goes through 3x3 layers with stride 1 that keep its "
        "size. How many layers does it take until the output at the top left depends on the pixel "
        "at the bottom right?",
        draw=lambda rng: {"n": rng.choice([9, 15, 17, 25, 33])},
        answer=lambda v: v["n"] - 1,
        wrong_numbers=lambda v: (
            v["n"] + 1,
            v["n"] - 2,
            v["n"] / 2,
            (v["n"] + 1) / 2,
            (v["n"] - 1) / 3,
            2 * (v["n"] - 1),
            v["n"] ** 2,
        ),
        explain="Each layer reaches one pixel further, and the other corner is {n} - 1 pixels "
        "away, in height and in width.",
        beliefs=(
            Belief(
                lambda v: (v["n"] - 1) / 2,
                "After that many layers the field is {n} pixels wide. But at a corner, only half "
                "of the field is inside the image.",
                name="takes the full field at a corner",
            ),
            Belief(
                lambda v: v["n"],
                "One layer fewer is enough: a pixel already sees itself before the first layer.",
                name="counts one layer too many",
            ),
            Belief(
                lambda v: v["n"] / 3,
                "Each further 3x3 layer adds two pixels to the field, not three.",
                name="adds three pixels for each layer",
            ),
            Belief(
                lambda v: 2 * v["n"] - 1,
                "That is how wide the field must be. Each layer makes it two pixels wider.",
                name="takes the field's width for the layers",
            ),
            Belief(
                lambda v: 1,
                "With one layer, a pixel sees only itself and its eight neighbours.",
                name="sees everything after one layer",
            ),
        ),
    ),
    Question(
        id="senet.how_many_gates",
        lesson=LESSON,
        title="How many gates",
        points=1,
        text="A batch holds {n} images with {c} channels of {side} x {side} pixels each. How many "
        "gates does one SE layer compute for the whole batch?",
        draw=lambda rng: {
            "n": rng.choice([4, 8, 32]),
            "c": rng.choice([48, 96, 160]),
            "side": rng.choice([7, 14]),
        },
        answer=lambda v: v["n"] * v["c"],
        wrong_numbers=lambda v: (
            v["n"] + v["c"],
            v["c"] * v["side"] ** 2,
            v["side"] ** 2,
            v["n"] * v["side"],
        ),
        explain="One gate for each channel of each image. All pixels of the channel share it.",
        beliefs=(
            Belief(
                lambda v: v["c"],
                "That would be one gate for each channel, the same for all images. But each image "
                "gets gates of its own.",
                name="the same gates for all images",
            ),
            Belief(
                lambda v: v["n"] * v["side"] ** 2,
                "That is one gate for each pixel. SE weights channels: all pixels of a channel "
                "share its gate.",
                name="a gate for each pixel",
            ),
            Belief(
                lambda v: v["n"] * v["c"] * v["side"] ** 2,
                "That is one gate for each number in the batch. All pixels of a channel share a "
                "gate.",
                name="a gate for each number",
            ),
            Belief(
                lambda v: v["n"],
                "With one gate for each image, the layer could not treat one "
                "channel differently from another.",
                name="one gate for each image",
            ),
        ),
    ),
    Question(
        id="senet.sum_of_gates",
        lesson=LESSON,
        title="The sum of the gates",
        points=1,
        text="The second layer of the paper's gate returns 0 for each of {c} channels. What is the "
        "sum of the {c} gates of an image?",
        draw=lambda rng: {"c": rng.choice([12, 24, 64, 96, 256])},
        answer=lambda v: v["c"] / 2,
        wrong_numbers=lambda v: (0.5, 2, 2 * v["c"], v["c"] ** 2),
        explain="sigmoid(0) is one half, and no gate depends on the other gates.",
        beliefs=(
            Belief(
                lambda v: 1,
                "That would be a softmax, whose outputs sum to one. Here each gate is a sigmoid: "
                "between 0 and 1, whatever the others are.",
                name="the gates sum to one, as in a softmax",
            ),
            Belief(
                lambda v: v["c"],
                "The gates would have to be 1 for that. What is sigmoid(0)?",
                name="sigmoid(0) is 1",
            ),
            Belief(
                lambda v: 0,
                "The gates would have to be 0 for that. What is sigmoid(0)?",
                name="sigmoid(0) is 0",
            ),
        ),
    ),
    Question(
        id="senet.weights",
        lesson=LESSON,
        title="The weights of the paper's gate",
        points=1,
        text="The paper's gate comes after a layer with {c} channels of {side} x {side} pixels. "
        "Its reduction is {r}. How many weights does it have, including biases?",
        draw=_draw_weights,
        answer=lambda v: 2 * v["c"] ** 2 / v["r"] + v["c"] + v["c"] / v["r"],
        wrong_numbers=lambda v: (
            v["c"] ** 2 / v["r"],
            v["c"] ** 2 / v["r"] + v["c"],
            2 * v["c"] ** 2 / v["r"] + 2 * v["c"],
            2 * v["c"] ** 2 / v["r"] + 2 * v["c"] / v["r"],
            2 * v["c"] * v["r"] + v["c"] + v["r"],
            v["c"] ** 2 + v["c"],
        ),
        explain="One matrix from {c} to {c}/{r} and one back, and a bias for each output of the "
        "two layers.",
        beliefs=(
            Belief(
                lambda v: 2 * v["c"] ** 2 / v["r"],
                "Those are the two matrices. Both layers also have biases.",
                name="leaves out all biases",
            ),
            Belief(
                lambda v: 2 * v["c"] ** 2 / v["r"] + v["c"],
                "The first layer also has biases: {c}/{r} of them.",
                name="leaves out the first biases",
            ),
            Belief(
                lambda v: 2 * v["c"] ** 2 / v["r"] + v["c"] / v["r"],
                "The second layer also has biases: {c} of them.",
                name="leaves out the second biases",
            ),
            Belief(
                lambda v: v["c"] * v["side"] ** 2,
                "That is the lecture's gate, with a weight for each pixel. The paper's gate sees "
                "only the mean, so it does not depend on the size of the image.",
                name="the lecture's gate, a weight for each pixel",
            ),
            Belief(
                lambda v: v["c"] ** 2 / v["r"] + v["c"] / v["r"],
                "That is only the first layer, which reduces the channels. Add the second layer.",
                name="counts the first layer only",
            ),
            Belief(
                lambda v: 2 * v["c"] ** 2 + 2 * v["c"],
                "That leaves out the reduction. Only {c}/{r} numbers are between the two layers.",
                name="leaves out the reduction",
            ),
        ),
    ),
    Question(
        id="senet.once_trained",
        lesson=LESSON,
        title="Gates after training",
        points=1,
        text="A trained SE network is in evaluation mode. You send it two images. What are the "
        "gates of its first SE layer?",
        answer="They differ from image to image.",
        options=(
            "They differ from image to image.",
            "They are the same: training has fixed them.",
            "They differ from pixel to pixel.",
            "They are all 1: gates work only in training.",
        ),
        explain="Training fixes the weights that compute the gates. The gates themselves are "
        "computed from each image, like any activation.",
        beliefs=(
            Belief(
                "They are the same: training has fixed them.",
                "The weights of the gate's two layers are fixed. But their input is the mean of "
                "each image.",
            ),
            Belief(
                "They differ from pixel to pixel.",
                "A channel's gate is one number for the whole image.",
            ),
            Belief(
                "They are all 1: gates work only in training.",
                "Dropout works only in training. A gate stays a part of the network after it.",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="senet.layers",
        question="An image of 12 x 12 pixels goes through 3x3 layers with stride 1. After how many "
        "layers does the output at the top left depend on the pixel at the bottom right?",
        unit="layers",
        why="And how strong is the effect then?",
        value=11,
    ),
    Prediction(
        id="senet.scale",
        question="The lecture's gate has 256 channels, and all its weights are still zero. How "
        "many times smaller does it make the image's values?",
        unit="times smaller",
        why="What is the sum of the gates?",
        value=256,
    ),
    Prediction(
        id="senet.first_stage",
        question="A block in the first stage of ResNet-50 has 256 channels of 56 x 56 pixels. How "
        "many times as many weights does the lecture's gate need there as the paper's gate "
        "(reduction 16)?",
        unit="times as many",
        why="And in the last stage, with 2048 channels of 7 x 7?",
    ),
    Prediction(
        id="senet.far_clue",
        question="The clue is 9 rows and 9 columns away. A network without a gate sees 9 x 9 "
        "pixels. How often is it right?",
        options=("about 50%, which is chance", "about 75%", "about 100%"),
        why="What can it know?",
        value="about 50%, which is chance",
    ),
    Prediction(
        id="senet.bytes",
        question="The gate adds less than a thousandth to the multiply-adds of a block in the "
        "first stage. By what percentage does it increase the bytes that the block moves?",
        unit="percent",
        why="What must be read twice?",
    ),
    Prediction(
        id="senet.kernel",
        question="torchvision's gate is a series of operations. Here there are two kernels: one "
        "takes the means, and the one above does all the rest. How many times as many bytes do "
        "torchvision's operations move as these two? (1 means the same number.)",
        unit="times as many",
        why="How often must the image be read?",
    ),
)
