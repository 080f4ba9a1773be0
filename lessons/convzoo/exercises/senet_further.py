"""Lesson 04, Further: the matrix of a live gate, and the block of SE-ResNet."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torchvision.ops import SqueezeExcitation

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Shortcut, Wrong, module_case, normal, pick
from convzoo.framework import senet as framework

LESSON = "04_senet"

# --- the matrix of a live gate ---------------------------------------------------


def _live_case(gen: Generator, c: int, m: int) -> Case:
    shapes = {"pixel": (c,), "mean": (c,), "w1": (m, c), "b1": (m,), "w2": (c, m), "b2": (c,)}
    return Case({}, {name: normal(gen, *shape) for name, shape in shapes.items()})


def _live_cases(gen: Generator) -> list[Case]:
    return [_live_case(gen, *size) for size in ((4, 2), (3, 5), (pick(gen, [5, 6, 7]), 3), (2, 6))]


def _live_small() -> list[Case]:
    def rows(*values):
        return torch.tensor(values, dtype=torch.float64)

    w1, w2, b1 = rows([1.0, 2.0]), rows([2.0], [4.0]), rows(0.0)
    one = {"pixel": rows(4.0, 2.0), "mean": rows(1.0, 1.0), "b2": rows(-6.0, -12.0)}
    off = one | {"mean": rows(-1.0, -1.0), "b2": rows(0.0, 0.0)}
    return [Case({}, part | {"w1": w1, "b1": b1, "w2": w2}) for part in (one, off)]


def _held(pixel, mean, w1, b1, w2, b2) -> Tensor:
    return framework.live_matrix(pixel * 0, mean, w1, b1, w2, b2)


def _moved(pixel, mean, w1, b1, w2, b2) -> Tensor:
    """The part that comes through the gate."""
    whole = framework.live_matrix(pixel, mean, w1, b1, w2, b2)
    return whole - _held(pixel, mean, w1, b1, w2, b2)


def _gates(pixel, mean, w1, b1, w2, b2) -> Tensor:
    return framework.squeeze_excite(mean[None, :, None, None], w1, b1, w2, b2)[1][0]


def _no_relu(pixel, mean, w1, b1, w2, b2):
    both = torch.cat([w1, -w1]), torch.cat([b1, -b1]), torch.cat([w2, -w2], 1)
    slope = framework.live_matrix(pixel, mean, *both, b2) - _held(pixel, mean, *both, b2)
    linear = _gates(pixel, mean, *both, b2)
    own = _gates(pixel, mean, w1, b1, w2, b2)
    factor = own * (1 - own) / (linear * (1 - linear))
    return torch.diag(own) + factor[:, None] * slope


def _no_slope(*call):
    own = _gates(*call)
    return torch.diag(own) + _moved(*call) / (own * (1 - own))[:, None]


LIVE_MATRIX = Exercise(
    id="senet.live_matrix",
    lesson=LESSON,
    title="The matrix of a live gate",
    points=3,
    minutes=15,
    name="live_matrix",
    reference=framework.live_matrix,
    cases=_live_cases,
    small=_live_small,
    wrong=(
        Wrong(
            "held_still",
            "That is the gate held still: a diagonal. Live, the gate itself moves with every "
            "channel that it reads.",
            lambda **call: _held(**call),
        ),
        Wrong(
            "gate_alone",
            "The diagonal of the gates is missing: a channel reaches its own output directly, "
            "too.",
            lambda **call: _moved(**call),
        ),
        Wrong(
            "transposed",
            "Rows and columns are exchanged: rows are outputs, columns are inputs.",
            lambda **call: framework.live_matrix(**call).mT,
        ),
        Wrong(
            "no_relu",
            "The ReLU is passed over: where a middle number is not above zero, nothing goes "
            "through it.",
            lambda pixel, mean, w1, b1, w2, b2: _no_relu(pixel, mean, w1, b1, w2, b2),
        ),
        Wrong(
            "no_slope",
            "The sigmoid's slope is missing. A gate that is nearly 0 or 1 hardly moves.",
            lambda pixel, mean, w1, b1, w2, b2: _no_slope(pixel, mean, w1, b1, w2, b2),
        ),
        Wrong(
            "mean_for_pixel",
            "The gate's part is multiplied by the channel's mean. What it rescales here is the "
            "pixel.",
            lambda pixel, mean, **weights: framework.live_matrix(mean, mean, **weights),
        ),
    ),
    hints=(
        "By the product rule an output i = pixel[i] * gate[i] has two parts: its own pixel times "
        "nothing but the gate (a diagonal), and the pixel times what the gate does.",
        "How much does gate i move when mean j moves? Through the second layer's weight, the "
        "middle number's ReLU (1 where it is above zero, else 0) and the first layer's weight: a "
        "product of two matrices with a mask between.",
        "Multiply row i of that by the sigmoid's slope, gate * (1 - gate), and by pixel i. Add "
        "the diagonal of the gates.",
    ),
    shortcuts=(
        Shortcut(
            "It asks autograd for the Jacobian, which is what you are working out by hand.",
            lambda op: False,  # the backward pass runs operations like any other
            ("jacobian", "jacrev", "jacfwd", "vjp", "jvp", "grad"),
        ),
    ),
)

# --- the block -------------------------------------------------------------------


def _block_case(gen, training=False, image=(5, 4), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.SEBottleneck, scalars, {"x": x}, gen, training)


def _block_cases(gen: Generator) -> list[Case]:
    def scalars(in_channels, planes, stride, groups, width, reduction):
        return {
            "in_channels": in_channels, "planes": planes, "stride": stride, "groups": groups,
            "width_per_group": width, "reduction": reduction,
        }  # fmt: skip

    return [
        _block_case(gen, **scalars(16, 4, 1, 2, 128, 4)),
        _block_case(gen, **scalars(6, 6, 1, 2, 32, pick(gen, [3, 6, 8]))),
        _block_case(gen, True, **scalars(10, 4, 2, 4, 48, 2)),
        _block_case(gen, **scalars(12, 3, 2, 1, 64, 4)),
    ]


SMALL = {
    "in_channels": 4, "planes": 1, "stride": 1, "groups": 1, "width_per_group": 64, "reduction": 4,
}  # fmt: skip


def _block_small() -> list[Case]:
    """Gates of 0, 1/2 and 1: the numbers that open them are far from zero, or zero."""
    module = framework.SEBottleneck(**SMALL).double()
    rows = {
        "conv1.weight": [1, 0, 0, 1], "conv2.weight": [0, 0, 0, 0, 2, 0, 0, 0, 0],
        "conv3.weight": [1, -1, 2, 1], "se.fc1.weight": [1, 0, 0, 1],
        "se.fc2.weight": [19, 19, 0, -19],
    }  # fmt: skip
    weights = {}
    for name, value in module.state_dict().items():
        if name in rows:
            weights[name] = torch.tensor(rows[name], dtype=torch.float64).reshape(value.shape)
        elif name.endswith("running_var"):
            weights[name] = torch.full_like(value, 1 - module.bn1.eps)
        elif not name.endswith("num_batches_tracked"):
            weights[name] = torch.full_like(value, float(name.endswith("weight")))
    x = torch.tensor([4.0, 2.0, 6.0, -2.0], dtype=torch.float64).reshape(1, 4, 1, 1)
    return [Case(SMALL, {"x": x}, weights)]


class _Third(nn.Module):
    """ReLU, but at its third call what is given: torchvision's block calls one thrice."""

    def __init__(self, last):
        super().__init__()
        self.last, self.calls = last, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return F.relu(x) if self.calls % 3 else self.last(x)


