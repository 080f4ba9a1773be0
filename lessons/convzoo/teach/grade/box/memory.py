"""The memory of a worker together with everything that it has started."""

from __future__ import annotations

import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident(pid: int, limit: int = 0) -> int:
    """Return the bytes that a process and all its descendants keep in memory.

    Pages that several of them share are counted once if the quick count exceeds `limit`.
    """
    family, waiting = [], [pid]
    while waiting:
        one = Path("/proc") / str(waiting.pop())
        try:
            family.append(one)
            for task in (one / "task").iterdir():
                waiting += [int(n) for n in (task / "children").read_text().split()]
        except OSError:
            continue
    quick = sum(_private(one) for one in family)
    return quick if quick <= limit else sum(_share(one) for one in family)


def _private(process: Path) -> int:
    try:
        fields = (process / "statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * PAGE


def _share(process: Path) -> int:
    """Return a process's memory, including its share of pages that it shares with others."""
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return _private(process)
    return sum(int(x.split()[1]) << 10 for x in lines if x.startswith(("Pss_Anon:", "Pss_Shmem:")))
