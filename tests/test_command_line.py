"""`python -m convzoo VERB`: what it prints, and that no mistake of a user's is a traceback."""

import json
import os
import subprocess
import sys
import time
import types

import pytest
from convzoo import __main__ as line
from convzoo import commands
from convzoo.errors import NotAttempted
from convzoo.exercises import limit
from convzoo.exercises.model import Verdict
from convzoo.notebook.reading import parse, read
from convzoo.teach import check_file as report

LESSON = """# %% tags=["define"]
import math
import sys
import time
from convzoo import NotAttempted

# %% exercise="sample.double" tags=["define"]
# exercise: sample.double
def double(x):
    # your code here
    raise NotAttempted("sample.double")

# %% exercise="sample.half" tags=["define"]
# exercise: sample.half
def half(x):
    # your code here
    raise NotAttempted("sample.half")
"""
IDS = {"sample.double": "double", "sample.half": "half"}
KNOWN = {id: types.SimpleNamespace(id=id, name=name) for id, name in IDS.items()}
HALF = "def half(x):\n    return x / 2"


def judge(exercise, target) -> Verdict:
    """A small engine: double(3) is 6, half(3) is 1.5."""
    right = {"double": 6, "half": 1.5}[exercise.name]
    try:
        found = target(3)
    except NotAttempted:
        return Verdict(exercise.id, "not attempted")
    return Verdict(exercise.id, "passed" if found == right else "failed", "values")


def verdicts(double: str, half: str = HALF, seconds: float = 5, first: str = "") -> list[Verdict]:
    """The verdicts on a student's two cells, with an added cell before them."""
    script = (
        LESSON.split("# %% exercise")[0]
        + (f"# %%\n{first}\n\n" if first else "")
        + f'# %% exercise="sample.double"\n{double}\n\n'
        + f'# %% exercise="sample.half"\n{half}\n'
    )
    lesson, mine = (parse(text, "09_sample", ".py") for text in (LESSON, script))
    return report.verdicts(lesson, mine, KNOWN, judge, seconds)


def command(capfd, *words: str) -> tuple[int, str, str]:
    status = line.main([str(word) for word in words])
    out, err = capfd.readouterr()
    return status, out, err


def test_help_is_instant_and_lists_the_verbs():
    start = time.perf_counter()
    code = (
        "import sys; from convzoo.__main__ import main\n"
        "try: main(['--help'])\n"
        "finally: print([m for m in ('torch', 'nbformat', 'jupytext') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    print(f"--help: {time.perf_counter() - start:.2f} s")
    assert all(verb in said.stdout for verb in commands.VERBS)
    assert said.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["chekc", "x.ipynb"], "Did you mean check?"),
        (["zzz"], "Choose one of: doctor"),
        (["check"], "required: FILE"),
        (["check", "missing.ipynb"], "There is no file missing.ipynb"),
        (["check", "cut.ipynb"], "cut.ipynb is not a complete notebook"),
        (["check", "notes.txt"], "neither a notebook"),
        (["check", "other.py"], "contains no exercise of the course"),
        (["check", "."], "neither a notebook"),
        (["check", "other.py", "--jsn"], "--jsn"),
        (["hint", "resnext.grouped_conv"], "Did you mean resnext.grouped_conv2d?"),
        (["release"], "There is no solutions/NN_name.py"),
    ],
)
def test_a_mistake_is_one_sentence(words, sentence, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cut.ipynb").write_text('{"cells": [{"cell_type": "co')
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "other.py").write_text("print('hello')\n")
    (tmp_path / "lessons").mkdir()
    (tmp_path / "solutions").mkdir()
    status, out, err = command(capfd, *words)
    assert status == 2 and out == "" and sentence in err
    assert err.count("\n") == 1 and "Traceback" not in err


def test_without_a_verb_it_helps(capfd):
    with pytest.raises(SystemExit) as done:
        line.main([])
    assert done.value.code == 0 and "doctor" in capfd.readouterr().out


def test_exercises(capfd):
    status, out, err = command(capfd, "exercises", "--json")
    found = json.loads(out)
    assert status == 0 and err == ""
    entry = next(e for e in found if e["id"] == "resnext.grouped_conv2d")
    assert set(entry) == {"id", "lesson", "title", "points", "minutes", "wrong_answers"}
    assert entry["lesson"] == "02_resnext" and entry["wrong_answers"] >= 3
    status, out, err = command(capfd, "exercises")
    assert status == 0 and "resnext.grouped_conv2d" in out
    status, out, err = command(capfd, "exercises", "06_separable")
    assert status == 0 and "separable.block" in out and "resnext" not in out


