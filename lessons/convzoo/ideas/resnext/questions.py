"""Lesson 02: its short questions and its predictions."""

from __future__ import annotations

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "02_resnext"


def _draw_conv(rng) -> dict:
    """No group is as wide as there are groups, or as their square: else a wrong count is right."""
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
        text="A 3x3 convolution has {ci} input channels, {co} output channels, groups={g} "
        "and no bias. How many weights does it have?",
        draw=_draw_conv,
        answer=lambda v: _weights(v, v["g"]),
        explain="Each of the {co} outputs reads only {ci}/{g} inputs, nine times.",
        beliefs=(
            Belief(
                lambda v: _weights(v, 1),
                "That is the full convolution. An output reads only the inputs of its own group, "
                "so the weight holds only {ci}/{g} of them for each output.",
            ),
            Belief(
                lambda v: _weights(v, v["g"] ** 2),
                "That divides by {g} twice. One block has 1/{g}^2 of the weights, but there are "
                "{g} blocks.",
            ),
            Belief(
                lambda v: v["co"] * 9 * v["g"],
                "That takes {g} for the channels in a group. It is the number of groups.",
            ),
            Belief(lambda v: _weights(v, 9 * v["g"]), "That counts one tap of the nine."),
        ),
    ),
    Question(
        id="resnext.group_width",
        lesson=LESSON,
        title="What groups= counts",
        points=1,
        text="A layer has {c} channels in and out and groups={g}. How many input channels does "
        "one output channel read?",
        draw=lambda rng: (lambda g: {"g": g, "c": g * rng.choice([3, 5, 6])})(
            rng.choice([4, 8, 16])
        ),
        answer=lambda v: v["c"] / v["g"],
        explain="{g} groups share {c} channels.",
        beliefs=(
            Belief(
                lambda v: v["g"],
                "{g} is the number of groups, not the number of channels in one of them.",
            ),
            Belief(lambda v: v["c"], "That is a layer with groups=1."),
            Belief(lambda v: 1, "One would be groups={c}: a depthwise convolution."),
        ),
    ),
    Question(
        id="resnext.more_groups",
        lesson=LESSON,
        title="More groups at the same width",
        points=1,
        text="You double the groups of a layer and leave its width alone. What happens?",
        answer="Half the weights go, and with them half the connections between channels.",
        options=(
            "Half the weights go, and with them half the connections between channels.",
            "The layer can represent more functions.",
            "The image is split into twice as many parts.",
            "Nothing but the speed changes.",
        ),
        explain="It can represent fewer functions. The gain comes only when what was saved "
        "is spent on more channels.",
        beliefs=(
            Belief(
                "The layer can represent more functions.",
                "Every function of the new layer was one of the old layer too, with zeros in "
                "the right places. So it represents fewer.",
            ),
            Belief(
                "The image is split into twice as many parts.",
                "Groups split the channels. Every group sees the whole image.",
            ),
            Belief(
                "Nothing but the speed changes.",
                "Look at the matrix: half of its blocks are zero now, and stay zero.",
            ),
        ),
    ),
    Question(
        id="resnext.csr_bytes",
        lesson=LESSON,
        title="The index of a sparse matrix",
        points=1,
        text="A {n} x {n} matrix holds {entries} entries in CSR, with 8-byte integers. How many "
        "bytes does its index take?",
        draw=lambda rng: (lambda n: {"n": n, "entries": n * n // rng.choice([8, 16, 32])})(
            rng.choice([256, 512, 1024])
        ),
        answer=lambda v: 8 * (v["n"] + 1 + v["entries"]),
        explain="A column for each of {entries} entries, and {n} + 1 numbers for the rows.",
        beliefs=(
            Belief(
                lambda v: 16 * v["entries"],
                "That is COO, which keeps a row for each entry. CSR keeps only where rows begin.",
            ),
            Belief(lambda v: 8 * v["entries"], "Those are the columns. Where does each row begin?"),
            Belief(
                lambda v: 8 * (v["n"] + v["entries"]),
                "One number is missing: where the last row ends.",
            ),
            Belief(
                lambda v: 4 * (v["n"] + 1 + v["entries"]),
                "That is with 4 bytes for an integer; here it has 8.",
            ),
        ),
    ),
    Question(
        id="resnext.ninety_zeros",
        lesson=LESSON,
        title="Nine of ten weights are zero",
        points=1,
        text="You set 90% of a layer's weights to zero, in random places, and call the same layer. "
        "What happens to its time?",
        answer="Nothing: the zeros are multiplied like any other number.",
        options=(
            "Nothing: the zeros are multiplied like any other number.",
            "It falls to a tenth.",
            "It falls, but by less than ten times.",
            "It rises, because the zeros must be skipped.",
        ),
        explain="A dense product does not look at its numbers. To skip the zeros takes another "
        "layout, and an index.",
        beliefs=(
            Belief(
                "It falls to a tenth.",
                "A tenth of the products would be enough, but nothing tells the device which.",
            ),
            Belief(
                "It falls, but by less than ten times.",
                "That can happen with CSR. The dense layer does not notice its zeros.",
            ),
            Belief(
                "It rises, because the zeros must be skipped.", "A dense product skips nothing."
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="resnext.neighbours",
        question="The label is the XOR of a bit in group 0 and a bit in group 2. Which test "
        "accuracy does a stack reach in which each group also reads its neighbour?",
        options=("about 50%, which is chance", "about 75%", "about 100%"),
        why="How does group 2 reach group 0?",
        value="about 100%",
    ),
    Prediction(
        id="resnext.digits",
        question="At an equal budget on the small digits: by how many percentage points does 32x4d "
        "beat 1x64d? (Negative if it loses.)",
        unit="points",
        why="What would you need to be sure?",
    ),
    Prediction(
        id="resnext.crossover",
        question="A random sparse 1024 x 1024 matrix times 256 columns. Above which density is the "
        "dense product faster than CSR on your device? (0.1 means 10% non-zeros.)",
        unit="of the entries",
        why="What does CSR spend its time on?",
    ),
    Prediction(
        id="resnext.budget_width",
        question="A 1x1 layer with 12 channels in and out has 144 weights. With 4 groups, how many "
        "channels in and out could you have for the same 144 weights?",
        unit="channels",
        why="Why is it not 48?",
        value=24,
    ),
    Prediction(
        id="resnext.equal_budget",
        question="The 3x3 layers of ResNet-50's first stage are 64 channels wide. ResNeXt-50 "
        "has 32 groups and about the same number of parameters. How wide are its 3x3 layers there?",
        unit="channels",
        why="What pays for the extra channels?",
        value=128,
    ),
    Prediction(
        id="resnext.time",
        question="The grouped layer does an eighth of the multiply-adds of the full one. How many "
        "times as fast is it on your device? (2 means twice as fast, 0.5 half as fast.)",
        unit="times as fast",
        why="What else takes time?",
    ),
)
