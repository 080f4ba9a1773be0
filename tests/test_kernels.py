"""The ideas' Triton kernels agree with torch: interpreted on a CPU, and for real on a GPU."""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy
import pytest
import torch
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(ROOT.glob("lessons/convzoo/ideas/*/kernel.py"))
PUBLIC = [
    f"{path.parent.name}.kernel.{node.name}"
    for path in FILES
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
]


@cache
def differences(device: str) -> dict[str, list[float]]:
    command = [sys.executable, str(ROOT / "tests" / "kernels.py"), device]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert not ran.returncode, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])


def test_there_is_a_kernel_for_each_idea_that_has_one():
    ideas = {path.parent.name for path in FILES}
    assert ideas == {"resnet", "resnext", "densenet", "senet", "shufflenet", "separable"}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_kernel_agrees_with_torch_in_the_interpreter(name):
    triton = pytest.importorskip("triton", reason="Triton is for Linux alone")
    if Version(triton.__version__) < Version("3.8") and Version(numpy.__version__) >= Version(
        "2.5"
    ):
        pytest.skip("this Triton's interpreter calls int() on an array, which NumPy 2.5 refuses")
    gap, largest = differences("cpu")[name]
    assert gap <= 1e-5 * max(1.0, largest) and largest > 0.5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", PUBLIC)
def test_a_kernel_agrees_with_torch_on_a_gpu(name):
    gap, largest = differences("cuda")[name]
    assert gap <= 1e-4 * max(1.0, largest)
