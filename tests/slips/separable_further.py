"""What students write in lesson 06's Further: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, answer, changed

RANK, INVERTED = "separable.rank", "separable.inverted_residual"
NAMES: dict = {}  # those of slips.separable

# --- the best kernel of a given rank -----------------------------------------------

DECOMPOSED = answer(RANK)

ZEROED = changed(
    DECOMPOSED,
    (
        "    s = s[:, None, :rank]\n    kept = u[:, :, :rank] * s @ vh[:, :rank]\n",
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

# --- MobileNetV2's block -----------------------------------------------------------

V2 = answer(INVERTED)

CLAMPED = changed(
    V2, ("F.relu6(self.bn2(self.depthwise(y)))", "self.bn2(self.depthwise(y)).clamp(0, 6)")
)

ADDED_IN_PLACE = changed(
    V2,
    (
        "return x + y if self.keeps_shape else y",
        "if self.keeps_shape:\n            y += x\n        return y",
    ),
)

RIGHT = {
    RANK: {"zeroed": ZEROED, "channel": CHANNEL_BY_CHANNEL},
    INVERTED: {"clamped": CLAMPED, "in_place": ADDED_IN_PLACE},
}

ASCENDING = """
def best_separable(weight, rank):
    matrices = weight.flatten(2).transpose(0, 1)
    vectors = torch.linalg.eigh(matrices @ matrices.mT).eigenvectors[:, :, :rank]
    kept = vectors @ vectors.mT @ matrices
    return kept.transpose(0, 1).reshape(weight.shape)
