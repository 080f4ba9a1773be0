"""Creates `.venv` and installs the course into it: the first step of `make lab` and `make test`.

It is run by its path with any Python 3 (`python3 -I lessons/convzoo/install.py`), so it uses only
the standard library and syntax that Python 3.6 knows. An error is reported in one sentence on
standard error, with exit status 2.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

OLDEST, NEWEST = (3, 11), (3, 13)
NAMES = ("python3", "python3.13", "python3.12", "python3.11", "python")
# What a first installation takes, in GB (measured: 6.6). On Linux torch brings the CUDA libraries,
# with a graphics card or without. pip's downloads, 3 GB more, may be on another disk; if they
# do not and it runs full, `explain` says so.
NEED_GB = {"linux": 7, "other": 2}
AGAIN_GB = 1
PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"

NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|ConnectionReset|Connection refused"
    r"|Network is unreachable|Name or service not known|name resolution|getaddrinfo"
    r"|ProxyError|Connection aborted|timed out|Max retries exceeded",
    re.I,
)
NO_SPACE = re.compile(r"No space left on device|Errno 28|Disk quota exceeded|WinError 112", re.I)


class Trouble(Exception):
    """What prevents an installation, as one sentence for the reader."""


def version_of(python: str):
    """Return (3, 12) for an interpreter that can create environments; "no venv" or None for
    others."""
    for code in (PROBE, PROBE.replace("ensurepip, ", "").replace(", venv", "")):
        try:
            found = subprocess.run(
                [python, "-I", "-c", code],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL,
                timeout=120,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        match = re.match(r"(\d+)\.(\d+)\s*$", found.stdout.decode("ascii", "replace"))
        if found.returncode == 0 and match:
            version = int(match.group(1)), int(match.group(2))
            return version if code == PROBE else ("no venv",) + version
    return None


def find_python(names=NAMES, which=shutil.which, version_of=version_of):
    """Return the first interpreter of `names` that the course runs on, as (path, version)."""
    found, crippled = [], None
    for name in names:
        path = which(name)
        version = version_of(path) if path else None
        if version is None:
            continue
        usable = version[-2:]
        if OLDEST <= usable <= NEWEST:
            if version[0] != "no venv":
                return path, version
            crippled = crippled or usable
        found.append("%s is %d.%d" % ((name,) + usable))
    if crippled:
        raise Trouble(
            "Python %d.%d is here but cannot create environments. Install its venv package "
            "(on Debian and Ubuntu `sudo apt install python%d.%d-venv`) and run this again."
            % (crippled + crippled)
        )
    raise Trouble(
        "The course needs Python %d.%d to %d.%d but found %s. Install one of these (python.org, "
        "your system's packages, or conda) and run this again."
        % (OLDEST + NEWEST + (", ".join(found) or "none",))
    )


def check_disk(
    folder: str,
    first: bool,
    free=lambda path: shutil.disk_usage(path).free,
    platform: str = sys.platform,
):
    """Raises Trouble if fewer bytes are free at `folder` than the installation takes."""
    need = NEED_GB["linux" if platform.startswith("linux") else "other"] if first else AGAIN_GB
    there = free(folder) / 1e9
    if there < need:
        raise Trouble(
            "The disk is too full: the installation needs %d GB free and %s has %.1f GB. Free "
            "some space and run this again, or install a CPU-only torch by hand as the README "
            "describes." % (need, folder, there)
        )


def explain(output: str) -> str:
    """Return one sentence for a failed pip run, from everything that it printed."""
    if NO_SPACE.search(output):
        return (
            "The disk ran full while packages were unpacked. Free some space (a first "
            "installation takes %d GB on Linux, %d elsewhere) and run this again."
            % (NEED_GB["linux"], NEED_GB["other"])
        )
    if NO_NETWORK.search(output):
        return (
            "The packages could not be downloaded because the package index cannot be reached. "
            "Check the network (or pip's proxy and index settings) and run this again; it "
            "continues where it stopped."
        )
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    last = errors[-1][len("ERROR:") :].strip() if errors else "no reason given"
    return (
        "pip could not install the packages (%s). Run `make doctor` to check everything else, or "
        "follow the README's steps one by one." % last.rstrip(".")
    )


def pip_install(python: str, arguments, say=print):
    """Run pip, showing only large downloads; raise Trouble if it fails."""
    command = [
        python,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar",
        "off",
        "--retries",
        "2",
    ] + list(arguments)
    kept = []
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
    )
    for raw in run.stdout:
        line = raw.decode("utf-8", "replace").strip()
        kept.append(line)
        large = re.match(r"Downloading (\S+?)(?:\.metadata)? \((\d{2,}(?:\.\d+)? [MG]B)\)", line)
        if large:
            say(
                "  downloading %s, %s"
                % (large.group(1).split("/")[-1].split("-")[0], large.group(2))
            )
        elif line.startswith("Installing collected packages"):
            say("  unpacking")
    if run.wait() != 0:
        raise Trouble(explain("\n".join(kept)))


def fingerprint(root: str, version) -> str:
    """Return a hash of everything that determines what is installed; if it is unchanged, there is
    nothing to do."""
    parts = [root, "%d.%d" % version]
    for name in ("requirements.txt", "pyproject.toml"):
        with open(os.path.join(root, name), encoding="utf-8") as file:
            parts.append(file.read())
    return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()


def environment_python(root: str) -> str:
    """Return the path of the environment's interpreter."""
    inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.join(root, ".venv", *inside)


