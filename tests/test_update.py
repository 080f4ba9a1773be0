"""A newer version of the course keeps a student's work: answers, questions, notes."""

import json
from pathlib import Path

import nbformat
import pytest
from convzoo import UserError
from convzoo.teach import release, update

EXERCISE = """# %% exercise="sample.{name}" tags=["define"]
# exercise: sample.{name}
def {name}(x):
    ### BEGIN SOLUTION
    return x
    ### END SOLUTION

"""
QUESTION = """# %% question="sample.count"
# question: sample.count
### BEGIN SOLUTION
answer = 1152
### END SOLUTION
print("asked", answer)

# %% [markdown] free="sample.why"
# **Why?**
#
# ### BEGIN SOLUTION
# Because.
# ### END SOLUTION

"""
NAME = """# %% student="name"
# student: put your name between the quotes
name = ""

"""
OLD = (
    NAME
    + "# %% [markdown]\n# # A sample\n\n# %%\nsize = 4\n\n# %%\nwidth = 5\n\n"
    + "".join(EXERCISE.format(name=n) for n in ("first", "second", "gone"))
    + QUESTION
)
# A cell more at the top, so that ids shift; the order changed, a text changed, an exercise gone.
NEW = (
    NAME
    + "# %% [markdown]\n# # A sample\n\n# %%\nfresh = 1\n\n# %%\nsize = 4\n\n# %%\nwidth = 6\n\n"
    + QUESTION.replace("Why?", "Why is that?")
    + "".join(EXERCISE.format(name=n) for n in ("second", "first", "added"))
)


def course(root: Path, source: str) -> Path:
    for folder in ("lessons", "solutions"):
        (root / folder).mkdir(parents=True)
    (root / "solutions" / "09_sample.py").write_text(source)
    release.make_lessons(root)
    return root


@pytest.fixture(scope="module")
def versions(tmp_path_factory) -> tuple[bytes, bytes]:
    """The lesson as it was published, and as it is published now."""
    roots = [course(tmp_path_factory.mktemp(n) / "c", s) for n, s in (("old", OLD), ("new", NEW))]
    return tuple((root / "lessons" / "09_sample.ipynb").read_bytes() for root in roots)


@pytest.fixture
def new(versions, tmp_path) -> Path:
    (tmp_path / "new" / "lessons").mkdir(parents=True)
    (tmp_path / "new" / "lessons" / "09_sample.ipynb").write_bytes(versions[1])
    return tmp_path / "new"


class Copy:
    """A student's copy of the old lesson, to work in."""

    def __init__(self, text: bytes, path: Path):
        self.path, self.data = path, json.loads(text)

    @property
    def cells(self) -> list[dict]:
        return self.data["cells"]

    def at(self, text: str) -> int:
        return next(i for i, c in enumerate(self.cells) if text in "".join(c["source"]))

    def write(self, text: str, source: str) -> None:
        """Replace the source of the first cell that contains `text`."""
        self.cells[self.at(text)]["source"] = source

    def add(self, below: str, source: str, kind="code") -> None:
        node = {"cell_type": kind, "id": f"n{len(self.cells)}", "metadata": {}, "source": source}
        node |= {"outputs": [], "execution_count": 3} if kind == "code" else {}
        self.cells.insert(self.at(below) + 1, node)

    def save(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.data))
        return self.path


@pytest.fixture
def mine(versions, tmp_path) -> Copy:
    return Copy(versions[0], tmp_path / "mine" / "09_sample.ipynb")


FIRST = "# exercise: sample.first\ndef first(x):\n    return x + 1"
SECOND = "# exercise: sample.second\ndef second(x):\n    return x * 2"


def after(new: Path) -> list[str]:
    data = json.loads((new / "lessons" / "09_sample.ipynb").read_text())
    nbformat.validate(data)
    return ["".join(cell["source"]) for cell in data["cells"]]


