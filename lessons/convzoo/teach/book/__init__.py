"""The book: the executed solutions as a static site, with answers for teachers, without them for
students.

Sphinx with MyST-NB makes the pages; this prepares what it reads. The site loads nothing from
another host.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from convzoo import place
from convzoo.errors import UserError
from convzoo.teach import assets
from convzoo.teach.book.glossary import definitions, glossary_page, linked
from convzoo.teach.executed import executed_solutions, without_answers, without_kernel

HERE = Path(__file__).parent
BUILDS = {"students": "without answers", "teachers": "with answers"}
_NEEDED = ("sphinx", "myst_nb", "furo")


def make_book(out: Path | None = None, root: Path | None = None, tell=print) -> list[Path]:
    """Make both books in `out`, by default build/book; return their first pages.

    Raises UserError if a package of the extra `book` is missing, or MathJax cannot be fetched.
    """
    root = root or place.root()
    out = out or root / "build" / "book"
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"The book needs {', '.join(missing)}. Run `pip install -e '.[book]'` once."
        )
    pages = []
    for name, what in BUILDS.items():
        tell(f"{name}: the book {what}")
        source = out / "source" / name
        _write_source(source, root, without_answers if name == "students" else dict, name)
        pages.append(_build(source, out / name))
    return pages


def _write_source(source: Path, root: Path, shown: Callable[[dict], dict], edition: str) -> None:
    """Write what Sphinx reads: the lessons, their pictures, the first page, the glossary."""
    shutil.rmtree(source, ignore_errors=True)
    for folder in ("lessons", "_static"):
        (source / folder).mkdir(parents=True)
    guide = (root / "lessons" / "README.md").read_text(encoding="utf-8")
    terms = definitions(guide)
    shutil.copytree(root / "figures", source / "figures", ignore=_only_pictures)
    for path in executed_solutions(root):
        notebook = shown(json.loads(path.read_text(encoding="utf-8")))
        notebook = linked(without_kernel(notebook, _behind_a_click), terms)
        notebook = _one_title(_folded(notebook))
        text = json.dumps(notebook, ensure_ascii=False)
        (source / "lessons" / path.name).write_text(text, encoding="utf-8")
    (source / "glossary.md").write_text(glossary_page(terms), encoding="utf-8")
    first = (HERE / "index.md").read_text(encoding="utf-8")
    first = first.replace("EDITION", BUILDS[edition])
    (source / "index.md").write_text(first, encoding="utf-8")
    for name in ("conf.py", "book.css", "book.js"):
        target = source if name == "conf.py" else source / "_static"
        shutil.copyfile(HERE / name, target / name)
    assets.provide(root / "build" / "assets", source / "_static", ["mathjax"])


def _only_pictures(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".svg")]


def _folded(notebook: dict) -> dict:
    """Return the notebook with the tag by which MyST folds code that a lesson folds."""
    for cell in notebook["cells"]:
        if cell["metadata"].get("jupyter", {}).get("source_hidden"):
            cell["metadata"]["tags"] = sorted({*cell["metadata"].get("tags", []), "hide-input"})
    return notebook


def _behind_a_click(answer: list[str]) -> list[str]:
    """Return the answer to a prediction, folded: the reader guesses first."""
    summary = "<summary>Guess first. Then open the answer.</summary>"
    return [f"<details>{summary}{''.join(answer)}</details>"] if answer else []


def _one_title(notebook: dict) -> dict:
    """Return the notebook with one heading of the first level: a page is one lesson, and its
    further parts are sections of it."""
    titles = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            source = "".join(cell["source"])
            titles += source.startswith("# ")
            cell["source"] = re.sub("^(#+ )", r"#\1", source, flags=re.M) if titles > 1 else source
    return notebook


def _build(source: Path, target: Path) -> Path:
    """Run Sphinx; return the first page. Raises UserError with its first warning."""
    shutil.rmtree(target, ignore_errors=True)
    words = ["-m", "sphinx", "--builder", "html", "--quiet", "--no-color", "--fail-on-warning"]
    words += ["--doctree-dir", str(source.parent / f"{source.name}-doctrees")]
    done = subprocess.run(
        [sys.executable, *words, str(source), str(target)], capture_output=True, text=True
    )
    if done.returncode:
        first = next(filter(str.strip, (done.stderr + done.stdout).splitlines()), "an error")
        raise UserError(f"Sphinx reports: {first} Correct the source, then make the book again.")
    return target / "index.html"
