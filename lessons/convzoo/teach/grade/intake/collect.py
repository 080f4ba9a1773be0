"""What was handed in, which lesson each file is, and when it came.

Anything that cannot be graded as it is (late, double, renamed, missing, unreadable) becomes a
notice with a name, and the others are still graded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from convzoo.errors import UserError
from convzoo.notebook.cells import Notebook
from convzoo.teach.grade.intake.files import (
    TIMESTAMP,
    File,
    Found,
    Notice,
    handed_files,
    notebook_of,
)
from convzoo.teach.grade.intake.owners import ARCHIVES, DOCUMENTS, SUFFIXES
from convzoo.teach.grade.intake.rosters import Roster
from convzoo.teach.grade.mark.plan import Plan, Submission, transplant

UNKNOWN = "unknown"
MAX_READ = 60_000_000  # bytes of one student that are read
SLOW = 10  # a byte of a script takes as long as this many of a notebook
_COPY = re.compile(r"(?P<stem>.+?)(?:-(?P<number>\d{1,3}))$")  # Canvas: a file handed in again


@dataclass(frozen=True)
class Handed:
    """One lesson of one student. late: None if it is not known."""

    student: str
    lesson: str
    submission: Submission
    file: str
    handed_in: str = UNKNOWN
    late: bool | None = None


@dataclass
class Collected(Found):
    """Everything that was handed in: submissions in order, students, notices."""

    handed: list[Handed] = field(default_factory=list)


def collect_class(
    place: Path, plans: dict[str, Plan], roster: Roster | None = None, due: datetime | None = None
) -> Collected:
    """Return everything that was handed in under `place`, a folder or a zip file.

    Raises UserError if there is no such place.
    """
    if not place.exists():
        raise UserError(
            f"{place} does not exist. Name the folder (or zip file) with the submissions."
        )
    found = Collected()
    by_student: dict[str, list[File]] = {}
    for file in handed_files(place, found):
        by_student.setdefault(file.student, []).append(file)
    sizes = Counter(source for theirs in by_student.values() for source in _sources(theirs))
    for student, theirs in sorted(by_student.items()):
        _claims(student, theirs, sizes, plans, found)
    _numbers(by_student, sizes, found)
    found.handed.sort(key=lambda handed: (handed.student, handed.lesson))
    if roster:
        _enrolled(found, roster)
    found.handed = [_timed(h, found, due, roster) for h in found.handed]
    _missing(found)
    for handed in found.handed:
        if handed.late:
            when = f" ({handed.handed_in})" if handed.handed_in != UNKNOWN else ""
            found.tell("late", handed.student, f"late{when}", handed.lesson)
        elif due and _zoned(due) != _zoned(moment_of(handed.handed_in) or due):
            text = f"{handed.handed_in} and --due cannot be compared, because one has no time zone"
            found.tell("late or not", handed.student, text, handed.lesson)
    return found


def _sources(files: Iterable[File]) -> set[str]:
    return {file.source for file in files}


def _claims(
    student: str, theirs: list[File], sizes: Counter, plans: dict[str, Plan], found: Collected
) -> None:
    """Add what was handed in under one name. If two zip files contain different work under it, it
    may be that of two people, so both are graded. The zip file with more students keeps the
    name."""
    first: dict[str, Handed] = {}
    for source in sorted(_sources(theirs), key=lambda source: (-sizes[source], source)):
        for handed in _handed(student, [f for f in theirs if f.source == source], plans, found):
            known = first.setdefault(handed.lesson, handed)
            if known is handed:
                found.handed.append(handed)
            elif known.submission.key("", b"") != handed.submission.key("", b""):
                other = f"{student} ({source or 'folder'})"
                found.students.setdefault(other, {"claim": student})
                found.handed.append(replace(handed, student=other))
                text = f"{known.file} and {handed.file} differ; the second is graded as {other}"
                found.tell("two claims", student, text, handed.lesson)


def _numbers(by_student: dict[str, list[File]], sizes: Counter, found: Collected) -> None:
    """Give each LMS number to only one student: the one whose zip file contains more students."""
    rank = {s: max(sizes[source] for source in _sources(f)) for s, f in by_student.items()}
    for kind in ("canvas", "moodle"):
        first: dict[str, str] = {}
        for student in sorted(by_student, key=lambda s: (-rank[s], s)):
            number = found.students[student].get(kind)
            if number and first.setdefault(number, student) != student:
                del found.students[student][kind]
                text = f"the number {number} in its name belongs to {first[number]}"
                found.tell("two claims", student, text)


def _handed(
    student: str, theirs: list[File], plans: dict[str, Plan], found: Collected
) -> Iterator[Handed]:
    """Yield for each lesson the file of one student that is graded."""
    by_lesson: dict[str, list[tuple[File, Submission, bool]]] = {}
    left = MAX_READ
    for file in sorted(theirs, key=lambda file: Path(file.name).stem not in plans):
        if not file.name.lower().endswith(SUFFIXES):
            continue
        left -= file.size * (SLOW if file.name.lower().endswith(".py") else 1)
        if left < 0:
            text = f"{file.label} and later files were not read: the files before are too large"
            found.tell("unreadable", student, text)
            break
        try:
            notebook = notebook_of(file)
        except UserError as problem:
            found.tell("unreadable", student, f"{file.label}: {problem}")
            continue
        left -= SLOW * sum(len(cell.source) for cell in notebook.cells)
        lesson, renamed = _lesson(file, notebook, plans)
        if lesson:
            submission = transplant(plans[lesson], notebook)
            by_lesson.setdefault(lesson, []).append((file, submission, renamed))
        elif file.name.lower().endswith(".ipynb"):
            found.tell("unreadable", student, f"{file.label}: it contains no exercise of a lesson")
    _tell_ungradable(student, theirs, bool(by_lesson), found)
    for lesson, candidates in sorted(by_lesson.items()):
        candidates.sort(key=lambda c: (_touched(c[1]), _rank(c[0], c[2])))
        file, submission, renamed = candidates[-1]
        if renamed:
            text = f"{file.label} was graded as {lesson}, because of its exercises"
            found.tell("renamed", student, text, lesson)
        if len(candidates) > 1:
            others = ", ".join(c[0].label for c in candidates[:-1])
            found.tell("double", student, f"{file.label} was graded, not {others}", lesson)
        yield Handed(student, lesson, submission, file.label, file.stamp or UNKNOWN, file.late)


def _tell_ungradable(student: str, theirs: list[File], graded: bool, found: Collected) -> None:
    """Report which files cannot be graded; data and pictures only if a student has nothing else."""
    others = [file for file in theirs if not file.name.lower().endswith(SUFFIXES)]
    for file in others:
        if file.name.lower().endswith(ARCHIVES):
            text = f"{file.label} is an archive and was not opened: unpack it first"
            found.tell("unreadable", student, text)
    wanted = DOCUMENTS if graded else ""  # any suffix
    labels = [
        file.label
        for file in others
        if file.name.lower().endswith(wanted)
        and not file.name.lower().endswith((*ARCHIVES, TIMESTAMP))
    ]
    if labels:
        more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
        text = f"{', '.join(labels[:5])}{more}: no notebook (.ipynb) or script (.py)"
        found.tell("unreadable", student, text)


def _touched(submission: Submission) -> bool:
    """Return whether the student has changed anything: an untouched copy is not a submission."""
    return any(submission.touched(*owner) for owner in submission.own if owner[0] != "student")


def _rank(file: File, renamed: bool) -> tuple:
    """Return the sort key: of several files of a lesson the last one is graded, which was handed in
    last."""
    copy = _COPY.match(Path(file.name).stem)
    again = int(copy["number"]) if copy else 0
    return file.order, not renamed, again, file.name.lower().endswith(".ipynb"), file.label


def _lesson(file: File, notebook: Notebook, plans: dict[str, Plan]) -> tuple[str, bool]:
    """Return the lesson that a file is, and whether its name had to be ignored."""
    stem = Path(file.name).stem
    copy = _COPY.match(stem)
    for name in (stem, copy["stem"] if copy else stem):
        if name in plans:
            return name, False
    ids = Counter(id for role in ("exercise", "question", "free") for id in notebook.ids(role))
    scores = {
        name: sum(
            ids[id] for role in ("exercise", "question", "free") for id in plan.lesson.ids(role)
        )
        for name, plan in plans.items()
    }
    best = max(scores, key=lambda name: (scores[name], name == file.folder), default="")
    return (best, True) if best and scores[best] else ("", False)


# --- when, and who is missing ---


def _enrolled(found: Collected, roster: Roster) -> None:
    for entry in roster.entries:
        match = next((s for s, ids in found.students.items() if entry.is_same(s, ids)), None)
        found.students.setdefault(match or entry.student, {}).update(entry.ids)


def _timed(handed: Handed, found: Collected, due: datetime | None, roster: Roster | None) -> Handed:
    ids = found.students.get(handed.student, {})
    entry = roster.find(handed.student, ids, handed.lesson) if roster else None
    when, late = handed.handed_in, handed.late
    if entry and entry.handed_in:
        when = entry.handed_in
    if entry and entry.late is not None:
        late = entry.late
    moment = moment_of(when)
    if due and moment and _zoned(moment) == _zoned(due):
        late = moment > due
    return replace(handed, handed_in=when, late=late)


def _zoned(moment: datetime) -> bool:
    return moment.tzinfo is not None


def moment_of(text: str) -> datetime | None:
    """Return a time that a program has written; None for anything else."""
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
    graded = {(h.student, h.lesson) for h in found.handed}
    for student, ids in sorted(found.students.items()):
        for lesson in lessons:
            if (student, lesson) not in graded and "claim" not in ids:
                found.tell("missing", student, "handed in nothing that can be graded", lesson)


def notice_lines(notices: Iterable[Notice]) -> list[str]:
    """Return notices as lines: the kind, the student, and the text. Who is missing a lesson is one
    line for each lesson."""
    lines, missing = [], {}
    for n in notices:
        if n.kind == "missing":
            missing.setdefault(n.lesson, []).append(n.student)
            continue
        who = " ".join(filter(None, (n.student, n.lesson)))
        lines.append(": ".join(filter(None, (n.kind, who, n.text))))
    return lines + [
        f"missing: {lesson} ({len(who)}): {', '.join(who)}" for lesson, who in missing.items()
    ]
