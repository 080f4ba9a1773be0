"""What students write in lesson 06's Further: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, changed

RANK, INVERTED = "separable.rank", "separable.inverted_residual"
NAMES: dict = {}

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
    (
        "    kept = u[:, :, :rank] * s[:, None, :rank] @ vh[:, :rank]\n",
        "    keep = torch.arange(s.shape[1]) < rank\n"
        "    kept = u @ torch.diag_embed(s * keep) @ vh\n",
    ),
)

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

CLAMPED = changed(
    V2, ("F.relu6(self.bn2(self.depthwise(y)))", "self.bn2(self.depthwise(y)).clamp(0, 6)")
)

ADDED_IN_PLACE = changed(
    V2, ("return x + y if self.adds else y", "if self.adds:\n            y += x\n        return y")
)

RIGHT = {
    RANK: {"decomposed": DECOMPOSED, "zeroed": ZEROED, "channel": CHANNEL_BY_CHANNEL},
    INVERTED: {"plain": V2, "clamped": CLAMPED, "in_place": ADDED_IN_PLACE},
}

SLIPS = (
    Slip(
        RANK,
        "one_matrix",
        changed(
            DECOMPOSED,
            (
                "weight.reshape(c_out, c_in, kh * kw).transpose(0, 1)",
                "weight.reshape(1, c_out, -1)",
            ),
            ("kept.transpose(0, 1)", "kept"),
        ),
        "values",
        "whole",
        (*NUMBERS, "matrix of its own"),
    ),
    Slip(
        RANK,
        "by_output",
        changed(DECOMPOSED, (".transpose(0, 1)\n", "\n"), ("kept.transpose(0, 1)", "kept")),
        "values",
        "by_output",
        (*NUMBERS, "input channel"),
    ),
    Slip(
        RANK,
        "spatial",
        "def best_separable(weight, rank):\n"
        "    u, s, vh = torch.linalg.svd(weight, full_matrices=False)\n"
        "    return u[..., :rank] * s[..., None, :rank] @ vh[..., :rank, :]\n",
        "values",
        "spatial",
        (*NUMBERS, "column times a row"),
    ),
    Slip(
        RANK,
        "smallest",
        changed(DECOMPOSED, (":rank]", "-rank:]")),
        "values",
        "smallest",
        (*NUMBERS, "largest ones"),
    ),
    Slip(
        RANK,
        "no_values",
        changed(DECOMPOSED, (" * s[:, None, :rank]", "")),
        "values",
        "unscaled",
        (*NUMBERS, "left out"),
    ),
    Slip(
        RANK,
        "twice",
        changed(DECOMPOSED, ("s[:, None, :rank] @", "s[:, None, :rank] ** 2 @")),
        "values",
        "scaled_twice",
        (*NUMBERS, "twice"),
    ),
    Slip(
        RANK,
        "first_only",
        changed(DECOMPOSED, (":rank]", ":1]")),
        "values",
        "rank_one",
        (*NUMBERS, "whatever the rank"),
    ),
    Slip(
        INVERTED,
        "relu_last",
        changed(V2, ("y = self.bn3(self.project(y))", "y = F.relu6(self.bn3(self.project(y)))")),
        "values",
        "relu_last",
        (*NUMBERS, "linear"),
    ),
    Slip(
        INVERTED,
        "relu_after",
        changed(
            V2, ("return x + y if self.adds else y", "return F.relu6(x + y if self.adds else y)")
        ),
        "values",
        "relu_after",
        (*NUMBERS, "after the addition"),
    ),
    Slip(
        INVERTED,
        "no_shortcut",
        changed(V2, ("x + y if self.adds else y", "y")),
        "values",
        "no_shortcut",
        (*NUMBERS, "never added"),
    ),
    Slip(
        INVERTED,
        "by_stride",
        changed(V2, (" and in_channels == out_channels", "")),
        "run",
        "shortcut_by_stride",
        ("number of channels",),
    ),
    Slip(
        INVERTED,
        "relu",
        changed(V2, ("F.relu6(", "F.relu(")),
        "values",
        "relu",
        (*NUMBERS, "cuts off at 6"),
    ),
    Slip(
        INVERTED,
        "stride_early",
        changed(
            V2,
            ("(in_channels, hidden, 1, bias", "(in_channels, hidden, 1, stride, bias"),
            ("(hidden, 3, stride, 1)", "(hidden, 3, 1 if expand_ratio != 1 else stride, 1)"),
        ),
        "values",
        "stride_in_expand",
        (*NUMBERS, "first 1x1"),
    ),
    Slip(
        INVERTED,
        "always",
        changed(V2, ("if expand_ratio != 1:", "if True:")),
        "names",
        "always_expanded",
        ("not expected: `bn1.bias`", "nothing to expand"),
    ),
    Slip(
        INVERTED,
        "not_expanded",
        changed(V2, ("in_channels * expand_ratio", "in_channels")),
        "parameters",
        says=("has shape",),
    ),
    Slip(
        RANK,
        "reshaped",
        changed(
            DECOMPOSED,
            (
                "weight.reshape(c_out, c_in, kh * kw).transpose(0, 1)",
                "weight.reshape(c_in, c_out, kh * kw)",
            ),
            ("kept.transpose(0, 1)", "kept"),
        ),
        "values",
        "reshaped",
        (*NUMBERS, "transpose"),
    ),
    Slip(
        RANK,
        "not_back",
        changed(DECOMPOSED, ("kept.transpose(0, 1)", "kept")),
        "values",
        "not_turned_back",
        (*NUMBERS, "transpose it back"),
    ),
    Slip(
        RANK,
        "inputs_first",
        changed(
            DECOMPOSED,
            (
                "kept.transpose(0, 1).reshape(c_out, c_in, kh, kw)",
                "kept.reshape(c_in, c_out, kh, kw)",
            ),
        ),
        "shape",
        "inputs_first",
        ("begins with the input channels",),
    ),
    Slip(
        INVERTED,
        "stride_late",
        changed(
            V2,
            ("(hidden, out_channels, 1, bias", "(hidden, out_channels, 1, stride, bias"),
            ("(hidden, 3, stride, 1)", "(hidden, 3, 1, 1)"),
        ),
        "values",
        "stride_in_project",
        ("last 1x1", "in training"),
    ),
    Slip(
        INVERTED,
        "no_last_norm",
        changed(V2, ("self.bn3(self.project(y))", "self.project(y)")),
        "values",
        "no_last_norm",
        (*NUMBERS, "bias"),
    ),
    Slip(
        INVERTED,
        "grouped",
        changed(
            V2,
            (
                "DepthwiseConv2d(hidden, 3, stride, 1)",
                "nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False)",
            ),
        ),
        "shortcut",
        says=("grouped convolution", "DepthwiseConv2d"),
    ),
)
