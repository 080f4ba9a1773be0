"""A photograph, a network's five best guesses, and its filters or feature maps as tiles."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from io import BytesIO

import numpy as np

from convzoo.show import palette
from convzoo.show.bar_chart import bars
from convzoo.show.picture import Picture, on_white

_TOP, _SIDE, _TITLE, _TEXT = 40, 8, 20, 16  # px
_GAP = 6  # px between two tiles
_FRAME = 200  # the grey between filters, in which a white zero can be seen


def photograph(image, *, title: str, note: str = "", size: int = 320) -> Picture:
    """Draw a photograph.

    image: 3 h w or 1 3 h w, in 0..1. note: a line below it, such as its licence; size: its longer
    side in pixels.
    """
    values = _array(image)
    values = values[0] if values.ndim == 4 else values
    high, wide = values.shape[1:]
    scale = size / max(high, wide)
    whole = (255 * values.clip(0, 1)).round().astype(np.uint8).transpose(1, 2, 0)
    data = _encoded(whole, "JPEG", quality=85)
    alt = f"{title}: a photograph of {wide} x {high} pixels{f', {note}' if note else ''}."
    return _framed(data, wide * scale, high * scale, alt, title, note)


def guesses(
    shares, names: Sequence[str], *, title: str, number: int = 5, width: int = 560
) -> Picture:
    """Draw the classes with a network's largest shares, as bars from 0 to 100%.

    shares: one for each class, in 0..1 (a softmax); names: of the classes.
    """
    values = _array(shares).reshape(-1)
    order = np.argsort(-values, kind="stable")[:number]
    rows = [(names[k], float(values[k]), _percent(values[k])) for k in order]
    first, *others = [palette.OUTPUT] + [palette.ALTERNATIVES[1]] * (number - 1)
    return bars(rows, title=title, limit=1.0, colours=[first, *others], width=width)


def kernels(weight, *, title: str, columns: int = 16, size: int = 480, note: str = "") -> Picture:
    """Draw filters as tiles: blue below zero, orange above, each scaled to its own largest value.

    weight: c k k or c 1 k k.
    """
    values = _array(weight)
    values = values[:, 0] if values.ndim == 4 else values
    largest = np.abs(values).max((1, 2), keepdims=True).clip(1e-12)
    share = np.abs(values / largest)[..., None]
    ends = [palette.channels(palette.NEGATIVE), palette.channels(palette.POSITIVE)]
    colour = np.where(values[..., None] < 0, *np.array(ends, dtype=float))
    tiles = (255 + share * (colour - 255)).round().astype(np.uint8)  # c k k 3
    side = tiles.shape[1]
    alt = f"{title}: {len(tiles)} filters of {side} x {side} as tiles."
    return _tiled(tiles, columns, size, alt, title, note, between=_FRAME)


def maps(features, *, title: str, columns: int = 8, size: int = 480, note: str = "") -> Picture:
    """Draw a layer's channels for one image as tiles: black at zero, white at each channel's
    maximum.

    features: c h w or 1 c h w.
    """
    values = _array(features)
    values = values[0] if values.ndim == 4 else values
    largest = values.max((1, 2), keepdims=True).clip(1e-12)
    grey = (255 * (values / largest).clip(0, 1)).round().astype(np.uint8)
    tiles = np.repeat(grey[..., None], 3, axis=3)
    alt = f"{title}: {len(tiles)} channels of {values.shape[2]} x {values.shape[1]} as tiles."
    return _tiled(tiles, columns, size, alt, title, note)


def _array(values) -> np.ndarray:
    """Return a tensor, an array or lists as floats outside of any graph."""
    values = values.detach().cpu() if hasattr(values, "detach") else values
    return np.asarray(values, dtype=np.float64)


def _percent(share: float) -> str:
    percent = 100 * share
    return "<1%" if 0 < percent < 0.5 else f"{percent:.0f}%"


def _tiled(
    tiles: np.ndarray, columns: int, size: int, alt: str, title: str, note: str, between: int = 255
) -> Picture:
    """Arrange tiles c h w 3 in rows of `columns`, scaled up without smoothing.

    between: the grey level around the tiles.
    """
    number, high, wide, _ = tiles.shape
    columns = min(columns, number)
    rows = -(-number // columns)
    scale = max(1, (size // columns - _GAP) // wide)
    tile = tiles.repeat(scale, axis=1).repeat(scale, axis=2)
    down, across = high * scale + _GAP, wide * scale + _GAP
    sheet = np.full((rows * down + _GAP, columns * across + _GAP, 3), between)
    for k in range(number):
        top, left = _GAP + k // columns * down, _GAP + k % columns * across
        sheet[top : top + high * scale, left : left + wide * scale] = tile[k]
    data = _encoded(sheet.astype(np.uint8), "PNG")
    return _framed(data, sheet.shape[1], sheet.shape[0], alt, title, note)


def _encoded(pixels: np.ndarray, form: str, **options) -> str:
    """Return an image h w 3 as a data URL."""
    from PIL import Image

    stream = BytesIO()
    Image.fromarray(pixels).save(stream, form, **options)
    return f"data:image/{form.lower()};base64,{b64encode(stream.getvalue()).decode()}"


def _framed(data: str, wide: float, high: float, alt: str, title: str, note: str) -> Picture:
    """Return an image with its title above and its note below, as one SVG."""
    width = max(wide + 2 * _SIDE, 0.6 * _TITLE * len(title), 0.58 * _TEXT * len(note)) + 2 * _SIDE
    height = _TOP + high + (32 if note else 10)
    below = (
        f'<text x="{_SIDE}" y="{height - 10:.0f}" fill="{palette.NEUTRAL}">{escape(note)}</text>'
    )
    page = (
        f'<text x="{_SIDE}" y="26" font-weight="bold" font-size="{_TITLE}">{escape(title)}</text>'
        f'<image x="{_SIDE}" y="{_TOP}" width="{wide:.0f}" height="{high:.0f}" href="{data}" '
        f'style="image-rendering:auto"/>{below if note else ""}'
    )
    return on_white(alt, width, height, _TEXT, page)
