"""The sandbox itself: what is seen inside, wherever the environment and the course lie."""

import subprocess
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("torch")

from convzoo.teach.grade.box import sandbox
from convzoo.teach.grade.box.sandbox import Box, Limits
from convzoo.teach.grade.mark.plan import CHANGES_NO_MARK

pytestmark = pytest.mark.sandbox

LOOK = """
import os, sys
sys.path.append(sys.argv[1])
print("package", __import__("told").word)
for place in ("/tmp", "/dev/shm"):
    open(place + "/mine", "w").write("x")
    print(place, sorted(os.listdir(place)))
for path in sys.argv[1:]:
    try:
        open(path + "/mine", "w")
    except OSError as problem:
        print("closed", problem.strerror)
print("hidden", os.path.exists(sys.argv[2] + "/answers.py"))
"""


@pytest.fixture
def below():
    """A folder in /tmp itself: pytest's own may lie elsewhere."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="course-") as folder:
        yield Path(folder)


def test_an_environment_below_the_temporary_folder_is_seen_and_nothing_beside_it(
    below, monkeypatch
):
    """A course that was cloned into /tmp has its environment there, too."""
    packages, beside = below / "site-packages", below / "solutions"
    for folder in (packages, beside):
        folder.mkdir()
    (packages / "told.py").write_text("word = 'seen'\n")
    (beside / "answers.py").write_text("word = 'secret'\n")
    for folder in (below, packages):  # for whoever root becomes
        folder.chmod(0o755)
    own = sandbox._environment()
    monkeypatch.setattr(sandbox, "_environment", lambda: (*own, packages))
    box = Box()
    try:
        command = box.command(Limits(), ["-c", LOOK, str(packages), str(beside)])
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    finally:
        box.close()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "package seen"
    ways = {path.parts[2] for path in (*own, packages) if path.parts[1] == "tmp"}
    assert lines[1] == f"/tmp {sorted({'mine', *ways})}"
    assert lines[2] == "/dev/shm ['mine']"
    assert "closed Read-only file system" in lines and lines[-1] == "hidden False"


def test_no_exercise_question_or_answer_is_in_a_box():
    """Whatever a submission could read its answer from: looked for by walking the box."""
    box = Box()
    try:
        texts = {
            path.relative_to(box.folder).as_posix(): path.read_text()
            for path in box.folder.rglob("*.py")
        }
        names = {path.relative_to(box.folder).as_posix() for path in box.folder.rglob("*")}
    finally:
        box.close()
    assert {"convzoo/ideas/resnext/framework.py", "gradebox/worker.py"} <= set(texts)
    stub = {name for name in texts if "exercises" in Path(name).parts}
    assert stub == {"convzoo/exercises/__init__.py"}
    compiled = {name for name in names if name.endswith(".pyc")}
    for name in names - compiled - set(texts):  # nothing but code and its folders
        assert any(inside.startswith(f"{name}/") for inside in texts) or "__pycache__" in name
    for name in compiled:
        assert name.replace("__pycache__/", "").split(".")[0] + ".py" in texts
    for name, text in texts.items():
        assert Path(name).name not in ("questions.py", "install.py", "__main__.py")
        assert not {"teach", "commands"} & set(Path(name).parts)
        assert not name.removeprefix("convzoo/").startswith(CHANGES_NO_MARK)
        for trace in ("EXERCISE =", "Exercise(", "Question(", "Belief(", "Mistakes(", "@mistake"):
            assert trace not in text, f"{trace} in {name}"
