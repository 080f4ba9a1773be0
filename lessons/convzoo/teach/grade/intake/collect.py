"""What was handed in, which lesson each file is, and when it came.

Anything that cannot be graded as it is (late, double, renamed, missing, unreadable) becomes a
notice with a name, and the others are still graded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from convzoo.errors import UserError
from convzoo.notebook.cells import Notebook
from convzoo.teach.grade.intake.files import File, Found, Notice, handed_files, notebook_of
from convzoo.teach.grade.intake.owners import SUFFIXES
from convzoo.teach.grade.intake.rosters import Roster
from convzoo.teach.grade.mark.plan import Plan, transplant

UNKNOWN = "unknown"
ARCHIVES = (".zip", ".7z", ".rar", ".gz", ".tar")
_COPY = re.compile(r"(?P<stem>.+?)(?:-(?P<number>\d{1,3}))$")  # Canvas: a file handed in again


@dataclass(frozen=True)
class Handed:
    """One lesson of one student. late: None if it is not known."""

    student: str
    lesson: str
    notebook: Notebook
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
    for student, theirs in sorted(by_student.items()):
        _student(student, theirs, plans, found)
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


def _student(student: str, theirs: list[File], plans: dict[str, Plan], found: Collected) -> None:
    by_lesson: dict[str, list[tuple[File, Notebook, bool]]] = {}
    for file in theirs:
        if file.name.lower().endswith(ARCHIVES):
            text = f"{file.label} is an archive and was not opened: unpack it first"
            found.tell("unreadable", student, text)
        if not file.name.lower().endswith(SUFFIXES):
            continue
        try:
            notebook = notebook_of(file)
        except UserError as problem:
            found.tell("unreadable", student, f"{file.label}: {problem}")
            continue
        lesson, renamed = _lesson(file, notebook, plans)
        if lesson:
            by_lesson.setdefault(lesson, []).append((file, notebook, renamed))
        elif file.name.lower().endswith(".ipynb"):
            found.tell("unreadable", student, f"{file.label}: it contains no exercise of a lesson")
    for lesson, candidates in sorted(by_lesson.items()):
        candidates.sort(key=lambda c: (_touched(c[1], plans[lesson]), _rank(c[0], c[2])))
        file, notebook, renamed = candidates[-1]
        if renamed:
            text = f"{file.label} was graded as {lesson}, because of its exercises"
            found.tell("renamed", student, text, lesson)
        if len(candidates) > 1:
            others = ", ".join(c[0].label for c in candidates[:-1])
            found.tell("double", student, f"{file.label} was graded, not {others}", lesson)
        handed = Handed(student, lesson, notebook, file.label, file.stamp or UNKNOWN, file.late)
        found.handed.append(handed)


def _touched(notebook: Notebook, plan: Plan) -> bool:
    """Return whether the student has changed anything: an untouched copy is not a submission."""
    submission = transplant(plan, notebook)
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
    if entry and entry.handed_in and when == UNKNOWN:
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
    for student in sorted(found.students):
        for lesson in lessons:
            if (student, lesson) not in graded:
                found.tell("missing", student, "handed in nothing that can be graded", lesson)


def notice_lines(notices: Iterable[Notice]) -> list[str]:
    """Return notices as lines: the kind, the student, and the text."""
    return [
        ": ".join(filter(None, (n.kind, " ".join(filter(None, (n.student, n.lesson))), n.text)))
        for n in notices
    ]
