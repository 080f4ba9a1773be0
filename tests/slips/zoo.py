"""What students write in lesson 07: right in other ways, and wrong by one line."""

from __future__ import annotations

from convzoo.ideas.zoo import networks as zoo

from slips import NUMBERS, Slip, answer, changed

FRONT, WIDTH, SCHEDULE = "zoo.pareto_front", "zoo.width_for_budget", "zoo.schedule"
NAMES = {"zoo": zoo}

# --- the front -----------------------------------------------------------------------

TABLES = answer(FRONT)

BETTER = changed(TABLES, ("None] != price", "None] < price"), ("!= accuracy", "> accuracy"))

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

# --- the width -----------------------------------------------------------------------

HALVES = answer(WIDTH)

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

# --- the schedule --------------------------------------------------------------------

LISTED_RISE = answer(SCHEDULE)

JOINED = changed(
    LISTED_RISE,
    ("[(i + 1) / warmup for i in range(warmup)]", "torch.arange(1, warmup + 1) / max(1, warmup)"),
    ("torch.tensor(rise)", "rise"),
)

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

LISTED_FRONT = changed(PAIRS, ("torch.tensor(mask)", "mask"))
LISTED_RATES = changed(STEP_BY_STEP, ("torch.tensor(rates)", "rates"))

RIGHT = {
    FRONT: {"better": BETTER, "pairs": PAIRS, "sorted": SORTED, "list": LISTED_FRONT},
    WIDTH: {"upwards": UPWARDS, "listed": LISTED},
    SCHEDULE: {
        "joined": JOINED,
        "step_by_step": STEP_BY_STEP,
        "where": WHERE,
        "list": LISTED_RATES,
    },
}

