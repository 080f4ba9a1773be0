"""Runs a lesson's cells on this machine: with a time limit, and without their prints."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Iterator

from convzoo import run_cell
from convzoo.exercises.limit import TimeLimit, time_limit
from convzoo.notebook.cells import MAX_CELL, Cell

ADVICE = {"syntax": "Fix that line and check again.", "exit": "Remove that line."}


def try_cell(cell: Cell, names: dict, seconds: float) -> str:
    """Execute a cell among `names`; return "" or what went wrong first, as a sentence.

    A statement that fails is left out, and the next one runs. A definition may take `seconds`, all
    other statements of the cell together the same.
    """
    if len(cell.source) > MAX_CELL:
        return f"The cell has {len(cell.source)} characters, but at most {MAX_CELL} are allowed."
    label = f"<{cell.owner[1] or cell.id or 'cell'}>"
    end = time.monotonic() + seconds

    def limited(defines: bool):
        return time_limit(seconds if defines else max(end - time.monotonic(), seconds / 10))

    troubles = run_cell.execute(cell.source, label, names, limited)
    if any(issubclass(trouble.error, KeyboardInterrupt) for trouble in troubles):
        raise KeyboardInterrupt
    told = [t for t in troubles if t.kind != "stub"]
    return advised(told[0], "The cell", seconds) if told else ""


def advised(trouble: run_cell.Trouble, what: str, seconds: float = 0) -> str:
    """Return what broke, and what to do next; what: "The cell", "The call"."""
    if issubclass(trouble.error, TimeLimit):
        return (
            f"{what} was still running after {seconds:.0f} seconds and was stopped. "
            "Look for a loop that never ends."
        )
    return " ".join(filter(None, (trouble.sentence, ADVICE.get(trouble.kind))))


class _Nowhere(io.TextIOBase):
    """Swallows everything that a student prints."""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep everything that a student prints away from standard output, even from a child process;
    code that waits for input gets none."""
    sys.stdout.flush()
    kept, nowhere, stdin = os.dup(1), os.open(os.devnull, os.O_WRONLY), sys.stdin
    os.dup2(nowhere, 1)
    sys.stdin = io.StringIO()
    try:
        with contextlib.redirect_stdout(_Nowhere()), contextlib.redirect_stderr(_Nowhere()):
            yield
    finally:
        sys.stdin = stdin
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