"""

SLIPS = (
    Slip(
        RANK,
        "smallest_values",
        changed(DECOMPOSED, ("s = s[:, None, :rank]", "s = s[:, None, -rank:]")),
        "values",
        "smallest_values",
        (*NUMBERS, "all three"),
    ),
    Slip(
        RANK,
        "smallest_vectors",
        changed(
            DECOMPOSED, ("u[:, :, :rank]", "u[:, :, -rank:]"), ("vh[:, :rank]", "vh[:, -rank:]")
        ),
        "values",
        "smallest_vectors",
        (*NUMBERS, "all three"),
    ),
    Slip(
        RANK,
        "sorted",
        changed(DECOMPOSED, ("s = s[:, None, :rank]", "s = s.sort(1).values[:, None, :rank]")),
        "values",
        "values_reversed",
        (*NUMBERS, "largest first"),
    ),
    Slip(
        RANK,
        "eigenvectors",
        ASCENDING,
        "values",
        "smallest_of_the_outputs",
        (*NUMBERS, "unlike `svd`"),
    ),
    Slip(
        RANK,
        "eigenfilters",
        changed(
            ASCENDING,
            ("matrices @ matrices.mT", "matrices.mT @ matrices"),
            ("vectors @ vectors.mT @ matrices", "matrices @ vectors @ vectors.mT"),
        ),
        "values",
        "smallest_of_the_taps",
        (*NUMBERS, "unlike `svd`"),
    ),
    Slip(
        RANK,
        "root_too_many",
        changed(DECOMPOSED, ("@ vh[:, :rank]", "@ (s.sqrt().mT * vh[:, :rank])")),
        "values",
        "root_too_many",
        (*NUMBERS, "in addition"),
    ),
    Slip(
        RANK,
        "one_matrix",
        changed(
            DECOMPOSED,
            ("weight.flatten(2).transpose(0, 1)", "weight.flatten(1)[None]"),
            ("kept.transpose(0, 1)", "kept"),
        ),
        "values",
        "whole",
        (*NUMBERS, "its own matrix"),
    ),
    Slip(
        RANK,
        "by_output",
        changed(
            DECOMPOSED,
            ("flatten(2).transpose(0, 1)", "flatten(2)"),
            ("kept.transpose(0, 1)", "kept"),
        ),
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
        changed(DECOMPOSED, (" * s @", " @")),
        "values",
        "unscaled",
        (*NUMBERS, "left out"),
    ),
    Slip(
        RANK,
        "twice",
        changed(DECOMPOSED, ("* s @", "* s**2 @")),
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
            V2,
            (
                "return x + y if self.keeps_shape else y",
                "return F.relu6(x + y if self.keeps_shape else y)",
            ),
        ),
        "values",
        "relu_after",
        (*NUMBERS, "after the addition"),
    ),
    Slip(
        INVERTED,
        "no_shortcut",
        changed(V2, ("x + y if self.keeps_shape else y", "y")),
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
            ("(in_channels, wide, 1, bias", "(in_channels, wide, 1, stride, bias"),
            ("(wide, 3, stride, 1)", "(wide, 3, 1 if expand_ratio != 1 else stride, 1)"),
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
                "weight.flatten(2).transpose(0, 1)",
                "weight.reshape(weight.shape[1], len(weight), -1)",
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
            ("kept.transpose(0, 1).reshape(weight.shape)", "kept.unflatten(2, weight.shape[2:])"),
        ),
        "shape",
        "inputs_first",
        ("starts with the input channels",),
    ),
    Slip(
        INVERTED,
        "stride_late",
        changed(
            V2,
            ("(wide, out_channels, 1, bias", "(wide, out_channels, 1, stride, bias"),
            ("(wide, 3, stride, 1)", "(wide, 3, 1, 1)"),
        ),
        "values",
        "stride_in_project",
        ("last 1x1", "In training"),
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
                "DepthwiseConv2d(wide, 3, stride, 1)",
                "nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False)",
            ),
        ),
        "shortcut",
        says=("grouped convolution", "DepthwiseConv2d"),
    ),
)

SLIPS += (
    Slip(
        RANK,
        "nothing_left_out",
        changed(
            DECOMPOSED,
            ("kept = u[:, :, :rank] * s @ vh[:, :rank]", "kept = matrices"),
            ("    s = s[:, None, :rank]\n", ""),
        ),
        "values",
        "unchanged",
        (*NUMBERS, "is returned unchanged"),
    ),
    Slip(
        RANK,
        "the_largest_left_out",
        changed(DECOMPOSED, (":rank", "rank:")),
        "values",
        "without_the_largest",
        (*NUMBERS, "the ones to keep"),
    ),
    Slip(
        RANK,
        "roots",
        changed(DECOMPOSED, ("s = s[:, None, :rank]", "s = s[:, None, :rank].sqrt()")),
        "values",
        "root_scaled",
        (*NUMBERS, "square roots"),
    ),
    Slip(
        RANK,
        "first_filters",
        changed(
            DECOMPOSED,
            (
                "kept = u[:, :, :rank] * s @ vh[:, :rank]",
                "kept = matrices * (torch.arange(matrices.shape[1]) < rank)[:, None]",
            ),
            ("    s = s[:, None, :rank]\n", ""),
        ),
        "values",
        "first_outputs",
        (*NUMBERS, "drops no output"),
    ),
    Slip(
        RANK,
        "average",
        changed(
            DECOMPOSED,
            (
                "return kept.transpose(0, 1).reshape(weight.shape)",
                "return weight.mean(0, keepdim=True).expand_as(weight)",
            ),
        ),
        "values",
        "averaged",
        (*NUMBERS, "own factor"),
    ),
    Slip(
        RANK,
        "one_more",
        changed(DECOMPOSED, (":rank", ":rank + 1")),
        "values",
        "",
        (*NUMBERS, "as if `rank` were larger by 1"),
    ),
    Slip(
        INVERTED,
        "no_first_norm",
        changed(V2, ("self.bn1(self.expand(y))", "self.expand(y)")),
        "values",
        "no_first_norm",
        (*NUMBERS, "first batch norm"),
    ),
    Slip(
        INVERTED,
        "no_second_norm",
        changed(V2, ("self.bn2(self.depthwise(y))", "self.depthwise(y)")),
        "values",
        "no_second_norm",
        (*NUMBERS, "second batch norm"),
    ),
    Slip(
        INVERTED,
        "norms_late",
        changed(
            V2,
            ("F.relu6(self.bn1(self.expand(y)))", "self.bn1(F.relu6(self.expand(y)))"),
            ("F.relu6(self.bn2(self.depthwise(y)))", "self.bn2(F.relu6(self.depthwise(y)))"),
        ),
        "values",
        "relu_before_norm",
        (*NUMBERS, "after its batch norm"),
    ),
    Slip(
        INVERTED,
        "relu_in_the_second",
        changed(V2, ("y = F.relu6(self.bn2", "y = F.relu(self.bn2")),
        "values",
        "second_relu",
        (*NUMBERS, "in both places"),
    ),
    Slip(
        INVERTED,
        "relu6_of_the_sum",
        changed(
            V2, ("return x + y if self.keeps_shape", "return F.relu6(x + y) if self.keeps_shape")
        ),
        "values",
        "relu_after_addition",
        (*NUMBERS, "with or without a shortcut"),
    ),
    Slip(
        INVERTED,
        "by_channels",
        changed(V2, ("stride == 1 and in_channels == out_channels", "in_channels == out_channels")),
        "run",
        "shortcut_by_channels",
        ("stride must also be 1",),
    ),
    Slip(
        INVERTED,
        "stride_lost",
        changed(
            V2,
            ("(wide, 3, stride, 1)", "(wide, 3, 1, 1)"),
            ("in_channels, wide, 1, bias", "in_channels, wide, 1, stride, bias"),
        ),
        "values",
        "stride_lost_without_expand",
        (*NUMBERS, "it is lost"),
    ),
    Slip(
        INVERTED,
        "left_out",
        changed(V2, ("        y = F.relu6(self.bn2", "            y = F.relu6(self.bn2")),
        "values",
        "depthwise_left_out",
        (*NUMBERS, "indentation"),
    ),
)