def test_the_catalogue_of_misconceptions(capfd):
    status, out, err = command(capfd, "exercises", "separable", "--messages", "--json")
    found = {e["id"]: e for e in json.loads(out)}
    assert status == 0 and err == "" and len(found) == 5
    block = found["separable.block"]
    assert set(block) == {"id", "title", "mistakes"} and block["title"] == "MobileNet's block"
    assert block["mistakes"][0]["name"] == "no_middle_relu"
    assert block["mistakes"][0]["sentence"].startswith("There is no ReLU between")
    status, out, err = command(capfd, "exercises", "--messages")
    assert status == 0 and "separable.block: MobileNet's block" in out
    assert "  no_middle_relu: There is no ReLU between" in out and "resnext.block" in out
    assert all(len(text) <= 100 for text in out.splitlines())
    status, out, err = command(capfd, "exercises", "02_resnxt", "--messages")
    assert status == 2 and "Did you mean 02_resnext?" in err


def test_doctor(capfd):
    status, out, err = command(capfd, "doctor", "--json")
    found = json.loads(out)
    assert found and all(set(e) == {"check", "ok", "found", "advice"} for e in found)
    assert status == (0 if all(e["ok"] for e in found) else 1)
    assert command(capfd, "doctor")[1].strip()


def test_hints_open_one_at_a_time(capfd):
    numbers = []
    for _ in range(2):
        status, out, err = command(capfd, "hint", "resnext.grouped_conv2d", "--json")
        told = json.loads(out)
        assert status == 0 and err == "" and told["hint"]
        numbers.append(told["number"])
    assert numbers == [1, 2] and told["of"] >= 2
    assert "hint" in command(capfd, "hint", "resnext.grouped_conv2d")[1]


def test_untouched_and_right():
    assert [v.status for v in verdicts(*LESSON_STUBS)] == ["not attempted"] * 2
    found = verdicts("# exercise: sample.double\ndef double(x):\n    return 2 * x")
    assert [v.status for v in found] == ["passed", "passed"]


LESSON_STUBS = (
    'def double(x):\n    raise NotAttempted("sample.double")',
    'def half(x):\n    raise NotAttempted("sample.half")',
)


@pytest.mark.parametrize(
    "double, sentence",
    [
        ("def double(x) return 2 * x", "not valid Python"),
        ("def double(x):\nreturn 2", "in line 2: `return 2`"),
        ("(" * 500, "not valid Python"),
        ("1 / 0\ndef duoble(x):\n    return 2 * x", "Error: division by zero, in line 1"),
        ("while True: pass", "still running after 1 seconds"),
        ("import time\ntime.sleep(60)", "still running after 1 seconds"),
        ("raise SystemExit", "ends Python"),
        ("import sys\nsys.exit(3)", "ends Python"),
        ("exit()", "ends Python"),
        ("def double(x):\n    sys.exit()", "The call ends Python"),
        ("input('name?')", "EOFError"),
        ("def duoble(x):\n    return 2 * x", "does not define `double`"),
        ("double = 7", "does not define `double`"),
        ("x = 1\n" * 60_000, "at most 100000"),
        ("def f(): f()\nf()", "RecursionError"),
        ("raise BaseException('odd')", "BaseException: odd"),
    ],
)
def test_a_bad_cell_is_a_verdict_and_the_others_go_on(double, sentence, monkeypatch):
    monkeypatch.setattr(limit, "PATIENCE", 3)  # it sleeps in vain; see test_limit.py
    bad, good = verdicts(double, seconds=1)
    assert (bad.status, bad.stage, good.status) == ("failed", "run", "passed")
    assert sentence in bad.message and "\n" not in bad.message


@pytest.mark.parametrize(
    "around",
    ["1 / 0", "exit()", "while True: pass", "display(double(1))", "assert double(1) == 3", "!ls"],
)
@pytest.mark.parametrize("above", [True, False])
def test_what_fails_beside_a_right_answer_costs_nothing(around, above):
    answer = "def double(x):\n    return 2 * x"
    lines = [around, answer] if above else [answer, around]
    assert [v.status for v in verdicts("\n".join(lines), seconds=0.2)] == ["passed", "passed"]


