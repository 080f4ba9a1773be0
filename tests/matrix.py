"""`make matrix`: the tests on every Python that the course runs on, and on its oldest torch.

Each pair gets an environment of its own in build/matrix (7 GB each on Linux, kept for the next
time), and runs every test but those that drive a browser. A Python that is not on this machine is
told, and left out. Ctrl-C ends it with what it has. Words after `--` go to pytest.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
NEWEST, OLDEST = ("2.14.1", "0.29.1"), ("2.11.0", "0.26.0")  # torch, torchvision
PAIRS = [*((python, NEWEST) for python in PYTHONS), *((python, OLDEST) for python in PYTHONS[1:2])]
TESTS = ["-n", "2", "--dist", "loadfile", "-q", "-m", "not browser"]


def interpreter(version: str) -> str | None:
    """The path of a Python of this version: on the PATH, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    own = sorted(pyenv.glob(f"{version}*/bin/python"))
    asked = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    for path in (shutil.which(f"python{version}"), *map(str, own)):
        if path and _says(path, asked) == version:
            return path
    return None


def _says(python: str, code: str) -> str:
    found = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else ""


def environment(python: str, name: str, torch: tuple[str, str]) -> Path:
    """The Python of an environment with the course and this torch; made where it is missing."""
    folder = ROOT / "build" / "matrix" / name
    own = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    others = [pin for pin in pins if pin.strip() and not re.match(r"torch|#|-e", pin)]
    wanted = [*others, f"torch=={torch[0]}", f"torchvision=={torch[1]}", "-e", f"{ROOT}[test]"]
    if not own.exists():
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(own), "-m", "pip", "install", "-q", *wanted], check=True, cwd=ROOT)
    return own


def main(words: list[str] | None = None) -> int:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--only", metavar="NAME", help="one pair: py3.12-torch2.11.0, say")
    reader.add_argument("tests", nargs="*", help="for pytest")
    asked = reader.parse_args(words)
    results: dict[str, str] = {}
    try:
        for version, torch in PAIRS:
            name = f"py{version}-torch{torch[0]}"
            if asked.only not in (None, name):
                continue
            print(f"{name} ...", flush=True)
            results[name] = "failed: interrupted"  # unless it comes to its end
            results[name] = _result(version, name, torch, asked.tests or TESTS)
            print(f"{name}: {results[name]}", flush=True)
    except KeyboardInterrupt:
        pass
    print("", *(f"{name:<24}{result}" for name, result in results.items()), sep="\n")
    return int(any(result.startswith("failed") for result in results.values()))


def _result(version: str, name: str, torch: tuple[str, str], tests: list[str]) -> str:
    python = interpreter(version)
    if python is None:
        return f"left out: no Python {version} is on this machine"
    try:
        own = environment(python, name, torch)
    except subprocess.CalledProcessError as problem:
        return f"failed: its packages could not be installed (exit status {problem.returncode})"
    start = time.monotonic()
    log = ROOT / "build" / "matrix" / f"{name}.log"
    with log.open("w", encoding="utf-8") as file:  # to be read while it runs, and after Ctrl-C
        command = [str(own), "-m", "pytest", *tests]
        done = subprocess.run(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = [line.strip("= ") for line in lines if re.search(r" in [\d.]+s\b", line)]
    last = told[-1] if told else "nothing was counted"
    word = "passed" if done.returncode == 0 else "failed"
    minutes = (time.monotonic() - start) / 60
    return f"{word}: {last} ({minutes:.0f} min; {log.relative_to(ROOT)})"


if __name__ == "__main__":
    sys.exit(main())
