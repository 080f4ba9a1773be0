"""The source of a library's function, to be read on the page."""

from __future__ import annotations

import io
import keyword
import tokenize
from html import escape

from convzoo import module_source
from convzoo.show.palette import INPUT, MONO, NEUTRAL
from convzoo.show.picture import Picture


def source(name: str) -> Picture:
    """Show a function's source without its docstring, read from its file: nothing is imported.

    name: dotted, "convzoo.ideas.resnet.kernel.norm_add_relu" for example. Raises UserError if there
    is no such function.
    """
    text = module_source.of_function(name)
    return Picture(
        text,
        f'<pre style="font-family:{MONO};font-size:15px;line-height:1.35;background:#f7f7f7;'
        f'color:#111;border:0;padding:.6em .9em;overflow-x:auto">{_coloured(text)}</pre>',
    )


def _coloured(text: str) -> str:
    """Return Python code as HTML, with comments and keywords in colours of their own."""
    lines = text.splitlines(keepends=True)
    parts, row, column = [], 1, 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        style = _style(token)
        if not style:
            continue
        (start_row, start), (_, end) = token.start, token.end
        parts.append(escape(_between(lines, row, column, start_row, start)))
        parts.append(f'<span style="{style}">{escape(token.string)}</span>')
        row, column = start_row, end
    parts.append(escape(_between(lines, row, column, len(lines), len(lines[-1]))))
    return "".join(parts)


def _style(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.COMMENT:
        return f"color:{NEUTRAL};font-style:italic"
    if token.type == tokenize.NAME and keyword.iskeyword(token.string):
        return f"color:{INPUT};font-weight:bold"
    return ""


def _between(lines: list[str], row: int, column: int, to_row: int, to_column: int) -> str:
    """Return the text between two places; rows count from 1, as tokens' do."""
    if row == to_row:
        return lines[row - 1][column:to_column]
    inside = "".join(lines[row : to_row - 1])
    return lines[row - 1][column:] + inside + lines[to_row - 1][:to_column]
