"""A made class is graded whole: every mark is what an honest grader gives, and nothing else happens."""

import csv
import hashlib
import html.parser
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("joblib")

from made_class import (  # noqa: E402
    BLOCKS, CONV, LESSON, ROOT, Made, all_right, full, hand_in, head, honest, hostile, moved,
    notebook, own, right, shortcuts, unreadable,
)  # fmt: skip

from convzoo.errors import UserError  # noqa: E402
from convzoo.teach.grade.run import Options, grade_class  # noqa: E402
from convzoo.teach.grade.sandbox import Limits  # noqa: E402

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
LIMITS = Limits(cpu=2, wall=7, resident=1 << 30, memory=2 << 30)
OPTIONS = Options(jobs=2, limits=LIMITS)


def quiet(done, of, name):
    pass


def grade(place: Path, out: Path, options=OPTIONS) -> dict:
    return grade_class(place, out, ROOT, options, quiet)


def result(out: Path, student: str) -> dict:
    return json.loads((out / "results" / student / f"{LESSON}.json").read_text())


def items(out: Path, student: str) -> dict[str, dict]:
    return {i["id"]: i for i in result(out, student)["items"]}


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its content's hash, every link with its target."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        elif path.is_file() and "__pycache__" not in path.parts:
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


class Listener:
    """Counts who calls on loopback."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.calls = self.socket.getsockname()[1], 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                self.socket.accept()[0].close()
            except OSError:
                return
            self.calls += 1


@pytest.fixture(scope="module")
def made_class(tmp_path_factory):
    """The whole class, graded once."""
    listener = Listener()
    beside = Path(tempfile.mkdtemp(prefix="convzoo-beside-"))  # where anyone might write
    beside.chmod(0o777)
    for name in ("gradebook.db", "other-student.ipynb"):
        (beside / name).write_text("as it was")
        (beside / name).chmod(0o666)
    place, out = tmp_path_factory.mktemp("in") / "submissions", tmp_path_factory.mktemp("out")
    made = honest() + moved() + hostile(listener.port, str(beside)) + shortcuts()
    for one in made:
        hand_in(place, one)
    for name, raw in unreadable().items():
        hand_in(place, Made(name, raw=raw))
    (place / "linked").mkdir()
    (place / "linked" / f"{LESSON}.ipynb").symlink_to(place / "right" / f"{LESSON}.ipynb")
    (place / "linked-folder").symlink_to("/etc")
    os.mkfifo(place / "linked" / "01_pipe.ipynb")
    before = tree(place), tree(beside)
    summary = grade(place, out)
    after = tree(place), tree(beside)
    shutil.rmtree(beside)
    assert listener.calls == 0
    listener.socket.close()
    return {m.name: m for m in made}, place, out, summary, before, after


def test_the_class_is_large_and_all_of_it_is_graded(made_class):
    made, _, _, summary, _, _ = made_class
    assert len(made) >= 40
    assert summary["graded"] == len(made) and not summary["not_graded"]


def test_nothing_outside_the_output_folder_changed(made_class):
    *_, before, after = made_class
    assert before == after
    assert not Path("/etc/planted").exists()


def test_no_process_of_a_student_is_left(made_class):
    held = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes()
        except OSError:
            continue
        if b"gradebox" in words and b"bwrap" in words:
            held.append(words)
    assert not held


@pytest.mark.parametrize("made", honest() + moved() + hostile() + shortcuts(), ids=lambda m: m.name)
def test_marks_are_what_an_honest_grader_gives(made, made_class):
    out = made_class[2]
    found = items(out, made.name)
    assert {id: found[id]["earned"] for id in made.points} == made.points, found
    assert {id: found[id]["stage"] for id in made.stage} == made.stage
    for id, text in made.says.items():
        assert text in found[id]["message"]
    if made.flag:
        assert any(made.flag in flag for flag in result(out, made.name)["flags"])


def test_what_cannot_be_read_is_told_by_name(made_class):
    notices = made_class[3]["notices"]
    for name in [*unreadable(), "linked"]:
        assert any(n.startswith(f"unreadable: {name}") for n in notices), name
        assert any(n.startswith(f"missing: {name} ") for n in notices), name


class Tags(html.parser.HTMLParser):
    """Every tag of a page, and its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, [name for name, _ in attrs]))


