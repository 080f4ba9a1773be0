"""Curves from reports: a layout's speed-up by density, and where dense becomes faster."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import nan
from pathlib import Path

from convzoo import place
from convzoo.measure import records, sparse

Times = dict[float, tuple[float, float]]  # by density: seconds of dense, of a layout
RIVALS = ("COO", "CSR", "BSR", "block-diagonal")  # of the dense product


def load_all(folder: Path | None = None, part: str = "") -> list[dict]:
    """Return every device's report in a folder, by file name; experiments' files are left out, and
    so are reports in which `part` has not been measured."""
    found = [records.read(path) for path in sorted((folder or place.results()).glob("*.json"))]
    reports = [record for record in found if record and record.get("what") == "report"]
    return [record for record in reports if not part or record["parts"].get(part)]


def curve(record: dict, layout: str, n: int, columns: int, dtype: str = "float32") -> list[dict]:
    """Return a layout's speed-up over dense by increasing density: density, speedup, low, high.

    The speed-up compares the minimum time over all rounds with dense's minimum at the same density:
    what the work costs, however busy the machine was. low and high are the smallest and the largest
    speed-up of the single rounds. Densities without measurements are left out.
    """
    rounds: dict[float, list[tuple[float, float]]] = {}
    for density, dense, taken, _ in _times(record, layout, n, columns, dtype):
        rounds.setdefault(density, []).append((dense, taken))
    return [
        {
            "density": d,
            "speedup": _least(pairs)[0] / _least(pairs)[1],
            "low": min(t / s for t, s in pairs),
            "high": max(t / s for t, s in pairs),
        }
        for d, pairs in sorted(rounds.items())
    ]


def _least(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the minimum time of both."""
    dense, taken = zip(*pairs)
    return min(dense), min(taken)


def _times(
    record: dict, layout: str, n: int, columns: int, dtype: str
) -> Iterator[tuple[float, float, float, int]]:
    """Density, seconds of dense, seconds of the layout, round: of every point that has both."""
    for point in record["parts"].get("sparse", []):
        if (point["n"], point["columns"], point["dtype"]) == (n, columns, dtype):
            dense, taken = (point["times"][k].get("minimum", nan) for k in ("dense", layout))
            if dense == dense and taken == taken:
                yield point["density"][layout], dense, taken, point["round"]


def crossovers(record: dict) -> list[dict]:
    """Return where dense becomes faster, for each size, number of columns and layout.

    density: from the minimum times over all rounds; low and high: the range over single rounds. If
    the curves do not cross, density is None and `faster` is the faster one.
    """
    points = record["parts"].get("sparse", [])
    keys = sorted({(p["dtype"], p["n"], p["columns"]) for p in points})
    return [
        {"dtype": t, "n": n, "columns": c, "layout": layout, **_crossing(record, layout, n, c, t)}
        for (t, n, c), layout in product(keys, RIVALS)
    ]


def _crossing(record: dict, layout: str, n: int, columns: int, dtype: str) -> dict:
    rounds: dict[int, Times] = {}
    every: dict[float, list[tuple[float, float]]] = {}
    for density, dense, taken, r in _times(record, layout, n, columns, dtype):
        if layout == "block-diagonal" and density == 1:
            continue  # a single block is the dense product itself: any crossing there is noise
        rounds.setdefault(r, {})[density] = (dense, taken)  # block-diagonal: some come twice
        every.setdefault(density, []).append((dense, taken))
    times = {density: _least(pairs) for density, pairs in every.items()}
    met = _crossing_density(times)
    if met is None:
        wins = sum(taken < dense for dense, taken in times.values())
        faster = (layout if wins > len(times) / 2 else "dense") if times else None
        return {"density": None, "rounds": len(rounds), "faster": faster}
    range_ = [met, *(at for at in map(_crossing_density, rounds.values()) if at is not None)]
    values = {"density": met, "low": min(range_), "high": max(range_)}
    return {**{k: records.short(v) for k, v in values.items()}, "rounds": len(rounds)}


def _crossing_density(times: Times) -> float | None:
    """Return where the curves cross."""
    at = sorted(times)
    return sparse.crossover(at, [times[d][0] for d in at], [times[d][1] for d in at])
