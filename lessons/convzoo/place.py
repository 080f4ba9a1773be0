"""Where things are: the course's own folder, its data, and what is kept for a reader."""

from __future__ import annotations

import os
from pathlib import Path

LIBRARY = Path(__file__).resolve().parent  # convzoo
IMPORTABLE = LIBRARY.parent  # the folder that has to be on sys.path
COURSE = IMPORTABLE.parent  # the project that this convzoo belongs to


def root() -> Path:
    """Return the course's folder: this one or the nearest above it that has `lessons/`, else the
    one that convzoo lies in."""
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "lessons").is_dir()), COURSE)


def results() -> Path:
    """Return the folder of measured curves and of experiments' results: figures/data."""
    return COURSE / "figures" / "data"


def home() -> Path:
    """Return the folder of a reader's progress: $CONVZOO_HOME, else ~/.convzoo."""
    return Path(os.environ.get("CONVZOO_HOME") or Path.home() / ".convzoo")


def cache() -> Path:
    """Return the folder of downloads: $CONVZOO_DATA, else ~/.cache/convzoo."""
    return Path(os.environ.get("CONVZOO_DATA") or "~/.cache/convzoo").expanduser()
