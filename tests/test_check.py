"""The check in a lesson: what its cells, their names and their order may be, and what is said."""

import io
from contextlib import redirect_stdout

import pytest
import torch
from convzoo import NotAttempted
from convzoo.exercises import all_exercises, check, hint, progress, use
from convzoo.exercises import calls as notebook
from slips import resnext as written

CONV = all_exercises()[written.CONV]
HEAD = "def grouped_conv2d(x, weight, groups, stride=1, padding=0):\n"


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    monkeypatch.setitem(notebook._session, "judged", {})
    monkeypatch.setitem(notebook._session, "student", "")


class Lesson:
    """The names of a notebook, and calls as its cells make them."""

    def __init__(self, *cells: str):
        self.names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "In": [""]}
        self.names |= {"NotAttempted": NotAttempted, "check": check, "use": use, "hint": hint}
        for cell in cells:
            self.run(cell)

    def run(self, cell: str):
        self.names["In"].append(cell)
        try:
            exec(compile(cell, "<cell>", "exec"), self.names)
        except Exception:  # as a kernel does: the next cell runs
            pass

    def call(self, text: str):
        """The value of a call, and what it printed."""
        said = io.StringIO()
        with redirect_stdout(said):
            value = eval(text, self.names)
        return value, said.getvalue()


STUB = f'# exercise: {CONV.id}\n{HEAD}    raise NotAttempted("{CONV.id}")\n'
RIGHT = written.UNFOLDED
CHECK, USE = f'check("{CONV.id}")', f'use("{CONV.id}")'


def test_an_untouched_stub_is_not_attempted():
    verdict, said = Lesson(STUB).call(CHECK)
    assert (verdict.status, verdict.stage) == ("not attempted", "")
    assert "not attempted yet" in said and "framework's version" in said
    kept = progress.recall("exercises", CONV.id)
    assert kept == {"status": "not attempted", "tries": 0}


def test_passed_and_earned():
    verdict, said = Lesson(RIGHT).call(CHECK)
    assert verdict.passed and "You earned 4 points" in said
    assert verdict._ipython_display_() is None and "passed" in repr(verdict)
    assert progress.recall("exercises", CONV.id) == {"status": "passed", "tries": 1}
    Lesson(STUB.replace("raise", "return 1 #")).call(CHECK)
    assert progress.recall("exercises", CONV.id) == {"status": "passed", "tries": 2}


def test_failed_says_where_the_hints_are():
    verdict, said = Lesson(RIGHT.replace("padding=padding, ", "")).call(CHECK)
    assert verdict.status == "failed" and f'hint("{CONV.id}")' in said and "not yet (run)" in said


@pytest.mark.parametrize(
    "cell",
    [
        STUB.replace("0):", "0)"),
        STUB.replace("    raise", "  \traise") + "   x = 1\n",
        STUB + "return 3\n",
        STUB + "while 1:\n",
        STUB + "print('never closed\n",
    ],
)
def test_a_cell_that_does_not_parse_is_told(cell):
    lesson = Lesson(STUB, cell)
    verdict, said = lesson.call(CHECK)
    assert verdict.stage == "run" and "not valid Python" in said and "in line" in said
    own, said = lesson.call(USE)
    assert own is CONV.reference and "framework's version" in said
    lesson.run(RIGHT)
    assert lesson.call(CHECK)[0].passed


def test_a_magic_and_other_cells_do_not_disturb():
    lesson = Lesson(RIGHT)
    magic = f"%time 1\n# exercise: {CONV.id}\n{CONV.name} = 1"
    lesson.names["In"] += ["%matplotlib inline\n!ls", "x = (", magic]
    assert lesson.call(CHECK)[0].passed
    lesson.names["In"] = 3
    assert lesson.call(CHECK)[0].passed
    lesson.names["In"] = [None, b"x"]
    assert lesson.call(CHECK)[0].passed


@pytest.mark.parametrize("value", [None, 3, "text"])
def test_a_name_that_is_not_there_is_told(value):
    lesson = Lesson()
    if value is not None:
        lesson.names[CONV.name] = value
    verdict, said = lesson.call(CHECK)
    assert verdict.stage == "run" and "`grouped_conv2d` is not defined yet" in said
    assert lesson.call(USE)[0] is CONV.reference


