"""The rules that a source keeps: its regions, exercises and metadata, and the size of its cells."""

import pytest
from convzoo import UserError
from convzoo.notebook.cells import Cell, Notebook
from convzoo.teach import regions


def cell(text: str, kind: str = "code", **metadata) -> Cell:
    return Cell(kind, text, metadata)


REGION = "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"
EXERCISE = {"exercise": "a.b", "tags": ["define"]}
BAD = {
    "no END": (cell("# exercise: a.b\n### BEGIN SOLUTION\nx = 1", **EXERCISE), 2, "has no END"),
    "no BEGIN": (
        cell("# exercise: a.b\n### END SOLUTION", **EXERCISE),
        2,
        "BEGIN SOLUTION must come next",
    ),
    "nested": (
        cell("# exercise: a.b\n### BEGIN SOLUTION\n### BEGIN SOLUTION", **EXERCISE),
        3,
        "must come next",
    ),
    "no region": (cell("# exercise: a.b\nx = 1", **EXERCISE), 1, "has no answer"),
    "nobody's": (cell(REGION), 1, "without an exercise"),
    "first line": (cell(f"# exercise: a.c\n{REGION}", **EXERCISE), 1, "`# exercise: a.b`"),
    "no first line": (cell(REGION, **EXERCISE), 1, "`# exercise: a.b`"),
    "no metadata": (cell(f"# exercise: a.b\n{REGION}"), 1, "metadata do not"),
    "no define": (cell(f"# exercise: a.b\n{REGION}", exercise="a.b"), 1, "define"),
    "unknown id": (
        cell(f"# exercise: a.x\n{REGION}", exercise="a.x", tags=["define"]),
        1,
        "no exercise a.x",
    ),
    "typing error": (cell("x = 1", exersise="a.b"), 1, "'exersise'"),
    "stub": (
        cell("# exercise: a.b\nx = (\n### BEGIN SOLUTION\n1)\n### END SOLUTION", **EXERCISE),
        3,
        "does not parse",
    ),
    "too long": (cell("\n".join(["x = 1"] * 16)), 16, "16 lines"),
    "long text": (cell("\n".join(["word"] * 16), "markdown"), 16, "16 lines"),
    "too wide": (cell("x = 1\n" + "y" * 80), 2, "80 columns"),
    "wide text": (cell("word " * 16, "markdown"), 1, "82 columns"),
    "wide exercise": (cell(f"# exercise: a.b\n{REGION}\n{'y' * 80}", **EXERCISE), 5, "80 columns"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_source_that_breaks_a_rule_is_told_with_cell_and_line(name):
    bad, line, what = BAD[name]
    with pytest.raises(UserError, match=rf"09_x, cell 2 \(.*\), line {line}: .*{what}"):
        regions.validate(Notebook("09_x", (cell("y = 1"), bad)), {"a.b"})


def test_what_the_rules_let_through():
    long = "\n".join(["x = 1"] * 40)
    good = (
        cell(f"# exercise: a.b\n{REGION}\n{long}", **EXERCISE),
        cell("![" + "words " * 30 + "](../figures/x.svg)", "markdown"),
        cell("| a table" * 20, "markdown"),
        cell("# student: your name\nname = ''", student="name"),
    )
    regions.validate(Notebook("09_x", good), {"a.b"})
    regions.validate(Notebook("09_x", good), None)
    with pytest.raises(UserError, match="exercise a.b is in 2 cells"):
        regions.validate(Notebook("09_x", (good[0], good[0])))
