"""Pictures for pages that do not allow inline SVG.

JupyterLab sanitises the HTML of a notebook that was not run on this machine, such as a solution: of
an inline SVG only the bare texts are left. So each SVG is accompanied by an image.
"""

import base64
import re

_SVG = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_LIVE_PARTS = re.compile(r'<title>.*?</title>|<text class="(?:t|hint)".*?</text>', re.DOTALL)
_TRUSTED = "<style>.convzoo-live{display:block!important}.convzoo-still{display:none}</style>"


def for_any_page(html: str, plain: str = "") -> str:
    """Return the HTML together with a copy that has images for SVGs; only one of them shows.

    A page that sanitises drops the <style> and so shows the images; `plain` is what it shows if the
    HTML needs its style.
    """
    if not _SVG.search(html) and not plain:
        return html
    still = _SVG.sub(lambda found: as_image(found[0]), plain or html)
    return (
        f'<div class="convzoo-live" style="display:none">{html}</div>'
        f'<div class="convzoo-still">{still}</div>{_TRUSTED}'
    )


def as_image(svg: str) -> str:
    """Return one of our SVGs as an <img> with the same alt text and size, without the texts of
    cells."""
    start = svg[: svg.index(">")]
    words, width, height = (
        re.search(rf'\b{name}="([^"]*)"', start)[1] for name in ("aria-label", "width", "height")
    )
    data = base64.b64encode(_LIVE_PARTS.sub("", svg).encode()).decode()
    return (
        f'<img alt="{words}" width="{width}" height="{height}" '
        f'style="max-width:100%;height:auto" src="data:image/svg+xml;base64,{data}">'
    )
