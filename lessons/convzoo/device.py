"""Where tensors live: choosing a device, describing it, and one seed for everything."""

from __future__ import annotations

import os
import platform
import random
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from convzoo.errors import UserError

KINDS = ("cuda", "mps", "cpu")  # in the order of preference
VARIABLE = "CONVZOO_DEVICE"


def choose() -> torch.device:
    """Return the best device of this machine: cuda if there is one, else mps, else cpu.

    The environment variable CONVZOO_DEVICE (`cpu`, `cuda`, `cuda:1`, `mps`) overrides this. Raises
    UserError if its value is not a device of this machine.
    """
    asked = os.environ.get(VARIABLE, "").strip()
    if asked:
        return _named_by_variable(asked)
    return torch.device(next(kind for kind in KINDS if available(kind)))


def available(kind: str) -> int:
    """Return how many devices of a kind torch can use here: 0 if there is none."""
    if kind == "cuda":
        with (
            warnings.catch_warnings()
        ):  # torch warns if a driver is too old; the answer is the same
            warnings.simplefilter("ignore")
            return torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    return int(kind == "cpu")


def _named_by_variable(asked: str) -> torch.device:
    """Return the device that CONVZOO_DEVICE names; raises UserError if it is not available."""
    there = [kind for kind in KINDS if available(kind)]
    what_next = f"set it to {' or '.join(there)}, or unset it"
    try:
        wanted = torch.device(asked.lower())
    except RuntimeError:
        wanted = None
    if wanted is None or wanted.type not in KINDS:
        raise UserError(
            f"{VARIABLE} is {asked!r}, which is not a device that the course knows: {what_next}."
        )
    count = available(wanted.type)
    if (wanted.index or 0) >= count:
        found = f"finds {count} of that kind here" if count else "finds none here"
        raise UserError(f"{VARIABLE} is {asked!r}, but torch {found}: {what_next}.")
    return wanted


def describe(device: torch.device | str) -> str:
    """Return one line that describes the reader's device: name, memory, threads or CUDA, torch
    version."""
    device = torch.device(device)
    torch_version = f"torch {torch.__version__}"
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        memory = f"{card.total_memory / 2**30:.0f} GiB"
        return f"{device}: {card.name}, {memory}, {torch_version}, CUDA {torch.version.cuda}"
    threads = torch.get_num_threads()
    threads_text = f"{threads} thread{'s' if threads != 1 else ''}"
    parts = [processor(), _memory_text(), threads_text, torch_version]
    return f"{device}: " + ", ".join(part for part in parts if part)


def processor() -> str:
    """Return the processor's name as the system reports it, or its architecture."""
    try:
        if platform.system() == "Darwin":
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            reply = subprocess.run(command, capture_output=True, text=True, timeout=5)
            if reply.stdout.strip():
                return reply.stdout.strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except (OSError, subprocess.TimeoutExpired):
        pass
    return platform.processor() or platform.machine() or "processor"


def _memory_text() -> str:
    """Return the machine's memory, as "16 GiB"; empty if the system does not report it
    (Windows)."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return ""
    return f"{size / 2**30:.0f} GiB" if size > 0 else ""


def seed(n: int = 0) -> None:
    """Seed the generators of Python, NumPy and torch, including those of every device."""
    random.seed(n)
    np.random.seed(n % 2**32)
    torch.manual_seed(n)


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch computes with one CPU thread.

    Networks as small as this course trains gain little from a second thread, and on a
    busy machine the threads wait for each other: a seed of 4 seconds has taken 90.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
