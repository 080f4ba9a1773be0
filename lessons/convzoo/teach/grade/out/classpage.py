"""One page about the class, for the teacher: how it did, who did what, who needs a word, what was
hard."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import mean, median

from convzoo.teach.grade.intake.names import slug
from convzoo.teach.grade.mark.marks import total
from convzoo.teach.grade.out.templates import render

BINS = 10
MOST = 30  # misconceptions of a lesson that are shown
FAR = 0.4  # of the points: so far below their other lessons, a student needs a word


def page(entries, collected, notices: list[str]) -> str:
    """Return the whole page."""
    done = [e for e in entries if e.graded.status == "graded"]
    failed = [e for e in entries if e.graded.status != "graded"]
    names = sorted({e.handed.lesson for e in entries})
    by_lesson = {n: [e for e in done if e.handed.lesson == n] for n in names}
    students = sorted(collected.students)
    return render(
        "classpage",
        script="sort.js",
        title="The class",
        students=len(students),
        submissions=len(entries),
        graded=len(done),
        unboxed=sum(not e.graded.sandboxed for e in done),
        waiting=sum(i.earned is None for e in done for i in e.graded.items),
        glance=_glance(by_lesson, entries, len(students)),
        lesson_names=names,
        rows=[_row(s, [e for e in entries if e.handed.student == s], collected) for s in students],
        words=[word for s in students if (word := _word(s, entries, collected))],
        lessons=[_lesson(n, theirs) for n, theirs in by_lesson.items() if theirs],
        not_graded=[f"{e.handed.student}, {e.handed.lesson}: {e.graded.reason}" for e in failed],
        notices=notices,
    )


# --- at a glance ---


def _glance(by_lesson: dict[str, list], entries, students: int) -> list[dict]:
    """Return for all lessons together, then for each: how many handed in, mean, median."""
    sums: dict[str, float] = {}
    for entry in (e for theirs in by_lesson.values() for e in theirs):
        earned = total(entry.graded.items).earned
        sums[entry.handed.student] = sums.get(entry.handed.student, 0.0) + earned
    handed = len({e.handed.student for e in entries})
    late = sum(e.handed.late is True for e in entries)
    rows = [_summary("All lessons", handed, students - handed, late, list(sums.values()), None)]
    for name, theirs in by_lesson.items():
        all_theirs = [e for e in entries if e.handed.lesson == name]
        handed = len({e.handed.student for e in all_theirs})
        late = sum(e.handed.late is True for e in all_theirs)
        earned = [total(e.graded.items).earned for e in theirs]
        possible = total(theirs[0].graded.items).points if theirs else None
        rows.append(_summary(name, handed, students - handed, late, earned, possible))
    return rows


def _summary(name, handed: int, missing: int, late: int, earned: list[float], possible) -> dict:
    return {
        "name": name,
        "handed": handed,
        "missing": missing,
        "late": late,
        "mean": f"{mean(earned):.1f}" if earned else "-",
        "median": f"{median(earned):.1f}" if earned else "-",
        "possible": possible,
    }


# --- students ---


def _called(student: str, collected) -> tuple[str, str]:
    """Return a student's name as the LMS has it, and the address of their feedback."""
    name = collected.students.get(student, {}).get("name") or student
    return name, f"feedback/{slug(student)}.html"


def _row(student: str, theirs, collected) -> dict:
    """Return a student's row: points in each lesson, or why there are none."""
    name, link = _called(student, collected)
    sums = total(i for e in theirs for i in e.graded.items)
    return {
        "id": student,
        "name": name,
        "link": link,
        "earned": sums.earned,
        "possible": sums.points,
        "cells": {e.handed.lesson: _cell(e) for e in theirs},
        "flags": sum(len(e.graded.flags) for e in theirs),
    }


def _cell(entry) -> dict:
    earned = total(entry.graded.items).earned
    graded = entry.graded.status == "graded"
    notes = ["late"] if entry.handed.late else []
    return {
        "earned": earned if graded else None,
        "notes": ", ".join(notes if graded else [*notes, "not graded"]),
    }


def _word(student: str, entries, collected) -> dict | None:
    """Return what to talk about with a student: lessons far below their others, and flags."""
    theirs = [e for e in entries if e.handed.student == student]
    shares = {e.handed.lesson: _share(e) for e in theirs if e.graded.status == "graded"}
    about = []
    for lesson, share in shares.items():
        others = [s for name, s in shares.items() if name != lesson]
        if others and mean(others) - share >= FAR:
            about.append(
                f"{lesson}: {100 * share:.0f}% of the points, against {100 * mean(others):.0f}% "
                "in their other lessons."
            )
    about += [f"{e.handed.lesson}: flag: {text}" for e in theirs for text in e.graded.flags]
    name, link = _called(student, collected)
    return {"name": name, "link": link, "about": about} if about else None


def _share(entry) -> float:
    sums = total(entry.graded.items)
    return sums.earned / sums.points if sums.points else 0.0


# --- one lesson ---


def _lesson(name: str, entries) -> dict:
    return {
        "name": name,
        "distribution": _distribution(entries),
        "difficulty": _difficulty(entries),
        "misconceptions": _misconceptions(entries),
    }


def _counted(values: Iterable, key: Callable) -> dict:
    """Return the values in a list for each key, in the order in which the keys first occur."""
    found: dict = {}
    for value in values:
        found.setdefault(key(value), []).append(value)
    return found


def _distribution(entries) -> list[tuple[str, float, str]]:
    """Return a bar for each tenth of the points: label, length from 0 to 1, number of students."""
    bins = _counted(entries, lambda e: min(BINS - 1, int(_share(e) * BINS)))
    counts = [len(bins.get(b, ())) for b in range(BINS)]
    most = max(counts, default=1) or 1
    return [
        (f"{100 * b // BINS} to {100 * (b + 1) // BINS} % of the points", n / most, str(n))
        for b, n in enumerate(counts)
    ]


def _difficulty(entries) -> list[tuple[str, float, str]]:
    """Return every item with the mean share of its points, hardest first, without those waiting for
    marks."""
    items = (i for e in entries for i in e.graded.items if i.earned is not None)
    by_id = _counted(items, lambda item: item.id)
    means = sorted(
        (mean(i.earned / i.points if i.points else 1.0 for i in theirs), id)
        for id, theirs in by_id.items()
    )
    return [(id, share, f"{100 * share:.0f} %") for share, id in means]


def _misconceptions(entries) -> list[dict]:
    """Return each misconception with its exercise, name, the sentence that helps and the students
    who share it; most frequent first."""
    pairs = [(e.handed.student, item) for e in entries for item in e.graded.items if item.wrong]
    shared = _counted(pairs, lambda pair: (pair[1].title, pair[1].wrong))
    found = [
        {
            "title": title,
            "name": wrong.replace("_", " "),
            "sentence": theirs[0][1].sentence,
            "students": sorted({student for student, _ in theirs}),
        }
        for (title, wrong), theirs in shared.items()
    ]
    return sorted(found, key=lambda m: -len(m["students"]))[:MOST]
