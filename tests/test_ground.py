"""The ground of the library: files replaced whole, cells run, the bar of a terminal."""

import os
from contextlib import nullcontext

import pytest
from convzoo.files import write_atomically, write_together
from convzoo.progress_bar import bar, redraw
from convzoo.run_cell import Trouble, compiled, execute, raised


def test_a_file_is_replaced_whole_for_everyone_to_read(tmp_path):
    path = tmp_path / "new" / "a.csv"
    write_atomically(path, "é\r\n")
    write_atomically(path, "b\r\n")
    assert path.read_bytes() == b"b\r\n" and path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(path.parent) == ["a.csv"]


@pytest.mark.parametrize("step", ["replace", "chmod", "fdopen"])
def test_where_one_file_cannot_be_written_none_is(step, tmp_path, monkeypatch):
    old = {tmp_path / name: "old" for name in "ab"}
    write_together(old)

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space"):
        write_together(dict.fromkeys(old, "new"))
    assert sorted(tmp_path.iterdir()) == sorted(old)
    assert {path.read_text() for path in old} == {"old"}


@pytest.mark.parametrize(
    "source, kind, sentence",
    [
        ("x = 1\ndef f(:\n", "syntax", "in line 2: `def f(:`."),
        ("x = 1\n  return\n", "syntax", "unexpected indent, in line 2: `return`."),
        ("return 1", "syntax", "'return' outside function, in line 1: `return 1`."),
        ("x = " + "(" * 5000, "syntax", "too many nested parentheses"),
        ("x = 1 / 0  # " + "x" * 300, "raised", "division by zero, in line 1: `x = 1 / 0  # x"),
        ("def f():\n    raise ValueError()\n\nf()", "raised", "no message, in line 2: `raise Val"),
        ("raise KeyboardInterrupt", "raised", "The cell raised KeyboardInterrupt: no message"),
        ("raise SystemExit", "exit", "The cell ends Python (`exit()`, "),
        ("from convzoo import NotAttempted\nraise NotAttempted('a.b')", "stub", ""),
    ],
)
def test_what_breaks_in_a_cell_is_a_sentence(source, kind, sentence):
    trouble = execute(source, "<sample>", {})[0]
    assert trouble.kind == kind and sentence in trouble.sentence
    assert len(trouble.sentence) < 400 and not trouble.sentence.count("\n")


def test_a_cell_that_runs_gives_nothing_and_its_names():
    names = {}
    assert execute("from __future__ import annotations\nx = 1", "<a>", names) == []
    assert execute("def f(a: nowhere): ...", "<b>", names) == [] and names["x"] == 1
    assert not isinstance(compiled("x = 1", "<a>"), Trouble)
    assert raised(ValueError("why\nnot"), "The call").sentence == "The call raised ValueError: why."


def test_what_fails_is_left_out_and_the_next_statement_runs():
    shell = "get_ipython().run_line_magic('time', '')"
    cell = f"x = 1 / 0\ndisplay(x)\n{shell}\ny = 2\nraise SystemExit\nz = y"
    names = {}
    troubles = execute(cell, "<a>", names)
    assert [(t.kind, t.line) for t in troubles] == [("raised", 1), ("raised", 2), ("exit", 5)]
    assert names["z"] == 2 and "x" not in names
    assert execute("await x\ny = 3", "<a>", names)[0].line == 1 and names["y"] == 3
    assert len(execute("raise KeyboardInterrupt\ny = 4", "<a>", names)) == 1 and names["y"] == 3


def test_a_limit_is_told_what_defines():
    given = []

    def limited(defines):
        given.append(defines)
        return nullcontext()

    execute("import os\nx = 1\ndef f(): ...\nclass A: ...\nf()", "<a>", {}, limited)
    assert given == [True, False, True, True, False]


def test_the_bar_fills():
    assert bar(0, 4) == "[" + "." * 24 + "]" and bar(0, 0) == bar(4, 4) == "[" + "#" * 24 + "]"
    assert bar(1, 4) == "[######" + "." * 18 + "]"


def test_a_line_is_drawn_over_the_one_before(capsys):
    redraw("1 of 2")
    redraw("2 of 2", last=True)
    assert capsys.readouterr().err == "\r\033[K1 of 2\r\033[K2 of 2\n"
