"""Lesson 02: the exercises, questions and predictions of ResNeXt."""

from __future__ import annotations

from math import ceil

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from convzoo.case import Case, Op
from convzoo.exercises.model import (
    Exercise, Shortcut, Wrong, integers, module_case, normal, pick, small_module_case,
)  # fmt: skip
from convzoo.exercises.predictions import Prediction
from convzoo.exercises.questions import Belief, Question
from convzoo.exercises.resnext_further import FURTHER
from convzoo.framework import resnext as framework

LESSON = "02_resnext"


def _is_grouped(op: Op) -> bool:
    return op.name == "aten.convolution.default" and op.args[8] > 1


GROUPED = Shortcut(
    "It calls the framework's grouped convolution, which is what you are building.",
    _is_grouped,
    ("groups",),
)

# --- the block-diagonal matrix -------------------------------------------------


def _block_cases(gen: Generator) -> list[Case]:
    shapes = [(2, 3, 3), (4, 2, 3), (3, 3, 2), (1, 4, 2), (5, 2, 2)]
    return [Case({}, {"blocks": normal(gen, *shape)}) for shape in shapes]


def _block_small() -> list[Case]:
    shapes = [(2, 1, 1), (2, 2, 2), (2, 1, 2), (3, 2, 2)]
    return [Case({}, {"blocks": integers(*shape)}) for shape in shapes]


def _interleave(rows: int, groups: int) -> Tensor:
    return torch.arange(rows).reshape(groups, -1).T.reshape(-1)


def _interleaved_blocks(blocks: Tensor) -> Tensor:
    full = torch.block_diag(*blocks)
    return full[_interleave(full.shape[0], len(blocks))]


def _anti_diagonal(blocks: Tensor) -> Tensor:
    return torch.block_diag(*blocks.flip(2)).flip(1)


BLOCK_DIAGONAL = Exercise(
    id="resnext.block_diagonal",
    lesson=LESSON,
    title="A matrix from its blocks",
    points=2,
    minutes=8,
    name="block_diagonal",
    reference=framework.block_diagonal,
    cases=_block_cases,
    small=_block_small,
    wrong=(
        Wrong(
            "side_by_side",
            "The blocks stand side by side in the same rows. Each block needs rows of its own: "
            "the next one starts below and to the right.",
            lambda blocks: torch.cat(list(blocks), dim=1),
        ),
        Wrong(
            "stacked",
            "The blocks stand on top of each other in the same columns. Each group reads "
            "inputs of its own, so each block needs columns of its own.",
            lambda blocks: torch.cat(list(blocks), dim=0),
        ),
        Wrong(
            "transposed",
            "Each block is transposed. Rows are outputs and columns are inputs, in a block "
            "as in the whole.",
            lambda blocks: torch.block_diag(*blocks.transpose(1, 2)),
        ),
        Wrong(
            "reversed",
            "The blocks come in the reverse order: block 0 belongs at the top left.",
            lambda blocks: torch.block_diag(*blocks.flip(0)),
        ),
        Wrong(
            "anti_diagonal",
            "The blocks run from the top right to the bottom left. Group 0 reads the first "
            "inputs, so its columns are the first ones.",
            _anti_diagonal,
        ),
        Wrong(
            "one_block",
            "The first block stands everywhere. Each group has weights of its own.",
            lambda blocks: torch.block_diag(*[blocks[0]] * len(blocks)),
        ),
        Wrong(
            "interleaved",
            "The rows of the groups are interleaved. All rows of group 0 come first, then "
            "those of group 1.",
            _interleaved_blocks,
        ),
        Wrong(
            "cut_off",
            "The numbers are copied, but the gradient does not come back to `blocks`.",
            lambda blocks: torch.block_diag(*blocks.detach()),
        ),
    ),
    hints=(
        "How large is the result? g blocks of r rows and c columns: g * r rows, g * c columns.",
        "Start from zeros of that size, of the same dtype as the blocks (`blocks.new_zeros`). "
        "In which row does block i start, and in which column?",
        "Block i fills the rows from i * r to (i + 1) * r. Say the same for the columns, "
        "and assign to that rectangle.",
    ),
    shortcuts=(
        Shortcut(
            "It calls `torch.block_diag`, which is what you are building.",
            lambda op: op.name.startswith("aten.block_diag"),
            ("block_diag",),
        ),
    ),
)

# --- the grouped convolution ---------------------------------------------------


