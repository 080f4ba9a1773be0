"""Lesson 03: short questions and predictions."""

from __future__ import annotations

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "03_densenet"


def _draw_block(rng) -> dict:
    return {
        "c": rng.choice([24, 40, 48, 64]),
        "k": rng.choice([12, 16, 20]),
        "n": rng.choice([5, 6, 7]),
    }


def _copied(v: dict, first: int, last: int) -> int:
    """Return the sum of the channels that layers `first` to `last`, counted from 0, would read."""
    return sum(v["c"] + i * v["k"] for i in range(first, last + 1))


def _draw_pair(rng) -> dict:
    return {
        "a": rng.choice([48, 96, 160]),
        "b": rng.choice([12, 24, 32]),
        "s": rng.choice([14, 28]),
    }


def _draw_transition(rng) -> dict:
    return {"c": rng.choice([96, 160, 208]), "s": rng.choice([16, 24, 40])}


QUESTIONS = (
    Question(
        id="densenet.width",
        lesson=LESSON,
        title="The end of a block",
        points=1,
        text="A dense block gets {c} channels. It has {n} layers and growth rate {k}. How many "
        "channels does it return?",
        draw=_draw_block,
        answer=lambda v: v["c"] + v["n"] * v["k"],
        wrong_numbers=lambda v: (
            v["c"] + v["k"],
            v["c"] * v["n"],
            v["n"] * (v["c"] + v["k"]),
            v["c"] * v["n"] + v["k"],
            v["c"] + (v["n"] + 1) * v["k"],
        ),
        explain="It starts with {c}, and each of the {n} layers adds {k}.",
        beliefs=(
            Belief(
                lambda v: v["c"] * v["k"],
                "The growth rate does not multiply the channels. It says how many channels each "
                "layer adds.",
                name="multiplies by the growth rate",
            ),
            Belief(
                lambda v: v["c"] * v["k"] ** v["n"],
                "That multiplies by the growth rate at each layer. Instead, each layer adds {k} "
                "channels.",
                name="multiplies by the growth rate at each layer",
            ),
            Belief(
                lambda v: v["n"] * v["k"],
                "Those are the new channels. The block also passes on the {c} channels it got.",
                name="leaves out the input's channels",
            ),
            Belief(
                lambda v: v["k"],
                "One layer makes {k} channels. The block returns all channels: old and new.",
                name="counts one layer's channels only",
            ),
            Belief(
                lambda v: v["c"] + (v["n"] - 1) * v["k"],
                "That is what the last layer reads. Add the channels that it makes.",
                name="stops one layer too early",
            ),
        ),
    ),
    Question(
        id="densenet.unequal",
        lesson=LESSON,
        title="Which shapes can be concatenated",
        points=1,
        text="x has {a} channels of {s} x {s} pixels, f(x) has {b} channels of {s} x {s}. What "
        "does `torch.cat([x, f(x)], dim=1)` do?",
        draw=_draw_pair,
        answer="It returns {a} + {b} channels of {s} x {s} pixels.",
        options=(
            "It returns {a} + {b} channels of {s} x {s} pixels.",
            "It fails: both need the same number of channels.",
            "It returns {a} channels: those of f(x) are added to the first {b}.",
            "It returns {a} channels, after f(x) was padded with zeros.",
        ),
        explain="Only batch, height and width must be the same. The addition in a residual block "
        "is different: it needs the same number of channels.",
        beliefs=(
            Belief(
                "It fails: both need the same number of channels.",
                "The addition in a residual block needs that. To concatenate two images, only "
                "batch, height and width must be the same.",
            ),
            Belief(
                "It returns {a} channels: those of f(x) are added to the first {b}.",
                "Nothing is added: both are in the result unchanged.",
            ),
            Belief(
                "It returns {a} channels, after f(x) was padded with zeros.",
                "No zeros are needed: the result has the channels of both.",
            ),
        ),
    ),
    Question(
        id="densenet.copies",
        lesson=LESSON,
        title="What the concatenations write",
        points=1,
        text="A block of {n} layers starts with {c} channels and has growth rate {k}. After each "
        "layer, `torch.cat` writes all channels so far into a new tensor. How many channels do the "
        "{n} concatenations write in total?",
        draw=_draw_block,
        answer=lambda v: _copied(v, 1, v["n"]),
        wrong_numbers=lambda v: (
            v["n"] * v["c"],
            v["n"] * (v["c"] + v["k"]),
            v["k"] * v["n"] * (v["n"] + 1) / 2,
            v["c"] + v["k"] * v["n"] * (v["n"] + 1) / 2,
            _copied(v, 0, v["n"]),
            _copied(v, 1, v["n"] - 1),
        ),
        explain="The first one writes {c} + {k} channels. Each later one writes {k} more than the "
        "one before. Only {n} * {k} of all these channels are new.",
        beliefs=(
            Belief(
                lambda v: 0,
                "A concatenation is not a view: it takes new memory and copies every channel into "
                "it.",
                name="a concatenation copies nothing",
            ),
            Belief(
                lambda v: v["n"] * v["k"],
                "Those are the new channels. Each concatenation also copies the old ones.",
                name="counts the new channels only",
            ),
            Belief(
                lambda v: v["c"] + v["n"] * v["k"],
                "That is what the last concatenation writes. There is one after every layer.",
                name="counts the last concatenation only",
            ),
            Belief(
                lambda v: _copied(v, 0, v["n"] - 1),
                "Those are the channels that the layers read. A concatenation writes the new ones "
                "as well.",
                name="counts what the layers read",
            ),
            Belief(
                lambda v: v["n"] * (v["c"] + v["n"] * v["k"]),
                "That counts every concatenation as if it were as large as the last one. The first "
                "ones are smaller.",
                name="every concatenation as large as the last",
            ),
        ),
    ),
    Question(
        id="densenet.transition",
        lesson=LESSON,
        title="What remains after a transition",
        points=1,
        text="A dense block returns {c} channels of {s} x {s} pixels. How many numbers are left "
        "after the transition?",
        draw=_draw_transition,
        answer=lambda v: v["c"] * v["s"] ** 2 / 8,
        wrong_numbers=lambda v: (
            v["c"] * v["s"] / 4,
            v["c"] / 2,
            v["s"] ** 2 / 4,
            v["c"] * v["s"] ** 2 / 32,
        ),
        explain="Half the channels are left, each with a quarter of the pixels.",
        beliefs=(
            Belief(
                lambda v: v["c"] * v["s"] ** 2 / 4,
                "Halving height and width leaves a quarter. The 1x1 also halves the channels.",
                name="the channels stay",
            ),
            Belief(
                lambda v: v["c"] * v["s"] ** 2 / 2,
                "That halves the channels. The pool also turns 2 x 2 pixels into one.",
                name="the pixels stay",
            ),
            Belief(
                lambda v: v["c"] * v["s"] ** 2 / 16,
                "The channels are halved only once, by the 1x1. The pool keeps their number.",
                name="halves the channels twice",
            ),
            Belief(
                lambda v: v["c"] * v["s"] ** 2,
                "That is what the block returns. In the transition, the 1x1 halves the channels, "
                "and the pool turns 2 x 2 pixels into one.",
                name="the transition changes nothing",
            ),
        ),
    ),
    Question(
        id="densenet.fair",
        lesson=LESSON,
        title="What a table of two rows says",
        points=1,
        text="A paper reports 80% for its new network, trained with a new recipe. It reports 76% "
        "for an old network, with the old recipe of the old paper. What follows?",
        answer="We cannot say whether the network or the recipe made the difference.",
        options=(
            "We cannot say whether the network or the recipe made the difference.",
            "The new network is better.",
            "The new recipe is better.",
            "Both the network and the recipe are better.",
        ),
        explain="Two things changed at once. To separate them, train the old network with the new "
        "recipe, or the new network with the old recipe, and use several seeds.",
        beliefs=(
            Belief(
                "The new network is better.",
                "Perhaps. But the old network may be just as good with the new recipe: nobody "
                "tried.",
            ),
            Belief(
                "The new recipe is better.",
                "Perhaps. But the new network may be just as good with the old recipe: nobody "
                "tried.",
            ),
            Belief(
                "Both the network and the recipe are better.",
                "One of them may have no effect, or even do harm. Two things changed, but the "
                "paper shows only one difference.",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="densenet.width_121",
        question="The third dense block of DenseNet-121 gets 256 channels. It has 24 layers and "
        "growth rate 32. How many channels does it end with?",
        unit="channels",
        why="What share of them is new?",
        value=1024,
    ),
    Prediction(
        id="densenet.memory",
        question="A dense block of 8 layers keeps some memory for its backward pass. Another has "
        "64 layers, eight times as many, and the same growth rate. How many times as much memory "
        "does it keep?",
        unit="times as much",
        why="Why is it not 8?",
    ),
    Prediction(
        id="densenet.price",
        question="Every layer runs a second time in the backward pass. By what percentage does "
        "that increase the multiply-adds of a whole training step, forward and backward?",
        unit="percent",
        why="What share of a step is the forward pass?",
    ),
    Prediction(
        id="densenet.buffer",
        question="A block of 32 layers is used only for prediction. How many times as many bytes "
        "does it read and write with concatenations as with one buffer?",
        unit="times as many",
        why="What is the same in both?",
    ),
    Prediction(
        id="densenet.kernel",
        question="A 1x1 makes 128 channels out of 544: the 64 of the block's input, and 15 pieces "
        "of 32. How many times as many bytes are read and written with `torch.cat` first as with "
        "the kernel?",
        unit="times as many",
        why="How often is each channel read?",
    ),
    Prediction(
        id="densenet.recipes",
        question="Which gap will be wider: between two networks with the same recipe, or between "
        "two recipes with the same network?",
        options=("between the networks", "between the recipes", "about the same"),
        why="What would the table in a paper have shown?",
        value="between the recipes",
    ),
)
