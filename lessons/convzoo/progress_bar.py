"""A progress bar in a terminal: one line that is redrawn."""

from __future__ import annotations

import sys

WIDTH = 24  # characters between the brackets


def bar(done: int, total: int) -> str:
    """Return the bar for `done` of `total`, such as "[######..................]"."""
    full = WIDTH * done // total if total else WIDTH
    return f"[{'#' * full}{'.' * (WIDTH - full)}]"


def redraw(line: str, last: bool = False) -> None:
    """Show `line` on standard error, a terminal, in place of the line before it."""
    print(f"\r\033[K{line}", end="\n" if last else "", file=sys.stderr, flush=True)
