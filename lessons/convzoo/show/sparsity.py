"""The panel of the sparsity slider: a pattern, the bytes of its index, the time of each layout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from convzoo.show import palette
from convzoo.show.bar_chart import beside, table
from convzoo.show.matrix import channel_matrix
from convzoo.show.numbers import bytes_, seconds
from convzoo.show.picture import Picture
from convzoo.show.plots import Line, Mark, curves

COLOURS = {
    "COO": palette.ALTERNATIVES[1],
    "CSR": palette.WEIGHT,
    "BSR": palette.INPUT,
    "block-diagonal": palette.OUTPUT,
}


def panel(step) -> Picture:
    """Draw one step of the slider, a `measure.sparse.Step`: its pattern, and a row for each
    layout."""
    picture = channel_matrix(
        step.picture,
        title=f"density {step.density:.2%}",
        size=340,
        limit=1,  # how full a tile is
        still=True,
    )
    dense = step.times["dense"].minimum
    rows = [_row(name, time, dense, step.index_bytes) for name, time in step.times.items()]
    header = ("layout", "time (min)", "spread", "times dense's speed", "index")
    fastest = list(step.times).index(step.fastest)
    caption = f"{step.pattern}: {step.n} x {step.n} times {step.columns} columns"
    return beside(picture, table(rows, header, caption, mark=fastest))


def _row(name, time, dense: float, index: Mapping[str, int]) -> tuple[str, ...]:
    overhead = bytes_(index[name]) if name in index else "-"
    if not time.available:
        return name, f"not available here: {time.reason}"
    speed = f"{dense / time.minimum:.2f}"
    return name, seconds(time.minimum), f"{time.spread:.0%}", speed, overhead


def speed_ups(
    own: Mapping[str, Sequence[tuple[float, float]]],
    others: Iterable[tuple[str, Sequence[Mapping[str, float]]]] = (),
    marks: Mapping[str, float | None] | None = None,
    title: str = "How much faster than dense, by density",
) -> Picture:
    """Draw the speed-up over dense by density: the reader's curves, and those of other devices.

    own: (density, speed-up) pairs by layout; others: (name, points with density, speedup, low,
    high), drawn dashed; marks: densities by name; None is left out.
    """
    lines = [
        Line(name, [d for d, _ in pairs], [s for _, s in pairs], colour=_colour(name))
        for name, pairs in own.items()
        if pairs
    ]
    lines += [_other(name, points) for name, points in others if points]
    return curves(
        lines,
        title=title,
        x_label="density (share of entries that are not zero)",
        y_label="times dense's speed (1: as fast)",
        log_x=True,
        log_y=True,
        x_ticks=(0.001, 0.01, 0.1, 1),
        marks=[Mark(x, name) for name, x in (marks or {}).items() if x],
    )


def at_a_tenth(device: object, pairs: Sequence[tuple[float, float]]) -> str:
    """Return the title of `speed_ups` for CSR's (density, speed-up) pairs on a device: the speed-up
    at a density of 10%, or, without any pair, that the device has no such layout (MPS, for
    example)."""
    if not pairs:
        return f"{device}: torch has no CSR product here; recorded curves only"
    near = min(pairs, key=lambda pair: abs(pair[0] - 0.1))
    return f"{device}: at {near[0]:.0%} CSR is {near[1]:.2f} times as fast as dense"


def _colour(name: str) -> str | None:
    """Return the colour of the layout that a name begins with: "BSR, in tiles"."""
    return COLOURS.get(name.split(",")[0])


def _other(name: str, points: Sequence[Mapping[str, float]]) -> Line:
    x, y, low, high = ([p[k] for p in points] for k in ("density", "speedup", "low", "high"))
    return Line(name, x, y, low, high, colour=palette.NEUTRAL, dashed=True)
