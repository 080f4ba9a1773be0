"""Measured data as files: where they are, what they were measured on, and safe to interrupt."""

from __future__ import annotations

import json
import platform
import re
from datetime import date
from pathlib import Path

import torch

import convzoo
from convzoo.device import processor
from convzoo.errors import UserError
from convzoo.files import write_atomically


def header(device: torch.device | str) -> dict:
    """Return what something is measured on: device, versions, threads, today's date."""
    device = torch.device(device)
    on_gpu = device.type == "cuda"
    return {
        "kind": device.type,
        "device": torch.cuda.get_device_name(device) if on_gpu else processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if on_gpu else None,
        "mkl": torch.backends.mkl.is_available(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "convzoo": convzoo.__version__,
        "date": today(),
    }


def today() -> str:
    """Return the date, as 2026-01-31."""
    return date.today().isoformat()


def slug(about: dict) -> str:
    """Return a file name for a header: "cpu-2-threads-amd-epyc", "cuda-nvidia-h200"."""
    threads = [] if about["kind"] == "cuda" else [f"{about['threads']} threads"]
    words = " ".join([about["kind"], *threads, about["device"]])
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def read(path: Path) -> dict | None:
    """Return a file's record; None if there is no file. Raises UserError if it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(
            f"{path.name} is not valid JSON ({error}). Delete it, or restore it with git, and run "
            "this again."
        ) from error
    return found if isinstance(found, dict) else None


def write(path: Path, record: dict) -> None:
    """Replace a file in one step, so that an interruption leaves either the old or the new one.
    Each entry of a list is on its own line: the files are short, and a diff shows what was added.
    """
    write_atomically(path, _text(record) + "\n")


def short(number: float) -> float:
    """Return a measured number with five digits, more than its accuracy."""
    return float(f"{number:.5g}")


def _text(value, indent: str = "") -> str:
    """Return JSON with a line for each key, and for each entry of a list of objects."""
    deeper = indent + " "
    if isinstance(value, dict) and any(isinstance(v, (dict, list)) for v in value.values()):
        rows = [f"{json.dumps(k)}: {_text(v, deeper)}" for k, v in value.items()]
        return "{\n" + ",\n".join(deeper + row for row in rows) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        rows = [json.dumps(v, allow_nan=False) for v in value]
        return "[\n" + ",\n".join(deeper + row for row in rows) + f"\n{indent}]"
    return json.dumps(value, allow_nan=False)
