"""A device in disguise: a second device on a machine that has only its CPU.

A backend of Python under a name of its own. Its tensors are computed on the CPU, but torch takes
them for another device's, and like Apple's MPS it refuses float64, sparse layouts, and any mix with
tensors of the CPU. `python tests/disguised.py SCRIPT.py` runs a lesson on it, with little training.
"""

from __future__ import annotations

import runpy
import sys
from functools import partial

import torch
from convzoo import device as devices
from little_work import little_work
from torch import Tensor
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)

NAME = "disguise"
# What may read a tensor of the CPU next to one of the device: copies between the two.
_COPIES = ("aten.copy_", "aten._to_copy", "aten._copy_from")
_INDEXED = ("aten.index.", "aten.index_put", "aten._index_put", "aten._unsafe_index")


class Disguised(torch.Tensor):
    """A tensor of the device; `inner` is the CPU's tensor with its values."""

    @staticmethod
    def __new__(cls, inner: Tensor):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=f"{NAME}:0",
        )

    def __init__(self, inner: Tensor):
        self.inner = inner

    def __tensor_flatten__(self):
        return ["inner"], None

    @staticmethod
    def __tensor_unflatten__(inner, context, size, stride):
        return Disguised(inner["inner"])

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})

    def numpy(self, *given, **more):
        raise TypeError(f"can't convert {NAME}:0 device type tensor to numpy.")

    __array__ = numpy

    def tolist(self):
        return self.cpu().tolist()

    def __repr__(self, **how):
        return repr(self.cpu())

    __torch_function__ = torch._C._disabled_torch_function_impl


def _run(func, args: tuple, kwargs: dict):
    """Compute an operation on the CPU and give its results to the device that torch would."""
    name = str(func)
    _meet(name, args, kwargs)
    target = kwargs.get("device")
    to_cpu = target is not None and torch.device(target).type == "cpu"
    inner = tree_map(_inside, kwargs)
    if target is not None:
        inner["device"] = torch.device("cpu")
    output = func(*tree_map(_inside, args), **inner)
    if to_cpu or name.startswith("aten.copy_") and not isinstance(args[0], Disguised):
        return args[0] if name.startswith("aten.copy_") else output
    wrapped = tree_map(_outside, output)
    return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _inside(value):
    return value.inner if isinstance(value, Disguised) else value


def _outside(value):
    if not isinstance(value, Tensor):
        return value
    if value.layout != torch.strided:
        raise NotImplementedError(f"Sparse tensors are not available on {NAME!r}.")
    if value.dtype == torch.float64:
        raise TypeError(f"Cannot convert a {NAME} tensor to float64: the device has none.")
    return Disguised(value)


def _meet(name: str, args: tuple, kwargs: dict) -> None:
    """Raise as torch does for tensors of two devices: only single numbers, copies and indices may
    be on the CPU."""
    generator = kwargs.get("generator")
    if generator is not None and generator.device.type != NAME:
        raise RuntimeError(f"Expected a {NAME!r} device type for generator but found 'cpu'")
    if name.startswith(_COPIES):
        return
    given = [v for v in tree_leaves((args, kwargs)) if isinstance(v, Tensor)]
    if name.startswith(_INDEXED):
        given = [given[0], *(v for v in args[2:3] if isinstance(v, Tensor))]
    if not all(isinstance(v, Disguised) or not v.dim() for v in given):
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{NAME}:0 and cpu! ({name})"
        )


def _made(func, *args, **kwargs):
    """Compute what has no tensor of the device among its arguments: torch.empty and the like."""
    return _run(func, args, kwargs)


# Computed whole: those that torch would compute into an empty tensor which it makes larger, and
# copy_, with which torch.tensor fills a tensor while no subclass is asked.
_WHOLE = (
    *("arange", "arange.start", "arange.start_step", "eye", "eye.m", "linspace", "logspace"),
    *("tril_indices", "triu_indices", "copy_"),
)
_LIBRARIES: list[torch.library.Library] = []  # kept, because each ends with its object


class _Module(_DummyBackendModule):
    """What torch looks up as torch.disguise."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        """Asked by autocast, which checkpointing enters even where it is off."""
        return [torch.float16, torch.bfloat16]


def register() -> None:
    """Make the device known to torch, once in a process; it cannot be taken back."""
    _setup_privateuseone_for_python_backend(NAME, _Module())
    anything, aten = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    anything.fallback(_made, "PrivateUse1")
    for name in _WHOLE:
        packet, _, overload = name.partition(".")
        func = getattr(getattr(torch.ops.aten, packet), overload or "default")
        aten.impl(name, partial(_made, func), "PrivateUse1")
    _LIBRARIES.extend((anything, aten))


# --- a lesson on it ---------------------------------------------------------------------------


def be_the_accelerator() -> None:
    """Let the course take the device for this machine's accelerator."""
    devices.KINDS = (NAME, "cpu")
    devices.available = lambda kind: int(kind in devices.KINDS)


def main(path: str) -> None:
    """Run a lesson's script with the device in disguise as this machine's accelerator."""
    register()
    be_the_accelerator()
    little_work()
    runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
