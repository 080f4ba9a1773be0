"""What the student's own process says has run in it: counted, and held against the answer."""

from __future__ import annotations

from collections.abc import Iterable

from convzoo.case import Op, Reply
from convzoo.exercises.multiply_adds import macs
from convzoo.recorder import HIDING

MOST = 5  # flags of one exercise


def countable(ops: list[Op]) -> list[Op]:
    """Return those that can be counted: a forged one may have impossible arguments."""
    return [op for op in ops if _counts(op)]


def _counts(op: Op) -> bool:
    try:
        return 0 <= macs([op]) < 2**62
    except Exception:
        return False


def unwatched_flags(replies: Iterable[Reply]) -> list[str]:
    """Return what may have kept operations from being seen, as flags: a hint, not a proof."""
    found = []
    for reply in replies:
        for op in reply.calls:
            name = op.name.rpartition(":")[2]
            if name in HIDING:
                found.append(f"What runs behind `{name}` is not seen (line {op.line} of the cell).")
        if not reply.watched:
            found.append("What runs was no longer watched at the end of a call.")
    return list(dict.fromkeys(found))[:MOST]
