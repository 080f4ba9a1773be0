"""What went wrong in a call, as a sentence: in place of Python's traceback."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from inspect import unwrap

_TRANSLATED = {
    "in-place operation": "It changes one of its arguments in place. The caller still needs them, "
    "and so does the gradient: make a new tensor instead.",
    "inplace operation": "It changes a tensor in place that the gradient still needs: make a new "
    "tensor instead.",
    "Can't call numpy()": "It leaves torch for NumPy, where no gradient is recorded: stay in "
    "torch.",
    "mixed dtype": "It mixes float32 and float64: give new tensors the dtype of the input.",
    "before Module.__init__() call": "Call `super().__init__()` first of all in `__init__`.",
    "_forward_unimplemented()": "The class has no method `forward`, or it is not indented "
    "into the class.",
    "maximum recursion depth": "It calls itself without end.",
    "invalid combination of arguments": "It gives a function of torch's arguments that it does "
    "not take, or in another order: call them by name (`stride=stride`).",
}
_NAMES = "Keep the names of the arguments as the stub has them: they are called by name."
_EXIT = "It ends Python (`exit()`, `quit()` or `sys.exit()`). Take that line out."


class Objection(Exception):
    """What Python would let pass and we do not, as a sentence."""


def first_line(problem: BaseException) -> str:
    """Return what Python said, in short."""
    line = " ".join(str(problem).strip().split("\n")[0].split())
    return line.removesuffix(", but expected one of:")[:300] or "no message"


def sentence(problem: BaseException, target: Callable, description: str) -> str:
    """Return what went wrong, where, and what to do next, for the person who wrote `target`.

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
    if "unexpected keyword argument" in text and not where:  # by our call, not by a line of theirs
        return f"{_NAMES} ({text}.) {call}"
    return f"It raised {type(problem).__name__}: {text.rstrip('.')}{where}. {call}"


def _line_of(problem: BaseException, filename: str) -> str:
    own = [f for f in traceback.extract_tb(problem.__traceback__) if f.filename == filename]
    if not filename or not own:
        return ""
    frame = own[-1]
    return f", in line {frame.lineno}" + (f": `{frame.line}`" if frame.line else "")


def source_file(target) -> str:
    """Return the file, or the cell's name, in which a function or class was written; "" for
    torch's."""
    target = unwrap(target)
    target = unwrap(getattr(target, "forward", target))  # a `@torch.no_grad()` stands around it
    if (getattr(target, "__module__", None) or "").startswith("torch."):
        return ""
    code = getattr(target, "__code__", None)
    return code.co_filename if code else ""
