"""The memory of a worker together with everything that it has started."""

from __future__ import annotations

import os
from pathlib import Path


def resident(pid: int, limit: int = 0) -> int:
    """Return the bytes that a process and all its descendants keep in memory.

    Shared mappings count, and so do memory files that nobody maps. Pages that several processes
    share are counted once if the quick count exceeds `limit`.
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
    files = sum({key: size for one in family for key, size in _memory_files(one)}.values())
    quick = sum(_mapped(one, "status", ("RssAnon:", "RssShmem:")) for one in family) + files
    return quick if quick <= limit else files + sum(_share(one) for one in family)


def _mapped(process: Path, name: str, fields: tuple[str, ...]) -> int:
    """Return the sum of `fields`, in kilobytes, in one of Linux's lists about a process."""
    try:
        lines = (process / name).read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(fields))


def _share(process: Path) -> int:
    """Return a process's memory, including its share of pages that it shares with others."""
    part = _mapped(process, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:"))
    return part or _mapped(process, "status", ("RssAnon:", "RssShmem:"))


def _memory_files(process: Path) -> list[tuple[tuple[int, int], int]]:
    """Return the files that are only in memory and open in a process, with their bytes."""
    try:
        links = list((process / "fd").iterdir())
    except OSError:
        return []
    found = []
    for link in links:
        try:
            if os.readlink(link).startswith("/memfd:"):
                file = link.stat()
                found.append(((file.st_dev, file.st_ino), file.st_blocks * 512))
        except OSError:  # closed in the meantime
            continue
    return found