def _conv_case(gen, groups, wide_in, wide_out, kernel, image, stride, padding, n=2) -> Case:
    x = normal(gen, n, groups * wide_in, *image)
    weight = normal(gen, groups * wide_out, wide_in, *kernel)
    return Case({"groups": groups, "stride": stride, "padding": padding}, {"x": x, "weight": weight})


def _conv_cases(gen: Generator) -> list[Case]:
    side = pick(gen, [5, 6, 7])
    return [
        _conv_case(gen, 2, 3, 2, (1, 1), (3, 4), 1, 0),
        _conv_case(gen, 4, 2, 3, (3, 3), (side, side + 2), 1, 1),
        _conv_case(gen, 3, 2, 2, (3, 3), (7, 6), 2, 1, n=1),
        _conv_case(gen, 2, 3, 4, (3, 2), (6, 5), 2, 0),
        _conv_case(gen, 1, 4, 3, (2, 2), (5, 5), 1, 2),
        _conv_case(gen, 5, 1, 1, (3, 3), (5, 4), 1, 1),
    ]


def _small_conv(groups, wide_in, wide_out, kernel, image, stride=1, padding=0) -> Case:
    x = integers(1, groups * wide_in, *image)
    weight = integers(groups * wide_out, wide_in, *kernel)
    return Case({"groups": groups, "stride": stride, "padding": padding}, {"x": x, "weight": weight})


def _conv_small() -> list[Case]:
    return [
        _small_conv(2, 1, 1, (1, 1), (3, 3)),
        _small_conv(2, 2, 2, (1, 1), (1, 2)),
        _small_conv(2, 1, 1, (2, 2), (3, 3)),
        _small_conv(2, 1, 1, (1, 1), (3, 3), stride=2),
        _small_conv(2, 1, 1, (1, 1), (2, 2), padding=1),
    ]


def _conv_steady() -> tuple[Case, Case]:
    gen = Generator().manual_seed(1)
    few = _conv_case(gen, 2, 2, 2, (3, 3), (5, 5), 1, 1)
    return few, _conv_case(gen, 8, 2, 2, (3, 3), (5, 5), 1, 1)


