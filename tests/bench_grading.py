"""Measures the grader beside stock nbgrader: the same submissions, the same machine, in turns.

    python tests/bench_grading.py --students 6 --workers 1 2

Stock means nbgrader's own Autograde steps, which execute each notebook whole, in a kernel.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from made_class import LESSON, ROOT, all_right  # noqa: E402

STOCK = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.Execute.timeout = 300
"""


def prepare(course: Path, students: int) -> None:
    """A course with submissions, all of them right, and its twin with nbgrader's own steps."""
    from convzoo.teach.grade.course import generate, make

    make(ROOT, course)
    generate(course, [LESSON])
    text = (course / "release" / LESSON / f"{LESSON}.ipynb").read_text()
    found, cells = json.loads(text), all_right()
    for cell in found["cells"]:
        cell["source"] = cells.get(cell["metadata"].get("exercise"), cell["source"])
    for number in range(students):
        place = course / "submitted" / f"student{number}" / LESSON
        place.mkdir(parents=True)
        (place / f"{LESSON}.ipynb").write_text(json.dumps(found))
    stock = course.parent / "stock"
    shutil.copytree(course, stock)
    (stock / "nbgrader_config.py").write_text(STOCK)


def seconds(command: list[str], folder: Path) -> float:
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": beside, "CONVZOO_PREDICT": "skip", "OMP_NUM_THREADS": "1"}
    env |= {"PYTHONPATH": str(ROOT / "lessons"), "CONVZOO_HOME": str(folder / "home")}
    started = time.monotonic()
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, timeout=3600)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--students", type=int, default=6)
    parser.add_argument("--stock", type=int, default=3, help="how many of them stock nbgrader gets")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    top = Path(tempfile.mkdtemp(prefix="convzoo-bench-"))
    course = top / "course"
    prepare(course, given.students)
    few = [f"student{n}" for n in range(given.stock)]
    for _ in range(given.rounds):
        spent = 0.0
        for student in few:
            words = ["-m", "nbgrader", "autograde", LESSON, "--force", "--student", student]
            spent += seconds([sys.executable, *words], top / "stock")
        empty = seconds([sys.executable, "-m", "nbgrader", "--version"], top / "stock")
        stock = (spent - empty * (given.stock - 1)) / given.stock  # the start counted once
        print(f"nbgrader, stock: {stock:.1f} s a student", flush=True)
        for workers in given.workers:
            out = top / f"marks{workers}"
            shutil.rmtree(out, ignore_errors=True)
            words = ["-m", "convzoo", "grade", str(course / "submitted"), "--out", str(out)]
            spent = seconds([sys.executable, *words, "--jobs", str(workers)], ROOT)
            each = spent / given.students
            print(
                f"convzoo, {workers} workers: {each:.2f} s a student, {stock / each:.1f} times as fast"
            )
    shutil.rmtree(top)


if __name__ == "__main__":
    main()
