"""Reads lessons and submissions, and knows which cell belongs to whom.

A file is read as untrusted text, with limits on its size and depth, and nothing in it is executed.
This module returns plain, frozen cells.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from convzoo.errors import UserError
from convzoo.teach.cells import Cell, Notebook, plain, syntax, with_ids

MAX_NOTEBOOK = 20_000_000  # bytes: pictures in the outputs included
MAX_SCRIPT = 1_000_000  # bytes
MAX_DEPTH = 60

_JUPYTEXT_OWN = ("lines_to_next_cell", "lines_to_end_of_cell_marker")


def read(path: str | Path) -> Notebook:
    """Read a notebook (.ipynb) or its script in percent format (.py).

    Raises UserError if the file is missing, too large, not text or not a notebook.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".ipynb", ".py"):
        raise UserError(
            f"{path} is neither a notebook (.ipynb) nor its script (.py). Name one of the two."
        )
    if not path.exists():
        raise UserError(f"There is no file {path}. Check its name and the folder you are in.")
    if not path.is_file():
        raise UserError(f"{path} is not a file. Name a lesson's .ipynb or .py.")
    limit = MAX_NOTEBOOK if suffix == ".ipynb" else MAX_SCRIPT
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror}.") from None
    if len(raw) > limit:
        raise UserError(
            f"{path} is larger than {limit // 1_000_000} MB, which is too large for a lesson. "
            "Clear the outputs of its cells and save it again."
        )
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise UserError(
            f"{path} is not UTF-8 text, so it is not a notebook. Save it again from JupyterLab."
        ) from None
    return parse(text, path.stem, suffix, str(path))


def parse(text: str, name: str, suffix: str = ".ipynb", label: str = "") -> Notebook:
    """Return the notebook in a text. label: the file's name in error messages."""
    label = label or name + suffix
    return _parse_script(text, name, label) if suffix == ".py" else _parse_json(text, name, label)


def _parse_json(text: str, name: str, label: str) -> Notebook:
    try:
        data = json.loads(text)
        shallow = _shallow(data)
    except (ValueError, RecursionError) as problem:
        deep = isinstance(problem, RecursionError)
        why = "nested too deeply" if deep else getattr(problem, "msg", "not JSON")
        where = f" in line {problem.lineno}" if hasattr(problem, "lineno") else ""
        raise UserError(
            f"{label} is not a complete notebook ({why}{where}). "
            "Save it again from JupyterLab, or use the last copy that opens."
        ) from None
    if not shallow:
        raise UserError(
            f"{label} is nested more than {MAX_DEPTH} levels deep, so it is not a "
            "notebook. Save it again from JupyterLab."
        )
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list) or data.get("nbformat") != 4:
        raise UserError(f"{label} is JSON but not a notebook of version 4. Open it in JupyterLab.")
    metadata = data.get("metadata")
    return Notebook(
        name,
        tuple(_cell(cell, number, label) for number, cell in enumerate(cells, 1)),
        metadata if isinstance(metadata, dict) else {},
    )


def _shallow(data) -> bool:
    """Return whether the data is nested at most MAX_DEPTH deep, without recursion."""
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [part for value in level for part in _parts(value)]
        if not level:
            return True
    return False


def _parts(value) -> Iterator:
    if isinstance(value, dict):
        return iter(value.values())
    return iter(value if isinstance(value, list) else ())


def _cell(data, number: int, label: str) -> Cell:
    if isinstance(data, dict):
        source, kind = data.get("source"), data.get("cell_type")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if isinstance(source, str) and kind in ("code", "markdown", "raw"):
            source = source.encode(
                "utf-8", "replace"
            ).decode()  # a lone surrogate cannot be encoded
            metadata, id = data.get("metadata"), data.get("id")
            metadata = metadata if isinstance(metadata, dict) else {}
            return Cell(kind, source, metadata, id if isinstance(id, str) and len(id) < 65 else "")
    raise UserError(
        f"Cell {number} of {label} is not a valid notebook cell. Save the file again "
        "from JupyterLab."
    )


def _parse_script(text: str, name: str, label: str) -> Notebook:
    try:
        import jupytext
    except ImportError:
        raise UserError(
            f"Reading {label} needs jupytext, which is not installed. Run `pip install jupytext`, "
            "or name the .ipynb instead."
        ) from None
    try:
        nodes = jupytext.reads(_headless(text), fmt="py:percent").cells
        cells = [
            Cell(
                node.cell_type,
                node.source,
                {k: v for k, v in node.metadata.items() if k not in _JUPYTEXT_OWN},
            )
            for node in nodes
        ]
    except Exception as problem:
        raise UserError(
            f"{label} cannot be read as a script in percent format ({type(problem).__name__}). "
            "Name the .ipynb instead."
        ) from None
    return Notebook(name, tuple(cells))


