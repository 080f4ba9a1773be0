"""What students write in lesson 07's Further: right in other ways, and wrong by one line."""

from __future__ import annotations

from itertools import combinations

from slips import NUMBERS, Slip, answer, changed
from slips.zoo import NUMBER

DESIGN, CHANCE = "zoo.design", "zoo.chance"
NAMES = {"combinations": combinations}

# --- a design ------------------------------------------------------------------------

GATED = answer(DESIGN)

NOT_ADDED = changed(GATED, ("F.relu(x + y if self.keeps_shape else y)", "y"))

SEPARABLE = """
class Design(nn.Module):
    def __init__(self, in_channels, planes, stride):
        super().__init__()
        self.look = nn.Conv2d(
            in_channels, in_channels, 3, stride, 1, groups=in_channels, bias=False
        )
        self.mix = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.norm = nn.BatchNorm2d(planes)

    def forward(self, x):
        return F.relu(self.norm(self.mix(self.look(x))))
"""

SHUFFLED = """
class Design(nn.Module):
    def __init__(self, in_channels, planes, stride):
        super().__init__()
        self.first = nn.Conv2d(in_channels, planes, 3, stride, 1, groups=4, bias=False)
        self.second = nn.Conv2d(planes, planes, 1, groups=2, bias=False)
        self.third = nn.Conv2d(planes, planes, 1, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(planes)

    def forward(self, x):
        x = torch.channel_shuffle(self.first(x), 4)
        x = torch.channel_shuffle(self.second(x), 2)
        return F.relu(self.norm(self.third(x)))
"""

POOLED = """
class Design(nn.Module):
    def __init__(self, in_channels, planes, stride):
        super().__init__()
        self.pool = nn.MaxPool2d(3, stride, 1)
        self.mix = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.norm = nn.BatchNorm2d(planes)

    def forward(self, x):
        return F.relu(self.norm(self.mix(self.pool(x))))
"""

NARROW = """
class Design(nn.Module):
    def __init__(self, in_channels, planes, stride):
        super().__init__()
        self.first = nn.Conv2d(in_channels, planes, (1, 3), (1, stride), (0, 1), groups=4)
        self.second = nn.Conv2d(planes, planes, (3, 1), (stride, 1), (1, 0), groups=4)
        self.mix = nn.Conv2d(planes, planes, 1)

    def forward(self, x):
        return self.mix(F.relu(self.second(F.relu(self.first(x)))))
"""

BOTTLENECK = """
class Design(nn.Module):
    def __init__(self, in_channels, planes, stride):
        super().__init__()
        width = planes // 2
        self.first = nn.Conv2d(in_channels, width, 1, bias=False)
        self.second = nn.Conv2d(width, width, 3, stride, 1, groups=4, bias=False)
        self.third = nn.Conv2d(width, planes, 1, groups=2, bias=False)
        self.project = nn.Conv2d(in_channels, planes, 1, stride, bias=False)

    def forward(self, x):
        y = F.relu(self.second(F.relu(self.first(x))))
        return F.relu(self.third(y) + self.project(x))
"""

GROWING = """
class Design(nn.Module):
    def __init__(self, in_channels, planes, stride):
        super().__init__()
        half = planes // 2
        self.squeeze = nn.Conv2d(in_channels, half, 1, stride, bias=False)
        self.first = nn.Conv2d(half, half // 2, 3, 1, 1, bias=False)
        self.second = nn.Conv2d(half + half // 2, half // 2, 3, 1, 1, bias=False)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        x = torch.cat([x, F.relu(self.first(x))], 1)
        return torch.cat([x, F.relu(self.second(x))], 1)
"""

CONCATENATED = """
class Design(nn.Module):
    def __init__(self, in_channels, planes, stride):
        super().__init__()
        self.joins = stride == 2
        out = planes - in_channels if self.joins else planes
        self.look = nn.Conv2d(in_channels, in_channels, 3, stride, 1, groups=in_channels)
        self.mix = nn.Conv2d(in_channels, out, 1)

    def forward(self, x):
        y = self.mix(self.look(x))
        if self.joins:
            return torch.cat([F.avg_pool2d(x, 3, 2, 1), y], 1)
        return y
"""

