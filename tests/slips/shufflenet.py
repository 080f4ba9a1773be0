"""What students write in lesson 05: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, answer, changed, line_of, names
from slips.resnext import NAMES as RESNEXT

STACK, SHUFFLE, UNIT = "shufflenet.stack_matrix", "shufflenet.channel_shuffle", "shufflenet.unit"
FOLD, MIXING, V2 = "shufflenet.fold", "shufflenet.mixing_matrix", "shufflenet.unit_v2"

NAMES = RESNEXT | names("shufflenet", "shuffle")  # defined between the exercises

# --- the matrix of a stack ---------------------------------------------------------

WITH_P = """
def stack_matrix(layers, order):
    P = torch.eye(len(order), dtype=layers.dtype)[order]
    result = layers[-1]
    for i in range(len(layers) - 2, -1, -1):
        result = result @ P @ layers[i]
    return result
"""

ALL_AT_ONCE = """
def stack_matrix(layers, order):
    moved = layers.clone()
    moved[:-1] = layers[:-1][:, order]
    return torch.linalg.multi_dot([*moved.flip(0), torch.eye(len(order), dtype=layers.dtype)])
"""

# --- the shuffle -----------------------------------------------------------------------

INDEXED = """
def channel_shuffle(x, groups):
    order = torch.arange(x.shape[1]).reshape(groups, -1).T.flatten()
    return x[:, order]
"""

PERMUTED = """
def channel_shuffle(x, groups):
    return x.unflatten(1, (groups, -1)).permute(0, 2, 1, 3, 4).flatten(1, 2)
