"""What a sparse layout stores besides the numbers: the bytes that say where they belong."""

from __future__ import annotations

from torch import Tensor

from convzoo.errors import UserError
from convzoo.measure.masks import groups_of, is_permutation

LAYOUTS = ("dense", "COO", "CSR", "BSR", "block-diagonal", "permutation")
_NOT_BLOCKS = "its non-zeros are not in equal blocks on the diagonal"
_NOT_PERMUTATION = "it does not have one entry in each row and each column"


def stored_values(layout: str, mask: Tensor, block: int = 32) -> int:
    """Return how many numbers a layout stores, including the zeros that it stores.

    Raises UserError if the layout does not fit the mask.
    """
    _refuse(layout, mask, block)
    if layout == "dense":
        return mask.numel()
    if layout == "BSR":
        return block**2 * _full_tiles(mask, block)
    if layout == "block-diagonal":
        return mask.numel() // groups_of(mask)
    return int(mask.sum())


def index_bytes(layout: str, mask: Tensor, block: int = 32, index_size: int = 8) -> int:
    """Return the bytes that say where the numbers belong; index_size: bytes of one index (torch:
    8).

    COO stores row and column of each entry, CSR the column of each and where each row begins, BSR
    the same for blocks, a permutation one column for each row; dense and block-diagonal store
    nothing, because the position tells all. Raises UserError if the layout does not fit the mask.
    """
    _refuse(layout, mask, block)
    n, entries = len(mask), int(mask.sum())
    indices = {
        "COO": lambda: 2 * entries,
        "CSR": lambda: n + 1 + entries,
        "BSR": lambda: n // block + 1 + _full_tiles(mask, block),
        "permutation": lambda: n,
    }
    return index_size * indices[layout]() if layout in indices else 0


def _full_tiles(mask: Tensor, block: int) -> int:
    """Return how many tiles of block x block contain an entry."""
    tiles = len(mask) // block
    return int(mask.reshape(tiles, block, tiles, block).any(3).any(1).sum())


def _refuse(layout: str, mask: Tensor, block: int) -> None:
    if layout not in LAYOUTS:
        raise UserError(f"There is no layout {layout!r}. Choose one of {', '.join(LAYOUTS)}.")
    reason = misfit(layout, mask, block)
    if reason:
        raise UserError(f"The matrix has no {layout} layout: {reason}.")


def misfit(layout: str, mask: Tensor, block: int) -> str:
    """Return why a layout cannot hold this pattern; "" if it can."""
    if layout == "BSR" and len(mask) % block:
        return f"blocks of {block} x {block} do not divide {len(mask)} rows"
    if layout == "block-diagonal" and groups_of(mask) is None:
        return _NOT_BLOCKS
    if layout == "permutation" and not is_permutation(mask):
        return _NOT_PERMUTATION
    return ""
