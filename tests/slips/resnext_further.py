"""What students write in lesson 02's Further: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import Slip, answer, changed, line_of

WIDTH, INDEX, OFF = "resnext.group_width_for", "resnext.index_bytes", "resnext.off_diagonal"
TRIED, COUNTED, PLACED = answer(WIDTH), answer(INDEX), answer(OFF)
NAMES: dict = {}

SOLVED = """
def group_width(budget, channels, groups):
    share = budget / groups
    return int(((channels**2 + 9 * share) ** 0.5 - channels) / 9)
"""

AS_TENSOR = """
def group_width(budget, channels, groups):
    d = torch.arange(1, budget)
    return (groups * (2 * channels * d + 9 * d * d) <= budget).sum()
"""

WHOLE = changed(COUNTED, ("mask.double().mean()", "int(entries) / n / n"))

IN_TENSORS = changed(
    COUNTED,
    ("mask.double().mean(), int(coo), int(csr), int(bsr)", "mask.float().mean(), coo, csr, bsr"),
)

ROW_BY_ROW = """
def index_bytes(mask, block):
    n, entries, full = len(mask), 0, 0
    for row in mask.split(block):
        entries += int(row.sum())
        full += sum(bool(tile.any()) for tile in row.split(block, dim=1))
    crow = n // block + 1
    return entries / n**2, 16 * entries, 8 * (n + 1 + entries), 8 * (crow + full)
"""

INDEXED = """
def off_diagonal(blocks, extra, places):
    g, r, c = blocks.shape
    cells = blocks.new_zeros(g, g, r, c)
    index = torch.arange(g)
    cells[index, index] = blocks
    rows, columns = torch.tensor(places).T
    cells[rows, columns] = extra
    return cells.permute(0, 2, 1, 3).reshape(g * r, g * c)
"""

ADDED = """
def off_diagonal(blocks, extra, places):
    g, r, c = blocks.shape
    all_places = [(i, i) for i in range(g)] + list(map(tuple, places))
    zero = blocks.new_zeros(r, c)
    known = dict(zip(all_places, [*blocks, *extra]))
    rows = [torch.cat([known.get((i, j), zero) for j in range(g)], 1) for i in range(g)]
    return torch.cat(rows)
"""

RIGHT = {
    WIDTH: {"solved": SOLVED, "as_tensor": AS_TENSOR},
    INDEX: {"whole": WHOLE, "in_tensors": IN_TENSORS, "row_by_row": ROW_BY_ROW},
    OFF: {"indexed": INDEXED, "added": ADDED},
}

SLIPS = (
    Slip(
        WIDTH,
        "all_of_it",
        changed(TRIED, ("return d - 1", "return (d - 1) * groups")),
        "values",
        "total_width",
        ("width of all groups",),
    ),
    Slip(
        WIDTH,
        "one_too_many",
        changed(TRIED, ("return d - 1", "return d")),
        "values",
        "one_too_many",
        ("smallest case", "budget=26", "the last one within it"),
    ),
    Slip(
        WIDTH,
        "strictly_less",
        changed(TRIED, ("<=", "<")),
        "values",
        "below",
        ("used up exactly", "budget=26"),
    ),
    Slip(
        WIDTH,
        "root_below",
        changed(SOLVED, ("budget / groups", "(budget - 0.1) / groups")),
        "values",
        "below",
        ("a hair below",),
    ),
    Slip(
        WIDTH,
        "from_one",
        changed(TRIED, ("d = 1", "d = 2")),
        "values",
        "at_least_one",
        ("the answer is 0", "budget=10"),
    ),
    Slip(WIDTH, "taps", changed(TRIED, ("9 *", "1 *")), "values", "one_tap", ("nine taps",)),
    Slip(
        WIDTH,
        "nearest",
        changed(SOLVED, ("int((", "round((")),
        "values",
        "rounded",
        ("exceed the budget",),
    ),
    Slip(
        WIDTH,
        "no_whole",
        changed(SOLVED, ("int(((", "((("), (" / 9)", " / 9)")),
        "values",
        "not_rounded",
        ("whole number",),
    ),
    Slip(
        WIDTH,
        "nothing",
        changed(TRIED, ("    return d - 1\n", "    d - 1\n")),
        "run",
        says=("returned None", "`return` is missing"),
    ),
    Slip(
        INDEX,
        "columns_only",
        changed(COUNTED, ("8 * 2 * entries", "8 * entries")),
        "values",
        "one_index",
        ("its row and its column",),
    ),
    Slip(
        INDEX,
        "no_end",
        changed(COUNTED, ("(n + 1", "(n"), ("block + 1", "block")),
        "values",
        "no_end",
        ("one more number",),
    ),
    Slip(INDEX, "half", changed(COUNTED, ("8 * ", "4 * ")), "values", "four_bytes", ("8 bytes",)),
    Slip(
        INDEX,
        "cells_with_gaps",
        changed(
            COUNTED,
            (
                "mask.reshape(n // block, block, n // block, block)",
                "mask.reshape(block, n // block, block, n // block)",
            ),
            ("any(dim=3).any(dim=1)", "any(dim=2).any(dim=0)"),
        ),
        "values",
        "cells_with_gaps",
        ("the wrong tiles", "lie apart", "BSR"),
    ),
    Slip(
        INDEX,
        "count_for_side",
        changed(
            COUNTED,
            (
                "mask.reshape(n // block, block, n // block, block)",
                "mask.reshape(block, n // block, block, n // block)",
            ),
        ),
        "values",
        "count_for_side",
        ("the wrong tiles", "number of cells", "BSR"),
    ),
    Slip(
        INDEX,
        "three",
        changed(COUNTED, (", int(csr), int(bsr)\n", ", int(csr)\n")),
        "shape",
        says=("tuple of 3 numbers, expected a tuple of 4",),
    ),
    Slip(
        INDEX,
        "asked_torch",
        changed(COUNTED, ("mask.sum()", "len(mask.to_sparse().indices()[0])")),
        "shortcut",
        says=("Count what it would have to store", line_of(COUNTED, "mask.sum()")),
    ),
    Slip(
        OFF,
        "swapped",
        changed(PLACED, ("for block, (i, j)", "for block, (j, i)")),
        "values",
        "swapped",
        ("block row, block column",),
    ),
    Slip(
        OFF,
        "same_extra",
        changed(PLACED, ("*extra]", "*[extra[0]] * len(extra)]")),
        "values",
        "first_extra",
        ("same extra block",),
    ),
    Slip(
        OFF,
        "detached",
        changed(PLACED, ("*extra]", "*extra.detach()]")),
        "gradients",
        "cut_off",
        ("no gradient", "`extra`"),
    ),
    Slip(
        OFF,
        "no_diagonal",
        changed(PLACED, ("zip([*blocks, *extra], diagonal + places)", "zip(extra, places)")),
        "values",
        "no_diagonal",
        ("diagonal are missing",),
    ),
)
