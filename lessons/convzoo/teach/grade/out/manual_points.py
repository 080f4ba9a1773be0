"""Free questions wait for the teacher: free.csv contains the answers, and the teacher's points are
read from it.

(With nbgrader the formgrader does this.) The file is written again at each run; points in it stay
as long as the answer is the same.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from convzoo.errors import UserError
from convzoo.teach.grade.mark.marks import Graded, Item
from convzoo.teach.grade.out.tables import safe

HEADER = ("student", "lesson", "question", "possible", "points", "comment", "answer")


def merge(path: Path, results: Iterable[Graded]) -> tuple[list[Graded], str]:
    """Return the results with the teacher's points, and the new text of the file; "" if there is
    none."""
    known = _read(path)
    rows, marked = [], []
    for graded in results:
        items = []
        for item in graded.items:
            if item.kind != "free" or not item.answer:
                items.append(item)
                continue
            key = safe(graded.student), graded.lesson, item.id, safe(item.answer)
            points, comment = known.get(key, ("", ""))
            rows.append((key[0], key[1], key[2], item.points, points, comment, key[3]))
            items.append(_with(item, points, comment, path))
        marked.append(replace(graded, items=tuple(items)))
    if not rows:
        return marked, ""
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    return marked, text.getvalue()


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


def _read(path: Path) -> dict[tuple[str, ...], tuple[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"{path} cannot be read ({problem}). Fix it or move it away.") from None
    first = text.split("\n", 1)[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if first.count(";") > 3 else ",")
    if tuple(rows.fieldnames or ()) != HEADER:
        raise UserError(
            f"{path} does not have the columns {', '.join(HEADER)}. Fix it or move it away."
        )
    return {
        (r["student"], r["lesson"], r["question"], (r["answer"] or "").replace("\r\n", "\n")): (
            r["points"] or "",
            r["comment"] or "",
        )
        for r in rows
    }
