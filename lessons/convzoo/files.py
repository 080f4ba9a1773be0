"""Files that are replaced whole, so that an interruption leaves the old one or the new one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

MODE = 0o644  # a temporary file is for its owner alone


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step with `text` in UTF-8, and make its folder where there is none.

    Raises OSError if it cannot be written. Nothing is left beside the old file then.
    """
    write_together({path: text})


def write_together(texts: Mapping[Path, str]) -> None:
    """Replace several files: all of them are complete beside their places before the first moves.

    Raises OSError if one cannot be written. The old files are all there then.
    """
    ready: list[tuple[str, Path]] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
            ready.append((temporary, path))
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
            os.chmod(temporary, MODE)
        for temporary, path in ready:
            os.replace(temporary, path)
    finally:
        for temporary, _ in ready:
            Path(temporary).unlink(missing_ok=True)
