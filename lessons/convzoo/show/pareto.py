"""Accuracy against a cost: points with their range over seeds, the front, and names that do not
overlap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, hypot, log10

from convzoo.show import palette
from convzoo.show.numbers import number
from convzoo.show.picture import Picture

_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 30, 62, 66  # px around the axes
_TEXT, _LETTER = 18, 10.8  # px: height of a name, width of one of its letters
_DOT = 8
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Spot:
    """A network: its cost, its mean accuracy (0..1) and its range over seeds.

    Spots with the same name are one network at several sizes: they are joined, and named once.
    """

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    on_front: bool = False


def front(
    spots: Sequence[Spot],
    *,
    title: str,
    x_label: str,
    y_label: str = "accuracy",
    x_text: Callable[[float], str] = number,
    y_limits: tuple[float, float] | None = None,
    size: tuple[int, int] = (980, 460),
) -> Picture:
    """Draw spots over a logarithmic cost; a dashed line joins the front, vertical bars are ranges.

    x_text: writes a cost as text; size: in pixels.
    """
    width, height = size
    at_x, x_ticks = _log_axis([s.x for s in spots], _LEFT, width - _RIGHT)
    reach = [v for s in spots for v in (s.y, s.low, s.high) if v is not None]
    low, high = y_limits or (floor(20 * min(reach) - 0.4) / 20, -floor(-20 * max(reach) - 0.4) / 20)

    def at_y(value: float) -> float:
        return height - _BOTTOM - (value - low) / (high - low) * (height - _TOP - _BOTTOM)

    parts = [f'<text x="8" y="28" font-weight="bold" font-size="20">{escape(title)}</text>']
    parts += [_upright(at_x(x), x_text(x), height) for x in x_ticks]
    parts += [_level(at_y(y), f"{y:.0%}", width) for y in _tenths(low, high)]
    parts.append(_axis_names(x_label, y_label, width, height))
    places = [(at_x(s.x), at_y(s.y)) for s in spots]
    joined = [
        (places[a], places[b])
        for a, b in pairwise(range(len(spots)))
        if spots[a].name == spots[b].name
    ]
    parts += [_line(a, b, palette.NEUTRAL, 1.5) for a, b in joined]
    kept = sorted(p for p, s in zip(places, spots, strict=True) if s.on_front)
    dashed = ' stroke-dasharray="7 5"'
    parts += [_line(a, b, palette.WEIGHT, 2.5, dashed) for a, b in pairwise(kept)]
    taken = [box for a, b in [*joined, *pairwise(kept)] for box in _along(a, b)]
    for (x, y), spot in zip(places, spots, strict=True):
        ends = [at_y(v) for v in (spot.high, spot.low) if v is not None] or [y, y]
        taken += [(x - 4, ends[0], x + 4, ends[1]), (x - _DOT, y - _DOT, x + _DOT, y + _DOT)]
        parts.append(_dot(x, y, ends, spot.on_front))
    parts += _names(spots, places, taken, (_LEFT, _TOP, width - 4, height - _BOTTOM))
    alt = _words(spots, title, x_label, y_label, x_text)
    return Picture(
        alt,
        (
            f'<svg role="img" aria-label="{escape(alt)}" xmlns="http://www.w3.org/2000/svg" '
            f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'font-family="{palette.FONT}" font-size="{_TEXT}" style="max-width:100%;height:auto">'
            f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
        ),
    )


def _log_axis(values: Sequence[float], left: float, right: float):
    """Return the function that places a value, and the values to label: 1, 2, 5, 10, ... or
    finer."""
    low, high = log10(min(values)) - 0.06, log10(max(values)) + 0.12

    def at(value: float) -> float:
        return left + (log10(value) - low) / (high - low) * (right - left)

    steps = (1, 2, 5) if high - low > 0.7 else (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    ticks = [s * 10**d for d in range(floor(low), floor(high) + 1) for s in steps]
    return at, [t for t in ticks if low <= log10(t) <= high]


def _tenths(low: float, high: float) -> list[float]:
    step = 0.1 if high - low > 0.25 else 0.05
    first = -floor(-low / step - 1e-9)
    return [k * step for k in range(first, floor(high / step + 1e-9) + 1)]


def _upright(x: float, text: str, height: int) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height - _BOTTOM}" stroke="#ddd"/>'
        f'<text x="{x:.1f}" y="{height - _BOTTOM + 24}" text-anchor="middle" font-size="16">'
        f"{escape(text)}</text>"
    )


def _level(y: float, text: str, width: int) -> str:
    return (
        f'<line x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        f'<text x="{_LEFT - 10}" y="{y + 6:.1f}" text-anchor="end" font-size="16">{text}</text>'
    )


def _axis_names(x_label: str, y_label: str, width: int, height: int) -> str:
    return (
        f'<text x="{(_LEFT + width - _RIGHT) / 2}" y="{height - 12}" text-anchor="middle">'
        f'{escape(x_label)}</text><text transform="translate(22 {(_TOP + height - _BOTTOM) / 2}) '
        f'rotate(-90)" text-anchor="middle">{escape(y_label)}</text>'
    )


def _line(a, b, colour: str, width: float, more: str = "") -> str:
    return (
        f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"{more}/>'
    )


def _dot(x: float, y: float, ends: Sequence[float], on_front: bool) -> str:
    colour = palette.WEIGHT if on_front else palette.NEUTRAL
    fill = colour if on_front else "#fff"
    return (
        _line((x, ends[0]), (x, ends[1]), colour, 3)
        + f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}" fill="{fill}" stroke="{colour}" '
        'stroke-width="2.5"/>'
    )


def _names(spots, places, taken: list[Box], frame: Box) -> list[str]:
    """Return each name once, next to the last of its spots, where it covers least; a thin line
    leads to it if it is away from its spot, or nearer to another one."""
    last = {spot.name: k for k, spot in enumerate(spots)}
    parts = []
    for name, k in last.items():
        place = places[k]
        others = [p for p, spot in zip(places, spots, strict=True) if spot.name != name]
        box = min(_around(name, *place), key=lambda b: _cost(b, taken, frame, place, others))
        taken.append(box)
        if _led(box, place, others):
            parts.append(_line(place, _nearest(box, place), "#777", 1))
            taken += _along(place, _nearest(box, place))
        colour = palette.WEIGHT if any(s.on_front for s in spots if s.name == name) else "#111"
        parts.append(
            f'<text x="{box[0]:.1f}" y="{box[3] - 5:.1f}" fill="{colour}" font-weight="bold">'
            f"{escape(name)}</text>"
        )
    return parts


def _nearest(box: Box, place) -> tuple[float, float]:
    """Return the point of a box that is nearest to a given point."""
    return min(max(place[0], box[0]), box[2]), min(max(place[1], box[1]), box[3])


def _away(box: Box, place) -> float:
    """Return the distance in pixels from a box to a point."""
    return hypot(*(a - b for a, b in zip(_nearest(box, place), place, strict=True)))


def _led(box: Box, place, others) -> bool:
    """Return whether a name in this box needs a line to its spot."""
    own = _away(box, place)
    return own > 20 or any(_away(box, other) < own for other in others)


def _along(a, b) -> list[Box]:
    """Return small boxes all the way from a to b, which a name should not cover."""
    steps = ceil(hypot(b[0] - a[0], b[1] - a[1]) / 8) or 1
    ways = [(t / steps, 1 - t / steps) for t in range(steps + 1)]
    middles = [(p * b[0] + q * a[0], p * b[1] + q * a[1]) for p, q in ways]
    return [(x - 3, y - 3, x + 3, y + 3) for x, y in middles]


def _around(name: str, x: float, y: float) -> list[Box]:
    wide, tall = _LETTER * len(name) + 4, _TEXT + 4
    found = []
    for far in (13, 24, 40, 60, 84):
        for right, up in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)):
            left = x + far if right > 0 else x - far - wide if right < 0 else x - wide / 2
            top = y - far - tall if up > 0 else y + far if up < 0 else y - tall / 2
            found.append((left, top, left + wide, top + tall))
    return found


def _cost(box: Box, taken: Sequence[Box], frame: Box, place, others) -> float:
    """Return the square pixels that a name in this box, or the line to it, would hide or place
    outside the frame, plus something for its distance and for being nearer to another spot."""
    inside = _overlap(box, frame)
    whole = (box[2] - box[0]) * (box[3] - box[1])
    own = _away(box, place)
    strangers = sum(_away(box, other) < own + 6 for other in others)
    line = _along(place, _nearest(box, place)) if _led(box, place, others) else ()
    hidden = sum(_overlap(box, other) for other in taken)
    hidden += sum(_overlap(dot, other) for dot in line[2:] for other in taken) / 4
    return hidden + 5 * (whole - inside) + own / 2 + 25 * strangers


def _overlap(a: Box, b: Box) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    tall = min(a[3], b[3]) - max(a[1], b[1])
    return wide * tall if wide > 0 and tall > 0 else 0.0


def _words(spots, title: str, x_label: str, y_label: str, x_text) -> str:
    phrases = []
    for s in spots:
        reach = f" ({s.low:.1%} to {s.high:.1%})" if s.low is not None else ""
        star = ", on the front" if s.on_front else ""
        phrases.append(f"{s.name} {s.y:.1%}{reach} at {x_text(s.x)}{star}")
    return f"{title}: {y_label} over {x_label}. {'; '.join(phrases)}."
