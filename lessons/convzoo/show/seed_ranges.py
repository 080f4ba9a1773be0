"""Accuracies over seeds: the shipped range of each variant, and the reader's own seed over it."""

from collections.abc import Mapping, Sequence
from html import escape
from math import floor

from convzoo.errors import UserError
from convzoo.show import palette
from convzoo.show.picture import Picture

_ROW, _LOW_ROW, _TOP, _TEXT = 44, 33, 100, 18  # px; the low ones if there are many
_MANY = 7


def seeds(
    rows: Sequence[Mapping],
    live: Mapping[str, float] | None = None,
    *,
    title: str,
    chance: float | None = None,
    width: int = 860,
) -> Picture:
    """Draw one line per variant: from the worst seed to the best, their mean, and the reader's
    seed.

    rows: variant, mean, low, high (0..1) and seeds, as returned by `experiments.summary`. live: the
    reader's accuracy by variant, a diamond. chance: a dashed line. The axis begins at the tenth
    below the lowest value. Raises UserError if there are no rows.
    """
    if not rows:
        raise UserError(
            f"There is nothing to draw for {title!r}, because none of its networks has been "
            "trained yet. Run `python -m convzoo experiments` to train them."
        )
    live = {k: v for k, v in (live or {}).items() if any(r["variant"] == k for r in rows)}
    values = [r["low"] for r in rows] + list(live.values()) + ([chance] if chance else [])
    start = min(floor(10 * min(values)) / 10, 0.9)
    left = 24 + 10 * max(len(str(r["variant"])) for r in rows)
    span = width - left - 250

    def at(value: float) -> float:
        return left + span * (value - start) / (1 - start)

    step = _ROW if len(rows) < _MANY else _LOW_ROW
    height = _TOP + step * len(rows) + 34
    parts = [f'<text x="8" y="26" font-weight="bold" font-size="20">{escape(title)}</text>']
    parts += [_key(left, bool(live))]
    parts += [
        _tick(at(start + k * (1 - start) / 4), start + k * (1 - start) / 4, height)
        for k in range(5)
    ]
    if chance is not None:
        parts.append(_chance(at(chance), height))
    for k, row in enumerate(rows):
        parts.append(_row(row, live.get(row["variant"]), at, left, width, _TOP + k * step))
    alt = _words(rows, live, title)
    return Picture(
        alt,
        (
            f'<svg role="img" aria-label="{escape(alt)}" xmlns="http://www.w3.org/2000/svg" '
            f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'font-family="{palette.FONT}" font-size="{_TEXT}" style="max-width:100%;height:auto">'
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


def _tick(x: float, value: float, height: int) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - 28}" stroke="#ddd"/>'
        f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle" font-size="16">{value:.1%}</text>'
    )


def _chance(x: float, height: int) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - 28}" stroke="#000" '
        'stroke-width="2" stroke-dasharray="6 4"/>'
        f'<text x="{x:.1f}" y="{_TOP - 10}" text-anchor="middle" font-size="16">chance</text>'
    )


def _row(row: Mapping, own: float | None, at, left: float, width: float, y: float) -> str:
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
        f'<text x="{width - 232}" y="{y + 20}" font-size="16">{text}</text>'
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
