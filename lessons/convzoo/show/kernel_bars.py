"""A kernel beside the framework's operations, as bars of bytes, launches and times."""

from __future__ import annotations

from html import escape

from convzoo.show import palette
from convzoo.show.bar_chart import bars, beside
from convzoo.show.numbers import bytes_, number
from convzoo.show.picture import Picture
from convzoo.show.timing_bars import timings


def kernel_report(report) -> Picture:
    """Draw a `measure.KernelReport`: bytes and launches, and the times or why there are none."""
    variants = [*report.framework, report.kernel]
    colours = [palette.ALTERNATIVES[1]] * len(report.framework) + [palette.OUTPUT]
    moved = [(v.name, v.bytes, bytes_(v.bytes)) for v in variants]
    launches = [(v.name, v.launches, number(v.launches)) for v in variants]
    charts = [
        bars(moved, title="Bytes moved", colours=colours, width=460),
        bars(launches, title="Launches", colours=colours, width=460),
    ]
    if not report.reason:
        times = {v.name: v.timing for v in variants}
        floor = report.floor_seconds, "a copy of this kernel's bytes"
        options = {"reference": floor, "colours": colours, "width": 460}
        charts.append(timings(times, title="Time (minimum)", **options))
    words = f"{_small(report.kernel)}{report.reason or _verdict(report)}"
    drawn = beside(*charts)
    return Picture(f"{drawn.alt}\n{words}", f"{drawn.html}<p>{escape(words)}</p>")


def _small(kernel) -> str:
    """Return a sentence on the operations that only prepare a kernel's arguments, if any."""
    if not kernel.small:
        return ""
    return (
        f"Of the {kernel.launches} launches, {kernel.launches - kernel.small} is the kernel; "
        f"{kernel.small} small torch operations prepare its arguments. "
    )


def _verdict(report) -> str:
    if not report.kernel.timing.available:
        return f"On {report.device}, this kernel could not be timed."
    share = report.floor_seconds / report.kernel.timing.minimum
    return (
        f"On {report.device}: the results agree, and this kernel reaches {share:.0%} of the speed "
        "of a copy."
    )
