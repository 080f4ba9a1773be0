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

QUADRATIC = """
def group_width(budget, channels, groups):
    a, b, c = 9 * groups, 2 * channels * groups, -budget
    return int((-b + (b * b - 4 * a * c) ** 0.5) / (2 * a))
"""

IN_LAYERS = """
def group_width(budget, channels, groups):
    def weights(d):
        width = groups * d
        outer = nn.Conv2d(channels, width, 1, bias=False)
        middle = nn.Conv2d(width, width, 3, groups=groups, bias=False)
        return 2 * outer.weight.numel() + middle.weight.numel()
    d = 0
    while weights(d + 1) <= budget:
        d += 1
    return float(d)
"""

LISTED = """
def group_width(budget, channels, groups):
    fitting = [d for d in range(65) if groups * (2 * channels * d + 9 * d * d) <= budget]
    return fitting[-1]
"""

AS_TENSOR = """
def group_width(budget, channels, groups):
    d = torch.arange(1, budget)
    return (groups * (2 * channels * d + 9 * d * d) <= budget).sum()
"""

WHOLE = changed(COUNTED, ("mask.float().mean()", "int(entries) / n / n"))

IN_TENSORS = changed(
    COUNTED,
    ("mask.float().mean(), int(coo), int(csr), int(bsr)", "mask.float().mean(), coo, csr, bsr"),
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

FULL = "full_tiles = tiles.any(dim=3).any(dim=1).sum()"
POOLED = changed(COUNTED, (FULL, "full_tiles = F.max_pool2d(mask[None].double(), block).sum()"))

IN_A_SET = changed(
    COUNTED,
    ("mask.sum()", "len(mask.nonzero())"),
    (FULL, "full_tiles = len({(i // block, j // block) for i, j in mask.nonzero().tolist()})"),
)

SUMMED = """
def off_diagonal(blocks, extra, places):
    (g, r, c), whole = blocks.shape, 0
    for block, (i, j) in zip([*blocks, *extra], [(i, i) for i in range(g)] + places):
        whole = whole + F.pad(block, (j * c, (g - 1 - j) * c, i * r, (g - 1 - i) * r))
    return whole
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
    WIDTH: {
        "solved": SOLVED,
        "as_tensor": AS_TENSOR,
        "quadratic": QUADRATIC,
        "in_layers": IN_LAYERS,
    },
    INDEX: {
        "whole": WHOLE,
        "in_tensors": IN_TENSORS,
        "row_by_row": ROW_BY_ROW,
        "pooled": POOLED,
        "in_a_set": IN_A_SET,
    },
    OFF: {"indexed": INDEXED, "added": ADDED, "summed": SUMMED},
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
        ("up the budget exactly", "budget=26"),
    ),
    Slip(
        WIDTH,
        "root_below",
        changed(SOLVED, ("budget / groups", "(budget - 0.1) / groups")),
        "values",
        "below",
        ("slightly below",),
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
        ("the row and the column",),
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
        says=("returned 3 numbers, expected 4 numbers",),
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
        ("first extra block is in every place",),
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
    Slip(
        WIDTH,
        "one_layer_less",
        changed(TRIED, ("2 * channels", "channels")),
        "values",
        "one_outer_layer",
        ("one back",),
    ),
    Slip(
        WIDTH,
        "middle_once",
        changed(
            TRIED,
            ("groups * (2 * channels * d + 9 * d * d)", "2 * channels * groups * d + 9 * d * d"),
        ),
        "values",
        "middle_once",
        ("its own block",),
    ),
    Slip(
        WIDTH,
        "outer_once",
        changed(
            TRIED,
            ("groups * (2 * channels * d + 9 * d * d)", "2 * channels * d + groups * 9 * d * d"),
        ),
        "values",
        "outer_once",
        ("1x1 layers are counted",),
    ),
    Slip(
        WIDTH,
        "middle_alone",
        changed(TRIED, ("2 * channels * d + ", "")),
        "values",
        "middle_alone",
        ("have weights too",),
    ),
    Slip(
        WIDTH,
        "with_biases",
        changed(TRIED, ("<= budget", "+ 2 * groups * d + channels <= budget")),
        "values",
        "with_biases",
        ("count weights only",),
    ),
    Slip(WIDTH, "never_above_64", LISTED, "values", "up_to_64", ("stops at 64",)),
    Slip(
        WIDTH,
        "never_above_channels",
        changed(LISTED, ("range(65)", "range(channels + 1)")),
        "values",
        "up_to_channels",
        ("stops at `channels`",),
    ),
    Slip(
        INDEX,
        "csr_like_coo",
        changed(COUNTED, ("n + 1 + entries", "2 * entries")),
        "values",
        "csr_like_coo",
        ("one number for each row",),
    ),
    Slip(
        INDEX,
        "columns_alone",
        changed(COUNTED, ("n + 1 + ", ""), ("n // block + 1 + ", "")),
        "values",
        "columns_alone",
        ("without their rows",),
    ),
    Slip(
        INDEX,
        "csr_without_end",
        changed(COUNTED, ("(n + 1 +", "(n +")),
        "values",
        "csr_without_end",
        ("CSR is one number short",),
    ),
    Slip(
        INDEX,
        "bsr_without_end",
        changed(COUNTED, ("block + 1 +", "block +")),
        "values",
        "bsr_without_end",
        ("BSR is one number short",),
    ),
    Slip(
        INDEX,
        "not_bytes",
        changed(COUNTED, ("8 * ", "1 * ")),
        "values",
        "not_bytes",
        ("counts of indices",),
    ),
    Slip(INDEX, "bits", changed(COUNTED, ("8 * ", "64 * ")), "values", "bits", ("Those are bits",)),
    Slip(
        INDEX,
        "with_values",
        changed(
            COUNTED,
            ("2 * entries", "3 * entries"),
            ("1 + entries", "1 + 2 * entries"),
            ("1 + full_tiles", "1 + full_tiles * (1 + block * block)"),
        ),
        "values",
        "with_values",
        ("index alone",),
    ),
    Slip(
        INDEX,
        "rows_of_cells",
        changed(COUNTED, ("n // block + 1 +", "n + 1 +")),
        "values",
        "rows_of_cells",
        ("each row of tiles",),
    ),
    Slip(
        INDEX,
        "bsr_like_coo",
        changed(COUNTED, ("n // block + 1 +", "full_tiles +")),
        "values",
        "bsr_like_coo",
        ("a row and a column for each tile",),
    ),
    Slip(
        INDEX,
        "full_tiles",
        changed(COUNTED, (".any(dim=3).any(dim=1)", ".all(dim=3).all(dim=1)")),
        "values",
        "full_tiles",
        ("full of entries",),
    ),
    Slip(
        INDEX,
        "all_tiles",
        changed(COUNTED, ("tiles.any(dim=3).any(dim=1).sum()", "(n // block) ** 2")),
        "values",
        "all_tiles",
        ("Every tile is counted",),
    ),
    Slip(
        INDEX,
        "density_of_tiles",
        changed(COUNTED, ("mask.float().mean()", "full_tiles / (n // block) ** 2")),
        "values",
        "density_of_tiles",
        ("share of tiles", "density"),
    ),
    Slip(
        INDEX,
        "entries",
        changed(COUNTED, ("mask.float().mean()", "entries")),
        "values",
        "entries",
        ("number of entries",),
    ),
    Slip(
        INDEX,
        "per_row",
        changed(COUNTED, ("mask.float().mean()", "entries / n")),
        "values",
        "entries_per_row",
        ("entries in a row",),
    ),
    Slip(
        OFF,
        "no_extra",
        changed(PLACED, ("[*blocks, *extra], diagonal + places", "blocks, diagonal")),
        "values",
        "no_extra",
        ("Only the blocks on the diagonal",),
    ),
    Slip(
        OFF,
        "one_extra",
        changed(PLACED, ("*extra]", "extra[0]]")),
        "values",
        "first_place",
        ("first of the extra",),
    ),
    Slip(
        OFF,
        "last_extra",
        changed(PLACED, ("*extra]", "*[extra[-1]] * len(extra)]")),
        "values",
        "last_extra",
        ("last extra block",),
    ),
    Slip(
        OFF,
        "reversed",
        changed(PLACED, ("*extra]", "*extra.flip(0)]")),
        "values",
        "reversed",
        ("reverse order",),
    ),
    Slip(
        OFF,
        "summed",
        changed(PLACED, ("*extra]", "*[extra.sum(0)] * len(extra)]")),
        "values",
        "one_for_all",
        ("sum of the extra",),
    ),
    Slip(
        OFF,
        "blocks_detached",
        changed(PLACED, ("[*blocks,", "[*blocks.detach(),")),
        "gradients",
        "cut_off_blocks",
        ("no gradient", "`blocks`"),
    ),
    Slip(
        INDEX,
        "over_the_tiles",
        changed(COUNTED, (".any(dim=3).any(dim=1)", ".any(dim=2).any(dim=0)")),
        "values",
        "over_the_tiles",
        ("over the tiles",),
    ),
    Slip(
        INDEX,
        "runs",
        changed(COUNTED, (".any(dim=3).any(dim=1)", ".any(dim=3)")),
        "values",
        "runs",
        ("in a row",),
    ),
    Slip(
        OFF,
        "both_sides",
        changed(
            PLACED,
            (
                "[*blocks, *extra], diagonal + places",
                "[*blocks, *extra, *extra], diagonal + places + [[j, i] for i, j in places]",
            ),
        ),
        "values",
        "both_sides",
        ("one block",),
    ),
)
