"""Measures what a reader waits for: a check, a slider's move, the imports of a lesson's first
cell."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import torch

from convzoo import count, measure, place, show
from convzoo.exercises import all_exercises, assess

# What is imported, and what it is compared with: we do not count torch and torchvision.
IMPORTS = {
    "convzoo": ("torch", "import convzoo"),
    "a lesson's first cell": (
        "torch, torchvision, matplotlib",
        "from convzoo import begin, check, data, measure, predict, show, use",
    ),
}
_ROUNDS = 5


def checks() -> Iterator[dict]:
    """Yield how long the check of each exercise takes on its answer: {"exercise", "seconds"}.

    The second of two runs is timed, because the first one imports what it needs.
    """
    solutions = place.root() / "solutions"
    for lesson in dict.fromkeys(e.lesson for e in all_exercises().values()):
        names = count.definitions(solutions / f"{lesson}.py")
        for exercise in (e for e in all_exercises().values() if e.lesson == lesson):
            target = getattr(names, exercise.name)
            assess(exercise, target)
            start = time.perf_counter()
            verdict = assess(exercise, target)
            seconds = time.perf_counter() - start
            yield {"exercise": exercise.id, "status": verdict.status, "seconds": seconds}


def widgets(seconds: float = 1.0) -> Iterator[dict]:
    """Yield the milliseconds that the kernel takes from a slider's move to the new picture:
    {"picture", "ms"}.

    tests/bench_sliders.py measures what the browser adds.
    """
    for name, (draw, values) in _pictures().items():
        stops = show.widgets.Stops(values, values[0], name)
        explorer = show.widgets.Explorer(draw, value=stops)
        control = explorer.controls["value"]

        def move() -> None:
            control.value = values[(values.index(control.value) + 1) % len(values)]

        timing = measure.bench({name: move}, seconds=seconds)[name]
        yield {"picture": name, "ms": 1e3 * timing.median, "least": 1e3 * timing.minimum}


def _pictures() -> dict[str, tuple[Callable, list]]:
    """Return one example for each kind of picture that the lessons' sliders draw, with six
    stops."""
    pixel = torch.ones(1, 12, 1, 1)
    layers = {g: torch.nn.Conv2d(12, 12, 1, groups=g, bias=False) for g in (1, 2, 3, 4, 6, 12)}

    def matrix(value: int):
        probed = measure.channel_matrix(layers[value], pixel)
        return show.draw.channel_matrix(probed, title=f"{value} groups")

    def bars(value: int):
        weights = layers[value].weight.numel()
        rows = [("full", 144, "144"), ("grouped", weights, str(weights))]
        return show.draw.bars(rows, title=f"{value} groups", limit=144)

    def curves(value: int):
        points = [(g, layers[g].weight.numel() / value) for g in layers]
        line = show.draw.Line("weights", *zip(*points, strict=True))
        return show.draw.curves([line], title=f"{value}", x_label="groups", y_label="weights")

    return {draw.__name__: (draw, list(layers)) for draw in (matrix, bars, curves)}


def imports() -> Iterator[dict]:
    """Yield how much IMPORTS add to other imports in a fresh interpreter, the least of several
    runs: {"imports", "over", "base", "adds"} in seconds."""
    codes = {over: f"import {over}" for over, _ in IMPORTS.values()}
    codes |= {name: f"import {over}\n{code}" for name, (over, code) in IMPORTS.items()}
    rounds = [{name: _seconds(code) for name, code in codes.items()} for _ in range(_ROUNDS)]
    taken = {name: min(one[name] for one in rounds) for name in codes}
    for name, (over, _) in IMPORTS.items():
        base = taken[over]
        yield {"imports": name, "over": over, "base": base, "adds": taken[name] - base}


def _seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=place.IMPORTABLE)
    return time.perf_counter() - start
