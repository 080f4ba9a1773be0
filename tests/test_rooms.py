"""The rooms of the library: each imports only from the rooms below it, and no circle is left.

Every import counts, also those inside functions and those for type checkers alone.
"""

import ast
from functools import cache
from pathlib import Path

import pytest
from convzoo import _NAMES as HOMES
from convzoo import ideas

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "lessons" / "convzoo"
LESSONS = sorted(ROOT.glob("solutions/[0-9][0-9]_*.py"))

# From the ground up: the room, and the files or folders that are in it. An idea's room is given
# by `convzoo.ideas.lessons()`; the list of ideas itself is of the ground.
ROOMS = {
    "ground": (
        *("__init__", "errors", "place", "history", "ideas/__init__"),
        *("files", "downloads", "progress_bar", "module_source", "run_cell", "torch_settings"),
    ),
    "a lesson's file": ("notebook",),
    "pictures of results": ("show",),
    "devices, images, calls": ("device", "data", "photographs", "recorder", "case", "failure"),
    "measuring": ("measure",),
    "networks and training": ("weights", "nets", "train", "live"),
    "engine of exercises": ("exercises",),
    "engine of experiments": ("experiments",),
    **{f"idea {name}": (f"ideas/{name}",) for name in ideas.lessons()},
    "teaching": ("teach",),
    "verbs": ("count", "tables", "benchmarks", "gpu", "doctor", "install", "commands", "__main__"),
}
# A function may bear its module's name where the lessons import it so.
IN_LESSONS = {"train.train", "measure.replay.replay"}


def name_of(path: Path) -> str:
    """A file's place in the library: "show/draw", "show/__init__"."""
    return path.relative_to(LIBRARY).with_suffix("").as_posix()


FILES = {name_of(path): path for path in sorted(LIBRARY.rglob("*.py"))}


def file_of(module: str) -> str | None:
    """Return the library's file of a module's dotted name, if there is one."""
    first, _, rest = module.partition(".")
    place = rest.replace(".", "/")
    found = (name for name in (place, f"{place}/__init__".lstrip("/")) if name in FILES)
    return next(found, None) if first == "convzoo" else None


def imported(module: str, name: str) -> str | None:
    """The file that `from module import name` imports."""
    lazily = HOMES.get(name, "") if module == "convzoo" else ""
    return file_of(f"{module}.{name}") or file_of(lazily) or file_of(module)


def imports(source: str, package: str = "convzoo") -> set[str]:
    """The library's files that a source imports; package: that of the source itself."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {file_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: 1 - node.level or None] if node.level else []
            home = ".".join([*parts, *filter(None, [node.module])])
            found |= {imported(home, alias.name) for alias in node.names}
    return found - {None}


@cache
def graph() -> dict[str, set[str]]:
    """What each file imports, itself left out."""
    found = {}
    for name, path in FILES.items():
        package = ".".join(path.parent.relative_to(LIBRARY.parent).parts)
        found[name] = imports(path.read_text(encoding="utf-8"), package) - {name}
    return found


def rooms_of(name: str) -> list[int]:
    """The numbers of the rooms that list a file, itself or with its folder."""
    return [
        k
        for k, places in enumerate(ROOMS.values())
        if any(name == place or name.startswith(f"{place}/") for place in places)
    ]


def reached(starts: set[str]) -> set[str]:
    """The files that these import, and what those import, and so on."""
    found, waiting = set(), list(starts)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph()[name]
    return found


def test_every_file_has_one_room_and_every_room_is_there():
    assert {name: rooms_of(name) for name in FILES if len(rooms_of(name)) != 1} == {}
    places = [place for places in ROOMS.values() for place in places]
    assert [p for p in places if p not in FILES and not (LIBRARY / p).is_dir()] == []


def test_nothing_is_imported_upward():
    upward = [
        f"{name} -> {other}"
        for name, others in graph().items()
        for other in others
        if rooms_of(other) > rooms_of(name)
    ]
    assert sorted(upward) == []


def test_no_two_files_import_each_other_nor_in_a_circle():
    circles = {name for name in FILES if name in reached(graph()[name])}
    assert sorted(circles) == []


def test_an_upward_import_and_a_circle_would_be_found():
    assert imports("def f():\n    from convzoo.train import train") == {"train"}
    assert imports("if TYPE_CHECKING:\n    import convzoo.show.draw") == {"show/draw"}
    assert imports("from convzoo.show import palette, Picture") == {"show/palette", "show/__init__"}
    assert imports("from convzoo import check, ideas") == {"exercises/__init__", "ideas/__init__"}
    assert rooms_of("ideas/resnet/framework") < rooms_of("ideas/zoo/networks")
    assert "errors" in reached({"commands/learning"})
    assert "commands/learning" not in reached({"errors"})


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("solutions/[0-9][0-9]_*.py")), ids=lambda p: p.stem
)
def test_nothing_that_a_lesson_uses_imports_what_is_for_teachers(path):
    used = reached(imports(path.read_text(encoding="utf-8")))
    assert used and sorted(name for name in used if name.startswith("teach/")) == []


def definitions(path: Path) -> set[str]:
    """The functions and classes of a file; of a package also the names that it passes on."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    kinds = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
    found = {node.name for node in body if isinstance(node, kinds)}
    if path.stem == "__init__":
        passed = [node for node in body if isinstance(node, ast.ImportFrom)]
        found |= {
            alias.asname or alias.name
            for node in passed
            for alias in node.names
            if not file_of(f"{node.module}.{alias.name}")
        }
    return found


def test_no_function_bears_the_name_of_a_module_beside_it():
    found = set()
    for name, path in FILES.items():
        beside = {p.stem for p in path.parent.glob("*.py")} | {
            p.name for p in path.parent.iterdir()
        }
        found |= {f"{name.replace('/', '.')}.{n}" for n in definitions(path) & beside}
    assert sorted(found - IN_LESSONS) == []


def test_the_exceptions_are_there_for_the_lessons_alone():
    text = "".join(path.read_text(encoding="utf-8") for path in LESSONS)
    for name in IN_LESSONS:
        module, _, function = name.rpartition(".")
        assert f"from convzoo.{module} import" in text and function in text