def test_of_several_versions_one_that_passes_counts():
    later = "def double(x):\n    return 3 * x"
    found = verdicts('def double(x):\n    return 2 * x\n\n# %% exercise="sample.double"\n' + later)
    assert [v.status for v in found] == ["passed", "passed"]
    stub = "# exercise: sample.double\n" + LESSON_STUBS[0]
    found = verdicts(stub + "\n\n# %%\ndef double(x):\n    return 2 * x")
    assert [v.status for v in found] == ["passed", "passed"]


def test_a_deleted_cell_is_not_attempted():
    mine = parse(f'# %% exercise="sample.half"\n{HALF}\n', "mine", ".py")
    found = report.verdicts(parse(LESSON, "09_sample", ".py"), mine, KNOWN, judge)
    assert [v.status for v in found] == ["not attempted", "passed"]
    assert "no cell with this id" in found[0].message


def test_a_helper_that_does_not_run_is_told_and_one_that_does_serves():
    double = "def double(x):\n    return by(x)"
    good = verdicts(double, first="def by(x):\n    return 2 * x")
    assert good[0].status == "passed"
    bad = verdicts(double, first="from no_such_module import by")
    assert [v.status for v in bad] == ["failed", "passed"]
    assert "NameError" in bad[0].message and "'no_such_module'" in bad[0].message


def test_later_annotations_stay_strings():
    first = "from __future__ import annotations"
    found = verdicts("def double(x: NoSuchName) -> Nowhere:\n    return 2 * x", first=first)
    assert found[0].status == "passed"


def test_a_lesson_that_does_not_run_is_told_as_such():
    lesson = parse(LESSON.replace("import math", "import no_such_module"), "09_sample", ".py")
    with pytest.raises(report.UserError, match="no_such_module.*doctor"):
        report.verdicts(lesson, lesson, KNOWN, judge)


def test_nothing_a_student_prints_is_printed(capfd):
    noisy = "import os\nprint('loud')\nos.system('echo loud')\nos.write(1, b'loud')\n"
    found = verdicts(noisy + "def double(x):\n    print('loud')\n    return 2 * x")
    assert found[0].status == "passed"
    print("after")
    out, err = capfd.readouterr()
    assert out == "after\n" and "loud" not in err


def test_the_clean_lesson_is_the_pair_of_the_file_worked_in(tmp_path):
    spoilt = LESSON.replace("import math", "import mine")
    (tmp_path / "09_sample.py").write_text(LESSON)
    path = tmp_path / "copy" / "my work.py"
    path.parent.mkdir()
    path.write_text(spoilt)
    student = read(path)
    assert "import math" in report.clean_lesson(student, path, tmp_path).cells[0].source
    assert report.clean_lesson(student, path, tmp_path).name == "09_sample"
    own = tmp_path / "09_sample.py"
    assert report.clean_lesson(read(own), own, tmp_path) == read(own)
    assert report.clean_lesson(student, path, tmp_path / "nowhere") is student


def test_check_reports_and_exits_with_0(capfd, tmp_path, monkeypatch):
    path = tmp_path / "09_sample.py"
    path.write_text(LESSON.replace("def half(x):", "print('loud')\ndef half(x) return 1"))
    monkeypatch.setattr("convzoo.exercises.of_lesson", lambda lesson: KNOWN)
    monkeypatch.setattr("convzoo.exercises.assess", judge)
    status, out, err = command(capfd, "check", path, "--json")
    assert status == 0 and err == ""
    found = json.loads(out)
    assert [list(e) for e in found] == [["lesson", "id", "status", "stage", "message"]] * 2
    assert [e["status"] for e in found] == ["not attempted", "failed"]
    status, out, err = command(capfd, "check", path, path)
    assert status == 0 and out.count("0 of 2 passed") == 2 and "not valid Python" in out


def test_release_check_exits_with_1_where_something_differs(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("lessons", "solutions"):
        (tmp_path / folder).mkdir()
    (tmp_path / "solutions" / "09_sample.py").write_text("# %%\nprint(1)\n")
    status, out, err = command(capfd, "release", "--check", "--json")
    assert status == 1 and {e["file"] for e in json.loads(out)} == {
        "lessons/09_sample.ipynb",
        "lessons/09_sample.py",
        "solutions/09_sample.ipynb",
    }
    status, out, err = command(capfd, "release", "--json")
    assert status == 0 and len(json.loads(out)) == 3
    assert command(capfd, "release")[1] == "Nothing has changed.\n"
    assert command(capfd, "release", "--check")[:2] == (0, "Nothing differs.\n")


def test_a_reader_that_has_read_enough_is_no_error():
    words = [sys.executable, "-m", "convzoo", "exercises"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 0 and err == b"", os.fsdecode(err)
