"""Line plots as PNG or SVG, drawn with matplotlib into a figure that is reused.

A new figure, or new axes in an old one, takes twice the time, and a slider waits for it.
"""

import base64
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from convzoo.show import palette
from convzoo.show.numbers import number
from convzoo.show.picture import Picture

_CYCLE = (palette.WEIGHT, palette.INPUT, palette.OUTPUT, palette.GATE, *palette.ALTERNATIVES)
_DPI = 100
_TEXT = 13  # points at 100 dpi: 18 px
_LINE_GAP = 22  # px between the labels of two lines
_LETTER = 10.5  # pixels that a letter takes


@dataclass(frozen=True)
class Line:
    """One curve: y over x, with a band from `low` to `high` if they are given."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    colour: str | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Mark:
    """A vertical line at x, with its name at the top."""

    x: float
    name: str
    colour: str = palette.NEUTRAL


def curves(
    lines: Sequence[Line],
    *,
    title: str,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
    x_ticks: Sequence[float] | None = None,
    y_limits: tuple[float, float] | None = None,
    marks: Sequence[Mark] = (),
    points: bool = True,
    size: tuple[int, int] = (900, 480),
    sharp: bool = False,
) -> Picture:
    """Draw curves with their names at their right ends (no legend), as a PNG with alt text.

    Bands show spread (minimum to maximum, or quartiles: say which in the title).
    x_ticks: the values to write under the axis, in full; size in pixels. sharp: as an SVG, which
    is sharp at any size but takes longer to draw than a slider should wait.
    """
    figure, axes = _stage(log_x, log_y, tuple(x_ticks or ()), tuple(size))
    for artist in [*figure.texts, *axes.lines, *axes.collections, *axes.texts]:
        artist.remove()
    _name(axes, title, x_label, y_label, lifted=bool(marks))
    colours = [line.colour or _CYCLE[k % len(_CYCLE)] for k, line in enumerate(lines)]
    for line, colour in zip(lines, colours):
        _draw(axes, line, colour, points)
    for mark in marks:
        axes.axvline(mark.x, color=mark.colour, linestyle=":", linewidth=2)
    axes.relim()
    axes.autoscale()
    axes.autoscale_view()  # now, because the labels need to know where the lines end
    if y_limits is not None:
        axes.set_ylim(*y_limits)
    _tick(axes.xaxis, log_x and not x_ticks)
    _tick(axes.yaxis, log_y)
    _fit(figure, [line.name for line in lines], lifted=bool(marks))
    _label(figure, axes, lines, colours)
    _label_marks(figure, axes, marks)
    alt = _describe(lines, title, x_label, y_label, marks)
    return Picture(alt, _svg(figure, alt, *size) if sharp else image(_png(figure), alt, *size))


def image(png: bytes, alt: str, width: int, height: int) -> str:
    """Return an <img> without a file; width and height keep the page from jumping."""
    data = base64.b64encode(png).decode()
    return (
        f'<img alt="{escape(alt)}" width="{width}" height="{height}" '
        f'style="max-width:100%;height:auto;background:#fff" '
        f'src="data:image/png;base64,{data}">'
    )


@lru_cache(maxsize=8)
def _stage(log_x: bool, log_y: bool, x_ticks: tuple, size: tuple[int, int]):
    """Return a figure with empty axes; the next drawing removes what is drawn into it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    inches = (size[0] / _DPI, size[1] / _DPI)
    figure = Figure(figsize=inches, dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.tick_params(labelsize=_TEXT - 1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    if log_x:
        axes.set_xscale("log")
    if log_y:
        axes.set_yscale("log")
    if x_ticks:
        axes.set_xticks(x_ticks, [number(x) for x in x_ticks])
    axes.minorticks_off()
    return figure, axes


def _name(axes, title: str, x_label: str, y_label: str, lifted: bool) -> None:
    """Write the texts around the axes; the title is higher if marks have names."""
    axes.set_title(
        title, fontsize=_TEXT + 2, fontweight="bold", loc="left", pad=30 if lifted else 10
    )
    axes.set_xlabel(x_label, fontsize=_TEXT)
    axes.set_ylabel(y_label, fontsize=_TEXT)


def _tick(axis, log: bool) -> None:
    """Write numbers along a logarithmic axis, some of them however short it is."""
    if not log:
        return
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    low, high = axis.get_view_interval()
    decades = math.log10(high / low)
    steps = (1, 2, 5) if decades < 2.5 else (1,)
    axis.set_major_locator(MaxNLocator(5) if decades < 0.7 else LogLocator(subs=steps))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def _draw(axes, line: Line, colour: str, points: bool) -> None:
    style = "--" if line.dashed else "-"
    marker = "o" if points else None
    axes.plot(line.x, line.y, style, color=colour, linewidth=2.5, marker=marker, markersize=6)
    if line.low is not None and line.high is not None:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.18, linewidth=0)


def _fit(figure, names: Sequence[str], lifted: bool) -> None:
    """Set margins from the length of the texts: measuring them would draw the figure twice."""
    width, height = figure.get_size_inches() * _DPI
    right = _LETTER * max((len(name) for name in names), default=0) + 24
    figure.subplots_adjust(
        left=88 / width,
        right=1 - right / width,
        bottom=68 / height,
        top=1 - (66 if lifted else 44) / height,
    )


def _label(figure, axes, lines: Sequence[Line], colours: Sequence[str]) -> None:
    """Write each name at the end of its line, moved apart if two would overlap."""
    ends = []
    for line, colour in zip(lines, colours):
        finite = [(x, y) for x, y in zip(line.x, line.y) if math.isfinite(y)]
        if finite:
            x, y = axes.transData.transform(finite[-1])
            ends.append((float(y), float(x), line.name, colour))
    box = axes.get_window_extent()
    heights = spread([end[0] for end in ends], _LINE_GAP, box.y0 + 8, box.y1 - 4)
    width, height = figure.get_size_inches() * _DPI
    for (_, x, name, colour), y in zip(ends, heights):
        figure.text(
            (min(x, box.x1) + 10) / width,
            y / height,
            name,
            color=colour,
            fontsize=_TEXT,
            fontweight="bold",
            va="center",  # and in front of the lines that continue
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )


def _label_marks(figure, axes, marks: Sequence[Mark]) -> None:
    """Write each name above its line, moved aside if two would overlap."""
    places = [float(axes.get_xaxis_transform().transform((mark.x, 1))[0]) for mark in marks]
    gap = _LETTER * max((len(mark.name) for mark in marks), default=0) + 8
    box = axes.get_window_extent()
    width, height = figure.get_size_inches() * _DPI
    for mark, x in zip(marks, spread(places, gap, box.x0, box.x1)):
        figure.text(
            x / width,
            (box.y1 + 6) / height,
            mark.name,
            color=mark.colour,
            fontsize=_TEXT,
            ha="center",
        )


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return the places, in their order, moved so that neighbours are `gap` apart.

    They stay within low and high if there is space.
    """
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = [min(max(p, low), high) for p in places]
    for before, after in zip(order, order[1:]):
        moved[after] = max(moved[after], moved[before] + gap)
    ceiling = high
    for k in reversed(order):
        moved[k] = min(moved[k], ceiling)
        ceiling = moved[k] - gap
    return moved


def _describe(lines, title: str, x_label: str, y_label: str, marks) -> str:
    phrases = []
    for line in lines:
        first, last = (f"{number(line.y[k])} at {number(line.x[k])}" for k in (0, -1))
        phrases.append(f"{line.name} goes from {first} to {last}")
    phrases += [f"{mark.name} is marked at {number(mark.x)}" for mark in marks]
    return f"{title}: {y_label} over {x_label}; {'; '.join(phrases)}."


def _png(figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, pil_kwargs={"compress_level": 1})
    return buffer.getvalue()


def _svg(figure, alt: str, width: int, height: int) -> str:
    """Return the figure as an inline SVG whose texts are texts, not outlines."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": alt}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    box = re.search(r'viewBox="([^"]*)"', drawn)[1]
    body = drawn[drawn.index(">", drawn.index("<svg")) + 1 :]
    return (
        f'<svg role="img" aria-label="{escape(alt)}" xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" width="{width}" height="{height}" '
        f'viewBox="{box}" style="max-width:100%;height:auto">{body}'
    )
