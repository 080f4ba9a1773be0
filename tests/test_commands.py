"""The two commands: what they do on a fresh clone, the second time, and where they cannot go on."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from convzoo import install
from convzoo.install import Trouble

pytestmark = pytest.mark.skipif(os.name == "nt", reason="make and its shell are not on Windows")
MAKE = shutil.which("make") or "make"


@pytest.fixture
def clone(root, tmp_path) -> Path:
    """The files that setting up needs, in a folder of their own with a space in its name."""
    folder = tmp_path / "a clone"
    (folder / "lessons" / "convzoo").mkdir(parents=True)
    for name in (
        "Makefile",
        "README.md",
        "LICENSE",
        "requirements.txt",
        "pyproject.toml",
        "lessons/convzoo/install.py",
        "lessons/convzoo/__init__.py",
    ):
        shutil.copy(root / name, folder / name)
    return folder


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """`make ARGUMENTS` in a folder, with the environment changed; nothing of ours leaks in."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        [MAKE, *arguments],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def sentence(run: subprocess.CompletedProcess) -> str:
    """The one line that a failing command wrote on standard error; make's own follows it."""
    assert run.returncode != 0, run.stdout
    first, *rest = run.stderr.splitlines()
    assert len(rest) == 1 and re.match(r"make: \*\*\* .* Error 2$", rest[0]), run.stderr
    return first


def script(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def installed(clone: Path, extra: str) -> None:
    """An environment that says it is up to date, and whose Python repeats what it is asked."""
    script(clone / ".venv" / "bin" / "python", 'printf "%s\\n" "python" "$@"')
    mark = install.fingerprint(str(clone), (3, 12))
    (clone / ".venv" / f"convzoo-{extra}.stamp").write_text(f"3.12 {mark}\n")


def test_make_alone_lists_every_command(root):
    said = make(root).stdout
    phony = re.search(r"\.PHONY: (.*)", (root / "Makefile").read_text()).group(1).split()
    for target in set(phony) - {"help", "python", "setup", "setup-test"}:
        assert f"make {target} " in said


def test_lab_opens_the_first_lesson_at_the_root(clone):
    for name in ("04_senet", "02_resnext"):
        (clone / "lessons" / f"{name}.ipynb").touch()
    installed(clone, "student")
    run = make(clone, "lab", "LAB=--no-browser")
    assert run.returncode == 0, run.stderr
    first, *asked = run.stdout.splitlines()
    assert "lessons/02_resnext.ipynb" in first and "seconds" in first
    assert asked == [
        "python",
        "-m",
        "jupyter",
        "lab",
        f"--ServerApp.root_dir={clone}",
        "--LabApp.default_url=/lab/tree/lessons/02_resnext.ipynb",
        "--no-browser",
    ]


def test_test_runs_pytest_and_says_how_long(clone):
    installed(clone, "test")
    run = make(clone, "test", "PYTEST=-k device")
    first, *asked = run.stdout.splitlines()
    assert "minutes" in first
    ruff = ["python", "-m", "ruff"]
    how = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "--durations=10"]
    checked = [*ruff, "format", "--check", ".", *ruff, "check", "."]
    assert asked == [*checked, "python", "-m", "pytest", *how, "-k", "device"]


def test_the_second_time_nothing_is_installed(clone, monkeypatch):
    monkeypatch.setattr(install.subprocess, "run", None)
    monkeypatch.setattr(install.subprocess, "Popen", None)
    installed(clone, "student")
    install.install_course(str(clone), "student")
    assert not install.is_current(str(clone), "test"), "the tests need more than a student"
    installed(clone, "test")
    (clone / ".venv" / "convzoo-student.stamp").unlink()
    assert install.is_current(str(clone), "student"), "what the tests need holds it all"


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
def test_a_change_of_the_pins_is_noticed(clone, name):
    installed(clone, "test")
    with open(clone / name, "a") as file:
        file.write("\n# changed\n")
    assert not install.is_current(str(clone), "test")


def test_a_folder_that_was_moved_is_noticed(clone):
    installed(clone, "test")
    assert not install.is_current(str(clone.rename(clone.with_name("moved"))), "test")


def test_the_installer_parses_for_an_old_python(root):
    source = (root / "lessons/convzoo/install.py").read_text()
    tree = ast.parse(source, feature_version=(3, 6))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))


def found(**versions):
    """find_python on a machine with these interpreters."""
    paths = {name.replace("_", "."): version for name, version in versions.items()}
    return install.find_python(
        which=lambda name: name if name in paths else None, version_of=paths.get
    )


def test_a_suitable_python_is_found():
    assert found(python3=(3, 12)) == ("python3", (3, 12))
    assert found(python3=(3, 9), python3_11=(3, 11)) == ("python3.11", (3, 11))
    assert found(python3=(3, 14), python3_13=(3, 13)) == ("python3.13", (3, 13))
    assert found(python3=("no venv", 3, 12), python3_11=(3, 11)) == ("python3.11", (3, 11))


@pytest.mark.parametrize(
    "versions, said",
    [
        ({"python3": (3, 9)}, "needs Python 3.11 to 3.13 but found python3 is 3.9. Install"),
        ({"python3": (3, 14), "python": (2, 7)}, "found python3 is 3.14, python is 2.7"),
        ({}, "found none"),
        ({"python3": ("no venv", 3, 12)}, "apt install python3.12-venv"),
    ],
)
def test_no_suitable_python_is_one_sentence(versions, said):
    with pytest.raises(Trouble) as caught:
        found(**versions)
    assert said in str(caught.value)


