"""A kernel as matrices: one small channel matrix for each tap, at the tap's position."""

from collections.abc import Collection, Mapping
from html import escape

from convzoo.errors import UserError
from convzoo.show import palette
from convzoo.show.matrix import as_lists, colour_of
from convzoo.show.picture import Picture, on_white

_TOP, _GAP, _LABEL, _SIDE = 64, 12, 22, 10  # px
_TEXT, _TITLE = 16, 21
Tap = tuple[int, int]


def taps(
    matrices: Mapping[Tap, object],
    *,
    title: str,
    shown: Collection[Tap] | None = None,
    limit: float | None = None,
    size: int = 420,
    still: bool = False,
) -> Picture:
    """Draw a k x k kernel as its k * k matrices: rows are outputs, columns are inputs.

    matrices: the matrix for each tap (dy, dx), in pixels down and right of the output pixel, all of
    the same size. shown: the taps in full colour, while the others are pale. Default: all. limit:
    the value of the full colour. size: the longer side in pixels. still: leave out the text that a
    live page shows for the cell under the pointer.
    """
    lists = {tap: as_lists(matrix) for tap, matrix in matrices.items()}
    if len({(len(m), len(m[0])) for m in lists.values()}) != 1:
        raise UserError("taps needs at least one matrix, and all matrices of the same size.")
    down, right = (sorted({tap[axis] for tap in lists}) for axis in (0, 1))
    rows, cols = (len(next(iter(lists.values()))), len(next(iter(lists.values()))[0]))
    room = size - _GAP * (max(len(down), len(right)) - 1)
    cell = room / max(len(down) * rows, len(right) * cols)
    wide, high = cols * cell + _GAP, rows * cell + _LABEL + _GAP
    chosen = set(lists if shown is None else shown)
    largest = limit or max(abs(v) for m in lists.values() for row in m for v in row) or 1
    width = max(2 * _SIDE + len(right) * wide, 300)
    left = (width - len(right) * wide + _GAP) / 2
    drawn = [
        _tap(
            tap,
            values,
            cell,
            left + right.index(tap[1]) * wide,
            _TOP + down.index(tap[0]) * high,
            largest,
            tap in chosen,
            still,
        )
        for tap, values in lists.items()
    ]
    height = _TOP + len(down) * high
    alt = _words(lists, chosen, title)
    return on_white(alt, width, height, _TEXT, _heading(title, width) + "".join(drawn))


def place(tap: Tap) -> str:
    """Return (-1, 1) as 'up 1, right 1'; the tap in the middle as 'here'."""
    (dy, dx) = tap
    parts = [f"{'up' if dy < 0 else 'down'} {abs(dy)}"] if dy else []
    parts += [f"{'left' if dx < 0 else 'right'} {abs(dx)}"] if dx else []
    return ", ".join(parts) or "here"


def _heading(title: str, width: float) -> str:
    size = min(_TITLE, max(14, width / (0.58 * max(len(title), 1))))
    return (
        f'<text x="{width / 2:.0f}" y="24" text-anchor="middle" font-weight="bold" '
        f'font-size="{size:.1f}">{escape(title)}</text>'
        f'<text x="{width / 2:.0f}" y="48" text-anchor="middle" fill="{palette.NEUTRAL}">'
        "each: outputs down, inputs across</text>"
    )


def _tap(tap, values, cell, x, y, largest, full: bool, still: bool) -> str:
    rows, cols = len(values), len(values[0])
    squares = "".join(
        _square(tap, i, j, value, x + j * cell, y + _LABEL + i * cell, cell, largest, still)
        for i, row in enumerate(values)
        for j, value in enumerate(row)
    )
    label = place(tap)
    letters = min(_TEXT, max(11, cols * cell / (0.56 * len(label))))
    edge, weight = (palette.WEIGHT, "bold") if full else ("#999", "normal")
    return (
        f'<text x="{x + cols * cell / 2:.1f}" y="{y + 15:.1f}" text-anchor="middle" '
        f'font-size="{letters:.1f}" font-weight="{weight}">{label}</text>'
        f'<g opacity="{1 if full else 0.18}">{squares}</g>'
        f'<rect x="{x:.1f}" y="{y + _LABEL:.1f}" width="{cols * cell:.1f}" '
        f'height="{rows * cell:.1f}" fill="none" stroke="{edge}" stroke-width="2"/>'
    )


def _square(tap, i, j, value, x, y, cell, largest, still) -> str:
    fill = "#fff" if value == 0 else colour_of(value, largest)
    tooltip = (
        "" if still else (f"<title>y[{i}] gets {value:+.2f} * x[{j}], {escape(place(tap))}</title>")
    )
    shape = f'<rect x="{x:.1f}" y="{y:.1f}" width="{cell:.1f}" height="{cell:.1f}" fill="{fill}"'
    return f"{shape}>{tooltip}</rect>" if tooltip else f"{shape}/>"


def _words(lists: dict, chosen: set, title: str) -> str:
    values = [v for m in lists.values() for row in m for v in row]
    first = next(iter(lists.values()))
    filled = [v for v in values if v != 0]
    spread = f", values {min(filled):+.2f} to {max(filled):+.2f}" if filled else ""
    marked = ""
    if chosen != set(lists):
        names = "; ".join(place(tap) for tap in lists if tap in chosen) or "none"
        marked = f" Marked: {names}."
    return (
        f"{title}: {len(lists)} matrices of {len(first)} outputs by {len(first[0])} inputs, one "
        f"for each tap; {len(filled)} of {len(values)} entries are not zero{spread}.{marked}"
    )
