"""The papers' printed counts next to ours: `python -m convzoo tables`.

Every row names its table. A network is built from the course's own layers and counted; if the two
differ by more than the rounding of the printed number, the row says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from convzoo import ideas
from convzoo.errors import UserError


@dataclass(frozen=True)
class Row:
    """One printed figure, from an idea's `printed.py`.

    name, settings  as `count` takes them
    macs, params    as printed, with the unit of its last digit: "3.8G", "569M"; "" if none
    error           top-1 error on ImageNet in percent, as printed; None if none
    note            why ours differs, if it does
    without         a layer that the printed number leaves out, by its name in the network
    """

    table: str
    name: str
    macs: str
    params: str = ""
    error: float | None = None
    settings: dict = field(default_factory=dict)
    note: str = ""
    without: str = ""


ROWS = tuple(Row(**row) for module in ideas.modules("printed") for row in module.ROWS)


def compared(row: Row, folder: Path | None = None) -> dict:
    """Return a row with our count next to the printed one.

    Gives {"table", "network", "settings", "macs", "printed_macs", "params", "printed_params",
    "printed_error", "agrees", "note"}. A count agrees if it differs from the printed number by less
    than one in its last digit: some tables round and some truncate.
    Raises UserError in a folder without solutions.
    """
    found = _counted(row.name, tuple(row.settings.items()), row.without, folder)
    pairs = ((found["macs"], row.macs), (found["params"], row.params))
    return {
        "table": row.table,
        "network": row.name,
        "settings": row.settings,
        **found,
        "printed_macs": row.macs,
        "printed_params": row.params,
        "printed_error": row.error,
        "agrees": all(agrees(ours, printed) for ours, printed in pairs),
        "note": row.note,
    }


@lru_cache(None)
def _counted(name: str, settings: tuple, without: str, folder: Path | None) -> dict:
    from convzoo import count

    found = count.main(name, settings=dict(settings), folder=folder)
    less = 0
    if without:
        network = count.build(name, settings=dict(settings), folder=folder, device="meta")
        less = network.get_submodule(without).weight.numel()  # a multiply-add for each weight
    return {"macs": found["macs"] - less, "params": found["params"]}


def agrees(ours: int, printed: str) -> bool:
    """Return whether a count is the printed number ("3.8G", "569M"), up to one in its last
    digit."""
    if not printed:
        return True
    unit = {"G": 1e9, "M": 1e6}[printed[-1]]
    decimals = len(printed[:-1].partition(".")[2])
    return abs(ours / unit - float(printed[:-1])) < 10.0**-decimals


def cells(*names: str) -> list[list[str]]:
    """Return rows for `show.draw.table` of the named networks: network, ours, printed; if they
    differ, the reason below.

    In a folder without solutions, one row that says so.
    """
    found = []
    try:
        for row in (compared(row) for row in ROWS if row.name in names):
            settings = ", ".join(f"{key}={value}" for key, value in row["settings"].items())
            name = f"{row['network']} ({settings})" if settings else row["network"]
            found.append([name, f"{row['macs'] / 1e6:,.1f}M", row["printed_macs"]])
            found += [["", row["note"]]] if row["note"] else []
    except UserError as problem:
        found = [["", str(problem)]]
    return found


def as_lines(rows: Iterable[dict]) -> list[str]:
    """Return the rows as lines to read, one table after another."""
    lines, table = [], ""
    for row in rows:
        if row["table"] != table:
            table = row["table"]
            lines += ["", table] if lines else [table]
        settings = " ".join(f"{key}={value}" for key, value in row["settings"].items())
        sign = "=" if row["agrees"] else "*"
        macs = f"{row['macs'] / 1e6:>9,.1f}M MACs, printed {row['printed_macs']:>5}"
        params = f"{row['params'] / 1e6:>6.2f}M parameters"
        if row["printed_params"]:
            params += f", printed {row['printed_params']}"
        error = f"; error {row['printed_error']}%" if row["printed_error"] else ""
        lines.append(f"{sign} {row['network']:<19}{settings:<30}{macs}; {params}{error}")
        if row["note"]:
            lines.append(f"      {row['note']}")
    key = "= ours agrees with the printed number, to less than one in its last digit; * does not"
    return [*lines, "", key]
