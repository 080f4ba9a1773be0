"""Lesson 05: the short questions and the predictions."""

from __future__ import annotations

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "05_shufflenet"


def _draw_place(rng) -> dict:
    """A channel whose place differs after a shuffle, its inverse, and a roll by a group."""
    groups, width = rng.choice([(3, 5), (4, 6), (3, 8), (5, 4), (6, 4)])
    channel = width * rng.randrange(1, groups - 1) + rng.randrange(1, width - 1)
    numbers = {"c": groups * width, "g": groups, "w": width, "j": channel}
    numbers |= {"k": channel // width, "i": channel % width, "f": channel % width * groups}
    place, rolled = _place(numbers), (channel + width) % numbers["c"]
    places = {place, place + 1, _undone(numbers), channel, rolled}
    return numbers if len(places) == 5 else _draw_place(rng)


def _place(v: dict) -> int:
    return v["j"] % v["w"] * v["g"] + v["j"] // v["w"]


def _undone(v: dict) -> int:
    return v["j"] % v["g"] * v["w"] + v["j"] // v["g"]


def _depth(v: dict) -> int:
    """The fewest layers after which width to that power covers all channels."""
    layers, seen = 1, v["c"] // v["g"]
    while seen < v["c"]:
        layers, seen = layers + 1, seen * v["c"] // v["g"]
    return layers


QUESTIONS = (
    Question(
        id="shufflenet.place",
        lesson=LESSON,
        title="Where a channel goes",
        points=1,
        text="{c} channels in {g} groups, counted from 0. At which place does channel {j} stand "
        "after the shuffle?",
        draw=_draw_place,
        answer=_place,
        explain="Channel {j} is number {i} of group {k}, both counted from 0. The {g} channels "
        "number {i} stand side by side from place {f} on, in the order of their groups.",
        beliefs=(
            Belief(
                _undone,
                "That is where the inverse puts it: a reshape to ({w}, {g}) in place of one to "
                "({g}, {w}).",
            ),
            Belief(lambda v: v["j"], "Only the first and the last channel are sure to stay."),
            Belief(
                lambda v: (v["j"] + v["w"]) % v["c"],
                "That moves the groups round and keeps each together.",
            ),
            Belief(lambda v: _place(v) + 1, "That counts places from 1."),
        ),
    ),
    Question(
        id="shufflenet.undo",
        lesson=LESSON,
        title="The way back",
        points=1,
        text="{c} channels were shuffled in {g} groups. A second shuffle, in how many groups, "
        "brings every channel back to its old place?",
        draw=lambda rng: (lambda g, w: {"c": g * w, "g": g, "w": w})(
            *rng.choice([(3, 8), (4, 6), (5, 8), (2, 9), (8, 3), (3, 20)])
        ),
        answer=lambda v: v["w"],
        explain="The first reads a table of {g} x {w} by columns, the second one of {w} x {g}.",
        beliefs=(
            Belief(
                lambda v: v["g"],
                "That would undo it only if there were as many groups as channels in a group. A "
                "shuffle in {g} groups and one in {w} are two shuffles, each the other's inverse.",
            ),
            Belief(lambda v: 1, "A shuffle in one group moves nothing."),
            Belief(lambda v: v["c"], "A shuffle in {c} groups of one channel moves nothing."),
        ),
    ),
    Question(
        id="shufflenet.redrawn",
        lesson=LESSON,
        title="The second batch",
        points=1,
        text="A network with channel shuffles is shown a second batch. What happens to its "
        "permutations?",
        answer="Nothing: they are the same for every image, in training and afterwards.",
        options=(
            "Nothing: they are the same for every image, in training and afterwards.",
            "They are drawn anew for each batch, as in dropout.",
            "They are drawn anew in training and fixed in evaluation.",
            "They have moved a little, by their gradient.",
        ),
        explain="The weights of the next layer rely on what stands where. The permutation follows "
        "from two numbers, channels and groups.",
        beliefs=(
            Belief(
                "They are drawn anew for each batch, as in dropout.",
                "Then the next layer's weights would meet other channels each time. Nothing is "
                "drawn: the shuffle follows from the channels and the groups.",
            ),
            Belief(
                "They are drawn anew in training and fixed in evaluation.",
                "Then the weights would be trained for permutations that never come again.",
            ),
            Belief(
                "They have moved a little, by their gradient.",
                "A permutation has no parameters, so nothing has a gradient to move by.",
            ),
        ),
    ),
    Question(
        id="shufflenet.depth",
        lesson=LESSON,
        title="How deep",
        points=1,
        text="{c} channels in {g} groups, a shuffle between all layers. After how many grouped "
        "layers, at the earliest, can an output depend on every input?",
        draw=lambda rng: dict(
            zip("cg", rng.choice([(16, 8), (32, 16), (64, 32), (81, 27), (256, 64)]))
        ),
        answer=_depth,
        explain="Each layer multiplies what an output sees by the {c}/{g} channels of a group.",
        beliefs=(
            Belief(lambda v: 1, "One layer shows an output the inputs of its own group."),
            Belief(
                lambda v: _depth(v) + 1,
                "One less is enough: the first layer already shows an output a whole group.",
            ),
            Belief(
                lambda v: 2,
                "Two layers show an output as many inputs as the square of the channels in a "
                "group. Is that {c} already?",
            ),
            Belief(
                lambda v: v["g"],
                "A shuffle does not add one group at a time: what an output sees is multiplied at "
                "each layer.",
            ),
            Belief(
                lambda v: _depth(v) - 1,
                "Those are the shuffles. There is one layer more than there are shuffles.",
            ),
        ),
    ),
    Question(
        id="shufflenet.bytes",
        lesson=LESSON,
        title="What a shuffle moves",
        points=1,
        text="One image of {c} channels and {s} x {s} pixels, in float32, is shuffled by a copy. "
        "How many bytes does that read and write together, at least?",
        draw=lambda rng: {"c": rng.choice([60, 116, 240]), "s": rng.choice([7, 14, 28])},
        answer=lambda v: 8 * v["c"] * v["s"] ** 2,
        explain="Each number is read once and written once, at four bytes. Multiply-adds: none.",
        beliefs=(
            Belief(lambda v: 4 * v["c"] * v["s"] ** 2, "That is read. It is written, too."),
            Belief(lambda v: 2 * v["c"] * v["s"] ** 2, "Those are numbers, of four bytes each."),
            Belief(
                lambda v: v["c"] * v["s"] ** 2,
                "So many numbers there are. Each has four bytes, and is read and written.",
            ),
            Belief(
                lambda v: 0,
                "It multiplies nothing, but it moves the image. Only folded into the next layer's "
                "weights it is free.",
            ),
        ),
    ),
)

CHANCE = ("about 50%, which is chance", "about 75%", "about 100%")

PREDICTIONS = (
    Prediction(
        id="shufflenet.layers",
        question="12 channels in 4 groups of 3, a shuffle between all layers. How many grouped "
        "layers does it take until every output depends on every input?",
        unit="layers",
        why="How many inputs does an output see after two?",
        value=3,
    ),
    Prediction(
        id="shufflenet.xor",
        question="The label is the XOR of a bit in group 0 and a bit in group 2. Which test "
        "accuracy does the stack without a shuffle reach?",
        options=CHANCE,
        why="What would one group have to know of the other?",
        value=CHANCE[0],
    ),
    Prediction(
        id="shufflenet.time",
        question="A ShuffleNet unit and a MobileNet unit with as many multiply-adds. How many "
        "times as long as MobileNet's does ShuffleNet's take here? (1 means as long.)",
        unit="times as long",
        why="What else is there to wait for?",
    ),
    Prediction(
        id="shufflenet.copies",
        question="Eight groups of two channels, and between two layers the sum of some random "
        "permutations. How many does it take, at least, to solve the XOR with every seed?",
        unit="permutations",
        why="From how many groups does a group of the second layer read?",
        value=2,
    ),
    Prediction(
        id="shufflenet.gate",
        question="A block with a squeeze-and-excitation gate (lesson 04). All its convolutions are "
        "in groups, and nothing is shuffled. Which test accuracy does it reach on the XOR?",
        options=CHANCE,
        why="What does the gate of a channel depend on?",
        value=CHANCE[2],
    ),
)
