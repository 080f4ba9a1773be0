"""What the verb `grade` takes; imports nothing heavy, as every verb asks for it."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    add = parser.add_argument
    add("dir", metavar="DIR", type=Path, help="the submissions: a folder or a zip file")
    add("--out", metavar="DIR", type=Path, required=True, help="where marks and pages go")
    add("--roster", metavar="FILE", type=Path, help="Canvas's gradebook or Moodle's worksheet, CSV")
    add("--due", metavar="TIME", help="when it was due, such as 2026-05-01T23:59+02:00")
    add("--secret", metavar="FILE", type=Path, help="your secret (default: made in OUT/.secret)")
    add("--jobs", metavar="N", type=int, default=-1, help="processes (default: one a core)")
    add("--scheduler", metavar="ADDRESS", default="", help="a Dask scheduler, for several machines")
    add("--unsandboxed", action="store_true", help="grade without a sandbox, and mark it so")