def test_a_check_rebinds_no_name():
    lesson = Lesson(STUB)
    before = dict(lesson.names)
    lesson.call(CHECK)
    lesson.call(USE)
    before.pop("__builtins__", None)
    assert {k: v for k, v in lesson.names.items() if k != "__builtins__"} == before


def test_use_hands_out_what_is_right_and_says_which():
    lesson = Lesson(STUB)
    assert lesson.call(USE)[0] is CONV.reference
    for source in (RIGHT, f"# exercise: {CONV.id}{written.LOOP}"):  # a slow one is right, too
        lesson.run(source)
        own, said = lesson.call(USE)
        assert own is lesson.names[CONV.name] and "your own" in said
    lesson.run(f"# exercise: {CONV.id}{written.SHORTCUT}")
    own, said = lesson.call(USE)
    assert (
        own is CONV.reference and "framework's version, until resnext.grouped_conv2d passes" in said
    )


def test_trusted_lessons_are_not_judged():
    lesson = Lesson(STUB)
    with notebook.trusted():
        assert lesson.call(USE)[0] is lesson.names[CONV.name]
    assert lesson.call(USE)[0] is CONV.reference


def test_a_mended_helper_counts_at_the_next_check():
    lesson = Lesson(
        "def convolve(*rest): return 0",
        f"# exercise: {CONV.id}\n{HEAD}    return convolve(x, weight, groups, stride, padding)",
    )
    assert not lesson.call(CHECK)[0].passed
    lesson.run(written.UNFOLDED.replace("grouped_conv2d", "convolve"))
    assert lesson.call(CHECK)[0].passed
    assert lesson.call(USE)[0] is lesson.names[CONV.name]


def test_a_name_rebound_by_use_is_not_the_students():
    lesson = Lesson(STUB)
    lesson.names[CONV.name] = lesson.call(USE)[0]
    verdict, said = lesson.call(CHECK)
    assert not verdict.passed and "Run the exercise's cell again" in said


def test_hints_open_one_at_a_time():
    lesson, said = Lesson(), []
    for _ in range(len(CONV.hints) + 1):
        said.append(lesson.call(f'hint("{CONV.id}")')[1])
    for number, text in enumerate(CONV.hints):
        assert f"hint {number + 1} of {len(CONV.hints)}" in said[number]
        assert [part for part in CONV.hints if part in said[number]] == [text]
    assert said[-1] == said[0]


@pytest.mark.parametrize("call", [check, notebook.hint, notebook.ask])
def test_an_id_that_does_not_exist_names_the_nearest_and_stops_no_lesson(call, capsys):
    near = "resnext.weights" if call is notebook.ask else "resnext.grouped_conv2d"
    assert call(near[:-1]) is None
    assert f"Did you mean {near}?" in capsys.readouterr().out


def test_the_part_behind_the_dot_is_enough(capsys):
    notebook.hint("grouped_conv2d")
    said = capsys.readouterr().out
    assert "resnext.grouped_conv2d: hint 1 of 3" in said and "Run the cell again for hint 2" in said


def test_a_cell_that_defines_another_name_is_told_though_the_old_one_is_still_there():
    lesson = Lesson(RIGHT)
    lesson.names["In"].append(f"# exercise: {CONV.id}\ndef my_conv(x):\n    return x")
    verdict, said = lesson.call(CHECK)
    assert verdict.stage == "run" and "does not define `grouped_conv2d`" in said
    lesson.names["In"].append("grouped_conv2d(x)\ngrouped_conv2d == 3")
    assert lesson.call(CHECK)[0].stage == "run"


def test_a_cell_that_was_split_is_two():
    lesson = Lesson(RIGHT)
    lesson.names["In"] += [f"# exercise: {CONV.id}\nimport math", RIGHT.split("\n", 1)[1]]
    assert lesson.call(CHECK)[0].passed


def test_begin_tells_where_one_stands(capsys):
    notebook.begin("02_resnext", " Ada ")
    said = capsys.readouterr().out
    mine = sum(e.lesson == "02_resnext" for e in all_exercises().values())
    assert "torch" in said and f"passed so far: 0 of {mine}" in said
    assert notebook._session["student"] == "Ada"
    progress.record("exercises", CONV.id, {"status": "passed", "tries": 1})
    notebook.begin("02_resnext")
    assert f"1 of {mine}" in capsys.readouterr().out
