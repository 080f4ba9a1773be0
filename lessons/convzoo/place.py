"""Where things are: the course's folder, its data, and a reader's files."""

from __future__ import annotations

import os
from pathlib import Path

LIBRARY = Path(__file__).resolve().parent  # convzoo
IMPORTABLE = LIBRARY.parent  # the folder that must be on sys.path
COURSE = IMPORTABLE.parent  # the project that this convzoo belongs to


def root() -> Path:
    """Return the course's folder: the current one or the nearest parent that has `lessons/`, else
    the one that convzoo is in."""
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "lessons").is_dir()), COURSE)


def figures() -> Path:
    """Return the folder of pictures: the course's, or the one in an installed wheel."""
    return next((p for p in (COURSE / "figures", LIBRARY / "figures") if p.is_dir()), COURSE)


def results() -> Path:
    """Return the folder of measured curves and of experiments' results: figures/data."""
    return figures() / "data"


def home() -> Path:
    """Return the folder for a reader's progress: $CONVZOO_HOME, else ~/.convzoo."""
    return Path(os.environ.get("CONVZOO_HOME") or Path.home() / ".convzoo")


def cache() -> Path:
    """Return the folder for downloads: $CONVZOO_DATA, else ~/.cache/convzoo."""
    return Path(os.environ.get("CONVZOO_DATA") or "~/.cache/convzoo").expanduser()
