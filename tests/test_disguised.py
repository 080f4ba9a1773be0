"""The course on another device than the CPU, rehearsed on one in disguise (see disguised.py): every
lesson as a script, what is counted, and the check's stage `device` for real."""

import json
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest
from lesson_runs import ROOT, each_lesson, environment, exercises, progress

pytestmark = pytest.mark.slow
HERE = Path(__file__).resolve().parent


def run(script: str, *arguments: str, env: dict, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
    )


@each_lesson
def test_every_solution_runs_on_another_device(name, tmp_path, capsys):
    start = time.perf_counter()
    done = run("disguised.py", f"{name}.py", env=environment(tmp_path), folder=ROOT / "solutions")
    with capsys.disabled():
        print(f"\nsolutions/{name}.py: {time.perf_counter() - start:.1f} s on a device in disguise")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith(f"{name}: disguise: ")
    assert "On this machine's" not in done.stdout and "On a GPU it would" not in done.stdout
    assert progress(tmp_path) == dict.fromkeys(exercises(name), "passed")
    if name == "02_resnext":  # its Further A, without any sparse layout
        assert "disguise: torch has no CSR product here; recorded curves only" in done.stdout
        assert "This device has no such number" in done.stdout


@cache
def found() -> dict:
    ran = run("on_disguise.py", env=dict(os.environ), folder=HERE)
    assert not ran.returncode, ran.stderr[-4000:]
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize("what", ["float64", "made in float64", "grown to float64"])
def test_the_device_has_no_float64(what):
    assert "Cannot convert a disguise tensor to float64" in found()[what]


@pytest.mark.parametrize("what", ["mixed", "mixed in a layer", "put there"])
def test_the_device_takes_no_tensor_of_the_cpu(what):
    assert "found at least two devices, disguise:0 and cpu!" in found()[what]


def test_the_device_takes_what_every_device_takes():
    assert found()["chosen"] == "disguise"
    assert found()["a number of the CPU"] == [2, 2, 2]
    assert found()["picked by an index of the CPU"] == [1, 1]
    assert "can't convert disguise:0" in found()["as NumPy"]


def test_it_has_no_sparse_layout_and_the_slider_says_so():
    assert "NotImplementedError" in found()["sparse"]
    layouts = found()["layouts"]
    assert layouts["dense"] == ""
    assert all(name in layouts and "not available" in layouts[name] for name in ("COO", "CSR"))


@pytest.mark.parametrize("what", ["counted", "trained", "checkpointed"])
def test_what_is_counted_and_learned_is_the_same_as_on_the_cpu(what):
    cpu, device = found()[what]
    assert device == cpu if what == "counted" else device == pytest.approx(cpu, rel=1e-5, abs=1e-5)


def test_every_right_answer_runs_there_for_real_and_in_float32():
    assert found()["for real"]["solution"] == {}
    assert found()["right"] == ["passed", "", ""]


def test_the_frameworks_forms_run_there_except_for_those_that_compute_in_float64():
    """Three references are exact, and the lessons call them with tensors of the CPU."""
    stopped = found()["for real"]["framework"]
    assert set(stopped) == {"resnext.index_bytes", "shufflenet.mixing_matrix", "zoo.chance"}
    assert all("float64" in sentence for sentence in stopped.values())


def test_an_answer_that_stops_there_passes_with_a_remark():
    status, stage, message = found()["in float64"]
    assert (status, stage) == ("passed", "device")
    assert message.startswith("On this machine's disguise device it stops: ")
    assert "float64" in message and "\n" not in message
    status, stage, message = found()["of the CPU"]
    assert (status, stage) == ("passed", "device") and "`device=x.device`" in message


def test_what_the_verb_gpu_measures_runs_there():
    day = found()["day"]
    assert (day["failed"], day["left"], day["kind"]) == ([], 0, "disguise")
    assert set(day["points"]) == {"kernels", "layers", "training", "peaks", "grouped", "sparse"}


@pytest.mark.parametrize("kind, fewest", [("experiments", 15), ("functions", 10)])
def test_the_experiments_networks_and_the_widgets_functions_run_there(kind, fewest):
    tried = found()[kind]
    assert {name: error for name, error in tried.items() if error} == {}
    assert len(tried) >= fewest
