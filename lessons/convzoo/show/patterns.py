"""The pattern of a matrix, in words."""

from math import gcd

Matrix = list[list[float]]


def pattern(values: Matrix) -> str:
    """Return 'full', 'diagonal', 'block-diagonal, 4 full blocks of 3 x 3', ..."""
    rows, cols = len(values), len(values[0])
    filled = {(i, j) for i, row in enumerate(values) for j, v in enumerate(row) if v != 0}
    if not filled:
        return "empty"
    if rows == cols and filled == {(i, i) for i in range(rows)}:
        ones = all(values[i][i] == 1 for i in range(rows))
        return "the identity" if ones else "diagonal"
    if rows > cols and pattern(values[:cols]) == "the identity":
        return f"the identity on top of {rows - cols} more rows, {pattern(values[cols:])}"
    if len(filled) == rows * cols:
        return "full, with a strong diagonal" if _strong_diagonal(values) else "full"
    if rows == cols and _one_each(filled, rows):
        return "a permutation"
    return _blocks(filled, rows, cols) or "irregular"


def _one_each(filled: set, size: int) -> bool:
    """Return whether there is one entry in every row and in every column."""
    return len(filled) == len({i for i, _ in filled}) == len({j for _, j in filled}) == size


def _strong_diagonal(values: Matrix) -> bool:
    if len(values) != len(values[0]) or len(values) < 2:
        return False
    rest = max(abs(v) for i, row in enumerate(values) for j, v in enumerate(row) if i != j)
    return min(abs(values[i][i]) for i in range(len(values))) > 3 * rest


def _blocks(filled: set, rows: int, cols: int) -> str:
    """Return the finest division into equal blocks on the diagonal that contains every entry."""
    common = gcd(rows, cols)
    for count in range(common, 1, -1):
        if common % count:
            continue
        high, wide = rows // count, cols // count
        if all(i // high == j // wide for i, j in filled):
            full = "full " if len(filled) == count * high * wide else ""
            return f"block-diagonal, {count} {full}blocks of {high} x {wide}"
    return ""
