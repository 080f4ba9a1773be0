"""What students write in lesson 07: right in other ways, and wrong by one line."""

from __future__ import annotations

from itertools import combinations

from convzoo.ideas.zoo import networks as zoo

from slips import NUMBERS, Slip, changed

FRONT, WIDTH, SCHEDULE = "zoo.pareto_front", "zoo.width_for_budget", "zoo.schedule"
DESIGN, CHANCE = "zoo.design", "zoo.chance"

# --- the front -----------------------------------------------------------------------

TABLES = """
def pareto_front(cost, accuracy, less_is_better=True):
    price = cost if less_is_better else -cost
    as_cheap = price[:, None] <= price
    as_good = accuracy[:, None] >= accuracy
    better = (price[:, None] < price) | (accuracy[:, None] > accuracy)
    return ~(as_cheap & as_good & better).any(0)
"""

PAIRS = """
def pareto_front(cost, accuracy, less_is_better=True):
    sign = 1 if less_is_better else -1
    mask = []
    for i in range(len(cost)):
        beaten = False
        for j in range(len(cost)):
            cheaper = sign * (cost[i] - cost[j])
            better = accuracy[j] - accuracy[i]
            if cheaper >= 0 and better >= 0 and (cheaper > 0 or better > 0):
                beaten = True
        mask.append(not beaten)
    return torch.tensor(mask)
"""

SORTED = """
def pareto_front(cost, accuracy, less_is_better=True):
    price = cost if less_is_better else -cost
    mask = torch.zeros(len(cost), dtype=torch.bool)
    points = sorted(range(len(cost)), key=lambda i: (price[i].item(), -accuracy[i].item()))
    best, at = float("-inf"), None
    for i in points:
        point = (price[i].item(), accuracy[i].item())
        if point[1] > best or point == at:
            mask[i], best, at = True, point[1], point
    return mask
"""

# --- the width --------------------------------------------------------------------------

HALVES = """
def width_for_budget(kind, budget, step):
    fits, above = 0, 1
    while zoo.macs(kind, above * step) <= budget:
        fits, above = above, 2 * above
    while above - fits > 1:
        middle = (fits + above) // 2
        if zoo.macs(kind, middle * step) <= budget:
            fits = middle
        else:
            above = middle
    return fits * step
"""

UPWARDS = """
def width_for_budget(kind, budget, step):
    width = 0
    while zoo.macs(kind, width + step) <= budget:
        width += step
    return width
"""

LISTED = """
def width_for_budget(kind, budget, step):
    last, width = 0, step
    while True:
        if zoo.macs(kind, width) > budget:
            return last
        last, width = width, width + step
"""

DOUBLINGS = """
def width_for_budget(kind, budget, step):
    width = 1
    while zoo.macs(kind, width * step) <= budget:
        width *= 2
    return width // 2 * step
"""

SHORT = """
def width_for_budget(kind, budget, step):
    best = 0
    for width in range(step, 100, step):
        if zoo.macs(kind, width) <= budget:
            best = width
    return best
"""

# --- the schedule --------------------------------------------------------------------------

JOINED = """
def schedule(steps, warmup, lr):
    rise = torch.arange(1, warmup + 1) / max(1, warmup)
    over = torch.arange(steps - warmup) / (steps - warmup)
    fall = (1 + torch.cos(torch.pi * over)) / 2
    return lr * torch.cat([rise, fall])
"""

STEP_BY_STEP = """
def schedule(steps, warmup, lr):
    rates = []
    for i in range(steps):
        if i < warmup:
            rates.append(lr * (i + 1) / warmup)
        else:
            t = torch.tensor((i - warmup) / (steps - warmup), dtype=torch.float64)
            rates.append(float(lr * 0.5 * (1 + torch.cos(torch.pi * t))))
    return torch.tensor(rates)
"""

WHERE = """
def schedule(steps, warmup, lr):
    i = torch.arange(steps, dtype=torch.float64)
    fall = 0.5 + 0.5 * torch.cos((i - warmup) / (steps - warmup) * torch.pi)
    return lr * torch.where(i < warmup, (i + 1) / max(warmup, 1), fall)
"""

# --- a design ---------------------------------------------------------------------------------

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

