"""Lesson 03: its short questions and its predictions."""

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
    """Channels of the tensors that there are before layer `first` to before layer `last`."""
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
        text="A dense block is given {c} channels. It has {n} layers and growth rate {k}. How many "
        "channels does it hand on?",
        draw=_draw_block,
        answer=lambda v: v["c"] + v["n"] * v["k"],
        explain="{c} to begin with, and {k} more from each of {n} layers.",
        beliefs=(
            Belief(
                lambda v: v["c"] * v["k"],
                "The growth rate does not multiply the channels. Each layer adds that many.",
            ),
            Belief(
                lambda v: v["c"] * v["k"] ** v["n"],
                "That multiplies by the growth rate at each layer. Each layer adds that many.",
            ),
            Belief(
                lambda v: v["n"] * v["k"],
                "Those are the new ones. The {c} channels of the beginning are handed on as well.",
            ),
            Belief(
                lambda v: v["k"],
                "{k} is what one layer makes. The block hands on everything that there is.",
            ),
            Belief(
                lambda v: v["c"] + (v["n"] - 1) * v["k"],
                "That is what the last layer reads. Its own channels come on top.",
            ),
        ),
    ),
    Question(
        id="densenet.unequal",
        lesson=LESSON,
        title="What fits beside what",
        points=1,
        text="x has {a} channels of {s} x {s} pixels, f(x) has {b} channels of {s} x {s}. What "
        "does `torch.cat([x, f(x)], dim=1)` do?",
        draw=_draw_pair,
        answer="It gives {a} + {b} channels of {s} x {s} pixels.",
        options=(
            "It gives {a} + {b} channels of {s} x {s} pixels.",
            "It fails: both need the same number of channels.",
            "It gives {a} channels: those of f(x) are added to the first {b}.",
            "It gives {a} channels, after f(x) was filled up with zeros.",
        ),
        explain="Only the batch, the height and the width must agree. It is the residual's "
        "addition that needs equal channels.",
        beliefs=(
            Belief(
                "It fails: both need the same number of channels.",
                "The addition of a residual block needs that. Side by side the two may differ; "
                "batch, height and width must agree.",
            ),
            Belief(
                "It gives {a} channels: those of f(x) are added to the first {b}.",
                "Nothing is added to anything: both stand in the result as they were.",
            ),
            Belief(
                "It gives {a} channels, after f(x) was filled up with zeros.",
                "Nothing is filled up: the result has as many channels as both together.",
            ),
        ),
    ),
    Question(
        id="densenet.copies",
        lesson=LESSON,
        title="What the concatenations write",
        points=1,
        text="A block of {n} layers begins with {c} channels and has growth rate {k}. After each "
        "layer `torch.cat` writes a new tensor of all channels. How many channels do the {n} "
        "concatenations write in all?",
        draw=_draw_block,
        answer=lambda v: _copied(v, 1, v["n"]),
        explain="The first one writes {c} + {k} channels, and each later one {k} more than the one "
        "before. Only {n} * {k} of them were new.",
        beliefs=(
            Belief(
                lambda v: 0,
                "Concatenation is no view: it takes new memory and copies every channel into it.",
            ),
            Belief(
                lambda v: v["n"] * v["k"],
                "Those are the new channels. Each concatenation copies the old ones as well.",
            ),
            Belief(
                lambda v: v["c"] + v["n"] * v["k"],
                "That is what the last concatenation writes. There is one after each layer.",
            ),
            Belief(
                lambda v: _copied(v, 0, v["n"] - 1),
                "Those are the channels that the layers read. A concatenation writes the new ones, "
                "too.",
            ),
            Belief(
                lambda v: v["n"] * (v["c"] + v["n"] * v["k"]),
                "That takes each for as large as the last one. The first are smaller.",
            ),
        ),
    ),
    Question(
        id="densenet.transition",
        lesson=LESSON,
        title="What a transition leaves",
        points=1,
        text="A block hands on {c} channels of {s} x {s} pixels. How many numbers are left of them "
        "behind the transition?",
        draw=_draw_transition,
        answer=lambda v: v["c"] * v["s"] ** 2 / 8,
        explain="Half the channels, and a quarter of the pixels.",
        beliefs=(
            Belief(
                lambda v: v["c"] * v["s"] ** 2 / 4,
                "Height and width are halved, which leaves a quarter. The 1x1 halves the channels, "
                "too.",
            ),
            Belief(
                lambda v: v["c"] * v["s"] ** 2 / 2,
                "The channels are halved. The pool takes 2 x 2 pixels to one as well.",
            ),
            Belief(
                lambda v: v["c"] * v["s"] ** 2 / 16,
                "The channels are halved once: the pool leaves them alone.",
            ),
            Belief(
                lambda v: v["c"] * v["s"] ** 2,
                "Something is thrown away twice: by the 1x1, and by the pool.",
            ),
        ),
    ),
    Question(
        id="densenet.fair",
        lesson=LESSON,
        title="What a table of two rows says",
        points=1,
        text="A paper prints: its new network, trained with its own new recipe, 80%; an old "
        "network, with the old recipe of the old paper, 76%. What follows?",
        answer="Not which of the two made the difference, the network or the recipe.",
        options=(
            "Not which of the two made the difference, the network or the recipe.",
            "The new network is better.",
            "The new recipe is better.",
            "Both the network and the recipe are better.",
        ),
        explain="Two things changed at once. It takes the old network under the new recipe, or the "
        "new one under the old, and several seeds.",
        beliefs=(
            Belief(
                "The new network is better.",
                "Perhaps. The old network may reach as much with the new recipe: that was not "
                "tried.",
            ),
            Belief(
                "The new recipe is better.",
                "Perhaps. The new network may reach as much with the old recipe: that was not "
                "tried.",
            ),
            Belief(
                "Both the network and the recipe are better.",
                "One of them may do nothing, or harm: two things changed, and one number was "
                "printed.",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="densenet.width_121",
        question="The third dense block of DenseNet-121 is given 256 channels. It has 24 layers "
        "and growth rate 32. How many channels does it end with?",
        unit="channels",
        why="Which part of them is new?",
        value=1024,
    ),
    Prediction(
        id="densenet.memory",
        question="A dense block of 8 layers keeps some memory for its backward pass. One of 64 "
        "layers, eight times as many, with the same growth rate: how many times as much does it "
        "keep?",
        unit="times as much",
        why="Why is it not 8?",
    ),
    Prediction(
        id="densenet.price",
        question="Every layer runs a second time in the backward pass. How many percent more "
        "multiply-adds is that for a whole training step, forward and backward?",
        unit="percent",
        why="What share of a step is the forward pass?",
    ),
    Prediction(
        id="densenet.buffer",
        question="A block of 32 layers, for prediction alone: how many times as many bytes does it "
        "read and write with concatenations as with one buffer?",
        unit="times as many",
        why="What is the same in both?",
    ),
    Prediction(
        id="densenet.recipes",
        question="Which gap will be the wider one: between the two networks under the same recipe, "
        "or between the two recipes with the same network?",
        options=("between the networks", "between the recipes", "about the same"),
        why="What would a paper's table have shown?",
        value="between the recipes",
    ),
)
