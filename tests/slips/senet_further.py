"""What students write in lesson 04, Further: right in other ways, and wrong by one line."""

from __future__ import annotations

import torch
from torch import nn

from slips import Slip, changed
from slips.senet import NUMBERS

LIVE, BLOCK = "senet.live_matrix", "senet.block"

# --- the live matrix -------------------------------------------------------------

PRODUCT_RULE = """
def live_matrix(pixel, mean, w1, b1, w2, b2):
    middle = w1 @ mean + b1
    gates = torch.sigmoid(w2 @ torch.relu(middle) + b2)
    passes = (middle > 0).to(mean.dtype)
    slope = (gates * (1 - gates))[:, None] * (w2 @ (passes[:, None] * w1))
    return torch.diag(gates) + pixel[:, None] * slope
"""

WITH_DIAGONALS = """
def live_matrix(pixel, mean, w1, b1, w2, b2):
    middle = w1 @ mean + b1
    gates = (w2 @ middle.clamp(min=0) + b2).sigmoid()
    mask, slope = torch.diag((middle > 0).to(w1.dtype)), torch.diag(gates * (1 - gates))
    return torch.diag(gates) + torch.diag(pixel) @ slope @ w2 @ mask @ w1
"""

ENTRY_BY_ENTRY = """
def live_matrix(pixel, mean, w1, b1, w2, b2):
    middle = w1 @ mean + b1
    gates = torch.sigmoid(w2 @ torch.relu(middle) + b2)
    rows = []
    for i in range(len(pixel)):
        row = []
        for j in range(len(pixel)):
            through = sum(
                w2[i, k] * w1[k, j] for k in range(len(middle)) if middle[k] > 0
            )
            own = gates[i] if i == j else 0
            row.append(own + pixel[i] * gates[i] * (1 - gates[i]) * through)
        rows.append(torch.stack(row))
    return torch.stack(rows)
"""

# --- the block -------------------------------------------------------------------


