"""What went wrong in a call, as a sentence instead of Python's traceback."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable
from inspect import unwrap

_MIXED = "It mixes float32 and float64. Give new tensors the dtype of the input."
_NO_FORWARD = "The class has no method `forward`, or it is not indented into the class."
_TRANSLATED = {
    "in-place operation": "It changes one of its arguments in place, but the caller and the "
    "gradient still need it. Create a new tensor instead.",
    "inplace operation": "It changes a tensor in place that the gradient still needs. Create a "
    "new tensor instead.",
    "Can't call numpy()": "It leaves torch for NumPy, where no gradient is recorded: stay in "
    "torch.",
    "mixed dtype": _MIXED,
    "have the same dtype": _MIXED,
    "before Module.__init__() call": "Call `super().__init__()` first in `__init__`.",
    "_forward_unimplemented()": _NO_FORWARD,
    'missing the required "forward"': _NO_FORWARD,
    "maximum recursion depth": "It calls itself without ever stopping.",
    "invalid combination of arguments": "It passes arguments to a torch function that the "
    "function does not take, or in the wrong order. Pass them by name (`stride=stride`).",
}
_NAMES = "Keep the argument names from the stub, because the arguments are passed by name."
_EXIT = "It ends Python (`exit()`, `quit()` or `sys.exit()`). Remove that line."


class Objection(Exception):
    """Something that Python allows but the course does not, as a sentence."""


def first_line(problem: BaseException) -> str:
    """Return the first line of Python's message, shortened."""
    line = " ".join(str(problem).strip().split("\n")[0].split())
    return line.removesuffix(", but expected one of:")[:300] or "no message"


def sentence(problem: BaseException, target: Callable, description: str) -> str:
    """Return what went wrong, where, and what to do next, for whoever wrote `target`.

    description: the call as they would write it (see `case.describe`).
    """
    text = first_line(problem)
    where = _line_of(problem, source_file(target))
    call = f"The call was {description}."
    if isinstance(problem, SystemExit):
        return _EXIT
    if isinstance(problem, Objection):
        return f"{text} {call}"
    for mark, advice in _TRANSLATED.items():
        if mark in text:
            return f"{advice} ({text.split('. ')[0].rstrip('.')}{where}.)"
    if (
        "unexpected keyword argument" in text and not where
    ):  # from our call, not from a line of theirs
        return f"{_NAMES} ({text}.) {call}"
    return f"It raised {type(problem).__name__}: {text.rstrip('.')}{where}. {call}"


def _line_of(problem: BaseException, filename: str) -> str:
    own = [f for f in traceback.extract_tb(problem.__traceback__) if f.filename == filename]
    place = source_line(filename, own[-1].lineno or 0) if own else ""
    return f", {place}" if place else ""


def source_line(filename: str, number: int) -> str:
    """Return a line of a cell for the middle of a sentence: "in line 3: `return x`"; "" for 0."""
    if not filename or not number:
        return ""
    text = linecache.getline(filename, number).strip()
    return f"in line {number}" + (f": `{text}`" if text else "")


def source_file(target) -> str:
    """Return the file, or the cell's name, in which a function or class was written; "" for
    torch's."""
    target = unwrap(target)
    target = unwrap(getattr(target, "forward", target))  # it is wrapped in `@torch.no_grad()`
    if (getattr(target, "__module__", None) or "").startswith("torch."):
        return ""
    code = getattr(target, "__code__", None)
    return code.co_filename if code else ""
