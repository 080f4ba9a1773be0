"""Tables: grades.csv, and the columns that Canvas and Moodle accept for an import."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from convzoo.teach.grade.intake.rosters import CANVAS
from convzoo.teach.grade.mark.marks import total

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe(text: str) -> str:
    """Return a text that no spreadsheet reads as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) and text != "-" else text


def _csv(rows: Iterable[Iterable], exact: bool = False) -> str:
    """Return a table's text. exact: whether an LMS wrote it, so that every cell must stay
    unchanged."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([safe(v) if isinstance(v, str) and not exact else v for v in row])
    return text.getvalue()


def number(value: float | None) -> str:
    """Return points as people write them; "" if there are none."""
    return "" if value is None else f"{value:g}"


def grades(entries, collected) -> str:
    """Return the table with one row per student: by exercise, by lesson and in total."""
    columns: dict[str, list[str]] = {}
    for entry in entries:
        known = columns.setdefault(entry.handed.lesson, [])
        known += [i.id for i in entry.graded.items if i.id not in known]
    columns = dict(sorted(columns.items()))
    head = ["student", "name"]
    for lesson, ids in columns.items():
        head += [f"{lesson} {what}" for what in ("status", "handed in", "late")]
        head += [*ids, f"{lesson} total"]
    rows = [[*head, "total", "possible", "waiting", "sandboxed"]]
    by = {(e.handed.student, e.handed.lesson): e for e in entries}
    for student in sorted(collected.students):
        row, items = [student, collected.students[student].get("name", "")], []
        boxed = True
        for lesson, ids in columns.items():
            entry = by.get((student, lesson))
            row += _lesson(entry, ids)
            items += entry.graded.items if entry else ()
            boxed = boxed and (entry is None or entry.graded.sandboxed)
        sums = total(items)
        rows.append(
            [
                *row,
                *(
                    (number(sums.earned), number(sums.points), number(sums.waiting))
                    if items
                    else ("", "", "")
                ),
                "yes" if boxed else "NO",
            ]
        )
    return _csv(rows)


def _lesson(entry, ids: list[str]) -> list[str]:
    if entry is None:
        return ["missing", "", "", *[""] * len(ids), ""]
    late = {None: "unknown", True: "yes", False: "no"}[entry.handed.late]
    earned = {i.id: number(i.earned) for i in entry.graded.items}
    done = entry.graded.status == "graded"
    return [
        entry.graded.status,
        entry.handed.handed_in,
        late,
        *(earned.get(id, "") for id in ids),
        number(total(entry.graded.items).earned) if done else "",
    ]


def for_lms(entries, collected, roster) -> dict[str, str]:
    """Return files for Canvas and Moodle by name, if students have an LMS's numbers."""
    files = {}
    done = [e for e in entries if e.graded.status == "graded"]
    lessons = sorted({e.handed.lesson for e in done})
    kinds = {kind for ids in collected.students.values() for kind in ids}
    if "canvas" in kinds and lessons:
        files["canvas.csv"] = _canvas(done, lessons, collected, roster)
    if "moodle" in kinds:
        for lesson in lessons:
            files[f"moodle_{lesson}.csv"] = _moodle(done, lesson, collected, roster)
    return files


def _points(entries, student: str, lesson: str) -> str:
    found = next(
        (e for e in entries if (e.handed.student, e.handed.lesson) == (student, lesson)), None
    )
    return number(total(found.graded.items).earned) if found else ""


def _possible(entries, lesson: str) -> str:
    found = next((e for e in entries if e.handed.lesson == lesson), None)
    return number(total(found.graded.items).points) if found else ""


def _canvas(entries, lessons: list[str], collected, roster) -> str:
    """Student, ID, SIS User ID, SIS Login ID, Section; a column for each assignment.

    An assignment keeps its heading from the export, with its number in brackets; otherwise Canvas
    asks whether to create a new one.
    """
    own = roster if roster and roster.kind == "canvas" else None
    place = {name: i for i, name in enumerate(own.header)} if own else {}
    headings = {n: next((h for h in place if h.startswith(n)), n) for n in lessons}
    rows = [[*CANVAS, *headings.values()]]
    rows.append(["    Points Possible", *[""] * 4, *(_possible(entries, n) for n in lessons)])
    known = {row[place["ID"]]: row for row in own.rows} if own else {}
    for student, ids in sorted(collected.students.items()):
        if "canvas" not in ids:
            continue
        row = known.get(ids["canvas"])
        head = [
            ids.get("name") or student,
            ids["canvas"],
            ids.get("sis", ""),
            ids.get("login", ""),
            "",
        ]
        if row:
            head = [row[place[c]] if c in place else "" for c in CANVAS]
        rows.append([*head, *(_points(entries, student, n) for n in lessons)])
    return _csv(rows, exact=own is not None)


def _moodle(entries, lesson: str, collected, roster) -> str:
    """Return the grading worksheet with its Grade column filled in; without one, a small
    worksheet."""
    own = roster if roster and roster.kind == "moodle" and roster.covers(lesson) else None
    numbers = {ids["moodle"]: s for s, ids in collected.students.items() if "moodle" in ids}
    if own is None:
        rows = [["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"]]
        for id, student in sorted(numbers.items()):
            name = collected.students[student].get("name", "")
            points = _points(entries, student, lesson)
            rows.append([f"Participant {id}", name, points, _possible(entries, lesson), "-"])
        return _csv(rows)
    place = {name: i for i, name in enumerate(own.header)}
    rows = [list(own.header)]
    for row in own.rows:
        cells = list(row)
        id = cells[place["Identifier"]].split()[-1]
        points = _points(entries, numbers.get(id, ""), lesson)
        if points:
            cells[place["Grade"]] = points
        rows.append(cells)
    return "\ufeff" + _csv(rows, exact=True)