def _headless(text: str) -> str:
    """Return a script without its YAML header, which is not needed and could be malicious.

    The rest always begins with a cell, or a second header would be read as one.
    """
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if line.rstrip() == "# ---"), None)
    if start is not None and not any(line.startswith("# %%") for line in lines[:start]):
        ends = (i for i in range(start + 1, len(lines)) if lines[i].rstrip() == "# ---")
        lines = lines[next(ends, start) + 1 :]
    body = "\n".join(lines).lstrip("\n")
    return body if body.startswith("# %%") else f"# %%\n{body}"


def attempted(cell: Cell, stub: Cell | None) -> bool:
    """Return whether a student's cell is more than the stub; an added comment does not count."""
    return stub is None or _content(cell) != _content(stub)


def _content(cell: Cell) -> str:
    tree = syntax(plain(cell.source)) if cell.kind == "code" else None
    try:
        return ast.dump(tree) if tree else "\n".join(cell.source.split())
    except (RecursionError, ValueError):  # too deep, or a number too long to print
        return cell.source


def answers(lesson: Notebook, student: Notebook) -> dict[tuple[str, str], Cell]:
    """Return the student's cells by (role, id): of several copies the last attempted one.

    Only cells that the lesson has, and only of the same kind (code, markdown).
    """
    stubs = {cell.owner: cell for cell in lesson.cells if cell.role}
    found: dict[tuple[str, str], Cell] = {}
    for cell in student.cells:
        stub = stubs.get(cell.owner)
        if stub is None or stub.kind != cell.kind:
            continue
        if cell.owner not in found or attempted(cell, stub):
            found[cell.owner] = cell
    return found


def student_namespace_cells(lesson: Notebook, student: Notebook) -> list[Cell]:
    """Return the cells that are executed to try a student's exercises, in order.

    The clean lesson's `define` cells, with the student's exercise cells in their places and the
    student's added imports and definitions where they put them. An added definition never replaces
    one of the lesson's, because the answer is the cell with the id.
    """
    lesson = with_ids(lesson)
    own = answers(lesson, student)
    kept = [own.get(c.owner, c) if c.role == "exercise" else c for c in lesson.cells if c.defines]
    places = {cell.owner if cell.role else cell.id: i for i, cell in enumerate(kept)}
    texts = {cell.source.strip(): i for i, cell in enumerate(kept)}
    known = {cell.id for cell in lesson.cells} | {cell.source.strip() for cell in lesson.cells}
    bound = {name for c in lesson.cells if c.defines for name in _bound(c)}
    added: dict[int, list[Cell]] = {}
    here = -1
    for cell in student.cells:
        key = cell.owner if cell.role else cell.id
        here = places.get(key, texts.get(cell.source.strip(), here))
        if cell.kind != "code" or cell.role or cell.source.strip() in known:
            continue
        lessons_own = cell.id in known or "define" in cell.tags
        if extra := _definitions(cell, bound, imports_only=lessons_own):
            added.setdefault(here, []).append(extra)
    cells = list(added.get(-1, []))
    for i, cell in enumerate(kept):
        cells += [replace(cell, source=plain(cell.source)), *added.get(i, [])]
    return cells


_IMPORTS = (ast.Import, ast.ImportFrom)
_DEFINITIONS = (*_IMPORTS, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _definitions(cell: Cell, bound: set[str], imports_only: bool) -> Cell | None:
    """Return what an added cell contributes: itself, without anything that would replace a name in
    `bound`.

    None if it does more than import and define. For an edited cell of the lesson, only its imports.
    """
    source = plain(cell.source)
    tree = syntax(source)
    if tree is None or not (imports_only or all(_is_definition(s) for s in tree.body)):
        return None
    wanted = [s for s in tree.body if not imports_only or isinstance(s, _IMPORTS)]
    new = [s for s in wanted if set(_names(s)) - bound]
    lines = source.split("\n")
    keep: set[int] = set()
    for s in new:
        first = min([s.lineno, *(d.lineno for d in getattr(s, "decorator_list", []))])
        keep.update(range(first, s.end_lineno + 1))
    text = "\n".join(line if i in keep else "" for i, line in enumerate(lines, 1))
    return replace(cell, source=text) if keep else None


def _is_definition(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)  # a docstring
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return isinstance(statement.value, ast.Lambda) or _is_literal(statement.value)
    return isinstance(statement, (*_DEFINITIONS, ast.Pass))


def _is_literal(value: ast.expr | None) -> bool:
    try:
        ast.literal_eval(value)
        return True
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False


def _bound(cell: Cell) -> Iterator[str]:
    tree = syntax(plain(cell.source))
    for statement in tree.body if tree else ():
        yield from _names(statement)


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a top-level statement of a cell binds."""
    if isinstance(statement, _IMPORTS):
        yield from ((a.asname or a.name).split(".")[0] for a in statement.names)
    elif isinstance(statement, _DEFINITIONS):
        yield statement.name
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for node in (node for target in targets for node in ast.walk(target)):
            if isinstance(node, ast.Name):
                yield node.id
