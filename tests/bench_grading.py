"""Compares the grader with stock nbgrader: the same submissions, the same machine, alternately.

    python tests/bench_grading.py --students 24 --stock 3 --workers 1 2

Stock means nbgrader's own Autograde steps, which execute each notebook whole, in a kernel; start-up
is counted in on both sides. With more workers the class is graded in less time; what of that the
machine itself allows is measured too: as many classes at once, each by one worker.
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
from made_class import LESSON, ROOT, all_right

STOCK = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.Execute.timeout = 300
"""


def prepare(course: Path, students: int, stock: int) -> Path:
    """A course with submissions, all of them right; returns its twin with nbgrader's own steps and
    the first `stock` of the students."""
    from convzoo.teach.grade.nbgrader.course import generate, make

    make(ROOT, course)
    generate(course, [LESSON])
    text = (course / "release" / LESSON / f"{LESSON}.ipynb").read_text()
    found, cells = json.loads(text), all_right()
    for cell in found["cells"]:
        cell["source"] = cells.get(cell["metadata"].get("exercise"), cell["source"])
    twin = course.parent / "stock"
    shutil.copytree(course, twin)
    (twin / "nbgrader_config.py").write_text(STOCK)
    for folder, count in ((course, students), (twin, stock)):
        for number in range(count):
            place = folder / "submitted" / f"student{number}" / LESSON
            place.mkdir(parents=True)
            (place / f"{LESSON}.ipynb").write_text(json.dumps(found))
    return twin


def start(words: list[str], folder: Path) -> subprocess.Popen:
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": beside, "CONVZOO_PREDICT": "skip", "OMP_NUM_THREADS": "1"}
    env |= {"PYTHONPATH": str(ROOT / "lessons"), "CONVZOO_HOME": str(folder / "home")}
    command = [sys.executable, "-m", *words]
    return subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL)


def seconds(commands: list[list[str]], folder: Path) -> float:
    """How long the commands take, all at once."""
    started = time.monotonic()
    running = [start(words, folder) for words in commands]
    if any(process.wait() for process in running):
        raise SystemExit("A command failed; its output is above.")
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--students", type=int, default=24)
    parser.add_argument("--stock", type=int, default=3, help="how many of them stock nbgrader gets")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="1 first")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    top = Path(tempfile.mkdtemp(prefix="convzoo-bench-"))
    twin = prepare(top / "course", given.students, given.stock)

    def ours(workers: int, copy: int = 0) -> list[str]:
        out = top / f"marks{copy}"
        shutil.rmtree(out, ignore_errors=True)
        place = str(top / "course" / "submitted")
        return ["convzoo", "grade", place, "--out", str(out), "--jobs", str(workers)]

    for _ in range(given.rounds):
        stock = seconds([["nbgrader", "autograde", LESSON, "--force"]], twin) / given.stock
        print(f"nbgrader, stock: {stock:.1f} s a student", flush=True)
        alone = 0.0
        for workers in given.workers:
            spent = seconds([ours(workers)], ROOT)
            alone = alone or spent * workers
            each = spent / given.students
            told = f"{each:.2f} s a student, {stock / each:.1f} times as fast as stock"
            print(f"convzoo, {workers} workers: {told}", flush=True)
            if workers > 1:
                at_once = seconds([ours(1, copy) for copy in range(workers)], ROOT)
                linear, machine = alone / spent / workers, alone / at_once
                print(
                    f"  linear to {linear:.0%}; {workers} runs of one worker at once to "
                    f"{machine:.0%}, which is what the machine allows",
                    flush=True,
                )
    shutil.rmtree(top)


if __name__ == "__main__":
    main()
