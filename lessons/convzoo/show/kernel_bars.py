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
    counted = beside(
        bars(moved, title="Bytes moved", colours=colours, width=460),
        bars(launches, title="Launches", colours=colours, width=460),
    )
    words = f"{_small(report.kernel)}{report.reason or _verdict(report)}"
    drawn = [counted] if report.reason else [counted, _times(report, variants, colours)]
    return Picture(
        "\n".join([*(picture.alt for picture in drawn), words]),
        "".join(picture.html for picture in drawn) + f"<p>{escape(words)}</p>",
    )


def _times(report, variants: list, colours: list[str]) -> Picture:
    """Draw the times in a row of their own: next to two others they would be too small to read."""
    times = {v.name: v.timing for v in variants}
    copied = report.floor_seconds, "a copy"
    return timings(times, title="Time (minimum)", reference=copied, colours=colours)


def _small(kernel) -> str:
    """Return a sentence on the operations that only prepare a kernel's arguments, if any."""
    if not kernel.small:
        return ""
    return (
        f"Of the {kernel.launches} launches, {kernel.small} are small torch operations that "
        "prepare the kernel's arguments. "
    )


def _verdict(report) -> str:
    if not report.kernel.timing.available:
        return f"On {report.device}, this kernel could not be timed."
    share = report.floor_seconds / report.kernel.timing.minimum
    return (
        f"On {report.device}: the results agree, and this kernel reaches {share:.0%} of the speed "
        "of a copy of the same bytes."
    )
