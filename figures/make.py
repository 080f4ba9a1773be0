"""The pictures in the lessons' text, each probed from the lessons' own modules.

`python -m convzoo figures` writes them next to this file. A picture is a function of the
definitions of its lesson, marked `@picture("02_resnext")`, and returns panels for one row; its file
is named after the lesson's number and the function: 02_block_diagonal.svg.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import torch
from convzoo import experiments, measure, nets, show
from convzoo.ideas.zoo import networks as zoo
from convzoo.ideas.zoo.experiments import WIDTHS
from convzoo.show import Picture

ZOO = runpy.run_path(str(Path(__file__).with_name("zoo.py")))
held_still = ZOO["held_still"]
Draw = Callable[[SimpleNamespace], list[Picture]]
PICTURES: dict[str, tuple[str, Draw]] = {}  # by file name: lesson, function


def picture(lesson: str) -> Callable[[Draw], Draw]:
    """Return a decorator that registers a function as a picture of a lesson."""

    def enter(draw: Draw) -> Draw:
        PICTURES[f"{lesson[:2]}_{draw.__name__}"] = lesson, draw
        return draw

    return enter


@picture("00_convolution")
def nine_matrices(convolution: SimpleNamespace) -> list[Picture]:
    """Draw the one matrix of a 1x1 layer, and the nine of a 3x3 layer."""
    torch.manual_seed(0)
    x = torch.zeros(1, 6, 5, 5)
    one = measure.channel_matrix(convolution.Conv2d(6, 6, 1), x)
    layer, steps = convolution.Conv2d(6, 6, 3, padding=1), (-1, 0, 1)
    nine = {
        (dy, dx): measure.channel_matrix(layer, x, tap=(dy, dx)) for dy in steps for dx in steps
    }
    return [
        show.draw.channel_matrix(one, title="a 1x1: one matrix", still=True),
        show.draw.taps(nine, title="a 3x3: nine matrices", size=410, still=True),
    ]


@picture("00_convolution")
def inception(convolution: SimpleNamespace) -> list[Picture]:
    """Draw the rows of an Inception block by branch, with all its ReLUs open."""
    torch.manual_seed(4)
    block = convolution.Inception(12, 4, 6, 4, 4, 2, 2)
    for name, value in block.named_parameters():
        if name.endswith("bn.bias"):  # so large that no ReLU closes
            torch.nn.init.constant_(value, 6.0 if ".0." in name else 60.0)
    matrix = measure.channel_matrix(block, torch.randn(1, 12, 7, 7))
    rows = {"1x1": 4, "3x3": 4, "5x5": 2, "pool": 2}
    colours = ("#E69F00", "#56B4E9", "#CC79A7", "#555555")
    panel = show.draw.channel_matrix(
        matrix,
        title="an Inception block",
        row_names=[kind for kind, count in rows.items() for _ in range(count)],
        row_colours=[
            c for c, count in zip(colours, rows.values(), strict=True) for _ in range(count)
        ],
        describe=", ".join(f"{count} rows {kind}" for kind, count in rows.items()),
        still=True,
    )
    return [panel]


@picture("01_resnet")
def residual(resnet: SimpleNamespace) -> list[Picture]:
    """Draw a plain 1x1 convolution, the same with its input added, and that with its branch at
    zero."""
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


@picture("02_resnext")
def block_diagonal(resnext: SimpleNamespace) -> list[Picture]:
    """Draw a full 1x1 convolution, and the same in four groups."""
    torch.manual_seed(2)
    x = torch.zeros(1, 12, 1, 1)
    panels = []
    for groups, title in ((1, "plain: groups=1"), (4, "grouped: groups=4")):
        layer = resnext.GroupedConv2d(12, 12, 1, groups=groups)
        matrix = measure.channel_matrix(layer, x)
        panels.append(show.draw.channel_matrix(matrix, title=title, still=True))
    return panels


@picture("03_densenet")
def growing(densenet: SimpleNamespace) -> list[Picture]:
    """Draw a dense block after one layer and after three, with each layer's rows in a colour."""
    panels, names = [], [*range(12), *("f1 " * 4 + "f2 " * 4 + "f3 " * 4).split()]
    colours = ["#555555"] * 12 + ["#E69F00"] * 4 + ["#56B4E9"] * 4 + ["#CC79A7"] * 4
    for layers, title in ((1, "[x, f1(x)]"), (3, "after three layers")):
        block = densenet.DenseBlock(layers, 12, 4)
        torch.manual_seed(2)  # the same x and first layer in both, with no channel cut by a ReLU
        x = torch.randn(1, 12, 3, 3)
        nets.initialise(block)
        matrix = measure.channel_matrix(block, x)
        rows = len(matrix)
        more = {"row_names": names[:rows], "row_colours": colours[:rows], "size": 20 * rows}
        panels.append(show.draw.channel_matrix(matrix, title=title, still=True, limit=1, **more))
    return panels