def test_the_version_of_a_real_interpreter():
    assert install.version_of(sys.executable) == sys.version_info[:2]
    assert install.version_of("/nowhere/python") is None
    assert install.version_of("/bin/false") is None


@pytest.mark.parametrize(
    "gigabytes, first, platform, ok",
    [
        (6, True, "linux", 0),
        (8, True, "linux", 1),
        (6, True, "darwin", 1),
        (1.5, True, "win32", 0),
        (1.5, False, "linux", 1),
        (0.5, False, "linux", 0),
    ],
)
def test_a_full_disk_is_one_sentence(gigabytes, first, platform, ok):
    def look():
        install.check_disk("/home/me", first, lambda path: gigabytes * 1e9, platform)

    if ok:
        look()
    else:
        said = rf"needs \d GB free and /home/me has {gigabytes:.1f} GB"
        with pytest.raises(Trouble, match=said):
            look()


@pytest.mark.parametrize(
    "output, said",
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "disk ran full"),
        ("WARNING: Retrying after ... NewConnectionError(...)\nERROR: No matching", "network"),
        ("socket.gaierror: Temporary failure in name resolution", "network"),
        ("ERROR: No matching distribution found for torch==2.14.1", "No matching distribution"),
        ("", "no reason given"),
    ],
)
def test_what_pip_says_becomes_one_sentence(output, said):
    assert said in install.explain(output) and "\n" not in install.explain(output)


def test_an_old_python_stops_make(clone, tmp_path):
    script(
        tmp_path / "bin" / "python3",
        f'case "$*" in *" -c "*) echo 3.9;; *) exec "{sys.executable}" "$@";; esac',
    )
    run = make(clone, "lab", PATH=str(tmp_path / "bin"))
    assert "needs Python 3.11 to 3.13 but found python3 is 3.9. Install one" in sentence(run)
    assert not (clone / ".venv").exists()


def test_no_python_at_all_stops_make(clone, tmp_path):
    said = sentence(make(clone, "test", PATH=str(tmp_path)))
    assert said.startswith("No Python was found. Install Python 3.11, 3.12 or 3.13")


def test_no_network_stops_make(clone):
    """For real: an environment is made, and pip asks an index where nobody answers."""
    run = make(
        clone,
        "lab",
        PIP_INDEX_URL="http://127.0.0.1:9/",
        PIP_CONFIG_FILE=os.devnull,
        PIP_EXTRA_INDEX_URL="",
        PIP_FIND_LINKS="",
        PIP_NO_CACHE_DIR="1",
        PIP_RETRIES="1",
    )
    assert sentence(run).startswith("The packages could not be downloaded because")
    assert "Setting up the course in .venv: about" in run.stdout
    assert not install.is_current(str(clone), "student")


def test_a_verb_without_its_file_asks_for_it(root):
    assert "make check FILE=lessons/" in sentence(make(root, "check"))


def pins(root: Path) -> dict[str, list[str]]:
    with open(root / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    lines = (root / "requirements.txt").read_text().splitlines()
    student = [line for line in lines if not line.startswith("#")]
    return {"student": student, **project["optional-dependencies"]}


def test_everything_is_pinned(root):
    for name, lines in pins(root).items():
        for line in lines:
            own = line == "-e ." or re.fullmatch(r"convzoo\[[\w,]+\]", line)  # its own extras
            assert own or re.fullmatch(r"[\w\[\]-]+==[\w.]+", line), (name, line)
    assert "-e ." in pins(root)["student"]


def test_the_versions_agree(root):
    with open(root / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    newest = install.NEWEST[0], install.NEWEST[1] + 1
    assert project["requires-python"] == ">=%d.%d,<%d.%d" % (install.OLDEST + newest)
    needs = install.NEED_GB["linux"]
    assert f"{needs} GB" in (root / "README.md").read_text()


def test_the_readme_gives_the_commands(root):
    readme = (root / "README.md").read_text()
    for command in ("make lab", "make test", "pip install -r requirements.txt"):
        assert command in readme


def test_ci_calls_the_test_command_and_lets_nothing_skip(root, tmp_path):
    ci = root / ".ci" / "run"
    assert os.access(ci, os.X_OK)
    script(tmp_path / "make", 'echo "make $* CI=$CI CONVZOO_NO_SKIP=$CONVZOO_NO_SKIP"')
    for name in ("chromium", "bwrap"):
        script(tmp_path / name, "exit 0")
    script(tmp_path / "apt-get", "echo called", "exit 1")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run([ci], env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    said = "make --no-print-directory test PYTEST=--durations=15 CI=true CONVZOO_NO_SKIP=1\n"
    assert run.stdout == said


@pytest.mark.parametrize(
    "no_skip, ends",
    [("1", "1 failed, 1 skipped, 1 xfailed, 1 error"), ("", "3 skipped, 1 xfailed")],
)
def test_where_nothing_may_skip_a_skip_fails(root, tmp_path, no_skip, ends):
    """In a pytest of its own, on this project's conftest; a missing GPU alone excuses."""
    shutil.copy(root / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        "def test_a(): pytest.skip('no Chromium')\n"
        "@pytest.mark.skipif(True, reason='no bwrap')\n"
        "def test_b(): pass\n"
        "def test_c(): pytest.skip('needs a GPU with 8 GB')\n"
        "@pytest.mark.xfail\n"
        "def test_d(): assert False\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.run(
        command,
        env=os.environ | {"CONVZOO_NO_SKIP": no_skip, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ends in run.stdout, run.stdout
    assert ("no Chromium" in run.stdout) == bool(no_skip)
