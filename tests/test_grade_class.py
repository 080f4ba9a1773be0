"""A made class is graded whole: every mark is an honest grader's, and nothing else happens."""

import csv
import html.parser
import json
import os
import re
import shutil
import socket
import tempfile
import threading
from pathlib import Path

import pytest

pytest.importorskip("joblib")

from grading import (
    ALONE,
    boxes,
    grade,
    items,
    one_sandbox,
    result,
    started_from,
    temporary_files_in,
    tree,
)
from made_attacks import attacks, shortcuts, unreadable
from made_class import BLOCKS, LESSON, Made, all_right, clean, full, hand_in, honest, moved, several
from made_hostile import hostile

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]


class Listener:
    """Counts who calls, on loopback and on two local sockets."""

    def __init__(self, folder: Path):
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port, self.calls = tcp.getsockname()[1], 0
        self.sockets = [tcp]
        for name in (f"\0convzoo-{self.port}", str(folder / "socket")):
            local = socket.socket(socket.AF_UNIX)
            local.bind(name)
            local.listen()
            self.sockets.append(local)
        for one in self.sockets:
            threading.Thread(target=self._listen, args=(one,), daemon=True).start()

    def _listen(self, one: socket.socket):
        while True:
            try:
                one.accept()[0].close()
            except OSError:
                return
            self.calls += 1


def whole() -> list[Made]:
    return honest() + moved() + hostile() + attacks() + shortcuts() + several()


def strange_files(place: Path, beside: Path) -> None:
    """What lies about in the folders beside the notebooks; nothing of it is opened or imported."""
    right = place / "right"
    untouched = json.dumps({"cells": [], "metadata": {}, "nbformat": 4})
    marker = f"open({str(beside / 'imported')!r}, 'w')"
    for name in (
        "torch.py",
        "conftest.py",
        "sitecustomize.py",
        "convzoo/__init__.py",
        "json/__init__.py",
    ):
        (right / name).parent.mkdir(exist_ok=True)
        (right / name).write_text(marker)
    for name in (
        b"02_resnext\xff.ipynb",
        b"02\n<script>alert(1)</script>.ipynb".replace(b"/", b"-"),
    ):
        (Path(os.fsdecode(os.fsencode(right) + b"/" + name))).write_text(untouched)
    (right / "work.zip").write_bytes(b"PK")
    (place / "linked").mkdir()
    (place / "linked" / f"{LESSON}.ipynb").symlink_to(right / f"{LESSON}.ipynb")
    (place / "linked-folder").symlink_to("/etc")
    os.mkfifo(place / "linked" / "01_pipe.ipynb")


@pytest.fixture(scope="module")
def made_class(tmp_path_factory):
    """The whole class: the harmless ones first, by one worker; then what may be hostile, and who
    has strange files in their folder, each in a sandbox of their own."""
    beside = Path(tempfile.mkdtemp(prefix="convzoo-beside-"))  # where anyone might write
    beside.chmod(0o777)
    for name in ("gradebook.db", "other-student.ipynb"):
        (beside / name).write_text("as it was")
        (beside / name).chmod(0o666)
    listener = Listener(beside)
    place, out = tmp_path_factory.mktemp("in") / "submissions", tmp_path_factory.mktemp("out")
    first, *harmless = honest() + moved() + shortcuts()
    for one in harmless:
        hand_in(place, one)
    with one_sandbox():
        grade(place, out, ALONE)
    others = [first, *hostile(listener.port, str(beside)), *attacks(), *several()]
    for one in others:
        hand_in(place, one)
    made = harmless + others
    for name, raw in unreadable().items():
        hand_in(place, Made(name, raw=raw))
    strange_files(place, beside)
    before = tree(place), tree(beside)
    with pytest.MonkeyPatch.context() as patch:
        temporary = temporary_files_in(tmp_path_factory.mktemp("tmp"), patch)
        summary = grade(place, out)
        left = started_from(temporary), boxes(temporary)
    after = tree(place), tree(beside)
    shutil.rmtree(beside)
    assert listener.calls == 0
    for one in listener.sockets:
        one.close()
    return {m.name: m for m in made}, place, out, summary, before, after, left


def test_the_class_is_large_and_all_of_it_is_graded(made_class):
    made, summary = made_class[0], made_class[3]
    assert len(made) >= 40
    assert summary["graded"] == len(made) and not summary["not_graded"]


