"""Lesson 07: short questions and predictions."""

from __future__ import annotations

from math import comb, factorial

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "07_zoo"

QUESTIONS = (
    Question(
        id="zoo.twice",
        lesson=LESSON,
        title="A wider network",
        points=1,
        text="A network is a stack of full 3x3 layers with {c} channels each. (We leave out stem "
        "and head: they are small.) You make every layer {k} times as wide. How many times as many "
        "multiply-adds does the network need?",
        draw=lambda rng: {"c": rng.choice([16, 24, 32]), "k": rng.choice([3, 4, 5])},
        wrong_numbers=lambda v: (2 * v["k"], 2 ** v["k"], 9 * v["k"], v["c"] * v["k"]),
        answer=lambda v: v["k"] ** 2,
        explain="Every layer has {k} times as many inputs and {k} times as many outputs: {k} times "
        "{k}.",
        beliefs=(
            Belief(
                lambda v: v["k"],
                "That would be right for depthwise layers. In a full layer, both inputs and "
                "outputs grow.",
                name="grows only on one side",
            ),
            Belief(
                lambda v: 9 * v["k"] ** 2,
                "The kernel is 3x3 before and after, so the 9 does not count again.",
                name="counts the kernel again",
            ),
            Belief(
                lambda v: v["k"] ** 3,
                "Only the channels grow, in and out. The number of pixels stays the same.",
                name="scales the pixels too",
            ),
        ),
    ),
    Question(
        id="zoo.half",
        lesson=LESSON,
        title="Half the multiply-adds",
        points=1,
        text="Of two networks, the second needs half the multiply-adds of the first. What does "
        "that say about the time for one image?",
        answer="Nothing yet: bytes and launches may decide. You have to measure.",
        options=(
            "Nothing yet: bytes and launches may decide. You have to measure.",
            "The second takes half as long.",
            "The second takes half as long on a GPU, but not on a CPU.",
            "The second is faster, but not twice as fast.",
        ),
        explain="In this lesson too, some networks with the same number of multiply-adds take "
        "several times as long as others.",
        beliefs=(
            Belief(
                "The second takes half as long.",
                "Multiply-adds are only one of several things that take time. Look at the axes of "
                "the picture in this lesson.",
            ),
            Belief(
                "The second takes half as long on a GPU, but not on a CPU.",
                "On a GPU, multiply-adds are cheaper than anything else. So bytes and launches "
                "decide even more often.",
            ),
            Belief(
                "The second is faster, but not twice as fast.",
                "A depthwise layer with fewer multiply-adds can take longer: it moves the same "
                "number of bytes, and the layers around it add launches.",
            ),
        ),
    ),
    Question(
        id="zoo.splits",
        lesson=LESSON,
        title="How rare a gap can be by chance",
        points=1,
        text="Two networks were trained with {s} seeds each. The worst result of one is better "
        "than the best of the other. Now deal the {n} results out to the two networks in every "
        "possible way, {s} to each. One in how many ways has a gap as large as that, in either "
        "direction?",
        draw=lambda rng: (lambda s: {"s": s, "n": 2 * s, "all": comb(2 * s, s)})(
            rng.choice([3, 4, 5, 6, 7, 8])
        ),
        answer=lambda v: v["all"] // 2,
        wrong_numbers=lambda v: (
            v["s"] ** 2,
            v["n"] ** 2,
            v["n"],
            2 ** v["s"],
            2 ** (v["n"] - 1),
            factorial(v["s"]),
            v["all"] - 1,
            1 / v["all"],
        ),
        explain="Two of {all} ways have it: the one you saw and its mirror image. With {s} seeds "
        "each, no gap is less likely by chance than that, however wide it is.",
        beliefs=(
            Belief(
                lambda v: v["all"],
                "{all} is the number of all ways. But two of them have such a gap: with the two "
                "networks swapped, it is just as large.",
                name="counts one of two mirror images",
            ),
            Belief(
                lambda v: 2 / v["all"],
                "That is the share of such ways. The question asks for one in how many.",
                name="gives the share, not one in how many",
            ),
            Belief(
                lambda v: 2,
                "That is how many ways have such a gap. One in how many is that?",
                name="counts the ways with a gap",
            ),
            Belief(
                lambda v: 2 ** v["n"],
                "That lets each result go to either network freely. But each network must get "
                "{s} of them.",
                name="lets each result choose freely",
            ),
        ),
    ),
    Question(
        id="zoo.front_of",
        lesson=LESSON,
        title="The front on another axis",
        points=1,
        text="A network is on the Pareto front of accuracy against multiply-adds, but it is not "
        "the most accurate of all. On which other axis is it certain to be on the front too?",
        answer="On none: a different axis has a different front.",
        options=(
            "On none: a different axis has a different front.",
            "Parameters.",
            "Time for one image.",
            "Both parameters and time.",
        ),
        explain="Choose another axis in the picture, and see which networks leave the front.",
        beliefs=(
            Belief(
                "Parameters.",
                "A 3x3 on a large image has few parameters but needs many multiply-adds. So the "
                "order of the networks differs.",
            ),
            Belief(
                "Time for one image.",
                "Of two networks with the same number of multiply-adds, one can take several times "
                "as long as the other.",
            ),
            Belief(
                "Both parameters and time.",
                "Neither follows from the multiply-adds: each axis has its own order.",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="zoo.apart",
        question="Eight networks with 174,000 multiply-adds each learn one task with one recipe, "
        "five seeds each. They make 28 pairs. Compare the gap between the two means with the "
        "spread (best seed minus worst) of the network that varies more. In how many pairs is the "
        "gap larger?",
        unit="pairs",
        why="How long are the bars of the first picture?",
    ),
    Prediction(
        id="zoo.latency",
        question="ShuffleNet's network and the plain one need the same number of multiply-adds. "
        "How many times as long does ShuffleNet's take for one image on your device? (1 means the "
        "same time.)",
        unit="times as long",
        why="What else takes time?",
    ),
    Prediction(
        id="zoo.own_mix",
        question="Two layers have eight groups of two channels each. The label is the XOR of "
        "groups 0 and 2. Between the layers, each place reads its own channel and the one `shift` "
        "places further on. What is the smallest `shift` with which the second layer can see both "
        "groups?",
        unit="places",
        why="Which channels does a group of the second layer read?",
        value=3,
    ),
)
