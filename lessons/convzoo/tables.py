"""The papers' printed counts next to ours: `python -m convzoo tables`.

Every row names its table. A network is built from the course's own layers and counted; if the two
differ by more than the rounding of the printed number, the row says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from convzoo.errors import UserError

V15 = "the stride is in the 3x3 (torchvision, v1.5); the paper has it in the first 1x1"
FIVE = "torchvision's: its third branch is a 3x3; the paper has a 5x5 (vision issue 906)"
ABOUT = "the table prints the same budget, about 4.1G, for all five"
UNSAID = "torchvision's network gives the same count as ours; the paper does not say how it counted"
GATED = f"{V15}; there it is 3,860,488,192 (timm's legacy_seresnet50)"
LAST = "with the last linear layer, which the printed figure leaves out"


@dataclass(frozen=True)
class Row:
    """One printed figure.

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


def _resnets() -> Iterable[Row]:
    table, paper = "He et al. 2015, table 1", {"stride_in_1x1": True}
    yield Row(table, "resnet18", "1.8G")
    yield Row(table, "resnet34", "3.6G")
    for name, macs in (("resnet50", "3.8G"), ("resnet101", "7.6G"), ("resnet152", "11.3G")):
        yield Row(table, name, macs, settings=paper)
        yield Row(table, name, macs, note=V15)


def _resnexts() -> Iterable[Row]:
    table = "Xie et al. 2016, table 3"
    errors = {(1, 64): 23.9, (2, 40): 23.0, (4, 24): 22.6, (8, 14): 22.3, (32, 4): 22.2}
    for (groups, width), error in errors.items():
        settings = {"groups": groups, "width_per_group": width}
        yield Row(table, "resnext50_32x4d", "4.1G", "", error, settings, ABOUT)


def _mobilenets() -> Iterable[Row]:
    table = "Howard et al. 2017, table 6"
    for width, macs, params, error in (
        (1.0, "569M", "4.2M", 29.4),
        (0.75, "325M", "2.6M", 31.6),
        (0.5, "149M", "1.3M", 36.3),
        (0.25, "41M", "0.5M", 49.4),
    ):
        yield Row(table, "mobilenet_v1", macs, params, error, {"width_mult": width})
    yield Row("Sandler et al. 2018, table 4", "mobilenet_v2", "300M", "3.4M", 28.0, note=UNSAID)


def _shufflenets() -> Iterable[Row]:
    table = "Zhang et al. 2017, tables 1 and 2"
    for groups, macs, error in (
        (1, "143M", 33.6),
        (2, "140M", 32.7),
        (3, "137M", 32.6),
        (4, "133M", 32.8),
        (8, "137M", 32.4),
    ):
        settings = {"groups": groups}
        yield Row(table, "shufflenet_v1", macs, "", error, settings, without="fc")
    yield Row(table, "shufflenet_v1", "137M", "", 32.6, {"groups": 3}, LAST)
    for name, macs in (("x0_5", "41M"), ("x1_0", "146M"), ("x1_5", "299M"), ("x2_0", "591M")):
        yield Row("Ma et al. 2018, table 5", f"shufflenet_v2_{name}", macs, note=UNSAID)


ROWS = (
    Row("Szegedy et al. 2014, section 1", "googlenet", "1.5G", settings={"large": 5}),
    Row("Szegedy et al. 2014, section 1", "googlenet", "1.5G", note=FIVE),
    *_resnets(),
    *_resnexts(),
    Row(
        "Hu et al. 2017, table 2, and repository", "seresnet50", "3.87G", "28.1M", 23.29, note=GATED
    ),
    *_mobilenets(),
    *_shufflenets(),
)


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
