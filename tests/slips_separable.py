"""What students write in lesson 06: right in other ways, and wrong by one line."""

from __future__ import annotations

import torch
from slips import Slip, changed, defined
from torch import nn

CONV, KERNEL, BLOCK = "separable.depthwise_conv2d", "separable.dense_kernel", "separable.block"
RANK, INVERTED = "separable.rank", "separable.inverted_residual"

# --- the depthwise convolution ---------------------------------------------------

UNFOLDED = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    n, c, h, w = x.shape
    kh, kw = weight.shape[2:]
    columns = F.unfold(x, (kh, kw), padding=padding, stride=stride)
    columns = columns.reshape(n, c, kh * kw, -1)
    y = weight.reshape(c, 1, kh * kw) @ columns
    h = (h + 2 * padding - kh) // stride + 1
    w = (w + 2 * padding - kw) // stride + 1
    return y.reshape(n, c, h, w)
"""

BY_NAME = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    n, c, h, w = x.shape
    kh, kw = weight.shape[2:]
    columns = F.unfold(x, (kh, kw), padding=padding, stride=stride).unflatten(1, (c, -1))
    y = torch.einsum("ck,nckp->ncp", weight.flatten(1), columns)
    return y.unflatten(2, ((h + 2 * padding - kh) // stride + 1, -1))
"""

MULTIPLIED = changed(
    UNFOLDED,
    ("y = weight.reshape(c, 1, kh * kw) @ columns",
     "y = (weight.reshape(c, kh * kw, 1) * columns).sum(2)"),
)  # fmt: skip

SHIFTED = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding, padding, padding, padding))
    h, w = x.shape[2:]
    total = 0
    for i in range(kh):
        for j in range(kw):
            window = x[:, :, i : h - kh + i + 1 : stride, j : w - kw + j + 1 : stride]
            total = total + window * weight[:, 0, i, j][:, None, None]
    return total
"""

STRIDED = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    return torch.einsum("nchwij,cij->nchw", windows, weight[:, 0])
"""

LOOP = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    outputs = []
    for c in range(x.shape[1]):
        own, image = weight[c : c + 1], x[:, c : c + 1]
        outputs.append(F.conv2d(image, own, stride=stride, padding=padding))
    return torch.cat(outputs, dim=1)
"""

WITH_ZEROS = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    c = x.shape[1]
    full = torch.eye(c, dtype=x.dtype)[:, :, None, None] * weight
    return F.conv2d(x, full, stride=stride, padding=padding)
"""

SHORTCUT = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    y = F.conv2d(x, weight, None, stride, padding, groups=x.shape[1])
    return y
"""

convolve = defined(UNFOLDED, "depthwise_conv2d")


class DepthwiseConv2d(nn.Module):
    """The lesson's layer, as it stands between the exercises, on a right function."""

    def __init__(self, channels, k, stride=1, padding=0):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, 1, k, k))
        nn.init.kaiming_normal_(self.weight)
        self.stride, self.padding = stride, padding

    def forward(self, x):
        return convolve(x, self.weight, self.stride, self.padding)


NAMES = {"DepthwiseConv2d": DepthwiseConv2d}

# --- the dense kernel of the two ---------------------------------------------------

BROADCAST = """
def dense_kernel(depthwise, pointwise):
    return pointwise * depthwise.transpose(0, 1)
"""

NAMED = """
def dense_kernel(depthwise, pointwise):
    return torch.einsum("oi,iyx->oiyx", pointwise[:, :, 0, 0], depthwise[:, 0])
"""

ONE_BY_ONE = """
def dense_kernel(depthwise, pointwise):
    c_out, c_in = pointwise.shape[:2]
    rows = []
    for o in range(c_out):
        rows.append(torch.stack([pointwise[o, i, 0, 0] * depthwise[i, 0] for i in range(c_in)]))
    return torch.stack(rows)
"""

# --- MobileNetV1's block -----------------------------------------------------------

SEPARABLE = """
class DepthwiseSeparable(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.depthwise = DepthwiseConv2d(in_channels, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        y = F.relu(self.bn1(self.depthwise(x)))
        return F.relu(self.bn2(self.pointwise(y)))
"""

WITH_LAYERS = changed(
    SEPARABLE,
    ("        self.bn2", "        self.relu = nn.ReLU(inplace=True)\n        self.bn2"),
    ("F.relu(", "self.relu("),
)

