"""The source of a library's function, read from its file without importing the module.

A Triton kernel can be read and counted on every machine, but imported only where Triton exists.
"""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

from convzoo.errors import UserError, nearest

_FORMATTER = "  # fmt: skip"  # for ruff, not for a reader


def tree(module: str) -> ast.Module:
    """Return the syntax tree of a module, "convzoo.ideas.resnet.kernel" for example.

    Raises UserError if there is no such module.
    """
    return ast.parse(_text(module))


def of_function(name: str) -> str:
    """Return a function's source, with its comments and decorators, without its docstring.

    name: dotted, with its module: "convzoo.ideas.resnet.kernel.norm_add_relu". Raises UserError if
    there is no such function.
    """
    module, _, function = name.rpartition(".")
    found = {n.name: n for n in tree(module).body if isinstance(n, ast.FunctionDef)}
    if function not in found:
        raise UserError(f"{module} has no function {function!r}. {nearest(function, found)}")
    node = found[function]
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    hidden = range(0)
    if ast.get_docstring(node) is not None:
        hidden = range(node.body[0].lineno, node.body[0].end_lineno + 1)
    lines = _text(module).splitlines()
    shown = [lines[k - 1] for k in range(first, node.end_lineno + 1) if k not in hidden]
    return "\n".join(line.removesuffix(_FORMATTER) for line in shown)


def _text(module: str) -> str:
    try:
        found = find_spec(module)
    except (ImportError, ValueError):
        found = None
    if found is None or not found.has_location:
        raise UserError(
            f"There is no module {module!r} whose source can be read. Give the full name, such as "
            "'convzoo.ideas.resnet.kernel.norm_add_relu'."
        )
    return Path(found.origin).read_text(encoding="utf-8")
