"""What runs in processes of its own on the accelerator: the tests that need one, and every lesson's
solution as a script."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from convzoo import device as devices
from convzoo import place
from convzoo.errors import UserError
from convzoo.measure.device_report import Part, Settings

SECONDS = 240  # that one process may take
GPU_REASON = "needs a GPU"  # of the tests that are skipped elsewhere: see tests/conftest.py
_MARKED = f'reason="{GPU_REASON}"'
# What a lesson says of an answer that passes the check and yet stops on this device.
_REMARKS = ("On this machine's", "On a GPU it would")


# --- the tests ------------------------------------------------------------------


def _tests_settings(device: torch.device, quick: bool) -> list[Settings]:
    return [{"tests": GPU_REASON}]


def _tests(device: torch.device, point: Settings, seconds: float) -> dict:
    """Run the tests that need a GPU: {"passed", "skipped", "seconds"}."""
    folder = place.COURSE / "tests"
    files = [p for p in sorted(folder.glob("test_*.py")) if _MARKED in p.read_text("utf-8")]
    if not files:
        raise UserError("There is no folder of tests here, or none of them needs a GPU.")
    options = ("-q", "--gpu", "-p", "no:cacheprovider", "--no-header")
    started = time.monotonic()
    ran = _run(["-m", "pytest", *options, *map(str, files)], device, place.COURSE)
    words = ran.stdout.strip().splitlines()[-1:] or [""]
    counts = {name: int(number) for number, name in re.findall(r"(\d+) (\w+)", words[0])}
    if ran.returncode and "No module named" in ran.stderr and "pytest" in ran.stderr:
        raise UserError(
            "pytest is not installed here, so the tests that need a GPU did not run. Install it "
            "with `pip install pytest`, and run this again."
        )
    if ran.returncode:
        failed = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        raise UserError("; ".join(failed[:3]) or _last_line(ran))
    about = {name: counts.get(name, 0) for name in ("passed", "skipped")}
    return {**about, "seconds": round(time.monotonic() - started, 1)}


def tests_line(point: Settings) -> str:
    """Return the tests' point as a line to read."""
    return f"{point['passed']} passed, {point['skipped']} skipped, {point['seconds']} s"


# --- the lessons ----------------------------------------------------------------


def _lessons_settings(device: torch.device, quick: bool) -> list[Settings]:
    names = [path.stem for path in sorted(_solutions().glob("[0-9][0-9]_*.py"))]
    return [{"lesson": name} for name in (names[:1] if quick else names)]


def _solutions() -> Path:
    return place.COURSE / "solutions"


def _lesson(device: torch.device, point: Settings, seconds: float) -> dict:
    """Run a solution as a script: {"exercises": how many passed, "seconds"}."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        ran = _run([f"{point['lesson']}.py"], device, _solutions(), home)
        if ran.returncode:
            raise UserError(f"It stopped with {_last_line(ran)}")
        file = Path(home) / "progress.json"
        status = json.loads(file.read_text("utf-8"))["exercises"] if file.exists() else {}
    failed = [id for id, entry in status.items() if entry["status"] != "passed"]
    if failed:
        raise UserError(f"{', '.join(failed)} did not pass.")
    for line in ran.stdout.splitlines():
        if line.startswith(_REMARKS):
            raise UserError(line)
    return {"exercises": len(status), "seconds": round(time.monotonic() - started, 1)}


def lesson_line(point: Settings) -> str:
    """Return a lesson's point as a line to read."""
    return f"{point['lesson']:<18}{point['exercises']} exercises passed, {point['seconds']} s"


# --- a process ------------------------------------------------------------------


def _run(
    arguments: list[str], device: torch.device, folder: Path, home: str = ""
) -> subprocess.CompletedProcess:
    """Run Python on the device. Raises UserError if it takes longer than SECONDS."""
    paths = [str(place.IMPORTABLE), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {
        devices.VARIABLE: str(device),
        "CONVZOO_PREDICT": "skip",
        "MPLBACKEND": "Agg",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    if home:
        env["CONVZOO_HOME"] = home
    try:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"It was still running after {SECONDS} seconds and was stopped.") from None


def _last_line(ran: subprocess.CompletedProcess) -> str:
    text = ran.stderr.strip() or ran.stdout.strip()
    return (text.splitlines() or [f"exit status {ran.returncode}"])[-1]


TESTS = Part("the tests that need a GPU", _tests_settings, _tests, 0.0, wait=40.0)
LESSONS = Part(
    "every solution as a script",
    _lessons_settings,
    _lesson,
    0.0,
    wait=40.0,
    together=max(1, min(4, (os.cpu_count() or 1) // 2)),
)
