"""Makes the lessons from solutions/NN_name.py.

Each source gives lessons/NN_name.ipynb and .py, without answers and outputs, and
solutions/NN_name.ipynb, executed. Making them again changes no byte.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from convzoo.errors import UserError
from convzoo.files import write_together
from convzoo.notebook.cells import Cell, Notebook, with_ids
from convzoo.notebook.reading import read
from convzoo.teach.execution import STATE, execute, same_code, source_of, with_outputs
from convzoo.teach.regions import problems, stub, unmarked, validate
from convzoo.teach.update import published

LECTURE = "lecture"  # the tag of a cell that the lecture takes; it changes no output
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

"""


def make_lessons(
    root: Path,
    force: bool = False,
    progress: Callable[[str], None] = str,
    names: Sequence[str] = (),
) -> list[str]:
    """Make every lesson under `root`, or those named; return the files that changed.

    A solution is executed again only if its code has changed, or with `force`. All sources are read
    before anything is made, and a lesson's files are put in place together when all of them are
    ready. Raises UserError for a source that breaks a rule or does not run, and, without `force`,
    for a lesson that somebody has worked in.
    """
    changed = []
    sources = _sources(root, names)
    for source in sources:
        validate(source, _known(source.name))
        if not force:
            _spare(root, source)
    for source in sources:
        lesson, script, solution = _made(source)
        target = root / "solutions" / f"{source.name}.ipynb"
        old = None if force else _load(target)
        if old is None or not same_code(old, solution):
            progress(f"{source.name}: running the solution")
            executed = execute(solution, target.parent)
        else:
            executed = with_outputs(solution, old)
        changed += _put(
            {
                root / "lessons" / f"{source.name}.ipynb": _text(lesson),
                root / "lessons" / f"{source.name}.py": script,
                target: _text(executed),
            }
        )
    return [path.relative_to(root).as_posix() for path in changed]


def differences(root: Path, only: Sequence[str] = ()) -> list[dict]:
    """Return what a release would change, apart from outputs, or what prevents it, as a list of
    {file, cell, what}."""
    found, names = [], set()
    for source in _sources(root, only):
        names.add(source.name)
        if broken := problems(source, _known(source.name)):
            path = root / "solutions" / f"{source.name}.py"
            found += _rows(root, path, [("", what) for what in broken])
            continue
        lesson, script, solution = _made(source)
        for folder, wanted in (("lessons", lesson), ("solutions", solution)):
            path = root / folder / f"{source.name}.ipynb"
            found += _rows(root, path, _compare(wanted, _load(path)))
        path = root / "lessons" / f"{source.name}.py"
        found += _rows(root, path, _compare_script(script, path))
    strays = sorted(root.glob("lessons/[0-9][0-9]_*")) + sorted(root.glob("solutions/*.ipynb"))
    for path in [] if only else strays:
        if path.stem not in names and path.suffix in (".py", ".ipynb"):
            found += _rows(root, path, [("", "has no source in solutions/")])
    return found


def _sources(root: Path, names: Sequence[str] = ()) -> list[Notebook]:
    """Return every source, or those named "02" or "02_resnext"; raises UserError for an unknown
    name."""
    paths = sorted(root.glob("solutions/[0-9][0-9]_*.py"))
    if not paths:
        raise UserError(
            f"There is no solutions/NN_name.py in {root}. Lessons are made from the solutions, so "
            "run this in a folder that has them."
        )
    unknown = [n for n in names if n not in {k for p in paths for k in (p.stem, p.stem[:2])}]
    if unknown:
        there = ", ".join(path.stem for path in paths)
        raise UserError(f"There is no lesson {unknown[0]!r} in solutions/. Choose from {there}.")
    chosen = [p for p in paths if not names or p.stem in names or p.stem[:2] in names]
    return [with_ids(read(path)) for path in chosen]


def _spare(root: Path, source: Notebook) -> None:
    """Raise UserError if a release would overwrite somebody's answer to an exercise."""
    for path in (root / "lessons" / f"{source.name}{suffix}" for suffix in (".ipynb", ".py")):
        if _load(path) is None and path.suffix == ".ipynb" or not path.exists():
            continue
        for cell in read(path).cells:
            if cell.role == "exercise" and "NotAttempted(" not in cell.source:
                raise UserError(
                    f"{path.relative_to(root)} contains an answer to {cell.owner[1]}, which a "
                    "release would overwrite. Move the file away, or use --force to discard its "
                    "contents."
                )


