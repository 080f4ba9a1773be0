"""Operations that the student's own process reports: counted and flagged, but never trusted."""

from __future__ import annotations

from convzoo.case import Op
from convzoo.exercises.model import Exercise
from convzoo.exercises.multiply_adds import macs

MOST = 5  # flags of one exercise


def countable(ops: list[Op]) -> list[Op]:
    """Return those that can be counted: a forged one may have impossible arguments."""
    return [op for op in ops if _counts(op)]


def _counts(op: Op) -> bool:
    try:
        return 0 <= macs([op]) < 2**62
    except Exception:
        return False


def shortcut_flags(exercise: Exercise, ops: list[Op]) -> list[str]:
    """Return the shortcuts among `ops` as flags: hints, not proof."""
    found = []
    for op in ops:
        for shortcut in exercise.shortcuts:
            try:
                ran = op.borrowed in ("", exercise.reference.__name__) and shortcut.ran(op)
            except Exception:  # as above
                ran = False
            if ran:
                found.append(f"Ran: {shortcut.sentence} (line {op.line} of the cell)")
    return list(dict.fromkeys(found))[:MOST]
