"""The doctor: every look says what is there and, where it is wrong, what to do."""

import subprocess
import sys
import time

import pytest
from convzoo import device, doctor


def versions(**installed):
    return lambda package: installed.get(package)


def test_this_machine_is_examined():
    rows = doctor.examine()
    assert all(list(row) == ["check", "ok", "found", "advice"] for row in rows)
    assert [row["check"] for row in rows] == [
        "python",
        "torch",
        "torchvision",
        "device",
        "jupyterlab",
        "ipywidgets",
        "widget manager",
        "disk",
        "lessons",
        "sandbox",
    ]
    assert all(row["ok"] for row in rows), doctor.report(rows)
    assert not any(row["advice"] for row in rows[:8])
    assert doctor.report(rows).endswith("All is well.")


def test_it_starts_without_torch():
    """Everything but the look at the device, in a fresh interpreter that has no torch."""
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from convzoo import doctor\n"
        "rows = doctor.examine()\n"
        "assert not rows[3]['ok'] and 'cannot be imported' in rows[3]['found'], rows[3]\n"
        "print(doctor.report(rows))\n"
    )
    started = time.perf_counter()
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "1 check needs attention" in run.stdout
    assert time.perf_counter() - started < 10, "about half a second on an idle machine"


@pytest.mark.parametrize("version, ok", [((3, 10, 2), 0), ((3, 11, 0), 1), ((3, 14, 0), 0)])
def test_python(version, ok):
    row = doctor._python(version)
    assert row["ok"] == bool(ok) == (not row["advice"])
    assert ok or "3.11 to 3.13" in row["advice"]


@pytest.mark.parametrize(
    "version, ok", [("2.14.1+cu130", 1), ("2.11.0", 1), ("2.10.0", 0), ("3.0.0", 0), (None, 0)]
)
def test_torch(version, ok):
    row = doctor._torch(versions(torch=version))
    assert row["ok"] == bool(ok) == (not row["advice"])


@pytest.mark.parametrize(
    "torch, torchvision, ok",
    [
        ("2.14.1", "0.29.1", 1),
        ("2.11.0", "0.26.0+cpu", 1),
        ("2.14.1", "0.28.0", 0),
        ("2.14.1", None, 0),
    ],
)
def test_torch_and_torchvision_agree(torch, torchvision, ok):
    row = doctor._torchvision(versions(torch=torch, torchvision=torchvision))
    assert row["ok"] == bool(ok) == (not row["advice"])
    assert torchvision != "0.28.0" or "for torch 2.13 and not for 2.14.1" in row["found"]


def test_a_wrong_device_is_told(monkeypatch):
    monkeypatch.setenv("CONVZOO_DEVICE", "gpu")
    row = doctor._device()
    assert not row["ok"] and "CONVZOO_DEVICE is 'gpu'" in row["advice"]


def test_a_device_that_cannot_multiply_is_told(monkeypatch):
    def broken():
        raise RuntimeError("CUDA error: no kernel image\nmore")

    monkeypatch.setattr(device, "choose", broken)
    row = doctor._device()
    assert not row["ok"] and row["found"].endswith("(CUDA error: no kernel image)")
    assert "CONVZOO_DEVICE=cpu" in row["advice"]


def test_a_missing_widget_manager_is_told(tmp_path):
    row = doctor._widget_manager((str(tmp_path),))
    assert not row["ok"] and "jupyterlab_widgets" in row["advice"]


def test_a_full_disk_is_told():
    row = doctor._disk(lambda: 3e8)
    assert not row["ok"] and row["found"] == "0.3 GB free"


def test_no_lessons_is_information(tmp_path):
    row = doctor._lessons(tmp_path / "convzoo")
    assert row["ok"] and "clone" in row["advice"]


def test_the_sandbox_is_information(tmp_path):
    assert doctor._sandbox(lambda name: None)["ok"]
    failing = tmp_path / "bwrap"
    failing.write_text("#!/bin/sh\necho setting up uid map: Permission denied >&2\nexit 1\n")
    failing.chmod(0o755)
    row = doctor._sandbox(lambda name: str(failing))
    assert row["ok"] and "Permission denied" in row["found"] and "AppArmor" in row["advice"]


def test_the_report_says_what_to_do():
    rows = [doctor._row("disk", False, "0.3 GB free", "make room"), doctor._row("a", True, "b")]
    assert doctor.report(rows).splitlines() == [
        "NO  disk  0.3 GB free",
        "          -> make room",
        "ok  a     b",
        "1 check needs attention: see NO above.",
    ]
