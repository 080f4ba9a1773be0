"""A device's measured curves, in a file that a lesson draws behind the reader's own.

    python -m convzoo report                     every part, on the device that `begin` chooses
    python -m convzoo report --parts sparse      one part
    python -m convzoo report --quick             a few points of each

Each point is saved to figures/data/DEVICE.json as soon as it is measured; a second run continues
where the first was stopped. Every number has a minimum, median and spread (`Timing`), and every
point is measured in several rounds with all others in between, so that a slow spell of the machine
shows up as a difference between rounds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from itertools import product, takewhile
from math import inf
from pathlib import Path

import torch
from torch.nn import functional as F

from convzoo import device as devices
from convzoo import place
from convzoo.errors import UserError
from convzoo.measure import records, sparse
from convzoo.measure.curves import crossovers, curve, load_all
from convzoo.measure.timing import Timing, bench

__all__ = ["PARTS", "Pace", "Part", "crossovers", "curve", "load_all", "report", "value_and_lines"]

DENSITIES = (0.001, 0.003, 0.01, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
# Each layout on the pattern that it is designed for.
LAYOUTS_OF = {
    "random": ("dense", "COO", "CSR"),
    "blocks": ("BSR",),
    "block-diagonal": ("block-diagonal",),
}
MUST_AGREE = ("kind", "device", "threads", "torch", "platform")
_SLOWEST = 0.5  # seconds: a slower product is timed once a round
_SETTLE = 1.7  # building, checking and warming up, relative to the measured seconds

Say = Callable[[str], None]
Settings = dict[str, object]


@dataclass(frozen=True)
class Part:
    """One part of a report: the settings of its points, and how one of them is measured.

    A point's settings are everything in it except its measurements; a point that the file already
    has is not measured again.
    """

    title: str
    settings: Callable[[torch.device, bool], list[Settings]]
    measure: Callable[[torch.device, Settings, float], dict]
    seconds: float  # that one point is measured for
    wait: float = 0.0  # seconds that one point takes besides, at any pace
    together: int = 1  # points that are measured at once, where their times do not matter


@dataclass(frozen=True)
class Pace:
    """How much time a report takes, and what happens if a point fails.

    scale      of the seconds for each point: a fast device needs less
    end        of `time.monotonic()`: no point is begun after it
    on_failure called with the part's name, the settings and the exception of a point that failed,
    which is not saved; None: the report stops
    """

    scale: float = 1.0
    end: float = inf
    on_failure: Callable[[str, Settings, Exception], None] | None = None


# --- the parts ------------------------------------------------------------------


def _types(device: torch.device) -> tuple[str, ...]:
    return ("float32", "bfloat16") if device.type == "cuda" else ("float32",)


def _sparse_settings(device: torch.device, quick: bool) -> list[Settings]:
    rounds, sizes, columns = (
        (range(1), (1024,), (256,)) if quick else (range(3), (1024, 2048, 4096), (16, 256, 1024))
    )
    return [
        {"round": r, "dtype": t, "n": n, "columns": c, "asked": d}
        for r, t, n, d, c in product(rounds, _types(device), sizes, DENSITIES, columns)
    ]


def _sparse(device: torch.device, point: Settings, seconds: float) -> dict:
    """Time every layout, each on its own pattern at about the same density, and dense."""
    n, dtype, seed = point["n"], getattr(torch, point["dtype"]), point["round"]
    products, matrices, density = _matrices(device, n, dtype, point["asked"], seed)
    _, x = sparse.operands(n, point["columns"], device, seed, dtype)
    times = sparse.timed(products, x, matrices, seconds, slowest=_SLOWEST)
    return {"density": density, "times": plain(times)}


@lru_cache(maxsize=1)  # points of one density come one after another
def _matrices(device: torch.device, n: int, dtype: torch.dtype, asked: float, seed: int) -> tuple:
    """Return products, dense matrices and densities, by layout."""
    weight, _ = sparse.operands(n, 1, device, seed, dtype)
    products, matrices, density = {}, {}, {}
    for pattern, names in LAYOUTS_OF.items():
        where = sparse.mask(pattern, n, asked, seed)
        products |= sparse.layouts(weight, where, names=names)
        matrices |= dict.fromkeys(names, weight * where.to(device))
        density |= dict.fromkeys(names, records.short(sparse.density_of(where)))
    return products, matrices, density


def _grouped_settings(device: torch.device, quick: bool) -> list[Settings]:
    large = device.type == "cuda"
    shapes = [(64, 256, 56), (64, 512, 14)] if large else [(8, 128, 28), (8, 256, 14)]
    rounds = range(1 if quick else 3)
    return [
        {"round": r, "dtype": t, "images": n, "channels": c, "size": s}
        for r, t, (n, c, s) in product(rounds, _types(device), shapes[: 1 if quick else 2])
    ]


def _grouped(device: torch.device, point: Settings, seconds: float) -> dict:
    """Time 3 x 3 convolutions by groups, in both memory formats, all interleaved."""
    images, channels, size = point["images"], point["channels"], point["size"]
    dtype = getattr(torch, point["dtype"])
    formats = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
    counts = [2**k for k in range(channels.bit_length()) if channels % 2**k == 0]
    x = torch.randn(images, channels, size, size).to(device, dtype)
    runs = {}
    for (name, form), groups in product(formats.items(), counts):
        weight = torch.randn(channels, channels // groups, 3, 3).to(device, dtype)
        w, y = weight.to(memory_format=form), x.to(memory_format=form)
        runs[f"{name} {groups}"] = _convolution(y, w, groups)
    with torch.no_grad():
        times = bench(runs, seconds=seconds * len(runs), device=device)
    return {"times": plain(times)}


def _convolution(x: torch.Tensor, weight: torch.Tensor, groups: int) -> Callable:
    return lambda: F.conv2d(x, weight, padding=1, groups=groups)


def _peak_settings(device: torch.device, quick: bool) -> list[Settings]:
    return [{"round": r, "dtype": t} for r, t in product(range(1 if quick else 5), _types(device))]


def _peak(device: torch.device, point: Settings, seconds: float) -> dict:
    """Time a copy far larger than the caches, and a large matrix product."""
    large = device.type == "cuda"
    elements, width = (2**28, 8192) if large else (2**25, 2048)
    dtype = getattr(torch, point["dtype"])
    source = torch.ones(elements, dtype=dtype, device=device)
    target = torch.empty_like(source)
    a, b = torch.randn(2, width, width).to(device, dtype)
    runs = {"copy": lambda: target.copy_(source), "product": lambda: a @ b}
    times = bench(runs, seconds=seconds, device=device)
    moved = 2 * elements * source.element_size()  # read once, written once
    return {"bytes": moved, "macs": width**3, "times": plain(times)}


PARTS = {
    "peaks": Part("peak rates of copying and multiplying", _peak_settings, _peak, 2.0),
    "grouped": Part("3 x 3 convolutions by groups", _grouped_settings, _grouped, 0.5),
    "sparse": Part("sparse layouts by density", _sparse_settings, _sparse, 0.6),
}


def plain(times: dict[str, Timing]) -> dict[str, dict]:
    """Return timings as JSON, in seconds; if there is none, the reason."""
    return {
        name: {
            "minimum": records.short(t.minimum),
            "median": records.short(t.median),
            "spread": round(t.spread, 3),
            "repeats": t.repeats,
        }
        if t.available
        else {"reason": t.reason}
        for name, t in times.items()
    }


# --- measuring ------------------------------------------------------------------


def report(
    parts: Iterable[str] = (),
    quick: bool = False,
    again: bool = False,
    note: str = "",
    folder: Path | None = None,
    device: torch.device | str | None = None,
    say: Say = lambda line: print(line, file=sys.stderr, flush=True),
    known: Mapping[str, Part] | None = None,
    pace: Pace = Pace(),
) -> Path:
    """Measure the parts (default: all) and save them; return the file.

    Points that the file has are left alone; `again` discards the named parts first. `note`: what
    a reader of the numbers should know about the machine. known: the parts that there are, by
    default PARTS.
    Raises UserError for an unknown part, and if the file was measured with another torch.
    """
    known = PARTS if known is None else known
    names = list(parts) or list(known)
    for name in names:
        if name not in known:
            raise UserError(f"A report has no part {name!r}. Choose from {', '.join(known)}.")
    device = torch.device(device or devices.choose())
    about = records.header(device)
    path = (folder or place.results()) / f"{records.slug(about)}.json"
    record = _continued(records.read(path), about, path.name, again, names)
    if note:
        record["note"] = note
    for name in names:
        _measure(known[name], record, name, device, quick, path, say, pace)
    return path


def _continued(found: dict | None, about: dict, file: str, again: bool, names: list[str]) -> dict:
    """Return the record to continue from."""
    if found is None or (again and set(names) >= set(found["parts"])):
        return {"what": "report", **about, "note": "", "parts": {}}
    other = [key for key in MUST_AGREE if found.get(key) != about[key]]
    if other:
        key = other[0]
        raise UserError(
            f"{file} was measured with {key} {found.get(key)}, but this is {about[key]}, so the "
            "two do not belong in one curve. Measure every part again with --again."
        )
    kept = {k: v for k, v in found["parts"].items() if not (again and k in names)}
    return {**found, "date": about["date"], "convzoo": about["convzoo"], "parts": kept}


def _measure(
    part: Part,
    record: dict,
    name: str,
    device: torch.device,
    quick: bool,
    path: Path,
    say: Say,
    pace: Pace,
) -> None:
    """Measure what is missing of a part, and save the record after every point."""
    points = record["parts"].get(name, [])
    wanted = part.settings(device, quick)
    missing = [s for s in wanted if not any(s.items() <= point.items() for point in points)]
    say(
        f"{name}: {part.title}: {len(wanted) - len(missing)} of {len(wanted)} points are done"
        + (f"; about {_minutes(_expected(part, missing, pace.scale))} for the rest" * bool(missing))
    )
    began = time.monotonic()
    for done, (settings, found) in enumerate(_results(part, device, missing, pace), 1):
        if isinstance(found, Exception):
            if pace.on_failure is None:
                raise found
            pace.on_failure(name, settings, found)
            continue
        points.append({**settings, **found})
        record["parts"][name] = points
        records.write(path, {**record, "crossovers": crossovers(record)})
        left = (time.monotonic() - began) / done * (len(missing) - done)
        if done % max(1, len(missing) // 20) == 0 or done == len(missing):
            rest = f", {_minutes(left)} left" if left else ""
            say(f"  {name}: {len(wanted) - len(missing) + done} of {len(wanted)}{rest}")


def _results(
    part: Part, device: torch.device, missing: list[Settings], pace: Pace
) -> Iterator[tuple[Settings, dict | Exception]]:
    """Yield each point's settings and what was measured, or why it was not, until time is up."""

    def measured(settings: Settings) -> dict | Exception | None:
        if time.monotonic() > pace.end:
            return None
        try:
            return part.measure(device, settings, pace.scale * part.seconds)
        except Exception as problem:
            return problem

    if part.together == 1:
        found = ((settings, measured(settings)) for settings in missing)
        yield from takewhile(lambda pair: pair[1] is not None, found)
        return
    with ThreadPoolExecutor(part.together) as pool:
        waiting = {pool.submit(measured, settings): settings for settings in missing}
        for future in as_completed(waiting):
            if future.result() is not None:
                yield waiting[future], future.result()


def _expected(part: Part, missing: list[Settings], scale: float) -> float:
    """Return the seconds; a convolution's point has a variant for each number of groups and
    format."""
    variants = sum(2 * s["channels"].bit_length() if "channels" in s else 1 for s in missing)
    measuring = scale * part.seconds * _SETTLE * variants
    return measuring + part.wait * len(missing) / part.together


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{max(1, seconds):.0f} s"


def value_and_lines(path: Path) -> tuple[dict, list[str]]:
    """Return the command line's output for a report: its value, and lines for people."""
    record = records.read(path)
    found = record.get("crossovers", [])
    lines = [f"{path.name}: {record['device']}, torch {record['torch']}, {record['date']}"]
    lines += [f"  {_sentence(c)}" for c in found if c["density"] or c["faster"]]
    return {"file": path.name, "crossovers": found}, lines


def _sentence(c: dict) -> str:
    head = f"{c['n']} x {c['n']}, {c['columns']} columns, {c['dtype']}, {c['layout']}: "
    if c["density"] is None:
        return head + f"{c['faster']} is faster throughout"
    return head + (
        f"dense is faster above {c['density']:.1%} "
        f"({c['low']:.1%} to {c['high']:.1%} in {c['rounds']} rounds)"
    )
