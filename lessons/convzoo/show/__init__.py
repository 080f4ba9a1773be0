"""Pictures of results, with alt text for every picture; nothing here computes a result."""

from convzoo.show import draw, widgets
from convzoo.show.listing import source
from convzoo.show.numbers import bytes_, number, seconds, si
from convzoo.show.picture import Picture, coded, display, in_notebook, notice, notice_picture

__all__ = [
    "Picture",
    "bytes_",
    "coded",
    "display",
    "draw",
    "in_notebook",
    "notice",
    "notice_picture",
    "number",
    "seconds",
    "si",
    "source",
    "widgets",
]