# --- chance --------------------------------------------------------------------------

SUMS = answer(CHANCE)

COMBINED = """
def chance(one, other):
    both, s = torch.cat([one, other]), len(one)
    seen, hits, total = abs(one.mean() - other.mean()), 0, 0
    for chosen in combinations(range(2 * s), s):
        rest = [i for i in range(2 * s) if i not in chosen]
        gap = abs(both[list(chosen)].mean() - both[rest].mean())
        hits += int(gap >= seen)
        total += 1
    return hits / total
"""

MASKS = """
def chance(one, other):
    both, s = torch.cat([one, other]), len(one)
    masks = torch.cartesian_prod(*[torch.tensor([1.0, -1.0], dtype=both.dtype)] * (2 * s))
    gaps = (masks[masks.sum(1) == 0] @ both).abs()
    return (gaps >= (one.sum() - other.sum()).abs()).double().mean()
"""

VALUES = """
def chance(one, other):
    values, s = torch.cat([one, other]).tolist(), len(one)
    seen = abs(sum(values[:s]) / s - sum(values[s:]) / s)
    gaps = []
    for c in combinations(values, s):
        rest = [v for v in values if v not in c]
        gaps.append(abs(sum(c) / s - sum(rest) / len(rest)) if rest else 0)
    return sum(gap >= seen for gap in gaps) / len(gaps)
"""

ONE_BY_ONE = changed(COMBINED, ("int(gap >= seen)", "gap >= seen"))
IN_FLOATS = changed(MASKS, (".double().mean()", ".float().mean()"))
DIVIDED = changed(
    IN_FLOATS,
    ("return (gaps", "hits = (gaps"),
    (".float().mean()\n", "\n    return hits.sum() / len(gaps)\n"),
)

RIGHT = {
    DESIGN: {"separable": SEPARABLE, "gated": NOT_ADDED, "shuffled": SHUFFLED, "pooled": POOLED},
    CHANCE: {
        "combined": COMBINED,
        "masks": MASKS,
        "one_by_one": ONE_BY_ONE,
        "in_floats": IN_FLOATS,
        "divided": DIVIDED,
    },
}

OVER = "(multiply-adds above the budget)"
NO_IMAGE = ("The output must be an image n c h w that is computed from the input", "Design(")

