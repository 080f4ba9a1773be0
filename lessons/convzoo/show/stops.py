"""A slider that needs no kernel: one picture for each stop, chosen with radio buttons and CSS.

For slides, a book and an executed solution, which have no kernel and no scripts.
"""

from collections.abc import Sequence
from hashlib import sha1
from html import escape

from convzoo.show.picture import Picture

MOST = 8  # pictures that a page holds for one slider


def switch(label: str, stops: Sequence[tuple[str, Picture]], chosen: int) -> Picture:
    """Return pictures with a radio button for each stop; the one at `chosen` is shown first.

    A page that strips styles shows all of them in a column, each under its name.
    """
    key = "stops" + sha1("".join(p.html for _, p in stops).encode()).hexdigest()[:8]
    buttons, pages, rules = [], [], [f".{key}>.still{{display:none}}"]
    for k, (name, picture) in enumerate(stops):
        checked = " checked" if k == chosen else ""
        buttons.append(
            f'<input type="radio" name="{key}" id="{key}-{k}"{checked}>'
            f'<label for="{key}-{k}">{escape(name)}</label>'
        )
        pages.append(f'<div class="still s{k}">{picture.html}</div>')
        rules.append(f"#{key}-{k}:checked~.s{k}{{display:block}}")
    style = (
        f"<style>{''.join(rules)}"
        f".{key}>input{{margin:0 .3em 0 .9em}}.{key}>label{{cursor:pointer;font-size:18px}}"
        f".{key}>input:checked+label{{font-weight:bold;text-decoration:underline}}</style>"
    )
    html = (
        f'<div class="{key}" role="group" aria-label="{escape(label)}">{style}'
        f"<b>{escape(label)}</b>{''.join(buttons)}{''.join(pages)}</div>"
    )
    return Picture(stops[chosen][1].alt, html)
