"""The student's own file: whatever becomes of it, the lesson goes on."""

import json
import os

import pytest
from convzoo import place
from convzoo.exercises import begin, check, hint, progress


def file(home, text=None):
    path = home / "progress.json"
    if text is not None:
        home.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_nothing_is_known_before_the_first_entry(convzoo_home):
    assert progress.load() == {kind: {} for kind in progress.KINDS}
    assert progress.recall("guesses", "a.b", "none") == "none"
    assert not convzoo_home.exists()  # to look makes no file


def test_what_is_recorded_is_recalled(convzoo_home):
    progress.record("guesses", "a.b", 24.5)
    progress.record("reasons", "a.b", "größer ∞")
    progress.record("guesses", "a.c", "skip")
    assert progress.load()["guesses"] == {"a.b": 24.5, "a.c": "skip"}
    assert progress.recall("reasons", "a.b") == "größer ∞"
    assert json.loads(file(convzoo_home).read_text())["guesses"]["a.b"] == 24.5
    assert os.listdir(convzoo_home) == ["progress.json"]


def test_the_home_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("CONVZOO_HOME", "")
    assert place.home().name == ".convzoo"
    monkeypatch.setenv("CONVZOO_HOME", str(tmp_path / "a" / "b"))
    progress.record("hints", "a.b", 1)
    assert (tmp_path / "a" / "b" / "progress.json").exists()


@pytest.mark.parametrize(
    "text", ["", "{", "not json", "[1, 2]", "3", b"\xff\xfe\x00", "[" * 100_000], ids=repr
)
def test_a_file_that_cannot_be_read_is_kept_aside(convzoo_home, text):
    before = file(convzoo_home, text).read_bytes()
    assert progress.load()["exercises"] == {}
    progress.record("hints", "a.b", 2)
    assert progress.recall("hints", "a.b") == 2
    assert (convzoo_home / "progress.unreadable.json").read_bytes() == before


ODD = dict(zip(progress.KINDS, (7, "text", [1], None, True), strict=True))
NONSENSE = {kind: {"resnext.block": [1], "resnext.grouped_conv2d": None} for kind in progress.KINDS}


@pytest.mark.parametrize("content", [ODD, NONSENSE], ids=["kinds", "entries"])
def test_what_does_not_belong_is_passed_over(convzoo_home, content, capsys):
    file(convzoo_home, json.dumps(content))
    assert progress.load() == {kind: {} for kind in progress.KINDS}
    begin("02_resnext")
    hint("resnext.block")
    check("resnext.block")
    assert "hint 1 of" in capsys.readouterr().out


def test_a_replacement_that_fails_leaves_the_old_file(convzoo_home, monkeypatch):
    progress.record("hints", "a.b", 1)

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    progress.record("hints", "a.b", 2)
    assert progress.recall("hints", "a.b") == 1
    assert os.listdir(convzoo_home) == ["progress.json"]


def test_a_home_that_cannot_be_written_stops_no_lesson(monkeypatch, tmp_path, capsys):
    (tmp_path / "a file").write_text("in the way")
    for home in (tmp_path / "a file", tmp_path / "a file" / "below", "/dev/null/x"):
        monkeypatch.setenv("CONVZOO_HOME", str(home))
        progress.record("hints", "a.b", 1)
        assert progress.recall("hints", "a.b") is None
        begin("02_resnext")
        hint("resnext.block")
        check("resnext.block")
    assert capsys.readouterr().out.count("hint 1 of") == 3
    assert (tmp_path / "a file").read_text() == "in the way"