POINTWISE_BY_HAND = changed(
    SEPARABLE,
    ("self.pointwise(y)", 'torch.einsum("oi,nihw->nohw", self.pointwise.weight[:, :, 0, 0], y)'),
)

# --- rank ----------------------------------------------------------------------------

DECOMPOSED = """
def best_separable(weight, rank):
    c_out, c_in, kh, kw = weight.shape
    matrices = weight.reshape(c_out, c_in, kh * kw).transpose(0, 1)
    u, s, vh = torch.linalg.svd(matrices, full_matrices=False)
    kept = u[:, :, :rank] * s[:, None, :rank] @ vh[:, :rank]
    return kept.transpose(0, 1).reshape(c_out, c_in, kh, kw)
"""

ZEROED = changed(
    DECOMPOSED,
    ("    kept = u[:, :, :rank] * s[:, None, :rank] @ vh[:, :rank]\n",
     "    keep = torch.arange(s.shape[1]) < rank\n"
     "    kept = u @ torch.diag_embed(s * keep) @ vh\n"),
)  # fmt: skip

CHANNEL_BY_CHANNEL = """
def best_separable(weight, rank):
    channels = []
    for i in range(weight.shape[1]):
        u, s, vh = torch.linalg.svd(weight[:, i].flatten(1), full_matrices=False)
        kept = sum(s[r] * torch.outer(u[:, r], vh[r]) for r in range(rank))
        channels.append(kept.reshape(weight[:, i].shape))
    return torch.stack(channels, dim=1)
"""

# --- MobileNetV2's block -------------------------------------------------------------

V2 = """
class InvertedResidual(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, expand_ratio=6):
        super().__init__()
        hidden = in_channels * expand_ratio
        self.expand = self.bn1 = None
        if expand_ratio != 1:
            self.expand = nn.Conv2d(in_channels, hidden, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(hidden)
        self.depthwise = DepthwiseConv2d(hidden, 3, stride, 1)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.project = nn.Conv2d(hidden, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x):
        y = x
        if self.expand is not None:
            y = F.relu6(self.bn1(self.expand(y)))
        y = F.relu6(self.bn2(self.depthwise(y)))
        y = self.bn3(self.project(y))
        return x + y if self.adds else y
"""

CLAMPED = changed(V2, ("F.relu6(self.bn2(self.depthwise(y)))",
                       "self.bn2(self.depthwise(y)).clamp(0, 6)"))  # fmt: skip

ADDED_IN_PLACE = changed(V2, ("return x + y if self.adds else y",
                              "if self.adds:\n            y += x\n        return y"))  # fmt: skip

RIGHT = {
    CONV: {
        "unfolded": UNFOLDED, "by_name": BY_NAME, "multiplied": MULTIPLIED, "shifted": SHIFTED,
        "strided": STRIDED,
    },
    KERNEL: {"broadcast": BROADCAST, "named": NAMED, "one_by_one": ONE_BY_ONE},
    BLOCK: {"plain": SEPARABLE, "with_layers": WITH_LAYERS, "by_hand": POINTWISE_BY_HAND},
    RANK: {"decomposed": DECOMPOSED, "zeroed": ZEROED, "channel": CHANNEL_BY_CHANNEL},
    INVERTED: {"plain": V2, "clamped": CLAMPED, "in_place": ADDED_IN_PLACE},
}  # fmt: skip

NUMBERS = ("numbers are not", "smallest case", "yours", "expected")

