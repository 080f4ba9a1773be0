"""Bars, tables and rows of pictures, in HTML and SVG without matplotlib."""

import re
import textwrap
from collections.abc import Sequence
from html import escape

from convzoo.show import palette
from convzoo.show.picture import Picture

_ROW, _BAR, _TEXT = 40, 26, 18  # px
_WORDY = 26  # characters: longer texts are placed under their bars
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=[a-zA-Zµ]+(?:,|$))")  # a line never ends between the two


def bars(
    rows: Sequence[tuple[str, float, str]],
    reference: float | tuple[float, str] | None = None,
    *,
    title: str,
    limit: float | None = None,
    colours: Sequence[str] | None = None,
    width: int = 700,
) -> Picture:
    """Draw horizontal bars, each with its value as text.

    rows: (name, value >= 0, text of the value). reference: a value, or a value and its name, drawn
    as a dashed line. limit: the value at full length, so that bars keep their scale while a slider
    moves. Default: the longest bar.
    """
    level, level_name = reference if isinstance(reference, tuple) else (reference, "")
    longest = limit or max([value for _, value, _ in rows] + [level or 0]) or 1
    left = 20 + 10 * max(len(name) for name, _, _ in rows)
    wordy = max(len(text) for _, _, text in rows) > _WORDY
    right = 24 if wordy else 24 + 10.5 * max(len(text) for _, _, text in rows)
    span = max(width - left - right, 80)
    top = 66 if level_name else 44
    line = None if level is None else left + min(level / longest, 1) * span
    colours = colours or [palette.ALTERNATIVES[1]] * len(rows)
    drawn, y = [], top
    for (name, value, text), colour in zip(rows, colours):
        long = min(value / longest, 1) * span
        drawn.append(
            f'<text x="{left - 10}" y="{y + 19}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{left}" y="{y}" width="{max(long, 1):.1f}" height="{_BAR}" '
            f'fill="{colour}"/>'
        )
        if wordy:
            whole = _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text)
            wrapped = textwrap.wrap(whole, int(span / 9.8))
            drawn += [_words(left, y + _BAR + 20 + 22 * k, part) for k, part in enumerate(wrapped)]
            y += 22 * len(wrapped)
        else:
            drawn.append(_words(_beside(line, left + long + 8, text), y + 19, text))
        y += _ROW
    height = y + 8
    if line is not None:
        drawn.insert(0, _level(line, top, height, level_name))
    drawn.insert(0, f'<text x="8" y="26" font-weight="bold" font-size="20">{escape(title)}</text>')
    phrases = "; ".join(f"{name} {text}" for name, _, text in rows)
    alt = f"{title}: {phrases}" + (f"; the dashed line marks {level_name}." if level_name else ".")
    total = left + span + right
    return Picture(
        alt,
        (
            f'<svg role="img" aria-label="{escape(alt)}" xmlns="http://www.w3.org/2000/svg" '
            f'width="{total:.0f}" height="{height}" viewBox="0 0 {total:.0f} {height}" '
            'preserveAspectRatio="xMinYMin" '
            f'font-family="{palette.FONT}" font-size="{_TEXT}" '
            'style="max-width:100%;height:auto">'
            f'<rect width="100%" height="100%" fill="#fff"/>{"".join(drawn)}</svg>'
        ),
    )


def _words(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _beside(line: float | None, x: float, text: str) -> float:
    """Return where a text at x must start so that the dashed line does not cross it."""
    crossed = line is not None and x - 6 < line < x + 10.5 * len(text)
    return line + 8 if crossed else x


def _level(x: float, top: int, height: int, name: str) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 10}" y2="{height - 4}" stroke="#000" '
        'stroke-width="2" stroke-dasharray="6 4"/>'
        f'<text x="{x:.1f}" y="{top - 14}" text-anchor="middle" font-size="16">'
        f"{escape(name)}</text>"
    )


def table(
    rows: Sequence[Sequence[object]], header: Sequence[str], caption: str, mark: int | None = None
) -> Picture:
    """Draw a table that a screen reader reads as one; the row `mark` is highlighted.

    The first cell of a row is its heading; the last cell of a short row fills the rest of it.
    Numbers are aligned right, columns that contain only words left.
    """
    head = "padding:.25em .8em;text-align:right;color:#111"
    text = head.replace("right", "left")
    columns = [text if _of_words(rows, k) else head for k in range(len(header))]
    cells = [f"{style};white-space:nowrap" for style in columns]
    heads = "".join(
        f'<th scope="col" style="{style}">{escape(h)}</th>' for h, style in zip(header, columns)
    )
    body = []
    for k, row in enumerate(rows):
        first, *rest = (escape(str(value)) for value in row)
        left = len(header) - len(row)
        line = f'<th scope="row" style="{cells[0]}">{first}</th>'
        own = rest[:-1] if left else rest
        line += "".join(f'<td style="{style}">{v}</td>' for v, style in zip(own, cells[1:]))
        if left:
            line += f'<td colspan="{left + 1}" style="{text}">{rest[-1]}</td>'
        ground = "#fde7c4" if k == mark else "#fff"
        current = ' aria-current="true"' if k == mark else ""
        body.append(f'<tr{current} style="background:{ground}">{line}</tr>')
    html = (
        '<table style="border-collapse:collapse;background:#fff;font-size:16px;margin:.4em 0">'
        f'<caption style="text-align:left;font-weight:bold;padding:.3em .8em;color:#111;'
        f'background:#fff">{escape(caption)}</caption><thead style="border-bottom:2px solid '
        f'#555"><tr style="background:#fff">{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )
    phrases = "; ".join(", ".join(f"{h} {v}" for h, v in zip(header, row)) for row in rows)
    return Picture(f"{caption}: {phrases}.", html)


def _of_words(rows: Sequence[Sequence[object]], column: int) -> bool:
    """Return whether a column contains no number, apart from the row headings."""
    held = "".join(str(row[column]) for row in rows if column < len(row))
    return column > 0 and not any(letter.isdigit() for letter in held)


def beside(*pictures: Picture) -> Picture:
    """Put pictures in a row; they shrink a little, then wrap on a narrow page."""
    items = "".join(
        f'<div style="flex:1 1 0;min-width:min(100%,{_narrowest(picture)}px)">{picture.html}</div>'
        for picture in pictures
    )
    html = f'<div style="display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start">{items}</div>'
    return Picture("\n".join(picture.alt for picture in pictures), html)


def _narrowest(picture: Picture) -> int:
    """Return the width in pixels below which a picture wraps to a new row instead of shrinking."""
    own = re.search(r'<svg [^>]*\bwidth="(\d+)', picture.html)
    return min(int(own[1]), 340) if own else 340
