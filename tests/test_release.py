"""From a source to lesson and solution: stubs, ids, idempotence, --check, leaks."""

import json
import os
import shutil
from pathlib import Path

import pytest
from convzoo import UserError
from convzoo.notebook.cells import Notebook
from convzoo.notebook.reading import read
from convzoo.teach import execution, regions, release

SOURCE = '''# %% [markdown] slideshow={"slide_type": "slide"}
# # A sample
# A line with $x$ and a picture: ![a square](../figures/square.svg)

# %% tags=["define"]
import math

# %% exercise="sample.double" tags=["define"]
# exercise: sample.double
class Double:
    def __init__(self):
        ### BEGIN SOLUTION
        self.secret_factor = 1 + 1
        ### END SOLUTION

    def forward(self, x):
        """Twice x."""
        ### BEGIN SOLUTION
        doubled = x * self.secret_factor
        return doubled
        ### END SOLUTION

# %% tags=["answer"]
print("only in the solution's notebook")

# %% tags=["nbval-check-output"]
import os
print(os.path.basename(os.getcwd()), os.environ["CONVZOO_PREDICT"])

# %% [markdown]
# ## Questions

# %% question="sample.count"
# question: sample.count
### BEGIN SOLUTION
answer = 1152
### END SOLUTION
print("asked", answer)

# %% [markdown] free="sample.why"
# **Why?**
#
# ### BEGIN SOLUTION
# Because two is the secret factor of it all.
# ### END SOLUTION

# %% student="name"
# student: put your name between the quotes
name = ""
'''


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A course of one small lesson, released once."""
    root = tmp_path_factory.mktemp("course")
    for folder in ("lessons", "solutions"):
        (root / folder).mkdir()
    (root / "solutions" / "09_sample.py").write_text(SOURCE)
    assert release.make_lessons(root) == [
        "lessons/09_sample.ipynb",
        "lessons/09_sample.py",
        "solutions/09_sample.ipynb",
    ]
    return root


@pytest.fixture
def course(made, tmp_path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(made, tmp_path / "course"))


def files(root: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(root.glob("*/*_*")) if p.is_file()}


def cells(path: Path) -> dict[str, dict]:
    data = json.loads(path.read_text())
    return {c["id"]: c | {"source": "".join(c["source"])} for c in data["cells"]}


def test_a_lesson_has_stubs_and_no_outputs(made):
    lesson = cells(made / "lessons/09_sample.ipynb")
    assert list(lesson) == [
        "a-sample-1",
        "a-sample-2",
        "sample-double",
        "a-sample-3",
        "questions-1",
        "sample-count",
        "sample-why",
        "name",
    ]
    assert (
        lesson["sample-double"]["source"]
        == '''# exercise: sample.double
class Double:
    def __init__(self):
        # your code here
        raise NotAttempted("sample.double")

    def forward(self, x):
        """Twice x."""
        # your code here
        raise NotAttempted("sample.double")'''
    )
    assert lesson["sample-double"]["metadata"] == {
        "exercise": "sample.double",
        "tags": ["define", "raises-exception"],
    }
    question = lesson["sample-count"]["source"]
    assert "\nanswer = ...  # your answer in place of the dots\n" in question
    assert lesson["sample-why"]["source"] == "**Why?**\n\n*Your answer here.*"
    code = [c for c in lesson.values() if c["cell_type"] == "code"]
    assert all(c["outputs"] == [] and c["execution_count"] is None for c in code)
    data = json.loads((made / "lessons/09_sample.ipynb").read_text())
    assert "jupytext" not in data["metadata"]
    assert data["metadata"]["kernelspec"]["name"] == "python3"


def test_a_solution_is_executed_in_its_folder_and_keeps_the_answers(made):
    solution = cells(made / "solutions/09_sample.ipynb")
    assert solution["a-sample-3"]["outputs"][0]["text"] == ["solutions skip\n"]
    assert "only in the" in solution["a-sample-answer-1"]["outputs"][0]["text"][0]
    assert solution["sample-why"]["source"].endswith("Because two is the secret factor of it all.")
    assert "SOLUTION" not in solution["sample-why"]["source"]
    text = (made / "solutions/09_sample.ipynb").read_text()
    assert "iopub" not in text and "shell.execute_reply" not in text
    assert set(json.loads(text)["metadata"]) == {"kernelspec", "language_info", "convzoo"}


def test_notebooks_are_valid_and_their_pairs_agree(made):
    nbformat = pytest.importorskip("nbformat")
    for folder in ("lessons", "solutions"):
        nbformat.validate(json.loads((made / folder / "09_sample.ipynb").read_text()))
    notebook, script = (read(made / f"lessons/09_sample.{e}") for e in ("ipynb", "py"))
    assert _plain(notebook) == _plain(script)


def _plain(notebook: Notebook) -> list:
    return [(c.kind, c.source, c.metadata) for c in notebook.cells]


def test_a_second_release_changes_no_byte_and_runs_nothing(course, monkeypatch):
    before = files(course)
    monkeypatch.setattr(release, "execute", None)
    assert release.make_lessons(course) == []
    assert files(course) == before and release.differences(course) == []


def test_text_alone_is_no_reason_to_run(course, monkeypatch):
    path = course / "solutions/09_sample.py"
    path.write_text(path.read_text().replace("A line with", "Another line with"))
    monkeypatch.setattr(release, "execute", None)
    assert len(release.differences(course)) == 3
    assert len(release.make_lessons(course)) == 3
    assert cells(course / "solutions/09_sample.ipynb")["a-sample-3"]["outputs"]


@pytest.mark.parametrize("how", ["source changed", "force", "notebook edited"])
def test_changed_code_is_run_again(how, course, monkeypatch):
    ran = []
    monkeypatch.setattr(release, "execute", lambda nb, folder: ran.append(folder) or nb)
    path = course / "solutions/09_sample.py"
    if how == "source changed":
        path.write_text(path.read_text().replace("1 + 1", "3 - 1"))
    if how == "notebook edited":
        nb = course / "solutions/09_sample.ipynb"
        nb.write_text(nb.read_text().replace("answer = 1152", "answer = 1153"))
    release.make_lessons(course, force=how == "force")
    assert ran == [course / "solutions"]


def _edit(path: Path, change) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    "change, cell, what",
    [
        (lambda d: d["cells"][1].update(source="import os"), "a-sample-2", "source differs"),
        (lambda d: d["cells"][0].update(cell_type="raw"), "a-sample-1", "type differs"),
        (lambda d: d["cells"][2]["metadata"].update(tags=[]), "sample-double", "metadata differs"),
        (lambda d: d["cells"][2].update(id="x"), "sample-double", "cells are missing"),
        (lambda d: d["cells"].pop(), "name", "cells are missing"),
        (lambda d: d["metadata"].update(jupytext={}), "", "notebook metadata differ"),
    ],
)
def test_check_tells_what_differs(change, cell, what, course):
    path = course / "lessons/09_sample.ipynb"
    _edit(path, change)
    (found,) = release.differences(course)
    assert found["file"] == "lessons/09_sample.ipynb" and found["cell"] == cell
    assert found["what"].startswith(what)


def test_check_looks_at_no_output(course):
    for folder in ("lessons", "solutions"):
        path = course / folder / "09_sample.ipynb"
        _edit(path, lambda d: d["cells"][1].update(outputs=[], execution_count=99))
    assert release.differences(course) == []


def test_check_sees_missing_stray_broken_and_stale_files(course):
    (course / "lessons/09_sample.ipynb").write_text("{")
    (course / "lessons/08_stray.py").write_text("# %%\nx = 1\n")
    script = course / "lessons/09_sample.py"
    script.write_text(script.read_text().replace("A line", "The line"))
    (course / "solutions/09_sample.ipynb").unlink()
    found = {entry["file"]: entry["what"] for entry in release.differences(course)}
    assert found == {
        "lessons/09_sample.ipynb": "is missing or cannot be read",
        "solutions/09_sample.ipynb": "is missing or cannot be read",
        "lessons/09_sample.py": "differs from line 15 on",
        "lessons/08_stray.py": "has no source in solutions/",
    }


def test_a_crash_leaves_the_old_files(course, monkeypatch):
    before = files(course)
    path = course / "solutions/09_sample.py"
    path.write_text(path.read_text().replace("1 + 1", "1 // 0"))
    path.write_text(path.read_text() + "1 / 0\n")
    with pytest.raises(UserError, match="cell name raised ZeroDivisionError"):
        release.make_lessons(course)
    assert files(course) == before | {path.name: path.read_bytes()}

    monkeypatch.setattr(release, "execute", lambda nb, folder: nb)
    monkeypatch.setattr(os, "replace", _crash)
    with pytest.raises(OSError):
        release.make_lessons(course)
    assert files(course) == before | {path.name: path.read_bytes()}
    assert not list(course.glob("*/.part-*"))


@pytest.mark.parametrize("suffix", [".ipynb", ".py"])
def test_nobodys_answer_is_overwritten_unasked(suffix, course, monkeypatch):
    path = course / f"lessons/09_sample{suffix}"
    text = path.read_text()
    for quote in ('"', '\\"'):
        text = text.replace(f"raise NotAttempted({quote}sample.double{quote})", "pass")
    path.write_text(text)
    with pytest.raises(UserError, match="contains an answer to sample.double.*--force"):
        release.make_lessons(course)
    assert path.read_text() == text
    monkeypatch.setattr(release, "execute", lambda nb, folder: nb)
    assert f"lessons/{path.name}" in release.make_lessons(course, force=True)


def _crash(*args):
    raise OSError("the disk is gone")


def test_no_line_of_an_answer_is_given_to_a_student(made):
    assert leaks(made, made / "lessons") == []
    lesson = made / "lessons/09_sample.py"
    text = lesson.read_text()
    lesson.write_text(text + "doubled   =   x*self.secret_factor\n")
    try:
        assert [line for line, _ in leaks(made, made / "lessons")] == [
            "doubled = x * self.secret_factor"
        ]
    finally:
        lesson.write_text(text)


def test_no_line_of_an_answer_stands_under_lessons(root):
    assert leaks(root, root / "lessons") == []


TRIVIAL = 12  # characters that are not blank


def leaks(root: Path, folder: Path) -> list[tuple[str, str]]:
    """Lines of answers that a file of the folder contains, with the file's name.

    Not those that the lesson itself gives away, because its source has them outside every answer.
    """
    answers: set[str] = set()
    given: set[str] = set()
    for path in sorted(root.glob("solutions/[0-9][0-9]_*.py")):
        for cell in read(path).cells:
            secret = regions.answer_lines(cell)
            answers |= {line.strip() for line in secret}
            if "answer" not in cell.tags:
                given |= {_dense(line) for line in regions.stub(cell).source.split("\n")}
    secrets = {a for a in answers if len(_dense(a)) >= TRIVIAL and _dense(a) not in given}
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".py", ".ipynb", ".md")):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = "\n".join(cell.source for cell in read(path).cells)
        lines = {_dense(line) for line in text.split("\n")}
        found += [(a, path.name) for a in sorted(secrets) if _dense(a) in lines]
    return found


def _dense(line: str) -> str:
    return "".join(line.split())


def test_check_lists_all_that_breaks_a_rule(course):
    path = course / "solutions/09_sample.py"
    path.write_text(SOURCE + "\n# %%\n" + "x" * 80 + '\n\n# %% odd="1"\ny = 1\n')
    found = release.differences(course)
    assert [entry["file"] for entry in found] == ["solutions/09_sample.py"] * 2
    assert "line 1: The line has 80 columns" in found[0]["what"] and "'odd'" in found[1]["what"]
    with pytest.raises(UserError, match="lists all 2"):
        release.make_lessons(course)


def test_exercises_of_the_catalogue_and_of_the_lessons_are_the_same(root):
    from convzoo.exercises import all_exercises

    sources = [read(path) for path in sorted(root.glob("solutions/[0-9][0-9]_*.py"))]
    held = [(nb.name, id) for nb in sources for id in nb.ids()]
    names = {nb.name for nb in sources}
    assert held == [(e.lesson, e.id) for e in all_exercises().values() if e.lesson in names]


def test_the_pairs_of_this_course_agree(root):
    if not list(root.glob("solutions/[0-9][0-9]_*.py")):
        pytest.fail("solutions/ holds no source of a lesson")
    assert release.differences(root) == []


def test_a_widget_with_a_picture_is_kept_as_the_picture():
    view = {execution.VIEW: {"model_id": "1"}}
    both = {execution.VIEW: {}, "text/html": "<img alt='a'>"}
    bare = {"cells": [_ran(None)], "metadata": {}}
    state = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}}
    for data, kept in ((both, False), (view, True)):
        executed = {"cells": [_ran(dict(data))], "metadata": dict(state)}
        tidy = execution.tidy(bare, executed)
        assert (execution.VIEW in tidy["cells"][0]["outputs"][0]["data"]) is kept
        assert ("widgets" in tidy["metadata"]) is kept


def _ran(data) -> dict:
    outputs = [{"output_type": "display_data", "data": data}] if data else []
    return {"cell_type": "code", "source": "x", "outputs": outputs, "execution_count": 1}
