"""Lesson 05: short questions and predictions."""

from __future__ import annotations

from math import ceil, floor, log2

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "05_shufflenet"


def _draw_place(rng) -> dict:
    """Return a channel that is neither in the first group nor first or last in its group."""
    groups, width = rng.choice([(3, 7), (3, 8), (4, 6), (4, 7), (5, 4), (5, 8), (6, 4)])
    channel = width * rng.randrange(1, groups - 1) + rng.randrange(1, width - 1)
    numbers = {"c": groups * width, "g": groups, "w": width, "j": channel}
    return numbers | {"k": channel // width, "i": channel % width, "f": channel % width * groups}


def _place(v: dict) -> int:
    return v["j"] % v["w"] * v["g"] + v["j"] // v["w"]


def _undone(v: dict) -> int:
    return v["j"] % v["g"] * v["w"] + v["j"] // v["g"]


def _misplaced(v: dict) -> tuple[int, ...]:
    """Return the places that come from mixing up groups and width, or from half of the rule."""
    j, g, w, c = v["j"], v["g"], v["w"], v["c"]
    mixed_up = (j % w * w + j // w, j % g * g + j // g, j % w * g + j // g, j % g * w + j // w)
    swapped = (j // w * g + j % w, j // g * w + j % g, j // w * w + j % g, j // g * g + j % w)
    halves = (j % w * g, j % g * w, j % w, j // w, j % g, j // g, j * g % c, j * w % c)
    moved = (j - w, j + g, j - g, c - 1 - j)
    before = _place(v | {"j": j - 1})  # where it would be if channels were counted from 1
    return (*mixed_up, *swapped, *halves, *moved, before, before + 1, _place(v) - 1)


def _depth(v: dict) -> int:
    """Return the fewest layers after which an output can depend on all channels."""
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
        text="There are {c} channels in {g} groups. Channels, groups and places are counted from "
        "0. At which place is channel {j} after the shuffle?",
        draw=_draw_place,
        answer=_place,
        wrong_numbers=_misplaced,
        explain="Channel {j} is number {i} in group {k}, both counted from 0. After the shuffle, "
        "the channels with number {i} from all {g} groups are next to each other. The first of "
        "them is at place {f}.",
        beliefs=(
            Belief(
                _undone,
                "That is where the inverse puts it. It reshapes to ({w}, {g}); the shuffle "
                "reshapes to ({g}, {w}).",
                name="takes the inverse shuffle",
            ),
            Belief(
                lambda v: v["j"],
                "It moves. Only the first and the last channel always stay in their places.",
                name="the channel stays",
            ),
            Belief(
                lambda v: (v["j"] + v["w"]) % v["c"],
                "That moves whole groups along. A shuffle also separates the channels of a group.",
                name="moves whole groups",
            ),
            Belief(
                lambda v: _place(v) + 1,
                "That counts the places from 1. Here they are counted from 0.",
                name="counts from one",
            ),
        ),
    ),
    Question(
        id="shufflenet.undo",
        lesson=LESSON,
        title="How to undo a shuffle",
        points=1,
        text="{c} channels were shuffled in {g} groups. Now you shuffle them a second time. With "
        "how many groups does every channel get back to its old place?",
        draw=lambda rng: (lambda g, w: {"c": g * w, "g": g, "w": w})(
            *rng.choice([(3, 8), (4, 6), (5, 8), (2, 9), (8, 3), (3, 20)])
        ),
        answer=lambda v: v["w"],
        wrong_numbers=lambda v: (v["c"] - v["g"], v["c"] / 2, 2 * v["g"], v["w"] - 1, 2),
        explain="The first shuffle transposes a table of {g} x {w}. The second one transposes it "
        "back: its table is {w} x {g}.",
        beliefs=(
            Belief(
                lambda v: v["g"],
                "That works only if the number of groups equals the number of channels in a group. "
                "Here each group has {w} channels.",
                name="the same groups undo the shuffle",
            ),
            Belief(
                lambda v: 1,
                "A shuffle with one group moves nothing.",
                name="one group undoes the shuffle",
            ),
            Belief(
                lambda v: v["c"],
                "A shuffle with {c} groups of one channel each moves nothing.",
                name="groups of one channel undo the shuffle",
            ),
        ),
    ),
    Question(
        id="shufflenet.redrawn",
        lesson=LESSON,
        title="Does a shuffle change?",
        points=1,
        text="A network with channel shuffles gets a second batch. What happens to its "
        "permutations?",
        answer="Nothing: they are the same for every image, in training and after it.",
        options=(
            "Nothing: they are the same for every image, in training and after it.",
            "They are drawn again for each batch, as in dropout.",
            "They are drawn again in training and fixed in evaluation.",
            "They change a little, by their gradient.",
        ),
        explain="The weights of the next layer rely on the order of the channels. The permutation "
        "depends only on the number of channels and the number of groups.",
        beliefs=(
            Belief(
                "They are drawn again for each batch, as in dropout.",
                "Then the weights of the next layer would get different channels each time. "
                "Nothing is random: the number of channels and of groups decides the order.",
            ),
            Belief(
                "They are drawn again in training and fixed in evaluation.",
                "Then the weights would be trained for permutations that never come back.",
            ),
            Belief(
                "They change a little, by their gradient.",
                "A permutation has no parameters, so there is no gradient to change it.",
            ),
        ),
    ),
    Question(
        id="shufflenet.depth",
        lesson=LESSON,
        title="How many layers mix all channels",
        points=1,
        text="A stack has {c} channels in {g} groups, with a shuffle between the layers. How many "
        "grouped layers does it need, at least, so that an output can depend on every input?",
        draw=lambda rng: dict(
            zip(
                "cg",
                rng.choice([(240, 40), (243, 81), (250, 50), (350, 50), (625, 125), (729, 243)]),
            )
        ),
        answer=_depth,
        wrong_numbers=lambda v: (
            log2(v["c"]),
            round(log2(v["c"])),
            log2(v["g"]),
            *(floor(log2(v["g"])), ceil(log2(v["g"]))),
            *(v["c"], v["c"] ** 0.5, v["g"] ** 0.5, v["g"] - 1),
            *(v["c"] / v["g"], v["c"] / v["g"] + 1, v["g"] ** 2 / v["c"]),
        ),
        explain="With each layer, an output sees {c}/{g} times as many channels, until it sees all "
        "{c}.",
        beliefs=(
            Belief(
                lambda v: 1,
                "After one layer, an output depends only on the inputs of its own group.",
                name="one layer sees everything",
            ),
            Belief(
                lambda v: _depth(v) + 1,
                "One layer fewer is enough: after the first layer, an output already sees a whole "
                "group.",
                name="counts one layer too many",
            ),
            Belief(
                lambda v: 2,
                "After two layers, an output sees at most the square of the channels in a group. "
                "That is less than {c}.",
                name="two layers are always enough",
            ),
            Belief(
                lambda v: v["g"],
                "An output does not see one more group with each layer. What it sees is multiplied "
                "at each layer.",
                name="one more group with each layer",
            ),
            Belief(
                lambda v: _depth(v) - 1,
                "That is the number of shuffles between the layers. There is one more layer.",
                name="counts the shuffles, not the layers",
            ),
        ),
    ),
    Question(
        id="shufflenet.bytes",
        lesson=LESSON,
        title="What a shuffle moves",
        points=1,
        text="An image has {c} channels of {s} x {s} pixels, in float32. A shuffle copies it. How "
        "many bytes does that read and write in total, at least?",
        draw=lambda rng: {"c": rng.choice([60, 116, 240]), "s": rng.choice([7, 14, 28])},
        answer=lambda v: 8 * v["c"] * v["s"] ** 2,
        wrong_numbers=lambda v: (
            8 * v["c"] * v["s"],
            12 * v["c"] * v["s"] ** 2,
            16 * v["c"] * v["s"] ** 2,
            8 * v["s"] ** 2,
        ),
        explain="Each number has four bytes; it is read once and written once. There are no "
        "multiply-adds.",
        beliefs=(
            Belief(
                lambda v: 4 * v["c"] * v["s"] ** 2,
                "That is what is read. The copy is also written.",
                name="leaves out what is written",
            ),
            Belief(
                lambda v: 2 * v["c"] * v["s"] ** 2,
                "That many numbers are read and written. Each has four bytes.",
                name="counts numbers moved, not bytes",
            ),
            Belief(
                lambda v: v["c"] * v["s"] ** 2,
                "That is how many numbers there are. Each has four bytes, and is read and written.",
                name="counts the numbers once",
            ),
            Belief(
                lambda v: 0,
                "It multiplies nothing, but it moves the image. A shuffle is free only if you fold "
                "it into the weights of the next layer.",
                name="a shuffle costs nothing",
            ),
        ),
    ),
)

CHANCE = ("about 50%, which is chance", "about 75%", "about 100%")

PREDICTIONS = (
    Prediction(
        id="shufflenet.layers",
        question="A stack has 12 channels in 4 groups of 3, with a shuffle between the layers. How "
        "many grouped layers does it need until every output depends on every input?",
        unit="layers",
        why="How many inputs does an output see after two?",
        value=3,
    ),
    Prediction(
        id="shufflenet.xor",
        question="The label is the XOR of a bit in group 0 and a bit in group 2. What test "
        "accuracy does the stack reach without a shuffle?",
        options=CHANCE,
        why="What would one group have to know about the other?",
        value=CHANCE[0],
    ),
    Prediction(
        id="shufflenet.time",
        question="A ShuffleNet unit and a MobileNet unit need the same number of multiply-adds. "
        "How many times as long does the ShuffleNet unit take here? (1 means the same time.)",
        unit="times as long",
        why="What else takes time?",
    ),
    Prediction(
        id="shufflenet.copies",
        question="There are eight groups of two channels. Between two layers, some random "
        "permutations are added up. How many does it take, at least, to solve the XOR with "
        "every seed?",
        unit="permutations",
        why="How many groups does a group of the second layer read?",
        value=2,
    ),
    Prediction(
        id="shufflenet.gate",
        question="A block has a squeeze-and-excitation gate (lesson 04). All its convolutions have "
        "groups, and there is no shuffle. What test accuracy does it reach on the XOR?",
        options=CHANCE,
        why="What does the gate of a channel depend on?",
        value=CHANCE[2],
    ),
    Prediction(
        id="shufflenet.kernel",
        question="The shuffle of 60 channels is followed by a grouped 1x1 from 60 to 240 channels. "
        "How many times as many bytes do the two operations move as this one kernel?",
        unit="times as many",
        why="What does the kernel never write?",
    ),
)
