"""Pages from the templates next to this file. Everything that is put into one is text, never
HTML."""

from __future__ import annotations

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
    found.filters |= {"number": number, "total": total}
    return found


def render(name: str, **values) -> str:
    """Return a page. name: its template, such as "feedback"; values: what it shows."""
    return _environment().get_template(f"{name}.html.j2").render(**values)
