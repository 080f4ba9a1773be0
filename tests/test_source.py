"""Reading lessons and what students hand in: roles, copies, added cells, hostile files."""

import json

import pytest
from convzoo import UserError
from convzoo.notebook import reading
from convzoo.notebook.cells import Cell, Notebook, plain, syntax, with_ids
from convzoo.run_cell import execute
from convzoo.teach.student_cells import Copy, attempted

LESSON = """# ---
# jupyter: {kernelspec: {name: python3}}
# ---

# %% [markdown]
# # A sample
# Text.

# %% tags=["define"]
import math

# %%
print(math.pi)

# %% exercise="sample.double" tags=["define"]
# exercise: sample.double
def double(x):
    # your code here
    raise NotAttempted("sample.double")

# %% tags=["define"]
def twice(x):
    return double(double(x))

# %% exercise="sample.half" tags=["define"]
# exercise: sample.half
def half(x):
    # your code here
    raise NotAttempted("sample.half")

# %% question="sample.ask"
# question: sample.ask
answer = ...
ask("sample.ask", answer)

# %% [markdown] free="sample.why"
# *Your answer here.*

# %% student="name"
# student: your name
begin("09_sample", student="")
"""
LESSON_NB = with_ids(reading.parse(LESSON, "09_sample", ".py"))
DOUBLE = "# exercise: sample.double\ndef double(x):\n    return 2 * x"
HALF = "# exercise: sample.half\ndef half(x):\n    return x / 2"


def student(*changes: Cell, insert_at: int | None = None) -> Notebook:
    """The lesson with a student's cells: in the place of the one they answer, or inserted."""
    cells = list(LESSON_NB.cells)
    for cell in changes:
        if insert_at is not None:
            cells.insert(insert_at, cell)
            insert_at += 1
        else:
            place = next(i for i, c in enumerate(cells) if c.owner == cell.owner)
            cells[place] = cell
    return Notebook("mine", tuple(cells))


def code(text: str, **metadata) -> Cell:
    return Cell("code", text, metadata)


def ipynb(*cells: dict, **more) -> str:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, **more})


def run(student_nb: Notebook) -> dict:
    return executed(Copy(LESSON_NB, student_nb).all_cells())


def executed(cells: list[Cell]) -> dict:
    names: dict = {"NotAttempted": NotImplementedError}
    for cell in cells:
        execute(plain(cell.source), "<cell>", names)
    return names


def tried(student_nb: Notebook, id: str) -> dict:
    """The names that are there when the first version of an exercise is tried."""
    copy = Copy(LESSON_NB, student_nb)
    return executed(copy.cells_for(copy.versions(id)[0], copy.name_of(id)))


def test_roles_come_from_the_metadata():
    owners = [cell.owner for cell in LESSON_NB.cells if cell.role]
    assert owners == [
        ("exercise", "sample.double"),
        ("exercise", "sample.half"),
        ("question", "sample.ask"),
        ("free", "sample.why"),
        ("student", "name"),
    ]


@pytest.mark.parametrize(
    "cell, owner",
    [
        (code("# exercise: a.b\nx = 1"), ("exercise", "a.b")),
        (code("#question:a.b"), ("question", "a.b")),
        (code("# student: me"), ("student", "name")),
        (code("x = 1\n# exercise: a.b"), ("", "")),
        (code("# exercise: c.d", exercise="a.b"), ("exercise", "a.b")),
        (code("# exercise: c.d", exercise=["a.b"]), ("exercise", "c.d")),
        (code("x", exercise="../../etc"), ("", "")),
        (code("x", exercise="a" * 200), ("", "")),
        (Cell("markdown", "# exercise: a.b"), ("", "")),
    ],
)
def test_the_first_line_speaks_where_the_metadata_were_lost(cell, owner):
    assert cell.owner == owner


def test_ids_are_stable_and_the_same_in_lesson_and_solution():
    ids = [cell.id for cell in LESSON_NB.cells]
    assert ids == [
        "a-sample-1",
        "a-sample-2",
        "a-sample-3",
        "sample-double",
        "a-sample-4",
        "sample-half",
        "sample-ask",
        "sample-why",
        "name",
    ]
    cells = [Cell(c.kind, c.source, c.metadata) for c in LESSON_NB.cells]
    answer = Cell("markdown", "# Heading of an answer", {"tags": ["answer"]})
    solution = with_ids(Notebook("s", (*cells[:2], answer, *cells[2:])))
    assert [c.id for c in solution.cells if "answer" not in c.tags] == ids
    long = Notebook("s", (Cell("markdown", "# " + "word " * 40), code("x"), code("y")))
    made = [c.id for c in with_ids(long).cells]
    assert len(set(made)) == 3 and all(len(i) <= 64 for i in made)


def test_of_several_copies_the_last_attempted_one_counts():
    stub = LESSON_NB.cells[3]
    commented = code(stub.source + "\n    # later", exercise="sample.double")
    first, second = code(DOUBLE), code(DOUBLE.replace("2 * x", "x + x"))
    found = Copy(LESSON_NB, student(first, second, stub, commented, insert_at=4)).answers
    assert found["exercise", "sample.double"] is second
    only_stubs = Copy(LESSON_NB, student(commented)).answers
    assert not attempted(only_stubs["exercise", "sample.double"], stub)