NUMBER = ("number is not", "smallest case", "yours", "expected")

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
        changed(TABLES, (" & unequal", "")),
        "values",
        "beaten_by_itself",
        NUMBERS,
    ),
    Slip(FRONT, "and", changed(TABLES, (") | (", ") & (")), "values", "strictly_both", NUMBERS),
    Slip(
        FRONT, "other_way", changed(TABLES, ("dim=0", "dim=1")), "values", "beats_nobody", NUMBERS
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
        "first_point",
        changed(PAIRS, ("range(len(cost))", "range(1)")),
        "shape",
        says=("(1,)",),
    ),
    Slip(
        WIDTH,
        "above",
        changed(HALVES, ("return fits", "return too_much")),
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
    Slip(
        WIDTH,
        "as_a_float",
        changed(HALVES, ("return fits * step", "return float(fits * step)")),
        "run",
        says=("a number of channels has to be an int",),
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
        "from_zero",
        changed(LISTED_RISE, ("(i + 1) / warmup", "i / warmup")),
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
        changed(LISTED_RISE, ("(torch.pi * over)) / 2", "(torch.pi * over))")),
        "values",
        "not_halved",
        NUMBERS,
    ),
    Slip(
        SCHEDULE,
        "no_pi",
        changed(LISTED_RISE, ("torch.pi * over", "over")),
        "values",
        "no_pi",
        NUMBERS,
    ),
    Slip(
        SCHEDULE,
        "no_height",
        changed(LISTED_RISE, ("return lr * ", "return ")),
        "values",
        "height_one",
        NUMBERS,
    ),
    Slip(
        SCHEDULE,
        "not_lifted",
        changed(
            LISTED_RISE, ("(1 + torch.cos(torch.pi * over)) / 2", "torch.cos(torch.pi * over)")
        ),
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
)

SLIPS += (
    Slip(
        WIDTH,
        "one_too_few",
        changed(HALVES, ("return fits * step", "return max(0, fits - 1) * step")),
        "values",
        "one_too_few",
        (*NUMBER, "wider network would fit"),
    ),
    Slip(
        WIDTH,
        "its_cost",
        changed(
            HALVES, ("return fits * step", "return zoo.macs(kind, fits * step) if fits else 0")
        ),
        "values",
        "cost_of_it",
        (*NUMBER, "what the network costs"),
    ),
    Slip(
        WIDTH,
        "twice",
        changed(HALVES, ("zoo.macs(", "2 * zoo.macs(")),
        "values",
        "counted_twice",
        (*NUMBER, "counted twice"),
    ),
    Slip(
        WIDTH,
        "below_nothing",
        changed(HALVES, ("return fits * step", "return fits * step or -1")),
        "values",
        "minus_one",
        (*NUMBER, "below 0"),
    ),
    Slip(
        WIDTH,
        "up",
        changed(HALVES, ("* step)", ")"), ("return fits * step", "return -(-fits // step) * step")),
        "values",
        "rounded_up",
        (*NUMBER, "Round down"),
    ),
    Slip(
        WIDTH,
        "to_the_nearest",
        changed(
            HALVES, ("* step)", ")"), ("return fits * step", "return round(fits / step) * step")
        ),
        "values",
        "rounded",
        (*NUMBER, "nearest multiple"),
    ),
    Slip(
        WIDTH,
        "begins_at_one",
        changed(
            HALVES,
            (
                "    fits, too_much = 0, 1",
                "    if zoo.macs(kind, 1) > budget:\n        return 0\n    fits, too_much = 1, 2",
            ),
        ),
        "values",
        "below_step",
        (*NUMBER, "may still be too large"),
    ),
    Slip(
        SCHEDULE,
        "one_over",
        changed(LISTED_RISE, ("(i + 1) / warmup", "(i + 1) / (warmup + 1)")),
        "values",
        "reaches_lr_late",
        (*NUMBERS, "ends below `lr`"),
    ),
    Slip(
        SCHEDULE,
        "minus",
        changed(LISTED_RISE, ("(1 + torch.cos", "(1 - torch.cos")),
        "values",
        "rises_again",
        (*NUMBERS, "subtracted from 1"),
    ),
    Slip(
        SCHEDULE,
        "a_sine",
        changed(LISTED_RISE, ("torch.cos", "torch.sin")),
        "values",
        "sine",
        (*NUMBERS, "starts at its highest value"),
    ),
    Slip(
        SCHEDULE,
        "both_halves",
        changed(LISTED_RISE, ("torch.pi", "2 * torch.pi")),
        "values",
        "whole_cosine",
        (*NUMBERS, "goes up again"),
    ),
    Slip(
        SCHEDULE,
        "fall_alone_at_one",
        changed(
            LISTED_RISE,
            (
                "lr * torch.cat([torch.tensor(rise), fall])",
                "torch.cat([lr * torch.tensor(rise), fall])",
            ),
        ),
        "values",
        "fall_below_lr",
        (*NUMBERS, "fall does not"),
    ),
    Slip(
        SCHEDULE,
        "other_order",
        changed(LISTED_RISE, ("[torch.tensor(rise), fall]", "[fall, torch.tensor(rise)]")),
        "values",
        "fall_first",
        (*NUMBERS, "other order"),
    ),
    Slip(
        FRONT,
        "fewer_words",
        changed(
            TABLES,
            (
                "accuracy[:, None] >= accuracy",
                "accuracy[:, None] >= accuracy\n"
                "    accuracy = accuracy if less_is_better else -accuracy\n"
                "    as_good = accuracy[:, None] >= accuracy",
            ),
        ),
        "values",
        "both_reversed",
        (*NUMBERS, "More accuracy is always better"),
    ),
    Slip(
        FRONT,
        "later_ones",
        changed(
            TABLES, ("(as_cheap & as_good & unequal)", "(as_cheap & as_good & unequal).tril()")
        ),
        "values",
        "later_points",
        (*NUMBERS, "Earlier ones"),
    ),
    Slip(
        FRONT,
        "in_order",
        changed(TABLES, ("return ~beaten", "return ~beaten[price.argsort(stable=True)]")),
        "values",
        "in_order_of_cost",
        (*NUMBERS, "Put it back"),
    ),
    Slip(
        FRONT,
        "ends",
        changed(
            TABLES,
            ("return ~beaten", "return (price == price.min()) | (accuracy == accuracy.max())"),
        ),
        "values",
        "two_ends",
        (*NUMBERS, "two ends"),
    ),
)
