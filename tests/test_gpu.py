"""`python -m convzoo gpu`: its parts, what it does when one fails, when time is up, when it is
killed, and when there is no accelerator. (No test here measures anything on a GPU.)"""

import json
import os
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from convzoo import UserError, place
from convzoo import device as devices
from convzoo.__main__ import main
from convzoo.gpu import day, kernels, scripts, work
from convzoo.measure.device_report import Part
from convzoo.measure.kernels import KernelReport, Variant
from convzoo.measure.timing import Timing
from lesson_runs import ROOT
from test_kernels import PUBLIC

SILENT = {"say": lambda line: None}


@pytest.fixture(autouse=True)
def unasked(monkeypatch):
    monkeypatch.delenv("CONVZOO_DEVICE", raising=False)


def part(measure, points=("a", "b"), **more):
    return Part("made up", lambda device, quick: [{"point": p} for p in points], measure, 0, **more)


def fine(device, settings, seconds):
    return {"value": 1}


def test_without_an_accelerator_it_says_so_in_one_sentence(monkeypatch, capfd, tmp_path):
    monkeypatch.setattr(devices, "available", lambda kind: int(kind == "cpu"))
    monkeypatch.setattr(place, "results", lambda: tmp_path)
    assert main(["gpu"]) == 2
    said = capfd.readouterr()
    assert said.err.startswith("There is no accelerator to measure") and "--rehearse" in said.err
    assert said.err.count("\n") == 1 and said.out == "" and list(tmp_path.iterdir()) == []


def test_the_parts_are_more_parts_of_the_devices_report(monkeypatch, tmp_path):
    assert {"tests", "lessons", "kernels", "peaks", "grouped", "sparse"} <= set(day.PARTS)
    parts = {name: part(fine) for name in ("kernels", "peaks")}
    monkeypatch.setattr(day, "PARTS", parts)
    done = day.gpu([], rehearse=True, folder=tmp_path, note="alone", **SILENT)
    record = json.loads(done.path.read_text())
    assert record["what"] == "report" and record["note"] == "alone"
    assert record["torch"] == torch.__version__ and len(record["date"]) == 10
    assert set(record["parts"]) == set(parts)
    assert done.failed == [] and done.left == 0


def test_what_fails_is_one_sentence_is_not_saved_and_the_others_go_on(monkeypatch, tmp_path):
    tried = []

    def fails(device, settings, seconds):
        tried.append(settings["point"])
        if settings["point"] == "a" and tried.count("a") == 1:
            raise RuntimeError("CUDA error: no kernel image\nCompile with ...")
        return {"value": 2}

    monkeypatch.setattr(day, "PARTS", {"one": part(fails), "two": part(fine)})
    done = day.gpu([], rehearse=True, folder=tmp_path, **SILENT)
    assert done.failed == ["one: a: RuntimeError: CUDA error: no kernel image"]
    saved = json.loads(done.path.read_text())["parts"]
    assert [p["point"] for p in saved["one"]] == ["b"] and len(saved["two"]) == 2
    value, lines, status = day.value_and_lines(done)
    assert status == 1 and value["failed"] == done.failed
    assert any("no kernel image" in line for line in lines)
    done = day.gpu([], rehearse=True, folder=tmp_path, **SILENT)
    assert tried == ["a", "b", "a"] and done.failed == []
    assert day.value_and_lines(done)[2] == 0


def test_when_time_is_up_nothing_new_begins_and_it_says_what_is_left(monkeypatch, tmp_path):
    monkeypatch.setattr(day, "PARTS", {"one": part(fine), "two": part(fine, together=2)})
    done = day.gpu([], minutes=-1, rehearse=True, folder=tmp_path, **SILENT)
    assert done.left == 4 and done.failed == []
    value, lines, status = day.value_and_lines(done)
    assert status == 1 and value["left"] == 4 and "4 points are left" in lines[-1]
    done = day.gpu(["two"], rehearse=True, folder=tmp_path, **SILENT)
    assert done.left == 0 and day.value_and_lines(done)[0]["points"] == {"two": 2}


