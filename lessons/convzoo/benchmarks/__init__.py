"""`make bench`: the from-scratch layers against the framework's, and the times that a reader waits
for.

    layers    every layer that the lessons build: speed, bytes and launches of both passes
    checks    how long each exercise's check takes, in seconds
    widgets   how long a slider's move takes, in milliseconds
    imports   how much a lesson's imports add to those of torch

No test asserts these times, because they depend on the machine. The tests do assert the counts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from convzoo import device as devices
from convzoo.benchmarks import layers, reader
from convzoo.errors import UserError
from convzoo.measure import records

__all__ = ["PARTS", "bench", "as_lines"]


@dataclass(frozen=True)
class Part:
    """One part of the benchmark. title: its heading; rows: called with the device and the seconds
    for each measurement; line: writes a row as a line; order: the key to sort rows by."""

    title: str
    rows: Callable[[torch.device, float], Iterable[dict]]
    line: Callable[[dict], str]
    order: Callable[[dict], float]


PARTS = {
    "layers": Part(
        "the lessons' layers against the framework's, slowest first",
        layers.rows,
        layers.line,
        lambda row: row["speed"],
    ),
    "checks": Part(
        "seconds per check, slowest first",
        lambda device, seconds: reader.checks(),
        lambda row: f"{row['exercise']:<32}{row['seconds']:.3f} s  {row['status']}",
        lambda row: -row["seconds"],
    ),
    "widgets": Part(
        "a slider's move, time in the kernel",
        lambda device, seconds: reader.widgets(seconds),
        lambda row: f"{row['picture']:<32}{row['ms']:.1f} ms (least {row['least']:.1f})",
        lambda row: -row["ms"],
    ),
    "imports": Part(
        "extra import time, in a fresh interpreter",
        lambda device, seconds: reader.imports(),
        lambda row: (
            f"{row['imports']:<32}{row['adds']:.2f} s over the {row['base']:.2f} s of {row['over']}"
        ),
        lambda row: row["adds"],
    ),
}


def bench(parts: list[str], seconds: float = 1.0) -> dict:
    """Measure the named parts (default: all).

    Returns {"about": the device and versions, part: its rows}.
    Raises UserError for an unknown part.
    """
    for name in parts:
        if name not in PARTS:
            raise UserError(f"There is no part {name!r}. Choose from {', '.join(PARTS)}.")
    device = devices.choose()
    found: dict = {"about": records.header(device)}
    for name in (name for name in PARTS if name in (parts or PARTS)):
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        found[name] = sorted(PARTS[name].rows(device, seconds), key=PARTS[name].order)
    return found


def as_lines(found: dict) -> list[str]:
    """Return the results as lines to read."""
    about = found["about"]
    lines = [f"{about['device']}, {about['threads']} threads, torch {about['torch']}"]
    for name in (name for name in PARTS if name in found):
        part = PARTS[name]
        lines += ["", f"{name}: {part.title}", *(f"  {part.line(row)}" for row in found[name])]
    return lines
