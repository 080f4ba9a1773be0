"""Lesson 07: the short questions and the predictions."""

from __future__ import annotations

from math import comb

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "07_zoo"

QUESTIONS = (
    Question(
        id="zoo.twice",
        lesson=LESSON,
        title="A wider network",
        points=1,
        text="A stack of full 3x3 layers of {c} channels each; stem and head are so small that we "
        "leave them out. Every layer is made {k} times as wide. How many times the multiply-adds?",
        draw=lambda rng: {"c": rng.choice([16, 24, 32]), "k": rng.choice([3, 4, 5])},
        answer=lambda v: v["k"] ** 2,
        explain="Inputs and outputs of every layer are {k} times as many: {k} times {k}.",
        beliefs=(
            Belief(
                lambda v: v["k"],
                "That would be a depthwise layer. Here the inputs grow as well as the outputs.",
            ),
            Belief(lambda v: 9 * v["k"] ** 2, "The kernel is 3x3 before and after."),
            Belief(lambda v: v["k"] ** 3, "Pixels stay as they are: only channels grow."),
        ),
    ),
    Question(
        id="zoo.half",
        lesson=LESSON,
        title="Half the multiply-adds",
        points=1,
        text="Two networks, the second with half the multiply-adds of the first. What does that "
        "say about the time of one image?",
        answer="Nothing yet: bytes and launches may decide. It has to be measured.",
        options=(
            "Nothing yet: bytes and launches may decide. It has to be measured.",
            "The second takes half as long.",
            "The second takes half as long on a GPU, but not on a CPU.",
            "The second is faster, if not twice.",
        ),
        explain="In this lesson, too, networks with as many multiply-adds differ in time by "
        "factors.",
        beliefs=(
            Belief(
                "The second takes half as long.",
                "Multiply-adds are one of several things that take time. Look at the axes of this "
                "lesson's picture.",
            ),
            Belief(
                "The second takes half as long on a GPU, but not on a CPU.",
                "On a GPU multiply-adds are the cheapest of all: there bytes and launches decide "
                "more often still.",
            ),
            Belief(
                "The second is faster, if not twice.",
                "A depthwise layer with fewer multiply-adds may well take longer: it moves as "
                "many bytes and has more launches beside it.",
            ),
        ),
    ),
    Question(
        id="zoo.splits",
        lesson=LESSON,
        title="The least that chance can do",
        points=1,
        text="{s} seeds of each of two networks, and the worst of the one is better than the best "
        "of the other. Of all ways to deal out the {n} numbers to two names, {s} each, one in how "
        "many has a gap as large as that, in either direction?",
        draw=lambda rng: (lambda s: {"s": s, "n": 2 * s, "all": comb(2 * s, s)})(
            rng.choice([3, 4, 5, 6, 7, 8])
        ),
        answer=lambda v: v["all"] // 2,
        explain="Two of {all} ways have it: the one that was seen and its mirror image. With {s} "
        "seeds each no gap, however wide, is less probable by chance than that.",
        beliefs=(
            Belief(
                lambda v: v["all"],
                "Those are all the ways. There is also the one with the two names exchanged.",
            ),
            Belief(
                lambda v: 2 / v["all"],
                "That is the share. Asked is how many ways there are to one like that.",
            ),
            Belief(lambda v: 2, "So many ways have such a gap. One in how many is that?"),
            Belief(
                lambda v: 2 ** v["n"],
                "The numbers do not choose their names one by one: {s} bear each.",
            ),
        ),
    ),
    Question(
        id="zoo.front_of",
        lesson=LESSON,
        title="On the front",
        points=1,
        text="A network, not the most accurate of all, is on the Pareto front of accuracy "
        "against multiply-adds. Against which other axis is it certain to be on the front, too?",
        answer="Against none: another axis has another front.",
        options=(
            "Against none: another axis has another front.",
            "Against the parameters.",
            "Against the time of one image.",
            "Against the parameters and the time.",
        ),
        explain="Choose another axis in the picture, and see who leaves the front.",
        beliefs=(
            Belief(
                "Against the parameters.",
                "A 3x3 on a large image has few parameters and many multiply-adds: the two orders "
                "differ.",
            ),
            Belief(
                "Against the time of one image.",
                "Networks with as many multiply-adds differ in time by factors.",
            ),
            Belief(
                "Against the parameters and the time.", "Neither follows from the multiply-adds."
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="zoo.apart",
        question="Eight networks, one task, one recipe, 174,000 multiply-adds each, five seeds of "
        "each. They make 28 pairs. In how many is the gap between the two means larger than the "
        "spread (best seed less worst) of whichever varies more?",
        unit="pairs",
        why="How long are the bars of the first picture?",
    ),
    Prediction(
        id="zoo.latency",
        question="ShuffleNet's network and the plain one have as many multiply-adds. How many "
        "times as long as the plain one does ShuffleNet's take for one image, on your device? (1 "
        "means as long.)",
        unit="times as long",
        why="What else is there to wait for?",
    ),
    Prediction(
        id="zoo.own_mix",
        question="The first layer has eight groups of two channels, the second, too; the label is "
        "the XOR of groups 0 and 2. Each place reads its own channel and the one `shift` places "
        "further. What is the smallest `shift` with which the second layer can know both groups?",
        unit="places",
        why="Which channels does a group of the second layer read?",
        value=3,
    ),
)