class SqueezeExcitation(nn.Module):
    """The lesson's layer, as it stands between the exercises, on torch's own operations."""

    def __init__(self, channels, reduction=16):
        super().__init__()
        middle = max(1, channels // reduction)
        self.fc1 = nn.Conv2d(channels, middle, 1)
        self.fc2 = nn.Conv2d(middle, channels, 1)

    def forward(self, x):
        z = torch.relu(self.fc1(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.fc2(z))


NAMES = {"SqueezeExcitation": SqueezeExcitation}  # what the lesson defines between its exercises

GATED = """
class SEBottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_channels, planes, stride=1, groups=1, width_per_group=64, reduction=16):
        super().__init__()
        width, out = int(planes * width_per_group / 64) * groups, 4 * planes
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.se = SqueezeExcitation(out, reduction)
        self.downsample = None
        if stride != 1 or in_channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.se(self.bn3(self.conv3(y)))
        identity = x if self.downsample is None else self.downsample(x)
        return F.relu(y + identity)
"""

WITH_RELU_LAYER = changed(
    GATED,
    ("        self.se =", "        self.relu = nn.ReLU(inplace=True)\n        self.se ="),
    ("F.relu(self.bn", "self.relu(self.bn"),
    ("return F.relu(y + identity)", "y += identity\n        return self.relu(y)"),
)

SHORTCUT_FIRST = changed(
    GATED,
    (
        "        y = F.relu(self.bn1(self.conv1(x)))\n",
        "        shortcut = self.downsample(x) if self.downsample else x\n"
        "        y = self.bn1(self.conv1(x)).clamp(min=0)\n",
    ),
    ("        identity = x if self.downsample is None else self.downsample(x)\n", ""),
    ("y + identity", "shortcut + y"),
)

RIGHT = {
    LIVE: {"product_rule": PRODUCT_RULE, "diagonals": WITH_DIAGONALS, "entries": ENTRY_BY_ENTRY},
    BLOCK: {"gated": GATED, "relu_layer": WITH_RELU_LAYER, "shortcut_first": SHORTCUT_FIRST},
}

SLIPS = (
    Slip(
        LIVE,
        "double",
        changed(WITH_DIAGONALS, ("(middle > 0).to(w1.dtype)", "(middle > 0).double()")),
        "run",
        says=("In float32", "give new tensors the dtype", "line 6: `return torch.diag(gates)"),
    ),
    Slip(
        LIVE,
        "diagonal",
        changed(PRODUCT_RULE, (" + pixel[:, None] * slope", "")),
        "values",
        "held_still",
        (*NUMBERS, "held still"),
    ),
    Slip(
        LIVE,
        "no_diagonal",
        changed(PRODUCT_RULE, ("torch.diag(gates) + ", "")),
        "values",
        "gate_alone",
        (*NUMBERS, "directly"),
    ),
    Slip(
        LIVE,
        "columns",
        changed(PRODUCT_RULE, ("pixel[:, None] * slope", "(pixel[:, None] * slope).T")),
        "values",
        "transposed",
        (*NUMBERS, "rows are outputs"),
    ),
    Slip(
        LIVE,
        "no_mask",
        changed(PRODUCT_RULE, ("(passes[:, None] * w1)", "w1")),
        "values",
        "no_relu",
        (*NUMBERS, "nothing goes"),
    ),
    Slip(
        LIVE,
        "no_slope",
        changed(PRODUCT_RULE, ("(gates * (1 - gates))[:, None] * ", "")),
        "values",
        "no_slope",
        (*NUMBERS, "slope"),
    ),
    Slip(
        LIVE,
        "mean",
        changed(PRODUCT_RULE, ("pixel[:, None]", "mean[:, None]")),
        "values",
        "mean_for_pixel",
        (*NUMBERS, "the channel's mean"),
    ),
    Slip(
        LIVE,
        "no_pixel",
        changed(PRODUCT_RULE, ("pixel[:, None] * slope", "slope")),
        "values",
        "no_pixel",
        (*NUMBERS, "not multiplied"),
    ),
    Slip(
        LIVE,
        "pixel_columns",
        changed(PRODUCT_RULE, ("pixel[:, None]", "pixel")),
        "values",
        "pixel_of_column",
        (*NUMBERS, "row i by pixel i"),
    ),
    Slip(
        LIVE,
        "half_slope",
        changed(PRODUCT_RULE, ("gates * (1 - gates)", "gates")),
        "values",
        says=NUMBERS,
    ),
    Slip(
        BLOCK,
        "not_asked",
        changed(GATED, ("self.se(self.bn3(self.conv3(y)))", "self.bn3(self.conv3(y))")),
        "values",
        "not_asked",
        (*NUMBERS, "never called"),
    ),
    Slip(
        BLOCK,
        "after",
        changed(
            GATED,
            ("self.se(self.bn3(self.conv3(y)))", "self.bn3(self.conv3(y))"),
            ("y + identity", "self.se(y + identity)"),
        ),
        "values",
        "after_addition",
        (*NUMBERS, "behind the addition"),
    ),
    Slip(
        BLOCK,
        "before_norm",
        changed(GATED, ("self.se(self.bn3(self.conv3(y)))", "self.bn3(self.se(self.conv3(y)))")),
        "values",
        "before_norm",
        ("before the last batch norm",),
    ),
    Slip(
        BLOCK,
        "stride_in_1x1",
        changed(
            GATED,
            ("in_channels, width, 1, bias", "in_channels, width, 1, stride, bias"),
            ("width, width, 3, stride, 1", "width, width, 3, 1, 1"),
        ),
        "values",
        "stride_first",
        (*NUMBERS, "skips pixels"),
    ),
    Slip(
        BLOCK,
        "on_shortcut",
        changed(
            GATED,
            ("self.se(self.bn3(self.conv3(y)))", "self.bn3(self.conv3(y))"),
            ("y + identity", "y + self.se(identity)"),
        ),
        "values",
        "on_shortcut",
        (*NUMBERS, "rescales the shortcut"),
    ),
    Slip(
        BLOCK,
        "relu_before",
        changed(
            GATED, ("self.se(self.bn3(self.conv3(y)))", "self.se(F.relu(self.bn3(self.conv3(y))))")
        ),
        "values",
        "relu_before_gate",
        (*NUMBERS, "take away"),
    ),
    Slip(
        BLOCK,
        "no_last_relu",
        changed(GATED, ("F.relu(y + identity)", "y + identity")),
        "values",
        "no_last_relu",
        (*NUMBERS, "last ReLU"),
    ),
    Slip(
        BLOCK,
        "sixteen",
        changed(GATED, ("(out, reduction)", "(out)")),
        "parameters",
        "fixed_reduction",
        ("`se.fc1.weight`", "hand it on"),
    ),
    Slip(
        BLOCK,
        "planes",
        changed(GATED, ("(out, reduction)", "(out, 4 * reduction)")),
        "parameters",
        "of_planes",
        ("`se.fc1.weight`", "four times"),
    ),
    Slip(
        BLOCK,
        "narrow_gate",
        changed(GATED, ("(out, reduction)", "(planes, reduction)")),
        "run",
        says=("`se.fc1.weight` has shape",),
    ),
    Slip(
        BLOCK,
        "gate_name",
        changed(GATED, ("self.se", "self.gate")),
        "names",
        says=("`se.fc1.weight`", "`gate.fc1.weight`"),
    ),
)
