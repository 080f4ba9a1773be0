"""The channel matrix as inline SVG: rows are outputs, columns are inputs."""

import math
import textwrap
from collections.abc import Callable, Sequence
from hashlib import sha1
from html import escape

from convzoo.errors import UserError
from convzoo.show import palette
from convzoo.show.patterns import Matrix, pattern
from convzoo.show.picture import Picture

LARGEST, LARGEST_WITH_TERMS = 64, 24
TEXT, TITLE, CODE = 19, 21, 17  # px
TOP, GAP = 84, 8  # space for the title, the axis and its names; between parts
KEY = 362  # px: the colours and their values, five characters each
Term = Callable[[int, int, float], str]


def default_term(row: int, col: int, value: float) -> str:
    return f"y[{row}] gets {value:+.2f} * x[{col}]   # weight[{row}, {col}]"


def channel_matrix(
    matrix,
    *,
    title: str,
    row_names: Sequence[str] | None = None,
    col_names: Sequence[str] | None = None,
    terms: Term | Sequence[Sequence[str]] | None = None,
    row_colours: Sequence[str] | None = None,
    describe: str | None = None,
    size: int = 400,
    still: bool = False,
    limit: float | None = None,
    key: bool = True,
) -> Picture:
    """Draw how output channel i (a row) depends on input channel j (a column), with its sign.

    matrix: a tensor, an array or nested lists, outputs x inputs, 64 x 64 at most. terms(i, j,
    value), or a table of texts: what a reader sees when pointing at a cell (in matrices up to 24 x
    24; a click, or Tab and the arrow keys, select a cell). row_colours mark rows by their origin;
    describe replaces the pattern that the alt text would name; size is the longer side of the
    matrix in pixels; limit is the value of the full colour, so that colours can be compared between
    pictures. still leaves out what only a live page can do, for a picture in a file; key=False
    leaves out what the colours mean.
    """
    values = as_lists(matrix)
    rows, cols = len(values), len(values[0])
    row_names = [str(n) for n in (row_names or range(rows))]
    col_names = [str(n) for n in (col_names or range(cols))]
    if (len(row_names), len(col_names)) != (rows, cols):
        raise UserError(
            f"{len(row_names)} row names and {len(col_names)} column names do not fit a "
            f"{rows} x {cols} matrix: give one for each row and column."
        )
    cell = size / max(rows, cols)
    left = 34 + max(10.8 * max(map(len, row_names)), 20) + GAP + (14 if row_colours else 0)
    bottom = TOP + rows * cell
    width = max(left + cols * cell + 12, left + KEY)
    say = terms if callable(terms) else (lambda i, j, v: terms[i][j]) if terms else default_term
    with_terms = max(rows, cols) <= LARGEST_WITH_TERMS and not still
    largest = limit or max((abs(v) for row in values for v in row if math.isfinite(v)), default=0)
    alt = _describe(values, title, describe)
    body = "".join(
        (
            _heading(title, width),
            _axes(row_names, col_names, cell, left, width),
            _row_marks(row_colours, cell, left),
            _frame(rows, cols, cell, left),
            _cells(values, say if with_terms else None, cell, left, largest, bottom),
            _key(largest, left, bottom + 12) if key else "",
            _invitation(bottom + 60) if with_terms else "",
        )
    )
    height = bottom + (90 if with_terms else 42 if key else 10)
    return Picture(alt, _svg(alt, body, width, height))


def as_lists(matrix) -> Matrix:
    """Return a tensor, an array or nested lists as rows of floats, after checking the shape."""
    if hasattr(matrix, "detach"):
        matrix = matrix.detach().cpu()
    rows = matrix.tolist() if hasattr(matrix, "tolist") else list(matrix)
    if not rows or any(not isinstance(row, (list, tuple)) or not row for row in rows):
        raise UserError("a channel matrix needs two dimensions, rows and columns.")
    if any(len(row) != len(rows[0]) or isinstance(row[0], (list, tuple)) for row in rows):
        raise UserError("a channel matrix needs two dimensions and rows of the same length.")
    if max(len(rows), len(rows[0])) > LARGEST:
        raise UserError(
            f"a {len(rows)} x {len(rows[0])} matrix is too fine to see. Show {LARGEST} x "
            f"{LARGEST} of it, matrix[:{LARGEST}, :{LARGEST}]."
        )
    return [[float(v) for v in row] for row in rows]


