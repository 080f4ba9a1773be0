"""One page of feedback for each student: what was earned, and what would help. Never a seed."""

from __future__ import annotations

from convzoo.teach.grade.mark.marks import Item, total
from convzoo.teach.grade.out.html import listing, table, text
from convzoo.teach.grade.out.html import page as whole
from convzoo.teach.grade.out.tables import number

STATUS = {
    "passed": ("right", "passed"),
    "right": ("right", "right"),
    "failed": ("wrong", "not yet"),
    "wrong": ("wrong", "not right"),
    "waiting": ("open", "your teacher will mark it"),
    "marked": ("open", "marked by your teacher"),
    "not attempted": ("open", "not attempted"),
}

TOLD = ("unreadable", "missing", "double", "renamed")


def page(student: str, entries, collected) -> str:
    """The page of one student, all his lessons on it, and what could not be taken."""
    name = collected.students.get(student, {}).get("name") or student
    parts = [f"<h1>Feedback for {text(name)}</h1>"]
    if not all(e.graded.sandboxed for e in entries):
        parts.append('<p class="warning">Graded without a sandbox.</p>')
    for entry in sorted(entries, key=lambda e: e.handed.lesson):
        parts.append(_lesson(entry))
    told = [n for n in collected.notices if n.student == student and n.kind in TOLD]
    if told:
        lines = [f"{n.kind}: {' '.join(filter(None, (n.lesson, n.text)))}" for n in told]
        parts.append(f"<h2>What was handed in</h2>{listing(lines)}")
    return whole(f"Feedback for {name}", "\n".join(parts))


def _lesson(entry) -> str:
    handed, graded = entry.handed, entry.graded
    head = f"<h2>{text(handed.lesson)}</h2>"
    late = " (late)" if handed.late else ""
    when = f"<p>File: {text(handed.file)}. Handed in: {text(handed.handed_in)}{late}.</p>"
    if graded.status != "graded":
        return f"{head}{when}<p>Not graded yet. This is not your doing, and it is no zero.</p>"
    sums = total(graded.items)
    waits = f" {number(sums.waiting)} more wait for your teacher." if sums.waiting else ""
    line = f"<p><strong>{number(sums.earned)} of {number(sums.points)} points.</strong>{waits}</p>"
    rows = [_row(item) for item in graded.items]
    return head + when + line + table(["", "Result", "Points"], rows)


def _row(item: Item) -> list[str]:
    kind, word = STATUS.get(item.status, ("open", item.status))
    stage = f" ({item.stage})" if item.stage and item.status == "failed" else ""
    said = (
        f"<p>Your answer: {text(item.answer)}</p>"
        if item.kind == "question" and item.answer
        else ""
    )
    message = f"<pre>{text(item.message)}</pre>" if item.message else ""
    earned = "-" if item.earned is None else number(item.earned)
    return [
        f"<strong>{text(item.title)}</strong><br>{text(item.id)}",
        f'<span class="{kind}">{text(word + stage)}</span>{said}{message}',
        f"{earned} of {number(item.points)}",
    ]
