"""One page of feedback for each student: what was earned, and what would help. It never shows a
seed."""

from __future__ import annotations

from convzoo.teach.grade.out.templates import render

RESULTS = {  # the CSS class, and what a student reads
    "passed": ("right", "passed"),
    "right": ("right", "right"),
    "failed": ("wrong", "not yet"),
    "wrong": ("wrong", "not right"),
    "waiting": ("open", "your teacher will mark it"),
    "marked": ("open", "marked by your teacher"),
    "not attempted": ("open", "not attempted"),
}
SHOWN = ("unreadable", "missing", "double", "renamed")  # the notices that are for the student


def page(student: str, entries, collected) -> str:
    """Return the page of one student: all their lessons, and what could not be graded."""
    name = collected.students.get(student, {}).get("name") or student
    notices = [n for n in collected.notices if n.student == student and n.kind in SHOWN]
    return render(
        "feedback",
        title=f"Feedback for {name}",
        unboxed=not all(e.graded.sandboxed for e in entries),
        entries=sorted(entries, key=lambda e: e.handed.lesson),
        results=RESULTS,
        notices=[f"{n.kind}: {' '.join(filter(None, (n.lesson, n.text)))}" for n in notices],
    )