def _describe(values: Matrix, title: str, described: str | None) -> str:
    flat = [v for row in values for v in row]
    filled = [v for v in flat if v != 0]
    spread = f", values {min(filled):+.2f} to {max(filled):+.2f}" if filled else ""
    return (
        f"{title}: channel matrix, {len(values)} outputs by {len(values[0])} inputs, "
        f"{described or pattern(values)}; {len(filled)} of {len(flat)} entries are not "
        f"zero{spread}."
    )


def _svg(alt: str, body: str, width: float, height: float) -> str:
    """Wrap the body in an SVG. Styles leak between the SVGs of a page, so each has a class made
    from its content."""
    name = "cz" + sha1(body.encode()).hexdigest()[:10]
    style = (
        f".{name} .t{{display:none;pointer-events:none;white-space:pre;"
        f"font:{CODE}px {palette.MONO}}}"
        f".{name} .c:hover .t{{display:inline}}"
        f".{name} .cells:not(:hover) .c:focus .t{{display:inline}}"
        f".{name} .c{{outline:none}}.{name} .c:hover rect,.{name} .c:focus rect"
        "{stroke:#000;stroke-width:2.5}"
        f".{name} .cells:hover~.hint,.{name} .cells:focus-within~.hint{{display:none}}"
        f".{name} .cells:focus-visible{{outline:3px solid #000}}"
        f".{name} .n{{fill:#fff;stroke:#ddd}}.{name} .w{{stroke:#999;stroke-width:.6}}"
    )
    return (
        f'<svg class="{name}" role="img" aria-label="{escape(alt)}" '
        f'xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" preserveAspectRatio="xMinYMin" '
        f'font-family="{palette.FONT}" font-size="{TEXT}" style="max-width:100%;height:auto">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{body}</svg>'
    )


def _heading(title: str, width: float) -> str:
    size = min(TITLE, max(14, width / (0.58 * max(len(title), 1))))
    return (
        f'<text x="{width / 2:.0f}" y="24" text-anchor="middle" font-weight="bold" '
        f'font-size="{size:.1f}" fill="#000">{escape(title)}</text>'
    )


def _axes(row_names, col_names, cell: float, left: float, width: float) -> str:
    rows, cols = len(row_names), len(col_names)
    across, down = left + cols * cell / 2, TOP + rows * cell / 2
    parts = [
        f'<text x="{max(across, left + 60):.0f}" y="52" text-anchor="middle" '
        f'fill="{palette.INPUT}">inputs x (columns)</text>',
        f'<text transform="translate(20 {down:.0f}) rotate(-90)" text-anchor="middle" '
        f'fill="#00795a">outputs y (rows)</text>',
    ]
    every = math.ceil((10.8 * max(map(len, col_names)) + 6) / cell)
    for j in range(0, cols, every):
        x = left + (j + 0.5) * cell
        parts.append(_name(x, TOP - 10, "middle", col_names[j]))
    every = math.ceil(20 / cell)
    for i in range(0, rows, every):
        y = TOP + (i + 0.5) * cell + 6
        parts.append(_name(left - GAP, y, "end", row_names[i]))
    return "".join(parts)


def _name(x: float, y: float, anchor: str, text: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'fill="{palette.NEUTRAL}">{escape(text)}</text>'
    )


def _row_marks(colours, cell: float, left: float) -> str:
    return "".join(
        f'<rect x="{left - 6:.1f}" y="{TOP + i * cell:.2f}" width="6" '
        f'height="{cell:.2f}" fill="{colour}"/>'
        for i, colour in enumerate(colours or ())
    )