def test_nothing_outside_the_output_folder_changed(made_class):
    before, after = made_class[4:6]
    assert before == after
    assert not Path("/etc/planted").exists()


def test_no_process_of_a_student_and_no_box_is_left(made_class):
    processes, folders = made_class[-1]
    assert not processes and not folders


@pytest.mark.parametrize("made", whole(), ids=lambda m: m.name)
def test_marks_are_what_an_honest_grader_gives(made, made_class):
    out = made_class[2]
    found = items(out, made.owner, made.lesson)
    assert {id: found[id]["earned"] for id in made.points} == made.points, found
    assert {id: found[id]["stage"] for id in made.stage} == made.stage
    for id, text in made.says.items():
        assert text in found[id]["message"]
    if made.flag:
        assert any(made.flag in flag for flag in result(out, made.owner, made.lesson)["flags"])


def test_what_cannot_be_read_is_told_by_name(made_class):
    notices = made_class[3]["notices"]
    missing = next(n for n in notices if n.startswith(f"missing: {LESSON} ("))
    for name in [*unreadable(), "linked"]:
        assert any(n.startswith(f"unreadable: {name}") for n in notices), name
        assert re.search(rf"[ ,]{re.escape(name)}(,|$)", missing), name
    assert any("work.zip is an archive" in n for n in notices)
    assert all(n.isprintable() for n in notices)
    assert sum(n.startswith("unreadable: right: right/02") for n in notices) == 2


def test_a_class_over_several_lessons_is_one_table(made_class):
    rows = {r["student"]: r for r in csv.DictReader((made_class[2] / "grades.csv").open())}
    lessons = ("00_convolution", "01_resnet", "05_shufflenet")
    for lesson in lessons:
        assert float(rows["several-right"][f"{lesson} total"]) == sum(full(lesson).values())
        assert rows["right"][f"{lesson} status"] == "missing"
    everything = sum(sum(full(lesson).values()) for lesson in lessons)
    assert float(rows["several-right"]["total"]) == everything
    assert rows["several-hostile"]["sandboxed"] == "yes"


class Tags(html.parser.HTMLParser):
    """Every tag of a page, and its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, [name for name, _ in attrs]))


def test_pages_hold_no_script_of_a_student_no_seed_and_no_secret(made_class):
    out = made_class[2]
    from convzoo.teach.grade.intake.names import slug
    from convzoo.teach.grade.mark.plan import seed

    secret = (out / ".secret").read_text().strip()
    names = {slug(made.owner): made.owner for made in made_class[0].values()}
    for page in [*out.glob("feedback/*.html"), out / "class.html"]:
        text = page.read_text()
        tags = Tags(text).found
        assert not {t for t, _ in tags} & {"iframe", "object", "img", "link", "form"}
        own = page.name == "class.html"  # it links to the students' pages, and sorts their table
        assert [t for t, _ in tags].count("script") == own
        assert own or "a" not in {t for t, _ in tags}
        assert not [a for _, names in tags for a in names if a.startswith("on")]
        assert secret not in text and not re.search(r"\bseed\b", text)
        student = names.get(page.stem)
        assert not student or str(seed(secret.encode(), student, LESSON, BLOCKS)) not in text
        assert "default-src 'none'" in text


def test_every_student_has_a_page_and_a_row(made_class):
    out, summary = made_class[2:4]
    rows = list(csv.DictReader((out / "grades.csv").open()))
    assert len(rows) == summary["students"] == len(list(out.glob("feedback/*.html")))
    by = {row["student"]: row for row in rows}
    assert float(by["right"]["total"]) == sum(full().values())
    assert by["junk"][f"{LESSON} status"] == "missing" and by["junk"]["total"] == ""
    assert all(row["sandboxed"] == "yes" for row in rows)


def test_feedback_tells_the_sentence_of_the_matched_mistake(made_class):
    page = (made_class[2] / "feedback" / "stacked.html").read_text()
    assert "each block needs its own columns" in page


def test_the_class_page_tells_misconceptions_by_frequency(made_class):
    page = (made_class[2] / "class.html").read_text()
    assert "stacked" in page and "Distribution" in page and "Exercises from hard to easy" in page


def test_all_right_is_all_the_points(made_class):
    found = items(made_class[2], "right")
    assert sum(found[id]["earned"] for id in all_right()) == sum(full().values())
    assert set(full()) == set(clean().ids())
