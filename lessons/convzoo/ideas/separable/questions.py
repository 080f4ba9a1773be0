"""Lesson 06: short questions and predictions."""

from __future__ import annotations

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "06_separable"


def _draw_layer(rng) -> dict:
    return {"k": rng.choice([3, 5]), "ci": rng.choice([24, 40, 56]), "co": rng.choice([32, 64, 96])}


def _weights(v: dict) -> int:
    return v["k"] ** 2 * v["ci"] + v["ci"] * v["co"]


def _draw_width(rng) -> dict:
    c = rng.choice([128, 256, 512])
    return {"c": c, "m": 196 * c * c, "a": rng.choice([0.25, 0.5, 0.75])}


QUESTIONS = (
    Question(
        id="separable.mixing",
        lesson=LESSON,
        title="How far one channel reaches",
        points=1,
        text="A separable layer has {ci} channels in and {co} out: a depthwise 3x3, then a 1x1. No "
        "weight is zero. You change one channel of the input. How many channels change after the "
        "depthwise layer, and how many after the 1x1? Write the sum of the two numbers.",
        draw=_draw_layer,
        answer=lambda v: 1 + v["co"],
        wrong_numbers=lambda v: (
            v["ci"],
            v["ci"] + 1,
            2 * v["co"],
            9 * v["co"],
            v["ci"] * v["co"],
            3 + v["co"],
        ),
        explain="One after the depthwise layer, which does not mix channels, and all {co} after "
        "the 1x1, which mixes them all.",
        beliefs=(
            Belief(
                lambda v: v["ci"] + v["co"],
                "A depthwise convolution does not mix channels: output c reads only input c. So "
                "only one channel changes there.",
                name="the depthwise layer mixes channels",
            ),
            Belief(
                lambda v: 2,
                "One is right for the depthwise layer. But the 1x1 is a full matrix: each output "
                "reads all channels.",
                name="the 1x1 changes one channel only",
            ),
            Belief(
                lambda v: 1,
                "That is the one after the depthwise layer. Add the channels that change after the "
                "1x1.",
                name="leaves out the 1x1",
            ),
            Belief(
                lambda v: v["co"],
                "Those are the channels after the 1x1. Add the one that changes after the "
                "depthwise layer.",
                name="leaves out the depthwise layer",
            ),
            Belief(
                lambda v: 9 + v["co"],
                "Nine pixels change around each pixel, but all of them are in one channel.",
                name="counts pixels, not channels",
            ),
        ),
    ),
    Question(
        id="separable.weights",
        lesson=LESSON,
        title="Counting the weights",
        points=1,
        text="A separable layer is a depthwise {k}x{k} on {ci} channels, then a 1x1 to {co} "
        "channels, without biases. How many weights do the two have together?",
        draw=_draw_layer,
        answer=_weights,
        wrong_numbers=lambda v: (
            v["k"] ** 2 * (v["ci"] + v["co"]),
            v["k"] ** 2 * v["ci"] + v["co"],
            v["k"] * v["ci"] + v["ci"] * v["co"],
            _weights(v) + v["ci"] + v["co"],
            v["k"] ** 2 * v["ci"] * (1 + v["co"]),
        ),
        explain="There are {ci} filters of {k} x {k}, and a matrix of {ci} x {co}.",
        beliefs=(
            Belief(
                lambda v: v["k"] ** 2 * v["ci"] * v["co"],
                "That is the dense layer, with a filter for each pair of input and output channel.",
                name="counts the dense layer",
            ),
            Belief(
                lambda v: v["k"] ** 2 + v["ci"] * v["co"],
                "That uses one filter for all channels. But each of the {ci} channels has its own "
                "filter.",
                name="one filter for all channels",
            ),
            Belief(
                lambda v: v["k"] ** 2 * v["co"] + v["ci"] * v["co"],
                "The depthwise layer comes first, so it has one filter for each of the {ci} input "
                "channels.",
                name="a filter for each output channel",
            ),
            Belief(
                lambda v: v["ci"] * v["co"],
                "That is the 1x1. Add the depthwise filters.",
                name="leaves out the depthwise layer",
            ),
            Belief(
                lambda v: v["k"] ** 2 * v["ci"],
                "Those are the depthwise filters. Add the 1x1.",
                name="leaves out the 1x1",
            ),
        ),
    ),
    Question(
        id="separable.same_functions",
        lesson=LESSON,
        title="What a separable layer can compute",
        points=1,
        text="You replace a trained dense 3x3 layer with a depthwise layer and a 1x1. What can the "
        "new pair compute?",
        answer="Only the dense layers in which all outputs see an input channel through the same "
        "filter, each scaled by a different factor.",
        options=(
            "Only the dense layers in which all outputs see an input channel through the same "
            "filter, each scaled by a different factor.",
            "Everything that the dense layer can, with fewer multiply-adds.",
            "Everything that the dense layer can, if it is trained long enough.",
            "Only layers that do not mix channels.",
        ),
        explain="For each input channel, the matrix of output channels by taps has rank 1. In a "
        "dense layer it can have rank 9.",
        beliefs=(
            Belief(
                "Everything that the dense layer can, with fewer multiply-adds.",
                "Count the weights: with so many fewer numbers, it cannot make every dense "
                "kernel. Look at the kernel that you built from the two layers.",
            ),
            Belief(
                "Everything that the dense layer can, if it is trained long enough.",
                "Training chooses one of the functions that the layer can compute. It adds no new "
                "ones.",
            ),
            Belief(
                "Only layers that do not mix channels.",
                "The depthwise layer does not mix them, but the 1x1 after it does.",
            ),
        ),
    ),
    Question(
        id="separable.half_time",
        lesson=LESSON,
        title="Half the multiply-adds",
        points=1,
        text="Layer B needs half the multiply-adds of layer A. Both read and write images of the "
        "same size. What do you know about B's time?",
        answer="Nothing yet: it depends on the device and on what limits each layer. Measure.",
        options=(
            "Nothing yet: it depends on the device and on what limits each layer. Measure.",
            "It is half of A's.",
            "It is less than A's, but more than half.",
            "It is at most A's: less work cannot take longer.",
        ),
        explain="Multiply-adds decide the time only if arithmetic is what limits the device. Bytes "
        "and launches count too, and so does how well the code suits the layer's shape.",
        beliefs=(
            Belief(
                "It is half of A's.",
                "Only if arithmetic limits both layers, and both use it equally well. Look at your "
                "own bars.",
            ),
            Belief(
                "It is less than A's, but more than half.",
                "That is often true, but not always: a layer with fewer multiply-adds can be the "
                "slower one, as measurements show.",
            ),
            Belief(
                "It is at most A's: less work cannot take longer.",
                "Multiply-adds are not all of the work. And there may be no fast code for an "
                "unusual shape.",
            ),
        ),
    ),
    Question(
        id="separable.width",
        lesson=LESSON,
        title="The width multiplier",
        points=1,
        text="A 1x1 layer with {c} channels in and out does {m:,} multiply-adds on a 14 x 14 "
        "image. Then the whole network gets the width multiplier {a}. How many does the layer do "
        "now?",
        draw=_draw_width,
        answer=lambda v: v["a"] ** 2 * v["m"],
        wrong_numbers=lambda v: (
            v["m"] / v["a"],
            v["a"] ** 3 * v["m"],
            (1 - v["a"]) * v["m"],
            (1 - v["a"] ** 2) * v["m"],
            v["a"] ** 0.5 * v["m"],
        ),
        explain="There are fewer inputs and fewer outputs, so the factor counts twice: {a} x {a}.",
        tolerance=1e-6,
        beliefs=(
            Belief(
                lambda v: v["a"] * v["m"],
                "That reduces only the outputs. The inputs come from the layer before, so they are "
                "fewer too. (Depthwise layers do scale like this.)",
                name="narrows only the outputs",
            ),
            Belief(
                lambda v: v["m"],
                "The width multiplier changes the number of channels, so the multiply-adds change.",
                name="a multiplier changes nothing",
            ),
            Belief(
                lambda v: v["a"] ** 4 * v["m"],
                "The image keeps its size. Its size is another knob, the resolution multiplier.",
                name="narrows the image as well",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="separable.ratio",
        question="A dense 3x3 layer goes from 64 to 128 channels. You replace it with a depthwise "
        "3x3 and a 1x1. How many times fewer multiply-adds do the two need together?",
        unit="times fewer",
        why="Which of the two parts costs more?",
        value=round(9 * 128 / (9 + 128), 2),
    ),
    Prediction(
        id="separable.time",
        question="A 3x3 layer has 128 channels in and out. A depthwise layer needs 128 times fewer "
        "multiply-adds than a dense one. How many times as fast is it here, in the usual layout? "
        "(0.5 means half as fast.)",
        unit="times as fast",
        why="What else takes time?",
    ),
    Prediction(
        id="separable.network",
        question="MobileNetV1 has 13 of these blocks. How many times fewer multiply-adds does the "
        "whole network need than the same network with dense 3x3 layers?",
        unit="times fewer",
        why="Which layers need most of the multiply-adds now?",
        value=8.55,
    ),
    Prediction(
        id="separable.photograph",
        question="Five of the 1000 classes are kinds of cats. What share does the network give to "
        "its first guess for the photo of a cat?",
        unit="percent",
        why="Why is it so much less than 100%?",
    ),
    Prediction(
        id="separable.first_paper",
        question="Which of these three papers came first?",
        options=("MobileNet", "ResNeXt", "Xception"),
        why="And where does the idea come from?",
        value="Xception",
    ),
    Prediction(
        id="separable.rank",
        question="We replace a trained layer with the nearest separable one (rank 1), and train "
        "nothing again. What share of the test digits does the network get right then? It was "
        "about 0.98 before; guessing gives 0.10.",
        unit="of the digits",
        why="What did the filters of one input channel have in common?",
    ),
    Prediction(
        id="separable.digits",
        question="Both networks are trained from scratch and have the same width; the dense one "
        "needs 7 times the multiply-adds. By how many percentage points is the separable network "
        "worse? (Negative if it is better.)",
        unit="points",
        why="What would be a fairer comparison?",
    ),
    Prediction(
        id="separable.half_width",
        question="MobileNetV1 gets half the channels in every layer. What share of the "
        "multiply-adds is left? (0.5 means half.)",
        unit="of the multiply-adds",
        why="Why is it not exactly a quarter?",
        value=0.26,
    ),
    Prediction(
        id="separable.kernel_bytes",
        question="Your layer of section 1 and the kernel compute the same numbers. How many times "
        "as many bytes does yours move? (If yours has not passed, the framework's runs in its "
        "place.)",
        unit="times as many",
        why="What does each of its operations read and write?",
    ),
)
