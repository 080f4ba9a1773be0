"""Lesson 06: short questions and predictions (misconceptions 22 to 24)."""

from __future__ import annotations

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "06_separable"


def _draw_layer(rng) -> dict:
    """Numbers for which no belief comes out as the right count."""
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
        title="Who hears of it?",
        points=1,
        text="You change one channel of the input of a separable layer with {ci} channels in and "
        "{co} out: a depthwise 3x3, then a 1x1, no weight zero. In how many channels "
        "does the result change after the depthwise layer, and in how many after the 1x1? Give the "
        "sum of the two numbers.",
        draw=_draw_layer,
        answer=lambda v: 1 + v["co"],
        explain="One after the depthwise layer, which never mixes channels; all {co} after the "
        "1x1, which mixes them all.",
        beliefs=(
            Belief(
                lambda v: v["ci"] + v["co"],
                "A depthwise convolution does not mix channels: output c reads input c alone. So "
                "after it one channel has changed.",
            ),
            Belief(
                lambda v: 2,
                "One is right for the depthwise layer. But the 1x1 is a full matrix: each of its "
                "outputs reads all channels.",
            ),
            Belief(
                lambda v: 1,
                "That is the one after the depthwise layer. Add those that change after the 1x1.",
            ),
            Belief(
                lambda v: v["co"],
                "Those are the channels after the 1x1. Add the one that changed before it.",
            ),
            Belief(
                lambda v: 9 + v["co"],
                "Nine pixels around each one change, but in how many channels?",
            ),
        ),
    ),
    Question(
        id="separable.weights",
        lesson=LESSON,
        title="Counting the weights",
        points=1,
        text="A separable layer: a depthwise {k}x{k} on {ci} channels, then a 1x1 to {co} "
        "channels, no biases. How many weights do the two have together?",
        draw=_draw_layer,
        answer=_weights,
        explain="{ci} filters of {k} x {k}, and a matrix of {ci} x {co}.",
        beliefs=(
            Belief(
                lambda v: v["k"] ** 2 * v["ci"] * v["co"],
                "That is the dense layer, with a filter for each pair of channels.",
            ),
            Belief(
                lambda v: v["k"] ** 2 + v["ci"] * v["co"],
                "That has one filter for all channels. Each of the {ci} has its own.",
            ),
            Belief(
                lambda v: v["k"] ** 2 * v["co"] + v["ci"] * v["co"],
                "The filters come first, so there are as many as input channels: {ci}.",
            ),
            Belief(lambda v: v["ci"] * v["co"], "That is the 1x1. Add the filters."),
            Belief(lambda v: v["k"] ** 2 * v["ci"], "Those are the filters. Add the 1x1."),
        ),
    ),
    Question(
        id="separable.same_functions",
        lesson=LESSON,
        title="The same, only cheaper?",
        points=1,
        text="You replace a trained dense 3x3 layer by a depthwise and a 1x1 layer. What can the "
        "new pair compute?",
        answer="Only the dense layers in which all outputs see an input channel through one and "
        "the same filter, each with a factor of its own.",
        options=(
            "Only the dense layers in which all outputs see an input channel through one and "
            "the same filter, each with a factor of its own.",
            "Everything that the dense layer can, with fewer multiply-adds.",
            "Everything that the dense layer can, once it is trained long enough.",
            "Only layers that do not mix channels.",
        ),
        explain="For each input channel the (c_out, taps) matrix has rank 1, where a dense "
        "layer's may have rank 9.",
        beliefs=(
            Belief(
                "Everything that the dense layer can, with fewer multiply-adds.",
                "Count the weights: with so many fewer numbers it cannot reach every dense kernel. "
                "Look at the kernel that you built from the two.",
            ),
            Belief(
                "Everything that the dense layer can, once it is trained long enough.",
                "Training chooses among the functions that the layer has. It does not add any.",
            ),
            Belief(
                "Only layers that do not mix channels.",
                "The depthwise layer does not mix them. The 1x1 behind it does.",
            ),
        ),
    ),
    Question(
        id="separable.half_time",
        lesson=LESSON,
        title="Half the multiply-adds",
        points=1,
        text="Layer B does half the multiply-adds of layer A. Both read and write images of the "
        "same size. What do you know of B's time?",
        answer="Nothing yet: it depends on the device and on what each layer waits for. Measure.",
        options=(
            "Nothing yet: it depends on the device and on what each layer waits for. Measure.",
            "It is half of A's.",
            "It is less than A's, but more than half.",
            "It is at most A's: less work cannot take longer.",
        ),
        explain="Multiply-adds bound the time from below only where the device waits for its "
        "arithmetic. Bytes, launches and the kernel that was written for the case count too.",
        beliefs=(
            Belief(
                "It is half of A's.",
                "Only if both wait for the arithmetic, and both use it equally well. Look at your "
                "own bars.",
            ),
            Belief(
                "It is less than A's, but more than half.",
                "Often so, and sometimes not: a layer with fewer multiply-adds has been measured "
                "as the slower one.",
            ),
            Belief(
                "It is at most A's: less work cannot take longer.",
                "Fewer multiply-adds are not less of all work. A rare shape may have no fast "
                "kernel.",
            ),
        ),
    ),
    Question(
        id="separable.width",
        lesson=LESSON,
        title="The width multiplier",
        points=1,
        text="A 1x1 layer between {c} and {c} channels does {m:,} multiply-adds on a 14 x 14 "
        "image. How many does it do when the width multiplier {a} has thinned the whole network?",
        draw=_draw_width,
        answer=lambda v: v["a"] ** 2 * v["m"],
        explain="Inputs and outputs are both thinned, so the factor comes twice: {a} x {a}.",
        tolerance=1e-6,
        beliefs=(
            Belief(
                lambda v: v["a"] * v["m"],
                "That thins the outputs. The inputs are the outputs of the layer before, and are "
                "thinned too. (The depthwise layers do scale so.)",
            ),
            Belief(lambda v: v["m"], "The width multiplier changes the number of channels."),
            Belief(
                lambda v: v["a"] ** 4 * v["m"],
                "The image keeps its size; it is the resolution that another knob changes.",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="separable.ratio",
        question="A dense 3x3 layer goes from 64 to 128 channels. A depthwise 3x3 and a 1x1 take "
        "its place. How many times fewer multiply-adds do the two do together?",
        unit="times fewer",
        why="Which of the two parts costs more?",
        value=round(9 * 128 / (9 + 128), 2),
    ),
    Prediction(
        id="separable.time",
        question="128 channels in and out, 3x3: with as many groups as channels it takes 128 times "
        "fewer multiply-adds than dense. How many times as fast is it here, in the usual layout? "
        "(0.5 means half as fast.)",
        unit="times as fast",
        why="What else takes time?",
    ),
    Prediction(
        id="separable.network",
        question="MobileNetV1 has 13 of these blocks. How many times fewer multiply-adds does the "
        "whole network do than the same network with dense 3x3 layers?",
        unit="times fewer",
        why="Where do the multiply-adds go now?",
        value=8.55,
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
        question="A trained layer is replaced by the nearest separable one (rank 1), and nothing "
        "is trained again. Which share of the test digits does the network get right then? It was "
        "about 0.98; guessing gives 0.10.",
        unit="of the digits",
        why="What did the filters of one input channel have in common?",
    ),
    Prediction(
        id="separable.digits",
        question="The same networks trained from scratch: by how many percentage points does the "
        "separable network stay behind the dense one of the same width, which does 7 times the "
        "multiply-adds? (Negative if it wins.)",
        unit="points",
        why="What would be a fairer comparison?",
    ),
    Prediction(
        id="separable.half_width",
        question="MobileNetV1 with half the channels in every layer: which share of the "
        "multiply-adds is left? (0.5 means half.)",
        unit="of the multiply-adds",
        why="Why is it not exactly that?",
        value=0.26,
    ),
)
