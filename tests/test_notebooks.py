"""Every lesson: nbval on the solution, and on the untouched notebook where no Chromium can run it
in JupyterLab (see test_browser.py); the verdicts of both, alt text for every picture.

A lesson joins by being there. A check never raises, so a notebook that runs proves
nothing of its answers: what the checks said is read from the student's progress file.
"""

import json
import re
import subprocess
import sys
import time
from html.parser import HTMLParser

import pytest
from convzoo.notebook.reading import read
from convzoo.teach.pdf import chromium
from convzoo.teach.regions import unmarked
from lesson_runs import NAMES, ROOT, each_lesson, environment, exercises, progress

EXECUTED = {"solutions": "passed"} | ({} if chromium() else {"lessons": "not attempted"})
TARGET = 45  # seconds for a solution on two cores; printed, never asserted


def test_there_is_a_lesson():
    assert NAMES
    assert [path.stem for path in sorted(ROOT.glob("lessons/[0-9][0-9]_*.ipynb"))] == NAMES


@each_lesson
@pytest.mark.slow
@pytest.mark.parametrize("folder, status", EXECUTED.items())
def test_nbval_runs_every_cell_and_the_checks_say_what_they_should(
    folder, status, name, tmp_path, capsys
):
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "nbval.plugin",
        "-p",
        "no:cacheprovider",
        "--nbval-lax",
        "--nbval-current-env",
        "--nbval-cell-timeout=120",
        f"{folder}/{name}.ipynb",
    ]
    start = time.perf_counter()
    # The untouched lesson runs as "Run All" does it, with no guess made: nothing may need one.
    asking = {"CONVZOO_PREDICT": ""} if folder == "lessons" else {}
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=environment(tmp_path) | alone | asking,
        capture_output=True,
        text=True,
        timeout=600,
    )
    seconds = time.perf_counter() - start
    with capsys.disabled():
        of = f" (target for the solution: {TARGET} s)" if folder == "solutions" else ""
        print(f"\n{folder}/{name}.ipynb: {seconds:.1f} s under nbval, kernel included{of}")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    code = sum(c.kind == "code" for c in read(ROOT / folder / f"{name}.ipynb").cells)
    assert f"{code} passed" in done.stdout
    assert progress(tmp_path) == dict.fromkeys(exercises(name), status)


@each_lesson
def test_the_solution_answers_its_questions_right(name):
    cells = json.loads((ROOT / "solutions" / f"{name}.ipynb").read_text())["cells"]
    asked = [c for c in cells if "".join(c["source"]).startswith("# question:")]
    said = ["".join(c["outputs"][-1]["data"]["text/plain"]).split("\n")[0] for c in asked]
    assert asked and all(words.endswith(": right") for words in said), said


@each_lesson
def test_check_reports_the_untouched_lesson_and_the_solution(name, capfd):
    from convzoo.__main__ import main

    for path, status in (
        (f"lessons/{name}.ipynb", "not attempted"),
        (f"lessons/{name}.py", "not attempted"),
        (f"solutions/{name}.ipynb", "passed"),
        (f"solutions/{name}.py", "passed"),
    ):
        assert main(["check", str(ROOT / path), "--json"]) == 0
        found = json.loads(capfd.readouterr().out)
        assert {entry["id"]: entry["status"] for entry in found} == dict.fromkeys(
            exercises(name), status
        ), path
        assert {entry["lesson"] for entry in found} == {name}


@each_lesson
def test_exact_numbers_are_there_to_be_compared(name):
    """nbval compares nothing, and says nothing, where a marked cell has no output."""
    marked = [c for c in nodes("solutions", name) if "nbval-check-output" in tags(c)]
    assert marked and all(c["outputs"] for c in marked), [c["id"] for c in marked]


@each_lesson
def test_the_untouched_lesson_has_no_outputs_and_the_solution_no_error(name):
    for cell in nodes("lessons", name):
        assert not cell.get("outputs") and cell.get("execution_count") is None
    kinds = {o["output_type"] for c in nodes("solutions", name) for o in c.get("outputs", [])}
    assert kinds and "error" not in kinds


@each_lesson
def test_a_lesson_imports_neither_ipython_nor_ipywidgets(name):
    for cell in read(ROOT / "solutions" / f"{name}.py").cells:
        if cell.kind == "code":
            assert not re.search(r"^\s*(import|from) (IPython|ipywidgets)", cell.source, re.M)
            assert not re.search(r"^\s*[%!]", cell.source, re.M)


def nodes(folder: str, name: str) -> list[dict]:
    return json.loads((ROOT / folder / f"{name}.ipynb").read_text())["cells"]


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


# --- words for every picture ----------------------------------------------------

MARKDOWN_IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<target>[^)\s]+)[^)]*\)", re.DOTALL)


class Pictures(HTMLParser):
    """Finds the pictures of an HTML text: (what, its words, where it lies)."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self._svg = 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        has = {key: value or "" for key, value in attributes}
        if tag == "img":
            self.found.append(("img", has.get("alt", ""), has.get("src", "")))
        elif tag == "svg":
            if not self._svg and has.get("aria-hidden") != "true":
                words = has.get("aria-label", "") if has.get("role") == "img" else ""
                self.found.append(("svg", words, ""))
            self._svg += 1
        elif tag in ("canvas", "iframe", "object", "embed"):
            self.found.append((tag, has.get("aria-label", ""), ""))

    def handle_endtag(self, tag):
        self._svg -= tag == "svg"


def in_markdown(text: str) -> list[tuple[str, str, str]]:
    images = [("image", m["alt"], m["target"]) for m in MARKDOWN_IMAGE.finditer(text)]
    return images + Pictures(MARKDOWN_IMAGE.sub("", text)).found


@each_lesson
def test_every_picture_of_the_text_has_words_and_is_there(name):
    for cell in map(unmarked, read(ROOT / "solutions" / f"{name}.py").cells):
        if cell.kind != "markdown":
            continue
        for what, words, target in in_markdown(cell.source):
            assert len(words.split()) >= 3, f"{what} {target} has no words: {cell.source[:60]}"
            if target:
                assert not re.match(r"\w+:", target), f"{target} is not in the course's folder"
                assert (ROOT / "lessons" / target).is_file(), f"{target} is not there"


@each_lesson
def test_every_picture_of_the_outputs_has_words(name):
    seen = 0
    for cell in nodes("solutions", name):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            bare = [kind for kind in data if kind.startswith("image/")]
            assert not bare, f"{cell['id']}: front ends drop the alt text of {bare}"
            for what, words, _ in Pictures("".join(data.get("text/html", ""))).found:
                assert words.strip(), f"{cell['id']}: {what} without words"
                seen += 1
    assert seen


@pytest.mark.parametrize(
    "text, words",
    [
        ("![a b\nc](../x.svg) and ![](y.png)", ["a b\nc", ""]),
        ('<img src="x"> <img alt="a" src="x">', ["", "a"]),
        ('<svg role="img" aria-label="a"><svg></svg></svg>', ["a"]),
        ('<svg aria-label="a"></svg>', [""]),
        ('<svg aria-hidden="true"></svg>', []),
    ],
)
def test_the_search_for_pictures_finds_them(text, words):
    assert [found[1] for found in in_markdown(text)] == words
