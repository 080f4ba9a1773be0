"""Records the operations that run, as plain data, each with the line that called it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from math import nan

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

MAX_OPS = 4096
_FRAMEWORK = re.compile(r"convzoo\.ideas\.\w+\.framework")


@dataclass(frozen=True)
class Op:
    """An operation that ran: its name, its arguments (a tensor is its shape), its line.

    launch: whether it starts a kernel; borrowed: the name of the fallback in
    `convzoo.ideas.NAME.framework` that it ran inside of, which the lesson called and not the
    reader.
    """

    name: str
    args: list
    launch: bool = True
    line: int = 0
    borrowed: str = ""


class Recorder(TorchDispatchMode):
    """Records every operation as plain data, with the line that called it."""

    def __init__(self, filename: str = ""):
        super().__init__()
        self.ops: list[Op] = []
        self._filename = filename

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return no: to be skipped, torch would import its compiler at the first call, which takes
        2 to 4 seconds."""
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if len(self.ops) < MAX_OPS:
            plain = [_plain(value) for value in args]
            line, borrowed = self._origin()
            self.ops.append(Op(str(func), plain, _starts_kernel(func), line, borrowed))
        output = func(*args, **(kwargs or {}))
        if allocates(str(func)) and output.layout == torch.strided and output.is_floating_point():
            output.fill_(nan)  # memory that happens to hold zeros would hide that it was never set
        return output

    def _origin(self) -> tuple[int, str]:
        frame, borrowed = sys._getframe(2), ""
        while frame is not None:
            if is_framework(frame.f_globals.get("__name__", "")):
                borrowed = frame.f_code.co_qualname.split(".")[0]
            if self._filename and frame.f_code.co_filename == self._filename:
                return frame.f_lineno, borrowed
            frame = frame.f_back
        return 0, borrowed


def is_framework(module: str) -> bool:
    """Return whether a module, by its name, holds the framework's forms of an idea's exercises."""
    return _FRAMEWORK.fullmatch(module) is not None


def allocates(name: str) -> bool:
    """Return whether an operation allocates memory without writing to it, as `torch.empty` does."""
    return name.startswith(("aten.empty", "aten.new_empty"))


def _starts_kernel(func) -> bool:
    return not (func.is_view or allocates(str(func)) or str(func).startswith("aten._unsafe_view"))


def _plain(value):
    if isinstance(value, Tensor):
        return list(value.shape)
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value if isinstance(value, (bool, int, float, str)) else None
