"""The whole lecture as one deck: solutions/lecture.py as slides for reveal.js, and as a PDF.

Its cells join cells of the lessons. Each code cell is executed here, without a kernel, and its
value becomes a part of a slide: a picture, a question to the hall, an answer. The page needs no
network and no kernel: its sliders choose among pictures that are in it.
"""

from __future__ import annotations

import ast
import linecache
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from itertools import accumulate
from pathlib import Path

from convzoo import device, place
from convzoo.errors import UserError
from convzoo.notebook.cells import Cell, with_ids
from convzoo.notebook.reading import read
from convzoo.show import Picture
from convzoo.teach import assets
from convzoo.teach.lecture_parts import SIGNS, Answered, Asked, Lead, Text
from convzoo.teach.pdf import printed

SOURCE = "lecture.py"


@dataclass(frozen=True)
class Made:
    """The files of a deck, and what is missing, in a sentence."""

    files: tuple[Path, ...]
    notice: str


@dataclass
class Slide:
    """One slide: the parts of its columns as HTML, its notes and their minutes."""

    title: str
    layout: str
    columns: dict[str, list[str]] = field(default_factory=lambda: {"left": [], "main": []})
    notes: str = ""
    minutes: float = 0
    clicks: int = 0
    teaser: Picture | None = None  # of the question that is open

    @property
    def seconds(self) -> int:
        return round(60 * self.minutes)


def main(out: Path | None = None, root: Path | None = None) -> Made:
    """Make build/lecture/lecture.html and, if there is a Chromium, lecture.pdf.

    Raises UserError for a cell that does not run, for one of a lesson that is missing, and if
    reveal and MathJax cannot be fetched.
    """
    root = root or place.root()
    out = out or root / "build" / "lecture"
    slides = slides_of(root / "solutions" / SOURCE)
    assets.provide(root / "build" / "assets", out)
    deck, pdf = out / "lecture.html", out / "lecture.pdf"
    deck.write_text(page(slides), encoding="utf-8")
    notice = printed(deck, pdf, len(slides))
    return Made((deck,) if notice else (deck, pdf), notice)


def slides_of(source: Path) -> list[Slide]:
    """Execute the lecture's source and return its slides."""
    slides, names = [], {"__name__": "lecture"}
    with _undisturbed():
        device.seed(0)
        for cell in with_ids(read(source)).cells:
            kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
            if kind == "slide":
                slides.append(Slide(_title(cell), cell.metadata.get("layout", "wide")))
            where = f"{source.name}, slide {slides[-1].title!r}" if slides else source.name
            value = Text(cell.source) if cell.kind == "markdown" else value_of(cell, names, where)
            if kind == "notes":
                slides[-1].notes = html_of(cell.source)
                slides[-1].minutes = cell.metadata.get("minutes", 0)
            elif kind != "skip" and value is not None and slides:
                _place(slides[-1], value, cell.metadata.get("at", "main"), kind == "fragment")
    return slides


def value_of(cell: Cell, names: dict, where: str) -> object:
    """Execute a cell among `names` and return the value of its last line, None if that is not an
    expression. Raises UserError for whatever it raises, with the place of the cell."""
    label = f"<lecture {cell.id}>"
    linecache.cache[label] = (len(cell.source), None, cell.source.splitlines(True), label)
    try:
        body = ast.parse(cell.source, label).body
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), label, "exec"), names)
        return eval(compile(ast.Expression(last.value), label, "eval"), names) if last else None
    except UserError as problem:
        raise UserError(f"{where}: {problem}") from None
    except Exception as problem:
        raise UserError(
            f"{where}: the cell raised {type(problem).__name__}: {problem}"
        ) from problem


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let the lessons' cells ask no guesses, and read and write nobody's progress."""
    kept = {name: os.environ.get(name) for name in ("CONVZOO_PREDICT", "CONVZOO_HOME")}
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(CONVZOO_PREDICT="skip", CONVZOO_HOME=home)
        try:
            yield
        finally:
            for name, value in kept.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def html_of(markdown: str) -> str:
    """Return a text cell as HTML; formulas stay as they are, for MathJax."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(markdown)


def _title(cell: Cell) -> str:
    found = re.search(r"^#+ +(.+?)\s*$", cell.source, re.MULTILINE)
    return found[1] if found else ""


def _place(slide: Slide, value: object, column: str, later: bool) -> None:
    """Add a value to a column of a slide; `later`: at the next click."""
    if isinstance(value, Asked):
        slide.columns["main"].append(_question(value, slide.clicks))
        slide.columns[column].append(_SLOT)
        slide.teaser = value.teaser
    elif isinstance(value, Answered):
        _answer(slide, value)
    else:
        kind, html = _part(value)
        click = f' fragment" data-fragment-index="{slide.clicks}' if later else ""
        slide.clicks += later
        slide.columns[column].append(f'<div class="part {kind}{click}">{html}</div>')


_FIXED = ("<label", "<pre", '<div class="line')  # pictures that take the height they need
_SLOT = "the pictures of a question and of its answer"


def _part(value: object) -> tuple[str, str]:
    """Return the kind of a part and its HTML."""
    if isinstance(value, Text):
        return "text", html_of(value.markdown)
    if isinstance(value, Lead):
        return "lead", (
            f"<b>{escape(value.lesson)}</b><span>{escape(value.section)}</span>"
            f"<p>{escape(value.action)}</p>"
        )
    if isinstance(value, Picture):
        return ("still" if value.html.startswith(_FIXED) else "picture"), value.html
    raise UserError(
        f"A cell of the lecture has the value {value!r}, which is no part of a slide. End it with "
        "a picture, a question, an answer or a text."
    )


def _question(asked: Asked, click: int) -> str:
    options = "".join(
        f'<li class="fragment custom right" data-fragment-index="{click}">{escape(option)}</li>'
        if option == asked.right
        else f"<li>{escape(option)}</li>"
        for option in asked.options
    )
    return (
        f'<div class="part ask" data-claim="{asked.claim}"><p><span class="claim">Claim '
        f"{asked.claim}</span> {html_of(asked.question).removeprefix('<p>')}"
        f"{f'<ol>{options}</ol>' if options else ''}</div>"
    )


def _answer(slide: Slide, answered: Answered) -> None:
    """Put the answer's picture where the question's was, and its words below."""
    click = f'data-fragment-index="{slide.clicks}"'
    slide.clicks += 1
    shown = [
        f'<div class="{kind} picture" {click}>{picture.html}</div>'
        for kind, picture in (("fragment fade-out", slide.teaser), ("fragment", answered.picture))
        if picture
    ]
    filled = [f'<div class="part swap">{"".join(shown)}</div>'] if shown else []
    for parts in slide.columns.values():
        if _SLOT in parts:
            at = parts.index(_SLOT)
            parts[at : at + 1] = filled
    tone = answered.tone
    slide.columns["main"].append(
        f'<div class="part answer {tone} fragment" {click} data-answers="{answered.claim}">'
        f'<p class="verdict"><span aria-hidden="true">{SIGNS[tone]}</span> '
        f"{escape(answered.verdict)}</p><div>{html_of(answered.text)}"
        f'<p class="source">{escape(answered.source)}</p></div></div>'
    )


def page(slides: list[Slide]) -> str:
    """Return the deck as one page."""
    from jinja2 import Environment, FileSystemLoader

    ends = list(accumulate(slide.minutes for slide in slides))
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=False)
    template = environment.get_template("lecture.html.j2")
    return template.render(slides=zip(slides, ends, strict=True), total=ends[-1], count=len(ends))
