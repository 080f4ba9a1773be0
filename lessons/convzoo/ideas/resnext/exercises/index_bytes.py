"""Lesson 02, Further: the bytes of an index."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convzoo.case import Case
from convzoo.exercises.mistakes import Mistakes
from convzoo.exercises.model import Exercise, Shortcut, pick
from convzoo.ideas.resnext import framework
from convzoo.ideas.resnext.exercises.block_diagonal import interleave

LESSON = "02_resnext"


def _mask_case(gen: Generator, n: int, density: float, block: int) -> Case:
    mask = torch.rand(n, n, generator=gen) < density
    mask[0, 0] = True
    return Case({"block": block}, {"mask": mask})


def _tiles_case(gen: Generator, rows: int, block: int, full: int) -> Case:
    """Return a mask of a few full tiles: cut in any other way, it has more of them."""
    places = torch.randperm(rows * rows, generator=gen)[:full]
    tiles = torch.zeros(rows * rows, dtype=torch.bool)
    tiles[places] = True
    mask = tiles.reshape(rows, rows).repeat_interleave(block, 0).repeat_interleave(block, 1)
    return Case({"block": block}, {"mask": mask})


def _mask_cases(gen: Generator) -> list[Case]:
    return [
        _mask_case(gen, 12, 0.3, 3),
        _mask_case(gen, 16, 0.05, 4),
        _mask_case(gen, 30, pick(gen, [0.02, 0.04]), 5),
        _mask_case(gen, 8, 0.9, 2),
        _tiles_case(gen, 5, 3, 2),
    ]


def _mask_small() -> list[Case]:
    corner = torch.zeros(2, 2, dtype=torch.bool)
    corner[0, 1] = True
    tiles, row = torch.zeros(2, 4, 4, dtype=torch.bool)
    tiles[0, 0] = tiles[0, 1] = tiles[3, 2] = True
    row[0, 0] = row[0, 3] = True
    full = torch.zeros(6, 6, dtype=torch.bool)
    full[3:, 3:] = True
    return [
        Case({"block": 1}, {"mask": corner}),
        Case({"block": 2}, {"mask": tiles}),
        Case({"block": 2}, {"mask": row}),
        Case({"block": 3}, {"mask": full}),
    ]


def _counted(mask: Tensor, block: int, size: int = 8, coo: int = 2, ends: int = 1):
    """Return torch's counts, for indices of another size or number."""
    density, *sizes = framework.index_bytes(mask, block)
    full, n = int(mask.sum()), len(mask)
    tiles = sizes[2] // 8 - n // block - 1
    counts = (coo * full, n + ends + full, n // block + ends + tiles)
    return density, *(size * count for count in counts)


mistake = Mistakes(framework.index_bytes)


@mistake
def one_index(mask, block):
    """COO is counted with one number for each entry. It stores two: the row and the column."""
    return _counted(mask, block, coo=1)


@mistake
def no_end(mask, block):
    """CSR and BSR are one number short. They store where each row begins, and one more number:
    where the last row ends."""
    return _counted(mask, block, ends=0)


@mistake
def four_bytes(mask, block):
    """Each index is counted as 4 bytes. torch stores indices as int64, which takes 8 bytes."""
    return _counted(mask, block, size=4)


@mistake
def sparsity(mask, block):
    """That is the share of zeros, the sparsity. The density is the share of cells that hold an
    entry."""
    density, *sizes = framework.index_bytes(mask, block)
    return 1 - density, *sizes


@mistake
def entries_for_tiles(mask, block):
    """BSR is counted like CSR. It indexes whole tiles: rows of tiles, and one column for each tile
    that holds an entry."""
    density, coo, csr, _ = framework.index_bytes(mask, block)
    return density, coo, csr, csr


@mistake
def rows_for_tiles(mask, block):
    """The mask is cut into runs along its rows, not into tiles. A tile is a square, and its rows
    are not next to each other in memory: split both the rows and the columns."""
    density, coo, csr, _ = framework.index_bytes(mask, block)
    cut = mask.reshape(-1, block * block).any(1).sum()
    return density, coo, csr, 8 * (len(mask) // block + 1 + int(cut))


@mistake
def cells_with_gaps(mask, block):
    """The mask is cut into the wrong tiles: the cells of a tile lie apart. They should be next to
    each other, so split each side into (tiles, cells of a tile), in that order."""
    order = interleave(len(mask), block)
    density, coo, csr, _ = framework.index_bytes(mask, block)
    return density, coo, csr, framework.index_bytes(mask[order][:, order], block)[3]


@mistake
def count_for_side(mask, block):
    """The mask is cut into the wrong tiles: `block` is used as the number of tiles in a row. It is
    the number of cells along the side of a tile."""
    rows = len(mask) // block
    density, coo, csr, _ = framework.index_bytes(mask, block)
    return density, coo, csr, framework.index_bytes(mask, rows)[3] + 8 * (rows - block)


@mistake
def csr_like_coo(mask, block):
    """CSR is counted like COO, with a row for each entry. It stores a column for each entry, but
    only one number for each row."""
    density, coo, _, bsr = framework.index_bytes(mask, block)
    return density, coo, coo, bsr


@mistake
def columns_alone(mask, block):
    """CSR and BSR are counted without their rows. In addition to the columns, they store where each
    row begins, and where the last one ends."""
    density, coo, csr, bsr = framework.index_bytes(mask, block)
    return density, coo, csr - 8 * (len(mask) + 1), bsr - 8 * (len(mask) // block + 1)


@mistake
def csr_without_end(mask, block):
    """CSR is one number short: it stores where each row begins, and where the last row ends."""
    density, coo, csr, bsr = framework.index_bytes(mask, block)
    return density, coo, csr - 8, bsr


@mistake
def bsr_without_end(mask, block):
    """BSR is one number short: it stores where each row of tiles begins, and where the last one
    ends."""
    density, coo, csr, bsr = framework.index_bytes(mask, block)
    return density, coo, csr, bsr - 8


@mistake
def not_bytes(mask, block):
    """Those are counts of indices. The exercise asks for bytes: an index of int64 takes 8."""
    return _counted(mask, block, size=1)


@mistake
def bits(mask, block):
    """Those are bits, eight times too many. The exercise asks for bytes: an index of int64 takes
    8."""
    return _counted(mask, block, size=64)


@mistake
def with_values(mask, block):
    """The values are counted too. The exercise asks for the index alone: where the values are."""
    density, coo, csr, bsr = framework.index_bytes(mask, block)
    values, tiles = coo // 2, bsr - 8 * (len(mask) // block + 1)
    return density, coo + values, csr + values, bsr + tiles * block**2


@mistake
def rows_of_cells(mask, block):
    """BSR is counted with a number for each row of cells. It stores one for each row of tiles, and
    there are `block` times fewer of those."""
    density, coo, csr, bsr = framework.index_bytes(mask, block)
    return density, coo, csr, bsr + 8 * (len(mask) - len(mask) // block)


@mistake
def bsr_like_coo(mask, block):
    """BSR is counted with a row and a column for each tile. Like CSR it stores a column for each
    tile, but only one number for each row of tiles, and one for the end."""
    density, coo, csr, bsr = framework.index_bytes(mask, block)
    return density, coo, csr, 2 * (bsr - 8 * (len(mask) // block + 1))


def _with_tiles(mask, block, tiles: Tensor):
    """Return torch's counts, with another number of tiles for BSR."""
    density, coo, csr, _ = framework.index_bytes(mask, block)
    return density, coo, csr, 8 * (len(mask) // block + 1 + int(tiles.sum()))


@mistake
def full_tiles(mask, block):
    """Only tiles that are full of entries are counted. BSR stores a tile if any of its cells is
    true."""
    return _with_tiles(mask, block, F.avg_pool2d(mask[None].double(), block) > 0.99)


@mistake
def all_tiles(mask, block):
    """Every tile is counted, even those without an entry. BSR stores a tile only if one of its
    cells is true."""
    return _with_tiles(mask, block, torch.ones(len(mask) // block, len(mask) // block))


@mistake
def density_of_tiles(mask, block):
    """That is the share of tiles that hold an entry. The density is the share of cells."""
    _, coo, csr, bsr = framework.index_bytes(mask, block)
    return F.max_pool2d(mask[None].double(), block).mean(), coo, csr, bsr


@mistake
def entries(mask, block):
    """That is the number of entries. The density is their share of all cells."""
    density, *sizes = framework.index_bytes(mask, block)
    return density * mask.numel(), *sizes


@mistake
def entries_per_row(mask, block):
    """That is the mean number of entries in a row. The density is their share of all cells, n times
    n of them."""
    density, *sizes = framework.index_bytes(mask, block)
    return density * len(mask), *sizes


@mistake
def over_the_tiles(mask, block):
    """`any` is taken over the tiles, so the cells within a tile are left. Take it over the two
    dimensions of size `block`, so that the tiles are left."""
    rows = torch.stack(mask.split(block)).any(0)
    return _with_tiles(mask, block, torch.stack(rows.split(block, 1)).any(0))


@mistake
def runs(mask, block):
    """Runs of `block` cells in a row are counted. A tile has `block` rows as well: take `any` over
    both of its sides."""
    return _with_tiles(mask, block, mask.reshape(-1, block).any(1))


EXERCISE = Exercise(
    id="resnext.index_bytes",
    place=4,
    lesson=LESSON,
    title="The bytes of an index",
    points=2,
    minutes=12,
    name="index_bytes",
    reference=framework.index_bytes,
    cases=_mask_cases,
    small=_mask_small,
    mistakes=tuple(mistake),
    returns=("density", "COO bytes", "CSR bytes", "BSR bytes"),
    hints=(
        "`mask.sum()` counts the entries. COO: a row and a column for each. CSR: a column for "
        "each, and n + 1 numbers that say where the rows begin and end.",
        "BSR is CSR over tiles. A tile counts if any of its cells is true: reshape the mask to "
        "(n / block, block, n / block, block) and use `any` over the two dimensions of size "
        "`block`.",
    ),
    shortcuts=(
        Shortcut(
            "It lets torch build the sparse tensor. Count what it would have to store.",
            ("*to_sparse*", "sparse_*_tensor*"),
            ("convzoo.measure", "scipy.sparse"),
        ),
    ),
)