KILLED = """
import sys, time
from convzoo.gpu import day
from convzoo.measure.device_report import Part

def measure(device, settings, seconds):
    print(settings["point"], flush=True)
    if settings["point"] == sys.argv[2]:
        time.sleep(100)
    return {}

points = [{"point": name} for name in "abc"]
day.PARTS = {"one": Part("", lambda device, quick: points, measure, 0)}
from pathlib import Path
day.gpu([], rehearse=True, folder=Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_killed_run_resumes(tmp_path):
    def start(stop):
        return subprocess.Popen(
            [sys.executable, "-c", KILLED, tmp_path, stop], stdout=subprocess.PIPE, text=True
        )

    with start("b") as first:
        assert [first.stdout.readline(), first.stdout.readline()] == ["a\n", "b\n"]
        first.send_signal(signal.SIGKILL)
    with start("none") as second:
        assert second.stdout.read() == "b\nc\n"
    (file,) = tmp_path.glob("*.json")
    assert [p["point"] for p in json.loads(file.read_text())["parts"]["one"]] == ["a", "b", "c"]


def test_points_that_are_measured_at_once_are_all_saved(monkeypatch, tmp_path):
    def some_fail(device, settings, seconds):
        if settings["point"] == "c":
            raise UserError("Not this one.")
        return {}

    monkeypatch.setattr(day, "PARTS", {"one": part(some_fail, "abcdef", together=3)})
    done = day.gpu([], rehearse=True, folder=tmp_path, **SILENT)
    saved = json.loads(done.path.read_text())["parts"]["one"]
    assert sorted(p["point"] for p in saved) == list("abdef")
    assert done.failed == ["one: c: Not this one."]


# --- the lessons and the tests, in processes of their own ---------------------------


PASSES = """
import json, os, pathlib
home = pathlib.Path(os.environ["CONVZOO_HOME"])
entry = {"status": "%s", "tries": 1}
(home / "progress.json").write_text(json.dumps({"exercises": {"an.exercise": entry}}))
assert (os.environ["CONVZOO_DEVICE"], os.environ["CONVZOO_PREDICT"]) == ("cuda", "skip")
print("%s")
"""


@pytest.mark.parametrize(
    "source, sentence",
    [
        (PASSES % ("passed", ""), ""),
        ("raise ValueError('two devices')", "It stopped with ValueError: two devices"),
        (PASSES % ("failed", ""), "an.exercise did not pass."),
        (PASSES % ("passed", "On this machine's cuda device it stops: x"), "On this machine's"),
    ],
)
def test_a_lesson_runs_as_a_script_on_the_device(source, sentence, monkeypatch, tmp_path):
    (tmp_path / "01_made.py").write_text(source)
    monkeypatch.setattr(scripts, "_solutions", lambda: tmp_path)
    (point,) = scripts.LESSONS.settings(torch.device("cpu"), False)
    if sentence:
        with pytest.raises(UserError, match=sentence):
            scripts.LESSONS.measure(torch.device("cuda"), point, 0)
    else:
        found = scripts.LESSONS.measure(torch.device("cuda"), point, 0)
        assert found["exercises"] == 1 and set(found) == {"exercises", "seconds"}


def test_every_lesson_is_run():
    names = [point["lesson"] for point in scripts.LESSONS.settings(torch.device("cuda"), False)]
    assert names == sorted(path.stem for path in ROOT.glob("solutions/[0-9][0-9]_*.py"))


@pytest.mark.slow
def test_of_the_tests_only_those_that_need_a_gpu_run(root, tmp_path, monkeypatch):
    folder = tmp_path / "tests"
    folder.mkdir()
    shutil.copy(root / "tests" / "conftest.py", folder)
    (folder / "test_some.py").write_text(
        "import pytest\n"
        '@pytest.mark.skipif(False, reason="needs a GPU")\n'
        "def test_a(): pass\n"
        '@pytest.mark.skipif(True, reason="needs a GPU")\n'
        "def test_b(): pass\n"
        "def test_c(): assert False\n"
    )
    monkeypatch.setattr(place, "COURSE", tmp_path)
    (point,) = scripts.TESTS.settings(torch.device("cpu"), False)
    found = scripts.TESTS.measure(torch.device("cpu"), point, 0)
    assert (found["passed"], found["skipped"]) == (1, 1)
    (folder / "test_other.py").write_text(
        "import pytest\n"
        '@pytest.mark.skipif(False, reason="needs a GPU")\n'
        "def test_d(): assert False\n"
    )
    with pytest.raises(UserError, match="test_other.py::test_d"):
        scripts.TESTS.measure(torch.device("cpu"), point, 0)


# --- the kernels --------------------------------------------------------------------


def test_every_kernel_is_compared():
    assert sorted(kernel.name for kernel in kernels.ALL) == sorted(PUBLIC)
    bounds = {kernel.name: kernel.bound for kernel in kernels.ALL}
    assert bounds["separable.kernel.depthwise_conv2d"] == "copy"
    assert bounds["resnext.kernel.grouped_conv2d"] == "framework"


def test_without_a_gpu_a_kernel_is_counted_and_the_reason_is_given_once():
    points = [
        {**point, **kernels.KERNELS.measure(torch.device("cpu"), point, 0.01)}
        for point in kernels.KERNELS.settings(torch.device("cpu"), True)
    ]
    by_name = {point["kernel"]: point for point in points}
    depthwise = by_name["separable.kernel.depthwise_conv2d"]
    moved = 4 * (2 * 32 * 256 * 56 * 56 + 256 * 9)  # read once, written once, and the weights
    assert depthwise["bytes"] == {"this kernel": moved, "F.conv2d": moved}
    assert depthwise["launches"] == {"this kernel": 1, "F.conv2d": 1}
    assert len(kernels.lines(points)) == 1 and "Triton" in kernels.lines(points)[0]


def timed(seconds):
    return Variant("this kernel", 8, 1, 0, Timing(seconds, seconds, 0.0, 9))


@pytest.mark.parametrize(
    "name, taken, words",
    [
        ("separable.kernel.depthwise_conv2d", 1.0, "95% of a copy's speed, 2.00 of the framework"),
        ("separable.kernel.depthwise_conv2d", 1.0, "target: 90% of a copy, reached"),
        ("separable.kernel.depthwise_conv2d", 1.2, "target: 90% of a copy, not reached"),
        ("resnext.kernel.grouped_conv2d", 1.2, "target: the framework's speed, reached"),
        ("resnext.kernel.grouped_conv2d", 2.2, "target: the framework's speed, not reached"),
    ],
)
def test_a_timed_kernel_is_held_against_its_target(name, taken, words, monkeypatch):
    rival = Variant("F.conv2d", 8, 1, 0, Timing(2.0, 2.0, 0.0, 9))
    found = KernelReport(timed(taken), (rival,), "a card", "", 0.95)
    monkeypatch.setattr(kernels, "kernel_report", lambda *given: found)
    point = {"kernel": name}
    point |= kernels.KERNELS.measure(torch.device("cuda"), point, 1)
    assert words in kernels.line(point)
    assert json.loads(json.dumps(point)) == point


def test_a_kernel_that_is_wrong_on_a_gpu_is_a_failure(monkeypatch):
    found = KernelReport(timed(1), (), "a card", "The kernel's result differs.")
    monkeypatch.setattr(kernels, "kernel_report", lambda *given: found)
    monkeypatch.setattr(kernels, "find_spec", lambda name: SimpleNamespace())
    with pytest.raises(UserError, match="differs"):
        kernels.KERNELS.measure(torch.device("cuda"), {"kernel": PUBLIC[0]}, 1)


# --- what can be tried without a GPU ------------------------------------------------


def test_a_layer_and_a_network_are_measured_in_both_passes():
    cpu = torch.device("cpu")
    (point,) = work.LAYERS.settings(cpu, True)
    found = work.LAYERS.measure(cpu, point, 0.01)
    assert set(found["passes"]) == {"forward", "forward and backward"}
    assert all(row["ours"]["minimum"] > 0 for row in found["passes"].values())
    (point,) = work.TRAINING.settings(cpu, True)
    found = work.TRAINING.measure(cpu, point, 0)
    assert found["trained"] == 1 and 0 < found["test_accuracy"] < 1
    assert work.TRAINING.settings(cpu, False)[0]["epochs"] == "all"


BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        blocked = ("IPython", "ipywidgets", "ipykernel", "jupyter_client", "jupyterlab", "jupytext")
        if name.partition(".")[0] in (*blocked, "nbformat", "nbclient", "nbconvert", "pytest"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
"""


@pytest.mark.slow
def test_the_whole_command_is_rehearsed_without_jupyter_and_pytest(tmp_path):
    """Also in the processes that it starts: Python imports sitecustomize by itself."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    for name in ("lessons", "solutions"):
        (tmp_path / name).symlink_to(ROOT / name)
    paths = os.pathsep.join([str(tmp_path), str(ROOT / "lessons")])
    ran = subprocess.run(
        [sys.executable, "-m", "convzoo", "gpu", "--rehearse", "--json"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths, "CONVZOO_DEVICE": "cpu"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 1, ran.stderr[-3000:]
    value = json.loads(ran.stdout)
    assert len(value["failed"]) == 1, value["failed"]
    (failed,) = value["failed"]
    assert failed.startswith("tests: needs a GPU: pytest is not installed here")
    assert set(value["points"]) == set(day.PARTS) - {"tests"} and value["left"] == 0
    assert value["file"].startswith(str(tmp_path / "build" / "gpu"))