SLIPS = (
    Slip(
        DESIGN,
        "full",
        changed(SEPARABLE, (", groups=in_channels", "")),
        "values",
        says=("number is not", "multiply-adds above the budget"),
    ),
    Slip(
        DESIGN,
        "no_mix",
        changed(SEPARABLE, ("planes, 1, bias", "planes, 1, groups=4, bias")),
        "values",
        "four_groups",
        ("number is not", "pairs of channels that never meet"),
    ),
    Slip(
        DESIGN,
        "no_stride",
        changed(SEPARABLE, ("3, stride, 1", "3, 1, 1")),
        "values",
        "no_stride",
        ("output rows",),
    ),
    Slip(
        DESIGN,
        "no_padding",
        changed(SEPARABLE, ("3, stride, 1, g", "3, stride, g")),
        "values",
        "no_padding",
        ("output rows",),
    ),
    Slip(
        DESIGN,
        "no_projection",
        changed(SEPARABLE, ("self.look(x))))", "self.look(x))) + x)")),
        "run",
        says=("must match", "The call was Design(", "budget="),
    ),
    Slip(
        DESIGN,
        "no_shuffle",
        changed(GATED, ("        y = y * gates[:, :, None, None]\n", "")),
        "values",
        "four_groups",
        ("stovepipes",),
    ),
    Slip(DESIGN, "narrow", NARROW, "values", says=(OVER, "planes=16, stride=2", "1024 ")),
    Slip(DESIGN, "bottleneck", BOTTLENECK, "values", says=(OVER, "planes=16, stride=2", "256 ")),
    Slip(DESIGN, "growing", GROWING, "values", says=(OVER, "planes=16, stride=2", "3328 ")),
    Slip(
        DESIGN,
        "concatenated",
        CONCATENATED,
        "values",
        says=("(pairs of channels that never meet)", "56 ", "planes=16, stride=2"),
    ),
    Slip(
        DESIGN,
        "one_column",
        changed(SEPARABLE, ("3, stride, 1,", "(3, 1), stride, (1, 0),")),
        "values",
        "column",
        ("(pixels seen in a 3 x 3)", "yours pixels"),
    ),
    Slip(
        DESIGN,
        "one_row",
        changed(SEPARABLE, ("3, stride, 1,", "(1, 3), stride, (0, 1),")),
        "values",
        "column",
    ),
    Slip(
        DESIGN,
        "a_cross",
        changed(
            SEPARABLE,
            ("3, stride, 1,", "(1, 3), stride, (0, 1),"),
            (
                "        self.mix",
                "        self.turned = nn.Conv2d(in_channels, in_channels, (3, 1), "
                "stride, (1, 0))\n        self.mix",
            ),
            ("self.look(x)", "self.look(x) + self.turned(x)"),
        ),
        "values",
        says=("(pixels seen in a 3 x 3)", "5 "),
    ),
    Slip(
        DESIGN,
        "a_quarter",
        changed(
            SEPARABLE,
            (
                "in_channels, in_channels, 3, stride, 1, groups=in_channels",
                "in_channels // 4, in_channels, 3, stride, 1",
            ),
            ("self.look(x)", "self.look(x[:, :x.shape[1] // 4])"),
        ),
        "values",
        "unused",
        ("unused input channels", "not used at all"),
    ),
    Slip(
        DESIGN,
        "a_constant",
        changed(SEPARABLE, ("self.look(x)", "self.look(torch.ones_like(x))")),
        "run",
        says=(*NO_IMAGE, "does not depend on it"),
    ),
    Slip(
        DESIGN,
        "detached",
        changed(SEPARABLE, ("self.look(x)", "self.look(x.detach())")),
        "run",
        says=(*NO_IMAGE, "does not depend on it"),
    ),
    Slip(
        DESIGN,
        "no_gradient",
        changed(SEPARABLE, ("self.look(x))))", "self.look(x)))).detach()")),
        "run",
        says=(*NO_IMAGE, "does not depend on it"),
    ),
    Slip(
        DESIGN,
        "a_mean",
        changed(SEPARABLE, ("self.look(x))))", "self.look(x)))).mean((2, 3))")),
        "run",
        says=(*NO_IMAGE, "gave shape (32, 8)"),
    ),
    Slip(
        DESIGN,
        "no_forward",
        changed(SEPARABLE, ("def forward", "def forwards")),
        "run",
        says=("forward",),
    ),
    Slip(
        CHANCE, "strictly", changed(SUMS, ("d >= seen", "d > seen")), "values", "strictly", NUMBER
    ),
    Slip(
        CHANCE,
        "no_sizes",
        changed(COMBINED, ("gap = abs(", "gap = (")),
        "values",
        "one_sided",
        NUMBER,
    ),
    Slip(
        CHANCE,
        "seen_signed",
        changed(
            SUMS, ("abs((one.sum() - other.sum()).item())", "(one.sum() - other.sum()).item()")
        ),
        "values",
        "seen_signed",
        NUMBER,
    ),
    Slip(CHANCE, "count", changed(SUMS, (" / len(splits)", "")), "values", "a_count", NUMBER),
    Slip(
        CHANCE,
        "percent",
        changed(SUMS, ("/ len(splits)", "/ len(splits) * 100")),
        "values",
        "percent",
        NUMBER,
    ),
    Slip(CHANCE, "values", VALUES, "values", "without_equals", NUMBER),
    Slip(
        CHANCE,
        "sums_of_values",
        changed(VALUES, ("sum(rest) / len(rest)", "sum(rest) / s"), (" if rest else 0", "")),
        "values",
        "sums_without_equals",
        NUMBER,
    ),
    Slip(
        CHANCE,
        "a_set",
        changed(
            VALUES,
            ("combinations(values", "combinations(set(values)"),
            ("[v for v in values", "[v for v in set(values)"),
        ),
        "values",
        "by_distinct",
        NUMBER,
    ),
    Slip(
        CHANCE,
        "chosen_from_a_set",
        changed(SUMS, ("combinations(hits", "combinations(set(hits)")),
        "values",
        "distinct_chosen",
        NUMBER[:2],
    ),
    Slip(
        CHANCE,
        "a_set_before",
        changed(SUMS, ("splits = list(", "hits = set(hits)\n    splits = list(")),
        "values",
        "distinct_alone",
        NUMBER,
    ),
    Slip(
        CHANCE,
        "a_set_of_splits",
        changed(SUMS, ("list(combinations(hits, s))", "set(combinations(sorted(hits), s))")),
        "values",
        "distinct_splits",
        NUMBER,
    ),
    Slip(
        CHANCE,
        "a_set_of_gaps",
        changed(
            SUMS,
            (
                "[abs(2 * sum(part) - sum(hits)) for part in splits]",
                "{abs(2 * sum(part) - sum(hits)) for part in splits}",
            ),
            ("len(splits)", "len(differences)"),
        ),
        "values",
        "distinct_gaps",
        NUMBER,
    ),
    Slip(
        CHANCE,
        "signs",
        changed(
            COMBINED,
            ("gap = abs(", "gap = ("),
            ("seen, hits, total = abs(", "seen, hits, total = ("),
        ),
        "values",
        "signed",
        NUMBER,
    ),
)