def _known(name: str) -> set[str] | None:
    """Return the ids in the catalogue, or None if the lesson is not in it yet."""
    module = f"convzoo.ideas.{name.split('_', 1)[1]}"
    if importlib.util.find_spec("convzoo.exercises") and importlib.util.find_spec(module):
        from convzoo.exercises import all_questions, of_lesson

        return {*of_lesson(name), *of_lesson(name, all_questions)}
    return None


def _made(source: Notebook) -> tuple[dict, str, dict]:
    """Return the lesson's notebook and script, and the solution before its execution."""
    cells = [stub(cell) for cell in source.cells if "answer" not in cell.tags]
    lesson = replace(source, cells=tuple(cells))
    solution = replace(source, cells=tuple(map(unmarked, source.cells)))
    metadata = METADATA | {"convzoo": {"source_sha256": code_hash(solution)}}
    workbook = notebook(lesson, METADATA)
    workbook["metadata"] = METADATA | {"convzoo": {"cells": published(workbook["cells"])}}
    return workbook, script(lesson), notebook(solution, metadata)


def code_hash(source: Notebook) -> str:
    """Return the SHA-256 of everything that determines a notebook's outputs: its code, in order."""
    code = [
        [cell.source, [tag for tag in cell.tags if tag != LECTURE]]
        for cell in source.cells
        if cell.kind == "code"
    ]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()


def notebook(source: Notebook, metadata: dict) -> dict:
    """Return the notebook as plain data, without outputs."""
    cells = [_node(cell) for cell in source.cells]
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _node(cell: Cell) -> dict:
    lines = cell.source.splitlines(keepends=True)
    node = {"cell_type": cell.kind, "id": cell.id, "metadata": cell.metadata, "source": lines}
    return node | ({"execution_count": None, "outputs": []} if cell.kind == "code" else {})


def script(source: Notebook) -> str:
    """Return the lesson's paired script in percent format, without live pairing in its header."""
    import jupytext

    node = jupytext.reads(_text(notebook(source, {})), fmt="ipynb")
    for cell in node.cells:
        cell.metadata = dict(sorted(cell.metadata.items()))
    node.metadata["jupytext"] = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "all"}
    return HEADER + jupytext.writes(node, fmt="py:percent").lstrip("\n")


def _load(path: Path) -> dict | None:
    """Return a notebook as plain data, or None if none can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        read(path)
    except (OSError, ValueError, RecursionError):
        return None
    return found


def _text(notebook: dict) -> str:
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _put(texts: dict[Path, str]) -> list[Path]:
    """Write what has changed, all of it or nothing; return the files."""
    new = {p: t for p, t in texts.items() if not p.exists() or p.read_bytes() != t.encode()}
    write_together(new)
    return list(new)


def _rows(root: Path, path: Path, entries) -> list[dict]:
    file = path.relative_to(root).as_posix()
    return [{"file": file, "cell": cell, "what": what} for cell, what in entries]


def _compare(wanted: dict, found: dict | None) -> Iterator[tuple[str, str]]:
    """Yield pairs of cell id and what differs in it; outputs are never compared."""
    if found is None:
        yield "", "is missing or cannot be read"
        return
    ids, there = ([cell.get("id", "") for cell in n["cells"]] for n in (wanted, found))
    if ids != there:
        odd = set(ids) ^ set(there)
        yield next((i for i in ids + there if i in odd), ""), "cells are missing, added or moved"
        return
    same_cells = True
    for a, b in zip(wanted["cells"], found["cells"], strict=True):
        for key in ("cell_type", "source", "metadata"):
            same = source_of(a) == source_of(b) if key == "source" else a[key] == b.get(key)
            if not same:
                same_cells = False
                yield a["id"], f"{key.replace('cell_', '')} differs"
    own = {k: v for k, v in found.get("metadata", {}).items() if k != STATE}
    if same_cells and own != wanted["metadata"]:  # they have a hash of each cell
        yield "", "notebook metadata differ"


def _compare_script(wanted: str, path: Path) -> Iterator[tuple[str, str]]:
    if not path.exists():
        yield "", "is missing or cannot be read"
    elif path.read_text(encoding="utf-8", errors="replace") != wanted:
        line = _first_difference(wanted, path.read_text(encoding="utf-8", errors="replace"))
        yield "", f"differs from line {line} on"


def _first_difference(a: str, b: str) -> int:
    pairs = zip(a.split("\n"), b.split("\n"), strict=False)
    shorter = min(a.count("\n"), b.count("\n"))
    return next((i for i, (x, y) in enumerate(pairs, 1) if x != y), shorter)
