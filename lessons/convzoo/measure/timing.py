"""Times callables and compares them fairly on a machine that does other things too.

The variants take turns, so that a slow spell of the machine affects all of them. A time is never a
single number: the minimum is what the work costs, the median and the spread show how steady the
machine was.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, nan

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from convzoo.errors import NotAttempted, UserError

_SHORTEST = 2e-3  # seconds that one repeat lasts at least, far above the clock's resolution
_FEWEST_REPEATS = 3
_MOST_REPEATS = 200
_UNSTEADY = 0.3  # of the median
_BUSY = "; the machine is busy or throttled: trust only the minimum"


@dataclass(frozen=True)
class Timing:
    """Seconds that one call takes.

    minimum, median  over the repeats
    spread           interquartile range over the repeats, relative to the median
    repeats          how many there were; 0 if the variant could not run
    reason           why it could not run, in one line
    """

    minimum: float
    median: float
    spread: float
    repeats: int
    reason: str = ""

    @property
    def available(self) -> bool:
        return not self.reason

    @property
    def steady(self) -> bool:
        """False if the machine was busy or throttled, so that only the minimum is reliable."""
        return self.spread <= _UNSTEADY and self.median <= (1 + _UNSTEADY) * self.minimum

    def __str__(self) -> str:
        if not self.available:
            return f"not available: {self.reason}"
        line = (
            f"{_in_units(self.minimum)} (min), {_in_units(self.median)} median, "
            f"spread {self.spread:.0%} of {self.repeats} repeats"
        )
        return line if self.steady else line + _BUSY


def bench(
    variants: Mapping[str, Callable],
    *inputs,
    seconds: float = 2.0,
    device: torch.device | str | None = None,
) -> dict[str, Timing]:
    """Time `variant(*inputs)` for every variant, in about `seconds` in total.

    The gradient mode is the caller's: wrap the call in `torch.no_grad()` to time inference. A GPU's
    work is timed by the GPU (CUDA events) or waited for (MPS). device: by default that of the
    tensors passed or returned.

    A variant that raises is returned as unavailable, with the reason, and the others continue.
    Every variant is repeated at least three times, even if that takes longer than `seconds`.
    """
    if seconds <= 0:
        raise UserError(f"seconds={seconds} leaves no time to measure. Give a positive number.")
    reasons: dict[str, str] = {}
    runs: dict[str, Callable[[], float]] = {}
    times: dict[str, list[float]] = {name: [] for name in variants}
    with _no_garbage_collection():
        end = time.perf_counter() + seconds
        for name, fn in variants.items():
            with _caught(name, reasons):
                runs[name] = _prepared(fn, inputs, device)
        for turn in range(_MOST_REPEATS):
            if turn >= _FEWEST_REPEATS and time.perf_counter() > end:
                break
            for name in random.Random(turn).sample(list(runs), len(runs)):
                if name not in reasons:
                    with _caught(name, reasons):
                        times[name].append(runs[name]())
    return {name: summary(times[name], reasons.get(name, "")) for name in variants}


def summary(times: list[float], reason: str = "") -> Timing:
    """Return the Timing of repeats that took these seconds each, or of a variant that failed."""
    if reason:
        return Timing(nan, nan, nan, 0, reason)
    median = statistics.median(times)
    first, _, third = statistics.quantiles(times, n=4, method="inclusive")
    return Timing(min(times), median, (third - first) / median, len(times))


def _prepared(fn: Callable, inputs: tuple, device) -> Callable[[], float]:
    """Warm `fn` up; return what times one repeat of it: seconds for one call."""
    clock = _clock(torch.device(device or _device_of((inputs, fn(*inputs)))))

    def seconds_of(calls: int) -> float:
        def repeat() -> None:
            for _ in range(calls):
                fn(*inputs)

        return clock(repeat)

    calls = 1
    while (taken := seconds_of(calls)) < _SHORTEST:
        # At most tenfold: the first calls are slow, so their time says little.
        calls = ceil(calls * min(10.0, 1.2 * _SHORTEST / max(taken, 1e-9)))
    return lambda: seconds_of(calls) / calls


def _device_of(tree) -> torch.device:
    tensors = [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor)]
    return tensors[0].device if tensors else torch.device("cpu")


def _clock(device: torch.device) -> Callable[[Callable[[], None]], float]:
    """Return a function that measures the seconds of some work on this device."""
    if device.type == "cuda":
        return _cuda_seconds
    wait = torch.mps.synchronize if device.type == "mps" else (lambda: None)

    def host_seconds(work: Callable[[], None]) -> float:
        wait()
        start = time.perf_counter()
        work()
        wait()
        return time.perf_counter() - start

    return host_seconds


def _cuda_seconds(work: Callable[[], None]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3


@contextmanager
def _caught(name: str, reasons: dict[str, str]) -> Iterator[None]:
    """Record under `name` why the body failed, if it did."""
    try:
        yield
    except (NotAttempted, UserError) as error:
        reasons[name] = str(error)
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        reasons[name] = f"{type(error).__name__}: {first_line}"


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _in_units(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
