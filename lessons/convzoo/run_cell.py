"""Runs the source of a cell, and reports in one sentence what broke."""

from __future__ import annotations
import __future__

import ast
import linecache
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from types import CodeType

from convzoo.errors import NotAttempted

LONGEST = 300  # characters of an error's text that are shown
WIDEST = 200  # characters of a line of code that are shown
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Trouble:
    """What broke in a cell.

    kind: "syntax" (a line is not Python), "source" (the cell as a whole is not), "stub" (it calls a
    stub), "exit" (it ends Python) or "raised". sentence: what happened, without advice; "" for a
    stub. error: the class of what was raised. (The exception itself would keep everything alive
    that the cell had in memory.) line: the first line of the statement that broke, 0 for the whole
    cell.
    """

    kind: str
    sentence: str
    error: type[BaseException]
    line: int = 0


class Nothing:
    """Replaces IPython's shell and does nothing, whatever is called on it."""

    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args, **kwargs) -> Nothing:
        return self


def execute(
    source: str,
    label: str,
    names: dict,
    limited: Callable[[bool], AbstractContextManager] = nullcontext,
) -> list[Trouble]:
    """Execute a cell among `names`, statement by statement; return what broke.

    A statement that raises is left out, and the next one runs. Functions that only IPython has
    (`display`, `get_ipython`) do nothing.

    label: the cell's name in a traceback. limited(defines): a context manager that is open while a
    statement runs, such as a time limit; defines: whether the statement is an import or a
    definition. Whatever a statement raises is returned; KeyboardInterrupt ends the cell.
    """
    linecache.cache[label] = (len(source), None, source.splitlines(True), label)
    code = compiled(source, label, _flags(names) | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if isinstance(code, Trouble):
        return [code]
    names.setdefault("display", Nothing())
    names.setdefault("get_ipython", Nothing())
    found = []
    for statement in compile(source, label, "exec", ast.PyCF_ONLY_AST, True).body:
        if trouble := _executed(statement, label, names, limited):
            found.append(trouble)
            if issubclass(trouble.error, KeyboardInterrupt):
                break
    return found


def _executed(statement: ast.stmt, label: str, names: dict, limited) -> Trouble | None:
    alone = ast.Module([statement], [])
    try:
        code = compile(alone, label, "exec", flags=_flags(names), dont_inherit=True)
        with limited(isinstance(statement, DEFINITIONS)):
            exec(code, names)
    except NotAttempted:
        return Trouble("stub", "", NotAttempted, statement.lineno)
    except BaseException as problem:
        return replace(raised(problem, "The cell", label), line=statement.lineno)
    return None


def _flags(names: dict) -> int:
    """Return the compiler flags for `from __future__ import annotations` in an earlier cell."""
    later = __future__.annotations
    return later.compiler_flag if names.get("annotations") is later else 0


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
