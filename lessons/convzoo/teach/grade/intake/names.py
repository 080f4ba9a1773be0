"""Names of students: safe file names, and who wrote which name into their lesson."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable


def slug(student: str) -> str:
    """Return a file name for a student: their own name if it is harmless, else one with a hash."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", student).strip("-")[:60]
    taken = plain.lower() in ("con", "nul", "aux", "prn") or re.search(r"-[0-9a-f]{8}$", plain)
    if plain and plain == student and not taken:
        return plain
    mark = hashlib.sha256(student.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{plain or 'student'}-{mark}"


def name_flags(entries: Iterable, students: dict[str, dict[str, str]]) -> list[tuple[str, ...]]:
    """Return for each entry flags on the name in its `begin(...)`: missing, somebody else's, or
    shared."""
    entries = list(entries)
    times = Counter((e.handed.lesson, _letters(e.graded.name)) for e in entries if e.graded.name)
    found = []
    for entry in entries:
        name, student = entry.graded.name, entry.handed.student
        if entry.graded.status != "graded" or not _answered(entry):
            found.append(())
            continue
        flags = []
        ids = {student, *students.get(student, {}).values()}
        if not name:
            flags.append(
                "There is no name in begin(...), so the questions had the default numbers."
            )
        elif _letters(name) not in {_letters(i) for i in ids}:
            flags.append(f"The name in begin(...) is {name!r}.")
        if name and times[entry.handed.lesson, _letters(name)] > 1:
            others = sorted(
                e.handed.student
                for e in entries
                if e is not entry
                and e.handed.lesson == entry.handed.lesson
                and _letters(e.graded.name) == _letters(name)
            )
            flags.append(f"The same name is in begin(...) of {', '.join(others)}.")
        found.append(tuple(flags))
    return found


def _answered(entry) -> bool:
    return any(i.kind == "question" and i.status != "not attempted" for i in entry.graded.items)


def _letters(name: str) -> tuple[str, ...]:
    """Return a name without order, spaces and case, so that "Doe, Jane" and "Jane Doe" are
    equal."""
    return tuple(sorted(c for c in name.casefold() if c.isalnum()))
