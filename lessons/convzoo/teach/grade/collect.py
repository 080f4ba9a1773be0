"""What was handed in: folders, the zip files of Canvas and Moodle, nbgrader's submitted/ tree.

Nothing is unpacked, no link is followed, and every read has a limit. Whatever cannot be taken as it
is (late, double, renamed, missing, unreadable) becomes a notice with a name, and the
others go on.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from convzoo.errors import UserError
from convzoo.teach.cells import Notebook
from convzoo.teach.grade.plan import Plan
from convzoo.teach.grade.rosters import Roster
from convzoo.teach.source import MAX_NOTEBOOK, MAX_SCRIPT, parse

UNKNOWN = "unknown"
MAX_ENTRIES = 50_000  # of a zip file
MAX_FILES = 200  # of one student
MAX_DEPTH = 4  # folders below the one that is given
SUFFIXES = (".ipynb", ".py")
TIMESTAMP = "timestamp.txt"  # nbgrader's

# Moodle: "Jane Doe_12345_assignsubmission_file_" as a folder, or in front of the file's name.
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file_?(?P<rest>.*)$", re.DOTALL)
# Canvas: "doejane_LATE_12345_67890_02_resnext.ipynb"; "anon_5rT9x" where names are hidden.
_CANVAS = re.compile(
    r"(?:(?P<name>\w*?)_)?(?:(?P<late>LATE)_)?(?P<id>\d+|anon_[0-9A-Za-z]+)_(?P<file>\d+)_"
    r"(?P<rest>.+)$", re.DOTALL,
)  # fmt: skip
_COPY = re.compile(r"(?P<stem>.+?)(?:-(?P<number>\d{1,3}))$")  # Canvas: a file handed in again


@dataclass(frozen=True)
class Notice:
    """Something the teacher is told: kind is late, double, renamed, missing, unreadable, left out."""

    kind: str
    student: str
    lesson: str
    text: str


@dataclass(frozen=True)
class Handed:
    """One lesson of one student. late: None where it is not known."""

    student: str
    lesson: str
    notebook: Notebook
    file: str
    handed_in: str = UNKNOWN
    late: bool | None = None


@dataclass
class Collected:
    """All there is: submissions in order, students by id with what an LMS calls them, notices."""

    handed: list[Handed] = field(default_factory=list)
    students: dict[str, dict[str, str]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    """A file that somebody handed in, not read yet."""

    student: str
    label: str
    name: str
    read: Callable[[], bytes]
    folder: str = ""
    lms: tuple[tuple[str, str], ...] = ()
    late: bool | None = None
    stamp: str = ""
    order: int = 0


def collect(
    place: Path, plans: dict[str, Plan], roster: Roster | None = None, due: datetime | None = None
) -> Collected:
    """Everything that was handed in under `place`, a folder or a zip file.

    Raises UserError where there is no such place.
    """
    if not place.exists():
        raise UserError(f"There is no {place}. Name the folder (or zip file) of the submissions.")
    found = Collected()
    files: dict[str, list[_File]] = {}
    for file in _files(place, found):
        files.setdefault(file.student, []).append(file)
    for student, theirs in sorted(files.items()):
        _student(student, theirs, plans, found)
    if roster:
        _enrolled(found, roster)
    found.handed = [_timed(h, found, due, roster) for h in found.handed]
    _missing(found)
    for handed in found.handed:
        if handed.late:
            when = f" ({handed.handed_in})" if handed.handed_in != UNKNOWN else ""
            found.notices.append(Notice("late", handed.student, handed.lesson, f"late{when}"))
    return found


# --- which files there are ---


def _files(place: Path, found: Collected) -> Iterator[_File]:
    if place.is_file():
        yield from _in_zip(place, found)
        return
    inner = place / "submitted"
    top = inner if inner.is_dir() and not inner.is_symlink() else place
    for entry in _listed(top, found, ""):
        if entry.is_dir(follow_symlinks=False):
            student, lms = _folder(entry.name)
            found.students.setdefault(student, {}).update(lms)
            yield from _in_folder(Path(entry.path), student, lms, found)
        elif entry.name.lower().endswith(".zip"):
            yield from _in_zip(Path(entry.path), found)
        elif named := _named(entry.name):
            student, lms, late, rest, order = named
            found.students.setdefault(student, {}).update(lms)
            yield _File(
                student, entry.name, rest, _reader(Path(entry.path)), "", tuple(lms.items()), late,
                "", order,
            )  # fmt: skip
        elif entry.name.lower().endswith(SUFFIXES):
            text = f"{entry.name} lies in nobody's folder"
            found.notices.append(Notice("left out", "", "", text))


def _listed(folder: Path, found: Collected, student: str) -> Iterator[os.DirEntry]:
    """What a folder holds, in order, without links and other things that are no files."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda e: e.name)
    except OSError as problem:
        text = f"{folder.name} cannot be opened: {problem.strerror}"
        found.notices.append(Notice("unreadable", student, "", text))
        return
    for entry in listed:
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if entry.is_symlink() or not (
            entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
        ):
            text = f"{_shown(entry.name)} is a link or no ordinary file, and is not followed"
            found.notices.append(Notice("unreadable", student, "", text))
            continue
        yield entry


