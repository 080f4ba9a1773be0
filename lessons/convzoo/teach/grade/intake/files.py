"""The submitted files: in folders, in zip files, under the names that an LMS gives them.

Nothing is unpacked, no link is followed, and every read has a limit.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from convzoo.errors import UserError
from convzoo.notebook.cells import Notebook
from convzoo.notebook.reading import MAX_NOTEBOOK, MAX_SCRIPT, parse
from convzoo.teach.grade.intake.owners import (
    SUFFIXES,
    class_folder,
    owner_by_name,
    owner_in_zip,
    owner_of_folder,
    printable,
)

MAX_ENTRIES = 50_000  # of a zip file
MAX_FILES = 200  # of one student
TOO_MANY = f"more than {MAX_FILES} files; the rest is ignored"
MAX_DEPTH = 4  # levels of folders below the given one
MAX_CELLS = 2000  # of a notebook
MAX_CODE = 500_000  # characters of a notebook's code
TIMESTAMP = "timestamp.txt"  # nbgrader's


@dataclass(frozen=True)
class Notice:
    """A notice for the teacher; kind: late, double, renamed, missing, unreadable, left out."""

    kind: str
    student: str
    lesson: str
    text: str


@dataclass
class Found:
    """Students by id, with their names in an LMS, and notices."""

    students: dict[str, dict[str, str]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def tell(self, kind: str, student: str, text: str, lesson: str = "") -> None:
        """Add a notice as one printable line, whatever names strangers chose."""
        self.notices.append(Notice(kind, student, lesson, printable(text, 400)))


@dataclass(frozen=True)
class File:
    """A submitted file that has not been read yet."""

    student: str
    label: str
    name: str
    read: Callable[[], bytes]
    folder: str = ""
    lms: tuple[tuple[str, str], ...] = ()
    late: bool | None = None
    stamp: str = ""
    order: int = 0


def handed_files(place: Path, found: Found) -> Iterator[File]:
    """Yield every file under `place`, a folder or a zip file; add to `found`."""
    if place.is_file():
        yield from _in_zip(place, found)
        return
    inner = place / "submitted"
    top = inner if inner.is_dir() and not inner.is_symlink() else place
    for entry in _listed(top, found, ""):
        if entry.is_dir(follow_symlinks=False):
            student, lms = owner_of_folder(entry.name)
            found.students.setdefault(student, {}).update(lms)
            yield from _in_folder(Path(entry.path), student, lms, found)
        elif entry.name.lower().endswith(".zip"):
            yield from _in_zip(Path(entry.path), found)
        elif of_lms := owner_by_name(entry.name):
            student, lms, late, rest, order = of_lms
            found.students.setdefault(student, {}).update(lms)
            yield File(
                student,
                printable(entry.name),
                rest,
                _reader(Path(entry.path)),
                "",
                tuple(lms.items()),
                late,
                "",
                order,
            )
        elif entry.name.lower().endswith(SUFFIXES):
            text = f"{entry.name} is not in a student's folder"
            found.tell("left out", "", text)


def _listed(folder: Path, found: Found, student: str) -> Iterator[os.DirEntry]:
    """Yield the contents of a folder in order, without links and other special files."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda e: e.name)
    except OSError as problem:
        text = f"{folder.name} cannot be opened: {problem.strerror}"
        found.tell("unreadable", student, text)
        return
    for entry in listed:
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if entry.is_symlink() or not (
            entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
        ):
            text = f"{entry.name} is a link or a special file, and is ignored"
            found.tell("unreadable", student, text)
            continue
        yield entry


