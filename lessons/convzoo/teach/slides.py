"""Slides of a lesson: the cells of its executed solution, without its answers.

A page for reveal.js at 1280x720 that needs no network: reveal and MathJax are next to it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from convzoo import place
from convzoo.teach import assets
from convzoo.teach.executed import executed_solutions, without_answers, without_kernel

WIDTH, HEIGHT = 1280, 720


def main(
    names: Iterable[str | Path] = (), out: str | Path | None = None, root: Path | None = None
) -> list[Path]:
    """Make the slides of some lessons, or of all; return the pages.

    names: "02", "02_resnext" or the path of a lesson. Raises UserError for an unknown lesson, and
    if reveal and MathJax cannot be fetched.
    """
    root = root or place.root()
    out = Path(out) if out else root / "build" / "slides"
    solutions = executed_solutions(root, names)
    assets.provide(root / "build" / "assets", out)
    return [_page(solution, out) for solution in solutions]


def slides_of(notebook: dict) -> dict:
    """Return the notebook as it is shown in a lecture: without answers and without a kernel; the
    answer to a prediction comes at the next click, so that the audience guesses first."""
    return without_kernel(without_answers(notebook), _at_the_next_click)


def _at_the_next_click(answer: list[str]) -> list[str]:
    return [f'<div class="fragment">{html}</div>' for html in answer]


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
