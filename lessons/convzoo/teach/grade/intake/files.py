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
from dataclasses import dataclass, field, replace
from pathlib import Path

from convzoo.errors import UserError
from convzoo.notebook.cells import MAX_CELL, ROLES, Cell, Notebook
from convzoo.notebook.reading import MAX_NOTEBOOK, MAX_SCRIPT, parse
from convzoo.teach.grade.intake.owners import (
    SUBMITTED,
    Arrangement,
    Owner,
    arrange,
    folder_owner,
    is_handed_file,
    is_inside,
    printable,
    upload_owner,
)

MAX_ENTRIES = 50_000  # of a zip file
MAX_FILES = 200  # of one student
TOO_MANY = f"more than {MAX_FILES} files; the rest is ignored"
MAX_DEPTH = 4  # levels of folders below the given one
MAX_CODE = 500_000  # characters of a notebook's code
MAX_PROSE = 2_000_000  # characters of its other cells, each cut to the part that is read
MAX_METADATA = 2000  # characters of a cell's metadata
KEPT = (*ROLES, "tags")  # the metadata of a cell that are kept
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
    """A submitted file that has not been read yet.

    source: its zip file, "" for the teacher's folder itself; order: the file with the highest order
    was handed in last.
    """

    student: str
    label: str
    name: str
    read: Callable[[], bytes]
    size: int = 0
    source: str = ""
    folder: str = ""
    late: bool | None = None
    stamp: str = ""
    order: int = 0


def handed_files(place: Path, found: Found) -> Iterator[File]:
    """Yield every file under `place`, a folder or a zip file; add to `found`."""
    if place.is_file():
        yield from _in_zip(place, found, alone=True)
        return
    top, entries = _top(place, found)
    alone = sum(e.is_dir(follow_symlinks=False) or is_handed_file(e.name) for e in entries) == 1
    for entry in entries:
        path = Path(entry.path)
        upload = None if entry.is_dir(follow_symlinks=False) else upload_owner(entry.name)
        if entry.is_dir(follow_symlinks=False):
            yield from _in_folder(path, found, timed=top.name == SUBMITTED)
        elif entry.name.lower().endswith(".zip"):
            yield from _in_zip(path, found, alone, upload)
        elif upload:
            found.students.setdefault(upload.student, {}).update(upload.ids)
            yield _file(
                upload,
                printable(entry.name),
                _reader(path),
                entry.stat(follow_symlinks=False).st_size,
            )
        elif is_handed_file(entry.name):
            found.tell("left out", "", f"{entry.name} is not in a student's folder")


def _file(owner: Owner, label: str, read: Callable[[], bytes], size: int, **more) -> File:
    late, order = owner.late, owner.order
    return File(owner.student, label, owner.name, read, size, late=late, order=order, **more)


def _top(place: Path, found: Found) -> tuple[Path, list[os.DirEntry]]:
    """Return the folder that contains the students' folders, and its contents.

    It is nbgrader's `submitted`, or the only folder of `place` if that contains a class.
    """
    inner = place / SUBMITTED
    top = inner if inner.is_dir() and not inner.is_symlink() else place
    entries = list(_listed(top, found, ""))
    folders = [e for e in entries if e.is_dir(follow_symlinks=False)]
    if len(folders) == 1 and not any(is_handed_file(e.name) for e in entries):
        paths = [[folders[0].name, *parts] for parts in _paths(Path(folders[0].path))]
        if around := arrange(paths, "", alone=True).around:
            top = top.joinpath(*around)
            entries = list(_listed(top, found, ""))
    return top, entries


def _paths(folder: Path) -> list[list[str]]:
    """Return the files below a folder, as deep as a class's folders may be, without notices."""
    paths: list[list[str]] = []
    waiting: list[tuple[Path, list[str]]] = [(folder, [])]
    while waiting and len(paths) < MAX_ENTRIES:
        here, parts = waiting.pop()
        for entry in _listed(here, Found(), ""):
            if not entry.is_dir(follow_symlinks=False):
                paths.append([*parts, entry.name])
            elif len(parts) < MAX_DEPTH:
                waiting.append((Path(entry.path), [*parts, entry.name]))
    return paths


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


