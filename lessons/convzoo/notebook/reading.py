"""Reads a lesson, or what a student hands in.

A file is read as untrusted text, with limits on its size and depth, and nothing in it is executed.
This module returns plain, frozen cells.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

from convzoo.errors import UserError
from convzoo.notebook.cells import Cell, Notebook

MAX_NOTEBOOK = 20_000_000  # bytes: pictures in the outputs included
MAX_SCRIPT = 1_000_000  # bytes
MAX_DEPTH = 60
MAX_CELLS = 2000
MAX_MARKER = 1000  # characters of the line that begins a cell of a script

# Whatever may begin a cell of a script: each is expensive to read, and more so the longer it is.
_MARKER = re.compile(r"^[ \t]*#[ \t]*(?:%%|In\[|<codecell>).*", re.MULTILINE)
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
    if len(cells) > MAX_CELLS:
        raise UserError(f"{label} has more than {MAX_CELLS} cells, too many for a lesson.")
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
    markers = _MARKER.findall(text)
    if len(markers) > MAX_CELLS:
        raise UserError(f"{label} has more than {MAX_CELLS} cells, too many for a lesson.")
    if long := next((line for line in markers if len(line) > MAX_MARKER), ""):
        raise UserError(f"{label} has a cell that begins with a line of {len(long)} characters.")
    try:
        cells = [Cell(kind, source, deepcopy(own)) for kind, source, own in _parts_of(text)]
    except ImportError:
        raise UserError(
            f"Reading {label} needs jupytext, which is not installed. Run `pip install jupytext`, "
            "or name the .ipynb instead."
        ) from None
    except Exception as problem:
        raise UserError(
            f"{label} cannot be read as a script in percent format ({type(problem).__name__}). "
            "Name the .ipynb instead."
        ) from None
    return Notebook(name, tuple(cells))


@lru_cache(maxsize=16)
def _parts_of(script: str) -> tuple[tuple[str, str, dict], ...]:
    """Return the kind, source and metadata of a script's cells. The last scripts are remembered: to
    read one takes longer than to count a network of its layers."""
    import jupytext

    return tuple(
        (
            node.cell_type,
            node.source,
            {k: v for k, v in node.metadata.items() if k not in _JUPYTEXT_OWN},
        )
        for node in jupytext.reads(_headless(script), fmt="py:percent").cells
    )


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
