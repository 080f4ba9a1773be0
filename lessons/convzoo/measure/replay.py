"""A step of the sparsity slider from a report, if nothing should be timed now."""

from __future__ import annotations

from math import log

from convzoo.measure.device_report import LAYOUTS_OF
from convzoo.measure.masks import density_of, divisors, mask, thumbnail
from convzoo.measure.sparse import Step
from convzoo.measure.storage import LAYOUTS, index_bytes, misfit
from convzoo.measure.timing import Timing, summary

_BLOCK = 32
_NOT_RECORDED = "not recorded for this pattern"


def replay(record: dict, pattern: str, density: float, n: int, columns: int) -> Step:
    """Return the recorded point nearest to a density (on a log scale), as `sparse.sweep` would give
    it.

    record: a report (`curves.load_all`). A layout that was not timed on this pattern is marked as
    not available.
    """
    points = [
        p
        for p in record["parts"].get("sparse", [])
        if (p["n"], p["columns"], p["dtype"]) == (n, columns, "float32")
    ]
    asked = min((p["asked"] for p in points), key=lambda d: abs(log(d / density)))
    point = next(p for p in points if p["asked"] == asked)
    where = mask(pattern, n, asked, block=_BLOCK)
    fits = [name for name in LAYOUTS if not misfit(name, where, _BLOCK)]
    timed = {"dense", *LAYOUTS_OF.get(pattern, ())}
    times = {name: _time(point["times"].get(name), name in timed) for name in LAYOUTS}
    index = {name: index_bytes(name, where, _BLOCK) for name in fits}
    cells = max(d for d in divisors(n) if d <= 32)
    return Step(
        pattern, n, columns, asked, density_of(where), times, index, thumbnail(where, cells)
    )


def _time(found: dict | None, timed: bool) -> Timing:
    if not found or not timed:
        return summary([], _NOT_RECORDED)
    if "reason" in found:
        return summary([], found["reason"])
    return Timing(found["minimum"], found["median"], found["spread"], found["repeats"])
