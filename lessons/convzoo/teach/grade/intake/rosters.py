"""What an LMS knows about a class: Canvas's gradebook export, Moodle's grading worksheet.

Canvas (lib/gradebook_importer.rb): Student, ID, SIS User ID, SIS Login ID, Section, then a column
for each assignment, "Title (id)"; a row "Points Possible". Moodle (assignfeedback_offline):
Identifier ("Participant 12345"), Full name, ..., Status, Grade, Maximum Grade, Last modified
(submission), Last modified (grade), Feedback comments; one file for each assignment.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from convzoo.errors import UserError

MAX_BYTES = 20_000_000
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = ("Identifier", "Grade")


@dataclass(frozen=True)
class Entry:
    """One student of a class. ids: "canvas", "moodle", "login", "name"."""

    student: str
    ids: dict[str, str]
    handed_in: str = ""
    late: bool | None = None

    def is_same(self, student: str, ids: dict[str, str]) -> bool:
        """Return whether a submission's student is this one: by the LMS's number, else by name."""
        for kind in ("canvas", "moodle"):
            if kind in self.ids and kind in ids:
                return self.ids[kind] == ids[kind]
        names = {student, ids.get("name", "")} - {""}
        mine = {self.student, *(self.ids.get(k, "") for k in ("login", "sis", "email", "name"))}
        return bool({_plain(n) for n in names} & {_plain(m) for m in mine - {""}})


@dataclass(frozen=True)
class Roster:
    """A class list, as an LMS exports it. kind: "canvas" or "moodle"."""

    kind: str
    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    entries: tuple[Entry, ...] = field(default=())

    def covers(self, lesson: str) -> bool:
        """Return whether times and grades are for this lesson; a Moodle worksheet is for one."""
        named = re.findall(r"\d\d_[a-z]+", self.name)
        return self.kind == "canvas" or not named or lesson in named

    def find(self, student: str, ids: dict[str, str], lesson: str) -> Entry | None:
        """Return the entry of a student, if it is about this lesson."""
        if not self.covers(lesson):
            return None
        return next((e for e in self.entries if e.is_same(student, ids)), None)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def read_roster(path: Path) -> Roster:
    """Read either format. Raises UserError if it is neither."""
    try:
        raw = path.read_bytes()[: MAX_BYTES + 1]
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror}.") from None
    text = raw.decode("utf-8-sig", "replace")
    first = text.split("\n", 1)[0]
    comma = ";" if first.count(";") > first.count(",") else ","
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=comma) if any(row)]
    except csv.Error as problem:
        raise UserError(f"{path} is not a table ({problem}). Export it again as CSV.") from None
    header = rows[0] if rows and len(raw) <= MAX_BYTES else []
    if header[:2] == ["Student", "ID"]:
        return _canvas(path.stem, header, rows[1:])
    if all(name in header for name in MOODLE):
        return _moodle(path.stem, header, rows[1:])
    raise UserError(
        f"{path} is neither Canvas's gradebook export (Student, ID, ...) nor Moodle's grading "
        "worksheet (Identifier, ..., Grade). Export it again as CSV, in English."
    )


def _cells(header: list[str], row: list[str]) -> dict[str, str]:
    return dict(zip(header, (cell.strip() for cell in row), strict=False))


def _canvas(name: str, header: list[str], rows: list[list[str]]) -> Roster:
    kept, entries = [], []
    for row in rows:
        cells = _cells(header, row)
        if not cells.get("ID") or "Points Possible" in cells["Student"]:
            continue
        ids = {"canvas": cells["ID"], "name": cells["Student"]}
        ids |= {"login": cells.get("SIS Login ID", ""), "sis": cells.get("SIS User ID", "")}
        kept.append(tuple(cells.get(column, "") for column in header))
        student = ids["login"] or ids["name"] or ids["canvas"]
        entries.append(Entry(student, {k: v for k, v in ids.items() if v}))
    return Roster("canvas", name, tuple(header), tuple(kept), tuple(entries))


def _moodle(name: str, header: list[str], rows: list[list[str]]) -> Roster:
    kept, entries = [], []
    for row in rows:
        cells = _cells(header, row)
        number = re.search(r"(\d+)$", cells.get("Identifier", ""))
        if not number:
            continue
        ids = {"moodle": number[1], "name": cells.get("Full name", "")}
        ids |= {"sis": cells.get("ID number", ""), "email": cells.get("Email address", "")}
        when = cells.get("Last modified (submission)", "")
        status = cells.get("Status", "")
        late = (
            bool(re.search(r"\blate\b", status))
            if status and "No submission" not in status
            else None
        )
        kept.append(tuple(cells.get(column, "") for column in header))
        student = ids["name"] or f"participant {number[1]}"
        entries.append(
            Entry(student, {k: v for k, v in ids.items() if v}, when if when != "-" else "", late)
        )
    return Roster("moodle", name, tuple(header), tuple(kept), tuple(entries))
