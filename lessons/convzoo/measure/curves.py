"""What reports say: a layout's speed-up by density, and where dense becomes the faster."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import nan
from pathlib import Path
from statistics import median

from convzoo.measure import records, sparse

RIVALS = ("COO", "CSR", "BSR", "block-diagonal")  # of the dense product


def load_all(folder: Path | None = None) -> list[dict]:
    """Every device's report in a folder, by file name; experiments' files are left out."""
    found = [records.read(path) for path in sorted((folder or records.folder()).glob("*.json"))]
    return [record for record in found if record and record.get("what") == "report"]


def curve(record: dict, layout: str, n: int, columns: int, dtype: str = "float32") -> list[dict]:
    """A layout's speed-up over dense by density, rising: density, speedup, low, high.

    A round's speed-up compares the minima of turns that were taken together; the middle of the
    rounds is given, and their range. Densities at which nothing was measured are left out.
    """
    rounds: dict[float, list[float]] = {}
    for density, dense, taken, _ in _times(record, layout, n, columns, dtype):
        rounds.setdefault(density, []).append(dense / taken)
    return [
        {"density": d, "speedup": median(s), "low": min(s), "high": max(s)}
        for d, s in sorted(rounds.items())
    ]


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
    """Where dense becomes the faster, for each size, number of columns and layout.

    density: the middle of the rounds, with low and high; None where the curves never crossed,
    and then `faster` says which was the faster one throughout.
    """
    points = record["parts"].get("sparse", [])
    keys = sorted({(p["dtype"], p["n"], p["columns"]) for p in points})
    return [
        {"dtype": t, "n": n, "columns": c, "layout": layout, **_crossing(record, layout, n, c, t)}
        for (t, n, c), layout in product(keys, RIVALS)
    ]


def _crossing(record: dict, layout: str, n: int, columns: int, dtype: str) -> dict:
    rounds: dict[int, dict[float, tuple[float, float]]] = {}
    for density, dense, taken, r in _times(record, layout, n, columns, dtype):
        if layout == "block-diagonal" and density == 1:
            continue  # a single block is the dense product itself: what crosses there is noise
        rounds.setdefault(r, {})[density] = (dense, taken)  # block-diagonal: some come twice
    found = []
    for times in rounds.values():
        at = sorted(times)
        found.append(sparse.crossover(at, [times[d][0] for d in at], [times[d][1] for d in at]))
    met = sorted(d for d in found if d is not None)
    if not met:
        pairs = [pair for times in rounds.values() for pair in times.values()]
        faster = layout if sum(t < d for d, t in pairs) > len(pairs) / 2 else "dense"
        return {"density": None, "rounds": len(found), "faster": faster if pairs else None}
    values = {"density": median(met), "low": met[0], "high": met[-1]}
    return {**{k: records.short(v) for k, v in values.items()}, "rounds": len(found)}
