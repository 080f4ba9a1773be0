"""What the tests of grading share: a class graded with small limits; a look at what came out."""

import hashlib
import json
import os
import tempfile
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from convzoo.teach.grade.box import session
from convzoo.teach.grade.box.sandbox import Box, Limits
from convzoo.teach.grade.intake.names import slug
from convzoo.teach.grade.mark.running import known
from convzoo.teach.grade.run import Options, grade_class
from made_class import LESSON, ROOT

LIMITS = Limits(cpu=2, wall=7, resident=1 << 30, memory=2 << 30)
OPTIONS = Options(jobs=2, limits=LIMITS)
ALONE = Options(jobs=1, limits=LIMITS)


def quiet(done, of, name):
    pass


def grade(place: Path, out: Path, options=OPTIONS) -> dict:
    return grade_class(place, out, ROOT, options, quiet)


def result(out: Path, student: str, lesson: str = LESSON) -> dict:
    return json.loads((out / "results" / slug(student) / f"{lesson}.json").read_text())


def items(out: Path, student: str, lesson: str = LESSON) -> dict[str, dict]:
    return {i["id"]: i for i in result(out, student, lesson)["items"]}


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its content's hash, every link with its target."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        elif path.is_file() and "__pycache__" not in path.parts:
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def boxes(folder: Path) -> list[Path]:
    """What sandboxes are started from, where temporary files lie in `folder`."""
    return sorted(folder.glob("convzoo-box-*"))


def started_from(folder: Path) -> list[str]:
    """The command lines of processes that were started from a box in `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = process.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if f"{folder}/convzoo-box-" in text:
            found.append(text)
    return found


def temporary_files_in(folder: Path, monkeypatch) -> Path:
    """Let this process, and those it starts, keep its temporary files in `folder`."""
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@contextmanager
def one_sandbox():
    """Let all students be graded by one worker: torch is imported once, and not for each."""
    box = Box()
    with (
        session.Session(box, ALONE.limits, known()) as shared,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(session, "Session", lambda *given: nullcontext(shared))
        yield
    box.close()
