"""What the student's own process reports as run: counted, and compared with the answer."""

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
    """Return what may have hidden operations from the recorder, as flags: hints, not proof."""
    found = []
    for reply in replies:
        for op in reply.calls:
            name = op.name.rpartition(":")[2]
            if name in HIDING:
                found.append(
                    f"What runs inside `{name}` cannot be seen (line {op.line} of the cell)."
                )
        if not reply.watched:
            found.append("At the end of a call, operations were no longer recorded.")
    return list(dict.fromkeys(found))[:MOST]