def _in_folder(folder: Path, student: str, lms: dict, found: Collected) -> Iterator[_File]:
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
                text = f"more than {MAX_FILES} files; the rest is not looked at"
                found.notices.append(Notice("unreadable", student, "", text))
                return
            label = str(Path(entry.path).relative_to(folder.parent))
            yield _File(
                student, label, entry.name, _reader(Path(entry.path)), here.name,
                tuple(lms.items()), None, stamp,
            )  # fmt: skip


def _in_zip(path: Path, found: Collected) -> Iterator[_File]:
    try:
        archive = zipfile.ZipFile(path)
        entries = archive.infolist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, RecursionError) as problem:
        text = f"{path.name} is no zip file that can be read ({problem})"
        found.notices.append(Notice("unreadable", "", "", text))
        return
    if len(entries) > MAX_ENTRIES:
        text = f"{path.name} has {len(entries)} entries, more than {MAX_ENTRIES}"
        found.notices.append(Notice("unreadable", "", "", text))
        return
    for entry in entries:
        parts = entry.filename.replace("\\", "/").split("/")
        if entry.is_dir() or parts[-1].startswith(".") or "__MACOSX" in parts:
            continue
        who = _in_path(parts, entry.filename)
        shown = f"{path.name}: {_shown(entry.filename)}"
        if who is None:
            text = f"{shown} is no file of a student's and is left out"
            found.notices.append(Notice("left out", "", "", text))
            continue
        student, lms, late, name, order = who
        found.students.setdefault(student, {}).update(lms)
        if stat.S_ISLNK(entry.external_attr >> 16):
            text = f"{shown} is a link, and is not followed"
            found.notices.append(Notice("unreadable", student, "", text))
            continue
        folder = parts[-2] if len(parts) > 1 else ""
        yield _File(
            student, shown, name, _unzipper(path, entry), folder, tuple(lms.items()), late, "", order
        )


def _in_path(parts: list[str], whole: str):
    """Whose file a path in a zip file is; None for nobody's and for one that climbs out."""
    if whole.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in whole:
        return None
    for i, part in enumerate(parts[:-1]):
        if match := _MOODLE.match(part):
            student, lms = _moodle(match)
            return student, lms, None, parts[-1], i
    if named := _named(parts[-1]):
        return named
    folders = [p for p in parts[:-1] if p and p != "submitted"]
    if not folders:
        return None
    return _id(folders[0]), {}, None, parts[-1], 0


def _named(name: str):
    """Student, ids, lateness, file name and order in the name that an LMS gives to a file."""
    if match := _MOODLE.match(name):
        student, lms = _moodle(match)
        return student, lms, None, match["rest"] or name, 0
    match = _CANVAS.match(name)
    if match and name.lower().endswith(SUFFIXES):
        student = _id(f"{match['name'] or 'student'}_{match['id']}")
        return (
            student, {"canvas": match["id"], "name": match["name"] or ""}, bool(match["late"]),
            match["rest"], int(match["file"]),
        )  # fmt: skip
    return None


def _folder(name: str) -> tuple[str, dict[str, str]]:
    match = _MOODLE.match(name)
    return _moodle(match) if match else (_id(name), {})


def _moodle(match: re.Match) -> tuple[str, dict[str, str]]:
    lms = {"moodle": match["id"], "name": match["name"]}
    return _id(f"{match['name']}_{match['id']}"), lms


def _id(name: str) -> str:
    return _shown(name) or "unnamed"


def _shown(name: str) -> str:
    """A name of a stranger's: printable, one line, not long."""
    kept = "".join(c if c.isprintable() else "?" for c in name[:120])
    return kept.encode("utf-8", "replace").decode().strip()


# --- reading, with limits ---


def _reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        end = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(end, "rb") as file:
            if not stat.S_ISREG(os.fstat(end).st_mode):
                raise UserError(f"{path.name} is no ordinary file")
            return file.read(_limit(path.name) + 1)

    return read


