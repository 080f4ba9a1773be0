"""The pictures that stand in the lessons' text, each probed from the lessons' own modules.

`python -m convzoo figures` writes them beside this file. A picture is a function
of the definitions of its lesson, and returns panels to stand in a row.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import torch

from convzoo import measure, show
from convzoo.show import Picture


def residual(resnet: SimpleNamespace) -> list[Picture]:
    """A plain 1x1 convolution, its input added, and the same with its branch at zero."""
    torch.manual_seed(1)
    x = torch.zeros(1, 12, 1, 1)
    conv = torch.nn.Conv2d(12, 12, 1, bias=False)
    layers = {
        "plain: branch(x)": conv,
        "residual: x + branch(x)": resnet.Residual(conv),
        "residual, scale 0": resnet.Residual(conv, 0.0),
    }
    return [
        show.draw.channel_matrix(measure.channel_matrix(layer, x), title=title, still=True)
        for title, layer in layers.items()
    ]


def block_diagonal(resnext: SimpleNamespace) -> list[Picture]:
    """A full 1x1 convolution, and the same in four groups."""
    torch.manual_seed(2)
    x = torch.zeros(1, 12, 1, 1)
    panels = []
    for groups, title in ((1, "plain: groups=1"), (4, "grouped: groups=4")):
        layer = resnext.GroupedConv2d(12, 12, 1, groups=groups)
        matrix = measure.channel_matrix(layer, x)
        panels.append(show.draw.channel_matrix(matrix, title=title, still=True))
    return panels


PICTURES = {
    "01_residual": ("01_resnet", residual),
    "02_block_diagonal": ("02_resnext", block_diagonal),
}


def in_a_row(panels: list[Picture]) -> str:
    """One SVG of several, with the words of all of them."""
    sizes = [re.search(r'width="(\d+)[^"]*" height="(\d+)', p.html).groups() for p in panels]
    left, parts = 0, []
    for panel, (width, _) in zip(panels, sizes, strict=True):
        parts.append(panel.html.replace("<svg ", f'<svg x="{left}" y="0" ', 1))
        left += int(width) + 24
    height = max(int(h) for _, h in sizes)
    words = " ".join(p.alt for p in panels).replace('"', "'")
    return (
        f'<svg role="img" aria-label="{words}" xmlns="http://www.w3.org/2000/svg" '
        f'width="{left}" height="{height}" viewBox="0 0 {left} {height}">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def make(definitions, folder: Path = Path(__file__).parent) -> list[Path]:
    """Write every picture; definitions(lesson) gives what a lesson defines."""
    made = []
    for name, (lesson, draw) in PICTURES.items():
        path = folder / f"{name}.svg"
        path.write_text(in_a_row(draw(definitions(lesson))), encoding="utf-8")
        made.append(path)
    return made
