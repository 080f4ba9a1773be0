"""What solutions/lecture.py puts on its slides, besides the pictures that the lessons draw.

A cell's value is one of these, or a `show.Picture`; `teach.lecture` turns it into a part of a
slide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path

from convzoo import place
from convzoo.errors import UserError, nearest
from convzoo.notebook.cells import Notebook
from convzoo.notebook.reading import read
from convzoo.show import Picture

TAG = "lecture"  # of the lessons' cells that the lecture takes
LARGER = 1.1  # than on a page: all matrices of the lecture have this scale, at the same place
LINES = 10  # of code on a slide
SIGNS = {"held": "✓", "partly": "◐", "open": "?", "failed": "✗"}  # of a verdict's tone
Picks = Sequence[Picture]


@dataclass(frozen=True)
class Asked:
    """A claim as a question to the hall. options: what people raise their hands for; right: the
    one that the answer marks; teaser: a picture that the answer replaces."""

    claim: int
    question: str
    options: tuple[str, ...] = ()
    right: str | None = None
    teaser: Picture | None = None

    def __post_init__(self):
        if self.right is not None and self.right not in self.options:
            raise UserError(
                f"Claim {self.claim} marks {self.right!r} as right, which is not among its options "
                f"{', '.join(self.options)}. Has a measured number changed?"
            )


@dataclass(frozen=True)
class Answered:
    """What was measured: a sentence, the verdict in a word or two, where the numbers come from."""

    claim: int
    text: str
    verdict: str
    source: str
    picture: Picture | None = None

    @property
    def tone(self) -> str:
        """How the verdict is coloured: "held", "partly", "open" or "failed"."""
        word = self.verdict.lower().rstrip(".")
        if word == "held":
            return "held"
        starts = {"held": "partly", "half": "partly", "did not hold": "failed"}
        return next((tone for start, tone in starts.items() if word.startswith(start)), "open")


@dataclass(frozen=True)
class Text:
    """Markdown with numbers that were computed."""

    markdown: str


@dataclass(frozen=True)
class Lead:
    """A notebook to open now: the lesson, one of its headings, and what to do there."""

    lesson: str
    section: str
    action: str


def lead(lesson: str, section: str, action: str) -> Lead:
    """Return where to open a notebook; raises UserError if there is no such heading in it."""
    cells = _source(lesson).cells
    headings = [
        found
        for cell in cells
        if cell.kind == "markdown"
        for found in re.findall(r"^#+ +(.+?)\s*$", cell.source, re.MULTILINE)
    ]
    if section not in headings:
        raise UserError(
            f"The lecture leads to {section!r} in lesson {lesson}, which has no such heading. "
            f"{nearest(section, headings)}"
        )
    return Lead(lesson, section, action)


def spot(picture: Picture) -> Picture:
    """Return a matrix at the scale that all matrices on the spot have."""
    larger = re.sub(
        r'width="(\d+)" height="(\d+)"',
        lambda found: " ".join(
            f'{name}="{LARGER * int(value):.0f}"'
            for name, value in zip(("width", "height"), found.groups(), strict=True)
        ),
        picture.html,
        count=1,
    )
    return Picture(picture.alt, larger)


def slider(key: str, label: str, names: Sequence[str], chosen: int) -> Picture:
    """Return a slider without a kernel: it moves every `at_each` with the same key.

    names: what its stops are called; chosen: the one where it begins.
    """
    stops = "".join(f"<output>{escape(name)}</output>" for name in names)
    html = (
        f'<label class="slider"><span>{escape(label)}</span>'
        f'<input type="range" min="0" max="{len(names) - 1}" value="{chosen}" '
        f'data-slider="{key}"><span class="stops" data-of="{key}" data-chosen="{chosen}">{stops}'
        "</span></label>"
    )
    return Picture(f"A slider, {label}: {', '.join(names)}.", html)


def at_each(key: str, pictures: Picks, chosen: int) -> Picture:
    """Return one picture for each stop of a slider; one of them shows."""
    items = "".join(f"<div>{picture.html}</div>" for picture in pictures)
    html = f'<div class="stops" data-of="{key}" data-chosen="{chosen}">{items}</div>'
    return Picture(pictures[chosen].alt, html)


def in_row(*pictures: Picture, shares: str = "") -> Picture:
    """Return pictures side by side, as wide as `shares` says in CSS ("2fr 1fr")."""
    items = "".join(f'<div class="picture">{picture.html}</div>' for picture in pictures)
    columns = shares or " ".join(["1fr"] * len(pictures))
    html = f'<div class="in-row" style="grid-template-columns:{columns}">{items}</div>'
    return Picture("\n".join(picture.alt for picture in pictures), html)


def captioned(picture: Picture, words: str) -> Picture:
    """Return a picture with a line of text below it."""
    html = (
        f'<figure><div class="picture">{picture.html}</div>'
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )
    return Picture(f"{picture.alt} {words}", html)


def bare(picture: Picture, words: str = "") -> Picture:
    """Return a matrix, an image or a photograph without its labels, which would be too small in a
    row of several, with `words` below it. Marks at the rows of a matrix stay."""
    drawn = re.sub(r"<text\b.*?</text>", "", picture.html, flags=re.DOTALL)
    frame = re.search(
        r'<(?:image|rect) x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" '
        r'(?:fill="none"|href)',
        drawn,
    )
    x, y, wide, high = (float(value) for value in frame.groups())
    cropped = re.sub(
        r'viewBox="[^"]*"( preserveAspectRatio="\w+")?',
        f'viewBox="{x - 8:g} {y - 2:g} {wide + 16:g} {high + 4:g}"',
        drawn,
        count=1,
    )
    cut = Picture(picture.alt, cropped)
    return captioned(cut, words) if words else cut


def formula(tex: str, words: str = "", wide: bool = False) -> Picture:
    """Return a line of a board: a formula, and what it says next to it; wide: mostly formula."""
    typeset = f"\\(\\displaystyle {escape(tex)}\\)"
    kind = "line wide" if wide else "line"
    html = f'<div class="{kind}"><div>{typeset}</div><p>{escape(words)}</p></div>'
    return Picture(f"{tex} {words}".strip(), html)


def code(source: str) -> Picture:
    """Return a few lines of code, large. Raises UserError for more than ten."""
    lines = source.strip("\n").splitlines()
    if len(lines) > LINES:
        raise UserError(
            f"A slide of the lecture has room for {LINES} lines of code, but this cell has "
            f"{len(lines)}. Show the line that is the idea."
        )
    body = escape("\n".join(lines))
    return Picture(f"Code: {' '.join(lines)}", f'<pre class="code">{body}</pre>')


def answer_lines(lesson: str, exercise: str) -> str:
    """Return the code between the marks of a solution's answer, without its indentation."""
    for cell in _source(lesson).cells:
        if cell.owner == ("exercise", exercise):
            found = re.search(r"### BEGIN SOLUTION\n(.*?)\n *### END", cell.source, re.DOTALL)
            return re.sub(r"^    ", "", found[1], flags=re.MULTILINE)
    raise UserError(
        f"The lecture shows the answer to {exercise!r}, but no cell of lesson {lesson} has that id."
    )


