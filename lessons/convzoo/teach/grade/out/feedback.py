"""One page of feedback for each student: what was earned, and what would help. It never shows a
seed."""

from __future__ import annotations

from convzoo.exercises import all_questions
from convzoo.teach.grade.mark.marks import UNTOUCHED, Graded, Item, reason
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
        question=_question,
        answer=_answer,
        reason=reason,
        notices=[f"{n.kind}: {' '.join(filter(None, (n.lesson, n.text)))}" for n in notices],
    )


def _question(item: Item, graded: Graded) -> str:
    """Return a short question as the student saw it; "" if there is none with this id."""
    found = all_questions().get(item.id) if item.kind == "question" else None
    return found.shown(graded.name) if found else ""


def _answer(item: Item) -> str:
    """Return a short question's answer in words; "" if there is none."""
    if item.kind != "question" or not item.answer:
        return ""
    found = all_questions().get(item.id)
    verb = "chose" if found and found.options else "answered"
    verb = "wrote" if item.status == UNTOUCHED else verb  # it could not be understood
    return f"You {verb} {item.answer.rstrip('.')}."
