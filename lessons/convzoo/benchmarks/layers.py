"""Compares every layer that the lessons build with the framework's: time, bytes, launches.

A layer is an exercise's answer (from the solutions) and that exercise's reference. The two are
timed alternately on the same input: the forward pass alone, then forward and backward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor, nn

from convzoo import count, ideas, measure, place
from convzoo.exercises import Exercise, all_exercises
from convzoo.measure import Timing

HALF = 0.5  # of the framework's speed: a vectorised layer should reach this


@dataclass(frozen=True)
class Layer:
    """An exercise at a size that real networks use, from its idea's `sizes.py`.

    tensors  shape of each tensor argument, by name
    scalars  its other arguments; for a class, those of its constructor
    trains   whether it has a backward pass
    """

    id: str
    tensors: dict[str, tuple[int, ...]]
    scalars: dict = field(default_factory=dict)
    trains: bool = True


LAYERS = tuple(Layer(id, **size) for m in ideas.modules("sizes") for id, size in m.LAYERS.items())


def rows(device: torch.device, seconds: float = 1.0, layers=LAYERS) -> Iterator[dict]:
    """For each layer and pass: {"layer", "pass", "speed", "ours", "theirs", "bytes", "launches"}.

    speed            the framework's time divided by ours (minima): 1 is as fast, 0.5 half as fast;
    ours and theirs hold minimum, median and spread in seconds
    bytes, launches  [ours, the framework's], counted
    """
    for layer in layers:
        exercise = all_exercises()[layer.id]
        ours = _answer(exercise)
        pair = {
            name: _call(target, layer, device)
            for name, target in (("ours", ours), ("theirs", exercise.reference))
        }
        for kind in ("forward", "forward and backward")[: 1 + layer.trains]:
            backward = kind != "forward"
            calls = {name: _pass(call, given, backward) for name, (call, given) in pair.items()}
            times = measure.bench(calls, seconds=seconds, device=device)
            counts = [_counted(call, given, backward) for call, given in pair.values()]
            yield {
                "layer": layer.id,
                "pass": kind,
                "speed": _ratio(times),
                **_plain(times),
                "bytes": [c[0] for c in counts],
                "launches": [c[1] for c in counts],
            }


def _answer(exercise: Exercise) -> Callable:
    return getattr(_names(exercise.lesson), exercise.name)


@lru_cache(None)
def _names(lesson: str):
    """Return what a solution defines; from its notebook, which can be read without jupytext."""
    return count.definitions(place.root() / "solutions" / f"{lesson}.ipynb")


def _call(target: Callable, layer: Layer, device: torch.device) -> tuple[Callable, tuple]:
    """Return what to call and the tensors to call it with; both forms get the same numbers."""
    with torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(0)
        tensors = {name: torch.rand(shape) for name, shape in layer.tensors.items()}
        if isinstance(target, type):
            return target(**layer.scalars).to(device).train(layer.trains), tuple(tensors.values())
    names = tuple(tensors)

    def call(*given: Tensor):
        return target(**dict(zip(names, given, strict=True)), **layer.scalars)

    return call, tuple(tensors.values())


def _pass(call: Callable, given: tuple[Tensor, ...], backward: bool) -> Callable[[], object]:
    if not backward:
        return torch.no_grad()(lambda: call(*given))
    leaves = [t.clone().requires_grad_() for t in given]
    weights = list(call.parameters()) if isinstance(call, nn.Module) else []
    upstream = torch.ones_like(_first(call(*leaves)))

    def both():
        out = _first(call(*leaves))
        return torch.autograd.grad(out, [*leaves, *weights], upstream, allow_unused=True)

    return both


def _first(output) -> Tensor:
    return output if isinstance(output, Tensor) else output[0]


def _counted(call: Callable, given: tuple[Tensor, ...], backward: bool) -> tuple[int, int]:
    """Return the bytes and launches of a pass."""

    def first(*tensors):
        return _first(call(*tensors))

    if not backward:
        with torch.no_grad():
            found = measure.cost(first, *given)
        return found.bytes, found.launches
    found = measure.cost(first, *given, backward=True)
    return found.bytes + found.backward.bytes, found.launches + found.backward.launches


def _ratio(times: dict[str, Timing]) -> float:
    return times["theirs"].minimum / times["ours"].minimum


def _plain(times: dict[str, Timing]) -> dict:
    return {
        name: {"minimum": t.minimum, "median": t.median, "spread": t.spread, "repeats": t.repeats}
        for name, t in times.items()
    }


def line(row: dict) -> str:
    """Return a row as a line to read; if a layer is slower than half, also how much it moves."""
    ours, theirs = (1e3 * row[name]["minimum"] for name in ("ours", "theirs"))
    text = (
        f"{row['layer']:<28}{row['pass']:<21}{row['speed']:>5.2f} of the framework's speed "
        f"({ours:.2f} against {theirs:.2f} ms)"
    )
    if row["speed"] >= HALF:
        return text
    moved = row["bytes"][0] / row["bytes"][1]
    return f"{text}; it moves {moved:.1f} times the bytes, {row['launches'][0]} launches"
