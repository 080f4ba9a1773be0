"""Records the operations that run, as plain data, each with the line that called it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from math import nan
from types import CodeType, FrameType

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, _get_current_function_mode
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode

MAX_OPS = 4096
_FRAMEWORK = re.compile(r"convzoo\.ideas\.(\w+)\.framework")
# The Python code whose calls are recorded, by the beginning of its module's name.
_WATCHED = (
    *("convzoo.ideas.", "convzoo.measure.", "convzoo.nets", "torchvision.", "timm.", "scipy."),
    *("torch.autograd", "torch.func", "torch._functorch.", "torch.utils._python_dispatch"),
)
# What runs, or makes something run, without being recorded.
HIDING = frozenset(
    "start_new_thread start_joinable_thread fork setprofile settrace _disable_current_modes".split()
)
_COMPILED = HIDING | {"run_backward"}  # functions without Python code whose calls are recorded


@dataclass(frozen=True)
class Op:
    """An operation that ran: its name, its arguments (a tensor is its shape), its line.

    launch: whether it starts a kernel; borrowed: "resnext.grouped_conv2d" if it ran inside that
    form of `convzoo.ideas.resnext.framework`, perhaps because the lesson fell back on it. A call is
    recorded without arguments and launch: its name is "torch:kron", or the module and the function,
    such as "torchvision.ops.misc:SqueezeExcitation.forward".
    """

    name: str
    args: list
    launch: bool = True
    line: int = 0
    borrowed: str = ""


class Recorder(TorchDispatchMode):
    """Records every operation as plain data, with the line that called it.

    ops: the operations, MAX_OPS at most; calls: each function of torch, and each Python function of
    the libraries that an answer could be borrowed from, once for each line. kept_on: whether
    everything was still being recorded at the end.
    """

    def __init__(self, filename: str = ""):
        super().__init__()
        self.ops: list[Op] = []
        self.calls: list[Op] = []
        self.kept_on = False
        self._filename = filename
        self._functions = _Functions(self)
        self._known: set[tuple[str, int, str]] = set()
        self._passed_over: dict[int, CodeType] = {}
        self._called = self._call_of_python  # one object, to be recognised at the end

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return no: to be skipped, torch would import its compiler at the first call, which takes
        2 to 4 seconds."""
        return False

    def __enter__(self) -> Recorder:
        super().__enter__()
        self._functions.__enter__()
        self._before = sys.getprofile()
        sys.setprofile(self._called)
        return self

    def __exit__(self, *problem) -> None:
        watching = sys.getprofile(), _get_current_function_mode(), _get_current_dispatch_mode()
        sys.setprofile(self._before)
        expected = self._called, self._functions, self
        self.kept_on = all(a is b for a, b in zip(watching, expected, strict=True))
        self._functions.__exit__(*problem)
        super().__exit__(*problem)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func)
        if len(self.ops) < MAX_OPS:
            plain = [_plain(value) for value in _in_order(func, args, kwargs)]
            line, borrowed = self._origin(sys._getframe(1))
            self.ops.append(Op(name, plain, _starts_kernel(func), line, borrowed))
        else:
            self.note(name, sys._getframe(1), _in_order(func, args, kwargs))
        output = func(*args, **(kwargs or {}))
        if allocates(name) and output.layout == torch.strided and output.is_floating_point():
            output.fill_(nan)  # memory that happens to hold zeros would hide that it was never set
        return output

    def note(self, name: str, frame: FrameType, args=()) -> None:
        """Record a call, once for each line that it comes from."""
        line, borrowed = self._origin(frame)
        if len(self.calls) < MAX_OPS and (name, line, borrowed) not in self._known:
            self._known.add((name, line, borrowed))
            self.calls.append(Op(name, [_plain(v) for v in args], False, line, borrowed))

    def _call_of_python(self, frame: FrameType, event: str, called) -> None:
        if frame.f_globals is globals():
            return
        if event == "c_call" and called.__name__ in _COMPILED:
            self.note(f"{called.__module__}:{called.__name__}", frame)
        if event != "call" or id(frame.f_code) in self._passed_over:
            return
        module = frame.f_globals.get("__name__")
        if isinstance(module, str) and module.startswith(_WATCHED):
            self.note(f"{module}:{frame.f_code.co_qualname}", frame)
        else:
            self._passed_over[id(frame.f_code)] = frame.f_code  # kept alive, because ids are reused

    def _origin(self, frame: FrameType | None) -> tuple[int, str]:
        """Return the line of the cell from which a frame was reached, and the form that was
        borrowed."""
        borrowed = ""
        while frame is not None:
            borrowed = _form(frame) or borrowed
            if self._filename and frame.f_code.co_filename == self._filename:
                return frame.f_lineno, borrowed
            frame = frame.f_back
        return 0, borrowed


@contextmanager
def aside() -> Iterator[None]:
    """Record no Python calls inside: for slow work of the library that an answer may need."""
    before = sys.getprofile()
    sys.setprofile(None)
    try:
        yield
    finally:
        sys.setprofile(before)


class _Functions(TorchFunctionMode):
    """Reports to a recorder which torch functions are called, by any name."""

    def __init__(self, recorder: Recorder):
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if not name.startswith("__"):
            self._recorder.note(f"torch:{name}", sys._getframe(1))
        return func(*args, **(kwargs or {}))


def _form(frame: FrameType) -> str:
    """Return "resnext.grouped_conv2d" for a frame in this form of the framework, "" for any
    other."""
    module = frame.f_globals.get("__name__")
    found = _idea(module) if isinstance(module, str) else ""
    if not found or getattr(sys.modules.get(module), "__dict__", None) is not frame.f_globals:
        return ""  # a `__name__` may be forged
    return f"{found}.{frame.f_code.co_qualname.split('.')[0]}"


@cache
def _idea(module: str) -> str:
    """Return the idea whose forms a module has, by the module's name; "" for any other module."""
    found = _FRAMEWORK.fullmatch(module)
    return found[1] if found else ""


def form_name(form) -> str:
    """Return the name in `Op.borrowed` of one of the framework's forms, a function or class; "" for
    any other."""
    found = _idea(form.__module__)
    return f"{found}.{form.__qualname__}" if found else ""


def is_framework(module: str) -> bool:
    """Return whether a module, by its name, holds the framework's forms of an idea's exercises."""
    return bool(_idea(module))


def allocates(name: str) -> bool:
    """Return whether an operation allocates memory without writing to it, as `torch.empty` does."""
    return name.startswith(("aten.empty", "aten.new_empty"))


def _starts_kernel(func) -> bool:
    return not (func.is_view or allocates(str(func)) or str(func).startswith("aten._unsafe_view"))


def _in_order(func, args: tuple, kwargs: dict | None) -> list:
    """Return the arguments by position, including those passed by name, up to the last one."""
    if not kwargs:
        return list(args)
    rest = func._schema.arguments[len(args) :]
    last = max((i for i, a in enumerate(rest, 1) if a.name in kwargs), default=0)
    return [*args, *(kwargs.get(a.name, a.default_value) for a in rest[:last])]


def _plain(value):
    if isinstance(value, Tensor):
        return list(value.shape)
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value if isinstance(value, (bool, int, float, str)) else None
