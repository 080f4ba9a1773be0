"""nbgrader keeps the book: its course folder, its release, its feedback; our marks."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader")

from convzoo.notebook.reading import read
from convzoo.teach.grade.nbgrader.course import generate, make
from convzoo.teach.regions import answer_lines, stub
from made_class import BLOCKS, LESSON, ROOT, all_right, full, right
from made_hostile import patch

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
SCRIPT = "Because <script>alert(1)</script> of *that*."


def nbgrader(course: Path, *words: str) -> str:
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=course,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": beside},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def points_raised(found: dict) -> None:
    for cell in found["cells"]:
        if "points" in cell["metadata"].get("nbgrader", {}):
            cell["metadata"]["nbgrader"]["points"] = 1000


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A course folder with four submissions, graded by nbgrader with our steps."""
    folder = tmp_path_factory.mktemp("course")
    made = make(ROOT, folder)
    assert folder / "source" / LESSON / f"{LESSON}.ipynb" in made
    generate(folder, [LESSON])
    released = (folder / "release" / LESSON / f"{LESSON}.ipynb").read_text()
    sql = "import sqlite3\ntry:\n"
    sql += "    sqlite3.connect(%r).execute('update grade set manual_score = 100')\n"
    sql = sql % str(folder / "gradebook.db") + "except sqlite3.Error:\n    pass"
    submissions = {
        "right": (all_right(), None),
        "prose": ({"resnext.explain": SCRIPT}, None),
        "hostile": (patch("np.allclose = lambda *a, **k: True\n" + sql), None),
        "raiser": ({BLOCKS: right(BLOCKS)}, points_raised),
    }
    for student, (cells, change) in submissions.items():
        found = json.loads(released)
        for cell in found["cells"]:
            for role in ("exercise", "free"):
                cell["source"] = cells.get(cell["metadata"].get(role), cell["source"])
        if change:
            change(found)
        place = folder / "submitted" / student / LESSON
        place.mkdir(parents=True)
        (place / f"{LESSON}.ipynb").write_text(json.dumps(found))
        (place / "timestamp.txt").write_text("2026-05-01 12:00:00 UTC")
    nbgrader(folder, "autograde", LESSON)
    return folder


def lesson_names() -> list[str]:
    return [path.stem for path in sorted(ROOT.glob("solutions/[0-9][0-9]_*.py"))]


@pytest.mark.parametrize("name", lesson_names())
def test_no_lessons_release_has_an_answer(name, course):
    """Every lesson through our step of nbgrader's release; one of them through all of it, below."""
    import nbformat
    from convzoo.teach.grade.nbgrader.gradebook import Stubs

    path = course / "source" / name / f"{name}.ipynb"
    released, _ = Stubs().preprocess(nbformat.read(path, 4), {})
    _no_answer(name, {x.strip() for c in released.cells for x in c.source.split("\n")})


def _no_answer(name: str, released: set[str]) -> None:
    source = read(ROOT / "solutions" / f"{name}.py")
    lines = {x.strip() for c in source.cells for x in answer_lines(c)} - {""}
    elsewhere = {  # what the lesson itself says in a cell of its own, or in a stub's text
        x.strip()
        for c in source.cells
        if "answer" not in c.tags
        for x in stub(c).source.split("\n")
    }
    assert lines - elsewhere and not lines & released - elsewhere
    assert not [x for x in released if "BEGIN SOLUTION" in x]


def test_nothing_of_an_answer_is_in_the_release(course):
    lesson = read(course / "release" / LESSON / f"{LESSON}.ipynb")
    _no_answer(LESSON, {x.strip() for c in lesson.cells for x in c.source.split("\n")})
    assert not [p for p in course.glob("release/**/*") if p.suffix == ".py"]


def test_the_gradebook_holds_our_marks(course):
    nbgrader(course, "export")
    rows = {r["student_id"]: r for r in csv.DictReader((course / "grades.csv").open())}
    score = {student: float(row["score"]) for student, row in rows.items()}
    assert score == {"right": sum(full().values()), "prose": 0, "hostile": 0.5, "raiser": 2}


def test_a_free_question_waits_in_the_formgrader_and_manual_points_stay(course):
    from nbgrader.api import Gradebook

    def prose(book):
        return book.find_grade("resnext-explain", LESSON, LESSON, "prose")

    url = f"sqlite:///{course / 'gradebook.db'}"
    with Gradebook(url) as book:
        assert prose(book).needs_manual_grade and prose(book).auto_score is None
        assert not book.find_grade("resnext-explain", LESSON, LESSON, "right").needs_manual_grade
        prose(book).manual_score = 1.5
        book.db.commit()
    nbgrader(course, "autograde", LESSON, "--student", "prose", "--force")
    with Gradebook(url) as book:
        assert prose(book).manual_score == 1.5


def test_no_script_survives_in_nbgraders_own_feedback(course):
    nbgrader(course, "generate_feedback", LESSON)
    page = (course / "feedback" / "prose" / LESSON / f"{LESSON}.html").read_text()
    assert "Because" in page and "<script>alert" not in page
    right = (course / "feedback" / "right" / LESSON / f"{LESSON}.html").read_text()
    assert "resnext.block: passed, 4 of 4 points" in right


def test_marks_of_a_grading_run_are_taken_over(course):
    """`grade course/submitted --out course/marks`, and autograde has nothing left to run."""
    from convzoo.teach.grade.run import Options, grade_class

    marks = course / "marks"
    summary = grade_class(course / "submitted", marks, ROOT, Options(jobs=1), lambda *a: None)
    assert summary["graded"] == 4
    kept = marks / "results" / "raiser" / f"{LESSON}.json"
    changed = json.loads(kept.read_text())
    changed["items"][0]["earned"] = 1.25
    kept.write_text(json.dumps(changed))
    nbgrader(course, "autograde", LESSON, "--student", "raiser", "--force")
    nbgrader(course, "export")
    rows = {r["student_id"]: r for r in csv.DictReader((course / "grades.csv").open())}
    assert float(rows["raiser"]["score"]) == 1.25
    changed["items"][0]["earned"] = 2
    kept.write_text(json.dumps(changed))


PENALTY = """
from nbgrader.plugins import LateSubmissionPlugin

class QuarterPointAnHour(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 0.25 * -(-total_seconds_late // 3600)  # for each hour that has begun

c.AssignLatePenalties.plugin_class = QuarterPointAnHour
"""


def test_a_late_penalty_is_nbgraders_and_stands_in_the_book(course):
    """Due at 9:30: at 12:00 the third hour has begun, at 9:31 the first, at 9:30 none."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        book.update_or_create_assignment(LESSON, duedate="2026-05-01 09:30:00 UTC")
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + PENALTY)
    make(ROOT, course)  # the course is renewed, and what the teacher wrote stays
    for student, time in (("right", "09:31:00"), ("prose", "09:30:00")):
        stamp = course / "submitted" / student / LESSON / "timestamp.txt"
        stamp.write_text(f"2026-05-01 {time} UTC")
    nbgrader(course, "autograde", LESSON, "--force")
    nbgrader(course, "export")
    rows = {r["student_id"]: r for r in csv.DictReader((course / "grades.csv").open())}
    penalty = {student: float(row["late_submission_penalty"]) for student, row in rows.items()}
    assert penalty == {"right": 0.25, "prose": 0, "hostile": 0.5, "raiser": 0.75}  # not below zero
    score = {student: float(row["score"]) for student, row in rows.items()}
    assert score == {
        "right": sum(full().values()) - 0.25,
        "prose": 1.5,
        "hostile": 0,
        "raiser": 2 - 0.75,
    }
