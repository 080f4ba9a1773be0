"""Pages from the templates next to this file. Everything that is put into one is text, never
HTML."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from convzoo.teach.grade.mark.marks import total
from convzoo.teach.grade.out.tables import number


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"number": number, "total": total, "sha256": _sha256}
    return found


def _sha256(text: str) -> str:
    """Return the hash by which a page's content security policy knows a script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def render(name: str, script: str = "", **values) -> str:
    """Return a page. name: its template, such as "feedback"; script: the file next to this one with
    the page's only script; values: what it shows."""
    source = (Path(__file__).parent / script).read_text(encoding="utf-8") if script else ""
    return _environment().get_template(f"{name}.html.j2").render(script=source, **values)
