"""Runs the source of a cell, and reports in one sentence what broke."""

from __future__ import annotations
import __future__

import linecache
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import CodeType

from convzoo.errors import NotAttempted

LONGEST = 300  # characters of an error's text that are shown
WIDEST = 200  # characters of a line of code that are shown


@dataclass(frozen=True)
class Trouble:
    """What broke in a cell.

    kind: "syntax" (a line is not Python), "source" (the cell as a whole is not), "stub" (it calls a
    stub), "exit" (it ends Python) or "raised". sentence: what happened, without advice; "" for a
    stub. error: the class of what was raised. (The exception itself would keep everything alive
    that the cell had in memory.)
    """

    kind: str
    sentence: str
    error: type[BaseException]


def execute(
    source: str, label: str, names: dict, limit: AbstractContextManager | None = None
) -> Trouble | None:
    """Execute a cell among `names`; return what broke, or None.

    label: the cell's name in a traceback. limit: a context manager that is open while the cell
    runs, such as a time limit. Whatever the cell raises is returned, KeyboardInterrupt included.
    """
    linecache.cache[label] = (len(source), None, source.splitlines(True), label)
    later = __future__.annotations
    flags = later.compiler_flag if names.get("annotations") is later else 0
    code = compiled(source, label, flags)
    if isinstance(code, Trouble):
        return code
    try:
        with limit or nullcontext():
            exec(code, names)
    except NotAttempted:
        return Trouble("stub", "", NotAttempted)
    except BaseException as problem:
        return raised(problem, "The cell", label)
    return None


def compiled(source: str, label: str, flags: int = 0) -> CodeType | Trouble:
    """Return the code of a cell, or why it is not valid Python."""
    try:
        return compile(source, label, "exec", flags=flags, dont_inherit=True)
    except SyntaxError as problem:
        line = (problem.text or _line(source, problem.lineno or 1)).strip()[:WIDEST]
        return Trouble(
            "syntax",
            f"The cell is not valid Python, so nothing in it was defined: {problem.msg}, in line "
            f"{problem.lineno}: `{line}`.",
            type(problem),
        )
    except (ValueError, RecursionError, MemoryError) as problem:
        why = problem or type(problem).__name__
        return Trouble("source", f"The cell is not valid Python: {why}.", type(problem))


def raised(problem: BaseException, what: str, label: str = "") -> Trouble:
    """Return what was raised as a Trouble. what: "The cell" or "The call"; label: the cell's."""
    error = type(problem)
    if isinstance(problem, SystemExit):
        return Trouble("exit", f"{what} ends Python (`exit()`, `quit()` or `sys.exit()`).", error)
    text = str(problem).strip().split("\n")[0][:LONGEST] or "no message"
    line, trace = 0, problem.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == label else line
        trace = trace.tb_next
    code = linecache.getline(label, line).strip()[:WIDEST] if line else ""
    where = f", in line {line}: `{code}`" if line else ""
    return Trouble("raised", f"{what} raised {error.__name__}: {text}{where}.", error)


def _line(source: str, number: int) -> str:
    """Return a line of a cell by its number from 1, "" if there is none."""
    return "".join(source.split("\n")[number - 1 : number])
