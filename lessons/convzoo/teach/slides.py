"""Slides of a lesson: the cells of its executed solution, without its answers.

A page for reveal.js at 1280x720 that needs no network: reveal and MathJax are next to it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path

from convzoo import place
from convzoo.errors import UserError
from convzoo.notebook.cells import Cell
from convzoo.teach import assets
from convzoo.teach.regions import stub

WIDTH, HEIGHT = 1280, 720
VIEW = "application/vnd.jupyter.widget-view+json"


def main(
    names: Iterable[str | Path] = (), out: str | Path | None = None, root: Path | None = None
) -> list[Path]:
    """Make the slides of some lessons, or of all; return the pages.

    names: "02", "02_resnext" or the path of a lesson. Raises UserError for an unknown lesson, and
    if reveal and MathJax cannot be fetched.
    """
    root = root or place.root()
    out = Path(out) if out else root / "build" / "slides"
    solutions = _solutions(root, names)
    assets.provide(root / "build" / "assets", out)
    return [_page(solution, out) for solution in solutions]


def slides_of(notebook: dict) -> dict:
    """Return the notebook as it is shown in a lecture.

    Answers are left out: an exercise shows its stub without outputs; cells of the answer and the
    notices of passed checks are dropped. A widget's output is replaced by its picture without a
    kernel; the answer to a prediction comes at the next click.
    """
    shown = []
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", [])
        if "answer" in tags:
            continue
        cell = deepcopy(cell)
        _hide_answer(cell)
        if "outputs" in cell:
            cell["outputs"] = [output for output in cell["outputs"] if not _praises(output)]
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output["data"].pop(VIEW, None)
        if "predict(" in "".join(cell["source"]):
            _hold_back(cell.get("outputs", [])[1:])
        shown.append(cell)
    metadata = {k: v for k, v in notebook["metadata"].items() if k != "widgets"}
    return {**notebook, "cells": shown, "metadata": metadata}


def _hold_back(outputs: list[dict]) -> None:
    """Show what follows a prediction's question at the next click, so that the audience guesses
    first."""
    for output in outputs:
        html = "".join(output.get("data", {}).get("text/html", ""))
        if html:
            output["data"]["text/html"] = f'<div class="fragment">{html}</div>'


def _praises(output: dict) -> bool:
    """Return whether an output says that an exercise has passed, under a stub that does nothing."""
    return "convzoo-pass" in "".join(output.get("data", {}).get("text/html", ""))


def _hide_answer(cell: dict) -> None:
    source = "".join(cell["source"])
    plain = Cell(cell["cell_type"], source, cell["metadata"], cell.get("id", ""))
    released = stub(plain).source
    if plain.role == "free":
        released = "*What is your guess?*"
    if plain.role and released != source:
        cell["source"] = released
        if plain.kind == "code":
            cell["outputs"], cell["execution_count"] = [], None


def _solutions(root: Path, names: Iterable[str | Path]) -> list[Path]:
    there = {path.stem: path for path in sorted(root.glob("solutions/[0-9][0-9]_*.ipynb"))}
    if not there:
        raise UserError(
            f"There is no executed solution in {root / 'solutions'}, but slides are made from "
            "them. Run `python -m convzoo release` first."
        )
    chosen = []
    for name in map(lambda n: Path(n).stem, names):
        found = [stem for stem in there if name in (stem, stem[:2])]
        if not found:
            raise UserError(f"There is no lesson {name}. Choose from {', '.join(there)}.")
        chosen += found
    return [there[stem] for stem in chosen or there]


def _page(solution: Path, out: Path) -> Path:
    import nbformat
    from jinja2 import DictLoader
    from nbconvert import SlidesExporter
    from traitlets.config import Config

    notebook = nbformat.read(solution, as_version=4)
    shown = nbformat.from_dict(slides_of(notebook))
    for cell in shown.cells:
        cell.source = "".join(cell.source)
    template = (Path(__file__).parent / "slides.html.j2").read_text(encoding="utf-8")
    hidden = Config()  # hides code if the picture is the slide
    hidden.TagRemovePreprocessor.enabled = True
    hidden.TagRemovePreprocessor.remove_input_tags = {"hide-input"}
    exporter = SlidesExporter(
        config=hidden,
        extra_loaders=[DictLoader({"convzoo.html.j2": template})],
        template_file="convzoo.html.j2",
        embed_images=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        reveal_url_prefix="reveal",
        reveal_theme="white",
        mathjax_url="mathjax/MathJax.js?config=TeX-AMS-MML_HTMLorMML-full",
    )
    resources = {"metadata": {"name": solution.stem, "path": str(solution.parent)}}
    html, _ = exporter.from_notebook_node(shown, resources)
    page = out / f"{solution.stem}.slides.html"
    page.write_text(_with_figures(html, solution.parent, out), encoding="utf-8")
    return page


def _with_figures(html: str, folder: Path, out: Path) -> str:
    """Copy the figures that a lesson shows next to the slides, and link to them there."""
    for name in sorted(set(re.findall(r'src="\.\./(figures/[\w./-]+)"', html))):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder.parent / name, out / name)
    return html.replace('src="../figures/', 'src="figures/')