def test_an_answer_of_another_kind_or_of_no_lesson_is_not_taken():
    text = Cell("markdown", "def double(x): ...", {"exercise": "sample.double"})
    unknown = code("x = 1", exercise="sample.unknown")
    found = Copy(LESSON_NB, student(text, unknown, insert_at=9)).answers
    assert set(found) == {cell.owner for cell in LESSON_NB.cells if cell.role}
    assert found["exercise", "sample.double"].kind == "code"


def test_a_students_helper_works_and_what_fails_beside_it_is_left_out():
    helper = code("import cmath\nFACTOR = 1 + 1\n1 / 0\ndef by(x, k=FACTOR):\n    return k * x")
    answer = code(
        "# exercise: sample.double\ndef double(x):\n    return by(x)\nassert double(2) == 5"
    )
    scratch = code("double(3)\nopen('/nowhere')")
    names = tried(student(helper, answer, scratch, insert_at=3), "sample.double")
    assert names["double"](4) == 8 and "cmath" in names


def test_a_definition_below_never_replaces_the_lessons_or_the_answer():
    names = ("twice", "double", "own")
    sly = code("\n".join(f"def {name}(x=0):\n    return 1\n" for name in names))
    half = HALF.replace("x / 2", "x / 2 * own()")
    nb = student(code(DOUBLE), code(half), sly, insert_at=8)
    names = tried(nb, "sample.half")
    assert (names["double"](1), names["twice"](1), names["own"]()) == (2, 4, 1)
    assert tried(nb, "sample.double")["double"](1) == 2
    assert [c.source[:2] for c in Copy(LESSON_NB, nb).versions("sample.double")] == ["# ", "de"]


def test_an_edited_cell_of_the_lesson_gives_what_was_added_to_it():
    edited = Cell(
        "code", "import math\nimport json\nN = 4 * 3\ndef by(x): return N * x", {}, "a-sample-2"
    )
    cells = [*LESSON_NB.cells]
    cells[1] = edited
    cells[3] = code("# exercise: sample.double\ndef double(x):\n    return by(x)")
    names = tried(Notebook("mine", tuple(cells)), "sample.double")
    assert names["json"] is json and names["math"].pi > 3.1 and names["double"](1) == 12


def test_a_cell_that_only_shows_is_executed_for_the_names_that_an_answer_needs():
    lesson = LESSON.replace("print(math.pi)", "table = [2]\nk = table[0]\nshown = open('/nowhere')")
    lesson = with_ids(reading.parse(lesson, "09_sample", ".py"))
    uses = "# exercise: sample.double\ndef double(shown):\n    return k * shown"
    cells = [code(uses) if c.owner[1] == "sample.double" else c for c in lesson.cells]
    copy = Copy(lesson, Notebook("mine", tuple(cells)))
    found = copy.cells_for(copy.versions("sample.double")[0], "double")
    assert executed(found)["double"](3) == 6 and not any("nowhere" in c.source for c in found)


def test_a_split_cell_is_one_and_a_merged_one_two():
    head, tail = (
        code("# exercise: sample.double\ndef double(x):\n    y = 2 * x"),
        code("    return y"),
    )
    assert tried(student(head, tail, insert_at=3), "sample.double")["double"](4) == 8
    both = student(code(f"import cmath\n{DOUBLE}\n\n{HALF}"), insert_at=3)
    assert (
        tried(both, "sample.double")["double"](4) == 8
        and tried(both, "sample.half")["half"](4) == 2
    )
    quoted = student(code(f"{DOUBLE}\n# exercise: sample.double\n# exercise: of mine"), insert_at=3)
    assert len(Copy(LESSON_NB, quoted).versions("sample.double")) == 1


def test_of_cells_with_a_thousand_statements_on_a_line_one_is_made():
    long = code(
        "# exercise: sample.double\n" + "x = 1;" * 9000 + "\ndouble = abs\n" + "y = 2\n" * 5000
    )
    assert tried(student(long, insert_at=3), "sample.double")["double"](-4) == 4


def test_the_answer_to_a_free_question_is_read_where_it_was_written():
    why, below = Cell("markdown", "Because.", {"free": "sample.why"}), Cell("markdown", "And so.")
    for cells, text in (
        ([why], "Because."),
        ([why, below], "Because.\n\nAnd so."),
        ([LESSON_NB.cells[7], below], "And so."),
        ([Cell("code", "It is so.", {"free": "sample.why"})], "It is so."),
        ([Cell("markdown", "Without metadata.")], "Without metadata."),
        ([LESSON_NB.cells[7]], "*Your answer here.*"),
    ):
        nb = Notebook("mine", (*LESSON_NB.cells[:7], *cells, *LESSON_NB.cells[8:]))
        assert Copy(LESSON_NB, nb).answers["free", "sample.why"].source == text


