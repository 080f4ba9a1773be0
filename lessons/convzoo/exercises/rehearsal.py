"""Would an answer run on a GPU? This is rehearsed on any machine: its inputs count as being on a
device, and everything that it creates without naming a device as being on the CPU, as in torch.

All tensors are real CPU tensors, so that code which reads values can be rehearsed too and nothing
has to be imported (torch's own fake tensors need a second of processor time for that).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from convzoo import device as devices
from convzoo.case import Case, answer
from convzoo.exercises.differences import part
from convzoo.exercises.everyday import in_float32
from convzoo.exercises.model import Exercise
from convzoo.failure import source_file, source_line

BOUND = 1e-2  # of the largest number: how far float32 may be off on a device that rounds more
# Tensors made from Python numbers are on the CPU, wherever the numbers come from.
_FROM_NUMBERS = (torch.tensor, torch.as_tensor, torch.asarray, torch.from_numpy)
_MOVES = (torch.Tensor.to, torch.Tensor.type_as)
_NUMPY = (torch.Tensor.numpy, torch.Tensor.__array__)
_COPIES = ("aten.copy_", "aten._to_copy", "aten.lift_fresh", "aten.detach", "aten.set_")


class Elsewhere(Exception):
    """An operation got tensors from two devices; `made` is where the one on the CPU comes from."""

    def __init__(self, made: Made):
        super().__init__("two devices")
        self.made = made


@dataclass(frozen=True)
class Made:
    """Where a CPU tensor was created: the line, 0 if unknown, and whether in a constructor."""

    line: int
    by_constructor: bool = False


class Stage:
    """Knows which tensors are on the CPU, by the memory that they share with their views."""

    def __init__(self, filename: str):
        self.filename = filename
        self.building = False
        self.within: Made | None = None  # the call in progress, if all its inputs are on the CPU
        self._on_cpu: dict[
            int, tuple[object, Made]
        ] = {}  # the storage is kept, because addresses are reused

    def made(self, tensor: Tensor) -> Made | None:
        """Return where a CPU tensor was created; None for one that is on the device."""
        found = self._on_cpu.get(_address(tensor))
        return found and found[1]

    def put_on_cpu(self, tensor: Tensor, made: Made | None = None) -> Tensor:
        """Count a tensor as being on the CPU."""
        made = made or Made(self._line(), self.building)
        self._on_cpu[_address(tensor)] = tensor.untyped_storage(), made
        return tensor

    def put_on_device(self, tensor: Tensor) -> Tensor:
        """Count a tensor as being on the device."""
        self._on_cpu.pop(_address(tensor), None)
        return tensor

    @contextmanager
    def open(self) -> Iterator[None]:
        """Inside, every operation is watched."""
        with _Calls(self), _Operations(self):
            yield

    def _line(self) -> int:
        frame = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename != self.filename:
            frame = frame.f_back
        return frame.f_lineno if frame and self.filename else 0


class _Calls(TorchFunctionMode):
    """Watches calls as they are written: whether a new tensor names its device, and what moves."""

    def __init__(self, stage: Stage):
        super().__init__()
        self.stage = stage

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = [v for v in tree_leaves((args, kwargs)) if isinstance(v, Tensor)]
        if func in _NUMPY and self.stage.made(given[0]) is None:
            raise Elsewhere(Made(self.stage._line()))
        result = self._run(func, args, kwargs, given)
        if func is torch.Tensor.cpu:
            return self.stage.put_on_cpu(result.clone())
        if func in _MOVES:
            return self._moved(result, args[1:], kwargs)
        numbers = func in _FROM_NUMBERS and not isinstance(args[0], Tensor)
        if isinstance(result, Tensor) and (numbers or not given):
            device = kwargs.get("device")
            if device is None or device == "cpu":
                self.stage.put_on_cpu(result)
        return result

    def _run(self, func, args: tuple, kwargs: dict, given: list[Tensor]):
        before = self.stage.within
        made = [self.stage.made(value) for value in given]
        self.stage.within = made[0] if made and all(made) else None
        try:
            return func(*args, **kwargs)
        finally:
            self.stage.within = before

    def _moved(self, result: Tensor, args: tuple, kwargs: dict) -> Tensor:
        """Return a copy, as torch makes one from device to device, if a device is named."""
        for target in (*args, *kwargs.values()):
            if isinstance(target, (Tensor, torch.device, str)):
                made = self.stage.made(target) if isinstance(target, Tensor) else None
                if made or (isinstance(target, str) and target == "cpu"):
                    return self.stage.put_on_cpu(result.clone(), made)
                return self.stage.put_on_device(result.clone())
        return result


class _Operations(TorchDispatchMode):
    """Watches what is computed: operations on tensors from two devices, and where the result is."""

    def __init__(self, stage: Stage):
        super().__init__()
        self.stage = stage

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """See `case.Recorder`."""
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = [v for v in tree_leaves((args, kwargs)) if isinstance(v, Tensor)]
        on_cpu = [self.stage.made(v) for v in given]
        if not str(func).startswith(_COPIES):
            self._meet(str(func), args, given, on_cpu)
        result = func(*args, **kwargs)
        made = self.stage.within if not given else on_cpu[0] if all(on_cpu) else None
        if made:
            for value in tree_leaves(result):
                if isinstance(value, Tensor):
                    self.stage.put_on_cpu(value, made)
        return result

    def _meet(self, name: str, args: tuple, given: list[Tensor], on_cpu: list[Made | None]) -> None:
        """Raise Elsewhere if torch would raise: only single numbers and indices may be on the
        CPU."""
        indexed = name.startswith(("aten.index.", "aten.index_put", "aten._index_put"))
        if indexed and not on_cpu[0]:
            given, on_cpu = given[:1], on_cpu[:1]
            if len(args) > 2 and isinstance(args[2], Tensor):  # what is put there
                given, on_cpu = [*given, args[2]], [*on_cpu, self.stage.made(args[2])]
        if None not in on_cpu:
            return
        joins = name.startswith(("aten.cat", "aten.stack"))
        for tensor, made in zip(given, on_cpu, strict=True):
            if made and (joins or tensor.dim()):
                raise Elsewhere(made)


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def remark(target: Callable, cases: list[Case]) -> str:
    """Return why a right answer would stop on a GPU, in which line, and what to write instead; ""
    if it would not. What cannot be rehearsed is not judged."""
    for case in map(in_float32, cases):
        if case.tensors and not case.examine:
            found = rehearse(target, case)
            if found:
                return found
    return ""


def rehearse(target: Callable, case: Case) -> str:
    """Return the sentence of `remark` for one case."""
    stage = Stage(source_file(target))
    name = next(iter(case.tensors))
    try:
        with stage.open():
            output = _play(stage, target, case)
        for value in tree_leaves(output):
            made = stage.made(value) if isinstance(value, Tensor) and value.dim() else None
            if made:
                return (
                    "On a GPU its result would still be on the CPU, and the next step would stop. "
                    f"{_advice(made, name, stage.filename)}"
                )
    except Elsewhere as problem:
        place = _last_line(problem, stage.filename)
        where = source_line(stage.filename, place)
        return (
            f"On a GPU it would stop {where or 'in its code'}, because one tensor is on the CPU. "
            f"{_advice(problem.made, name, stage.filename)}"
        )
    except Exception:  # it may well run on a device
        return ""
    return ""


def _play(stage: Stage, target: Callable, case: Case):
    """Call the target on inputs that are on the device. A layer is moved as `.to` does: with its
    parameters and buffers, but without other tensors."""
    inputs = {k: v.clone() for k, v in case.tensors.items()}
    scalars = deepcopy(case.scalars)
    for value in inputs.values():
        stage.put_on_device(value)
    if not isinstance(target, type):
        output = target(**inputs, **scalars)
        return tuple(output) if isinstance(output, Iterator) else output
    stage.building = True
    layer: nn.Module = target(**scalars).train(case.training)
    stage.building = False
    layer.load_state_dict(case.weights, strict=False)
    for tensor in (*layer.parameters(), *layer.buffers()):
        stage.put_on_device(tensor)
    return layer(*inputs.values())


def _advice(made: Made, name: str, filename: str) -> str:
    if made.by_constructor:
        return (
            f"{_origin(made, filename)}. Keep it with `self.register_buffer`, "
            "so that `.to(device)` takes it along."
        )
    return (
        f"{_origin(made, filename)}. Create it on the input's device: with "
        f"`device={name}.device`, or with `{name}.new_zeros` or similar."
    )


def _origin(made: Made, filename: str) -> str:
    return f"It is created {source_line(filename, made.line) or 'without a device'}"


def _last_line(problem: BaseException, filename: str) -> int:
    line, trace = 0, problem.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == filename else line
        trace = trace.tb_next
    return line


# --- for real -----------------------------------------------------------------------------------


def for_real(exercise: Exercise, target: Callable, case: Case) -> str:
    """Return what goes wrong on this machine's accelerator, in float32; "" if nothing, or if there
    is no accelerator. Nothing is moved there in float64, which MPS does not have."""
    kind = accelerator()
    if not kind or case.examine or not case.tensors:
        return ""
    case = in_float32(case)
    expected = part(answer(exercise.reference, case, watch=False), "output")
    try:
        output = _call_on(torch.device(kind), target, case)
    except Exception as problem:
        text = str(problem).split("\n")[0]
        return f"On this machine's {kind} device it stops: {text}"
    results = output if isinstance(output, (tuple, list)) else (output,)
    for value, want in zip(results, expected.values(), strict=False):
        if isinstance(value, Tensor) and value.shape == want.shape and want.is_floating_point():
            off = (value.detach().cpu() - want).abs().max() if want.numel() else 0
            if not off <= BOUND * max(1.0, float(want.abs().max())):
                return f"On this machine's {kind} device, in float32, its numbers are not right."
    return ""


def accelerator() -> str:
    """Return the kind of this machine's accelerator; "" if it has none."""
    kind = next(kind for kind in devices.KINDS if devices.available(kind))
    return "" if kind == "cpu" else kind


def _call_on(device: torch.device, target: Callable, case: Case):
    inputs = {k: v.to(device) for k, v in case.tensors.items()}
    if not isinstance(target, type):
        return target(**inputs, **deepcopy(case.scalars))
    layer = target(**deepcopy(case.scalars)).train(case.training)
    layer.load_state_dict(case.weights, strict=False)
    return layer.to(device)(*inputs.values())
