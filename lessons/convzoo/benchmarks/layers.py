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

from convzoo import count, measure, place
from convzoo.exercises import Exercise, all_exercises
from convzoo.measure import Timing

HALF = 0.5  # of the framework's speed: a vectorised layer should reach this


@dataclass(frozen=True)
class Layer:
    """An exercise at a size that real networks use.

    tensors  shape of each tensor argument, by name
    scalars  its other arguments; for a class, those of its constructor
    trains   whether it has a backward pass
    """

    id: str
    tensors: dict[str, tuple[int, ...]]
    scalars: dict = field(default_factory=dict)
    trains: bool = True


_MAP = (8, 64, 28, 28)
_C = {name: (64,) for name in ("weight", "bias", "running_mean", "running_var")}
LAYERS = (
    Layer("convolution.conv1x1", {"x": _MAP, "weight": (128, 64)}),
    Layer("convolution.conv2d", {"x": _MAP, "weight": (64, 64, 3, 3)}, {"padding": 1}),
    Layer("convolution.batch_norm", {"x": _MAP, **_C}, {"training": True}),
    Layer(
        "convolution.inception",
        {"x": (4, 192, 28, 28)},
        {
            "in_channels": 192,
            "ch1x1": 64,
            "ch3x3red": 96,
            "ch3x3": 128,
            "ch5x5red": 16,
            "ch5x5": 32,
            "pool_proj": 32,
        },
    ),
    Layer("resnet.basic_block", {"x": _MAP}, {"in_channels": 64, "planes": 64}),
    Layer("resnet.bottleneck", {"x": (8, 256, 28, 28)}, {"in_channels": 256, "planes": 64}),
    Layer(
        "resnext.grouped_conv2d",
        {"x": (8, 128, 28, 28), "weight": (128, 4, 3, 3)},
        {"groups": 32, "padding": 1},
    ),
    Layer(
        "resnext.block",
        {"x": (8, 256, 28, 28)},
        {"in_channels": 256, "planes": 64, "groups": 32, "width_per_group": 4},
    ),
    Layer("densenet.layer", {"x": (8, 256, 28, 28)}, {"in_channels": 256, "growth_rate": 32}),
    Layer("densenet.block", {"x": _MAP}, {"num_layers": 6, "in_channels": 64, "growth_rate": 32}),
    Layer(
        "densenet.buffer",
        {"x": _MAP},
        {"num_layers": 6, "in_channels": 64, "growth_rate": 32},
        trains=False,
    ),
    Layer("senet.lecture_gate", {"x": _MAP, "weight": (64, 28, 28)}),
    Layer(
        "senet.squeeze_excite", {"x": _MAP, "w1": (4, 64), "b1": (4,), "w2": (64, 4), "b2": (64,)}
    ),
    Layer("senet.block", {"x": (8, 256, 28, 28)}, {"in_channels": 256, "planes": 64}),
    Layer("shufflenet.channel_shuffle", {"x": _MAP}, {"groups": 8}),
    Layer(
        "shufflenet.unit",
        {"x": (8, 240, 28, 28)},
        {"in_channels": 240, "out_channels": 240, "stride": 1, "groups": 3, "first_groups": 3},
    ),
    Layer(
        "shufflenet.unit_v2",
        {"x": (8, 116, 28, 28)},
        {"in_channels": 116, "out_channels": 116, "stride": 1},
    ),
    Layer(
        "separable.depthwise_conv2d",
        {"x": (8, 128, 28, 28), "weight": (128, 1, 3, 3)},
        {"padding": 1},
    ),
    Layer("separable.block", {"x": (8, 128, 28, 28)}, {"in_channels": 128, "out_channels": 128}),
    Layer(
        "separable.inverted_residual",
        {"x": (8, 32, 28, 28)},
        {"in_channels": 32, "out_channels": 32},
    ),
)


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
