"""Accuracies over seeds: the shipped range of each variant, and the reader's own seed over it."""

from collections.abc import Mapping, Sequence
from html import escape
from math import floor

from convzoo.errors import UserError
from convzoo.show import palette
from convzoo.show.picture import Picture

_ROW, _LOW_ROW, _TOP, _TEXT = 44, 33, 100, 18  # px; the low ones if there are many
_MANY = 7
_KEY = 28  # px that the key takes


def seeds(
    rows: Sequence[Mapping],
    live: Mapping[str, float] | None = None,
    *,
    title: str,
    chance: float | None = None,
    width: int = 860,
    text: int = _TEXT,
    key: bool = True,
) -> Picture:
    """Draw one line per variant: from the worst seed to the best, their mean, and the reader's
    seed.

    rows: variant, mean, low, high (0..1) and seeds, as returned by `experiments.summary`. live: the
    reader's accuracy by variant, a diamond. chance: a dashed line. The axis begins at the tenth
    below the lowest value. text: the size of the names in pixels, 2 more than all other texts;
    key=False leaves out what the bars mean. Raises UserError if there are no rows.
    """
    if not rows:
        raise UserError(
            f"There is nothing to draw for {title!r}, because none of its networks has been "
            "trained yet. Run `python -m convzoo experiments` to train them."
        )
    live = {k: v for k, v in (live or {}).items() if any(r["variant"] == k for r in rows)}
    values = [r["low"] for r in rows] + list(live.values()) + ([chance] if chance else [])
    start = min(floor(10 * min(values)) / 10, 0.9)
    names, said = text / _TEXT, (text - 2) / (_TEXT - 2)  # how much larger than usual
    left = 24 + 10 * names * max(len(str(r["variant"])) for r in rows)
    span = width - left - 250 * said
    top = _TOP if key else _TOP - _KEY

    def at(value: float) -> float:
        return left + span * (value - start) / (1 - start)

    step = _ROW if len(rows) < _MANY else _LOW_ROW
    height = top + step * len(rows) + 34
    heading = max(20, text)
    parts = [f'<text x="8" y="26" font-weight="bold" font-size="{heading}">{escape(title)}</text>']
    parts += [_key(left, bool(live))] if key else []
    marks = [start + k * (1 - start) / 4 for k in range(5)]
    parts += [_tick(at(mark), mark, top, height, text - 2) for mark in marks]
    if chance is not None:
        parts.append(_chance(at(chance), top, height, text - 2))
    for k, row in enumerate(rows):
        own, right = live.get(row["variant"]), width - 232 * said
        parts.append(_row(row, own, at, left, right, top + k * step, text - 2))
    alt = _words(rows, live, title)
    return Picture(
        alt,
        (
            f'<svg role="img" aria-label="{escape(alt)}" xmlns="http://www.w3.org/2000/svg" '
            f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'font-family="{palette.FONT}" font-size="{text}" style="max-width:100%;height:auto">'
            f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
        ),
    )


def _key(left: float, live: bool) -> str:
    own = (
        f'<path d="M{left + 300} 45l8 8-8 8-8-8z" fill="{palette.WEIGHT}"/>'
        f'<text x="{left + 316}" y="59" font-size="16">trained now</text>'
    )
    return (
        f'<rect x="{left}" y="47" width="36" height="12" fill="{palette.ALTERNATIVES[1]}"/>'
        f'<rect x="{left + 18}" y="44" width="3" height="18"/>'
        f'<text x="{left + 46}" y="59" font-size="16">all shipped seeds, and mean</text>'
        f"{own if live else ''}"
    )


def _tick(x: float, value: float, top: int, height: int, size: int) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{height - 28}" stroke="#ddd"/>'
        f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle" font-size="{size}">'
        f"{value:.1%}</text>"
    )


def _chance(x: float, top: int, height: int, size: int) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{height - 28}" stroke="#000" '
        'stroke-width="2" stroke-dasharray="6 4"/>'
        f'<text x="{x:.1f}" y="{top - 10}" text-anchor="middle" font-size="{size}">chance</text>'
    )


def _row(
    row: Mapping, own: float | None, at, left: float, right: float, y: float, size: int
) -> str:
    low, high, middle = (at(row[key]) for key in ("low", "high", "mean"))
    text = f"{row['mean']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
    diamond = (
        ""
        if own is None
        else (
            f'<path d="M{at(own):.1f} {y + 5}l9 9-9 9-9-9z" fill="{palette.WEIGHT}" '
            'stroke="#fff" stroke-width="1.5"/>'
        )
    )
    return (
        f'<text x="{left - 12}" y="{y + 20}" text-anchor="end">{escape(str(row["variant"]))}</text>'
        f'<rect x="{low - 3:.1f}" y="{y + 8}" width="{high - low + 6:.1f}" height="12" '
        f'fill="{palette.ALTERNATIVES[1]}"/>'
        f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{y + 3}" y2="{y + 25}" stroke="#000" '
        f'stroke-width="3"/>{diamond}'
        f'<text x="{right:.0f}" y="{y + 20}" font-size="{size}">{text}</text>'
    )


def _words(rows: Sequence[Mapping], live: Mapping[str, float], title: str) -> str:
    phrases = "; ".join(
        f"{r['variant']} {r['mean']:.1%}, "
        + (
            f"from {r['low']:.1%} to {r['high']:.1%} over {r['seeds']} seeds"
            if r["seeds"] > 1
            else "one seed"
        )
        + (f", yours {live[r['variant']]:.1%}" if r["variant"] in live else "")
        for r in rows
    )
    return f"{title}: {phrases}."
