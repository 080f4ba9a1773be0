"""Records the operations that run, as plain data, each with the line that called it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from math import nan
from types import FrameType

import torch
from torch import Tensor, nn
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
_AS_IT_IS = frozenset({type(None), bool, int, float, str})
_TENSORS = frozenset({Tensor, nn.Parameter})


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
        self._called = _told_of_calls(self)

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
        name, launch, empty = _known(func)
        if len(self.ops) < MAX_OPS:
            line, borrowed = self._origin(sys._getframe(1))
            given = _plain(_in_order(func, args, kwargs))
            self.ops.append(Op(name, given, launch, line, borrowed))
        else:
            self.note(name, sys._getframe(1), _in_order(func, args, kwargs))
        output = func(*args, **(kwargs or {}))
        if empty and output.layout == torch.strided and output.is_floating_point():
            output.fill_(nan)  # memory that happens to hold zeros would hide that it was never set
        return output

    def note(self, name: str, frame: FrameType, args: list | tuple = ()) -> None:
        """Record a call, once for each line that it comes from."""
        line, borrowed = self._origin(frame)
        if len(self.calls) < MAX_OPS and (name, line, borrowed) not in self._known:
            self._known.add((name, line, borrowed))
            self.calls.append(Op(name, _plain(args), False, line, borrowed))

    def _origin(self, frame: FrameType | None) -> tuple[int, str]:
        """Return the line of the cell from which a frame was reached, and the form that was
        borrowed."""
        borrowed, filename = "", self._filename
        while frame is not None:
            names = frame.f_globals
            module = names["__name__"] if "__name__" in names else ""
            if type(module) is str and _idea(module):
                borrowed = _form(frame, module) or borrowed
            if filename and frame.f_code.co_filename == filename:
                return frame.f_lineno, borrowed
            frame = frame.f_back
        return 0, borrowed


def _told_of_calls(recorder: Recorder) -> Callable[[FrameType, str, object], None]:
    """Return the function that Python tells of each call and return. It runs thousands of times in
    a second, mostly for nothing, so that it looks at the event first and has few names to look
    up."""
    own, passed_over = globals(), {}

    def told(frame: FrameType, event: str, called) -> None:
        if event == "call":
            code = frame.f_code
            if id(code) in passed_over:
                return
            module = frame.f_globals.get("__name__")
            if isinstance(module, str) and module.startswith(_WATCHED):
                recorder.note(f"{module}:{code.co_qualname}", frame)
            else:
                passed_over[id(code)] = code  # kept alive, because ids are reused
        elif event == "c_call" and called.__name__ in _COMPILED and frame.f_globals is not own:
            recorder.note(f"{called.__module__}:{called.__name__}", frame)

    return told


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


def _form(frame: FrameType, module: str) -> str:
    """Return "resnext.grouped_conv2d" for a frame in this form of the framework, "" if its module
    only has the name of one."""
    if getattr(sys.modules.get(module), "__dict__", None) is not frame.f_globals:
        return ""  # a `__name__` may be forged
    return f"{_idea(module)}.{frame.f_code.co_qualname.split('.')[0]}"


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


@cache
def _known(func) -> tuple[str, bool, bool]:
    """Return an operation's name, whether it starts a kernel, and whether it `allocates`."""
    name = str(func)
    empty = allocates(name)
    return name, not (func.is_view or empty or name.startswith("aten._unsafe_view")), empty


def _in_order(func, args: tuple, kwargs: dict | None) -> list:
    """Return the arguments by position, including those passed by name, up to the last one."""
    if not kwargs:
        return list(args)
    rest = _parameters(func)[len(args) :]
    last = max((i for i, (name, _) in enumerate(rest, 1) if name in kwargs), default=0)
    return [*args, *(kwargs.get(name, default) for name, default in rest[:last])]


@cache
def _parameters(func) -> list[tuple[str, object]]:
    """Return the names of an operation's arguments, and their values by default."""
    return [(argument.name, argument.default_value) for argument in func._schema.arguments]


def _plain(value):
    kind = type(value)  # compared first, because each call of `isinstance` is recorded, too
    if kind in _AS_IT_IS:
        return value
    if kind in _TENSORS or (kind is not list and isinstance(value, Tensor)):
        return list(value.shape)
    if kind is list or isinstance(value, (list, tuple)):
        return [part if type(part) in _AS_IT_IS else _plain(part) for part in value]
    return value if isinstance(value, (bool, int, float, str)) else None
