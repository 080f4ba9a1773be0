"""Lesson 02: short questions and predictions."""

from __future__ import annotations

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "02_resnext"


def _draw_conv(rng) -> dict:
    groups = rng.choice([2, 4, 8])
    return {
        "g": groups,
        "ci": groups * rng.choice([5, 6, 12]),
        "co": groups * rng.choice([5, 7, 9]),
    }


def _weights(v: dict, groups: float) -> float:
    return v["co"] * v["ci"] * 9 / groups


QUESTIONS = (
    Question(
        id="resnext.weights",
        lesson=LESSON,
        title="Counting the weights",
        points=1,
        text="A 3x3 convolution has {ci} input channels, {co} output channels, groups={g} and no "
        "bias. How many weights does it have?",
        draw=_draw_conv,
        answer=lambda v: _weights(v, v["g"]),
        wrong_numbers=lambda v: (
            9 * v["ci"] * v["co"] * v["g"],
            9 * (v["ci"] + v["co"]) / v["g"],
            9 * v["ci"] / v["g"],
            9 * v["co"] / v["g"],
            9 * v["ci"] * v["g"],
            v["ci"] * v["co"],
        ),
        explain="Each of the {co} outputs reads only {ci}/{g} inputs, at nine taps.",
        beliefs=(
            Belief(
                lambda v: _weights(v, 1),
                "That is the full convolution. With groups, an output reads only the inputs of its "
                "own group. That is {ci}/{g} inputs for each output.",
                name="reads the inputs of all groups",
            ),
            Belief(
                lambda v: _weights(v, v["g"] ** 2),
                "That divides by {g} twice. One block has 1/{g}^2 of the weights, but there are "
                "{g} blocks.",
                name="divides by the groups twice",
            ),
            Belief(
                lambda v: v["co"] * 9 * v["g"],
                "That uses {g} as the number of channels in a group. But {g} is the number of "
                "groups.",
                name="takes the groups for the group width",
            ),
            Belief(
                lambda v: _weights(v, 9 * v["g"]),
                "That counts only one of the nine taps.",
                name="counts one tap of nine",
            ),
        ),
    ),
    Question(
        id="resnext.group_width",
        lesson=LESSON,
        title="What groups= counts",
        points=1,
        text="A layer has {c} channels in and out and groups={g}. How many input channels does one "
        "output channel read?",
        draw=lambda rng: (lambda g: {"g": g, "c": g * rng.choice([3, 5, 6])})(
            rng.choice([4, 8, 16])
        ),
        answer=lambda v: v["c"] / v["g"],
        wrong_numbers=lambda v: (v["c"] - v["g"], v["c"] * v["g"], v["c"] / v["g"] ** 2, 9),
        explain="The {c} channels are divided into {g} groups of equal size.",
        beliefs=(
            Belief(
                lambda v: v["g"],
                "{g} is the number of groups, not the number of channels in one of them.",
                name="takes the groups for the group width",
            ),
            Belief(
                lambda v: v["c"],
                "That would be a layer with groups=1. Here an output reads only its own group.",
                name="reads all channels",
            ),
            Belief(
                lambda v: 1,
                "An output reads a single channel only if groups={c}: a depthwise convolution.",
                name="reads one channel only",
            ),
        ),
    ),
    Question(
        id="resnext.more_groups",
        lesson=LESSON,
        title="More groups at the same width",
        points=1,
        text="You double the groups of a layer and keep its width. What happens?",
        answer="It loses half of its weights, so half of the connections between channels.",
        options=(
            "It loses half of its weights, so half of the connections between channels.",
            "The layer can represent more functions.",
            "The image is split into twice as many parts.",
            "Only the speed changes.",
        ),
        explain="It can represent fewer functions. You gain only if you spend the saved weights on "
        "more channels.",
        beliefs=(
            Belief(
                "The layer can represent more functions.",
                "The old layer can compute every function of the new one, with zeros in the right "
                "places. So the new layer represents fewer functions.",
            ),
            Belief(
                "The image is split into twice as many parts.",
                "Groups split the channels, not the image. Every group sees all pixels.",
            ),
            Belief(
                "Only the speed changes.",
                "Look at the matrix: half of the weights it had are zero now, and stay zero.",
            ),
        ),
    ),
    Question(
        id="resnext.csr_bytes",
        lesson=LESSON,
        title="The index of a sparse matrix",
        points=1,
        text="A {n} x {n} matrix is stored in CSR with {entries} entries. Its index has 8-byte "
        "integers. How many bytes does the index take?",
        draw=lambda rng: (lambda n: {"n": n, "entries": n * n // rng.choice([8, 16, 32])})(
            rng.choice([256, 512, 1024])
        ),
        answer=lambda v: 8 * (v["n"] + 1 + v["entries"]),
        wrong_numbers=lambda v: (
            8 * v["n"],
            8 * (v["n"] + 1),
            8 * v["n"] ** 2,
            12 * v["entries"],
            v["n"] + 1 + v["entries"],
            8 * (v["n"] + 1 + 2 * v["entries"]),
            12 * v["entries"] + 8 * (v["n"] + 1),
        ),
        explain="CSR stores a column for each of the {entries} entries, and {n} + 1 numbers that "
        "say where the rows begin and end.",
        beliefs=(
            Belief(
                lambda v: 16 * v["entries"],
                "That is COO, which stores a row and a column for each entry. CSR stores only "
                "where each row begins.",
                name="counts a row for each entry, as COO does",
            ),
            Belief(
                lambda v: 8 * v["entries"],
                "That counts the columns. CSR also stores where each row begins.",
                name="counts the columns only",
            ),
            Belief(
                lambda v: 8 * (v["n"] + v["entries"]),
                "One number is missing: CSR also stores where the last row ends.",
                name="leaves out where the last row ends",
            ),
            Belief(
                lambda v: 4 * (v["n"] + 1 + v["entries"]),
                "That uses 4 bytes for each integer. Here each one takes 8.",
                name="integers of 4 bytes",
            ),
        ),
    ),
    Question(
        id="resnext.ninety_zeros",
        lesson=LESSON,
        title="Nine of ten weights are zero",
        points=1,
        text="You set 90% of a layer's weights to zero, in random places, and run the same layer. "
        "What happens to its time?",
        answer="Nothing: zeros are multiplied like any other number.",
        options=(
            "Nothing: zeros are multiplied like any other number.",
            "It falls to a tenth.",
            "It falls, but by less than ten times.",
            "It rises, because the zeros must be skipped.",
        ),
        explain="A dense product does not look at its numbers. To skip zeros, you need another "
        "layout, with an index.",
        beliefs=(
            Belief(
                "It falls to a tenth.",
                "A tenth of the products would be enough, but the device does not know which ones.",
            ),
            Belief(
                "It falls, but by less than ten times.",
                "That can happen with CSR. A dense layer does not notice its zeros.",
            ),
            Belief(
                "It rises, because the zeros must be skipped.",
                "A dense product does not skip anything. It multiplies the zeros too.",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="resnext.neighbours",
        question="The label is the XOR of a bit in group 0 and a bit in group 2. In this stack "
        "each group also reads its neighbour. What test accuracy does it reach?",
        options=("about 50%, which is chance", "about 75%", "about 100%"),
        why="How does group 2 reach group 0?",
        value="about 100%",
    ),
    Prediction(
        id="resnext.digits",
        question="Both networks have the same budget and learn the small digits. By how many "
        "percentage points does 32x4d beat 1x64d? (Negative if it loses.)",
        unit="points",
        why="What would you need to be sure?",
    ),
    Prediction(
        id="resnext.crossover",
        question="Multiply a random sparse 1024 x 1024 matrix by 256 columns. Above what density "
        "is the dense product faster than CSR on your device? (0.1 means 10% non-zeros.)",
        unit="of the entries",
        why="What does CSR spend its time on?",
    ),
    Prediction(
        id="resnext.budget_width",
        question="A 1x1 layer with 12 channels in and out has 144 weights. With 4 groups, how many "
        "channels in and out can you have for the same 144 weights?",
        unit="channels",
        why="Why is it not 48?",
        value=24,
    ),
    Prediction(
        id="resnext.equal_budget",
        question="The 3x3 layers in the first stage of ResNet-50 are 64 channels wide. ResNeXt-50 "
        "has 32 groups and about the same number of parameters. How wide are its 3x3 layers in "
        "that stage?",
        unit="channels",
        why="What pays for the extra channels?",
        value=128,
    ),
    Prediction(
        id="resnext.time",
        question="A grouped layer needs an eighth of the multiply-adds of the full one. How many "
        "times as fast is it on your device? (2 means twice as fast, 0.5 half as fast.)",
        unit="times as fast",
        why="What else takes time?",
    ),
    Prediction(
        id="resnext.kernel",
        question="A grouped 3x3 with 128 channels in 32 groups. Your `grouped_conv2d` and the "
        "kernel compute the same numbers. How many times as many bytes does yours move? (If yours "
        "has not passed, the framework's runs in its place.)",
        unit="times as many",
        why="Which bytes does the kernel not move?",
    ),
    Prediction(
        id="resnext.cat_density",
        question="We set the smallest weights of each 1x1 layer to zero. Down to which density "
        "(percent of the weights that are left, in steps of ten) does the network still call the "
        "cat an Egyptian cat?",
        unit="percent",
        why="Why do so few of the weights not matter?",
        value=80,
    ),
)
