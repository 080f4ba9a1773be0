"""What can be shown, and where: a picture with its alt text, a notice, a display.

In a notebook things are drawn; in a terminal, a script or a test the same words are printed.
IPython is never imported here: where it runs, it is already loaded.
"""

import re
import sys
from dataclasses import dataclass
from html import escape

from convzoo.show.palette import FONT, INPUT, MONO, NEUTRAL, OUTPUT, WEIGHT, channels
from convzoo.show.stills import for_any_page

KINDS = {"pass": (OUTPUT, "✓"), "fail": (WEIGHT, "✗"), "info": (INPUT, "➜"), "todo": (NEUTRAL, "○")}


@dataclass(frozen=True)
class Picture:
    """A picture and its alt text.

    `html` contains an <img alt>, an <svg role="img" aria-label> or a table; front ends ignore alt
    text anywhere else.
    """

    alt: str
    html: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": for_any_page(self.html), "text/plain": self.alt}


def on_white(alt: str, width: float, height: float, text: float, drawn: str) -> Picture:
    """Return a drawing as an SVG on a white page. Sizes are in pixels.

    text: the size of its letters; drawn: what is on the page, as SVG elements.
    """
    return Picture(
        alt,
        f'<svg role="img" aria-label="{escape(alt)}" xmlns="http://www.w3.org/2000/svg" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'preserveAspectRatio="xMinYMin" font-family="{FONT}" font-size="{text}" '
        'style="max-width:100%;height:auto"><rect width="100%" height="100%" fill="#fff"/>'
        f"{drawn}</svg>",
    )


def in_notebook() -> bool:
    """Return whether a Jupyter kernel runs this code."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return hasattr(get_shell(), "kernel")


def display(thing) -> None:
    """Show `thing` in a notebook; elsewhere print its alt text (or its repr)."""
    if in_notebook():
        from IPython.display import display as show

        show(thing)
    else:
        print(getattr(thing, "alt", None) or repr(thing))


def notice(title: str, body: str = "", kind: str = "info") -> None:
    """Show a box with a coloured edge in a notebook, the same text elsewhere.

    kind: "pass", "fail", "info" or "todo". Paragraphs of the body are separated by an empty line;
    those that contain matrices or code keep their columns.
    """
    display(notice_picture(title, body, kind))


def notice_picture(title: str, body: str = "", kind: str = "info") -> Picture:
    """Return the notice as a Picture, to be shown in a view of its own."""
    colour, sign = KINDS[kind]
    red, green, blue = channels(colour)
    paragraphs = re.split(r"\n\s*\n", body.strip("\n")) if body.strip() else []
    html = (
        f'<div class="convzoo-notice convzoo-{kind}" style="border-left:6px solid {colour};'
        f"background:rgba({red},{green},{blue},.1);color:inherit;padding:.5em .9em;"
        'margin:.4em 0;line-height:1.45;overflow-x:auto">'
        f'<strong><span aria-hidden="true" style="color:{colour}">{sign}</span> '
        f"{escape(title)}</strong>{''.join(map(_paragraph, paragraphs))}</div>"
    )
    return Picture(f"{title}\n{body}".rstrip("\n"), html)


def _paragraph(text: str) -> str:
    if _has_columns(text):
        return (
            f'<pre style="font-family:{MONO};margin:.4em 0 0;color:inherit;word-break:normal;'
            f'overflow-wrap:normal;background:transparent;border:0;padding:0;line-height:1.3">{escape(text)}</pre>'
        )
    lines = "<br>".join(map(coded, text.splitlines()))
    return f'<div style="margin:.4em 0 0">{lines}</div>'


def coded(line: str) -> str:
    """Return a line as HTML, with `code` in backticks shown as code."""
    return re.sub(r"`([^`<>]+)`", r"<code>\1</code>", escape(line))


def _has_columns(text: str) -> bool:
    """Return whether a paragraph needs its columns, as matrices, indented code and tables do."""
    return any(re.search(r"\S {2,}\S|^ {2,}\S|^\s*\[", line) for line in text.splitlines())