GATED = """
class Design(nn.Module):
    def __init__(self, in_channels, planes, stride):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, planes, 3, stride, 1, groups=4, bias=False)
        self.norm = nn.BatchNorm2d(planes)
        self.gate = nn.Linear(planes, planes)

    def forward(self, x):
        x = self.norm(self.conv(x))
        gates = torch.sigmoid(self.gate(x.mean((2, 3))))
        return x * gates[:, :, None, None]
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

# --- chance ------------------------------------------------------------------------------------

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

SUMS = """
def chance(one, other):
    both, s = torch.cat([one, other]).tolist(), len(one)
    seen = abs(2 * sum(both[:s]) - sum(both))
    gaps = [abs(2 * sum(c) - sum(both)) for c in combinations(both, s)]
    return sum(gap >= seen for gap in gaps) / len(gaps)
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
    FRONT: {"tables": TABLES, "pairs": PAIRS, "sorted": SORTED},
    WIDTH: {"halves": HALVES, "upwards": UPWARDS, "listed": LISTED},
    SCHEDULE: {"joined": JOINED, "step_by_step": STEP_BY_STEP, "where": WHERE},
    DESIGN: {"separable": SEPARABLE, "gated": GATED, "shuffled": SHUFFLED, "pooled": POOLED},
    CHANCE: {
        "combined": COMBINED,
        "sums": SUMS,
        "masks": MASKS,
        "one_by_one": ONE_BY_ONE,
        "in_floats": IN_FLOATS,
        "divided": DIVIDED,
    },
}

NUMBER = ("number is not", "smallest case", "yours", "expected")
OVER = "(multiply-adds above the budget)"
NO_IMAGE = ("The output has to be an image n c h w that is computed from the input", "Design(")