def test_an_answer_in_a_cell_that_is_no_code_is_told():
    text = Cell("raw", DOUBLE, {"exercise": "sample.double"})
    copy = Copy(LESSON_NB, student(text))
    assert (
        copy.versions("sample.double") == []
        and copy.misplaced(("exercise", "sample.double")) == "raw"
    )
    assert Copy(LESSON_NB, LESSON_NB).misplaced(("exercise", "sample.double")) == ""


def test_a_deleted_exercise_is_the_lessons_stub():
    nb = Notebook("mine", tuple(c for c in LESSON_NB.cells if c.owner[1] != "sample.half"))
    with pytest.raises(NotImplementedError):
        run(nb)["half"](1)


def test_magics_are_blanked_and_lines_keep_their_numbers():
    assert plain("%matplotlib inline\nif 1:\n    !ls\nx?\ny = 1") == (
        "pass\nif 1:\n    pass\npass\ny = 1"
    )
    assert plain("%%bash\nls -l\n") == "\n\n"
    assert plain("%%time\nx = !ls\n%time y = 2  # so?\nz = 3  # ok?\n%%") == (
        "pass\nx = []\ny = 2  # so?\nz = 3  # ok?\npass"
    )
    formula = "a = (7\n  % 4)\nb = '''\n!x\n'''"
    assert plain(formula) == formula
    names = run(student(code(HALF + "\n%timeit half(2)")))
    assert names["half"](4) == 2


def test_a_script_and_a_notebook_read_alike(tmp_path):
    cells = [
        {"cell_type": c.kind, "source": c.source.splitlines(True), "metadata": c.metadata}
        for c in LESSON_NB.cells
    ]
    path = tmp_path / "nb.ipynb"
    path.write_text("\ufeff" + ipynb(*cells), encoding="utf-8")
    assert with_ids(reading.read(path)).cells == LESSON_NB.cells


NEST = 100_000
BAD = {
    "truncated": ipynb({"cell_type": "code", "source": "x", "metadata": {}})[:-9],
    "deep": "[" * NEST,
    "deep dict": '{"a":' * NEST + "1" + "}" * NEST,
    "deep but parsed": '{"cells": ' + "[" * 90 + "]" * 90 + "}",
    "list": "[]",
    "version 3": '{"nbformat": 3, "worksheets": []}',
    "cells are a dict": '{"nbformat": 4, "cells": {}}',
    "cell is a number": ipynb(7),
    "no source": ipynb({"cell_type": "code"}),
    "source of numbers": ipynb({"cell_type": "code", "source": [1]}),
    "odd kind": ipynb({"cell_type": "code2", "source": ""}),
    "kind is a list": ipynb({"cell_type": ["code"], "source": ""}),
    "huge number": '{"nbformat": ' + "4" * 5000 + "}",
    "empty": "",
    "nothing": "null",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_notebook_is_one_sentence(name, tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(BAD[name])
    with pytest.raises(UserError) as caught:
        reading.read(path)
    assert "x.ipynb" in str(caught.value) and "\n" not in str(caught.value)


def test_junk_and_size(tmp_path, monkeypatch):
    (tmp_path / "junk.ipynb").write_bytes(bytes(range(256)))
    (tmp_path / "x.txt").write_text("x")
    (tmp_path / "folder.ipynb").mkdir()
    for name in ("junk.ipynb", "x.txt", "folder.ipynb", "missing.ipynb"):
        with pytest.raises(UserError, match=name):
            reading.read(tmp_path / name)
    monkeypatch.setattr(reading, "MAX_NOTEBOOK", 1_000_000)
    (tmp_path / "large.ipynb").write_bytes(b" " * 1_000_001)
    with pytest.raises(UserError, match="larger than 1 MB"):
        reading.read(tmp_path / "large.ipynb")


def test_strange_metadata_do_no_harm():
    odd = [
        {"cell_type": "code", "source": "x", "metadata": []},
        {"cell_type": "code", "source": "x", "metadata": {"tags": "define"}, "id": 5},
        {"cell_type": "code", "source": "x", "metadata": {"tags": [1, None]}, "id": "i" * 999},
        {"cell_type": "code", "source": "x = '\ud800'", "metadata": {}},
    ]
    nb = reading.parse(ipynb(*odd, metadata=3), "odd")
    assert [cell.id for cell in nb.cells] == [""] * 4
    assert not any(cell.tags or cell.role for cell in nb.cells)
    nb.cells[3].source.encode()


def test_a_header_is_never_read_as_yaml():
    bomb = "# ---\n# a: &a [x, x]\n# b: !!python/object:os.system {}\n# ---\n"
    nb = reading.parse(bomb + bomb + '# %% exercise="a.b"\nx = 1\n', "bomb", ".py")
    assert nb.metadata == {} and nb.ids() == ["a.b"]


@pytest.mark.parametrize("text", ["(" * 5000, "-" * 50_000 + "1", "x\0y", "a." * 40_000 + "b"])
def test_a_cell_that_breaks_the_parser_is_no_syntax(text):
    assert syntax(text) is None or text.startswith(("a.", "-"))
    assert not attempted(code(text), code(text))
