"""Carries a student's work into a newer version of a lesson.

Answers go by the id of their exercise or question. Notes go below the same cell as before. A
lesson records a hash of each of its cells as published, which tells the student's changes from
those of the course. The student's file is only read.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from convzoo.errors import UserError
from convzoo.files import write_atomically
from convzoo.notebook.cells import Cell
from convzoo.notebook.reading import read
from convzoo.teach.student_cells import attempted

END = """\
## From your earlier copy

You wrote the cells below in parts that this version of the lesson has changed or no longer has.
Move what you still need, and delete the rest."""


@dataclass
class Carried:
    """What became of one file: where it went, the ids of its answers, its number of notes, and what
    is at the end because it has no place."""

    file: Path
    lesson: Path
    answers: list[str] = field(default_factory=list)
    notes: int = 0
    at_end: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Piece:
    """A cell as we read it, and as the file has it, with its attachments."""

    cell: Cell
    node: dict


def published(nodes: Iterable[dict]) -> dict[str, str]:
    """Return what a lesson's metadata say of its cells: a hash of each source, by id."""
    return {node["id"]: _hash(_source(node)) for node in nodes}


def carry_over(old: Path, root: Path) -> Carried | None:
    """Carry the work in `old` into the lesson of the same name under `root`; None if `old` contains
    no work.

    Raises UserError for a file that cannot be read or is no lesson, and for a lesson under `root`
    that somebody has worked in.
    """
    pieces = _pieces(old)
    lesson = root / "lessons" / f"{old.stem}.ipynb"
    if not lesson.exists():
        raise UserError(
            f"{old} is not named like a lesson of this version, so there is nothing to carry it "
            "into. Give the file its lesson's name, such as 02_resnext.ipynb."
        )
    if lesson.resolve() == old.resolve():
        raise UserError(
            f"{old} is the lesson itself. Copy your lessons to another folder, get the new version "
            "of the course, and name the copies."
        )
    new = _load(lesson)
    if published(new["cells"]) != _record(new):
        raise UserError(
            f"{lesson} contains work already, which this would overwrite. Move it away, get the "
            "file as it was published, and run this again."
        )
    carried = Carried(old, lesson)
    cells = list(_merged(pieces, _record(_load(old)), new["cells"], carried))
    if not (carried.answers or carried.notes or carried.at_end):
        return None
    new["cells"] = list(_unique(cells))
    write_atomically(lesson, json.dumps(new, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return carried


def found_in(place: Path) -> list[Path]:
    """Return the lessons to update at `place`: itself, if it is a file, else those in the folder or
    in its `lessons/`. Raises UserError if there is none."""
    if not place.is_dir():
        return [place]
    name = "[0-9][0-9]_*.ipynb"
    paths = sorted(place.glob(name)) or sorted(place.glob(f"lessons/{name}"))
    if not paths:
        raise UserError(f"{place} contains no lesson (NN_name.ipynb). Name your earlier copy.")
    return paths


def lines(found: list[Carried], untouched: list[Path]) -> list[str]:
    """Return what was done, as lines for people."""
    out = []
    for one in found:
        out.append(
            f"{one.file}: {len(one.answers)} answers and {one.notes} notes are now in {one.lesson}."
        )
        out += [f"  at its end, because it has no place: {what}" for what in one.at_end]
    out += [f"{path}: contains no work, so nothing was carried over." for path in untouched]
    return [*out, "Your earlier files are unchanged."]


# --- reading ---


def _load(path: Path) -> dict:
    """Return a notebook as plain data; of a script, only that it has no record."""
    return json.loads(path.read_text(encoding="utf-8-sig")) if path.suffix == ".ipynb" else {}


def _pieces(path: Path) -> list[_Piece]:
    cells = read(path).cells
    if path.suffix == ".ipynb":
        return [_Piece(*both) for both in zip(cells, _load(path)["cells"], strict=True)]
    return [_Piece(cell, _node(cell)) for cell in cells]


def _node(cell: Cell) -> dict:
    node = {"cell_type": cell.kind, "id": cell.id, "metadata": cell.metadata, "source": cell.source}
    return node | ({"execution_count": None, "outputs": []} if cell.kind == "code" else {})


def _record(notebook: dict) -> dict[str, str]:
    own = notebook.get("metadata", {}).get("convzoo", {})
    found = own.get("cells") if isinstance(own, dict) else None
    return found if isinstance(found, dict) else {}


def _source(node: dict) -> str:
    return "".join(node["source"])


def _hash(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:12]


# --- placing ---


def _merged(
    pieces: list[_Piece], record: dict[str, str], new: list[dict], carried: Carried
) -> Iterator[dict]:
    """Yield the cells of the new lesson with the student's work in them."""
    owners = {_cell(node).owner: i for i, node in enumerate(new) if _cell(node).role}
    by_id = {node["id"]: i for i, node in enumerate(new)}
    by_hash = {_hash(_source(node)): i for i, node in enumerate(new)}
    instead: dict[int, list[dict]] = {}
    below: dict[int, list[dict]] = {}
    rest: list[dict] = []
    here = -1
    for piece in pieces:
        cell, node = piece.cell, _fresh(piece.node)
        mark, was = _hash(cell.source), record.get(cell.id)
        if cell.role:
            here = owners.get(cell.owner, here)
            stub = _cell(new[here]) if cell.owner in owners else None
            if mark == was or stub and not attempted(cell, stub):
                continue
            if stub:
                instead.setdefault(here, []).append(node)
                carried.answers.append(cell.owner[1])
            else:
                rest.append(node)
                carried.at_end.append(cell.owner[1])
        elif mark == was or mark in by_hash:
            here = by_hash.get(mark, by_id.get(cell.id, here))
        elif was in by_hash:  # theirs to change, and the course has not
            here = by_hash[was]
            instead[here] = [node]
            carried.notes += 1
        elif was or (not record and cell.id in by_id):  # both may have changed it
            rest.append(node)
            carried.at_end.append(f"a cell that begins with {cell.source.strip()[:40]!r}")
            here = by_id.get(cell.id, here)
        elif cell.source.strip():
            below.setdefault(here, []).append(node)
            carried.notes += 1
    carried.answers = list(dict.fromkeys(carried.answers))
    yield from below.get(-1, [])
    for i, node in enumerate(new):
        versions = instead.get(i, [node])
        yield from versions[:-1]
        yield _in_place(versions[-1], node)
        yield from below.get(i, [])
    if rest:
        yield _node(Cell("markdown", END, {}, "from-your-earlier-copy"))
        yield from rest


def _cell(node: dict) -> Cell:
    return Cell(node["cell_type"], _source(node), node["metadata"], node["id"])


def _fresh(node: dict) -> dict:
    """Return a cell without outputs: it has not run in this version."""
    empty = {"execution_count": None, "outputs": []} if node["cell_type"] == "code" else {}
    return {**node, **empty}


def _in_place(node: dict, new: dict) -> dict:
    """Return a student's cell as the new lesson's: with its id and metadata."""
    return {**node, "id": new["id"], "metadata": new["metadata"]}


def _unique(nodes: Iterable[dict]) -> Iterator[dict]:
    """Yield the cells, each with an id of its own, as notebooks require."""
    taken: set[str] = set()
    for node in nodes:
        id = node.get("id") or ""
        id = id if id and id not in taken else uuid.uuid4().hex[:8]
        taken.add(id)
        yield {**node, "id": id}
