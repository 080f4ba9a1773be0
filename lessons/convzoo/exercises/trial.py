"""Runs a lesson's cells on this machine: with a time limit, and without their prints."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator

from convzoo import run_cell
from convzoo.exercises.limit import TimeLimit, time_limit
from convzoo.notebook.cells import MAX_CELL, Cell

ADVICE = {"syntax": "Fix that line and check again.", "exit": "Remove that line."}


def try_cell(cell: Cell, names: dict, seconds: float) -> tuple[str, str]:
    """Execute a cell among `names`; return ("", "") or ("run", what went wrong as a sentence).

    A stub that is called while the cell runs gives ("", "...").
    """
    if len(cell.source) > MAX_CELL:
        return "run", f"The cell has {len(cell.source)} characters, more than {MAX_CELL}."
    label = f"<{cell.owner[1] or cell.id or 'cell'}>"
    trouble = run_cell.execute(cell.source, label, names, time_limit(seconds))
    if trouble is None:
        return "", ""
    if trouble.kind == "stub":
        return "", "The cell calls its own stub. Write your answer first."
    if issubclass(trouble.error, KeyboardInterrupt):
        raise KeyboardInterrupt
    return "run", advised(trouble, "The cell", seconds)


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
