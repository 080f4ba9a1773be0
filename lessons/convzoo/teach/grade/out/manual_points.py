"""Free questions wait for the teacher: free.csv contains the answers, and the teacher's points are
read from it.

(With nbgrader the formgrader does this.) The file is written again at each run. What the teacher
wrote in it belongs to a student and a question, even if a spreadsheet changed the answer's text.
Rows that belong to no answer of this run stay in the file.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from convzoo.errors import UserError
from convzoo.teach.grade.mark.marks import Graded, Item
from convzoo.teach.grade.out.tables import safe

HEADER = ("student", "lesson", "question", "possible", "points", "comment", "answer")
MAX_FIELD = 1_000_000  # characters of a cell that are read

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Merged:
    """Results with the teacher's points; the new text of the file, "" if there is none; notices."""

    results: list[Graded]
    text: str
    notices: tuple[str, ...] = ()


def merge(path: Path, results: Iterable[Graded]) -> Merged:
    """Return the results with the points in the file at `path`, and the file's new contents. Raises
    UserError for a file that is not such a table, and for invalid points.
    """
    known, kept = _read(path)
    rows, marked, notices = [], [], []
    for graded in results:
        items = []
        for item in graded.items:
            if item.kind != "free" or not item.answer:
                items.append(item)
                continue
            found = known.pop(_key(graded.student, graded.lesson, item.id), {})
            points, comment = found.get("points", ""), found.get("comment", "")
            answer = "\n".join(item.answer.splitlines())
            head = safe(graded.student), graded.lesson, item.id, item.points
            rows.append((*head, points, comment, safe(answer)))
            items.append(_with(item, points, comment, path))
            if (points or comment) and _words(found["answer"]) != _words(answer):
                notices.append(
                    f"{graded.student} {item.id}: the answer has changed since you marked it"
                )
        marked.append(replace(graded, items=tuple(items)))
    kept = [row for row in (*known.values(), *kept) if row["points"] or row["comment"]]
    if kept:
        names = ", ".join(f"{row['student']} {row['question']}" for row in kept[:5])
        notices.append(f"{len(kept)} rows belong to no answer in this run and were kept: {names}")
    rows += [tuple(row[name] for name in HEADER) for row in kept]
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    return Merged(marked, text.getvalue() if rows else "", tuple(notices))


def _with(item: Item, points: str, comment: str, path: Path) -> Item:
    if not points.strip():
        return item
    try:
        given = float(points.replace(",", "."))
    except ValueError:
        given = -1.0
    if not 0 <= given <= item.points:
        raise UserError(
            f"{path}: {points!r} is not a number of points from 0 to {item.points:g} ({item.id}). "
            "Correct it and grade again."
        )
    return replace(item, earned=given, status="marked", message=comment)


def _read(path: Path) -> tuple[dict[Key, dict[str, str]], list[dict[str, str]]]:
    """Return the rows of the file by student and question, and those that occur a second time."""
    try:
        text = _decoded(path.read_bytes())
    except FileNotFoundError:
        return {}, []
    except OSError as problem:
        raise UserError(
            f"{path} cannot be read ({problem.strerror}). Fix it or move it away."
        ) from None
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    csv.field_size_limit(MAX_FIELD)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        names, table = set(filter(None, reader.fieldnames or ())), list(reader)
    except csv.Error as problem:
        raise UserError(f"{path} is not a table ({problem}). Fix it or move it away.") from None
    if names != set(HEADER):
        raise UserError(
            f"{path} must have exactly the columns {', '.join(HEADER)}. Fix it or move it away."
        )
    known: dict[Key, dict[str, str]] = {}
    kept = []
    for row in table:
        cells = {name: row[name] or "" for name in HEADER}
        key = _key(cells["student"], cells["lesson"], cells["question"])
        if known.setdefault(key, cells) is not cells:
            kept.append(cells)
    return known, kept


def _decoded(raw: bytes) -> str:
    """Return the text of a table, whichever encoding a spreadsheet saved it in."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _key(student: str, lesson: str, question: str) -> Key:
    """Return whose row it is, although a spreadsheet may trim blanks, drop the leading apostrophe
    of `safe`, and show a UTF-8 name in the letters of an older encoding."""
    try:
        student = student.encode("cp1252").decode("utf-8")
    except UnicodeError:
        pass
    student = unicodedata.normalize("NFC", student).strip().removeprefix("'")
    return " ".join(student.split()), lesson.strip(), question.strip()


def _words(answer: str) -> list[str]:
    return answer.strip().removeprefix("'").split()
