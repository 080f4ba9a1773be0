"""Runs a solution's notebook, and reuses its outputs as long as its code stays the same."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from convzoo import place
from convzoo.errors import UserError

SECONDS = 300  # that one cell of a solution may take
VIEW, STATE = "application/vnd.jupyter.widget-view+json", "widgets"


def execute(solution: dict, folder: Path) -> dict:
    """Run the notebook in `folder`, with a temporary home, and return it with its outputs."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    node = nbformat.from_dict(json.loads(json.dumps(solution)))
    for cell in node.cells:
        cell.source = "".join(cell.source)
    library = str(place.IMPORTABLE)
    with tempfile.TemporaryDirectory() as home:
        env = os.environ | {
            "CONVZOO_HOME": home,
            "CONVZOO_PREDICT": "skip",
            "PYTHONPATH": os.pathsep.join([library, os.environ.get("PYTHONPATH", "")]).rstrip(":"),
        }
        client = NotebookClient(
            node,
            timeout=SECONDS,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
        )
        try:
            client.execute(env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except CellExecutionError as problem:
            raise UserError(f"{_where(node)} raised {problem.ename}: {problem.evalue}") from None
        except CellTimeoutError:
            raise UserError(f"{_where(node)} took more than {SECONDS} seconds.") from None
        except DeadKernelError:
            raise UserError(f"{_where(node)} ended the kernel.") from None
    return tidy(solution, json.loads(nbformat.writes(node)))


def _where(node) -> str:
    """Return the cell at which the execution stopped: the last one that was started."""
    started = [c for c in node.cells if c.get("execution_count") or c.get("outputs")]
    return f"The solution's cell {started[-1].id if started else node.cells[0].id}"


def tidy(solution: dict, executed: dict) -> dict:
    """Return the outputs without what changes at each run and nobody reads.

    A widget with a picture is kept as that picture, which every viewer shows; the state of widgets
    stays only if one has no picture.
    """
    live = False
    for cell in executed["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if VIEW in data and "text/html" in data:
                del data[VIEW]
            live = live or VIEW in data
    if not live:
        executed["metadata"].pop(STATE, None)
    return with_outputs(solution, executed)


def with_outputs(solution: dict, old: dict) -> dict:
    """Return the solution's cells with the outputs of an earlier execution of the same code."""
    ran = iter([cell for cell in old["cells"] if cell["cell_type"] == "code"])
    cells = []
    for cell in solution["cells"]:
        if cell["cell_type"] == "code":
            done = next(ran)
            cell = cell | {k: done[k] for k in ("execution_count", "outputs")}
        cells.append(cell)
    kept = {STATE: old["metadata"][STATE]} if STATE in old.get("metadata", {}) else {}
    return solution | {"cells": cells, "metadata": solution["metadata"] | kept}


def same_code(old: dict, solution: dict) -> bool:
    """Return whether an executed notebook belongs to this code and has not been edited since."""
    ran, wanted = ([c for c in n["cells"] if c["cell_type"] == "code"] for n in (old, solution))
    return (
        old.get("metadata", {}).get("convzoo") == solution["metadata"]["convzoo"]
        and [source_of(c) for c in ran] == [source_of(c) for c in wanted]
        and all("outputs" in c and c.get("execution_count") for c in ran if source_of(c).strip())
    )


def source_of(cell: dict) -> str:
    """Return a cell's text, whether it is one string or a list of lines."""
    return "".join(cell.get("source", ""))
