"""Files that are replaced as a whole, so that an interruption leaves either the old or the new
one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

MODE = 0o644  # a temporary file would be readable by its owner only
UNFINISHED = ".part-"


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step with `text` in UTF-8, and create its folder if necessary.

    Raises OSError if it cannot be written. In that case no temporary file is left behind.
    """
    write_together({path: text})


def write_together(texts: Mapping[Path, str]) -> None:
    """Replace several files: all new ones are complete before the first is moved into place.

    Raises OSError if one cannot be written. In that case all old files are still there.
    """
    ready: list[tuple[str, Path]] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
            ready.append((temporary, path))
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
            os.chmod(temporary, MODE)
        for temporary, path in ready:
            os.replace(temporary, path)
    finally:
        for temporary, _ in ready:
            Path(temporary).unlink(missing_ok=True)


def clear_unfinished(folder: Path) -> None:
    """Remove what a process that was killed while writing has left below `folder`."""
    for path in folder.rglob(f"{UNFINISHED}*"):
        path.unlink(missing_ok=True)


def keep_backup(path: Path, text: str) -> None:
    """Keep a file as `NAME.bak` next to it if it will be replaced by another text."""
    if path.exists() and path.read_bytes() != text.encode():
        shutil.copyfile(path, path.with_name(f"{path.name}.bak"))
