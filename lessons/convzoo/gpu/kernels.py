"""The ideas' Triton kernels at sizes of real networks, each against the framework and a copy.

A kernel that does little with each number can at best be as fast as a copy of the bytes that it
moves. The target of those is 90% of a copy's speed; that of the grouped convolution is cuDNN's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convzoo.errors import UserError
from convzoo.measure import kernel_report, records
from convzoo.measure.device_report import Part, Settings, plain

OF_COPY = 0.9  # of a copy's speed
HOME = "convzoo.ideas"


@dataclass(frozen=True)
class Kernel:
    """One kernel at one size.

    name       dotted, within `convzoo.ideas`
    ways       the framework's ways to compute the same, by name
    arguments  returns the arguments on a device
    bound      "copy": at least OF_COPY of a copy's speed; "framework": at least as fast as the
    first way; "": no target
    """

    name: str
    ways: Mapping[str, Callable]
    arguments: Callable[[torch.device | str], tuple]
    bound: str = ""


def _rand(*shapes: tuple[int, ...]) -> Callable[[torch.device | str], tuple[Tensor, ...]]:
    return lambda where: tuple(torch.randn(shape, device=where) for shape in shapes)


def _norm_arguments(where) -> tuple:
    x, shortcut = _rand((32, 256, 56, 56), (32, 256, 56, 56))(where)
    return x, shortcut, nn.BatchNorm2d(256, device=where).eval()


def _grouped_arguments(where) -> tuple:
    return (*_rand((32, 128, 56, 56), (128, 4, 3, 3))(where), 32)


def _shuffled_arguments(where) -> tuple:
    return (*_rand((64, 60, 28, 28), (240, 20, 1, 1))(where), 3, 3)


def _pieces(where) -> tuple:
    widths = [64] + [32] * 15
    pieces = [torch.randn(32, c, 28, 28, device=where) for c in widths]
    return pieces, torch.randn(128, sum(widths), 1, 1, device=where)


def _gate(x, w1, b1, w2, b2):
    gate = torch.sigmoid(F.linear(F.relu(F.linear(x.mean((2, 3)), w1, b1)), w2, b2))
    return x * gate[:, :, None, None]


ALL = (
    Kernel(
        "resnet.kernel.norm_add_relu",
        {"batch norm, add, ReLU": lambda x, shortcut, norm: F.relu(norm(x) + shortcut)},
        _norm_arguments,
        "copy",
    ),
    Kernel(
        "separable.kernel.depthwise_conv2d",
        {"F.conv2d": lambda x, weight: F.conv2d(x, weight, padding=1, groups=x.shape[1])},
        _rand((32, 256, 56, 56), (256, 1, 3, 3)),
        "copy",
    ),
    Kernel(
        "senet.kernel.squeeze_excite",
        {"mean, two linear layers, product": _gate},
        _rand((32, 256, 56, 56), (16, 256), (16,), (256, 16), (256,)),
        "copy",
    ),
    Kernel(
        "resnext.kernel.grouped_conv2d",
        {"F.conv2d": lambda x, weight, groups: F.conv2d(x, weight, padding=1, groups=groups)},
        _grouped_arguments,
        "framework",
    ),
    Kernel(
        "resnext.kernel.block_diagonal_product",
        {
            "bmm": lambda blocks, x: torch.bmm(blocks, x.view(len(blocks), -1, x.shape[1])).view(
                -1, x.shape[1]
            )
        },
        _rand((32, 32, 32), (1024, 65536)),
    ),
    Kernel(
        "shufflenet.kernel.shuffled_conv1x1",
        {
            "shuffle, F.conv2d": lambda x, weight, groups, shuffle: F.conv2d(
                torch.channel_shuffle(x, shuffle), weight, groups=groups
            )
        },
        _shuffled_arguments,
    ),
    Kernel(
        "densenet.kernel.conv1x1_of_pieces",
        {"cat, F.conv2d": lambda pieces, weight: F.conv2d(torch.cat(pieces, 1), weight)},
        _pieces,
    ),
)


def _settings(device: torch.device, quick: bool) -> list[Settings]:
    return [{"kernel": kernel.name} for kernel in ALL]


def _measure(device: torch.device, point: Settings, seconds: float) -> dict:
    """Compare one kernel: bytes, launches, and, where it runs, times and shares. Raises UserError
    for a kernel that fails or is wrong on a GPU with Triton."""
    kernel = next(kernel for kernel in ALL if kernel.name == point["kernel"])
    report = kernel_report(
        f"{HOME}.{kernel.name}", kernel.ways, kernel.arguments, device, max(seconds, 0.01)
    )
    variants = (report.kernel, *report.framework)
    found = {
        "bytes": {v.name: v.bytes for v in variants},
        "launches": {v.name: v.launches for v in variants},
    }
    if report.reason and device.type == "cuda" and find_spec("triton"):
        raise UserError(report.reason)
    if report.reason:
        return {**found, "reason": report.reason}
    taken = report.kernel.timing.minimum
    rival = report.framework[0].timing.minimum
    shares = {
        "of_copy": records.short(report.floor_seconds / taken),
        "of_framework": records.short(rival / taken),
    }
    return {**found, "times": plain({v.name: v.timing for v in variants}), **shares}


def reached(point: Settings) -> bool | None:
    """Return whether a kernel's target is reached; None if it has none, or was not timed."""
    bound = next(kernel.bound for kernel in ALL if kernel.name == point["kernel"])
    if not bound or "times" not in point:
        return None
    return point["of_copy"] >= OF_COPY if bound == "copy" else point["of_framework"] >= 1


def line(point: Settings) -> str:
    """Return a kernel's point as a line to read, with its target; without times, the reason."""
    if "reason" in point:
        return f"{point['kernel']}: {point['reason']}"
    bound = next(kernel.bound for kernel in ALL if kernel.name == point["kernel"])
    target = {"copy": f"{OF_COPY:.0%} of a copy", "framework": "the framework's speed"}.get(bound)
    verdict = f" (target: {target}, {'' if reached(point) else 'not '}reached)" if target else ""
    return (
        f"{point['kernel']:<38}{point['of_copy']:.0%} of a copy's speed, "
        f"{point['of_framework']:.2f} of the framework's{verdict}"
    )


def lines(points: list[Settings]) -> list[str]:
    """Return a line for each kernel, or only the reason if it is the same for all."""
    reasons = {point.get("reason", "") for point in points}
    return [line(point) for point in points] if "" in reasons or len(reasons) > 1 else [*reasons]


KERNELS = Part(
    "Triton kernels against the framework and a copy", _settings, _measure, 10.0, wait=5.0
)
