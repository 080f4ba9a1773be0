"""The places and systems in which people open notebooks, as near as one can come to them here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from convzoo.exercises import progress
from convzoo.place import COURSE

pytestmark = pytest.mark.slow
LIBRARY = COURSE / "lessons"
ANSWER = """\
def block_diagonal(blocks):
    g, r, c = blocks.shape
    out = blocks.new_zeros(g * r, g * c)
    for i in range(g):
        out[i * r : (i + 1) * r, i * c : (i + 1) * c] = blocks[i]
    return out
"""
CHECKED = f"""\
from convzoo import begin, check, use
device = begin("02_resnext", "Ada")
check("resnext.block_diagonal")
{ANSWER}
first = check("resnext.block_diagonal")
{ANSWER.replace("= blocks[i]", "= blocks[0]")}
second = check("resnext.block_diagonal")
print("VERDICTS", first.status, second.status)
"""
LESSON = f"""\
{CHECKED}
def block_diagonal(blocks):
    while True:
        pass
from convzoo.exercises import judge
judge.SECONDS = 1.0
third = check("resnext.block_diagonal")
print("VERDICTS", first.status, second.status, third.status)
"""
WINDOWS = """\
import builtins, os, signal, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for module, names in ((signal, ("SIGALRM", "setitimer", "SIGKILL")), (os, ("fork", "killpg"))):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
import time
for name in ("pthread_getcpuclockid", "clock_gettime"):
    if hasattr(time, name):
        delattr(time, name)
"""


def python(code: str, *flags: str, cwd: Path = LIBRARY, **environment: str):
    """Run code in a Python of its own; returns the finished process."""
    names = {"PYTHONPATH": str(LIBRARY), "CONVZOO_HOME": "", **environment}
    words = [sys.executable, *flags, "-c", code]
    return subprocess.run(
        words, cwd=cwd, env=os.environ | names, capture_output=True, text=True, timeout=300
    )


def test_a_lesson_is_checked_without_what_windows_lacks(tmp_path):
    done = python(WINDOWS + LESSON, CONVZOO_HOME=str(tmp_path))
    assert "VERDICTS passed failed failed" in done.stdout, done.stderr[-2000:]
    assert "still running" in done.stdout


def test_what_needs_linux_says_so_and_nothing_else_is_lost(tmp_path):
    (tmp_path / "in" / "ada").mkdir(parents=True)
    shutil.copy(LIBRARY / "02_resnext.ipynb", tmp_path / "in" / "ada")
    grade = WINDOWS + "from convzoo.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    words = ["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", grade, *words],
        env=os.environ | {"PYTHONPATH": str(LIBRARY)},
        cwd=COURSE,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "Grading needs Linux. On Windows, run it inside WSL2." in done.stderr


def test_with_asserts_left_out_every_verdict_is_the_same(tmp_path):
    done = python(LESSON, "-O", CONVZOO_HOME=str(tmp_path))
    assert "VERDICTS passed failed failed" in done.stdout, done.stderr[-2000:]


@pytest.mark.parametrize("home", ["missing", "a file"])
def test_a_home_that_cannot_be_used_stops_no_lesson(home, tmp_path):
    place = tmp_path / "no" / "home"
    if home == "a file":
        place.parent.write_text("this is no folder")
    done = python(CHECKED, HOME=str(place), USERPROFILE=str(place), XDG_CACHE_HOME=str(place))
    assert "VERDICTS passed failed" in done.stdout, done.stderr[-2000:]


def test_two_kernels_that_write_at_once_lose_nothing(convzoo_home):
    code = (
        "import sys\nfrom convzoo.exercises import progress\n"
        "for i in range(40): progress.record('hints', f'{sys.argv[1]}{i}', 1)"
    )
    words = [sys.executable, "-c", code]
    here = os.environ | {"PYTHONPATH": str(LIBRARY), "CONVZOO_HOME": str(convzoo_home)}
    kernels = [subprocess.Popen([*words, name], env=here) for name in "ab"]
    assert [kernel.wait(120) for kernel in kernels] == [0, 0]
    assert set(progress.load()["hints"]) == {f"{n}{i}" for n in "ab" for i in range(40)}


def test_a_lock_that_a_killed_kernel_left_delays_and_loses_nothing(convzoo_home, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.1)
    (convzoo_home / "progress.lock").mkdir(parents=True)
    progress.record("hints", "a", 1)
    assert progress.load()["hints"] == {"a": 1} and not (convzoo_home / "progress.lock").exists()


def test_a_checkout_with_crlf_reads_the_same(tmp_path):
    from convzoo.notebook.reading import read

    for suffix in (".ipynb", ".py"):
        path = LIBRARY / f"02_resnext{suffix}"
        text = path.read_bytes()
        assert b"\r" not in text
        (tmp_path / path.name).write_bytes(text.replace(b"\n", b"\r\n"))
        old, new = read(path).cells, read(tmp_path / path.name).cells
        assert [cell.source for cell in old] == [cell.source for cell in new]


def test_a_folder_with_blanks_umlauts_and_an_apostrophe_is_a_folder(tmp_path):
    odd = tmp_path / "Anna's Übung 1"
    shutil.copytree(
        LIBRARY / "convzoo",
        odd / "lessons" / "convzoo",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copytree(COURSE / "figures", odd / "figures")
    home = odd / "a home"
    done = python(
        CHECKED, cwd=odd / "lessons", PYTHONPATH=str(odd / "lessons"), CONVZOO_HOME=str(home)
    )
    assert "VERDICTS passed failed" in done.stdout, done.stderr[-2000:]
    assert (home / "progress.json").exists()


def test_a_solution_exported_to_html_has_its_pictures_where_sliders_were():
    """It needs neither a kernel nor the script of a widget."""
    from nbconvert import HTMLExporter

    path = COURSE / "solutions" / "02_resnext.ipynb"
    notebook = nbformat.read(path, as_version=4)
    sliders = sum("show.widgets.Explorer(" in cell.source for cell in notebook.cells)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    assert html.count('class="convzoo-still"') >= sliders > 3
    assert "application/vnd.jupyter.widget-view+json" not in html
