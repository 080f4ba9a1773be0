"""What students write in lesson 05, Further: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, changed
from slips.shufflenet import NAMES

FOLD, MIXING, V2 = "shufflenet.fold", "shufflenet.mixing_matrix", "shufflenet.unit_v2"

UNDONE = """
def fold_shuffle(weight, groups):
    return shuffle(weight, weight.shape[1] // groups)
"""

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

ADDED = """
def mixing_matrix(orders):
    k, c = orders.shape
    matrix = torch.zeros(c, c, dtype=torch.float64)
    for order in orders:
        matrix[torch.arange(c), order] += 1
    return matrix / k**0.5
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

HALVES = """
class ShuffleUnitV2(nn.Module):
    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        half, self.stride = out_channels // 2, stride
        given = half if stride == 1 else in_channels
        self.branch1 = nn.Sequential()
        if stride == 2:
            self.branch1 = nn.Sequential(
                GroupedConv2d(given, given, 3, stride, 1, groups=given),
                nn.BatchNorm2d(given),
                GroupedConv2d(given, half, 1),
                nn.BatchNorm2d(half),
                nn.ReLU(),
            )
        self.branch2 = nn.Sequential(
            GroupedConv2d(given, half, 1),
            nn.BatchNorm2d(half),
            nn.ReLU(),
            GroupedConv2d(half, half, 3, stride, 1, groups=half),
            nn.BatchNorm2d(half),
            GroupedConv2d(half, half, 1),
            nn.BatchNorm2d(half),
            nn.ReLU(),
        )

    def forward(self, x):
        kept, other = (x, x)
        if self.stride == 1:
            kept, other = x.chunk(2, dim=1)
        joined = torch.cat([self.branch1(kept), self.branch2(other)], dim=1)
        return shuffle(joined, 2)
"""

SPLIT = changed(
    HALVES,
    ("x.chunk(2, dim=1)", "x[:, : x.shape[1] // 2], x[:, x.shape[1] // 2 :]"),
    ("shuffle(joined, 2)", "joined[:, torch.arange(joined.shape[1]).reshape(2, -1).T.flatten()]"),
)

IN_BRANCHES = changed(
    HALVES,
    (
        "joined = torch.cat([self.branch1(kept), self.branch2(other)], dim=1)",
        "pair = torch.stack([self.branch1(kept), self.branch2(other)], dim=2)",
    ),
    ("return shuffle(joined, 2)", "return pair.flatten(1, 2)"),
)

RIGHT = {
    FOLD: {"undone": UNDONE, "sorted": SORTED, "placed": PLACED},
    MIXING: {"added": ADDED, "eyes": EYES, "compared": COMPARED},
    V2: {"halves": HALVES, "split": SPLIT, "in_branches": IN_BRANCHES},
}

SLIPS = (
    Slip(
        FOLD,
        "again",
        changed(UNDONE, ("weight.shape[1] // groups", "groups")),
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
        changed(ADDED, ("torch.arange(c), order]", "order, torch.arange(c)]")),
        "values",
        "transposed",
        NUMBERS,
    ),
    Slip(MIXING, "mean", changed(ADDED, ("k**0.5", "k")), "values", "mean", NUMBERS),
    Slip(MIXING, "sum", changed(ADDED, (" / k**0.5", "")), "values", "not_scaled", NUMBERS),
    Slip(
        MIXING, "root_of_c", changed(ADDED, ("k**0.5", "c**0.5")), "values", "by_channels", NUMBERS
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
    Slip(MIXING, "once", changed(ADDED, ("+= 1", "= 1")), "values", "no_overlap", NUMBERS),
    Slip(
        V2,
        "no_shuffle",
        changed(HALVES, ("return shuffle(joined, 2)", "return joined")),
        "values",
        "no_shuffle",
        NUMBERS,
    ),
    Slip(
        V2,
        "other_half",
        changed(HALVES, ("kept, other = x.chunk", "other, kept = x.chunk")),
        "values",
        "other_half",
        NUMBERS,
    ),
    Slip(
        V2,
        "in_turn",
        changed(HALVES, ("x.chunk(2, dim=1)", "x[:, ::2], x[:, 1::2]")),
        "values",
        "every_second",
        NUMBERS,
    ),
    Slip(
        V2,
        "relu_last",
        changed(HALVES, ("return shuffle(joined, 2)", "return F.relu(shuffle(joined, 2))")),
        "values",
        "relu_over_all",
        NUMBERS,
    ),
    Slip(
        V2,
        "not_depthwise",
        changed(HALVES, ("3, stride, 1, groups=half", "3, stride, 1")),
        "parameters",
        "not_depthwise",
        ("branch2.3.weight",),
    ),
    Slip(
        V2,
        "other_order",
        changed(
            HALVES,
            (
                "[self.branch1(kept), self.branch2(other)]",
                "[self.branch2(other), self.branch1(kept)]",
            ),
        ),
        "values",
        "other_order",
        NUMBERS,
    ),
    Slip(
        V2,
        "stride_1_of_two",
        changed(
            HALVES,
            (
                "GroupedConv2d(half, half, 3, stride, 1, groups",
                "GroupedConv2d(half, half, 3, 1, 1, groups",
            ),
        ),
        "run",
        says=("line",),
    ),
    Slip(
        V2,
        "inverse",
        changed(HALVES, ("shuffle(joined, 2)", "shuffle(joined, joined.shape[1] // 2)")),
        "values",
        "inverse_shuffle",
        NUMBERS,
    ),
    Slip(
        V2,
        "all_channels",
        changed(HALVES, ("given = half if stride == 1 else in_channels", "given = in_channels")),
        "run",
        says=("line",),
    ),
    Slip(
        V2,
        "shortcut",
        changed(HALVES, ("shuffle(joined, 2)", "nn.ChannelShuffle(2)(joined)")),
        "shortcut",
        says=("Take yours",),
    ),
)

__all__ = ["NAMES", "RIGHT", "SLIPS"]
