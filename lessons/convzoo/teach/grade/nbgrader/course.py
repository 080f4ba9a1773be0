"""Makes an nbgrader course folder from the lessons: sources with answers, a release without."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from convzoo.errors import UserError
from convzoo.notebook.cells import Cell, Notebook, with_ids
from convzoo.notebook.reading import read
from convzoo.teach.grade.mark.marks import FREE_POINTS

OWN_CONFIG = """\
# Yours: what you add here stays. Late penalties, for instance, are in the teacher's guide.
c = get_config()  # noqa: F821
load_subconfig("convzoo_config.py")  # noqa: F821
"""
CONFIG = """\
# Made by `make nbgrader-course`: nbgrader keeps the gradebook, convzoo makes the marks (sandboxed).
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "convzoo"
c.CourseDirectory.root = {course!r}
# Without this, nbgrader would copy a paired script with the answers into the release.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints", "*.pyc", "__pycache__", ".pytest_cache", "*.py",
]

c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.LockCells",
    "convzoo.teach.grade.nbgrader.gradebook.Stubs",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "convzoo.teach.grade.nbgrader.gradebook.Marks",
    "nbgrader.preprocessors.LimitOutput",
    "convzoo.teach.grade.nbgrader.gradebook.SaveMarks",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Marks.root = {root!r}
c.Marks.out = {marks!r}
"""
FIGURE = re.compile(r"\(\.\./figures/([\w.-]+)\)")


def make(root: Path, course: Path) -> list[Path]:
    """Make or update the course folder; return the lessons' sources in it.

    root: the course's own folder, with solutions/. Submissions, gradebook, marks and the teacher's
    nbgrader_config.py in the course folder are left alone.
    Raises UserError if there are no solutions.
    """
    sources = sorted(root.glob("solutions/[0-9][0-9]_*.py"))
    if not sources:
        raise UserError(
            f"{root} has no solutions/NN_name.py to make assignments from. Run this "
            "in the course's own folder."
        )
    course = course.resolve()
    made = [_lesson(root, read(path), course) for path in sources]
    config = CONFIG.format(
        course=str(course), root=str(root.resolve()), marks=str(course / "marks")
    )
    (course / "convzoo_config.py").write_text(config, encoding="utf-8")
    own = course / "nbgrader_config.py"
    if not own.exists():
        own.write_text(OWN_CONFIG, encoding="utf-8")
    return [path for path in made if path]


def generate(course: Path, lessons: list[str]) -> None:
    """Let nbgrader make the release of each lesson and enter it into the gradebook."""
    if find_spec("nbgrader") is None:
        raise UserError("nbgrader is not installed. Run `pip install -e '.[teacher]'`.")
    # nbgrader calls `alembic`, which is next to this Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    env = os.environ | {"PATH": path}
    for lesson in lessons:
        words = [sys.executable, "-m", "nbgrader", "generate_assignment", lesson, "--force"]
        done = subprocess.run(words, cwd=course, capture_output=True, text=True, env=env)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise UserError(f"nbgrader could not release {lesson}: {last}")


def _lesson(root: Path, source: Notebook, course: Path) -> Path | None:
    points = _points(source)
    if not points:
        return None
    folder = course / "source" / source.name
    folder.mkdir(parents=True, exist_ok=True)
    cells = [_node(cell, points, root, folder) for cell in with_ids(source).cells]
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    found = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path = folder / f"{source.name}.ipynb"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return path


def _points(source: Notebook) -> dict[tuple[str, str], float]:
    """Return the points of each of the student's cells."""
    from convzoo.exercises import all_exercises, all_questions

    known = {"exercise": all_exercises(), "question": all_questions()}
    found: dict[tuple[str, str], float] = {}
    for cell in source.cells:
        role, id = cell.owner
        if role == "free":
            found[role, id] = FREE_POINTS
        elif id in known.get(role, {}):
            found[role, id] = known[role][id].points
    return found


def _node(cell: Cell, points: dict, root: Path, folder: Path) -> dict:
    text = cell.source
    if cell.kind == "markdown":
        text = FIGURE.sub(lambda m: _figure(m[1], root, folder), text)
    metadata = {**cell.metadata, "nbgrader": _metadata(cell, points)}
    node = {"cell_type": cell.kind, "id": cell.id, "metadata": metadata, "source": text}
    return node | ({"execution_count": None, "outputs": []} if cell.kind == "code" else {})


def _metadata(cell: Cell, points: dict) -> dict:
    """Return nbgrader's metadata: the student's cells have points and stay editable, the lesson's
    are locked."""
    graded, owned = cell.owner in points, bool(cell.role)
    found = {
        "grade": graded,
        "solution": owned,
        "locked": not owned,
        "task": False,
        "schema_version": 3,
        "grade_id": (cell.owner[1] or cell.id).replace(".", "-"),
    }
    return {**found, "points": points[cell.owner]} if graded else found


def _figure(name: str, root: Path, folder: Path) -> str:
    """Copy a picture in the text next to the assignment."""
    path = root / "figures" / name
    if not path.is_file():
        return f"(../figures/{name})"
    (folder / "figures").mkdir(exist_ok=True)
    shutil.copyfile(path, folder / "figures" / name)
    return f"(figures/{name})"
