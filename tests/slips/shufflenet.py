"""What students write in lesson 05: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, changed, defined
from slips.resnext import NAMES as RESNEXT

STACK, SHUFFLE, UNIT = "shufflenet.stack_matrix", "shufflenet.channel_shuffle", "shufflenet.unit"

# --- the matrix of a stack ---------------------------------------------------------

LOOP = """
def stack_matrix(layers, order):
    total = layers[0]
    for layer in layers[1:]:
        total = layer @ total[order]
    return total
"""

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

RESHAPED = """
def channel_shuffle(x, groups):
    n, c, h, w = x.shape
    table = x.reshape(n, groups, c // groups, h, w)
    return table.transpose(1, 2).reshape(n, c, h, w)
"""

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

shuffle = defined(RESHAPED, "channel_shuffle")

# --- the unit ---------------------------------------------------------------------------

PLAIN = """
class ShuffleUnit(nn.Module):
    def __init__(self, in_channels, out_channels, stride, groups, first_groups):
        super().__init__()
        mid = out_channels // 4
        out = out_channels - (in_channels if stride == 2 else 0)
        self.stride, self.groups = stride, groups
        self.conv1 = GroupedConv2d(in_channels, mid, 1, groups=first_groups)
        self.bn1 = nn.BatchNorm2d(mid)
        self.conv2 = GroupedConv2d(mid, mid, 3, stride, 1, groups=mid)
        self.bn2 = nn.BatchNorm2d(mid)
        self.conv3 = GroupedConv2d(mid, out, 1, groups=groups)
        self.bn3 = nn.BatchNorm2d(out)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = shuffle(y, self.groups)
        y = self.bn2(self.conv2(y))
        y = self.bn3(self.conv3(y))
        if self.stride == 1:
            return F.relu(x + y)
        pooled = F.avg_pool2d(x, 3, 2, 1)
        return F.relu(torch.cat([pooled, y], dim=1))
"""

WITH_LAYERS = changed(
    PLAIN,
    ("        self.bn3 = ", "        self.pool = nn.AvgPool2d(3, 2, 1)\n        self.bn3 = "),
    ("pooled = F.avg_pool2d(x, 3, 2, 1)", "pooled = self.pool(x)"),
    ("F.relu(torch.cat([pooled, y], dim=1))", "torch.cat((pooled, y), 1).clamp(min=0)"),
)

FRAMEWORKS = changed(
    PLAIN,
    (
        "GroupedConv2d(in_channels, mid, 1, groups=first_groups)",
        "nn.Conv2d(in_channels, mid, 1, groups=first_groups, bias=False)",
    ),
    ("shuffle(y, self.groups)", "y.unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)"),
)

RIGHT = {
    STACK: {"loop": LOOP, "with_p": WITH_P, "all_at_once": ALL_AT_ONCE},
    SHUFFLE: {"reshaped": RESHAPED, "indexed": INDEXED, "permuted": PERMUTED, "layer": STRIDED},
    UNIT: {"plain": PLAIN, "with_layers": WITH_LAYERS, "frameworks": FRAMEWORKS},
}

SLIPS = (
    Slip(
        STACK,
        "from_the_right",
        changed(LOOP, ("layer @ total[order]", "total[order] @ layer")),
        "values",
        "from_the_right",
        NUMBERS,
    ),
    Slip(
        STACK,
        "one_late",
        changed(LOOP, ("layer @ total[order]", "layer[order] @ total")),
        "values",
        "one_place_late",
        NUMBERS,
    ),
    Slip(
        STACK,
        "float32",
        changed(WITH_P, (", dtype=layers.dtype", "")),
        "run",
        "single_precision",
        ("dtype", "float32"),
    ),
    Slip(
        STACK,
        "columns",
        changed(LOOP, ("total[order]", "total[:, order]")),
        "values",
        "columns",
        NUMBERS,
    ),
    Slip(
        STACK,
        "argsort",
        changed(LOOP, ("total[order]", "total[order.argsort()]")),
        "values",
        "inverse_order",
        NUMBERS,
    ),
    Slip(
        STACK,
        "plain_product",
        changed(LOOP, ("total[order]", "total")),
        "values",
        "no_permutation",
        NUMBERS,
    ),
    Slip(
        STACK,
        "one_too_many",
        changed(LOOP, ("return total", "return total[order]")),
        "values",
        "after_the_last",
        NUMBERS,
    ),
    Slip(
        STACK,
        "cell_by_cell",
        changed(LOOP, ("@ total[order]", "* total[order]")),
        "values",
        "elementwise",
        NUMBERS,
    ),
    Slip(
        STACK,
        "in_place",
        changed(LOOP, ("total = layers[0]", "total = layers[0].data")),
        "gradients",
        says=("gradient",),
    ),
    Slip(
        SHUFFLE,
        "inverse",
        changed(RESHAPED, ("groups, c // groups", "c // groups, groups")),
        "values",
        "inverse",
        (*NUMBERS, "undoes"),
    ),
    Slip(
        SHUFFLE,
        "no_transpose",
        changed(RESHAPED, ("table.transpose(1, 2)", "table")),
        "values",
        "nothing_moved",
        (*NUMBERS, "No channel has moved"),
    ),
    Slip(
        SHUFFLE,
        "other_axes",
        changed(RESHAPED, ("transpose(1, 2)", "transpose(2, 3)")),
        "values",
        "wrong_axes",
        NUMBERS,
    ),
    Slip(
        SHUFFLE,
        "view",
        changed(RESHAPED, (".reshape(n, c, h, w)", ".view(n, c, h, w)")),
        "run",
        says=("line 5", "view"),
    ),
    Slip(
        SHUFFLE,
        "images_mixed",
        changed(
            RESHAPED, ("reshape(n, groups, c // groups, h, w)", "reshape(1, groups, -1, h, w)")
        ),
        "values",
        "over_images",
        NUMBERS,
    ),
    Slip(
        SHUFFLE,
        "images_moved",
        changed(RESHAPED, ("transpose(1, 2)", "transpose(0, 1)")),
        "values",
        "images_for_groups",
        NUMBERS,
    ),
    Slip(
        SHUFFLE,
        "minus_one",
        changed(RESHAPED, ("c // groups, h, w", "-1")),
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
        changed(PLAIN, ("        y = shuffle(y, self.groups)\n", "")),
        "values",
        "no_shuffle",
        (*NUMBERS, "shuffled"),
    ),
    Slip(
        UNIT,
        "late",
        changed(
            PLAIN,
            ("        y = shuffle(y, self.groups)\n", ""),
            ("self.bn2(self.conv2(y))", "shuffle(self.bn2(self.conv2(y)), self.groups)"),
        ),
        "values",
        "late_shuffle",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "one_relu_more",
        changed(PLAIN, ("y = self.bn2(self.conv2(y))", "y = F.relu(self.bn2(self.conv2(y)))")),
        "values",
        "relu_after_depthwise",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "no_last_relu",
        changed(
            PLAIN,
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
        changed(PLAIN, (" - (in_channels if stride == 2 else 0)", "")),
        "shape",
        "whole_branch",
        ("branch makes the rest",),
    ),
    Slip(
        UNIT,
        "max_pool",
        changed(PLAIN, ("avg_pool2d", "max_pool2d")),
        "values",
        "max_pool",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "other_order",
        changed(PLAIN, ("[pooled, y]", "[y, pooled]")),
        "values",
        "branch_first",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "first_in_groups",
        changed(PLAIN, ("groups=first_groups", "groups=groups")),
        "parameters",
        "first_always_grouped",
        ("conv1.weight", "narrow"),
    ),
    Slip(
        UNIT,
        "last_dense",
        changed(PLAIN, ("(mid, out, 1, groups=groups)", "(mid, out, 1)")),
        "parameters",
        "last_ungrouped",
        ("conv3.weight", "full convolution"),
    ),
    Slip(
        UNIT,
        "not_depthwise",
        changed(PLAIN, ("groups=mid", "groups=groups")),
        "parameters",
        "depthwise_in_groups",
        ("conv2.weight",),
    ),
    Slip(
        UNIT,
        "dense",
        changed(PLAIN, (", groups=mid", "")),
        "parameters",
        "depthwise_dense",
        ("conv2.weight",),
    ),
    Slip(
        UNIT,
        "no_padding",
        changed(PLAIN, ("3, stride, 1, groups", "3, stride, groups")),
        "run",
        "no_padding",
        ("line",),
    ),
    Slip(
        UNIT,
        "pool_no_padding",
        changed(PLAIN, ("(x, 3, 2, 1)", "(x, 3, 2)")),
        "run",
        "bare_pool",
        ("line",),
    ),
    Slip(
        UNIT,
        "shuffled_in_first",
        changed(
            PLAIN,
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
        changed(
            PLAIN,
            ("        y = shuffle(y, self.groups)\n", ""),
            ("y = self.bn3(self.conv3(y))", "y = shuffle(self.bn3(self.conv3(y)), self.groups)"),
        ),
        "values",
        "last_shuffle",
        NUMBERS,
    ),
    Slip(
        UNIT,
        "stride_early",
        changed(
            PLAIN,
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
        changed(PLAIN, ("self.bn3(self.conv3(y))", "self.conv3(y)")),
        "values",
        "no_bn3",
        ("`bn3`",),
    ),
    Slip(
        UNIT,
        "quarter_of_the_input",
        changed(PLAIN, ("mid = out_channels", "mid = in_channels")),
        "run",
        says=("line",),
    ),
)

NAMES = RESNEXT | {"shuffle": shuffle}
