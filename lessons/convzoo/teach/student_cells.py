"""A student's copy of a lesson: which cells are theirs, and what is executed to try them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from convzoo.notebook.cells import Cell, Notebook, plain, syntax, with_ids


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
