"""What the reader did, in a file of their own: passes, hints, answers, guesses.

The file is $CONVZOO_HOME/progress.json (by default in ~/.convzoo). It is always replaced as a
whole, so that a kernel killed in the middle loses nothing; a file that cannot be read is moved
aside, never deleted.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convzoo import place
from convzoo.files import write_atomically

PATIENCE = 2.0  # seconds to wait for another kernel: to write takes a few milliseconds
KINDS = {  # the type of an entry of each
    "exercises": dict,
    "hints": int,
    "answers": dict,
    "guesses": (int, float, str),
    "reasons": str,
}


def load() -> dict[str, dict]:
    """Return everything that was recorded, by kind and id; entries of a wrong type are ignored."""
    path = place.home() / "progress.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("not an object")
    except FileNotFoundError:
        found = {}
    except (ValueError, RecursionError, OSError):
        _keep_aside(path)
        found = {}
    return {kind: _entries(found.get(kind), type_) for kind, type_ in KINDS.items()}


def _entries(found, type_) -> dict:
    if not isinstance(found, dict):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, type_) and not isinstance(v, bool)}


def record(kind: str, key: str, value) -> None:
    """Record one thing. A disk that cannot be written to never stops a lesson."""
    path = place.home() / "progress.json"
    with suppress(OSError), _turn(path.with_suffix(".lock")):
        known = load()
        known[kind][key] = value
        write_atomically(path, json.dumps(known, indent=1, sort_keys=True))


@contextmanager
def _turn(lock: Path) -> Iterator[None]:
    """Wait until no other kernel is writing. The lock is a folder: to make one is a single step on
    every system. One that a killed kernel has left is taken over after a while."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            lock.mkdir()
            break
        except FileExistsError:
            if time.monotonic() > end:
                break
            time.sleep(0.005)
    try:
        yield
    finally:
        with suppress(OSError):
            lock.rmdir()


def recall(kind: str, key: str, default=None):
    """Return what was recorded, or the default."""
    return load()[kind].get(key, default)


def _keep_aside(path: Path) -> None:
    try:
        os.replace(path, path.with_suffix(".unreadable.json"))
    except OSError:
        pass
