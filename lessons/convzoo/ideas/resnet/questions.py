"""Lesson 01: short questions and predictions."""

from __future__ import annotations

from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question

LESSON = "01_resnet"


def _draw_stage(rng) -> dict:
    wide = rng.choice([24, 40, 48, 64])
    return {"a": wide, "b": 2 * wide, "n": rng.choice([3, 4, 5, 6])}


def _projection(v: dict) -> int:
    return v["a"] * v["b"] + 2 * v["b"]


def _draw_channel(rng) -> dict:
    return {
        "b1": rng.choice([2, 3, 4, 5]),
        "b2": rng.choice([-3, -2, -1]),
        "g1": rng.choice([3, 4, 5, 6]),
        "g2": rng.choice([-5, -2, 7, 8]),
    }


def _at_scale(v: dict) -> int:
    return v["g1"] * v["b1"] + v["g2"] * v["b2"]


def _sign_lost(v: dict) -> int:
    return v["g1"] * v["b1"] - v["g2"] * v["b2"]


def _draw_relu(rng) -> dict:
    """Return an input that is larger than what the branch subtracts."""
    x = rng.choice([5, 6, 7, 8])
    return {"x": x, "b": rng.choice([1, 2, 3])}


def _draw_side(rng) -> dict:
    side = rng.choice([8, 12, 14, 20, 24, 28, 32, 40, 56])
    return {"side": side, "half": side // 2}


QUESTIONS = (
    Question(
        id="resnet.relu_place",
        lesson=LESSON,
        title="Before or after the addition",
        points=1,
        text="At one pixel of one channel the input is {x} and the branch returns -{b}. The ReLU "
        "comes after the addition. What does the block return there?",
        draw=_draw_relu,
        answer=lambda v: v["x"] - v["b"],
        wrong_numbers=lambda v: (v["b"], v["b"] - v["x"], v["x"] * v["b"], -v["x"] * v["b"]),
        explain="With the ReLU after the addition, the branch can subtract: {x} - {b}. A ReLU "
        "before the addition would turn -{b} into 0, and the block would return {x}.",
        beliefs=(
            Belief(
                lambda v: v["x"],
                "That is the block with the ReLU before the addition: -{b} became 0. It matters "
                "which comes first.",
                name="puts the ReLU before the addition",
            ),
            Belief(
                lambda v: 0,
                "The sum is positive, so the ReLU leaves it as it is.",
                name="lets the ReLU set a positive sum to zero",
            ),
            Belief(
                lambda v: v["x"] + v["b"],
                "The branch returns -{b}, not {b}: watch the sign.",
                name="loses the branch's sign",
            ),
            Belief(
                lambda v: -v["b"],
                "That is only the branch. The input is added to it.",
                name="leaves out the input",
            ),
        ),
    ),
    Question(
        id="resnet.shortcut_weights",
        lesson=LESSON,
        title="What the shortcuts cost",
        points=1,
        text="A stage of {n} basic blocks turns {a} channels into {b}. Its first block has stride "
        "2. How many parameters do the {n} shortcuts have together? (A projection is a 1x1 "
        "convolution without bias, then a batch norm with a scale and a shift for each channel.)",
        draw=_draw_stage,
        answer=_projection,
        wrong_numbers=lambda v: (
            v["n"] * v["a"] * v["b"],
            v["a"] * v["b"] + 2 * v["a"],
            v["a"] * v["b"] + 2 * v["b"] * v["n"],
            2 * v["b"],
        ),
        explain="Only the first block has a projection: {a} * {b} weights, and 2 * {b} parameters "
        "of its batch norm. The other shortcuts pass on the input and have no parameters.",
        beliefs=(
            Belief(
                lambda v: v["n"] * _projection(v),
                "That counts a projection in every block. From the second block on, the input "
                "already has the shape of the output.",
                name="a projection in every block",
            ),
            Belief(
                lambda v: _projection(v) + (v["n"] - 1) * (v["b"] ** 2 + 2 * v["b"]),
                "From the second block on there is no projection at all, not even from {b} to {b}.",
                name="projections that keep the channels",
            ),
            Belief(
                lambda v: v["a"] * v["b"],
                "The projection also has a batch norm, with two parameters for each channel.",
                name="leaves out the batch norm",
            ),
            Belief(
                lambda v: v["a"] * v["b"] + v["b"],
                "The batch norm has two parameters for each channel, a scale and a shift.",
                name="counts only the scale of the batch norm",
            ),
            Belief(
                lambda v: v["a"] * v["b"] + 4 * v["b"],
                "The running mean and variance are not learned, so they are not parameters.",
                name="counts the running statistics",
            ),
            Belief(
                lambda v: v["b"] ** 2 + 2 * v["b"],
                "The input of the first block has {a} channels, so its projection goes from {a} to "
                "{b}.",
                name="takes the block's width for the projection's inputs",
            ),
            Belief(
                lambda v: 0,
                "That would be right if the first block kept the shape. But it halves the image "
                "and changes the number of channels.",
                name="no projection at all",
            ),
            Belief(
                lambda v: 9 * v["a"] * v["b"] + 2 * v["b"],
                "The projection is a 1x1 convolution: it has one tap, not nine.",
                name="gives the projection a 3x3 kernel",
            ),
        ),
    ),
    Question(
        id="resnet.overfit",
        lesson=LESSON,
        title="What went wrong",
        points=1,
        text="A plain net of {deep} layers gets {train}% of its training images right, and {test}% "
        "of the test images. A plain net of 20 layers gets 98% and 97%. What went wrong with the "
        "deep net?",
        draw=lambda rng: (
            lambda low: {
                "deep": rng.choice([44, 56, 68, 80]),
                "train": low,
                "test": low - rng.choice([1, 2, 3]),
            }
        )(rng.choice([33, 36, 41, 45])),
        answer="Its training failed: it cannot even tell its training images apart.",
        options=(
            "Its training failed: it cannot even tell its training images apart.",
            "It overfits: so many layers learn the training images by heart.",
            "It has too few parameters for the task.",
            "Its test images are harder than those of the other net.",
        ),
        explain="A net that overfits does well on its training images. This one does badly on them "
        "too. Yet {deep} layers could copy the shallow net, and the rest could pass its result on.",
        beliefs=(
            Belief(
                "It overfits: so many layers learn the training images by heart.",
                "Then its training accuracy would be high. It is only {train}%.",
            ),
            Belief(
                "It has too few parameters for the task.",
                "It has more parameters than the net of 20 layers, and that one solves the task.",
            ),
            Belief(
                "Its test images are harder than those of the other net.",
                "Both nets are tested on the same images, and the deep one fails on its training "
                "images too.",
            ),
        ),
    ),
    Question(
        id="resnet.zero_scale",
        lesson=LESSON,
        title="A scale of zero",
        points=1,
        text="y = x + s * b, and s is 0. A channel has two pixels. The branch b is {b1} and {b2} "
        "there, and the gradients of the loss at y are {g1} and {g2}. What is the gradient of s?",
        draw=_draw_channel,
        answer=_at_scale,
        wrong_numbers=lambda v: (
            v["g1"] * v["b2"] + v["g2"] * v["b1"],
            v["g1"] * v["b1"],
            v["g2"] * v["b2"],
            v["g1"] + v["g2"] + v["b1"] + v["b2"],
        ),
        explain="{g1} * {b1} + {g2} * {b2}. The value of s is not in this formula, so a scale that "
        "starts at zero already changes in the first step.",
        beliefs=(
            Belief(
                lambda v: 0,
                "s is zero, but its gradient is not: if s grows, y changes by b.",
                name="a zero scale has a zero gradient",
            ),
            Belief(
                lambda v: v["g1"] + v["g2"],
                "That would be the gradient of a number that is added to y. But s multiplies the "
                "branch.",
                name="treats s as a number that is added",
            ),
            Belief(
                lambda v: v["b1"] + v["b2"],
                "That is how much y changes with s. Multiply by the gradients at y, which say how "
                "much the loss changes with y.",
                name="leaves out the loss's gradient",
            ),
            Belief(
                lambda v: (v["g1"] + v["g2"]) * (v["b1"] + v["b2"]),
                "That is a product of sums. Multiply branch and gradient at each pixel first, then "
                "add up.",
                name="multiplies sums, not pixels",
            ),
            Belief(
                _sign_lost,
                "A sign got lost: the product at the second pixel is {g2} * {b2}.",
                name="loses a sign",
            ),
            Belief(
                lambda v: _at_scale(v) / 2,
                "s acts at both pixels, so its gradient is the sum over both, not the mean.",
                name="takes the mean over the pixels",
            ),
        ),
    ),
    Question(
        id="resnet.seen_pixels",
        lesson=LESSON,
        title="What the branch has seen",
        points=1,
        text="A bottleneck with stride 2 gets an image of {side} x {side} pixels. In the paper's "
        "layout, the first 1x1 has the stride. How many of the image's pixels does the branch read "
        "(in one channel, for all of its outputs together)?",
        draw=_draw_side,
        answer=lambda v: v["half"] ** 2,
        wrong_numbers=lambda v: (v["side"], (v["half"] - 1) ** 2, (v["half"] + 1) ** 2),
        explain="The 1x1 reads every other pixel of every other row: {half} x {half}. No layer "
        "after it can see the others. A 3x3 with stride 2 loses none, because its windows overlap.",
        beliefs=(
            Belief(
                lambda v: v["side"] ** 2,
                "That would be the layout with the stride in the 3x3. A 1x1 reads one pixel at a "
                "time, and with stride 2 it skips the others.",
                name="puts the stride in the 3x3",
            ),
            Belief(
                lambda v: v["side"] * v["half"],
                "It skips in both directions: it reads half of the rows and half of the columns.",
                name="skips in one direction only",
            ),
            Belief(
                lambda v: v["half"],
                "That is only one row of them. It reads {half} rows.",
                name="counts one row only",
            ),
            Belief(
                lambda v: 1 / 4,
                "That is the share of the pixels. The question asks for their number.",
                name="gives the share, not the number",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="resnet.directions",
        question="Sixteen plain layers in a row, each a random 12 x 12 matrix that keeps a "
        "vector's length on average. Of 12 directions, how many come out with more than a "
        "hundredth of the strongest one's strength?",
        unit="directions",
        why="What does the addition change here?",
    ),
    Prediction(
        id="resnet.depth",
        question="Twenty plain layers get 98% of the training digits right after six epochs. What "
        "percentage do 56 plain layers get right with the same recipe?",
        unit="%",
        why="Is it overfitting?",
    ),
    Prediction(
        id="resnet.gradient",
        question="Take a plain net of 56 layers with batch norm, before its first step. How many "
        "times as large is the gradient at the first block as at the last block? (Below 1, for "
        "example 0.001, it vanishes on the way; above 1 it grows.)",
        unit="times",
        why="Which part of the net would cause that?",
    ),
    Prediction(
        id="resnet.zero_start",
        question="In nine blocks the last scale starts at zero, so every block is the identity. "
        "How many of the 18 3x3 layers in these blocks get a gradient other than zero in the very "
        "first step?",
        unit="layers",
        why="And in the second step?",
    ),
    Prediction(
        id="resnet.stride",
        question="In ResNet-50 you move the strides from the 3x3 layers to the first 1x1 layers. "
        "What percentage of the multiply-adds does that save?",
        unit="%",
        why="Which layers work at the smaller size now?",
    ),
    Prediction(
        id="resnet.branch",
        question="Nine blocks of a trained network have a shortcut. We switch off one branch at a "
        "time and ask about six photos. In how many of the 54 cases is the first guess the same?",
        unit="cases",
        why="What still reaches the next block?",
    ),
    Prediction(
        id="resnet.kernel",
        question="A block ends with batch norm, addition and ReLU. One by one, each reads its "
        "inputs from memory and writes its result back. One kernel can do all three at once. How "
        "many times as many bytes as this kernel do the three operations move?",
        unit="times as many",
        why="Which results need not go through memory?",
    ),
)