"""

STRIDED = """
class Dealer(nn.Module):
    def forward(self, x, groups):
        width = x.shape[1] // groups
        place = torch.arange(x.shape[1])
        return x.index_select(1, place % groups * width + place // groups)

channel_shuffle = Dealer()
"""

BY_MATRIX = """
def channel_shuffle(x, groups):
    order = torch.arange(x.shape[1]).reshape(groups, -1).T.flatten()
    P = torch.eye(x.shape[1], dtype=x.dtype)[order]
    return torch.einsum("oc,nchw->nohw", P, x)
"""

DEALT_SLOWLY = """
def channel_shuffle(x, groups):
    width, dealt = x.shape[1] // groups, []
    for i in range(width):
        for g in range(groups):
            dealt.append(x[:, g * width + i].clone())
    return torch.stack(dealt, dim=1)
"""

CHUNKED = """
def channel_shuffle(x, groups):
    return torch.stack(x.chunk(groups, dim=1), dim=2).flatten(1, 2)
"""

# --- the unit ---------------------------------------------------------------------------

BEFORE, AFTER = "F.relu(self.bn1(self.conv1(x)))", "self.bn3(self.conv3(self.bn2(self.conv2(y))))"
UNSHUFFLED = (f"shuffle({BEFORE}, self.groups)", BEFORE)

DEPTHWISE = "nn.Conv2d(mid, mid, 3, stride, 1, groups=mid, bias=False)"

WITH_LAYERS = changed(
    answer(UNIT),
    ("        self.bn3 = ", "        self.pool = nn.AvgPool2d(3, 2, 1)\n        self.bn3 = "),
    ("pooled = F.avg_pool2d(x, 3, 2, 1)", "pooled = self.pool(x)"),
    ("F.relu(torch.cat([pooled, y], dim=1))", "torch.cat((pooled, y), 1).clamp(min=0)"),
)

FRAMEWORKS = changed(
    answer(UNIT),
    (
        "GroupedConv2d(in_channels, mid, 1, groups=first_groups)",
        "nn.Conv2d(in_channels, mid, 1, groups=first_groups, bias=False)",
    ),
    UNSHUFFLED,
    (BEFORE, f"{BEFORE}.unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)"),
)

IN_PLACE = changed(
    answer(UNIT),
    (BEFORE, "self.bn1(self.conv1(x)).relu_()"),
    ("return F.relu(x + y)", "y += x\n            return y.relu_()"),
    ("GroupedConv2d(mid, mid, 3, stride, 1, groups=mid)", DEPTHWISE),
)

# --- Further: the shuffle in weights, several permutations, the unit of V2 ---------------

SORTED = """
def fold_shuffle(weight, groups):
    order = torch.arange(weight.shape[1]).reshape(groups, -1).T.flatten()
    return weight[:, order.argsort()]
"""

PLACED = """
def fold_shuffle(weight, groups):
    order = torch.arange(weight.shape[1]).reshape(groups, -1).T.flatten()
    folded = torch.empty_like(weight)
    folded[:, order] = weight
    return folded
"""

EYES = """
def mixing_matrix(orders):
    return torch.eye(orders.shape[1])[orders].double().sum(0) / len(orders) ** 0.5
"""

COMPARED = """
def mixing_matrix(orders):
    k, c = orders.shape
    return (orders[:, :, None] == torch.arange(c)).double().sum(0) / torch.tensor(k).double().sqrt()
"""

JOINED = "shuffle(torch.cat(joined, dim=1), 2)"

SPLIT = changed(
    answer(V2),
    ("x.chunk(2, dim=1)", "(x[:, : x.shape[1] // 2], x[:, x.shape[1] // 2 :])"),
    (
        f"return {JOINED}",
        "y = torch.cat(joined, dim=1)\n"
        "        return y[:, torch.arange(y.shape[1]).reshape(2, -1).T.flatten()]",
    ),
)

IN_PLACE_V2 = changed(answer(V2), ("nn.ReLU()", "nn.ReLU(inplace=True)"))

IN_BRANCHES = changed(answer(V2), (JOINED, "torch.stack(joined, dim=2).flatten(1, 2)"))

RIGHT = {
    STACK: {"with_p": WITH_P, "all_at_once": ALL_AT_ONCE},
    SHUFFLE: {"indexed": INDEXED, "permuted": PERMUTED, "layer": STRIDED, "chunked": CHUNKED},
    UNIT: {"with_layers": WITH_LAYERS, "frameworks": FRAMEWORKS, "in_place": IN_PLACE},
    FOLD: {"sorted": SORTED, "placed": PLACED},
    MIXING: {"eyes": EYES, "compared": COMPARED},
    V2: {"split": SPLIT, "in_branches": IN_BRANCHES, "in_place": IN_PLACE_V2},
}

SLIPS = (
    Slip(
        STACK,
        "from_the_right",
        changed(answer(STACK), ("layer @ total[order]", "total[order] @ layer")),
        "values",
        "from_the_right",
        NUMBERS,
    ),
    Slip(
        STACK,
        "one_late",
        changed(answer(STACK), ("layer @ total[order]", "layer[order] @ total")),
        "values",
        "one_place_late",
        NUMBERS,
    ),
    Slip(
        STACK,
        "float32",
        changed(WITH_P, (", dtype=layers.dtype", "")),
        "run",
        "",
        ("dtype", "float32"),
    ),
    Slip(
        STACK,
        "columns",
        changed(answer(STACK), ("total[order]", "total[:, order]")),
        "values",
        "columns",
        NUMBERS,
    ),
    Slip(
        STACK,
        "argsort",
        changed(answer(STACK), ("total[order]", "total[order.argsort()]")),
        "values",
        "inverse_order",
        NUMBERS,
    ),
    Slip(
        STACK,
        "plain_product",
        changed(answer(STACK), ("total[order]", "total")),
        "values",
        "no_permutation",
        NUMBERS,
    ),
    Slip(
        STACK,
        "one_too_many",
        changed(answer(STACK), ("return total", "return total[order]")),
        "values",
        "after_the_last",
        NUMBERS,
    ),
    Slip(
        STACK,
        "cell_by_cell",
        changed(answer(STACK), ("@ total[order]", "* total[order]")),
        "values",
        "elementwise",
        NUMBERS,
    ),
    Slip(
        STACK,
        "in_place",
        changed(answer(STACK), ("total = layers[0]", "total = layers[0].data")),
        "gradients",
        says=("gradient",),
    ),
    Slip(
        SHUFFLE,
        "inverse",
        changed(answer(SHUFFLE), ("groups, -1", "-1, groups")),
        "values",
        "inverse",
        (*NUMBERS, "undoes"),
    ),
    Slip(
        SHUFFLE,
        "no_transpose",
        changed(answer(SHUFFLE), ("table.transpose(1, 2)", "table")),
        "values",
        "nothing_moved",
        (*NUMBERS, "No channel has moved"),
    ),
    Slip(
        SHUFFLE,
        "other_axes",
        changed(answer(SHUFFLE), ("transpose(1, 2)", "transpose(2, 3)")),
        "values",
        "wrong_axes",
        NUMBERS,
    ),
    Slip(
        SHUFFLE,
        "view",
        changed(answer(SHUFFLE), (".reshape(x.shape)", ".view(x.shape)")),
        "run",
        says=(line_of(answer(SHUFFLE), "return table"), "view"),
    ),
    Slip(
        SHUFFLE,
        "images_mixed",
        changed(answer(SHUFFLE), ("reshape(n, ", "reshape(1, ")),
        "values",
        "over_images",
        NUMBERS,
    ),
    Slip(
        SHUFFLE,
        "images_moved",
        changed(answer(SHUFFLE), ("transpose(1, 2)", "transpose(0, 1)")),
        "values",
        "images_for_groups",
        NUMBERS,
    ),
    Slip(
        SHUFFLE,
        "minus_one",
        changed(answer(SHUFFLE), ("-1, h, w", "-1")),
        "values",
        "with_the_pixels",
        NUMBERS,
    ),
    Slip(
        SHUFFLE,
        "drawn_anew",
        """
def channel_shuffle(x, groups):
    return x[:, torch.randperm(x.shape[1])]
""",
        "values",
        says=NUMBERS,
    ),
    Slip(SHUFFLE, "by_matrix", BY_MATRIX, "launches", says=("wasteful", "multiply-adds")),
    Slip(SHUFFLE, "slowly", DEALT_SLOWLY, "launches", says=("Right, but slow", "transpose")),
    Slip(
        SHUFFLE,
        "shortcut",
        "def channel_shuffle(x, groups):\n    return nn.ChannelShuffle(groups)(x)\n",
        "shortcut",
        says=("channel shuffle", "line 2"),
    ),
    Slip(
        UNIT,
        "no_shuffle",
        changed(answer(UNIT), UNSHUFFLED),
        "values",
        "no_shuffle",
        (*NUMBERS, "shuffled"),
    ),
    Slip(
        UNIT,
        "late",
        changed(
            answer(UNIT),
            UNSHUFFLED,
            ("self.bn2(self.conv2(y))", "shuffle(self.bn2(self.conv2(y)), self.groups)"),
        ),
        "values",
        "late_shuffle",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "one_relu_more",
        changed(answer(UNIT), ("self.bn2(self.conv2(y))", "F.relu(self.bn2(self.conv2(y)))")),
        "values",
        "relu_after_depthwise",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "no_last_relu",
        changed(
            answer(UNIT),
            ("F.relu(x + y)", "x + y"),
            ("F.relu(torch.cat([pooled, y], dim=1))", "torch.cat([pooled, y], dim=1)"),
        ),
        "values",
        "no_last_relu",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "whole_branch",
        changed(answer(UNIT), (" - (in_channels if stride == 2 else 0)", "")),
        "shape",
        "whole_branch",
        ("branch makes only the rest",),
    ),
    Slip(
        UNIT,
        "max_pool",
        changed(answer(UNIT), ("avg_pool2d", "max_pool2d")),
        "values",
        "max_pool",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "other_order",
        changed(answer(UNIT), ("[pooled, y]", "[y, pooled]")),
        "values",
        "branch_first",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "first_in_groups",
        changed(answer(UNIT), ("groups=first_groups", "groups=groups")),
        "parameters",
        "first_always_grouped",
        ("conv1.weight", "few channels"),
    ),
    Slip(
        UNIT,
        "last_dense",
        changed(answer(UNIT), ("(mid, out, 1, groups=groups)", "(mid, out, 1)")),
        "parameters",
        "last_ungrouped",
        ("conv3.weight", "full convolution"),
    ),
    Slip(
        UNIT,
        "not_depthwise",
        changed(answer(UNIT), ("groups=mid", "groups=groups")),
        "parameters",
        "depthwise_in_groups",
        ("conv2.weight",),
    ),
    Slip(
        UNIT,
        "dense",
        changed(answer(UNIT), (", groups=mid", "")),
        "parameters",
        "depthwise_dense",
        ("conv2.weight",),
    ),
    Slip(
        UNIT,
        "no_padding",
        changed(answer(UNIT), ("3, stride, 1, groups", "3, stride, groups")),
        "run",
        "no_padding",
        ("line",),
    ),
    Slip(
        UNIT,
        "pool_no_padding",
        changed(answer(UNIT), ("(x, 3, 2, 1)", "(x, 3, 2)")),
        "run",
        "bare_pool",
        ("line",),
    ),
    Slip(
        UNIT,
        "shuffled_in_first",
        changed(
            answer(UNIT),
            (
                "self.stride, self.groups = stride, groups",
                "self.stride, self.groups = stride, first_groups",
            ),
        ),
        "values",
        "first_groups_shuffled",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "shuffled_last",
        changed(answer(UNIT), UNSHUFFLED, (AFTER, f"shuffle({AFTER}, self.groups)")),
        "values",
        "last_shuffle",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "stride_early",
        changed(
            answer(UNIT),
            ("mid, 1, groups=first", "mid, 1, stride, groups=first"),
            ("3, stride, 1", "3, 1, 1"),
        ),
        "values",
        "stride_first",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "norm_forgotten",
        changed(answer(UNIT), (AFTER, "self.conv3(self.bn2(self.conv2(y)))")),
        "values",
        "no_bn3",
        ("`bn3`",),
    ),
    Slip(
        UNIT,
        "quarter_of_the_input",
        changed(answer(UNIT), ("mid = out_channels", "mid = in_channels")),
        "run",
        says=("line",),
    ),
    Slip(
        FOLD,
        "again",
        changed(answer(FOLD), ("weight.shape[1] // groups", "groups")),
        "values",
        "shuffled_again",
        (*NUMBERS, "other way"),
    ),
    Slip(
        FOLD,
        "w_p",
        """
def fold_shuffle(weight, groups):
    order = torch.arange(weight.shape[1]).reshape(groups, -1).T.flatten()
    return weight @ torch.eye(len(order), dtype=weight.dtype)[order]
""",
        "run",
        "over_the_kernel",
        ("dimension 1",),
    ),
    Slip(
        FOLD,
        "rows",
        changed(
            SORTED,
            ("weight.shape[1])", "weight.shape[0])"),
            ("weight[:, order.argsort()]", "weight[order.argsort()]"),
        ),
        "values",
        says=("numbers are not", "smallest case"),
    ),
    Slip(
        FOLD, "not_sorted", changed(SORTED, (".argsort()", "")), "values", "shuffled_again", NUMBERS
    ),
    Slip(
        FOLD,
        "data",
        changed(PLACED, ("= weight\n", "= weight.data\n")),
        "gradients",
        "cut_off",
        ("no gradient",),
    ),
    Slip(
        MIXING,
        "inverted",
        changed(answer(MIXING), ("torch.arange(c), order]", "order, torch.arange(c)]")),
        "values",
        "transposed",
        NUMBERS,
    ),
    Slip(MIXING, "mean", changed(answer(MIXING), ("k**0.5", "k")), "values", "mean", NUMBERS),
    Slip(
        MIXING, "sum", changed(answer(MIXING), (" / k**0.5", "")), "values", "not_scaled", NUMBERS
    ),
    Slip(
        MIXING,
        "root_of_c",
        changed(answer(MIXING), ("k**0.5", "c**0.5")),
        "values",
        "by_channels",
        NUMBERS,
    ),
    Slip(
        MIXING,
        "in_turn",
        """
def mixing_matrix(orders):
    matrix = torch.eye(orders.shape[1], dtype=torch.float64)
    for order in orders:
        matrix = matrix[order]
    return matrix
""",
        "values",
        "composed_in_turn",
        NUMBERS,
    ),
    Slip(MIXING, "once", changed(answer(MIXING), ("+= 1", "= 1")), "values", "no_overlap", NUMBERS),
    Slip(
        V2,
        "no_shuffle",
        changed(answer(V2), (JOINED, "torch.cat(joined, dim=1)")),
        "values",
        "no_shuffle",
        NUMBERS,
    ),
    Slip(
        V2,
        "other_half",
        changed(answer(V2), ("kept, worked_on = x.chunk", "worked_on, kept = x.chunk")),
        "values",
        "other_half",
        NUMBERS,
    ),
    Slip(
        V2,
        "first_half",
        changed(
            answer(V2),
            (
                "[self.branch1(kept), self.branch2(worked_on)]",
                "[self.branch2(kept), self.branch1(worked_on)] if self.stride == 1 else "
                "[self.branch1(kept), self.branch2(worked_on)]",
            ),
        ),
        "values",
        "first_half_processed",
        NUMBERS,
    ),
    Slip(
        V2,
        "in_turn",
        changed(answer(V2), ("x.chunk(2, dim=1)", "(x[:, ::2], x[:, 1::2])")),
        "values",
        "every_second",
        NUMBERS,
    ),
    Slip(
        V2,
        "relu_last",
        changed(answer(V2), (JOINED, f"F.relu({JOINED})")),
        "values",
        "relu_over_all",
        NUMBERS,
    ),
    Slip(
        V2,
        "not_depthwise",
        changed(answer(V2), ("3, stride, 1, groups=half", "3, stride, 1")),
        "parameters",
        "not_depthwise",
        ("branch2.3.weight",),
    ),
    Slip(
        V2,
        "other_order",
        changed(
            answer(V2),
            (
                "[self.branch1(kept), self.branch2(worked_on)]",
                "[self.branch2(worked_on), self.branch1(kept)]",
            ),
        ),
        "values",
        "other_order",
        NUMBERS,
    ),
    Slip(
        V2,
        "stride_1_of_two",
        changed(answer(V2), ("half, half, 3, stride, 1", "half, half, 3, 1, 1")),
        "run",
        "branch2_no_stride",
        ("line", "does not reach branch2"),
    ),
    Slip(
        V2,
        "inverse",
        changed(answer(V2), ("dim=1), 2)", "dim=1), joined[0].shape[1])")),
        "values",
        "inverse_shuffle",
        NUMBERS,
    ),
    Slip(
        V2,
        "all_channels",
        changed(answer(V2), ("half if stride == 1 else in_channels", "in_channels")),
        "run",
        says=("line",),
    ),
    Slip(
        V2,
        "shortcut",
        changed(answer(V2), (JOINED, "nn.ChannelShuffle(2)(torch.cat(joined, dim=1))")),
        "shortcut",
        says=("Use yours",),
    ),
    Slip(
        STACK,
        "both_sides",
        changed(answer(STACK), ("total[order]", "total[order][:, order]")),
        "values",
        "both_sides",
        (*NUMBERS, "rows and columns"),
    ),
    Slip(
        STACK,
        "once_at_the_end",
        changed(
            answer(STACK), ("@ total[order]", "@ total"), ("return total", "return total[order]")
        ),
        "values",
        "only_at_the_end",
        (*NUMBERS, "none after the last"),
    ),
    Slip(
        STACK,
        "no_first",
        changed(
            answer(STACK),
            ("total = layers[0]", "total = torch.eye(len(order), dtype=layers.dtype)"),
        ),
        "values",
        "without_the_first",
        (*NUMBERS, "first layer's matrix"),
    ),
    Slip(
        STACK,
        "no_last",
        changed(answer(STACK), ("layers[1:]", "layers[1:-1]")),
        "values",
        "without_the_last",
        (*NUMBERS, "last layer's matrix"),
    ),
    Slip(
        STACK,
        "first_two",
        changed(answer(STACK), ("in layers[1:]", "in layers[1:2]")),
        "values",
        "first_two",
        (*NUMBERS, "first two layers"),
    ),
    Slip(
        SHUFFLE,
        "mt",
        changed(answer(SHUFFLE), ("transpose(1, 2)", "mT")),
        "values",
        "rows_for_columns",
        (*NUMBERS, "rows and columns"),
    ),
    Slip(
        SHUFFLE,
        "rows_for_groups",
        changed(answer(SHUFFLE), ("transpose(1, 2)", "transpose(1, 3)")),
        "values",
        "rows_for_groups",
        (*NUMBERS, "rows of the image"),
    ),
    Slip(
        FOLD,
        "of_outputs",
        """
def fold_shuffle(weight, groups):
    return shuffle(weight, max(1, weight.shape[0] // groups))
""",
        "values",
        "of_the_outputs",
        (*NUMBERS, "number of outputs"),
    ),
    Slip(
        MIXING,
        "returned_early",
        changed(answer(MIXING), ("    return", "        return")),
        "values",
        "returned_early",
        (*NUMBERS, "return inside its loop"),
    ),
    Slip(
        MIXING,
        "only_the_last",
        changed(
            answer(MIXING),
            (
                "    for order in orders:\n",
                "    for order in orders:\n        matrix = 0 * matrix\n",
            ),
        ),
        "values",
        "only_the_last",
        (*NUMBERS, "last permutation"),
    ),
    Slip(
        MIXING,
        "whole_columns",
        changed(answer(MIXING), ("[torch.arange(c), order]", "[:, order]")),
        "values",
        "whole_columns",
        (*NUMBERS, "Whole rows or columns"),
    ),
    Slip(
        UNIT,
        "relu_before_join",
        changed(answer(UNIT), (f"y = {AFTER}", f"y = F.relu({AFTER})")),
        "values",
        "relu_before_join",
        (*NUMBERS, "subtract"),
    ),
    Slip(
        UNIT,
        "relu_before_norm",
        changed(answer(UNIT), (BEFORE, "self.bn1(F.relu(self.conv1(x)))")),
        "values",
        "relu_before_norm",
        (*NUMBERS, "convolution, batch norm, ReLU"),
    ),
    Slip(
        UNIT,
        "shuffle_before_norm",
        changed(
            answer(UNIT),
            UNSHUFFLED,
            ("self.bn1(self.conv1(x))", "self.bn1(shuffle(self.conv1(x), self.groups))"),
        ),
        "values",
        "shuffle_before_norm",
        (*NUMBERS, "other channels"),
    ),
    Slip(
        UNIT,
        "pooled_added",
        changed(answer(UNIT), ("torch.cat([pooled, y], dim=1)", "pooled + y")),
        "shape",
        "pooled_added",
        ("concatenated",),
    ),
    Slip(
        UNIT,
        "no_stride",
        changed(answer(UNIT), ("mid, mid, 3, stride, 1", "mid, mid, 3, 1, 1")),
        "run",
        "no_stride",
        ("stride does not reach",),
    ),
    Slip(
        UNIT,
        "stride_last",
        changed(
            answer(UNIT),
            ("mid, mid, 3, stride, 1", "mid, mid, 3, 1, 1"),
            ("(mid, out, 1, groups", "(mid, out, 1, stride, groups"),
        ),
        "values",
        "stride_last",
        ("in training",),
    ),
    Slip(
        UNIT,
        "first_dense",
        changed(answer(UNIT), ("mid, 1, groups=first_groups", "mid, 1")),
        "parameters",
        "first_ungrouped",
        ("`conv1.weight`", "full convolution"),
    ),
    Slip(
        UNIT,
        "last_in_first",
        changed(answer(UNIT), ("out, 1, groups=groups", "out, 1, groups=first_groups")),
        "parameters",
        "last_in_first_groups",
        ("`conv3.weight`", "first 1x1 only"),
    ),
    Slip(
        UNIT,
        "as_wide_as_the_branch",
        changed(answer(UNIT), ("if self.stride == 1:", "if x.shape[1] == y.shape[1]:")),
        "run",
        says=("line",),
    ),
    Slip(
        V2,
        "as_wide",
        changed(
            answer(V2),
            (
                "if self.stride == 1 else",
                "if x.shape[1] == 2 * self.branch2[0].weight.shape[0] else",
            ),
        ),
        "run",
        says=("line",),
    ),
    Slip(
        V2,
        "branch1_dense",
        changed(answer(V2), ("stride, 1, groups=given", "stride, 1")),
        "parameters",
        "branch1_not_depthwise",
        ("`branch1.0.weight`", "branch1 is a full"),
    ),
    Slip(
        V2,
        "both_dense",
        changed(
            answer(V2),
            ("stride, 1, groups=given", "stride, 1"),
            ("stride, 1, groups=half", "stride, 1"),
        ),
        "parameters",
        "none_depthwise",
        ("both branches",),
    ),
    Slip(
        V2,
        "branch1_no_relu",
        changed(
            answer(V2),
            (
                "*(nn.BatchNorm2d(half), nn.ReLU()),\n            )",
                "nn.BatchNorm2d(half),\n            )",
            ),
        ),
        "values",
        "branch1_no_relu",
        (*NUMBERS, "end of branch1"),
    ),
    Slip(
        V2,
        "branch2_no_relu",
        changed(
            answer(V2),
            (
                "*(GroupedConv2d(half, half, 1), nn.BatchNorm2d(half), nn.ReLU()),",
                "*(GroupedConv2d(half, half, 1), nn.BatchNorm2d(half)),",
            ),
        ),
        "values",
        "branch2_no_relu",
        (*NUMBERS, "end of branch2"),
    ),
    Slip(
        V2,
        "no_first_relu",
        changed(
            answer(V2),
            (
                "*(GroupedConv2d(given, half, 1), nn.BatchNorm2d(half), nn.ReLU()),",
                "*(GroupedConv2d(given, half, 1), nn.BatchNorm2d(half), nn.Identity()),",
            ),
        ),
        "values",
        "no_first_relu",
        (*NUMBERS, "first batch norm"),
    ),
    Slip(
        V2,
        "layer_too_few",
        changed(
            answer(V2),
            (
                "*(GroupedConv2d(given, half, 1), nn.BatchNorm2d(half), nn.ReLU()),",
                "*(GroupedConv2d(given, half, 1), nn.BatchNorm2d(half)),",
            ),
        ),
        "names",
        "layer_too_few",
        ("a layer is missing",),
    ),
    Slip(
        V2,
        "relu_in_list",
        changed(
            answer(V2),
            (
                "            nn.BatchNorm2d(half),\n            *",
                "            nn.BatchNorm2d(half),\n            nn.ReLU(),\n            *",
            ),
        ),
        "names",
        "layer_too_many",
        ("one layer too many", "ReLU"),
    ),
    Slip(
        V2,
        "relu_in_branch1",
        changed(
            answer(V2), ("*(nn.BatchNorm2d(given), G", "*(nn.BatchNorm2d(given), nn.ReLU(), G")
        ),
        "names",
        "layer_too_many_in_branch1",
        ("In branch1",),
    ),
    Slip(
        V2,
        "stride_last",
        changed(
            answer(V2),
            ("half, half, 3, stride, 1", "half, half, 3, 1, 1"),
            ("*(GroupedConv2d(half, half, 1)", "*(GroupedConv2d(half, half, 1, stride)"),
        ),
        "values",
        "stride_last",
        ("in training",),
    ),
    Slip(
        V2,
        "branch1_stride_last",
        changed(
            answer(V2),
            ("given, given, 3, stride, 1", "given, given, 3, 1, 1"),
            ("GroupedConv2d(given, half, 1))", "GroupedConv2d(given, half, 1, stride))"),
        ),
        "values",
        "branch1_stride_last",
        ("in training",),
    ),
    Slip(
        V2,
        "no_padding",
        changed(answer(V2), ("half, half, 3, stride, 1", "half, half, 3, stride, 0")),
        "run",
        "no_padding",
        ("no padding",),
    ),
    Slip(
        V2,
        "input_added",
        changed(
            answer(V2),
            (
                "        return",
                "        if self.stride == 1:\n"
                "            joined[1] = joined[1] + worked_on\n"
                "        return",
            ),
        ),
        "values",
        "input_added",
        (*NUMBERS, "Nothing is added"),
    ),
    Slip(
        V2,
        "branch1_no_stride",
        changed(answer(V2), ("given, given, 3, stride, 1", "given, given, 3, 1, 1")),
        "run",
        "branch1_no_stride",
        ("does not reach branch1",),
    ),
)
