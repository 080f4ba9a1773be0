"""Lesson 02, Further: the bytes of an index, and blocks off the diagonal."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from convzoo.case import Case
from convzoo.exercises.model import Exercise, Shortcut, Wrong, integers, normal, pick
from convzoo.exercises.resnext_diagonal import interleave
from convzoo.framework import resnext as framework

LESSON = "02_resnext"

# --- the bytes of an index -------------------------------------------------------


def _mask_case(gen: Generator, n: int, density: float, block: int) -> Case:
    mask = torch.rand(n, n, generator=gen) < density
    mask[0, 0] = True
    return Case({"block": block}, {"mask": mask})


def _tiles_case(gen: Generator, rows: int, block: int, full: int) -> Case:
    """A few full tiles and nothing else: cut in any other way, there are more."""
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


def _spoilt_index(size: int = 8, coo: int = 2, rows: int = 1, of_zeros: bool = False):
    """torch's own counts, in indices of another size, or with another number of them."""

    def target(mask: Tensor, block: int):
        density, *sizes = framework.index_bytes(mask, block)
        full, n = int(mask.sum()), len(mask)
        tiles = sizes[2] // 8 - n // block - 1
        counts = (coo * full, n + rows + full, n // block + rows + tiles)
        return 1 - density if of_zeros else density, *(size * count for count in counts)

    return target


def _entries_for_tiles(mask: Tensor, block: int):
    density, coo, csr, _ = framework.index_bytes(mask, block)
    return density, coo, csr, csr


def _rows_for_tiles(mask: Tensor, block: int):
    density, coo, csr, _ = framework.index_bytes(mask, block)
    cut = mask.reshape(-1, block * block).any(1).sum()
    return density, coo, csr, 8 * (len(mask) // block + 1 + int(cut))


def _cells_with_gaps(mask: Tensor, block: int):
    order = interleave(len(mask), block)
    density, coo, csr, _ = framework.index_bytes(mask, block)
    return density, coo, csr, framework.index_bytes(mask[order][:, order], block)[3]


def _count_for_side(mask: Tensor, block: int):
    """As many tiles in a row as a tile should have cells, in as many rows as there should be."""
    rows = len(mask) // block
    density, coo, csr, _ = framework.index_bytes(mask, block)
    return density, coo, csr, framework.index_bytes(mask, rows)[3] + 8 * (rows - block)


INDEX_BYTES = Exercise(
    id="resnext.index_bytes",
    lesson=LESSON,
    title="What an index weighs",
    points=2,
    minutes=12,
    name="index_bytes",
    reference=framework.index_bytes,
    cases=_mask_cases,
    small=_mask_small,
    wrong=(
        Wrong(
            "one_index",
            "COO keeps two numbers for each entry: its row and its column.",
            _spoilt_index(coo=1),
        ),
        Wrong(
            "no_end",
            "CSR and BSR keep where each row begins, and one number more: where the last one "
            "ends.",
            _spoilt_index(rows=0),
        ),
        Wrong(
            "four_bytes",
            "Each index is counted with 4 bytes. torch's are int64: 8 bytes.",
            _spoilt_index(size=4),
        ),
        Wrong(
            "sparsity",
            "That is the share of zeros, the sparsity. The density is the share of the rest.",
            _spoilt_index(of_zeros=True),
        ),
        Wrong(
            "entries_for_tiles",
            "BSR is counted like CSR. It indexes whole tiles: rows of tiles, and one column "
            "for each tile that holds an entry.",
            _entries_for_tiles,
        ),
        Wrong(
            "rows_for_tiles",
            "The mask is cut into runs along its rows, not into tiles. A tile is a square: its "
            "rows are not neighbours in memory, so split the rows and the columns each.",
            _rows_for_tiles,
        ),
        Wrong(
            "cells_with_gaps",
            "The mask is cut into the wrong tiles: their cells lie apart. The cells of a tile are "
            "neighbours, so they are the faster part of each side.",
            _cells_with_gaps,
        ),
        Wrong(
            "count_for_side",
            "The mask is cut into the wrong tiles: `block` is taken for the number of tiles in a "
            "row. It is the number of cells along the side of one.",
            _count_for_side,
        ),
    ),
    returns=("density", "COO bytes", "CSR bytes", "BSR bytes"),
    hints=(
        "`mask.sum()` counts the entries. COO: a row and a column for each. CSR: a column for "
        "each, and n + 1 numbers that tell where the rows begin and end.",
        "BSR is CSR over tiles. A tile counts when any of its cells is true: reshape the mask to "
        "(n / block, block, n / block, block) and ask `any` over the two inner dimensions.",
    ),
    shortcuts=(
        Shortcut(
            "It lets torch build the sparse tensor. Count what it would have to keep.",
            lambda op: "to_sparse" in op.name,
            ("to_sparse", "to_sparse_csr", "to_sparse_bsr"),
        ),
    ),
)

# --- blocks off the diagonal -----------------------------------------------------


def _places(gen: Generator, groups: int, count: int) -> list[list[int]]:
    cells = [[i, j] for i in range(groups) for j in range(groups) if i != j]
    order = torch.randperm(len(cells), generator=gen)[:count]
    return [cells[k] for k in order.tolist()]


def _off_case(gen: Generator, groups: int, rows: int, columns: int, count: int) -> Case:
    tensors = {
        "blocks": normal(gen, groups, rows, columns),
        "extra": normal(gen, count, rows, columns),
    }
    return Case({"places": _places(gen, groups, count)}, tensors)


def _off_cases(gen: Generator) -> list[Case]:
    return [
        _off_case(gen, 3, 2, 2, 2),
        _off_case(gen, 4, 2, 3, 5),
        _off_case(gen, 3, 3, 2, 3),
        _off_case(gen, 5, 1, 1, 4),
    ]


def _off_small() -> list[Case]:
    one = {"blocks": integers(2, 1, 1), "extra": integers(1, 1, 1, start=7)}
    two = {"blocks": integers(2, 2, 2), "extra": integers(1, 2, 2, start=10)}
    many = {"blocks": integers(3, 1, 1), "extra": integers(2, 1, 1, start=7)}
    return [
        Case({"places": [[0, 1]]}, one),
        Case({"places": [[1, 0]]}, two),
        Case({"places": [[0, 2], [1, 0]]}, many),
    ]


OFF_DIAGONAL = Exercise(
    id="resnext.off_diagonal",
    lesson=LESSON,
    title="A few blocks more",
    points=2,
    minutes=10,
    name="off_diagonal",
    reference=framework.off_diagonal,
    cases=_off_cases,
    small=_off_small,
    wrong=(
        Wrong(
            "swapped",
            "Row and column of the places are exchanged: a place is (block row, block column), "
            "output group first.",
            lambda blocks, extra, places: framework.off_diagonal(
                blocks, extra, [[column, row] for row, column in places]
            ),
        ),
        Wrong(
            "transposed",
            "The extra blocks are transposed. Rows are outputs in every block.",
            lambda blocks, extra, places: framework.off_diagonal(
                blocks, extra.mT.reshape(extra.shape), places
            ),
        ),
        Wrong(
            "first_extra",
            "The same extra block stands in every place. Each has weights of its own.",
            lambda blocks, extra, places: framework.off_diagonal(
                blocks, extra[:1].expand_as(extra), places
            ),
        ),
        Wrong(
            "no_diagonal",
            "The blocks on the diagonal are missing: the extra ones come on top of them.",
            lambda blocks, extra, places: framework.off_diagonal(
                torch.zeros_like(blocks), extra, places
            ),
        ),
        Wrong(
            "one_place",
            "Only the last of the extra blocks is there.",
            lambda blocks, extra, places: framework.off_diagonal(
                blocks, extra[-1:], places[-1:]
            ),
        ),
        Wrong(
            "cut_off",
            "The extra blocks are copied in a way that lets no gradient back to them.",
            lambda blocks, extra, places: framework.off_diagonal(
                blocks, extra.detach(), places
            ),
        ),
    ),
    hints=(
        "Begin with the block-diagonal matrix of the first exercise.",
        "A place (i, j) is the rectangle of rows i * r to (i + 1) * r and columns j * c to "
        "(j + 1) * c. Assign the extra block to it.",
    ),
    shortcuts=(
        Shortcut(
            "It calls `torch.block_diag` or `torch.kron`, which do the placing for you.",
            lambda op: op.name.startswith("aten.block_diag"),
            ("block_diag", "kron"),
        ),
    ),
)