def _frame(rows: int, cols: int, cell: float, left: float) -> str:
    return (
        f'<rect x="{left}" y="{TOP}" width="{cols * cell:.1f}" height="{rows * cell:.1f}" '
        f'fill="none" stroke="{palette.NEUTRAL}" stroke-width="2"/>'
    )


def _cells(values: Matrix, say: Term | None, cell, left, largest, bottom) -> str:
    """Return all cells in one group; with terms, each cell is a group with its title and its
    line."""
    drawn = []
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            x, y = left + j * cell, TOP + i * cell
            square = _square(x, y, cell, value, largest)
            if say is None:
                drawn.append(square if value else "")
            else:
                drawn.append(_with_term(square, i, j, value, say, bottom))
    walk = f' tabindex="0" onkeydown="{escape(_WALK)}"' if say else ""
    return f'<g class="cells"{walk}>{"".join(drawn)}</g>'


# The arrow keys move from cell to cell: Tab stops once, not at each cell.
_WALK = (
    "var c=[].slice.call(this.querySelectorAll('.c')),i=c.indexOf(document.activeElement),"
    "d={ArrowRight:1,ArrowLeft:-1}[event.key],t=d&&c[i<0?0:i+d];"
    "if(t){t.focus();event.preventDefault()}"
)


def _square(x: float, y: float, cell: float, value: float, largest: float) -> str:
    place = f'x="{x:.5g}" y="{y:.5g}" width="{cell:.4g}" height="{cell:.4g}"'
    if value == 0:
        return f'<rect class="n" {place}/>'
    fill = colour_of(value, largest)
    outline = 'class="w" ' if cell >= 12 else ""
    square = f'<rect {outline}{place} fill="{fill}"/>'
    if cell < 50:
        return square
    letters = 16 if cell >= 60 else 14
    return square + (
        f'<text x="{x + cell / 2:.1f}" y="{y + cell / 2 + 5:.1f}" text-anchor="middle" '
        f'font-size="{letters}" fill="{palette.ink_on(fill)}" pointer-events="none">'
        f"{value:+z.2f}</text>"
    )


def colour_of(value: float, largest: float) -> str:
    """Return blue below zero and orange above; a value that is not zero is never quite white."""
    if not math.isfinite(value):
        return "#000000"
    side = palette.POSITIVE if value > 0 else palette.NEGATIVE
    return palette.tint(side, 0.2 + 0.8 * min(abs(value) / largest, 1))


def _with_term(square: str, i: int, j: int, value: float, say: Term, bottom: float) -> str:
    text = say(i, j, value) if value else f"y[{i}] gets nothing from x[{j}]: no connection"
    lines = "".join(
        f'<text class="t" x="8" y="{bottom + 60 + 22 * n:.0f}">{escape(line.strip())}</text>'
        for n, line in enumerate(textwrap.wrap(text, 44, drop_whitespace=False, max_lines=2))
    )
    return f'<g class="c" tabindex="-1"><title>{escape(text)}</title>{square}{lines}</g>'


def _key(largest: float, left: float, top: float) -> str:
    entries = (
        (palette.NEGATIVE, f"{-largest:.2g}"),
        ("#ffffff", "no connection"),
        (palette.POSITIVE, f"+{largest:.2g}"),
    )
    parts, x = [], left
    for colour, text in entries:
        parts.append(
            f'<rect x="{x}" y="{top}" width="20" height="20" fill="{colour}" stroke="#999"/>'
            f'<text x="{x + 26}" y="{top + 16}">{text}</text>'
        )
        x += 26 + 10.8 * len(text) + 12
    return "".join(parts)


def _invitation(y: float) -> str:
    return (
        f'<text class="hint" x="8" y="{y:.0f}" fill="{palette.NEUTRAL}">'
        "Point at a cell: its weight and its term</text>"
    )
