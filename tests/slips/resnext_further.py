"""What students write in lesson 02's Further: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import Slip, changed

WIDTH, INDEX = "resnext.group_width_for", "resnext.index_bytes"
OFF = "resnext.off_diagonal"
NAMES: dict = {}

TRIED = """
def group_width(budget, channels, groups):
    d = 0
    while groups * (2 * channels * (d + 1) + 9 * (d + 1) ** 2) <= budget:
        d += 1
    return d
"""

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

COUNTED = """
def index_bytes(mask, block):
    n, entries = len(mask), mask.sum()
    tiles = mask.reshape(n // block, block, n // block, block)
    full = tiles.any(dim=3).any(dim=1).sum()
    coo, csr = 16 * entries, 8 * (n + 1 + entries)
    bsr = 8 * (n // block + 1 + full)
    return mask.float().mean(), coo, csr, bsr
"""

WHOLE = changed(
    COUNTED,
    ("mask.float().mean(), coo, csr, bsr", "int(entries) / n / n, int(coo), int(csr), int(bsr)"),
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

PLACED = """
def off_diagonal(blocks, extra, places):
    g, r, c = blocks.shape
    matrix = blocks.new_zeros(g * r, g * c)
    for i, block in enumerate(blocks):
        matrix[i * r : (i + 1) * r, i * c : (i + 1) * c] = block
    for (i, j), block in zip(places, extra):
        matrix[i * r : (i + 1) * r, j * c : (j + 1) * c] = block
    return matrix
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
    WIDTH: {"tried": TRIED, "solved": SOLVED, "as_tensor": AS_TENSOR},
    INDEX: {"counted": COUNTED, "whole": WHOLE, "row_by_row": ROW_BY_ROW},
    OFF: {"placed": PLACED, "indexed": INDEXED, "added": ADDED},
}

SLIPS = (
    Slip(
        WIDTH,
        "all_of_it",
        changed(TRIED, ("return d", "return d * groups")),
        "values",
        "total_width",
        ("width of all groups",),
    ),
    Slip(
        WIDTH,
        "one_too_many",
        changed(TRIED, ("return d", "return d + 1")),
        "values",
        "one_too_many",
        ("smallest case", "budget=26", "the last within it"),
    ),
    Slip(
        WIDTH,
        "strictly_less",
        changed(TRIED, ("<=", "<")),
        "values",
        "below",
        ("met exactly is within it", "budget=26"),
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
        changed(TRIED, ("d = 0", "d = 1")),
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
        ("break the budget",),
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
        changed(TRIED, ("    return d\n", "    d\n")),
        "run",
        says=("returned None", "`return` is missing"),
    ),
    Slip(
        INDEX,
        "columns_only",
        changed(COUNTED, ("16 * entries", "8 * entries")),
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
        ("one number more",),
    ),
    Slip(
        INDEX,
        "half",
        changed(COUNTED, ("16 *", "8 *"), ("8 * (", "4 * (")),
        "values",
        "four_bytes",
        ("8 bytes",),
    ),
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
        changed(COUNTED, (", csr, bsr\n", ", csr\n")),
        "shape",
        says=("tuple of 3 numbers, expected a tuple of 4",),
    ),
    Slip(
        INDEX,
        "asked_torch",
        changed(COUNTED, ("mask.sum()", "len(mask.to_sparse().indices()[0])")),
        "shortcut",
        says=("Count what it would have to keep", "line 3"),
    ),
    Slip(
        OFF,
        "swapped",
        changed(PLACED, ("for (i, j), block", "for (j, i), block")),
        "values",
        "swapped",
        ("block row, block column",),
    ),
    Slip(
        OFF,
        "same_extra",
        changed(PLACED, ("j * c : (j + 1) * c] = block", "j * c : (j + 1) * c] = extra[0]")),
        "values",
        "first_extra",
        ("same extra block",),
    ),
    Slip(
        OFF,
        "detached",
        changed(PLACED, ("zip(places, extra)", "zip(places, extra.detach())")),
        "gradients",
        "cut_off",
        ("no gradient", "`extra`"),
    ),
    Slip(
        OFF,
        "no_diagonal",
        changed(PLACED, ("i * c : (i + 1) * c] = block", "i * c : (i + 1) * c] = 0 * block")),
        "values",
        "no_diagonal",
        ("diagonal are missing",),
    ),
)
