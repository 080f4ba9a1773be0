"""Channels as dots in columns, connections as lines between them: a stack of layers as a net."""

from collections.abc import Sequence
from html import escape

from convzoo.errors import UserError
from convzoo.show import palette
from convzoo.show.matrix import as_lists
from convzoo.show.picture import Picture, on_white

_CYCLE = (palette.INPUT, palette.WEIGHT, palette.OUTPUT, palette.GATE, *palette.ALTERNATIVES)
_PALE = "#d0d0d0"
_TOP, _TEXT, _LETTER = 76, 17, 9  # px; of one letter of a text
_LISTED = 16  # sources that the alt text lists one by one


def lines(
    steps: Sequence,
    *,
    title: str,
    names: Sequence[str],
    groups: int = 1,
    follow: int | None = None,
    right: Sequence[str] | None = None,
    gap: int = 30,
    width: int = 640,
) -> Picture:
    """Draw one column of dots for the inputs and one for the outputs of each step, from left to
    right.

    steps: matrices, outputs x inputs, in order; a line is an entry that is not zero. names: the
    steps' names, written above them. groups: the number of groups of dots in a column; a line has
    the colour of the group it comes from. follow: an input whose paths are drawn bold, all others
    pale. right: labels of the last column; gap: pixels between two dots.

    Raises UserError if a step does not take the number of outputs of the one before it.
    """
    matrices = [as_lists(step) for step in steps]
    heights = [len(matrices[0][0]), *(len(matrix) for matrix in matrices)]
    for k, matrix in enumerate(matrices):
        if len(matrix[0]) != heights[k]:
            raise UserError(
                f"Step {k} takes {len(matrix[0])} inputs but gets {heights[k]}. Each matrix needs "
                "one column for each row of the one before it."
            )
    if len(names) != len(matrices):
        raise UserError(
            f"There are {len(names)} names for {len(matrices)} steps. Give one name for each step."
        )
    reached = _reached(matrices, heights[0], follow)
    left, span = 64, width - 128
    across = [left + span * k / len(matrices) for k in range(len(heights))]
    drawn = [_heading(title, width)]
    tight = _LETTER * max(len(name.strip()) for name in names) > span / len(names) - 6
    for k, (matrix, name) in enumerate(zip(matrices, names, strict=True)):
        middle = (across[k] + across[k + 1]) / 2
        drawn.append(_text(middle, 44 if tight and k % 2 else 62, name.strip(), "middle"))
        drawn.append(_between(matrix, across[k], across[k + 1], gap, groups, reached, k))
    for k, high in enumerate(heights):
        drawn += [
            _dot(across[k], _at(i, gap), _shade(i, high, groups, reached, k)) for i in range(high)
        ]
    labels = [str(i) for i in range(heights[0])], right or [str(i) for i in range(heights[-1])]
    drawn += [_text(left - 18, _at(i, gap) + 6, t, "end") for i, t in enumerate(labels[0])]
    drawn += [_text(across[-1] + 18, _at(i, gap) + 6, str(t)) for i, t in enumerate(labels[1])]
    height = _at(max(heights), gap)
    alt = _words(title, names, matrices, reached, follow)
    return on_white(alt, width, height, _TEXT, "".join(drawn))


def _reached(matrices, inputs: int, follow: int | None) -> list[set[int]] | None:
    """Return the dots in each column that the followed input reaches; None if none is followed."""
    if follow is None:
        return None
    if not 0 <= follow < inputs:
        raise UserError(f"There is no input {follow} to follow. Inputs go from 0 to {inputs - 1}.")
    found = [{follow}]
    for matrix in matrices:
        found.append({i for i, row in enumerate(matrix) if any(row[j] for j in found[-1])})
    return found


def _between(matrix, x0: float, x1: float, gap: int, groups: int, reached, k: int) -> str:
    """Return the lines of one step; followed lines come last, so that none covers them."""
    parts = []
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            if value:
                strong = reached is not None and j in reached[k]
                parts.append((strong, i, j))
    return "".join(
        f'<line x1="{x0:.1f}" y1="{_at(j, gap)}" x2="{x1:.1f}" y2="{_at(i, gap)}" '
        f'stroke="{_shade(j, len(matrix[0]), groups, reached, k)}" '
        f'stroke-width="{2.4 if strong or reached is None else 1.2}"/>'
        for strong, i, j in sorted(parts)
    )


def _shade(i: int, count: int, groups: int, reached, column: int) -> str:
    if reached is not None:
        return palette.WEIGHT if i in reached[column] else _PALE
    return _CYCLE[i * groups // count % len(_CYCLE)]


def _at(i: int, gap: int) -> int:
    return _TOP + gap // 2 + i * gap


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y}" r="7" fill="{colour}"/>'


def _heading(title: str, width: int) -> str:
    return (
        f'<text x="{width / 2:.0f}" y="24" text-anchor="middle" font-weight="bold" '
        f'font-size="20">{escape(title)}</text>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.0f}" text-anchor="{anchor}" '
        f'fill="{palette.NEUTRAL}">{escape(text)}</text>'
    )


def _words(title: str, names, matrices, reached, follow: int | None) -> str:
    phrases = []
    for name, matrix in zip(names, matrices, strict=True):
        sources = [[j for j, value in enumerate(row) if value] for row in matrix]
        if len(sources) <= _LISTED and all(len(row) == 1 for row in sources):
            phrases.append(
                f"{name}: positions take channels {', '.join(str(j) for (j,) in sources)}"
            )
        else:
            phrases.append(f"{name}: {sum(map(len, sources))} connections")
    if reached is not None:
        ends = ", ".join(map(str, sorted(reached[-1]))) or "none"
        phrases.append(f"input {follow} reaches {len(reached[-1])} of {len(matrices[-1])}: {ends}")
    return f"{title}: {'; '.join(phrases)}."