def verdict(lesson: str, words: str) -> str:
    """Return a lesson's verdict on a claim: the bold beginning of its item that contains `words`.

    It is looked for in the lesson's text cells with the tag `lecture`. Raises UserError if no item,
    or more than one, contains the words.
    """
    text = "\n".join(_texts(lesson))
    items = re.findall(r"^- +(.+?)(?=^- |^$|\Z)", text, re.MULTILINE | re.DOTALL)
    found = [" ".join(item.split()) for item in items if words in " ".join(item.split())]
    bold = re.match(r"\*\*(.+?)\*\*", found[0]) if len(found) == 1 else None
    if not bold:
        count = "none" if not found else "more than one"
        raise UserError(
            f"The lecture takes its verdict from lesson {lesson}, from the item that contains "
            f"{words!r}. Of the items of its cells with the tag {TAG!r}, {count} does."
        )
    return bold[1].rstrip(".") + "."


def quoted(lesson: str, sentence: str) -> float:
    """Return a number that a lesson quotes: `sentence` is its words around it, with {} for it.

    It is looked for in the lesson's text cells with the tag `lecture`. Raises UserError if no text
    contains the words.
    """
    text = " ".join(" ".join(_texts(lesson)).split())
    before, after = (re.escape(part) for part in sentence.split("{}"))
    found = re.search(before + r"(\d[\d.,]*\d|\d)" + after, text)
    if not found:
        raise UserError(
            f"The lecture quotes {sentence!r} from lesson {lesson}, but no text there with the tag "
            f"{TAG!r} says so."
        )
    return float(found[1].replace(",", ""))


def pick(names: object, name: str, lesson: str):
    """Return what a lesson's cell defines; raises UserError if no cell with the tag does."""
    try:
        return getattr(names, name)
    except AttributeError:
        raise UserError(
            f"The lecture needs {name!r} from lesson {lesson}, but none of its cells with the tag "
            f"'define' or {TAG!r} defines it. Has a cell lost its tag, or the name changed?"
        ) from None


class Lesson:
    """What the cells of a lesson define that the lecture takes; a missing name is a clear
    sentence."""

    def __init__(self, name: str, define: Callable[[str], object]):
        self._name, self._names = name, define(name)

    def __getattr__(self, name: str):
        return pick(self._names, name, self._name)


def scoreboard(found: Mapping[int, tuple[str, Sequence[Answered]]]) -> Picture:
    """Return all claims with their verdicts, in columns: claim -> (its words, its answers)."""
    items, said = [], []
    for claim, (words, answers) in found.items():
        verdicts = " ".join(dict.fromkeys(answer.verdict for answer in answers))
        tones = {answer.tone for answer in answers}
        tone = tones.pop() if len(tones) == 1 else "partly"
        items.append(
            f'<li class="{tone}"><b>{claim}</b><span>{escape(words)}</span>'
            f"<em>{SIGNS[tone]} {escape(verdicts)}</em></li>"
        )
        said.append(f"{claim}, {words}: {verdicts}")
    return Picture("; ".join(said), f'<ul class="scoreboard">{"".join(items)}</ul>')


def measured(record: Mapping) -> str:
    """Return where a shipped result was measured, and when."""
    threads = f", {record['threads']} threads" if record.get("threads", 1) > 1 else ""
    device = f"{record['device']} ({record['kind'].upper()}{threads})"
    return f"Measured on {device}, {in_words(date.fromisoformat(record['date']))}."


def counted(today: date) -> str:
    """Return where a counted result comes from."""
    return f"Counted while this deck was made, {in_words(today)}: the same on every device."


def in_words(day: date) -> str:
    """Return "3 November 2026"."""
    return f"{day.day} {day:%B %Y}"


def _source(lesson: str) -> Notebook:
    return read(Path(place.root()) / "solutions" / f"{lesson}.py")


def _texts(lesson: str) -> list[str]:
    cells = _source(lesson).cells
    return [cell.source for cell in cells if cell.kind == "markdown" and TAG in cell.tags]
