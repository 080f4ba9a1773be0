"""One page about the class, for the teacher: distribution, difficulty, misconceptions, flags."""

from __future__ import annotations

from collections import Counter

from convzoo.teach.grade.mark.marks import total
from convzoo.teach.grade.out.templates import render

BINS = 10
MOST = 30  # misconceptions that are shown


def page(entries, collected, notices: list[str]) -> str:
    """Return the whole page."""
    done = [e for e in entries if e.graded.status == "graded"]
    failed = [e for e in entries if e.graded.status != "graded"]
    lessons = sorted({e.handed.lesson for e in done})
    return render(
        "classpage",
        title="The class",
        students=len(collected.students),
        submissions=len(entries),
        graded=len(done),
        unboxed=sum(not e.graded.sandboxed for e in done),
        lessons=[_lesson(n, [e for e in done if e.handed.lesson == n]) for n in lessons],
        not_graded=[f"{e.handed.student}, {e.handed.lesson}: {e.graded.reason}" for e in failed],
        notices=notices,
        flagged=[e for e in entries if e.graded.flags],
    )


def _lesson(name: str, entries) -> dict:
    return {
        "name": name,
        "distribution": _distribution(entries),
        "difficulty": _difficulty(entries),
        "misconceptions": _misconceptions(entries),
    }


def _distribution(entries) -> list[tuple[str, float, str]]:
    """Return a bar for each tenth of the points: label, length from 0 to 1, number of students."""
    counts: Counter[int] = Counter()
    for entry in entries:
        sums = total(entry.graded.items)
        share = sums.earned / sums.points if sums.points else 0.0
        counts[min(BINS - 1, int(share * BINS))] += 1
    most = max(counts.values(), default=1)
    return [
        (
            f"{100 * b // BINS} to {100 * (b + 1) // BINS} % of the points",
            counts[b] / most,
            str(counts[b]),
        )
        for b in range(BINS)
    ]


def _difficulty(entries) -> list[tuple[str, float, str]]:
    """Return every item with the mean share of its points, hardest first, without those waiting for
    marks."""
    shares: dict[str, list[float]] = {}
    for item in (i for e in entries for i in e.graded.items if i.earned is not None):
        shares.setdefault(item.id, []).append(item.earned / item.points if item.points else 1.0)
    means = sorted((sum(v) / len(v), id) for id, v in shares.items())
    return [(id, mean, f"{100 * mean:.0f} %") for mean, id in means]


def _misconceptions(entries) -> list[tuple[int, str, str]]:
    """Return for each misconception the number of students, its name, and the sentence that helps;
    most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    sentences: dict[tuple[str, str], str] = {}
    for item in (i for e in entries for i in e.graded.items if i.wrong):
        counts[item.id, item.wrong] += 1
        sentences.setdefault((item.id, item.wrong), item.sentence)
    return [(n, f"{id}: {name}", sentences[id, name]) for (id, name), n in counts.most_common(MOST)]
