"""The results folder between two runs: marks, one file each, and the secret."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from convzoo.errors import UserError
from convzoo.files import write_atomically
from convzoo.teach.grade.intake.names import slug
from convzoo.teach.grade.mark.marks import Graded

SECRET_BYTES = 32


def read_secret(path: Path, create: bool) -> bytes:
    """Return the teacher's secret, from which every student's numbers are drawn.

    create: whether to make one if there is none. Raises UserError for a secret that cannot be
    read or is too short.
    """
    if create and not path.exists():
        end = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(end, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
    try:
        secret = path.read_bytes().strip()
    except OSError as problem:
        raise UserError(f"The secret {path} cannot be read: {problem.strerror}.") from None
    if len(secret) < 16:
        raise UserError(f"The secret in {path} is too short. It needs at least 16 characters.")
    return secret


def load_result(out: Path, student: str, lesson: str) -> Graded | None:
    """Return a student's result of an earlier run, None if none can be read."""
    try:
        text = _path(out, student, lesson).read_text(encoding="utf-8")
        return Graded.from_plain(json.loads(text))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save_result(out: Path, graded: Graded) -> None:
    """Keep a result for the next run."""
    text = json.dumps(graded.plain(), indent=1) + "\n"
    write_atomically(_path(out, graded.student, graded.lesson), text)


def _path(out: Path, student: str, lesson: str) -> Path:
    return out / "results" / slug(student) / f"{lesson}.json"
