"""Smaller classes: graded again, broken off, without a sandbox, on a machine that fails."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("joblib")

from convzoo.errors import UserError
from convzoo.teach.grade.box.layout import Layout, clear
from convzoo.teach.grade.box.sandbox import Limits
from convzoo.teach.grade.run import Options
from grading import (
    ALONE,
    LIMITS,
    OPTIONS,
    boxes,
    grade,
    items,
    result,
    started_from,
    temporary_files_in,
)
from made_class import BLOCKS, CONV, LESSON, ROOT, Made, hand_in, own, right

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be fetched does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_second_run_grades_only_what_changed_and_gives_the_same_marks(tmp_path):
    place, out = tmp_path / "in", tmp_path / "out"
    first, second = (
        Made("anna", own("def block_diagonal(blocks):\n    return 1\n")),
        Made("bob", {BLOCKS: right(BLOCKS)}),
    )
    hand_in(place, first), hand_in(place, second)
    assert grade(place, out, ALONE)["graded_now"] == 2
    kept = result(out, "bob")
    assert grade(place, out, ALONE)["graded_now"] == 0
    hand_in(place, Made("anna", {BLOCKS: right(BLOCKS)}))
    assert grade(place, out, ALONE)["graded_now"] == 1
    assert result(out, "bob") == kept and items(out, "anna")[BLOCKS]["earned"] == 2
    (out / "results" / "bob" / f"{LESSON}.json").write_text('{"half')
    assert grade(place, out, ALONE)["graded_now"] == 1  # graded afresh: the same marks
    assert result(out, "bob")["items"] == kept["items"] and result(out, "bob")["key"] == kept["key"]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_run_that_is_killed_resumes_and_grades_nothing_twice(tmp_path, monkeypatch, jobs):
    place, out = tmp_path / "in", tmp_path / "out"
    temporary = temporary_files_in(tmp_path / "tmp", monkeypatch)
    for name in ("a", "b", "c"):
        hand_in(place, Made(name, {BLOCKS: right(BLOCKS)}))
    words = [
        sys.executable,
        "-m",
        "convzoo",
        "grade",
        str(place),
        "--out",
        str(out),
        "--jobs",
        jobs,
    ]
    env = os.environ | {"PYTHONPATH": str(ROOT / "lessons")}
    run = subprocess.Popen(words, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    at_work = False  # between two submissions there may be nobody for a moment
    while not (at_work and list(out.glob("results/*/*.json"))) and time.monotonic() < deadline:
        time.sleep(0.05)
        at_work = bool(started_from(temporary))
    assert at_work and boxes(temporary)
    tasks = Path(f"/proc/{run.pid}/task").iterdir()
    workers = [int(n) for task in tasks for n in (task / "children").read_text().split()]
    assert len(workers) >= int(jobs)
    run.kill()
    run.wait()
    deadline = time.monotonic() + 15
    while (started_from(temporary) or any(map(alive, workers))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not started_from(temporary), "the sandbox outlived the grader"
    assert not any(map(alive, workers)), "a process of ours outlived the grader"
    done = {p.parent.name: p.read_bytes() for p in out.glob("results/*/*.json")}
    assert 0 < len(done) < 3
    summary = grade(place, out, ALONE)
    assert summary["graded"] == 3 and summary["graded_now"] == 3 - len(done)
    for name, raw in done.items():
        assert (out / "results" / name / f"{LESSON}.json").read_bytes() == raw
    assert not boxes(temporary), "the killed run's folder outlived the next run"


def test_a_folder_that_nobody_holds_is_removed_and_no_other(tmp_path, monkeypatch):
    temporary = temporary_files_in(tmp_path, monkeypatch)
    (temporary / "convzoo-box-killed" / "convzoo").mkdir(parents=True)
    (temporary / "convzoo-box-linked").symlink_to("/etc")
    code = "from convzoo.teach.grade.box.layout import Layout; l = Layout()\n"
    code += "print(l.folder, flush=True); input()"
    env = os.environ | {"PYTHONPATH": str(ROOT / "lessons")}
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    held = Path(other.stdout.readline().strip())
    mine = Layout()
    linked = temporary / "convzoo-box-linked"
    assert boxes(temporary) == sorted([held, linked, mine.folder])
    other.kill()
    other.wait()
    clear()
    assert boxes(temporary) == sorted([linked, mine.folder]) and (held.parent / held).name
    mine.close()
    assert boxes(temporary) == [linked] and os.listdir("/etc")


def test_the_others_are_graded_where_a_process_of_ours_is_killed(tmp_path, monkeypatch):
    place, out = tmp_path / "in", tmp_path / "out"
    temporary = temporary_files_in(tmp_path / "tmp", monkeypatch)
    for name in ("a", "b", "c"):
        hand_in(place, Made(name, {BLOCKS: right(BLOCKS)}))

    def kill_one():
        deadline = time.monotonic() + 60
        while not started_from(temporary) and time.monotonic() < deadline:
            time.sleep(0.05)
        mine = Path(f"/proc/{os.getpid()}/task")
        children = [int(n) for t in mine.iterdir() for n in (t / "children").read_text().split()]
        for child in children:
            if b"loky" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(child, signal.SIGKILL)
                return

    killer = threading.Thread(target=kill_one)
    killer.start()
    summary = grade(place, out, OPTIONS)
    killer.join()
    assert summary["graded"] == 3 and not summary["not_graded"]
    assert not boxes(temporary)


def test_what_the_machine_did_is_not_graded_and_tried_again(tmp_path):
    place, out = tmp_path / "in", tmp_path / "out"
    hand_in(place, Made("anna", {BLOCKS: right(BLOCKS)}))
    summary = grade(place, out, Options(jobs=1, limits=Limits(start=0.01)))
    assert summary["graded"] == 0 and "not ready in time" in summary["not_graded"][0]
    row = next(csv.DictReader((out / "grades.csv").open()))
    assert row[f"{LESSON} status"] == "not graded" and row[f"{LESSON} total"] == ""
    assert "not count as zero" in (out / "feedback" / "anna.html").read_text()
    assert grade(place, out, ALONE)["graded"] == 1


def test_without_a_sandbox_it_refuses_or_marks_every_grade(tmp_path, monkeypatch):
    place, out = tmp_path / "in", tmp_path / "out"
    hand_in(place, Made("anna", {BLOCKS: right(BLOCKS)}))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="Install bubblewrap"):
        grade(place, out)
    summary = grade(place, out, Options(jobs=1, limits=LIMITS, unsandboxed=True))
    assert summary["graded"] == 1 and summary["unsandboxed"] == 1
    assert next(csv.DictReader((out / "grades.csv").open()))["sandboxed"] == "NO"
    assert "without a sandbox" in (out / "feedback" / "anna.html").read_text()
    assert items(out, "anna")[BLOCKS]["earned"] == 2
    monkeypatch.undo()
    summary = grade(place, out, ALONE)  # graded again, in a sandbox
    assert summary["graded_now"] == 1 and summary["unsandboxed"] == 0


def test_the_numbers_differ_by_student_and_secret():
    from convzoo.teach.grade.mark.plan import seed

    seeds = {
        seed(secret, student, LESSON, exercise)
        for secret in (b"a" * 16, b"b" * 16)
        for student in ("anna", "bob")
        for exercise in (BLOCKS, CONV)
    }
    assert len(seeds) == 8
    assert seed(b"a" * 16, "anna", LESSON, BLOCKS) == seed(b"a" * 16, "anna", LESSON, BLOCKS)
