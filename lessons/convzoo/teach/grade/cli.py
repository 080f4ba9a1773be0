"""The command line's verb `grade`: its arguments, and what it runs.

Nothing heavy is imported before it runs, because every verb needs the parser.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from convzoo import place
from convzoo.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    add = parser.add_argument
    add("dir", metavar="DIR", type=Path, help="the submissions: a folder or a zip file")
    add("--out", metavar="DIR", type=Path, required=True, help="folder for marks and pages")
    add(
        "--roster",
        metavar="FILE",
        type=Path,
        help="Canvas's gradebook or Moodle's worksheet, as CSV",
    )
    add("--due", metavar="TIME", help="the due date, such as 2026-05-01T23:59+02:00")
    add(
        "--secret",
        metavar="FILE",
        type=Path,
        help="a file with your secret (default: created in OUT/.secret)",
    )
    add(
        "--jobs",
        metavar="N",
        type=int,
        default=-1,
        help="number of processes (default: one per core)",
    )
    add(
        "--scheduler",
        metavar="ADDRESS",
        default="",
        help="address of a Dask scheduler, for several machines",
    )
    add(
        "--unsandboxed",
        action="store_true",
        help="grade without a sandbox, and say so in the results",
    )


def grade_submissions(given: argparse.Namespace) -> tuple[dict, list[str], int]:
    """Grade; return the summary, its lines and the exit status."""
    from convzoo.teach.grade.box.sandbox import Limits
    from convzoo.teach.grade.run import Options, grade_class, show_progress

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
    failed = summary["not_graded"] or not summary["submissions"]
    return summary, summary_lines(summary), 1 if failed else 0


def summary_lines(summary: dict) -> list[str]:
    """Return the summary as lines for people."""
    out = [
        f"{summary['students']} students, {summary['submissions']} submissions: "
        f"{summary['graded']} graded ({summary['graded_now']} in this run), "
        f"{len(summary['not_graded'])} not graded."
    ]
    out += [f"  not graded: {text}" for text in summary["not_graded"]]
    out += [f"  {text}" for text in summary["notices"]]
    if summary["unsandboxed"]:
        out.append(f"{summary['unsandboxed']} were graded WITHOUT A SANDBOX; the results say so.")
    if summary["waiting"]:
        out.append(
            f"{summary['waiting']} answers to free questions are waiting for your points "
            "in free.csv."
        )
    if summary["flags"]:
        out.append(f"{summary['flags']} submissions have flags. See class.html.")
    out.append(f"In {summary['out']}: {', '.join(summary['files'])}")
    return out


def _due(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise UserError(
            f"--due {text} is not a valid time. Write it as 2026-05-01T23:59+02:00."
        ) from None