def test_answers_questions_name_and_notes_are_carried_and_texts_are_the_new_ones(mine, new):
    mine.write("student:", '# student: put your name between the quotes\nname = "Ada"')
    mine.write("sample.first", FIRST)
    mine.write("sample.count", '# question: sample.count\nanswer = 7\nprint("asked", answer)')
    mine.write("Why?", "**Why?**\n\nBecause it mixes.")
    mine.add("sample.first", "My note on first.", "markdown")
    mine.add("size = 4", "size * 2")
    before = mine.save().read_bytes()
    carried = update.carry_over(mine.path, new)
    found = after(new)
    assert mine.path.read_bytes() == before
    assert carried.answers == ["name", "sample.first", "sample.count", "sample.why"]
    assert carried.notes == 2 and carried.at_end == []
    assert 'name = "Ada"' in found[0] and "fresh = 1" in found and "width = 6" in found
    assert found[found.index(FIRST) + 1] == "My note on first."
    assert found[found.index("size = 4") + 1] == "size * 2"
    assert "**Why?**\n\nBecause it mixes." in found
    assert any('NotAttempted("sample.added")' in text for text in found)
    assert "width = 5" not in found and not any("earlier copy" in text for text in found)


def test_moved_doubled_and_deleted_cells(mine, new):
    mine.write("sample.first", FIRST)
    mine.add("sample.first", FIRST + "  # again")
    mine.write("sample.second", SECOND)
    mine.cells.insert(0, mine.cells.pop(mine.at("sample.second")))
    del mine.cells[mine.at("sample.count")]
    update.carry_over(mine.save(), new)
    found = after(new)
    ids = [t.split("\n")[0] for t in found if t.startswith("# exercise")]
    assert ids == ["# exercise: " + f"sample.{n}" for n in ("second", "first", "first", "added")]
    assert found.index(FIRST) + 1 == found.index(FIRST + "  # again")  # the last one counts
    assert any("# question: sample.count" in text for text in found)


def test_what_has_no_place_is_at_the_end_and_named(mine, new):
    gone = "# exercise: sample.gone\ndef gone(x):\n    return 0"
    mine.write("sample.gone", gone)
    mine.write("width = 5", "width = 55  # mine")  # and the course changed this cell, too
    mine.write("size = 4", "size = 44  # mine")  # but not this one
    carried = update.carry_over(mine.save(), new)
    found = after(new)
    end = next(i for i, text in enumerate(found) if text.startswith("## From your earlier copy"))
    assert sorted(found[end + 1 :]) == sorted([gone, "width = 55  # mine"])
    assert carried.at_end == ["a cell that begins with 'width = 55  # mine'", "sample.gone"]
    assert "width = 6" in found[:end] and "size = 44  # mine" in found[:end]
    assert "size = 4" not in found


def test_a_copy_without_a_record_keeps_its_answers(mine, new):
    """As files from before this version are, scripts, and notebooks that lost their metadata."""
    mine.write("sample.first", FIRST)
    mine.data["metadata"].pop("convzoo")
    for cell in mine.cells:
        cell["metadata"] = {}
    carried = update.carry_over(mine.save(), new)
    assert FIRST in after(new) and "sample.first" in carried.answers


def test_a_note_keeps_its_picture(mine, new):
    mine.add("size = 4", "![p](attachment:p.png)", "markdown")
    picture = {"p.png": {"image/png": "iVBORw0KGgo="}}
    mine.cells[mine.at("attachment")]["attachments"] = picture
    update.carry_over(mine.save(), new)
    data = json.loads((new / "lessons" / "09_sample.ipynb").read_text())
    assert [c["attachments"] for c in data["cells"] if "attachments" in c] == [picture]


def test_an_untouched_copy_changes_nothing(mine, new):
    before = (new / "lessons" / "09_sample.ipynb").read_bytes()
    assert update.carry_over(mine.save(), new) is None
    assert (new / "lessons" / "09_sample.ipynb").read_bytes() == before


def test_nothing_is_overwritten(mine, new):
    mine.write("sample.first", FIRST)
    update.carry_over(mine.save(), new)
    with pytest.raises(UserError, match="contains work already"):
        update.carry_over(mine.path, new)
    with pytest.raises(UserError, match="is the lesson itself"):
        update.carry_over(new / "lessons" / "09_sample.ipynb", new)
    with pytest.raises(UserError, match="not named like a lesson"):
        update.carry_over(mine.save().rename(mine.path.with_name("10_other.ipynb")), new)


def test_a_folder_is_all_its_lessons(mine, new):
    mine.write("sample.first", FIRST)
    path = mine.save()
    assert update.found_in(path.parent) == [path] == update.found_in(path)
    (new / "empty").mkdir()
    with pytest.raises(UserError, match="contains no lesson"):
        update.found_in(new / "empty")
