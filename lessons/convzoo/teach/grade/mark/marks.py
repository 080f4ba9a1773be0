"""From verdicts to points: the only place that defines what a stage is worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

# The share of an exercise's points for the first stage at which it fails. At "values" the shape was
# right, at "gradients" the values were. A shortcut is the framework's work. Slow is right: the
# number of operations is reported by the student's own process, so it must not cost points.
CREDIT = {
    "": 1.0,
    "launches": 1.0,
    "device": 1.0,
    "gradients": 0.75,
    "values": 0.25,
    "parameters": 0.25,
    "shape": 0.0,
    "names": 0.0,
    "run": 0.0,
    "shortcut": 0.0,
}
FREE_POINTS = 2  # of a free question, given by the teacher

PASSED, FAILED, UNTOUCHED = "passed", "failed", "not attempted"
RIGHT, WRONG, WAITING = "right", "wrong", "waiting"


@dataclass(frozen=True)
class Item:
    """The mark of one exercise or question.

    earned: None until a teacher has marked it. message: for the student; wrong: the name of the
    recognised mistake; sentence: what is known about it.
    """

    id: str
    kind: str
    title: str
    points: float
    earned: float | None
    status: str
    stage: str = ""
    message: str = ""
    wrong: str = ""
    sentence: str = ""
    answer: str = ""


@dataclass(frozen=True)
class Graded:
    """One student's lesson: "graded", or "not graded" and why; flags are for the teacher."""

    student: str
    lesson: str
    status: str
    key: str
    items: tuple[Item, ...] = ()
    flags: tuple[str, ...] = ()
    reason: str = ""
    sandboxed: bool = True
    name: str = ""
    seconds: float = 0.0

    def plain(self) -> dict:
        """Return it as JSON."""
        return asdict(self)

    @staticmethod
    def from_plain(data: dict) -> Graded:
        """Return the mark from our own JSON. Raises TypeError or KeyError if it is not valid."""
        items = tuple(Item(**item) for item in data["items"])
        return Graded(**{**data, "items": items, "flags": tuple(data["flags"])})


@dataclass(frozen=True)
class Total:
    """Points of several items: earned, possible, and waiting for the teacher."""

    earned: float = 0.0
    points: float = 0.0
    waiting: float = field(default=0.0)


def total(items) -> Total:
    """Return the sum over items."""
    items = list(items)
    return Total(
        round(sum(i.earned or 0.0 for i in items), 2),
        sum(i.points for i in items),
        sum(i.points for i in items if i.earned is None),
    )


def credit(points: float, status: str, stage: str) -> float:
    """Return an exercise's points for a verdict; 0 for a stage that is not in the table."""
    share = 0.0 if status == UNTOUCHED else CREDIT.get(stage, 0.0) if status == FAILED else 1.0
    return round(points * share, 2)
