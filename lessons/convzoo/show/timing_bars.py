"""Bars of measured times, each with its spread and, if given, its floor."""

from __future__ import annotations

from collections.abc import Mapping

from convzoo.show.bar_chart import bars
from convzoo.show.numbers import seconds
from convzoo.show.picture import Picture


def timings(
    times: Mapping, floors: Mapping[str, float] | None = None, *, title: str, **options
) -> Picture:
    """Draw what `measure.bench` returned: minimum times, and why a variant has none.

    floors: the least seconds that each could take (`measure.roofline.floors`). options: those of
    `bars`.
    """
    floors = floors or {}
    rows = [(name, *_bar(time, floors.get(name))) for name, time in times.items()]
    return bars(rows, title=title, **options)


def _bar(time, floor: float | None) -> tuple[float, str]:
    if not time.available:
        return 0.0, f"not available: {time.reason}"
    text = f"{seconds(time.minimum)}, spread {time.spread:.0%}"
    return time.minimum, text if floor is None else f"{text}, floor {seconds(floor)}"
