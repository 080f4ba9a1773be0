"""What a notebook may have set in torch for all that follows: put aside for a call, and put back.

`torch.set_default_dtype`, a default device, gradients switched off, a function of torch's replaced
by another: an answer is judged without them, in the notebook as in the grader, and leaves none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import is_, itemgetter
from types import CodeType

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Setting:
    """One of torch's settings, how it is read and set, and its value when torch is imported."""

    name: str
    get: Callable
    set: Callable
    start: object


def _default_device() -> torch.device | None:
    device = torch.get_default_device()
    return None if device.type == "cpu" else device


SETTINGS = (
    Setting(
        "torch.set_default_dtype", torch.get_default_dtype, torch.set_default_dtype, torch.float32
    ),
    Setting("torch.set_default_device", _default_device, torch.set_default_device, None),
    Setting("torch.set_grad_enabled", torch.is_grad_enabled, torch.set_grad_enabled, True),
    Setting(
        "torch.set_autocast_enabled",
        partial(torch.is_autocast_enabled, "cpu"),
        partial(torch.set_autocast_enabled, "cpu"),
        False,
    ),
)
_HOMES = {"torch": torch, "nn": nn, "F": F, "torch.Tensor": torch.Tensor}
_ORIGINAL = {
    home: {
        name: value
        for name, value in vars(place).items()
        if callable(value) and not name.startswith("_") and name != "Storage"  # follows the dtype
    }
    for home, place in _HOMES.items()
}
_NOW = {home: itemgetter(*names) for home, names in _ORIGINAL.items()}
_KNOWN = {home: tuple(names.values()) for home, names in _ORIGINAL.items()}  # to be torch's
_NAMES = frozenset(vars(torch.Tensor))
_FOLDER = os.path.dirname(torch.__file__)
_MISSING = object()  # a tensor's method that its C++ class has: restored by taking away


def changed() -> list[str]:
    """Return the names of the settings that are not as torch starts with them."""
    return [s.name for s in SETTINGS if s.get() != s.start]


def replaced() -> list[str]:
    """Return the names of torch's functions and classes that are not torch's own any more."""
    return [f"{home}.{name}" for home, name, _, _ in _replacements()]


@contextmanager
def as_torch_starts() -> Iterator[None]:
    """Inside, torch is as it is when it is imported; after, as it was before.

    Whatever the block leaves switched on is switched off again, a mode (`with torch.device(...)`)
    that an interruption kept from closing included.
    """
    before, patches = [s.get() for s in SETTINGS], _replacements()
    for setting, value in zip(SETTINGS, before, strict=True):
        if value != setting.start:
            setting.set(setting.start)
    _put(patches, original=True)
    functions, dispatches = torch._C._len_torch_function_stack(), _dispatches()
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        while _dispatches() > dispatches:
            torch._C._pop_torch_dispatch_stack()
        for setting in SETTINGS:
            if setting.get() != setting.start:
                setting.set(setting.start)
        while torch._C._len_torch_function_stack() > functions:
            torch._C._pop_torch_function_stack()
        _put(_replacements(), original=True)
        _put(patches, original=False)
        for setting, value in zip(SETTINGS, before, strict=True):
            if value != setting.start:
                setting.set(value)


def _dispatches() -> int:
    return torch._C._len_torch_dispatch_stack()


def _replacements() -> list[tuple[str, str, object, object]]:
    """Return for each replaced name: its home, the name, torch's value and the one in its place."""
    found = []
    for home, names in _ORIGINAL.items():
        if not _as_known(home):
            here = _replacements_in(home, names)
            found += here
            if not here:  # what is other than at the start is torch's own, too
                _KNOWN[home] = _NOW[home](vars(_HOMES[home]))
    if vars(torch.Tensor).keys() == _NAMES:
        return found
    for name in vars(torch.Tensor).keys() - _ORIGINAL["torch.Tensor"].keys():
        if not name.startswith("_") and callable(getattr(torch.Tensor.__base__, name, None)):
            found.append(("torch.Tensor", name, _MISSING, vars(torch.Tensor)[name]))
    return found


def _as_known(home: str) -> bool:
    """Return whether each name is what it was when all were torch's. Every call of an answer asks
    this some times, about more than a thousand names: so no line of Python runs for each."""
    try:
        return all(map(is_, _NOW[home](vars(_HOMES[home])), _KNOWN[home]))
    except KeyError:  # one is missing
        return False


def _replacements_in(home: str, names: dict) -> list[tuple[str, str, object, object]]:
    found, now = [], vars(_HOMES[home])
    for name, value in names.items():
        other = now.get(name, _MISSING)
        if other is not value and not _is_torchs(other, name):
            found.append((home, name, value, other))
    return found


def _is_torchs(value, name: str) -> bool:
    """Return whether torch itself has put this in the place of one of its functions, as its
    compiler does with `torch.manual_seed`."""
    if isinstance(code := getattr(value, "__code__", None), CodeType):
        return code.co_filename.startswith(_FOLDER)
    module = getattr(value, "__module__", None) or ""
    return module.startswith("torch") and getattr(value, "__name__", "") == name


def _put(patches: list[tuple[str, str, object, object]], original: bool) -> None:
    for home, name, first, now in patches:
        value = first if original else now
        if value is _MISSING:
            delattr(_HOMES[home], name)
        else:
            setattr(_HOMES[home], name, value)
