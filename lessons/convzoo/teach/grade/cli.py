"""The verb `grade` of the command line."""

from __future__ import annotations

import argparse
from datetime import datetime

from convzoo import place
from convzoo.errors import UserError
from convzoo.teach.grade.box.sandbox import Limits
from convzoo.teach.grade.run import Options, grade_class, show_progress


def run(given: argparse.Namespace) -> tuple[dict, list[str], int]:
    """Grade; the summary, its lines, the exit status."""
    options = Options(
        given.jobs,
        given.scheduler,
        given.secret,
        given.roster,
        _due(given.due),
        given.unsandboxed,
        Limits(),
    )
    summary = grade_class(given.dir, given.out, place.root(), options, show_progress)
    return summary, lines(summary), 1 if summary["not_graded"] else 0


def lines(summary: dict) -> list[str]:
    """The summary for people."""
    out = [
        f"{summary['students']} students, {summary['submissions']} submissions: "
        f"{summary['graded']} graded ({summary['graded_now']} in this run), "
        f"{len(summary['not_graded'])} not graded."
    ]
    out += [f"  not graded: {text}" for text in summary["not_graded"]]
    out += [f"  {text}" for text in summary["notices"]]
    if summary["unsandboxed"]:
        out.append(f"{summary['unsandboxed']} were graded WITHOUT A SANDBOX, and are marked so.")
    if summary["waiting"]:
        out.append(f"{summary['waiting']} answers to free questions wait for you in free.csv.")
    if summary["flags"]:
        out.append(f"{summary['flags']} submissions have flags: see class.html.")
    out.append(f"In {summary['out']}: {', '.join(summary['files'])}")
    return out


def _due(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise UserError(f"--due {text} is no time. Write it as 2026-05-01T23:59+02:00.") from None