def _in_folder(folder: Path, found: Found, timed: bool) -> Iterator[File]:
    """Yield a student's folder. timed: nbgrader collected it and recorded when each lesson was
    handed in."""
    owner = folder_owner(folder.name)
    found.students.setdefault(owner.student, {}).update(owner.ids)
    waiting, count = [(folder, 0)], 0
    while waiting:
        here, depth = waiting.pop(0)
        entries = list(_listed(here, found, owner.student))
        stamped = timed and depth == 1 and any(e.name == TIMESTAMP for e in entries)
        stamp = _stamp(here / TIMESTAMP) if stamped else ""
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if depth < MAX_DEPTH:
                    waiting.append((path, depth + 1))
                continue
            count += 1
            if count > MAX_FILES:
                found.tell("unreadable", owner.student, TOO_MANY)
                return
            label = printable(str(path.relative_to(folder.parent)), 400)
            size, named = entry.stat(follow_symlinks=False).st_size, replace(owner, name=entry.name)
            yield _file(named, label, _reader(path), size, folder=here.name, stamp=stamp)


def _in_zip(path: Path, found: Found, alone: bool, upload: Owner | None = None) -> Iterator[File]:
    """Yield the files in a zip file. alone: whether it is the only submission; upload: the student
    whose upload it is."""
    try:
        archive = zipfile.ZipFile(path)
        entries = archive.infolist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as problem:
        text = f"{path.name} cannot be read as a zip file ({problem})"
        found.tell("unreadable", upload.student if upload else "", text)
        return
    if len(entries) > MAX_ENTRIES:
        text = f"{path.name} has {len(entries)} entries, more than the limit of {MAX_ENTRIES}"
        found.tell("unreadable", upload.student if upload else "", text)
        return
    held = [(entry, _parts(entry)) for entry in entries if not entry.is_dir()]
    held = [(entry, parts) for entry, parts in held if not _is_hidden(parts)]
    inside = [parts for entry, parts in held if is_inside(entry.filename)]
    arrangement = Arrangement() if upload else arrange(inside, path.stem, alone)
    count: Counter[str] = Counter()
    for entry, parts in held:
        label = f"{path.name}: {printable(entry.filename)}"
        owner = upload and replace(upload, name=parts[-1])
        owner = (owner or arrangement.owner(parts)) if is_inside(entry.filename) else None
        if owner is None:
            found.tell("left out", "", f"{label} is not a student's file and is ignored")
            continue
        student = owner.student
        found.students.setdefault(student, {}).update(owner.ids)
        count[student] += 1
        if count[student] > MAX_FILES:
            if count[student] == MAX_FILES + 1:
                found.tell("unreadable", student, TOO_MANY)
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            found.tell("unreadable", student, f"{label} is a link, and is ignored")
            continue
        folder = parts[-2] if len(parts) > 1 else ""
        read = _unzipper(path, entry)
        yield _file(owner, label, read, entry.file_size, source=path.name, folder=folder)


def _parts(entry: zipfile.ZipInfo) -> list[str]:
    parts = entry.filename.replace("\\", "/").split("/")
    return [p for p in parts if p not in ("", ".")] or [entry.filename]


def _is_hidden(parts: list[str]) -> bool:
    return "__MACOSX" in parts or any(p.startswith(".") and p != ".." for p in parts)


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
    try:
        found = parse(text, path.stem, path.suffix.lower(), printable(file.name))
    except (RecursionError, MemoryError):
        raise UserError("it is nested too deeply") from None
    found = replace(found, cells=tuple(_short(cell) for cell in found.cells), metadata={})
    code = sum(len(cell.source) for cell in found.cells if cell.kind == "code")
    if code > MAX_CODE:
        raise UserError(f"it has more than {MAX_CODE:,} characters of code")
    if sum(len(cell.source) for cell in found.cells) - code > MAX_PROSE:
        raise UserError(f"it has more than {MAX_PROSE:,} characters of text")
    return found


def _short(cell: Cell) -> Cell:
    """Return a cell without the parts that nobody reads, because a whole class is kept in
    memory."""
    source = cell.source if cell.kind == "code" else cell.source[:MAX_CELL]
    metadata = {key: cell.metadata[key] for key in KEPT if key in cell.metadata}
    kept = metadata if len(str(metadata)) < MAX_METADATA else {}
    return replace(cell, source=source, metadata=kept)


def _stamp(path: Path) -> str:
    """Return nbgrader's timestamp as it is in its file."""
    try:
        return printable(_reader(path)()[:100].decode("utf-8", "replace"))
    except (OSError, UserError):
        return ""