def _unzipper(path: Path, entry: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        with zipfile.ZipFile(path) as archive, archive.open(entry) as file:
            return file.read(_limit(entry.filename) + 1)

    return read


def _limit(name: str) -> int:
    return MAX_NOTEBOOK if name.lower().endswith(".ipynb") else MAX_SCRIPT


def _notebook(file: _File) -> Notebook:
    """Read and parse; UserError for whatever cannot be."""
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
        return parse(text, path.stem, path.suffix.lower(), _shown(file.name))
    except (RecursionError, MemoryError):
        raise UserError("it is nested too deeply") from None


def _stamp(path: Path) -> str:
    """nbgrader's timestamp, as it stands in its file."""
    try:
        return _shown(_reader(path)()[:100].decode("utf-8", "replace"))
    except (OSError, UserError):
        return ""


# --- which lesson a file is ---


def _student(student: str, files: list[_File], plans: dict[str, Plan], found: Collected) -> None:
    by_lesson: dict[str, list[tuple[_File, Notebook, bool]]] = {}
    for file in files:
        if not file.name.lower().endswith(SUFFIXES):
            continue
        try:
            notebook = _notebook(file)
        except UserError as problem:
            text = f"{file.label}: {problem}"
            found.notices.append(Notice("unreadable", student, "", text))
            continue
        lesson, renamed = _lesson(file, notebook, plans)
        if lesson:
            by_lesson.setdefault(lesson, []).append((file, notebook, renamed))
        elif file.name.lower().endswith(".ipynb"):
            text = f"{file.label}: it holds no exercise of a lesson"
            found.notices.append(Notice("unreadable", student, "", text))
    for lesson, candidates in sorted(by_lesson.items()):
        candidates.sort(key=lambda c: _rank(c[0], c[2]))
        file, notebook, renamed = candidates[-1]
        if renamed:
            text = f"{file.label} was taken for {lesson}, by the exercises in it"
            found.notices.append(Notice("renamed", student, lesson, text))
        if len(candidates) > 1:
            others = ", ".join(c[0].label for c in candidates[:-1])
            text = f"{file.label} was graded, not {others}"
            found.notices.append(Notice("double", student, lesson, text))
        handed = Handed(student, lesson, notebook, file.label, file.stamp or UNKNOWN, file.late)
        found.handed.append(handed)


def _rank(file: _File, renamed: bool) -> tuple:
    """Of several files of a lesson the last in this order is graded: what was handed in last."""
    copy = _COPY.match(Path(file.name).stem)
    again = int(copy["number"]) if copy else 0
    return file.order, not renamed, again, file.name.lower().endswith(".ipynb"), file.label


def _lesson(file: _File, notebook: Notebook, plans: dict[str, Plan]) -> tuple[str, bool]:
    """The lesson that a file is, and whether its name had to be overlooked."""
    stem = Path(file.name).stem
    copy = _COPY.match(stem)
    for name in (stem, copy["stem"] if copy else stem):
        if name in plans:
            return name, False
    ids = Counter(id for role in ("exercise", "question", "free") for id in notebook.ids(role))
    scores = {
        name: sum(ids[id] for role in ("exercise", "question", "free") for id in plan.lesson.ids(role))
        for name, plan in plans.items()
    }
    best = max(scores, key=lambda name: (scores[name], name == file.folder), default="")
    return (best, True) if best and scores[best] else ("", False)


# --- when, and who is missing ---


def _enrolled(found: Collected, roster: Roster) -> None:
    for entry in roster.entries:
        match = next(
            (s for s, ids in found.students.items() if entry.is_same(s, ids)), None
        )  # fmt: skip
        found.students.setdefault(match or entry.student, {}).update(entry.ids)


def _timed(
    handed: Handed, found: Collected, due: datetime | None, roster: Roster | None
) -> Handed:
    ids = found.students.get(handed.student, {})
    entry = roster.find(handed.student, ids, handed.lesson) if roster else None
    when, late = handed.handed_in, handed.late
    if entry and entry.handed_in and when == UNKNOWN:
        when = entry.handed_in
    if entry and entry.late is not None:
        late = entry.late
    moment = moment_of(when)
    if due and moment and (moment.tzinfo is None) == (due.tzinfo is None):
        late = moment > due
    return replace(handed, handed_in=when, late=late)


def moment_of(text: str) -> datetime | None:
    """A time that a program has written; None for anything else."""
    for form in ("%A, %d %B %Y, %I:%M %p", "%A, %B %d, %Y, %I:%M %p", "%Y-%m-%d %H:%M:%S.%f"):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    zone = re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) (\S+)$", text)
    if not zone:
        return None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return datetime.fromisoformat(zone[1]).replace(tzinfo=ZoneInfo(zone[2]))
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return None


def _missing(found: Collected) -> None:
    lessons = sorted({h.lesson for h in found.handed})
    have = {(h.student, h.lesson) for h in found.handed}
    for student in sorted(found.students):
        for lesson in lessons:
            if (student, lesson) not in have:
                found.notices.append(Notice("missing", student, lesson, "nothing that can be graded"))


def told(notices: Iterable[Notice]) -> list[str]:
    """Notices as lines: what kind, whose, and what there is to it."""
    return [
        ": ".join(filter(None, (n.kind, " ".join(filter(None, (n.student, n.lesson))), n.text)))
        for n in notices
    ]
