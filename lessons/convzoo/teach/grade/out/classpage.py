"""One page on the class, for the teacher: distribution, difficulty, misconceptions, flags."""

from __future__ import annotations

from collections import Counter

from convzoo.teach.grade.mark.marks import total
from convzoo.teach.grade.out.html import bars, listing, table, text
from convzoo.teach.grade.out.html import page as whole

BINS = 10
MOST = 30  # misconceptions that are shown


def page(entries, collected, notices: list[str]) -> str:
    """The whole page."""
    done = [e for e in entries if e.graded.status == "graded"]
    parts = [
        "<h1>The class</h1>",
        f"<p>{len(collected.students)} students, {len(entries)} submissions, "
        f"{len(done)} graded.</p>",
    ]
    unboxed = sum(not e.graded.sandboxed for e in done)
    if unboxed:
        parts.append(f'<p class="warning">{unboxed} submissions were graded without a sandbox.</p>')
    for lesson in sorted({e.handed.lesson for e in done}):
        parts.append(_lesson(lesson, [e for e in done if e.handed.lesson == lesson]))
    failed = [
        f"{e.handed.student}, {e.handed.lesson}: {e.graded.reason}"
        for e in entries
        if e.graded.status != "graded"
    ]
    parts += ["<h2>Not graded; the next run tries again</h2>", listing(failed)] if failed else []
    parts += ["<h2>What was handed in</h2>", listing(notices)] if notices else []
    flagged = [e for e in entries if e.graded.flags]
    if flagged:
        rows = [
            [text(e.handed.student), text(e.handed.lesson), listing(list(e.graded.flags))]
            for e in flagged
        ]
        parts.append("<h2>Flags</h2><p>A flag costs no points: look, and decide.</p>")
        parts.append(table(["student", "lesson", "flags"], rows))
    return whole("The class", "\n".join(parts))


def _lesson(lesson: str, entries) -> str:
    parts = [f"<h2>{text(lesson)}</h2>", _distribution(entries), _difficulty(entries)]
    return "\n".join([*parts, _misconceptions(entries)])


def _distribution(entries) -> str:
    counts: Counter[int] = Counter()
    for entry in entries:
        sums = total(entry.graded.items)
        share = sums.earned / sums.points if sums.points else 0.0
        counts[min(BINS - 1, int(share * BINS))] += 1
    most = max(counts.values(), default=1)
    rows = [
        (
            f"{100 * b // BINS} to {100 * (b + 1) // BINS} % of the points",
            counts[b] / most,
            str(counts[b]),
        )
        for b in range(BINS)
    ]
    return "<h3>Distribution</h3>" + bars(rows, "Students by share of the points")


def _difficulty(entries) -> str:
    """Every item with the mean share of its points, hardest first; what waits is left out."""
    shares: dict[str, list[float]] = {}
    for item in (i for e in entries for i in e.graded.items if i.earned is not None):
        shares.setdefault(item.id, []).append(item.earned / item.points if item.points else 1.0)
    means = sorted((sum(v) / len(v), id) for id, v in shares.items())
    rows = [(id, mean, f"{100 * mean:.0f} %") for mean, id in means]
    return "<h3>From hard to easy</h3>" + bars(rows, "Mean share of the points", "#009E73")


def _misconceptions(entries) -> str:
    seen: Counter[tuple[str, str]] = Counter()
    sentences: dict[tuple[str, str], str] = {}
    for item in (i for e in entries for i in e.graded.items if i.wrong):
        seen[item.id, item.wrong] += 1
        sentences.setdefault((item.id, item.wrong), item.sentence)
    rows = [
        [str(n), text(f"{id}: {name}"), text(sentences[id, name])]
        for (id, name), n in seen.most_common(MOST)
    ]
    if not rows:
        return "<h3>Misconceptions</h3><p>None was recognised.</p>"
    return "<h3>Misconceptions</h3>" + table(["students", "what", "what helps"], rows)
