"""Lesson 04, Further: the block of SE-ResNet."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torchvision.ops import SqueezeExcitation

from convzoo.case import Case
from convzoo.exercises.mistakes import (
    Mistakes,
    change_input,
    change_output,
    change_result,
    skip_relu,
    swap_strides,
)
from convzoo.exercises.model import Exercise, module_case, normal, pick
from convzoo.ideas.senet import framework

LESSON = "04_senet"


def _block_case(gen, training=False, image=(5, 4), **scalars) -> Case:
    x = normal(gen, 2, scalars["in_channels"], *image)
    return module_case(framework.SEBottleneck, scalars, {"x": x}, gen, training)


def _block_cases(gen: Generator) -> list[Case]:
    def scalars(in_channels, planes, stride, groups, width, reduction):
        return {
            "in_channels": in_channels,
            "planes": planes,
            "stride": stride,
            "groups": groups,
            "width_per_group": width,
            "reduction": reduction,
        }

    return [
        _block_case(gen, **scalars(16, 4, 1, 2, 128, 4)),
        _block_case(gen, **scalars(6, 6, 1, 2, 32, pick(gen, [3, 6, 8]))),
        _block_case(gen, True, **scalars(10, 4, 2, 4, 48, 2)),
        _block_case(gen, **scalars(12, 3, 2, 1, 64, 4)),
    ]


SMALL = {
    "in_channels": 4,
    "planes": 1,
    "stride": 1,
    "groups": 1,
    "width_per_group": 64,
    "reduction": 4,
}


def _block_small() -> list[Case]:
    """Gates of 0, 1/2 and 1: the numbers that open them are far from zero, or zero."""
    module = framework.SEBottleneck(**SMALL).double()
    rows = {
        "conv1.weight": [1, 0, 0, 1],
        "conv2.weight": [0, 0, 0, 0, 2, 0, 0, 0, 0],
        "conv3.weight": [1, -1, 2, 1],
        "se.fc1.weight": [1, 0, 0, 1],
        "se.fc2.weight": [19, 19, 0, -19],
    }
    weights = {}
    for name, value in module.state_dict().items():
        if name in rows:
            weights[name] = torch.tensor(rows[name], dtype=torch.float64).reshape(value.shape)
        elif name.endswith("running_var"):
            weights[name] = torch.full_like(value, 1 - module.bn1.eps)
        elif not name.endswith("num_batches_tracked"):
            weights[name] = torch.full_like(value, float(name.endswith("weight")))
    x = torch.tensor([4.0, 2.0, 6.0, -2.0], dtype=torch.float64).reshape(1, 4, 1, 1)
    return [Case(SMALL, {"x": x}, weights), _strided_small(weights)]


def _strided_small(weights: dict[str, Tensor]) -> Case:
    """Two pixels, of which stride 2 in the first 1x1 would skip the second; and a batch norm
    before the gate that adds 2."""
    x = torch.tensor([[1, 2], [0, 0], [0, 0], [0, 0]], dtype=torch.float64).reshape(1, 4, 1, 2)
    scalars = SMALL | {"stride": 2}
    state = framework.SEBottleneck(**scalars).double().state_dict()
    project = {
        name: weights[name.replace("downsample.1", "bn3")]
        for name in state
        if name.startswith("downsample.1") and not name.endswith("num_batches_tracked")
    }
    project["downsample.0.weight"] = torch.eye(4, dtype=torch.float64)[..., None, None]
    kernel = torch.tensor([0, 0, 0, 0, 2, 1, 0, 0, 0], dtype=torch.float64).reshape(1, 1, 3, 3)
    shift = torch.full((4,), 2.0, dtype=torch.float64)
    own = {"conv2.weight": kernel, "bn3.bias": shift}
    return Case(scalars, {"x": x}, weights | project | own)


mistake = Mistakes(framework.SEBottleneck)


@mistake
def not_asked(**scalars):
    """The gate is built and never called, or what it gives is not used."""
    module = framework.SEBottleneck(**scalars)
    module.bn3.after = (nn.Identity(),)
    return module


@mistake
def after_addition(**scalars):
    """The gate stands behind the addition and rescales the shortcut too. Then no signal passes a
    block untouched: it belongs on the branch alone."""
    module = skip_relu(not_asked(**scalars), 2, of=3)
    return change_result(module, lambda x, y: F.relu(module.se(y)))


@mistake
def on_shortcut(**scalars):
    """The gate rescales the shortcut. It belongs on the branch."""
    module = not_asked(**scalars)
    if module.downsample is None:
        module.downsample = module.se.forward  # a method, which brings no weights of its own
        return module
    return change_output(module, "downsample", module.se)


@mistake
def relu_before_gate(**scalars):
    """There is a ReLU between the last batch norm and the gate. The branch may take away: no ReLU
    before the addition."""
    return change_input(framework.SEBottleneck(**scalars), F.relu, "se")


@mistake
def before_norm(**scalars):
    """The gate stands before the last batch norm. It comes behind it."""
    module = not_asked(**scalars)
    return change_output(module, "conv3", module.se)


@mistake
def stride_first(**scalars):
    """The stride sits in the first 1x1, which then skips pixels unseen. Here it sits in the 3x3,
    which looks at all of them."""
    return swap_strides(framework.SEBottleneck(**scalars), "conv1", "conv2")


@mistake
def no_last_relu(**scalars):
    """The last ReLU is missing: it comes after the addition."""
    return skip_relu(framework.SEBottleneck(**scalars), 2, of=3)


@mistake
def fixed_reduction(reduction=16, **scalars):
    """The gate does not hear of `reduction`: hand it on."""
    return framework.SEBottleneck(**scalars)


@mistake
def of_planes(reduction=16, **scalars):
    """The gate's middle is counted from `planes`. The gate sees the block's output, which is four
    times as wide."""
    return framework.SEBottleneck(reduction=4 * reduction, **scalars)


@mistake
def middle_is_reduction(reduction=16, **scalars):
    """The gate's middle has `reduction` numbers. It has the channels divided by it."""
    module = framework.SEBottleneck(**scalars)
    module.se = SqueezeExcitation(module.se.fc2.out_channels, reduction)
    module.bn3.after = (module.se,)
    return module


EXERCISE = Exercise(
    id="senet.block",
    place=5,
    lesson=LESSON,
    title="The block of SE-ResNet",
    points=3,
    minutes=15,
    name="SEBottleneck",
    reference=framework.SEBottleneck,
    cases=_block_cases,
    small=_block_small,
    mistakes=tuple(mistake),
    hints=(
        "Begin with the bottleneck of ResNeXt: three convolutions, a batch norm after each, a "
        "ReLU after the first two, and `downsample` where the shape changes.",
        "Build one more layer: `self.se`, a `SqueezeExcitation` for as many channels as the block "
        "gives out, with the block's `reduction`.",
        "In `forward` the gate is asked once: after `bn3`, before the addition. The shortcut does "
        "not pass through it.",
    ),
)
