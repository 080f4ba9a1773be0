"""From verdicts to points: the only place that defines what a stage is worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

# The share of an exercise's points for the first stage at which it fails, and why. Slow is right:
# the number of operations is reported by the student's own process, so it must not cost points.
CREDIT = {
    "": (1.0, ""),
    "launches": (1.0, "The numbers are right. That it is slow costs nothing."),
    "device": (1.0, "The numbers are right. What would stop it on a GPU costs nothing."),
    "gradients": (0.75, "The values are right, but not the gradients."),
    "values": (0.25, "The shape is right, but not the values."),
    "parameters": (0.25, "The shape is right, but not the parameters."),
    "shape": (0.0, "The shape of the result is not right."),
    "names": (0.0, "The parameters do not have the required names, so nothing could be compared."),
    "run": (0.0, "It did not run to the end, so nothing could be compared."),
    "shortcut": (0.0, "The framework did the work that the exercise asks for."),
}
FREE_POINTS = 2  # of a free question, given by the teacher

PASSED, FAILED, UNTOUCHED = "passed", "failed", "not attempted"
RIGHT, WRONG, WAITING = "right", "wrong", "waiting"


@dataclass(frozen=True)
class Item:
    """The mark of one exercise or question.

    earned: None until a teacher has marked it. message: for the student; wrong: the name of the
    recognised mistake; sentence: what is known about it. answer: as it was understood; cell: the
    first line of the cell that was marked.
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
    cell: str = ""


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
    share = {UNTOUCHED: 0.0, FAILED: CREDIT.get(stage, (0.0, ""))[0]}.get(status, 1.0)
    return round(points * share, 2)


def reason(stage: str) -> str:
    """Return why an exercise has its share of the points: "25% of the points: ..."; "" if it simply
    passed."""
    share, why = CREDIT.get(stage, (0.0, ""))
    return f"{share:.0%} of the points: {why[0].lower()}{why[1:]}" if why else ""