SLIPS = (
    Slip(CONV, "all_channels", changed(LOOP, ("weight[c : c + 1], x[:, c : c + 1]",
         "weight[c : c + 1].expand(-1, x.shape[1], -1, -1), x")), "values", "mixing",
         (*NUMBERS, "no other")),
    Slip(CONV, "same_filter", changed(LOOP, ("weight[c : c + 1]", "weight[:1]")), "values",
         "first_filter", (*NUMBERS, "a filter of its own")),
    Slip(CONV, "added", changed(LOOP, ("torch.cat(outputs, dim=1)", "sum(outputs)")), "shape",
         "summed", ("added up", "smallest case")),
    Slip(CONV, "taps_first", changed(UNFOLDED, ("columns.reshape(n, c, kh * kw, -1)",
         "columns.reshape(n, kh * kw, c, -1).transpose(1, 2)")), "values", "taps_first",
         (*NUMBERS, "slower of the two")),
    Slip(CONV, "summed_over_channels", changed(SHIFTED, ("weight[:, 0, i, j][:, None, None]",
         "weight[:, 0, i, j].sum()")), "values", says=NUMBERS),
    Slip(CONV, "no_stride", changed(LOOP, ("stride=stride, ", "")), "shape", "no_stride",
         ("stride is not used", "stride=2")),
    Slip(CONV, "no_padding", changed(LOOP, (", padding=padding)", ")")), "shape", "no_padding",
         ("padding is not used",)),
    Slip(CONV, "detached", changed(UNFOLDED, ("y = weight.", "y = weight.detach().")),
         "gradients", "cut_off", ("no gradient", "`weight`")),
    Slip(CONV, "loop", LOOP, "launches", says=("Right, but slow", "operations", "channels")),
    Slip(CONV, "with_zeros", WITH_ZEROS, "launches", says=("wasteful", "multiply-adds")),
    Slip(CONV, "shortcut", SHORTCUT, "shortcut", says=("as many groups as channels", "line 3")),

    Slip(KERNEL, "added", changed(BROADCAST, (" * ", " + ")), "values", "added",
         (*NUMBERS, "multiplied")),
    Slip(KERNEL, "as_it_comes", changed(BROADCAST, (".transpose(0, 1)", "")), "run",
         "not_lined_up", ("do not line up",)),
    Slip(KERNEL, "outputs_filter", changed(ONE_BY_ONE, ("depthwise[i, 0]",
         "depthwise[o % c_in, 0]")), "values", "outputs_filter", (*NUMBERS, "input channel")),
    Slip(KERNEL, "inputs_first", changed(NAMED, ("->oiyx", "->ioyx")), "shape", "swapped",
         ("exchanged",)),
    Slip(KERNEL, "columns_first", changed(NAMED, ("->oiyx", "->oixy")), "shape",
         says=("shape",)),
    Slip(KERNEL, "summed", changed(NAMED, ("->oiyx", "->oyx")), "shape", says=("shape",)),
    Slip(KERNEL, "detached", changed(BROADCAST, ("depthwise.tr", "depthwise.detach().tr")),
         "gradients", "cut_off", ("no gradient", "`depthwise`")),

    Slip(BLOCK, "no_middle_relu", changed(SEPARABLE, ("F.relu(self.bn1(self.depthwise(x)))",
         "self.bn1(self.depthwise(x))")), "values", "no_middle_relu", (*NUMBERS, "between")),
    Slip(BLOCK, "no_last_relu", changed(SEPARABLE, ("return F.relu(self.bn2(self.pointwise(y)))",
         "return self.bn2(self.pointwise(y))")), "values", "no_last_relu",
         (*NUMBERS, "last ReLU")),
    Slip(BLOCK, "stride_last", changed(SEPARABLE, ("3, stride, 1)", "3, 1, 1)"),
         ("out_channels, 1, bias", "out_channels, 1, stride, bias")), "values",
         says=("numbers are not",)),  # the same numbers but for the first batch norm's statistics
    Slip(BLOCK, "relu_first", changed(SEPARABLE,
         ("F.relu(self.bn1(self.depthwise(x)))", "self.bn1(F.relu(self.depthwise(x)))"),
         ("F.relu(self.bn2(self.pointwise(y)))", "self.bn2(F.relu(self.pointwise(y)))")),
         "values", says=("numbers are not",)),
    Slip(BLOCK, "relu6", changed(SEPARABLE, ("F.relu(", "F.relu6(")), "values", "relu6",
         (*NUMBERS, "cut off at 6")),
    Slip(BLOCK, "xception", changed(SEPARABLE,
         ("DepthwiseConv2d(in_channels", "DepthwiseConv2d(out_channels"),
         ("self.bn1 = nn.BatchNorm2d(in", "self.bn1 = nn.BatchNorm2d(out"),
         ("        y = F.relu(self.bn1(self.depthwise(x)))\n"
          "        return F.relu(self.bn2(self.pointwise(y)))",
          "        y = F.relu(self.bn2(self.pointwise(x)))\n"
          "        return F.relu(self.bn1(self.depthwise(y)))")),
         "values", "pointwise_first", (*NUMBERS, "Xception")),
    Slip(BLOCK, "full", changed(SEPARABLE, ("DepthwiseConv2d(in_channels, 3, stride, 1)",
         "nn.Conv2d(in_channels, in_channels, 3, stride, 1, bias=False)")), "parameters", "full",
         ("full 3x3",)),
    Slip(BLOCK, "no_padding", changed(SEPARABLE, ("3, stride, 1)", "3, stride)")), "shape",
         says=("shape",)),
    Slip(BLOCK, "with_bias", changed(SEPARABLE, ("out_channels, 1, bias=False",
         "out_channels, 1")), "names", says=("not expected: `pointwise.bias`",)),
    Slip(BLOCK, "shortcut", changed(SEPARABLE, ("DepthwiseConv2d(in_channels, 3, stride, 1)",
         "nn.Conv2d(in_channels, in_channels, 3, stride, 1, groups=in_channels, bias=False)")),
         "shortcut", says=("grouped convolution", "of the cell")),

    Slip(RANK, "one_matrix", changed(DECOMPOSED,
         ("weight.reshape(c_out, c_in, kh * kw).transpose(0, 1)", "weight.reshape(1, c_out, -1)"),
         ("kept.transpose(0, 1)", "kept")), "values", "whole", (*NUMBERS, "matrix of its own")),
    Slip(RANK, "by_output", changed(DECOMPOSED, (".transpose(0, 1)\n", "\n"),
         ("kept.transpose(0, 1)", "kept")), "values", "by_output", (*NUMBERS, "input channel")),
    Slip(RANK, "spatial", "def best_separable(weight, rank):\n"
         "    u, s, vh = torch.linalg.svd(weight, full_matrices=False)\n"
         "    return u[..., :rank] * s[..., None, :rank] @ vh[..., :rank, :]\n", "values",
         "spatial", (*NUMBERS, "column times a row")),
    Slip(RANK, "smallest", changed(DECOMPOSED, (":rank]", "-rank:]")), "values", "smallest",
         (*NUMBERS, "largest ones")),
    Slip(RANK, "no_values", changed(DECOMPOSED, (" * s[:, None, :rank]", "")), "values",
         "unscaled", (*NUMBERS, "left out")),
    Slip(RANK, "twice", changed(DECOMPOSED, ("s[:, None, :rank] @", "s[:, None, :rank] ** 2 @")),
         "values", "scaled_twice", (*NUMBERS, "twice")),
    Slip(RANK, "first_only", changed(DECOMPOSED, (":rank]", ":1]")), "values", "rank_one",
         (*NUMBERS, "whatever the rank")),

    Slip(INVERTED, "relu_last", changed(V2, ("y = self.bn3(self.project(y))",
         "y = F.relu6(self.bn3(self.project(y)))")), "values", "relu_last",
         (*NUMBERS, "linear")),
    Slip(INVERTED, "relu_after", changed(V2, ("return x + y if self.adds else y",
         "return F.relu6(x + y if self.adds else y)")), "values", "relu_after",
         (*NUMBERS, "after the addition")),
    Slip(INVERTED, "no_shortcut", changed(V2, ("x + y if self.adds else y", "y")), "values",
         "no_shortcut", (*NUMBERS, "never added")),
    Slip(INVERTED, "by_stride", changed(V2, (" and in_channels == out_channels", "")), "run",
         "shortcut_by_stride", ("number of channels",)),
    Slip(INVERTED, "relu", changed(V2, ("F.relu6(", "F.relu(")), "values", "relu",
         (*NUMBERS, "cuts off at 6")),
    Slip(INVERTED, "stride_early", changed(V2, ("(in_channels, hidden, 1, bias",
         "(in_channels, hidden, 1, stride, bias"), ("(hidden, 3, stride, 1)",
         "(hidden, 3, 1 if expand_ratio != 1 else stride, 1)")), "values", "stride_in_expand",
         (*NUMBERS, "first 1x1")),
    Slip(INVERTED, "always", changed(V2, ("if expand_ratio != 1:", "if True:")), "names",
         "always_expanded", ("not expected: `bn1.bias`", "nothing to expand")),
    Slip(INVERTED, "not_expanded", changed(V2, ("in_channels * expand_ratio", "in_channels")),
         "parameters", says=("has shape",)),
)  # fmt: skip