SLIPS += (
    Slip(
        DESIGN,
        "rows_alone",
        changed(GATED, ("planes, 3, stride, 1, groups=4", "planes, 3, (stride, 1), 1, groups=4")),
        "values",
        "",
        (*NUMBERS, "output columns"),
    ),
    Slip(
        CHANCE,
        "at_most",
        changed(SUMS, ("d >= seen", "d <= seen")),
        "values",
        "at_most",
        (*NUMBER, "at least as large"),
    ),
    Slip(
        CHANCE,
        "sums_and_means",
        changed(SUMS, ("abs(2 * sum(part) - sum(hits))", "abs(2 * sum(part) - sum(hits)) / s")),
        "values",
        "means_against_sums",
        (*NUMBER, "sums with sums"),
    ),
    Slip(
        CHANCE,
        "per_seed",
        changed(SUMS, ("/ len(splits)", "/ s")),
        "values",
        "per_seed",
        (*NUMBER, "number of splits"),
    ),
    Slip(
        CHANCE,
        "always_252",
        changed(SUMS, ("/ len(splits)", "/ 252")),
        "values",
        "of_252",
        (*NUMBER, "five seeds"),
    ),
    Slip(
        CHANCE,
        "not_itself",
        changed(
            SUMS,
            (
                "sum(d >= seen for d in differences) / len(splits)",
                "(sum(d >= seen for d in differences) - 1) / (len(splits) - 1)",
            ),
        ),
        "values",
        "without_the_observed",
        (*NUMBER, "one of all the splits"),
    ),
    Slip(
        CHANCE,
        "drawn",
        changed(
            SUMS,
            (
                "splits = list(combinations(hits, s))",
                "splits = [\n"
                "        [hits[i] for i in torch.randperm(2 * s)[:s]] for _ in range(500)\n"
                "    ]",
            ),
        ),
        "values",
        "",
        (*NUMBER, "returns other numbers"),
    ),
)
