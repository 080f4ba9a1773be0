"""Our files as the sandbox gets them, in a folder that lives as long as its process.

The process holds a lock on the folder. A lock ends with its process, however that ends, so the next
process can tell which folders nobody uses any more, and removes them.
"""

from __future__ import annotations

import compileall
import os
import shutil
import tempfile
from pathlib import Path
from py_compile import PycInvalidationMode

from convzoo.place import LIBRARY

# Left out at any depth: files that contain answers, and files that no submission needs.
LEFT_OUT = (
    "exercises",
    "notebook",
    "questions.py",
    "teach",
    "__pycache__",
    "kernel.py",
    "install.py",
    "commands",
    "__main__.py",
)
PREFIX, UNHELD = "convzoo-box-", "convzoo-new-"


class Layout:
    """The folder, and the lock on it."""

    def __init__(self):
        clear()
        folder = Path(tempfile.mkdtemp(prefix=UNHELD))
        self._held = os.open(folder, os.O_RDONLY)
        _lock(self._held)
        self.folder = folder.rename(folder.with_name(folder.name.replace(UNHELD, PREFIX)))
        self.folder.chmod(0o755)
        try:
            _fill(self.folder)
        except OSError:  # the disk is full
            self.close()
            raise

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._held)


def clear() -> None:
    """Remove this user's folders that no process holds because their run was killed."""
    for path in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        try:
            end = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            if os.fstat(end).st_uid == os.geteuid():
                _lock(end)
                shutil.rmtree(path, ignore_errors=True)
        except OSError:  # another process holds it
            pass
        finally:
            os.close(end)


def _lock(end: int) -> None:
    """Lock the folder, or raise OSError if another process holds the lock."""
    import fcntl

    fcntl.flock(end, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _fill(folder: Path) -> None:
    """Copy convzoo without the answers, and the worker."""
    shutil.copytree(LIBRARY, folder / "convzoo", ignore=shutil.ignore_patterns(*LEFT_OUT))
    here = Path(__file__).parent
    (folder / "convzoo" / "exercises").mkdir()
    shutil.copy(here / "stubs.py", folder / "convzoo" / "exercises" / "__init__.py")
    (folder / "gradebox").mkdir()
    (folder / "gradebox" / "__init__.py").touch()
    for name in ("protocol.py", "worker.py"):
        shutil.copy(here / name, folder / "gradebox" / name)
    compileall.compile_dir(folder, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