class _Ungated(framework.SEBottleneck):
    """The gate is there, and is not asked."""

    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn3.after = (nn.Identity(),)


class _AfterAddition(_Ungated):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu = _Third(lambda x: F.relu(self.se(x)))


class _OnShortcut(_Ungated):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        if self.downsample is None:
            self.downsample = lambda x: self.se(x)
        else:
            self.downsample[1] = framework.Then(self.bn3.num_features, self.se)


class _ReluBeforeGate(framework.SEBottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.bn3.after = (lambda y: self.se(F.relu(y)),)


class _NoLastRelu(framework.SEBottleneck):
    def __init__(self, **scalars):
        super().__init__(**scalars)
        self.relu = _Third(lambda x: x.clone())


class _FixedReduction(framework.SEBottleneck):
    def __init__(self, reduction=16, **scalars):
        super().__init__(**scalars, reduction=16)


class _OfPlanes(framework.SEBottleneck):
    def __init__(self, planes, reduction=16, **scalars):
        super().__init__(planes=planes, reduction=4 * reduction, **scalars)


class _HiddenIsReduction(framework.SEBottleneck):
    def __init__(self, planes, reduction=16, **scalars):
        super().__init__(planes=planes, reduction=reduction, **scalars)
        self.se = SqueezeExcitation(4 * planes, reduction)
        self.bn3.after = (self.se,)


SE_BLOCK = Exercise(
    id="senet.block",
    lesson=LESSON,
    title="The block of SE-ResNet",
    points=3,
    minutes=15,
    name="SEBottleneck",
    reference=framework.SEBottleneck,
    cases=_block_cases,
    small=_block_small,
    wrong=(
        Wrong(
            "not_asked",
            "The gate is built and never called, or what it gives is not used.",
            _Ungated,
        ),
        Wrong(
            "after_addition",
            "The gate stands behind the addition and rescales the shortcut too. Then no signal "
            "passes a block untouched: it belongs on the branch alone.",
            _AfterAddition,
        ),
        Wrong(
            "on_shortcut",
            "The gate rescales the shortcut. It belongs on the branch.",
            _OnShortcut,
        ),
        Wrong(
            "relu_before_gate",
            "There is a ReLU between the last batch norm and the gate. The branch may take away: "
            "no ReLU before the addition.",
            _ReluBeforeGate,
        ),
        Wrong(
            "no_last_relu",
            "The last ReLU is missing: it comes after the addition.",
            _NoLastRelu,
        ),
        Wrong(
            "fixed_reduction",
            "The gate does not hear of `reduction`: hand it on.",
            _FixedReduction,
        ),
        Wrong(
            "of_planes",
            "The gate's middle is counted from `planes`. The gate sees the block's output, which "
            "is four times as wide.",
            _OfPlanes,
        ),
        Wrong(
            "middle_is_reduction",
            "The gate's middle has `reduction` numbers. It has the channels divided by it.",
            _HiddenIsReduction,
        ),
    ),
    hints=(
        "Begin with the bottleneck of ResNeXt: three convolutions, a batch norm after each, a "
        "ReLU after the first two, and `downsample` where the shape changes.",
        "Build one more layer: `self.se`, a `SqueezeExcitation` for as many channels as the block "
        "gives out, with the block's `reduction`.",
        "In `forward` the gate is asked once: after `bn3`, before the addition. The shortcut does "
        "not pass through it.",
    ),
)

FURTHER = (LIVE_MATRIX, SE_BLOCK)
