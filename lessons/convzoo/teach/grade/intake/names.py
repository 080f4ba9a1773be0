"""Names of students: safe file names, and who wrote which name into their lesson."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from itertools import permutations

MAX_WORDS = 4  # words of a name that may be in any order, and without blanks


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
    sharing: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if entry.graded.name:
            key = entry.handed.lesson, min(spellings(entry.graded.name))
            sharing.setdefault(key, []).append(entry.handed.student)
    found = []
    for entry in entries:
        name, student = entry.graded.name, entry.handed.student
        if entry.graded.status != "graded" or not _answered(entry):
            found.append(())
            continue
        flags = []
        ids = students.get(student, {})
        known = {s for id in (student, *ids.values()) for s in spellings(id)}
        if not name:
            flags.append(
                "There is no name in begin(...), so the questions had the default numbers."
            )
        elif "anonymous" not in ids and not spellings(name) & known:
            flags.append(f"The name in begin(...) is {name!r}.")
        same = sharing[entry.handed.lesson, min(spellings(name))] if name else []
        if others := sorted(set(same) - {student}):
            flags.append(f"The same name is in begin(...) of {', '.join(others)}.")
        found.append(tuple(flags))
    return found


def _answered(entry) -> bool:
    return any(i.kind == "question" and i.status != "not attempted" for i in entry.graded.items)


def spellings(name: str) -> set[str]:
    """Return the ways of writing a name as one word: "Doe, Jane", "Jane Doe" and "doejane" are the
    same."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    words = re.findall(r"[^\W_]+", plain)
    if len(words) > MAX_WORDS:
        return {" ".join(sorted(words))}
    return {"".join(order) for order in permutations(words)}
