"""Checks the environment and says what to do: versions, device, widgets, disk, sandbox.

Every check is a function that returns one row. Only the device check imports torch, so the doctor
runs even if nothing is installed yet.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from convzoo import place
from convzoo.errors import UserError
from convzoo.install import NEWEST, OLDEST

PYTHONS = (OLDEST, NEWEST)
TORCHES = ((2, 11), (2, 14))
INSTALL = "run `make lab`, or `pip install -r requirements.txt` in the project's root"
Row = dict[str, str | bool]


def examine() -> list[Row]:
    """Return one row for each check: {check, ok, found, advice}; advice is empty if all is well.

    A check that matters to only some readers (the lessons' folder, the sandbox) is always ok, but
    still gives its advice.
    """
    looks = (
        _python,
        _torch,
        _torchvision,
        _device,
        _jupyterlab,
        _ipywidgets,
        _widget_manager,
        _disk,
        _lessons,
        _sandbox,
    )
    return [look() for look in looks]


def report(rows: list[Row]) -> str:
    """Return the rows as text, one line each, with the advice below."""
    width = max(len(str(row["check"])) for row in rows)
    lines = []
    for row in rows:
        lines.append(f"{'ok ' if row['ok'] else 'NO '} {row['check']:<{width}}  {row['found']}")
        if row["advice"]:
            lines.append(f"    {'':<{width}}  -> {row['advice']}")
    bad = sum(not row["ok"] for row in rows)
    things = "check needs" if bad == 1 else "checks need"
    lines.append(f"{bad} {things} attention: see NO above." if bad else "All is well.")
    return "\n".join(lines)


def _row(check: str, ok: bool, found: str, advice: str = "") -> Row:
    return {"check": check, "ok": ok, "found": found, "advice": advice}


def _version(package: str) -> str | None:
    """Return an installed package's version, without importing it; None if it is not
    installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, int]:
    """Return (2, 14) for "2.14.1+cu130"; (0, 0) if the text is not a version."""
    parts = version.split("+")[0].split(".")
    try:
        return int(parts[0]), int(parts[1])
    except (ValueError, IndexError):
        return 0, 0


def _dotted(numbers: tuple[int, int]) -> str:
    return ".".join(map(str, numbers))


def _between(bounds: tuple[tuple[int, int], tuple[int, int]]) -> str:
    return f"{_dotted(bounds[0])} to {_dotted(bounds[1])}"


def _python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Row:
    ok = PYTHONS[0] <= version[:2] <= PYTHONS[1]
    advice = "" if ok else f"install Python {_between(PYTHONS)}, remove .venv and {INSTALL}"
    return _row("python", ok, f"{'.'.join(map(str, version))} at {sys.executable}", advice)


def _torch(version_of: Callable[[str], str | None] = _version) -> Row:
    version = version_of("torch")
    if version is None:
        return _row("torch", False, "not installed", INSTALL)
    ok = TORCHES[0] <= _numbers(version) <= TORCHES[1]
    advice = "" if ok else f"the course was tested with torch {_between(TORCHES)}: {INSTALL}"
    return _row("torch", ok, version, advice)


def _torchvision(version_of: Callable[[str], str | None] = _version) -> Row:
    """Check torchvision: 0.N belongs to torch 2.(N - 15), and works with no other."""
    version, torch_version = version_of("torchvision"), version_of("torch")
    if version is None:
        return _row("torchvision", False, "not installed", INSTALL)
    needs = (2, _numbers(version)[1] - 15)
    if torch_version is None or _numbers(torch_version) == needs:
        return _row("torchvision", True, version)
    found = f"{version}, which is for torch {_dotted(needs)} and not for {torch_version}"
    return _row("torchvision", False, found, INSTALL)


def _device() -> Row:
    """Compare a small product on the device that a lesson would choose with the CPU's."""
    try:
        import torch

        from convzoo import device

        chosen = device.choose()
        matrix = torch.arange(64.0).reshape(8, 8) / 64
        product = (matrix.to(chosen) @ matrix.to(chosen)).cpu()
        line = device.describe(chosen)
    except ImportError as error:
        return _row("device", False, f"torch cannot be imported ({error})", INSTALL)
    except UserError as error:
        return _row("device", False, "none chosen", str(error))
    except RuntimeError as error:  # this torch was not built for the driver or the card
        reason = (str(error).splitlines() or ["no reason given"])[0]
        return _row(
            "device",
            False,
            f"a product fails on it ({reason})",
            "set CONVZOO_DEVICE=cpu, and check the driver",
        )
    if not torch.allclose(product, matrix @ matrix, atol=1e-2):
        return _row(
            "device",
            False,
            f"{line}: its products are wrong",
            "set CONVZOO_DEVICE=cpu, and check the driver",
        )
    return _row("device", True, line)


def _package(package: str) -> Row:
    version = _version(package)
    return _row(
        package, version is not None, version or "not installed", "" if version else INSTALL
    )


def _jupyterlab() -> Row:
    return _package("jupyterlab")


def _ipywidgets() -> Row:
    return _package("ipywidgets")


def _widget_manager(prefixes: tuple[str, ...] | None = None) -> Row:
    """Check the half of ipywidgets that JupyterLab loads; without it sliders show as text."""
    home = os.environ.get("JUPYTER_DATA_DIR", "~/.local/share/jupyter")
    shares = [Path(prefix, "share", "jupyter") for prefix in prefixes or (sys.prefix,)]
    shares += [Path(home).expanduser()] if prefixes is None else []
    wanted = Path("labextensions", "@jupyter-widgets", "jupyterlab-manager", "package.json")
    for share in shares:
        if (share / wanted).is_file():
            return _row("widget manager", True, _version("jupyterlab_widgets") or "present")
    advice = "run `pip install --force-reinstall jupyterlab_widgets` in JupyterLab's environment"
    return _row("widget manager", False, "not found: sliders would show as text", advice)


def _disk(free: Callable[[], int] = lambda: shutil.disk_usage(Path.cwd()).free) -> Row:
    gigabytes = free() / 1e9
    ok = gigabytes >= 1
    advice = "" if ok else "free some space: notebooks and data sets need 1 GB"
    return _row("disk", ok, f"{gigabytes:.1f} GB free", advice)


def _lessons(library: Path = place.LIBRARY) -> Row:
    """Check that the library is in the course's own folder."""
    folder = library.resolve().parent
    found = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if found:
        names = ", ".join(path.stem for path in found)
        return _row("lessons", True, f"{len(found)} in {folder}: {names}")
    return _row(
        "lessons",
        True,
        f"no lessons next to the library, in {folder}",
        "to take the course, work in a clone of the project",
    )


def _sandbox(which: Callable[[str], str | None] = shutil.which) -> Row:
    """Check that bubblewrap starts: only a teacher's grading needs it."""
    bwrap = which("bwrap")
    if bwrap is None:
        return _row(
            "sandbox",
            True,
            "no bubblewrap",
            "only for grading: install bubblewrap (Linux, or WSL2)",
        )
    try:
        command = [bwrap, "--ro-bind", "/", "/", "--unshare-all", "true"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=10)
        reason = run.stderr.strip().splitlines()[-1:] if run.returncode else []
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = [str(error)]
    else:
        if run.returncode == 0:
            return _row("sandbox", True, "bubblewrap works")
    return _row(
        "sandbox",
        True,
        f"bubblewrap does not start ({' '.join(reason) or 'no reason'})",
        "only for grading: Ubuntu 24.04 needs an AppArmor profile for it",
    )
