"""Small tensors as text, with yours and the expected one side by side."""

from __future__ import annotations

from math import isfinite
from textwrap import indent

import torch
from torch import Tensor

from convzoo.case import Case, Reply
from convzoo.exercises.differences import part
from convzoo.exercises.messages import result

MAX_NUMBERS = 72
LINE = 88  # characters that fit next to each other


def tensor_text(value: Tensor) -> str:
    """Return a small tensor as rows of figures; channels and images are separated by a blank line.
    The weight of a 1x1 convolution is shown as a matrix."""
    shape = tuple(value.shape)
    value = value.detach().double()
    if len(shape) == 4 and shape[2:] == (1, 1):
        value = value[:, :, 0, 0]
    if value.numel() > MAX_NUMBERS:
        return f"(shape {shape}, too large to print)"
    if not value.numel():
        return "(empty)"
    if value.dim() == 0:
        return _figure(value.item())
    rows = value.reshape(-1, value.shape[-1])
    figures = [[_figure(v) for v in row.tolist()] for row in rows]
    width = max((len(f) for row in figures for f in row), default=1)
    lines, height = [], value.shape[-2] if value.dim() > 2 else 1
    for i, row in enumerate(figures):
        if height > 1 and i and i % height == 0:
            lines.append("")
        lines.append(" ".join(f.rjust(width) for f in row))
    return "\n".join(lines)


def _figure(value: float) -> str:
    if not isfinite(value):
        return str(value)
    whole = round(value)  # 2.9999999 is a 3 after a batch norm's rounding
    return str(whole) if abs(value - whole) < 1e-6 else f"{value:.3g}"


def columns(*blocks: tuple[str, str]) -> str:
    """Return titled blocks of text next to each other, with a new row when a line is full.
    Everything is indented, so that a page keeps its columns (see `show.notice`)."""
    rows = [[]]
    for block in blocks:
        wide = [max(map(len, [title, *text.split("\n")])) + 3 for title, text in [*rows[-1], block]]
        if rows[-1] and sum(wide) - 3 > LINE:
            rows.append([])
        rows[-1].append(block)
    return indent("\n\n".join(map(_row, rows)), "  ")


def _row(blocks: list[tuple[str, str]]) -> str:
    split = [[title, *text.split("\n")] for title, text in blocks]
    height = max(len(lines) for lines in split)
    out = []
    for lines in split:
        width = max(len(line) for line in lines)
        out.append([line.ljust(width) for line in lines + [""] * (height - len(lines))])
    return "\n".join("   ".join(parts).rstrip() for parts in zip(*out, strict=True))


def side_by_side(
    case: Case, reply: Reply, expected: Reply, key: str, names: tuple[str, ...] = ()
) -> str:
    """Return the smallest failing case, to follow by hand; `key` names the output that differs, and
    `names` what the outputs are.

    One-dimensional weights (a batch norm's) are left out if they change nothing, which is usual
    (see `model.small_module_case`).
    """
    call = ", ".join(f"{k}={v!r}" for k, v in case.scalars.items())
    given = case.tensors | {k: v for k, v in case.weights.items() if v.dim() > 1 or _shifts(k, v)}
    given = {k: v for k, v in given.items() if v.numel() <= MAX_NUMBERS}
    blocks = [(f"{k} {tuple(v.shape)}", tensor_text(v)) for k, v in given.items()]
    head = "The smallest case that shows it" + (f" ({call})" if call else "") + ":"
    lines = [f"{head}\n{columns(*blocks)}"] if blocks else [head]
    if any(name.endswith("running_var") for name in case.weights):
        shifted = any(_shifts(k, v) for k, v in case.weights.items())
        what = "add their bias and change nothing else" if shifted else "change nothing"
        lines += ["", f"(in evaluation mode, with batch norms that {what})"]
    if reply.stage:
        return "\n".join([*lines, "", f"yours: {reply.error}"])
    title = f" {called}" if (called := result(key, names)) else ""
    mine, right = _shown(reply, key, names), _shown(expected, key, names)
    lines += [
        "",
        columns(
            (f"yours{title}{_shape(reply.tensors[key])}", tensor_text(mine)),
            (f"expected{title}{_shape(expected.tensors[key])}", tensor_text(right)),
        ),
    ]
    return "\n".join(lines)


def _shifts(name: str, value: Tensor) -> bool:
    """Return whether this is a bias that is not zero."""
    return name.endswith("bias") and bool(value.any())


def _shown(reply: Reply, key: str, names: tuple[str, ...]) -> Tensor:
    """Return the output that differs; a list of numbers without names is shown as a whole."""
    numbers = list(part(reply, "output").values())
    if names or key == "output" or any(number.dim() for number in numbers):
        return reply.tensors[key]
    return torch.stack([number.double() for number in numbers])


def _shape(value: Tensor) -> str:
    return f" {tuple(value.shape)}" if value.dim() else ""
