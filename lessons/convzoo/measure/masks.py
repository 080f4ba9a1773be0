"""Patterns of non-zeros, from any places at all to blocks on the diagonal.

A mask is an n x n bool tensor on the CPU; density is the part of it that is true.
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
    """Return where the n x n matrix is not zero (bool, on the CPU), as near to a density as it can
    be.

    random          any places, exactly round(density n n) of them
    blocks          any tiles of block x block
    block-diagonal  the number of groups that divides n and comes nearest to 1 / density
    block-diagonal + off-diagonal blocks
                    as few groups as leave room in the density for blocks off the diagonal
    permutation     one in each row and column: the density is 1/n, whatever was asked

    At least one entry, tile or off-diagonal block is always there. `density_of` tells what was
    reached. Raises UserError for an unknown pattern, a density outside 0..1, a size that the
    block does not divide.
    """
    if pattern not in PATTERNS:
        raise UserError(f"There is no pattern {pattern!r}: choose one of {', '.join(PATTERNS)}.")
    if not 0 < density <= 1:
        raise UserError(f"The density is {density}, and must lie above 0 and at most at 1.")
    if n < 1 or (pattern == "blocks" and n % block):
        raise UserError(f"n is {n}: choose a multiple of the block's {block} rows.")
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
    """Return a flat bool tensor, true at round(wanted) random places, at one at least."""
    chosen = torch.zeros(places, dtype=torch.bool)
    count = min(places, max(1, round(wanted)))
    chosen[torch.randperm(places, generator=gen)[:count]] = True
    return chosen


def _enlarged(tiles: Tensor, size: int) -> Tensor:
    return tiles.repeat_interleave(size, 0).repeat_interleave(size, 1)


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def density_of(mask: Tensor) -> float:
    """Return the part of the matrix that is not zero."""
    return int(mask.sum()) / mask.numel()


def thumbnail(mask: Tensor, cells: int = 32) -> Tensor:
    """Return how full each of cells x cells tiles is, 0..1: a picture of a matrix too large to
    draw."""
    cells = min(cells, len(mask))
    if len(mask) % cells:
        raise UserError(f"{cells} cells do not divide a matrix of {len(mask)} rows.")
    size = len(mask) // cells
    return mask.float().reshape(cells, size, cells, size).mean((1, 3))


def groups_of(mask: Tensor) -> int | None:
    """Return the most equal blocks on the diagonal that hold every entry; None if only one does
    and it is not full."""
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
    """Return one entry in each row and each column."""
    return bool((mask.sum(0) == 1).all() and (mask.sum(1) == 1).all())