@picture("04_senet")
def gates(senet: SimpleNamespace) -> list[Picture]:
    """Draw one gate with its numbers kept from each of two images, and live on the second."""
    torch.manual_seed(5)
    gate = senet.SqueezeExcitation(12, 3)
    for weight in gate.parameters():
        torch.nn.init.normal_(weight)
    images = torch.rand(2, 12, 5, 5) * 3 * torch.rand(2, 12, 1, 1) ** 2
    matrices = {
        f"held still, image {place}": measure.channel_matrix(held_still(gate, image), image)
        for place, image in zip("AB", images.split(1), strict=True)
    }
    matrices["live, image B"] = measure.channel_matrix(gate, images[1:])
    return [
        show.draw.channel_matrix(matrix, title=title, size=310, limit=1, still=True)
        for title, matrix in matrices.items()
    ]


@picture("05_shufflenet")
def shuffle(shufflenet: SimpleNamespace) -> list[Picture]:
    """Draw two layers in three groups, the shuffle, and the two layers with the shuffle between
    them."""
    torch.manual_seed(5)
    x = torch.zeros(1, 12, 1, 1)
    first, second = (shufflenet.GroupedConv2d(12, 12, 1, groups=3) for _ in range(2))
    between = shufflenet.Shuffle(3)
    stacks = {
        "two layers, groups=3": torch.nn.Sequential(first, second),
        "the shuffle": between,
        "a shuffle between them": torch.nn.Sequential(first, between, second),
    }
    return [
        show.draw.channel_matrix(
            measure.channel_matrix(m, x), title=t, size=310, limit=1, still=True
        )
        for t, m in stacks.items()
    ]


@picture("06_separable")
def separable(lesson: SimpleNamespace) -> list[Picture]:
    """Draw a depthwise 3x3, with a diagonal for each tap, and the full 1x1 after it."""
    torch.manual_seed(6)
    x, block = torch.zeros(1, 12, 5, 5), lesson.DepthwiseSeparable(12, 12)
    steps = (-1, 0, 1)
    diagonals = {
        (dy, dx): measure.channel_matrix(block.depthwise, x, tap=(dy, dx))
        for dy in steps
        for dx in steps
    }
    full = measure.channel_matrix(block.pointwise, x)
    return [
        show.draw.taps(diagonals, title="depthwise 3x3: nine diagonals", still=True),
        show.draw.channel_matrix(full, title="pointwise 1x1: one full matrix", still=True),
    ]


@picture("07_zoo")
def front(lesson: SimpleNamespace) -> list[Picture]:
    """Draw the shipped networks of the zoo over two of their costs, and which of them are on the
    fronts."""
    rows = {row["variant"]: row for row in experiments.summary(experiments.load("zoo"))}
    names = sorted((n for n in rows if not n.startswith("no shuffle")), key=_kind)
    means = torch.tensor([rows[name]["mean"] for name in names])
    counted = [zoo.counted(_kind(n), WIDTHS[_kind(n)][n.endswith("174k")]) for n in names]
    panels = []
    for what, label in (("macs", "multiply-adds"), ("bytes", "bytes")):
        costs = [float(getattr(count, what)) for count in counted]
        on_front = lesson.pareto_front(torch.tensor(costs), means).tolist()
        spots = [
            show.draw.Spot(_kind(n), cost, *(rows[n][k] for k in ("mean", "low", "high")), on)
            for n, cost, on in zip(names, costs, on_front, strict=True)
        ]
        title = f"accuracy over {label}"
        panels.append(
            show.draw.front(spots, title=title, x_label=label, x_text=show.si, size=(600, 520))
        )
    return panels


def _kind(variant: str) -> str:
    return variant.split(",")[0]


def in_a_row(panels: list[Picture]) -> str:
    """Return one SVG from several, with the alt texts of all of them."""
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


def on_top(rows: list[str]) -> str:
    """Return one SVG from several rows, each made by `in_a_row`."""
    roots = [ElementTree.fromstring(row).attrib for row in rows]
    top, parts = 0, []
    for row, root in zip(rows, roots, strict=True):
        parts.append(row.replace("<svg ", f'<svg y="{top}" ', 1))
        top += int(root["height"])
    width = max(int(root["width"]) for root in roots)
    words = " ".join(root["aria-label"] for root in roots)
    return (
        f'<svg role="img" aria-label="{words}" xmlns="http://www.w3.org/2000/svg" '
        f'width="{width}" height="{top}" viewBox="0 0 {width} {top}">{"".join(parts)}</svg>\n'
    )


def make(definitions, folder: Path = Path(__file__).parent) -> list[Path]:
    """Write every picture; definitions(lesson) returns what a lesson defines."""
    whole = ZOO["panels"](definitions)
    overview = folder / "zoo.svg"
    overview.write_text(on_top([in_a_row(whole[:4]), in_a_row(whole[4:])]), encoding="utf-8")
    made = [overview]
    for name, (lesson, draw) in PICTURES.items():
        path = folder / f"{name}.svg"
        path.write_text(in_a_row(draw(definitions(lesson))), encoding="utf-8")
        made.append(path)
    return made
