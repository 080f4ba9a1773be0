"""Small tensors as text, yours and the expected side by side."""

from __future__ import annotations

from torch import Tensor

from convzoo.case import Case, Reply

MAX_NUMBERS = 72


def tensor_text(value: Tensor) -> str:
    """A small tensor as rows of figures; channels and images are told apart by a blank line."""
    value = value.detach().double()
    shape = tuple(value.shape)
    if value.numel() > MAX_NUMBERS:
        return f"(shape {shape}, too large to print)"
    if value.dim() == 0:
        return _figure(value.item())
    rows = value.reshape(-1, shape[-1])
    figures = [[_figure(v) for v in row.tolist()] for row in rows]
    width = max((len(f) for row in figures for f in row), default=1)
    lines, height = [], shape[-2] if value.dim() > 2 else 0
    for i, row in enumerate(figures):
        if height and i and i % height == 0:
            lines.append("")
        lines.append(" ".join(f.rjust(width) for f in row))
    return "\n".join(lines)


def _figure(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3g}" if value == value else "nan"


def columns(*blocks: tuple[str, str]) -> str:
    """Titled blocks of text next to one another."""
    split = [[title, *text.split("\n")] for title, text in blocks]
    height = max(len(lines) for lines in split)
    out = []
    for lines in split:
        width = max(len(line) for line in lines)
        out.append([line.ljust(width) for line in lines + [""] * (height - len(lines))])
    return "\n".join("   ".join(parts).rstrip() for parts in zip(*out, strict=True))


def side_by_side(case: Case, reply: Reply, expected: Reply, key: str) -> str:
    """The smallest failing case, to follow by hand; `key` names the tensor that differs."""
    call = ", ".join(f"{k}={v!r}" for k, v in case.scalars.items())
    given = list(case.tensors.items()) + list(case.weights.items())
    given = [(f"{k} {tuple(v.shape)}", tensor_text(v)) for k, v in given if v.numel() <= MAX_NUMBERS]
    head = "The smallest case that shows it" + (f" ({call})" if call else "") + ":\n"
    lines = [head + columns(*given)] if given else [head]
    if reply.stage:
        return "\n".join([*lines, "", f"yours: {reply.error}"])
    title = "" if key == "output" else f" {key.replace('grad:', 'gradient of ')}"
    yours = tensor_text(reply.tensors[key]) if key in reply.tensors else "nothing"
    have = tuple(reply.tensors[key].shape) if key in reply.tensors else "-"
    want = tuple(expected.tensors[key].shape)
    lines += ["", columns(
        (f"yours{title} {have}", yours),
        (f"expected{title} {want}", tensor_text(expected.tensors[key])),
    )]  # fmt: skip
    return "\n".join(lines)
