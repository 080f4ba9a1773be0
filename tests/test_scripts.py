"""Every lesson, as a plain script on a machine without Jupyter."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import timm
import torch
from agreement import shaken
from convzoo import weights
from lesson_runs import ROOT, each_lesson, environment, exercises, progress
from torchvision import models

BLOCKED = """
import runpy, sys
MISSING = "IPython", "ipywidgets", "ipykernel", "jupyter_client", "triton"
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
sys.path.append(sys.argv[2])
from little_work import little_work
little_work()
runpy.run_path(sys.argv[1], run_name="__main__")
"""


# What a lesson says about weights that are downloaded, and that are there in these runs.
WITH_WEIGHTS = {
    "01_resnet": "ResNet-50, the cat: ",
    "04_senet": "Gate 13: what differs most: channel ",
}


@pytest.fixture(scope="session")
def downloaded(tmp_path_factory) -> Path:
    """A cache with the files that a reader would have downloaded; their numbers are random."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "weights").mkdir()
    torch.manual_seed(1)
    for name, make in (("resnet50", models.resnet50), ("seresnet50", timm.models.seresnet50)):
        file = weights.address(name).rpartition("/")[2]
        torch.save(shaken(make()).float().state_dict(), cache / "weights" / file)
    return cache


@each_lesson
@pytest.mark.slow
def test_the_script_runs_without_ipython_and_ipywidgets(name, tmp_path, downloaded, capsys):
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, f"{name}.py", str(Path(__file__).parent)],
        cwd=ROOT / "lessons",
        env=environment(tmp_path) | {"CONVZOO_DATA": str(downloaded)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    with capsys.disabled():
        print(f"\nlessons/{name}.py: {time.perf_counter() - start:.1f} s as a plain script")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Traceback" not in done.stderr
    assert WITH_WEIGHTS.get(name, "") in done.stdout and "No weights yet" not in done.stdout
    for id in exercises(name):
        assert f"{id}: not attempted yet" in done.stdout
    assert progress(tmp_path) == dict.fromkeys(exercises(name), "not attempted")