def _in_folder(folder: Path, student: str, lms: dict, found: Found) -> Iterator[File]:
    waiting, count = [(folder, 0)], 0
    while waiting:
        here, depth = waiting.pop(0)
        entries = list(_listed(here, found, student))
        stamp = next((_stamp(Path(e.path)) for e in entries if e.name == TIMESTAMP), "")
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if depth < MAX_DEPTH:
                    waiting.append((Path(entry.path), depth + 1))
                continue
            count += 1
            if count > MAX_FILES:
                found.tell("unreadable", student, TOO_MANY)
                return
            label = printable(str(Path(entry.path).relative_to(folder.parent)), 400)
            yield File(
                student,
                label,
                entry.name,
                _reader(Path(entry.path)),
                here.name,
                tuple(lms.items()),
                None,
                stamp,
            )


def _in_zip(path: Path, found: Found) -> Iterator[File]:
    try:
        archive = zipfile.ZipFile(path)
        entries = archive.infolist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as problem:
        text = f"{path.name} cannot be read as a zip file ({problem})"
        found.tell("unreadable", "", text)
        return
    if len(entries) > MAX_ENTRIES:
        text = f"{path.name} has {len(entries)} entries, more than the limit of {MAX_ENTRIES}"
        found.tell("unreadable", "", text)
        return
    count: Counter[str] = Counter()
    paths = [entry.filename.replace("\\", "/").split("/") for entry in entries]
    held = [
        (entry, parts)
        for entry, parts in zip(entries, paths, strict=True)
        if not (entry.is_dir() or parts[-1].startswith(".") or "__MACOSX" in parts)
    ]
    top = class_folder([parts for _, parts in held])
    for entry, parts in held:
        who = owner_in_zip(parts, entry.filename, top)
        label = f"{path.name}: {printable(entry.filename)}"
        if who is None:
            text = f"{label} is not a student's file and is ignored"
            found.tell("left out", "", text)
            continue
        student, lms, late, name, order = who
        found.students.setdefault(student, {}).update(lms)
        count[student] += 1
        if count[student] > MAX_FILES:
            if count[student] == MAX_FILES + 1:
                found.tell("unreadable", student, TOO_MANY)
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            text = f"{label} is a link, and is ignored"
            found.tell("unreadable", student, text)
            continue
        folder = parts[-2] if len(parts) > 1 else ""
        yield File(
            student,
            label,
            name,
            _unzipper(path, entry),
            folder,
            tuple(lms.items()),
            late,
            "",
            order,
        )


# --- reading, with limits ---


def _reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        end = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(end, "rb") as file:
            if not stat.S_ISREG(os.fstat(end).st_mode):
                raise UserError(f"{path.name} is a special file")
            return file.read(_limit(path.name) + 1)

    return read


def _unzipper(path: Path, entry: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        with zipfile.ZipFile(path) as archive, archive.open(entry) as file:
            return file.read(_limit(entry.filename) + 1)

    return read


def _limit(name: str) -> int:
    return MAX_NOTEBOOK if name.lower().endswith(".ipynb") else MAX_SCRIPT


def notebook_of(file: File) -> Notebook:
    """Read and parse a file. Raises UserError if that is not possible."""
    try:
        raw = file.read()
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as problem:
        raise UserError(f"it cannot be read ({problem})") from None
    if len(raw) > _limit(file.name):
        raise UserError(f"it is larger than {_limit(file.name) // 1_000_000} MB")
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UserError("it is not UTF-8 text") from None
    path = Path(file.name)
    if path.suffix.lower() == ".py" and text.count("# %%") > MAX_CELLS:
        raise UserError(f"it has more than {MAX_CELLS} cells")
    try:
        found = parse(text, path.stem, path.suffix.lower(), printable(file.name))
    except (RecursionError, MemoryError):
        raise UserError("it is nested too deeply") from None
    if len(found.cells) > MAX_CELLS:
        raise UserError(f"it has more than {MAX_CELLS} cells")
    if sum(len(cell.source) for cell in found.cells if cell.kind == "code") > MAX_CODE:
        raise UserError(f"it has more than {MAX_CODE:,} characters of code")
    return found


def _stamp(path: Path) -> str:
    """Return nbgrader's timestamp as it is in its file."""
    try:
        return printable(_reader(path)()[:100].decode("utf-8", "replace"))
    except (OSError, UserError):
        return ""