def test_pages_hold_no_script_no_seed_and_no_secret(made_class):
    out = made_class[2]
    secret = (out / ".secret").read_text().strip()
    for page in [*out.glob("feedback/*.html"), out / "class.html"]:
        text = page.read_text()
        tags = Tags(text).found
        assert not {t for t, _ in tags} & {"script", "iframe", "object", "img", "link", "a", "form"}
        assert not [a for _, names in tags for a in names if a.startswith("on")]
        assert secret not in text and not re.search(r"\bseed\b", text)
        assert "default-src 'none'" in text


def test_every_student_has_a_page_and_a_row(made_class):
    made, _, out, summary, _, _ = made_class
    rows = list(csv.DictReader((out / "grades.csv").open()))
    assert len(rows) == summary["students"] == len(list(out.glob("feedback/*.html")))
    by = {row["student"]: row for row in rows}
    assert float(by["right"]["total"]) == sum(full().values())
    assert by["junk"][f"{LESSON} status"] == "missing" and by["junk"]["total"] == ""
    assert all(row["sandboxed"] == "yes" for row in rows)


def test_feedback_tells_the_sentence_of_the_matched_mistake(made_class):
    page = (made_class[2] / "feedback" / "stacked.html").read_text()
    assert "each block needs columns of its own" in page


def test_the_class_page_tells_misconceptions_by_frequency(made_class):
    page = (made_class[2] / "class.html").read_text()
    assert "stacked" in page and "Distribution" in page and "From hard to easy" in page


# --- smaller classes ---


def test_a_second_run_grades_only_what_changed_and_gives_the_same_marks(tmp_path):
    place, out = tmp_path / "in", tmp_path / "out"
    first, second = Made("anna", own("def block_diagonal(blocks):\n    return 1\n")), Made("bob", {BLOCKS: right(BLOCKS)})
    hand_in(place, first), hand_in(place, second)
    options = Options(jobs=1, limits=LIMITS)
    assert grade(place, out, options)["graded_now"] == 2
    kept = result(out, "bob")
    assert grade(place, out, options)["graded_now"] == 0
    hand_in(place, Made("anna", {BLOCKS: right(BLOCKS)}))
    assert grade(place, out, options)["graded_now"] == 1
    assert result(out, "bob") == kept and items(out, "anna")[BLOCKS]["earned"] == 2
    (out / "results" / "bob" / f"{LESSON}.json").unlink()  # graded afresh: the same marks
    grade(place, out, options)
    assert result(out, "bob")["items"] == kept["items"] and result(out, "bob")["key"] == kept["key"]
    (out / "results" / "bob" / f"{LESSON}.json").write_text('{"half')
    assert grade(place, out, options)["graded_now"] == 1


