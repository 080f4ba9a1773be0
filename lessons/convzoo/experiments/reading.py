"""The results of experiments, read from their files and summarised over the seeds."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

from convzoo import place
from convzoo.errors import UserError
from convzoo.measure import records


def load(name: str, folder: Path | None = None) -> dict:
    """Return an experiment's record; raises UserError if it was never run."""
    path = (folder or place.results()) / f"{name}.json"
    record = records.read(path)
    if record is None or record.get("what") != "experiment":
        raise UserError(
            f"There are no results of {name!r} in figures/data. Run `python -m convzoo "
            f"experiments {name}` to train its networks."
        )
    return record


def summary(record: dict) -> list[dict]:
    """Return a row for each variant: params, macs, seeds (how many), mean, low and high.

    The last three are the test accuracy after the last epoch, in 0..1.
    """
    rows = []
    for variant, size in record["variants"].items():
        found = _accuracies(record, variant)
        if found:
            middle = {"mean": mean(found), "low": min(found), "high": max(found)}
            rows.append({"variant": variant, **size, "seeds": len(found), **middle})
    return rows


def gap(record: dict, one: str, other: str) -> dict:
    """Compare two variants over their seeds: {"gap", "spread", "visible"}.

    gap: one's mean accuracy minus the other's; spread: the wider of the two ranges over seeds.
    visible: the gap is larger than the spread, and each has two seeds or more. Only then does an
    experiment show anything.
    """
    a, b = (_accuracies(record, variant) for variant in (one, other))
    for variant, found in ((one, a), (other, b)):
        if not found:
            raise UserError(
                f"{record['name']} has no results for {variant!r}: it has "
                f"{', '.join(record['variants'])}."
            )
    difference = mean(a) - mean(b)
    spread = max(max(found) - min(found) for found in (a, b))
    several = min(len(a), len(b)) > 1  # a single seed has no spread
    return {"gap": difference, "spread": spread, "visible": several and abs(difference) > spread}


def together(records: dict[str, dict]) -> dict:
    """Return several records {name: record} as one, for `summary` and `gap`.

    Its variants are called "variant, name".
    """
    names = " and ".join(record["name"] for record in records.values())
    whole = {"name": names, "variants": {}, "results": []}
    for name, record in records.items():
        for variant, size in record["variants"].items():
            whole["variants"][f"{variant}, {name}"] = size
        whole["results"] += [{**r, "variant": f"{r['variant']}, {name}"} for r in record["results"]]
    return whole


def value_and_lines(paths: list[Path]) -> tuple[list[dict], list[str]]:
    """Return the command line's output for experiments: their summaries, and lines for people."""
    value, lines = [], []
    for path in paths:
        record = load(path.stem, path.parent)
        rows = summary(record)
        value.append({"name": record["name"], "file": path.name, "variants": rows})
        lines += [f"{record['name']}: {record['question']}"]
        lines += [
            f"  {row['variant']}: {row['mean']:.1%} ({row['low']:.1%} to {row['high']:.1%}, "
            f"{row['seeds']} seeds), {row['params']:,} parameters, {row['macs']:,} multiply-adds"
            for row in rows
        ]
    return value, lines


def _accuracies(record: dict, variant: str) -> list[float]:
    return [r["test_accuracy"][-1] for r in record["results"] if r["variant"] == variant]
