"""A mark is kept as long as nothing has changed that could change it, and no longer."""

import ast
import shutil
from pathlib import Path

import pytest
from convzoo.notebook.reading import read
from convzoo.place import LIBRARY
from convzoo.teach.grade.mark import plan
from made_class import LESSON, ROOT

FILES = sorted(path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py"))
OUTSIDE = [name for name in FILES if name.startswith(plan.CHANGES_NO_MARK)]
SECRET = b"a secret of the teacher's"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A copy of the library, to be changed."""
    copy = tmp_path_factory.mktemp("library") / "convzoo"
    return shutil.copytree(LIBRARY, copy, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture(scope="module")
def lesson():
    return read(ROOT / "lessons" / f"{LESSON}.ipynb")


def key(library: Path, lesson) -> str:
    """Under what a student's mark is kept."""
    found = plan.plan_of(lesson, plan.library_version(library))
    return plan.transplant(found, lesson).key("anna", SECRET)


@pytest.fixture(scope="module")
def kept(library, lesson):
    return key(library, lesson)


@pytest.mark.parametrize("name", FILES)
def test_a_line_that_changes_voids_the_mark_unless_it_cannot_matter(name, library, lesson, kept):
    path = library / name
    before = path.read_bytes()
    path.write_bytes(before + b"\n# another line\n")
    changed = key(library, lesson)
    path.write_bytes(before)
    assert (changed == kept) == (name in OUTSIDE)
    assert key(library, lesson) == kept


def test_a_file_that_comes_or_moves_voids_the_mark(library, lesson, kept):
    for new in ("measure/another.py", "another/__init__.py"):
        (library / new).parent.mkdir(exist_ok=True)
        (library / new).touch()
        assert key(library, lesson) != kept
        (library / new).unlink()
    moved = (library / "errors.py").rename(library / "error.py")
    assert key(library, lesson) != kept
    moved.rename(library / "errors.py")
    assert key(library, lesson) == kept


def test_what_cannot_matter_is_a_short_list(library):
    assert len(OUTSIDE) < 12 and all((LIBRARY / name).exists() for name in plan.CHANGES_NO_MARK)


def test_plans_are_of_the_library_that_grades():
    assert plan.plans(ROOT)[LESSON].version == (
        plan.plan_of(
            read(ROOT / "lessons" / f"{LESSON}.ipynb"), plan.library_version(LIBRARY)
        ).version
    )


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.startswith("convzoo.")}


def test_what_makes_a_mark_imports_nothing_of_it():
    """All that `workers.perform` imports, and what that imports, and so on."""
    waiting, found = (
        ["convzoo.teach.grade.mark.workers", "convzoo.teach.grade.intake.collect"],
        set(),
    )
    while waiting:
        module = waiting.pop()
        place = LIBRARY.joinpath(*module.split(".")[1:])
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if path.is_file() and path not in found:
            found.add(path)
            waiting += imports(path)
    names = {path.relative_to(LIBRARY).as_posix() for path in found}
    assert {"exercises/judge.py", "teach/grade/box/sandbox.py", "case.py"} <= names
    assert not names & set(OUTSIDE)
