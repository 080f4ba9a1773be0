"""`make gpu`: everything there is to measure on an accelerator, in eight minutes on one card.

    tests     the tests that need a GPU
    kernels   the ideas' Triton kernels against the framework and a copy of the same bytes
    lessons   every solution as a script, on the device
    layers    the lessons' layers against the framework's, as `bench` compares them
    training  one network of the zoo
    peaks, grouped, sparse    as in `report`

These are more parts of the device's report, figures/data/DEVICE.json: each point is saved as soon
as it is there, and a run that was stopped continues where it was. A point that fails is reported in
one sentence and not saved, so that the next run tries it again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from convzoo import device as devices
from convzoo import place
from convzoo.errors import UserError
from convzoo.gpu import kernels, scripts, work
from convzoo.measure import records
from convzoo.measure.device_report import PARTS as CURVES
from convzoo.measure.device_report import Pace, Say, report

__all__ = ["PARTS", "Day", "gpu", "value_and_lines"]

# In the order of what is missed most: the curves are long, and last.
PARTS = {
    "tests": scripts.TESTS,
    "kernels": kernels.KERNELS,
    "lessons": scripts.LESSONS,
    "layers": work.LAYERS,
    "training": work.TRAINING,
    **CURVES,
}
_SCALE = 0.1  # of the seconds that a CPU's point takes; a card is that much faster
_REHEARSAL = 0.02


@dataclass
class Day:
    """A run's outcome: the file, one sentence for each point that failed, and how many points the
    time did not suffice for."""

    path: Path
    failed: list[str] = field(default_factory=list)
    left: int = 0


def gpu(
    parts: list[str],
    minutes: float = inf,
    rehearse: bool = False,
    again: bool = False,
    note: str = "",
    folder: Path | None = None,
    say: Say = lambda line: print(line, file=sys.stderr, flush=True),
) -> Day:
    """Measure the named parts (default: all) on this machine's accelerator.

    minutes: no point is begun after them. rehearse: a few small points of each part, on whatever
    device there is, written to build/gpu instead of figures/data. again, note: as in `report`.
    Raises UserError if there is no accelerator, and for an unknown part.
    """
    device = devices.choose()
    if device.type == "cpu" and not rehearse:
        raise UserError(
            "There is no accelerator to measure: torch finds neither CUDA nor MPS here (or "
            f"{devices.VARIABLE} asks for the CPU). On a machine without one, `--rehearse` tries a "
            "little of every part."
        )
    folder = folder or (place.root() / "build" / "gpu" if rehearse else place.results())
    folder.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []

    def on_failure(part: str, settings: dict, problem: Exception) -> None:
        failed.append(f"{part}: {_what(settings)}: {_sentence(problem)}")
        say(f"  {failed[-1]}")

    pace = Pace(_REHEARSAL if rehearse else _SCALE, time.monotonic() + 60 * minutes, on_failure)
    path = report(parts, rehearse, again, note, folder, device, say, PARTS, pace)
    done = (records.read(path) or {"parts": {}})["parts"]
    wanted = {name: PARTS[name].settings(device, rehearse) for name in parts or PARTS}
    missing = sum(
        not any(settings.items() <= point.items() for point in done.get(name, []))
        for name, points in wanted.items()
        for settings in points
    )
    return Day(path, failed, missing - len(failed))


def _what(settings: dict) -> str:
    """Return a point's settings in words: its name, or "n 1024, columns 16"."""
    if len(settings) == 1:
        return str(next(iter(settings.values())))
    return ", ".join(f"{key} {value}" for key, value in settings.items())


def _sentence(problem: Exception) -> str:
    if isinstance(problem, UserError):
        return str(problem)
    line = (str(problem).strip().splitlines() or [""])[0]
    return f"{type(problem).__name__}: {line}"[:300]


def _each(line: Callable[[dict], str]) -> Callable[[list[dict]], list[str]]:
    return lambda points: [line(point) for point in points]


_LINES = {
    "tests": _each(scripts.tests_line),
    "kernels": kernels.lines,
    "lessons": _each(scripts.lesson_line),
    "layers": _each(work.layer_line),
    "training": _each(work.training_line),
}


def value_and_lines(day: Day) -> tuple[dict, list[str], int]:
    """Return the command line's output: the value for --json, lines for people, exit status."""
    record = records.read(day.path) or {"parts": {}}
    found = record["parts"]
    lines = []
    if record["parts"]:
        about = f"{record['device']}, torch {record['torch']}, {record['date']}"
        lines = [f"{day.path.name}: {about}"]
    for name, as_lines in _LINES.items():
        rows = as_lines(found[name]) if name in found else []
        lines += [f"{name}:", *(f"  {row}" for row in rows)] if rows else []
    if day.failed:
        lines += ["What failed (the next run tries it again):", *(f"  {s}" for s in day.failed)]
    if day.left > 0:
        lines.append(
            f"Time is up: {day.left} points are left. Run the same command to continue; what is "
            "measured is saved."
        )
    counts = {name: len(points) for name, points in found.items()}
    value = {
        "file": str(day.path), "points": counts, "failed": day.failed, "left": max(0, day.left)
    }  # fmt: skip
    return value, lines, 1 if day.failed or day.left > 0 else 0
