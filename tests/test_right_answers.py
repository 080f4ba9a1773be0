"""What passes `check` in a student's own notebook gets its points, whatever is around it.

All odd notebooks are executed in one real kernel, which forgets everything between two of them,
and graded in one sandbox, with a fork for each exercise; then the two are compared.
"""

import json
import os

import pytest

pytest.importorskip("joblib")

import nbformat
from convzoo.exercises import all_exercises, assess
from convzoo.notebook.reading import parse
from convzoo.teach import check_file
from grading import ALONE, grade, one_sandbox, result
from made_class import BLOCKS, CONV, LESSON, ROOT, clean, full
from made_odd import Book, odd
from nbclient import NotebookClient

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
# %reset collects garbage twice, each time among all that torch has imported: half a second.
FORGET = """
import gc
gc.freeze()
%reset -f
from convzoo import place
(place.home() / "progress.json").unlink(missing_ok=True)
"""
REPORT = """
import json
from convzoo.exercises import progress
print("REPORT", json.dumps(progress.load()["exercises"]))
"""


def notebook(one) -> list[dict]:
    book = Book()
    one.edit(book)
    return book.cells


@pytest.fixture(scope="module")
def in_a_kernel(tmp_path_factory) -> list[set[str]]:
    """The exercises that pass in each notebook, executed from top to bottom."""
    texts = [
        source
        for one in odd()
        for source in (
            FORGET,
            *(c["source"] for c in notebook(one) if c["cell_type"] == "code"),
            REPORT,
        )
    ]
    cells = [nbformat.v4.new_code_cell(text) for text in texts]
    client = NotebookClient(
        nbformat.v4.new_notebook(cells=cells),
        kernel_name="python3",
        timeout=300,
        allow_errors=True,
        resources={"metadata": {"path": str(ROOT / "lessons")}},
    )
    home = str(tmp_path_factory.mktemp("home"))
    node = client.execute(
        env=os.environ | {"CONVZOO_HOME": home, "PYTHONPATH": str(ROOT / "lessons")}
    )
    # A line that is printed may arrive in two pieces.
    texts = [
        "".join(o.get("text", "") for o in c.outputs) for c in node.cells if c.source == REPORT
    ]
    reports = [json.loads(text.split("REPORT", 1)[1]) for text in texts]
    return [{id for id, r in found.items() if r["status"] == "passed"} for found in reports]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    place, out = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("out")
    for one in odd():
        path = place / one.name / f"{LESSON}.ipynb"
        path.parent.mkdir()
        nb = {"cells": notebook(one), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        path.write_text(json.dumps(nb))
    with one_sandbox():
        grade(place, out, ALONE)
    return out


def test_a_kernel_agrees_with_what_is_said_here(in_a_kernel):
    expected = {o.name: set(o.passes) for o in odd()}
    assert dict(zip(expected, in_a_kernel, strict=True)) == expected


@pytest.mark.parametrize("one", odd(), ids=lambda o: o.name)
def test_what_passes_in_a_kernel_gets_its_points(one, graded):
    found = result(graded, one.name)
    earned = {i["id"]: i["earned"] for i in found["items"]}
    points = {id: full()[id] if id in one.passes + one.generous else 0 for id in (BLOCKS, CONV)}
    assert {id: earned[id] for id in points} == points, found
    messages = [*found["flags"], *(i["message"] for i in found["items"])]
    assert any(one.says in text for text in messages)


@pytest.mark.parametrize("one", odd(), ids=lambda o: o.name)
def test_check_of_the_file_says_the_same(one):
    text = json.dumps({"cells": notebook(one), "metadata": {}, "nbformat": 4})
    known = {id: all_exercises()[id] for id in (BLOCKS, CONV)}
    found = check_file.verdicts(clean(), parse(text, LESSON), known, assess, seconds=1)
    assert {v.id for v in found if v.passed} == set(one.passes + one.generous), found