SLIPS = (
    Slip(
        FRONT,
        "no_sign",
        changed(TABLES, ("cost if less_is_better else -cost", "cost")),
        "values",
        "direction_ignored",
        NUMBERS,
    ),
    Slip(
        FRONT,
        "not_better",
        changed(TABLES, (" & better", "")),
        "values",
        "beaten_by_itself",
        NUMBERS,
    ),
    Slip(FRONT, "and", changed(TABLES, (") | (", ") & (")), "values", "strictly_both", NUMBERS),
    Slip(
        FRONT,
        "other_way",
        changed(TABLES, (".any(0)", ".any(1)")),
        "values",
        "beats_nobody",
        NUMBERS,
    ),
    Slip(
        FRONT, "no_twins", changed(SORTED, (" or point == at", "")), "values", "one_twin", NUMBERS
    ),
    Slip(
        FRONT,
        "by_cost",
        changed(
            SORTED,
            (" or point == at", ""),
            ("(price[i].item(), -accuracy[i].item())", "price[i].item()"),
        ),
        "values",
        "best_so_far",
        NUMBERS,
    ),
    Slip(
        FRONT,
        "no_negation",
        changed(TABLES, ("return ~", "return ")),
        "values",
        "the_rest",
        NUMBERS,
    ),
    Slip(
        FRONT,
        "or",
        changed(PAIRS, ("cheaper >= 0 and better >= 0 and (cheaper > 0", "(cheaper > 0")),
        "values",
        "one_is_enough",
        NUMBERS,
    ),
    Slip(
        FRONT,
        "a_list",
        changed(PAIRS, ("torch.tensor(mask)", "mask")),
        "run",
        says=("returned bool as result 1 of 14", "put the truth values into one tensor"),
    ),
    Slip(
        FRONT,
        "first_point",
        changed(PAIRS, ("range(len(cost))", "range(1)")),
        "shape",
        says=("(1,)",),
    ),
    Slip(
        WIDTH,
        "above",
        changed(HALVES, ("return fits", "return above")),
        "values",
        "first_above",
        NUMBER,
    ),
    Slip(
        WIDTH,
        "below",
        changed(UPWARDS, ("<= budget", "< budget")),
        "values",
        "strictly_below",
        NUMBER,
    ),
    Slip(
        WIDTH,
        "by_ones",
        changed(UPWARDS, ("width + step", "width + 1"), ("+= step", "+= 1")),
        "values",
        "any_width",
        NUMBER,
    ),
    Slip(
        WIDTH, "in_steps", changed(HALVES, ("fits * step\n", "fits\n")), "values", "steps", NUMBER
    ),
    Slip(
        WIDTH,
        "from_one_step",
        changed(UPWARDS, ("width = 0", "width = step")),
        "values",
        "at_least_one",
        NUMBER,
    ),
    Slip(WIDTH, "doublings", DOUBLINGS, "values", "doublings", NUMBER),
    Slip(
        WIDTH,
        "plain",
        changed(HALVES, ("macs(kind", 'macs("plain"')),
        "values",
        "always_plain",
        NUMBER,
    ),
    Slip(WIDTH, "a_short_list", SHORT, "values", "", NUMBER),
    Slip(
        SCHEDULE,
        "linspace",
        changed(
            JOINED, ("torch.arange(1, warmup + 1) / max(1, warmup)", "torch.linspace(0, 1, warmup)")
        ),
        "values",
        "from_zero_to_lr",
        NUMBERS,
    ),
    Slip(
        SCHEDULE,
        "over_all_steps",
        changed(WHERE, ("(i - warmup) / (steps - warmup)", "(i - warmup) / steps")),
        "values",
        "fall_too_long",
        NUMBERS,
    ),
    Slip(
        SCHEDULE,
        "a_list",
        changed(STEP_BY_STEP, ("torch.tensor(rates)", "rates")),
        "shape",
        says=("a list or tuple of", "single numbers, expected one tensor"),
    ),
    Slip(
        SCHEDULE,
        "from_zero",
        changed(JOINED, ("torch.arange(1, warmup + 1)", "torch.arange(warmup)")),
        "values",
        "from_zero",
        NUMBERS,
    ),
    Slip(
        SCHEDULE,
        "over_all",
        changed(WHERE, ("(i - warmup) / (steps - warmup)", "i / steps")),
        "values",
        "cosine_from_the_start",
        NUMBERS,
    ),
    Slip(
        SCHEDULE,
        "counts_all",
        changed(WHERE, ("(i - warmup) / (", "i / (")),
        "values",
        "fall_counts_all",
        NUMBERS,
    ),
    Slip(
        SCHEDULE,
        "from_one",
        changed(STEP_BY_STEP, ("(i - warmup) /", "(i - warmup + 1) /")),
        "values",
        "fall_counts_from_one",
        NUMBERS,
    ),
    Slip(
        SCHEDULE,
        "not_halved",
        changed(JOINED, ("(torch.pi * over)) / 2", "(torch.pi * over))")),
        "values",
        "not_halved",
        NUMBERS,
    ),
    Slip(
        SCHEDULE, "no_pi", changed(JOINED, ("torch.pi * over", "over")), "values", "no_pi", NUMBERS
    ),
    Slip(
        SCHEDULE,
        "no_height",
        changed(JOINED, ("return lr * ", "return ")),
        "values",
        "height_one",
        NUMBERS,
    ),
    Slip(
        SCHEDULE,
        "not_lifted",
        changed(JOINED, ("(1 + torch.cos(torch.pi * over)) / 2", "torch.cos(torch.pi * over)")),
        "values",
        "to_minus_one",
        NUMBERS,
    ),
    Slip(
        SCHEDULE,
        "by_zero",
        changed(
            JOINED,
            ("max(1, warmup)", "warmup"),
            ("torch.arange(1, warmup + 1)", "torch.arange(1, warmup + 2)"),
        ),
        "shape",
    ),
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
        ("rows out",),
    ),
    Slip(
        DESIGN,
        "no_padding",
        changed(SEPARABLE, ("3, stride, 1, g", "3, stride, g")),
        "values",
        "no_padding",
        ("rows out",),
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
        changed(GATED, ("return x * gates[:, :, None, None]", "return x")),
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
        ("(pixels of a 3 x 3 that one sees)", "yours pixels"),
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
        says=("(pixels of a 3 x 3 that one sees)", "5 "),
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
        says=(*NO_IMAGE, "came shape (32, 8)"),
    ),
    Slip(
        DESIGN,
        "no_forward",
        changed(SEPARABLE, ("def forward", "def forwards")),
        "run",
        says=("forward",),
    ),
    Slip(
        CHANCE,
        "strictly",
        changed(SUMS, ("gap >= seen", "gap > seen")),
        "values",
        "strictly",
        NUMBER,
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
            SUMS,
            ("seen = abs(2 * sum(both[:s]) - sum(both))", "seen = 2 * sum(both[:s]) - sum(both)"),
        ),
        "values",
        "seen_signed",
        NUMBER,
    ),
    Slip(CHANCE, "count", changed(SUMS, (" / len(gaps)", "")), "values", "a_count", NUMBER),
    Slip(
        CHANCE,
        "percent",
        changed(SUMS, ("/ len(gaps)", "/ len(gaps) * 100")),
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
        changed(SUMS, ("combinations(both", "combinations(set(both)")),
        "values",
        "distinct_chosen",
        NUMBER[:2],
    ),
    Slip(
        CHANCE,
        "a_set_before",
        changed(SUMS, ("gaps = [", "both = set(both)\n    gaps = [")),
        "values",
        "distinct_alone",
        NUMBER,
    ),
    Slip(
        CHANCE,
        "a_set_of_splits",
        changed(SUMS, ("in combinations(both, s)", "in set(combinations(sorted(both), s))")),
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
                "[abs(2 * sum(c) - sum(both)) for c in combinations(both, s)]",
                "{abs(2 * sum(c) - sum(both)) for c in combinations(both, s)}",
            ),
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


NAMES = {"zoo": zoo, "combinations": combinations}