def _mixed_inputs(x, weight, groups, stride=1, padding=0):
    order = _interleave(x.shape[1], x.shape[1] // groups)
    return F.conv2d(x[:, order], weight, None, stride, padding, 1, groups)


def _mixed_outputs(x, weight, groups, stride=1, padding=0):
    y = F.conv2d(x, weight, None, stride, padding, 1, groups)
    return y[:, _interleave(y.shape[1], groups)]


def _first_input(x, weight, groups, stride=1, padding=0):
    first = x[:, : weight.shape[1]].repeat(1, groups, 1, 1)
    return F.conv2d(first, weight, None, stride, padding, 1, groups)


def _first_weight(x, weight, groups, stride=1, padding=0):
    first = weight[: weight.shape[0] // groups].repeat(groups, 1, 1, 1)
    return F.conv2d(x, first, None, stride, padding, 1, groups)


def _summed(x, weight, groups, stride=1, padding=0):
    y = F.conv2d(x, weight, None, stride, padding, 1, groups)
    return y.unflatten(1, (groups, -1)).sum(1)


GROUPED_CONV2D = Exercise(
    id="resnext.grouped_conv2d",
    lesson=LESSON,
    title="A grouped convolution",
    points=4,
    minutes=20,
    name="grouped_conv2d",
    reference=framework.grouped_conv2d,
    cases=_conv_cases,
    small=_conv_small,
    wrong=(
        Wrong(
            "mixed_inputs",
            "The channels of a group are taken with gaps (0, 2, 4, ...). A group reads "
            "neighbouring channels: split c_in as (groups, c_in / groups), in that order.",
            _mixed_inputs,
        ),
        Wrong(
            "mixed_outputs",
            "The right channels come out in the wrong order. All outputs of group 0 come first: "
            "the group is the slower of the two output dimensions.",
            _mixed_outputs,
        ),
        Wrong(
            "first_input",
            "Every group reads the channels of group 0. Give each group its own slice of `x`.",
            _first_input,
        ),
        Wrong(
            "first_weight",
            "Every group uses the weights of group 0. The rows of `weight` belong to the groups "
            "in turn.",
            _first_weight,
        ),
        Wrong(
            "summed",
            "The groups are added up. They stand beside each other: concatenate their outputs.",
            _summed,
        ),
        Wrong(
            "flipped",
            "The kernel is turned by 180 degrees. What deep learning calls a convolution does "
            "not flip it.",
            lambda x, weight, groups, stride=1, padding=0: F.conv2d(
                x, weight.flip(2, 3), None, stride, padding, 1, groups
            ),
        ),
        Wrong(
            "transposed",
            "Rows and columns of the kernel are exchanged: height comes before width.",
            lambda x, weight, groups, stride=1, padding=0: F.conv2d(
                x, weight.transpose(2, 3), None, stride, padding, 1, groups
            ),
        ),
        Wrong(
            "no_stride",
            "The stride is not used: the output is as large as with stride 1.",
            lambda x, weight, groups, stride=1, padding=0: F.conv2d(
                x, weight, None, 1, padding, 1, groups
            ),
        ),
        Wrong(
            "no_padding",
            "The padding is not used: the border of zeros is missing.",
            lambda x, weight, groups, stride=1, padding=0: F.conv2d(
                x, weight, None, stride, 0, 1, groups
            ),
        ),
        Wrong(
            "cut_off",
            "The weights are copied in a way that lets no gradient back to them.",
            lambda x, weight, groups, stride=1, padding=0: F.conv2d(
                x, weight.detach(), None, stride, padding, 1, groups
            ),
        ),
    ),
    hints=(
        "First make it right: for each group, slice its channels of `x` and its rows of "
        "`weight`, call `F.conv2d` on the two, and join the results with `torch.cat`. The check "
        "will say that the numbers are right, and count the operations.",
        "Then make it one product. `F.unfold(x, kernel_size, padding=..., stride=...)` gives "
        "(n, c_in * kh * kw, positions), with the channel as the slowest part of the middle "
        "dimension. So the groups can be split off it by a reshape.",
        "Reshape the columns to (n, groups, c_in / groups * kh * kw, positions) and the weight "
        "to (groups, c_out / groups, c_in / groups * kh * kw). `weight @ columns` multiplies all "
        "groups at once. What is left is to join two dimensions and to give the positions "
        "their height and width back.",
    ),
    shortcuts=(GROUPED,),
    steady=_conv_steady,
    slow="The number of operations grows with the number of groups. Can all groups be one "
    "batched product?",
)

# --- the block -----------------------------------------------------------------


def _bottleneck_case(gen, training=False, image=(6, 5), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.Bottleneck, scalars, {"x": x}, gen, training)


def _bottleneck_cases(gen: Generator) -> list[Case]:
    groups = pick(gen, [2, 3, 4])  # times 1.875 channels: whoever rounds otherwise is seen
    return [
        _bottleneck_case(gen, in_channels=16, planes=4, stride=1, groups=2, width_per_group=32),
        _bottleneck_case(
            gen, in_channels=6, planes=6, stride=1, groups=groups, width_per_group=20
        ),
        _bottleneck_case(
            gen, True, in_channels=10, planes=4, stride=2, groups=2, width_per_group=48
        ),
        _bottleneck_case(gen, in_channels=12, planes=3, stride=1, groups=1, width_per_group=64),
        _bottleneck_case(gen, in_channels=12, planes=3, stride=2, groups=3, width_per_group=64),
    ]


def _small_bottleneck(image, **scalars) -> Case:
    x = integers(1, scalars["in_channels"], *image) % 3
    return small_module_case(framework.Bottleneck, scalars | {"width_per_group": 64}, {"x": x})


def _bottleneck_small() -> list[Case]:
    return [
        _small_bottleneck((1, 2), in_channels=4, planes=1, stride=1, groups=2),
        _small_bottleneck((2, 2), in_channels=2, planes=1, stride=2, groups=2),
    ]


class _Relu(nn.Module):
    """ReLU, but not at the calls named in `skips`: the framework's block calls one thrice."""

    def __init__(self, skips: tuple[int, ...]):
        super().__init__()
        self.skips, self.calls = skips, 0

    def forward(self, x: Tensor) -> Tensor:
        call, self.calls = self.calls % 3, self.calls + 1
        return x if call in self.skips else F.relu(x)


class _NoLastRelu(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu = _Relu(skips=(2,))


class _NoMiddleRelu(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu = _Relu(skips=(1,))


class _ReluThenAdd(_NoLastRelu):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn3.register_forward_hook(lambda module, args, y: F.relu(y).clone())


class _ReluTwice(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn3.register_forward_hook(lambda module, args, y: F.relu(y).clone())


class _NoShortcut(framework.Bottleneck):
    """The framework's block without its input: the branch alone goes into the last ReLU."""

    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn3.register_forward_hook(self._keep)
        self.register_forward_hook(lambda module, args, y: F.relu(self.branch))

    def _keep(self, module, args, y):
        self.branch = y.clone()


class _StrideFirst(framework.Bottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.conv1.stride, self.conv2.stride = self.conv2.stride, self.conv1.stride


class _RoundedUp(framework.Bottleneck):
    def __init__(self, planes, groups=1, width_per_group=64, **scalars):
        width = ceil(planes * width_per_group / 64)
        super().__init__(
            planes=planes, groups=groups, width_per_group=64 * width / planes, **scalars
        )


class _NoGroups(framework.Bottleneck):
    def __init__(self, planes, groups=1, width_per_group=64, **scalars):
        wide = int(planes * width_per_group / 64)
        super().__init__(
            planes=planes, groups=1, width_per_group=64 * groups * wide / planes, **scalars
        )


class _WidthForGroups(framework.Bottleneck):
    def __init__(self, planes, groups=1, width_per_group=64, **scalars):
        width = int(planes * width_per_group / 64)
        super().__init__(
            planes=planes, groups=width, width_per_group=64 * groups / planes, **scalars
        )


class _ProjectOnStride(framework.Bottleneck):
    def __init__(self, in_channels, planes, stride=1, **scalars):
        super().__init__(in_channels=in_channels, planes=planes, stride=stride, **scalars)
        if stride == 1:
            self.downsample = nn.Identity()


BLOCK = Exercise(
    id="resnext.block",
    lesson=LESSON,
    title="The ResNeXt block",
    points=4,
    minutes=15,
    name="Bottleneck",
    reference=framework.Bottleneck,
    cases=_bottleneck_cases,
    small=_bottleneck_small,
    wrong=(
        Wrong(
            "rounded_up",
            "The width of a group is rounded up. Round it down, as the paper's networks do: "
            "1.5 channels become 1.",
            _RoundedUp,
        ),
        Wrong(
            "no_groups",
            "The 3x3 layer is one full convolution: the groups do not reach it.",
            _NoGroups,
        ),
        Wrong(
            "width_for_groups",
            "The number of groups and the width of a group are exchanged. `groups` counts the "
            "blocks of the matrix, not the channels in one of them.",
            _WidthForGroups,
        ),
        Wrong(
            "stride_first",
            "The stride sits in the first 1x1. There it throws three of four pixels away before "
            "the 3x3 has seen them; in ResNeXt it sits in the 3x3.",
            _StrideFirst,
        ),
        Wrong(
            "no_last_relu",
            "The last ReLU is missing: it comes after the addition.",
            _NoLastRelu,
        ),
        Wrong(
            "relu_then_add",
            "The last ReLU comes before the addition. Then the branch can only add, never take "
            "away.",
            _ReluThenAdd,
        ),
        Wrong(
            "relu_twice",
            "There is a ReLU before the addition too. Only the one after it belongs there.",
            _ReluTwice,
        ),
        Wrong(
            "no_shortcut",
            "The input is not added: without it the block is no residual one.",
            _NoShortcut,
        ),
        Wrong(
            "no_middle_relu",
            "There is no ReLU between the 3x3 and the last 1x1.",
            _NoMiddleRelu,
        ),
        Wrong(
            "project_on_stride",
            "The projection is there only where the stride changes. It is needed too where the "
            "number of channels changes: else the two cannot be added.",
            _ProjectOnStride,
        ),
    ),
    hints=(
        "Three convolutions: 1x1 from in_channels to the width, 3x3 at that width in groups, "
        "1x1 from there to 4 * planes. A batch norm after each; ReLU after the first two.",
        "The width of one group is int(planes * width_per_group / 64); the 3x3 has groups of them. "
        "The stride belongs to the 3x3.",
        "`self.downsample` is None where the input already has the output's shape, and "
        "nn.Sequential(1x1 convolution with the stride, batch norm) where stride or channels "
        "differ. Add, then ReLU.",
    ),
    shortcuts=(GROUPED,),
)

EXERCISES = (BLOCK_DIAGONAL, GROUPED_CONV2D, BLOCK, *FURTHER)

# --- short questions -----------------------------------------------------------


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
        text="A {n} x {n} matrix holds {entries} entries in CSR, with 8-byte integers. How many bytes "
        "does its index take?",
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
            Belief(
                lambda v: 8 * v["entries"],
                "Those are the columns. Where does each row begin?",
            ),
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
                "It rises, because the zeros must be skipped.",
                "A dense product skips nothing.",
            ),
        ),
    ),
)

PREDICTIONS = (
    Prediction(
        id="resnext.neighbours",
        question="The label is the XOR of a bit in group 0 and a bit in group 2. Which test accuracy "
        "does a stack reach in which each group also reads its neighbour?",
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