def is_current(root: str, extra: str) -> bool:
    """Return whether the environment contains what the files require, without starting an
    interpreter."""
    for name in {extra, "test"}:  # what the tests need includes what a student needs
        stamp = os.path.join(root, ".venv", "convzoo-%s.stamp" % name)
        try:
            with open(stamp, encoding="utf-8") as file:
                version, mark = file.read().split()
        except (OSError, ValueError):
            continue
        numbers = tuple(int(part) for part in version.split("."))
        if mark == fingerprint(root, numbers) and os.path.exists(environment_python(root)):
            return True
    return False


def install_course(root: str, extra: str, say=print):
    """Bring `.venv` under `root` up to date; `extra` is "student" or "test"."""
    if is_current(root, extra):
        return
    python = environment_python(root)
    version = version_of(python) if os.path.exists(python) else None
    whole = version is not None and OLDEST <= version[-2:] <= NEWEST and has_pip(python)
    first = not (whole and has_torch(python))
    check_disk(root, first)
    say(
        "Setting up the course in .venv: about %s."
        % ("3 minutes on a fast line, once (on Linux it downloads 3 GB)" if first else "20 seconds")
    )
    started = time.time()
    if not whole:
        outer, version = find_python()
        if os.path.exists(python):
            say("  the existing .venv does not work with the course, so it is created again")
        make_environment(outer, os.path.join(root, ".venv"))
        say("  created .venv with Python %d.%d" % version)
    target = ["-r", os.path.join(root, "requirements.txt")]
    if extra == "test":
        target += ["-e", root + "[test]"]
    pip_install(python, target, say)
    stamp = os.path.join(root, ".venv", "convzoo-%s.stamp" % extra)
    with open(stamp, "w", encoding="utf-8") as file:
        file.write("%d.%d %s\n" % (version[-2:] + (fingerprint(root, version[-2:]),)))
    say("Ready after %d seconds." % round(time.time() - started))


def make_environment(python: str, folder: str):
    """Create a fresh environment at `folder` in place of a broken one; may raise Trouble."""
    made = subprocess.run(
        [python, "-m", "venv", "--clear", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    if made.returncode != 0:
        lines = made.stdout.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        if NO_SPACE.search(" ".join(lines)):
            raise Trouble(explain(" ".join(lines)))
        raise Trouble(
            "Python could not create the environment %s (%s). Remove that folder and run this "
            "again." % (folder, lines[-1])
        )


def has_pip(python: str) -> bool:
    """Return whether pip works; an interrupted first run leaves an environment without it."""
    return (
        subprocess.call(
            [python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        == 0
    )


def has_torch(python: str) -> bool:
    """Return whether torch, the largest part of an installation, is already there."""
    code = "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)"
    return subprocess.call([python, "-I", "-c", code]) == 0


def main(arguments=None) -> int:
    """Run the command line `install.py [--test]`."""
    parser = argparse.ArgumentParser(description="Install the course into .venv.")
    parser.add_argument("--test", action="store_true", help="also install what the tests need")
    chosen = parser.parse_args(arguments)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    try:
        install_course(
            root, "test" if chosen.test else "student", say=lambda line: print(line, flush=True)
        )
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. Run it again to continue.", file=sys.stderr)
        return 130
    except OSError as error:
        print(
            "The environment could not be written (%s). Make sure that you can write to this "
            "folder and run this again." % error,
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