def test_a_run_that_is_killed_resumes_and_grades_nothing_twice(tmp_path):
    place, out = tmp_path / "in", tmp_path / "out"
    for name in ("a", "b", "c", "d"):
        hand_in(place, Made(name, {BLOCKS: right(BLOCKS)}))
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from test_grade_class import *\n"
        f"grade(Path({str(place)!r}), Path({str(out)!r}), Options(jobs=1, limits=LIMITS))"
    )
    run = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(out.glob("results/*/*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    time.sleep(1)
    assert not _workers_of(out), "the sandbox outlived the grader"
    done = {p.parent.name: p.read_bytes() for p in out.glob("results/*/*.json")}
    assert 0 < len(done) < 4
    summary = grade(place, out, Options(jobs=1, limits=LIMITS))
    assert summary["graded"] == 4 and summary["graded_now"] == 4 - len(done)
    for name, raw in done.items():
        assert (out / "results" / name / f"{LESSON}.json").read_bytes() == raw


def _workers_of(out: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = process.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if "gradebox.worker" in text and str(out) in text:
            found.append(text)
    return found


def test_what_the_machine_did_is_not_graded_and_tried_again(tmp_path):
    place, out = tmp_path / "in", tmp_path / "out"
    hand_in(place, Made("anna", {BLOCKS: right(BLOCKS)}))
    summary = grade(place, out, Options(jobs=1, limits=Limits(start=0.01)))
    assert summary["graded"] == 0 and "not ready in time" in summary["not_graded"][0]
    row = next(csv.DictReader((out / "grades.csv").open()))
    assert row[f"{LESSON} status"] == "not graded" and row[f"{LESSON} total"] == ""
    assert "no zero" in (out / "feedback" / "anna.html").read_text()
    assert grade(place, out, Options(jobs=1, limits=LIMITS))["graded"] == 1


def test_questions_are_marked_with_the_students_own_numbers(tmp_path):
    from convzoo.exercises import questions

    place, out = tmp_path / "in", tmp_path / "out"
    question = questions()["resnext.weights"]
    for_anna = question.answer(question.numbers("anna"))
    ask = head("resnext.weights", "question") + 'answer = {}\nask("resnext.weights", answer)\n'
    computed = ask.format("sum(divmod(%d * 2, 2))" % for_anna)
    hostile_text = "<script>alert(1)</script>"
    hand_in(place, Made("anna", {"resnext.weights": ask.format(for_anna)}))
    hand_in(place, Made("bob", {"resnext.weights": ask.format(for_anna)}), student="anna")
    hand_in(place, Made("carl", {"resnext.weights": computed}), student="anna")
    hand_in(place, Made("dora", {"resnext.weights": ask.format(repr(hostile_text))}))
    hand_in(place, Made("emil", {"resnext.weights": ask.format("'a' * 10**9")}))
    hand_in(place, Made("free", {"resnext.explain": hostile_text + "\n=1+1"}))
    grade(place, out, Options(jobs=2, limits=LIMITS))
    marks = {n: items(out, n)["resnext.weights"]["earned"] for n in ("anna", "bob", "carl", "dora", "emil")}
    assert marks == {"anna": 1, "bob": 1, "carl": 1, "dora": 0, "emil": 0}
    page = (out / "class.html").read_text()
    assert "The name in begin(...) is &#x27;anna&#x27;" in page and "of bob, carl" in page
    assert items(out, "free")["resnext.explain"]["earned"] is None
    for path in [*out.glob("**/*.html")]:
        assert "<script" not in path.read_text()
    rows = list(csv.DictReader((out / "free.csv").open()))
    assert [r["student"] for r in rows] == ["free"]
    marked = (out / "free.csv").read_text().replace("resnext.explain,2,,", "resnext.explain,2,1.5,Good.")
    marked = marked.replace("resnext.explain,2.0,,", "resnext.explain,2.0,1.5,Good.")
    (out / "free.csv").write_text(marked)
    assert grade(place, out)["graded_now"] == 0
    assert "Good." in (out / "feedback" / "free.html").read_text()
    row = {r["student"]: r for r in csv.DictReader((out / "grades.csv").open())}["free"]
    assert row["total"] == "1.5" and row["waiting"] == "0"
    (out / "free.csv").write_text(marked.replace("1.5,Good", "7,Good"))
    with pytest.raises(UserError, match="no number of points"):
        grade(place, out)


def test_canvas_and_moodle_there_and_back(tmp_path):
    text = json.dumps(notebook(Made("x", {BLOCKS: right(BLOCKS)})))
    place, out = tmp_path / "in", tmp_path / "out"
    place.mkdir()
    with zipfile.ZipFile(place / "canvas.zip", "w") as archive:
        archive.writestr(f"doejane_LATE_101_9001_{LESSON}.ipynb", "junk")
        archive.writestr(f"doejane_LATE_101_9002_{LESSON}-1.ipynb", text)
        archive.writestr(f"roerichard_102_9003_{LESSON}.ipynb", text)
        archive.writestr("../../../climbs.ipynb", text)
        archive.writestr("/etc/climbs.ipynb", text)
    with zipfile.ZipFile(place / "moodle.zip", "w") as archive:
        archive.writestr(f"Ann Bee_201_assignsubmission_file_/{LESSON} (1).ipynb", text)
        archive.writestr(f"Cy Dee_202_assignsubmission_file_{LESSON}.ipynb", text)
        bomb = zipfile.ZipInfo(f"Eve Eff_203_assignsubmission_file_/{LESSON}.ipynb")
        bomb.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(bomb, b" " * 200_000_000)
        link = zipfile.ZipInfo(f"Gil Gee_204_assignsubmission_file_/{LESSON}.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    worksheet = tmp_path / f"Grades-{LESSON}.csv"
    worksheet.write_text(
        "\ufeffIdentifier,Full name,Email address,Status,Grade,Maximum Grade,"
        "Last modified (submission),Last modified (grade),Feedback comments\n"
        'Participant 201,Ann Bee,a@x,Submitted for grading,,23,"Wednesday, 10 June 2026, 2:14 PM",-,\n'
        'Participant 202,Cy Dee,c@x,Submitted for grading - 3 mins late,,23,"Wednesday, 10 June 2026, 2:20 PM",-,\n'
        "Participant 205,Hal Eye,h@x,No submission,,23,-,-,\n"
    )
    summary = grade(place, out, Options(jobs=2, limits=LIMITS, roster=worksheet))
    rows = {r["student"]: r for r in csv.DictReader((out / "grades.csv").open())}
    assert summary["graded"] == 4
    assert rows["doejane_101"][f"{LESSON} late"] == "yes"
    assert rows["doejane_101"][f"{LESSON} handed in"] == "unknown"
    assert rows["Cy Dee_202"][f"{LESSON} late"] == "yes"
    assert rows["Ann Bee_201"][f"{LESSON} handed in"] == "Wednesday, 10 June 2026, 2:14 PM"
    told = "\n".join(summary["notices"])
    for text in ("renamed: Ann Bee_201", "late: doejane_101", "late: Cy Dee_202",
                 "missing: Hal Eye", "unreadable: Eve Eff_203", "missing: Gil Gee_204",
                 "unreadable: doejane_101", "climbs.ipynb is no file of a student's"):  # fmt: skip
        assert text in told, text
    moodle = list(csv.DictReader((out / f"moodle_{LESSON}.csv").open(encoding="utf-8-sig")))
    assert {r["Identifier"]: r["Grade"] for r in moodle} == {
        "Participant 201": "2", "Participant 202": "2", "Participant 205": "",
    }  # fmt: skip
    canvas = list(csv.reader((out / "canvas.csv").open()))
    assert canvas[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", LESSON]
    assert canvas[1][0] == "    Points Possible"
    assert {row[1]: row[5] for row in canvas[2:]} == {"101": "2", "102": "2"}
    assert not (tmp_path / "climbs.ipynb").exists() and not Path("/etc/climbs.ipynb").exists()


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
    summary = grade(place, out, Options(jobs=1, limits=LIMITS))  # graded again, in a sandbox
    assert summary["graded_now"] == 1 and summary["unsandboxed"] == 0


def test_the_numbers_differ_by_student_and_secret():
    from convzoo.teach.grade.plan import seed

    seeds = {
        seed(secret, student, LESSON, exercise)
        for secret in (b"a" * 16, b"b" * 16) for student in ("anna", "bob") for exercise in (BLOCKS, CONV)
    }  # fmt: skip
    assert len(seeds) == 8
    assert seed(b"a" * 16, "anna", LESSON, BLOCKS) == seed(b"a" * 16, "anna", LESSON, BLOCKS)


def test_all_right_is_all_the_points(made_class):
    assert sum(i["earned"] for id, i in items(made_class[2], "right").items() if id in all_right()) == sum(
        full().values()
    )
