"""A run that cannot do its work says so in one sentence, and leaves nothing half done."""

import errno
import os

import pytest
from convzoo.__main__ import main
from convzoo.errors import UserError
from convzoo.files import clear_unfinished, keep_backup, write_atomically
from convzoo.teach.grade import run
from convzoo.teach.grade.mark.marks import Graded
from grading import ALONE, grade
from made_class import BLOCKS, LESSON, Made, hand_in, right


@pytest.fixture
def place(tmp_path):
    for name in ("anna", "bob"):
        hand_in(tmp_path / "in", Made(name, {BLOCKS: right(BLOCKS)}))
    return tmp_path / "in"


@pytest.fixture
def unboxed(monkeypatch):
    """Marks without a sandbox, so that the run around them can be tried alone."""

    def marks(tasks, jobs, scheduler):
        for task in tasks:
            keys = [w.key(task.student, task.secret) for w in task.submissions]
            yield [Graded(task.student, LESSON, "graded", key) for key in keys]

    monkeypatch.setattr(run, "spread", marks)
    monkeypatch.setattr(run, "probe", lambda *_: None)


@pytest.mark.parametrize("name", ["", "anna", f"{LESSON}.ipynb", "notes.html"])
def test_an_empty_folder_is_no_success(tmp_path, name, capsys):
    (tmp_path / "in").mkdir()
    if "." in name:
        (tmp_path / "in" / name).write_text("{}")
    elif name:
        (tmp_path / "in" / name).mkdir()
    with pytest.raises(UserError, match="There are no submissions"):
        grade(tmp_path / "in", tmp_path / "out", ALONE)
    assert not (tmp_path / "out").exists()
    assert main(["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_files_that_cannot_be_read_are_no_success_either(tmp_path, capsys):
    (tmp_path / "in" / "anna").mkdir(parents=True)
    (tmp_path / "in" / "anna" / f"{LESSON}.ipynb").write_text("junk")
    assert main(["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1
    assert "unreadable: anna" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, place):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file" / "out", "/proc/nothing"):
        with pytest.raises(UserError, match="The run stopped"):
            grade(place, type(tmp_path)(out), ALONE)


@pytest.mark.parametrize("at", [0, 1, 2, 4])
def test_a_full_disk_is_one_sentence_and_what_was_graded_is_kept(
    tmp_path, place, unboxed, monkeypatch, at
):
    out, writes = tmp_path / "out", []
    os_replace = os.replace

    def full(*paths):
        writes.append(paths)
        if len(writes) > at:
            raise OSError(errno.ENOSPC, "No space left on device", str(paths[0]))
        os_replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(UserError, match="No space left on device.*Free some space"):
            grade(place, out, ALONE)
    assert not list(out.rglob(".part-*"))
    assert len(list(out.glob("results/*/*.json"))) == min(at, 2)
    summary = grade(place, out, ALONE)
    assert summary["graded"] == 2 and summary["graded_now"] == 2 - min(at, 2)


def test_no_room_for_the_box_is_one_sentence_too(tmp_path, place, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("convzoo.teach.grade.box.layout.shutil.copytree", full)
    with pytest.raises(UserError, match="No space left on device"):
        grade(place, tmp_path / "out", ALONE)


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path, place, unboxed):
    left = tmp_path / "out" / "results" / "anna" / ".part-x"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    grade(place, tmp_path / "out", ALONE)
    assert not left.exists()


def test_a_file_that_is_replaced_stays_as_a_backup(tmp_path):
    path, backup = tmp_path / "free.csv", tmp_path / "free.csv.bak"
    keep_backup(path, "new")
    assert not backup.exists()
    path.write_bytes(b"old\xff")
    keep_backup(path, "new")
    assert backup.read_bytes() == b"old\xff"
    write_atomically(path, "new")
    keep_backup(path, "new")
    assert backup.read_bytes() == b"old\xff"
    clear_unfinished(tmp_path)
    assert path.read_text() == "new"
