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
