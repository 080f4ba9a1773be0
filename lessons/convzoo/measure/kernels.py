"""A hand-written Triton kernel beside the framework's operations: bytes, launches and times.

Bytes and launches are counted on every machine: the kernel's file is executed with an imitation of
Triton that counts each launch instead of making it, so neither Triton nor a GPU is needed. Times
are measured only where the kernel can run, after its result has been compared with the framework's.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from convzoo import device as devices
from convzoo import module_source
from convzoo.measure import roofline, traffic
from convzoo.measure.counting import cost
from convzoo.measure.timing import Timing, bench

_TOLERANCE = 1e-3  # of the largest entry, in float32
KERNEL = "this kernel"


@dataclass(frozen=True)
class Variant:
    """One way to compute a result.

    bytes     each launch reads its tensors once and writes its results once; no cache is assumed
    launches  operations or kernels that run
    small     of these, torch operations that prepare a kernel's arguments
    timing    seconds of one call, or None if nothing was timed here
    """

    name: str
    bytes: int
    launches: int
    small: int = 0
    timing: Timing | None = None


@dataclass(frozen=True)
class KernelReport:
    """A kernel and the framework's ways to compute the same.

    device         where it was to run, in words
    reason         why nothing was timed; "" if it was
    floor_seconds  the time of copying as many bytes as the kernel moves; None if not timed
    """

    kernel: Variant
    framework: tuple[Variant, ...]
    device: str
    reason: str = ""
    floor_seconds: float | None = None


def kernel_report(
    name: str,
    framework: Mapping[str, Callable],
    arguments: Callable[[torch.device | str], tuple],
    device: torch.device | str = "cpu",
    seconds: float = 2.0,
) -> KernelReport:
    """Compare a Triton kernel with the framework's ways to compute the same.

    name: the kernel's function, dotted: "convzoo.ideas.resnet.kernel.norm_add_relu"; all functions
    are called with `*arguments(device)`, first with tensors on "meta", to be counted, then, if
    `device` can run Triton, with tensors there, to be compared and timed. All without gradients.
    """
    with torch.no_grad():
        on_meta = arguments("meta")
        kernel = Variant(KERNEL, *_counted(name, on_meta))
        rivals = []
        for rival, fn in framework.items():
            found = cost(fn, *on_meta)
            rivals.append(Variant(rival, found.bytes, found.launches))
        report = KernelReport(kernel, tuple(rivals), devices.describe(device))
        reason = _obstacle(torch.device(device))
        if reason:
            return replace(report, reason=reason)
        try:
            with _float32_proper():
                return _timed(report, name, framework, arguments(device), device, seconds)
        except Exception as error:  # no compiler, no memory, an old driver
            line = (str(error).strip().splitlines() or [""])[0]
            what = f"{type(error).__name__}: {line}"
            return replace(report, reason=f"The kernel could not be timed here ({what}).")


def _counted(name: str, arguments: tuple) -> tuple[int, int, int]:
    """Return the bytes and launches of a kernel's function, and how many launches are torch's."""
    module, _, function = name.rpartition(".")
    launched = _ImitatedTriton()
    names = _executed(module, launched)
    with launched:
        around = cost(names[function], *arguments)
    return around.bytes + launched.bytes, around.launches + launched.launches, around.launches


def _executed(module: str, triton: _ImitatedTriton) -> dict[str, object]:
    """Return the names of a kernel's file, executed with `triton` in the place of Triton."""
    names: dict[str, object] = {"__name__": module}
    rest = ast.Module([], [])
    for statement in module_source.tree(module).body:
        if isinstance(statement, ast.Import) and statement.names[0].name.startswith("triton"):
            names |= {alias.asname or "triton": triton for alias in statement.names}
        else:
            rest.body.append(statement)
    exec(compile(rest, f"<{module}>", "exec", dont_inherit=True), names)
    return names


class _ImitatedTriton(TorchFunctionMode):
    """Counts the launches that a kernel's file makes, and the bytes of the tensors they are given.

    A tensor may also be given by its address: inside `with`, those whose `data_ptr()` is read count
    once.
    """

    def __init__(self):
        super().__init__()
        self.bytes = self.launches = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is Tensor.data_ptr:
            self.bytes += traffic.footprint([args[0]])
        return func(*args, **(kwargs or {}))

    def jit(self, function: Callable) -> _ImitatedTriton:
        return self

    def __getitem__(self, grid) -> Callable[..., None]:
        def launch(*arguments, **constants) -> None:
            self.launches += 1
            self.bytes += traffic.footprint(traffic.tensors_in(arguments))

        return launch

    @staticmethod
    def cdiv(a: int, b: int) -> int:
        return -(-a // b)

    @staticmethod
    def next_power_of_2(n: int) -> int:
        return 1 << (n - 1).bit_length()


def _obstacle(device: torch.device) -> str:
    """Return why a Triton kernel cannot run on a device; "" if it can."""
    if device.type != "cuda":
        return (
            f"Triton compiles for NVIDIA and AMD GPUs; the device here is {device.type}. So the "
            "bytes and launches are counted, and no time is measured."
        )
    if find_spec("triton") is None:
        return (
            "Triton is not installed here. (It comes with torch on Linux.) So the bytes and "
            "launches are counted, and no time is measured."
        )
    return ""


def _timed(
    report: KernelReport, name: str, framework: Mapping[str, Callable], arguments, device, seconds
) -> KernelReport:
    """Return the report with times, or with the reason if a result differs from the kernel's."""
    module, _, function = name.rpartition(".")
    kernel = getattr(import_module(module), function)
    result = kernel(*arguments)
    for rival, fn in framework.items():
        expected = fn(*arguments)
        off = float((result - expected).abs().max() / expected.abs().max().clamp(min=1e-30))
        if not off <= _TOLERANCE:
            reason = f"The kernel's result differs from that of {rival!r} by {off:.1%}: not timed."
            return replace(report, reason=reason)
    timings = bench({KERNEL: kernel, **framework}, *arguments, seconds=seconds, device=device)
    copied = roofline.Work(0, report.kernel.bytes)
    return replace(
        report,
        kernel=replace(report.kernel, timing=timings[KERNEL]),
        framework=tuple(replace(v, timing=timings[v.name]) for v in report.framework),
        floor_seconds=roofline.floor_seconds(copied, roofline.peaks(device)),
    )


@contextmanager
def _float32_proper() -> Iterator[None]:
    """Inside, no product is rounded to TF32: the kernels do not do that either."""
    homes = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [home.allow_tf32 for home in homes]
    try:
        for home in homes:
            home.allow_tf32 = False
        yield
    finally:
        for home, kept in zip(homes, before):
            home.allow_tf32 = kept
