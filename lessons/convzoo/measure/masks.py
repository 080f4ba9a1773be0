"""Patterns of non-zeros, from random positions to blocks on the diagonal.

A mask is an n x n bool tensor on the CPU; the density is the share of it that is true.
"""

from __future__ import annotations

from math import log

import torch
from torch import Tensor

from convzoo.errors import UserError

PATTERNS = (
    "random",
    "blocks",
    "block-diagonal",
    "block-diagonal + off-diagonal blocks",
    "permutation",
)


def mask(pattern: str, n: int, density: float, seed: int = 0, block: int = 32) -> Tensor:
    """Return where the n x n matrix is not zero (bool, on the CPU), as close to a density as
    possible.

    random          any positions, exactly round(density n n) of them
    blocks          any tiles of block x block
    block-diagonal  the number of groups that divides n and is nearest to 1 / density
    block-diagonal + off-diagonal blocks
                    the smallest number of groups that leaves room for blocks off the diagonal
    permutation     one in each row and column: the density is always 1/n

    There is always at least one entry, tile or off-diagonal block. `density_of` returns the density
    that was reached. Raises UserError for an unknown pattern, a density outside 0..1, a size that
    the block does not divide.
    """
    if pattern not in PATTERNS:
        raise UserError(f"There is no pattern {pattern!r}. Choose one of {', '.join(PATTERNS)}.")
    if not 0 < density <= 1:
        raise UserError(f"The density is {density}, but must be above 0 and at most 1.")
    if n < 1 or (pattern == "blocks" and n % block):
        raise UserError(f"n is {n}, but must be a multiple of the block's {block} rows.")
    gen = torch.Generator().manual_seed(seed)
    if pattern == "random":
        return _some(n * n, density * n * n, gen).reshape(n, n)
    if pattern == "permutation":
        return torch.eye(n, dtype=torch.bool)[torch.randperm(n, generator=gen)]
    if pattern == "blocks":
        tiles = n // block
        return _enlarged(_some(tiles**2, density * tiles**2, gen).reshape(tiles, tiles), block)
    if pattern == "block-diagonal":
        groups = min(divisors(n), key=lambda g: abs(log(g * density)))
        return _enlarged(torch.eye(groups, dtype=torch.bool), n // groups)
    return _with_off_diagonal(n, density, gen)


def _with_off_diagonal(n: int, density: float, gen: torch.Generator) -> Tensor:
    groups = next((g for g in divisors(n) if g * density > 1), n)
    tiles = torch.eye(groups, dtype=torch.bool)
    if groups > 1:
        off = ~tiles
        tiles[off] = _some(int(off.sum()), density * groups**2 - groups, gen)
    return _enlarged(tiles, n // groups)


def _some(places: int, wanted: float, gen: torch.Generator) -> Tensor:
    """Return a flat bool tensor that is true at round(wanted) random positions, at least at one."""
    chosen = torch.zeros(places, dtype=torch.bool)
    count = min(places, max(1, round(wanted)))
    chosen[torch.randperm(places, generator=gen)[:count]] = True
    return chosen


def _enlarged(tiles: Tensor, size: int) -> Tensor:
    return tiles.repeat_interleave(size, 0).repeat_interleave(size, 1)


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def density_of(mask: Tensor) -> float:
    """Return the share of the matrix that is not zero."""
    return int(mask.sum()) / mask.numel()


def thumbnail(mask: Tensor, cells: int = 32) -> Tensor:
    """Return how full each of cells x cells tiles is, 0..1: a picture of a matrix too large to
    draw."""
    cells = min(cells, len(mask))
    if len(mask) % cells:
        raise UserError(f"A matrix of {len(mask)} rows cannot be divided into {cells} cells.")
    size = len(mask) // cells
    return mask.float().reshape(cells, size, cells, size).mean((1, 3))


def groups_of(mask: Tensor) -> int | None:
    """Return the largest number of equal blocks on the diagonal that contain every entry; None if
    that is one block and it is not full."""
    n = len(mask)
    rows = torch.arange(n, device=mask.device)
    first = mask.int().argmax(1)
    last = n - 1 - mask.flip(1).int().argmax(1)
    empty = ~mask.any(1)
    for groups in reversed(divisors(n)[1:]):
        own = rows // (n // groups)
        if bool((empty | ((first // (n // groups) == own) & (last // (n // groups) == own))).all()):
            return groups
    return 1 if bool(mask.all()) else None


def is_permutation(mask: Tensor) -> bool:
    """Return whether there is one entry in each row and each column."""
    return bool((mask.sum(0) == 1).all() and (mask.sum(1) == 1).all())
