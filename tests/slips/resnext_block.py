"""What students write in lesson 02 for its block: right in other ways, and wrong by one line."""

from __future__ import annotations

import torch
from torch import nn

from slips import NUMBERS, Slip, changed, defined
from slips.resnext import UNFOLDED

BLOCK = "resnext.block"

convolve = defined(UNFOLDED, "grouped_conv2d")


class GroupedConv2d(nn.Module):
    """The lesson's layer, as it stands between the exercises, on a right function."""

    def __init__(self, c_in, c_out, k, stride=1, padding=0, groups=1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(c_out, c_in // groups, k, k))
        nn.init.kaiming_normal_(self.weight, mode="fan_out")
        self.stride, self.padding, self.groups = stride, padding, groups

    def forward(self, x):
        return convolve(x, self.weight, self.groups, self.stride, self.padding)


NAMES = {"GroupedConv2d": GroupedConv2d}  # what the lesson defines between its exercises

BOTTLENECK = """
class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_channels, planes, stride=1, groups=1, width_per_group=64):
        super().__init__()
        width = int(planes * width_per_group / 64) * groups
        out = planes * self.expansion
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = GroupedConv2d(width, width, 3, stride, 1, groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1 or in_channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        identity = x if self.downsample is None else self.downsample(x)
        return F.relu(y + identity)
"""

FLOORED = changed(
    BOTTLENECK, ("int(planes * width_per_group / 64)", "planes * width_per_group // 64")
)

WITH_LAYERS = changed(
    BOTTLENECK,
    ("self.downsample = None", "self.relu = nn.ReLU(inplace=True)\n        self.downsample = None"),
    ("F.relu(self.bn", "self.relu(self.bn"),
    ("        identity = x if", "        y += x if"),
    ("return F.relu(y + identity)", "return self.relu(y)"),
)

BY_HAND = changed(
    BOTTLENECK,
    (
        "        y = F.relu(self.bn1(self.conv1(x)))\n",
        "        y = torch.einsum('oi,nihw->nohw', self.conv1.weight[:, :, 0, 0], x)\n"
        "        y = self.bn1(y).clamp(min=0)\n",
    ),
    ("return F.relu(y + identity)", "return (identity + y).clamp(min=0)"),
)

RIGHT = {
    BLOCK: {"plain": BOTTLENECK, "floored": FLOORED, "with_layers": WITH_LAYERS, "by_hand": BY_HAND}
}

SLIPS = (
    Slip(
        BLOCK,
        "rounded",
        changed(BOTTLENECK, ("int(planes", "round(planes")),
        "parameters",
        "rounded_up",
        ("conv1.weight", "rounded up"),
    ),
    Slip(
        BLOCK,
        "floored_last",
        changed(BOTTLENECK, ("/ 64) * groups", "/ 64 * groups)")),
        "run",
        says=("`conv1.weight` has shape", "width_per_group=20"),
    ),
    Slip(
        BLOCK,
        "no_groups",
        changed(BOTTLENECK, ("stride, 1, groups)", "stride, 1)")),
        "parameters",
        "no_groups",
        ("conv2.weight", "one full convolution"),
    ),
    Slip(
        BLOCK,
        "stride_early",
        changed(
            BOTTLENECK,
            ("width, 1, bias", "width, 1, stride, bias"),
            ("3, stride, 1, groups", "3, 1, 1, groups"),
        ),
        "values",
        "stride_first",
        (*NUMBERS, "3x3", "conv2.weight (2, 1, 3, 3)", "evaluation mode"),
    ),
    Slip(
        BLOCK,
        "no_last_relu",
        changed(BOTTLENECK, ("F.relu(y + identity)", "y + identity")),
        "values",
        "no_last_relu",
        (*NUMBERS, "last ReLU"),
    ),
    Slip(
        BLOCK,
        "relu_then_add",
        changed(BOTTLENECK, ("relu(y + identity)", "relu(y) + identity")),
        "values",
        "relu_then_add",
        (*NUMBERS, "before the addition"),
    ),
    Slip(
        BLOCK,
        "no_middle_relu",
        changed(BOTTLENECK, ("F.relu(self.bn2(self.conv2(y)))", "self.bn2(self.conv2(y))")),
        "values",
        "no_middle_relu",
        (*NUMBERS, "between"),
    ),
    Slip(
        BLOCK,
        "no_first_relu",
        changed(BOTTLENECK, ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))")),
        "values",
        "no_first_relu",
        (*NUMBERS, "first 1x1"),
    ),
    Slip(
        BLOCK,
        "relu_first",
        changed(
            BOTTLENECK,
            ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(F.relu(self.conv1(x)))"),
            ("F.relu(self.bn2(self.conv2(y)))", "self.bn2(F.relu(self.conv2(y)))"),
        ),
        "values",
        "relu_first",
        (*NUMBERS, "convolution, norm, ReLU"),
    ),
    Slip(
        BLOCK,
        "relu_before_bn1",
        changed(BOTTLENECK, ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(F.relu(self.conv1(x)))")),
        "values",
        "relu_before_bn1",
        (*NUMBERS, "After the first 1x1"),
    ),
    Slip(
        BLOCK,
        "relu_before_bn2",
        changed(BOTTLENECK, ("F.relu(self.bn2(self.conv2(y)))", "self.bn2(F.relu(self.conv2(y)))")),
        "values",
        "relu_before_bn2",
        (*NUMBERS, "After the 3x3"),
    ),
    Slip(
        BLOCK,
        "no_bn1",
        changed(BOTTLENECK, ("self.bn1(self.conv1(x))", "self.conv1(x)")),
        "values",
        "no_bn1",
        (*NUMBERS, "`bn1` is made and never used"),
    ),
    Slip(
        BLOCK,
        "no_bn3",
        changed(BOTTLENECK, ("self.bn3(self.conv3(y))", "self.conv3(y)")),
        "values",
        "no_bn3",
        (*NUMBERS, "`bn3` is made and never used"),
    ),
    Slip(
        BLOCK,
        "bn1_twice",
        changed(BOTTLENECK, ("self.bn2(self.conv2", "self.bn1(self.conv2")),
        "values",
        "bn1_twice",
        (*NUMBERS, "`bn1` is used twice"),
    ),
    Slip(
        BLOCK,
        "relu_on_shortcut",
        changed(
            BOTTLENECK,
            ("nn.BatchNorm2d(out)\n            )", "nn.BatchNorm2d(out), nn.ReLU()\n            )"),
        ),
        "values",
        "relu_on_shortcut",
        (*NUMBERS, "may be negative"),
    ),
    Slip(
        BLOCK,
        "input_overwritten",
        changed(
            BOTTLENECK,
            ("        y = ", "        x = "),
            ("conv2(y)", "conv2(x)"),
            ("conv3(y)", "conv3(x)"),
            ("y + identity", "x + identity"),
        ),
        "values",
        "input_overwritten",
        (*NUMBERS, "added to itself"),
    ),
    Slip(
        BLOCK,
        "no_padding",
        changed(BOTTLENECK, ("3, stride, 1, groups)", "3, stride, groups=groups)")),
        "run",
        "no_padding",
        ("no padding", "border of zeros"),
    ),
    Slip(
        BLOCK,
        "no_projection",
        changed(BOTTLENECK, ("if stride != 1 or in_channels != out", "if False")),
        "run",
        "no_projection",
        ("`downsample.0.weight`", "no projection at all"),
    ),
    Slip(
        BLOCK,
        "project_on_channels",
        changed(BOTTLENECK, ("stride != 1 or in_ch", "in_ch")),
        "run",
        "project_on_channels",
        ("`downsample.0.weight`", "makes the image smaller"),
    ),
    Slip(
        BLOCK,
        "always_project",
        changed(BOTTLENECK, ("if stride != 1 or in_channels != out", "if True")),
        "names",
        "always_project",
        ("not expected: `downsample.0.weight`", "must be None"),
    ),
    Slip(
        BLOCK,
        "forgets_the_input",
        changed(BOTTLENECK, ("y + identity", "y")),
        "values",
        "no_shortcut",
        (*NUMBERS, "not added"),
    ),
    Slip(
        BLOCK,
        "project_on_stride",
        changed(BOTTLENECK, ("if stride != 1 or in_channels != out", "if stride != 1")),
        "run",
        "project_on_stride",
        ("`downsample.0.weight`", "channels changes"),
    ),
    Slip(
        BLOCK,
        "project_the_other_way",
        changed(
            BOTTLENECK,
            ("if stride != 1 or in_channels != out", "if stride != 1"),
            ("y + identity", "identity + y"),
        ),
        "run",
        "project_on_stride",
        ("channels changes",),
    ),
    Slip(
        BLOCK,
        "other_names",
        changed(BOTTLENECK, ("self.bn1", "self.norm1")),
        "names",
        says=("`bn1.weight`", "`norm1.weight`", "not found", "not expected"),
    ),
    Slip(
        BLOCK,
        "extra_layer",
        changed(
            BOTTLENECK,
            (
                "self.downsample = None",
                "self.downsample = None\n        self.spare = nn.Linear(2, 2)",
            ),
        ),
        "names",
        says=("not expected: `spare.bias`, `spare.weight`",),
    ),
    Slip(
        BLOCK,
        "with_bias",
        changed(BOTTLENECK, ("in_channels, width, 1, bias=False", "in_channels, width, 1")),
        "names",
        says=("not expected: `conv1.bias`",),
    ),
    Slip(
        BLOCK,
        "no_init",
        changed(BOTTLENECK, ("        super().__init__()\n", "")),
        "run",
        says=("super().__init__()", "line"),
    ),
    Slip(
        BLOCK,
        "no_forward",
        changed(BOTTLENECK, ("def forward", "def froward")),
        "run",
        says=("no method `forward`",),
    ),
    Slip(
        BLOCK,
        "no_module",
        changed(BOTTLENECK, ("(nn.Module)", "")),
        "run",
        says=("not an nn.Module",),
    ),
    Slip(
        BLOCK,
        "no_statistics",
        changed(
            BOTTLENECK,
            (
                "self.bn2 = nn.BatchNorm2d(width)",
                "self.bn2 = nn.BatchNorm2d(width, track_running_stats=False)",
            ),
        ),
        "names",
        says=("not found: `bn2.running_mean`, `bn2.running_var`",),
    ),
    Slip(
        BLOCK,
        "momentum",
        changed(
            BOTTLENECK,
            ("self.bn2 = nn.BatchNorm2d(width)", "self.bn2 = nn.BatchNorm2d(width, momentum=0.9)"),
        ),
        "values",
        says=("`bn2.running_mean`", "training mode"),
    ),
    Slip(
        BLOCK,
        "frozen",
        changed(
            BOTTLENECK,
            (
                "        self.downsample = None\n",
                "        self.conv3.weight.requires_grad_(False)\n        self.downsample = None\n",
            ),
        ),
        "gradients",
        says=("no gradient", "`conv3.weight`"),
    ),
    Slip(
        BLOCK,
        "renamed_argument",
        changed(BOTTLENECK, ("planes", "channels")),
        "run",
        says=("names of the arguments", "'planes'"),
    ),
    Slip(
        BLOCK,
        "renamed_input",
        changed(BOTTLENECK, ("self, x", "self, image"), ("(x)", "(image)"), (" x if", " image if")),
        "run",
        says=("names of the arguments", "'x'"),
    ),
    Slip(
        BLOCK,
        "a_layer",
        BOTTLENECK + "\nBottleneck = Bottleneck(8, 2)\n",
        "run",
        says=("no class", "a name of its own"),
    ),
    Slip(
        BLOCK,
        "shortcut",
        changed(
            BOTTLENECK,
            (
                "GroupedConv2d(width, width, 3, stride, 1, groups)",
                "nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)",
            ),
        ),
        "shortcut",
        says=("`conv2`, made in `__init__`", "`GroupedConv2d`", "line 23 of the cell"),
    ),
)
