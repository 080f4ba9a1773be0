"""Every lesson, as a plain script on a machine without Jupyter."""

import subprocess
import sys
import time

import pytest
from lesson_runs import ROOT, each_lesson, environment, exercises, progress

BLOCKED = """
import runpy, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("IPython", "ipywidgets", "ipykernel", "jupyter_client"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@each_lesson
@pytest.mark.slow
def test_the_script_runs_without_ipython_and_ipywidgets(name, tmp_path, capsys):
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, f"{name}.py"],
        cwd=ROOT / "lessons",
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=600,
    )
    with capsys.disabled():
        print(f"\nlessons/{name}.py: {time.perf_counter() - start:.1f} s as a plain script")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Traceback" not in done.stderr
    for id in exercises(name):
        assert f"{id}: not attempted yet" in done.stdout
    assert progress(tmp_path) == dict.fromkeys(exercises(name), "not attempted")
