"""A small image as pixels with their numbers, some of them outlined."""

from collections.abc import Collection
from html import escape

from convzoo.errors import UserError
from convzoo.show import palette
from convzoo.show.matrix import as_lists, colour_of
from convzoo.show.picture import Picture, on_white

_TOP, _SIDE, _TEXT, _TITLE = 40, 10, 16, 20  # px
_NUMBERED = 22  # px: a cell of this size has space for its number


def pixels(
    values,
    *,
    title: str,
    outlined: Collection[tuple[int, int]] = (),
    note: str = "",
    limit: float | None = None,
    size: int = 420,
) -> Picture:
    """Draw one channel of an image: blue below zero, orange above, white at zero.

    values: rows of numbers, 64 x 64 at most; whole numbers are written into their pixels.
    outlined: (row, column) of pixels with a thick edge; note: a line below that says what they are.
    limit: the value of the full colour, so that colours can be compared between pictures.
    """
    rows = as_lists(values)
    high, wide = len(rows), len(rows[0])
    strange = [p for p in outlined if not (0 <= p[0] < high and 0 <= p[1] < wide)]
    if strange:
        raise UserError(f"pixel {strange[0]} is not in the image of {high} x {wide}.")
    cell = size / max(high, wide)
    flat = [v for row in rows for v in row]
    largest = limit or max(map(abs, flat)) or 1
    numbered = cell >= _NUMBERED and all(v == int(v) and abs(v) < 1000 for v in flat)
    drawn = [
        _pixel(value, _SIDE + j * cell, _TOP + i * cell, cell, largest, numbered)
        for i, row in enumerate(rows)
        for j, value in enumerate(row)
        if value or numbered
    ]
    drawn.append(
        f'<rect x="{_SIDE}" y="{_TOP}" width="{wide * cell:.1f}" height="{high * cell:.1f}" '
        'fill="none" stroke="#777" stroke-width="1.5"/>'
    )
    drawn += [_edge(_SIDE + j * cell, _TOP + i * cell, cell) for i, j in sorted(outlined)]
    width = max(2 * _SIDE + wide * cell, 8.6 * len(note) + 2 * _SIDE)
    height = _TOP + high * cell + (34 if note else 12)
    letters = min(_TITLE, max(14, (width - 2 * _SIDE) / (0.6 * max(len(title), 1))))
    below = (
        f'<text x="{_SIDE}" y="{height - 12:.0f}" fill="{palette.NEUTRAL}">{escape(note)}</text>'
    )
    alt = _words(rows, outlined, title, note)
    heading = (
        f'<text x="{_SIDE}" y="24" font-weight="bold" font-size="{letters:.1f}">{escape(title)}'
        "</text>"
    )
    page = heading + "".join(drawn) + (below if note else "")
    return on_white(alt, width, height, _TEXT, page)


def _pixel(value: float, x: float, y: float, cell: float, largest: float, numbered: bool) -> str:
    fill = "#ffffff" if value == 0 else colour_of(value, largest)
    square = (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{cell:.1f}" height="{cell:.1f}" fill="{fill}" '
        'stroke="#bbb" stroke-width=".8"/>'
    )
    if not numbered:
        return square
    return square + (
        f'<text x="{x + cell / 2:.1f}" y="{y + cell / 2 + 6:.1f}" text-anchor="middle" '
        f'fill="{palette.ink_on(fill)}">{int(value)}</text>'
    )


def _edge(x: float, y: float, cell: float) -> str:
    return (
        f'<rect x="{x + 1.5:.1f}" y="{y + 1.5:.1f}" width="{cell - 3:.1f}" '
        f'height="{cell - 3:.1f}" fill="none" stroke="#000" stroke-width="3"/>'
    )


def _words(rows, outlined, title: str, note: str) -> str:
    flat = [v for row in rows for v in row]
    zeros = sum(v == 0 for v in flat)
    alt = (
        f"{title}: {len(rows)} x {len(rows[0])} pixels, values {min(flat):.4g} to "
        f"{max(flat):.4g}, {zeros} of {len(flat)} are zero"
    )
    if not outlined:
        return f"{alt}."
    places = ", ".join(f"({i}, {j})" for i, j in sorted(outlined))
    return f"{alt}; {note or 'outlined'}: {places}."
