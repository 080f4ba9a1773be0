"""A place without network and without the course's answers, in which a student's code may run.

bubblewrap gives a process its own namespaces: no network, a read-only system, a small memory disk,
no other process in sight. It is started unprivileged. If the grader is root, as in CI, root only
makes the Python environment reachable (it may be under root's home) and then switches to a user
that owns nothing, before the actual sandbox begins: limits on processes do not bind root.
"""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from convzoo.place import COURSE
from convzoo.teach.grade.box.layout import Layout

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
LINKER = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
BOX = "/box"
START = (
    "import sys; sys.path[:0] = [sys.argv[1]]; sys.path += sys.argv[2].split(':'); "
    "from gradebox.worker import main; main(sys.argv[3:])"
)
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "Agg",
    "USER": "student",  # torch 2.11 looks it up at import, and the sandbox has no user list
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CONVZOO_PREDICT": "skip",
    "CONVZOO_HOME": "/tmp/convzoo",
    "CUDA_VISIBLE_DEVICES": "",
}


_started = itertools.count()


class NoSandbox(Exception):
    """This machine has no sandbox; the message says how to get one."""


@dataclass(frozen=True)
class Limits:
    """The limits on a student's code, in bytes and seconds."""

    cpu: int = 20  # of one process
    wall: float = 60.0  # for the cells, and again for the calls of an exercise
    start: float = 240.0  # until torch is imported; if it takes longer, that is the machine's fault
    memory: int = 4 << 30  # address space of one process, in addition to torch's
    resident: int = 3 << 30  # memory of all processes together
    processes: int = 64
    files: int = 256
    file_bytes: int = 32 << 20
    disk: int = 64 << 20  # the memory disk

    def settings(self, boxed: bool) -> dict:
        """Return the limits that the worker needs to know."""
        return {**asdict(self), "boxed": boxed}


class Box:
    """Everything that is needed to start workers: our files in a folder, and the command.

    boxed: False starts the worker as an ordinary process, for `--unsandboxed`; folder: the folder
    of a layout that another process keeps, else a new one is made.
    """

    def __init__(self, hidden: Iterable[Path] = (), boxed: bool = True, folder: str = ""):
        self.boxed, self.hidden = boxed, [Path(p).resolve() for p in hidden]
        self._layout = None if folder else Layout()
        self.folder = Path(folder) if folder else self._layout.folder

    def close(self) -> None:
        if self._layout:
            self._layout.close()

    def command(self, limits: Limits, words: list[str]) -> list[str]:
        """Return the command that runs Python with `words` as its arguments."""
        python = [os.path.realpath(sys.executable), "-I", "-B", *words]
        if not self.boxed:
            return python
        inner = ["bwrap", *_isolation(), *self._mounts(limits), "--", *python]
        return [*_unprivileged([self.folder, *_environment()]), *inner] if _is_root() else inner

    def worker(self, limits: Limits, pipes: tuple[int, ...], settings: str) -> list[str]:
        """Return the command that starts a worker on its pipes."""
        place = BOX if self.boxed else str(self.folder)
        site = ":".join(str(p) for p in _sites())
        return self.command(limits, ["-c", START, place, site, *map(str, pipes), settings])

    def _mounts(self, limits: Limits) -> list[str]:
        """Return what is visible inside: the system, the environment and our files, all read-only.

        Deeper paths come later, so that what must be hidden is hidden wherever it is.
        """
        size = str(limits.disk)
        binds = {Path(p) for p in SYSTEM if Path(p).is_dir() and not Path(p).is_symlink()}
        binds |= {Path(p) for p in LINKER if Path(p).exists()} | set(_environment())
        hidden = {*self.hidden, *(site / "convzoo" for site in _sites())}
        hidden |= {COURSE} if (COURSE / "solutions").is_dir() else set()
        hidden = {p for p in hidden if p.is_dir() and any(b in p.parents for b in binds)}
        words = ["--proc", "/proc", "--dev", "/dev"]
        for link in (Path(p) for p in SYSTEM if Path(p).is_symlink()):
            words += ["--symlink", os.readlink(link), str(link)]
        for place in ("/tmp", "/dev/shm"):  # first, because an environment may be below /tmp
            words += ["--size", size, "--tmpfs", place]
        for path in sorted(binds | hidden, key=lambda p: len(p.parts)):
            if path in hidden:
                words += ["--size", "65536", "--tmpfs", str(path)]
            else:
                words += ["--ro-bind", os.path.realpath(path), str(path)]
        words += ["--ro-bind", str(self.folder), BOX]
        words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--clearenv"]
        for name, value in ENVIRONMENT.items():
            words += ["--setenv", name, value]
        return words


def _isolation() -> list[str]:
    return [
        "--unshare-user",
        "--unshare-all",
        "--disable-userns",
        "--uid",
        "65534",
        "--gid",
        "65534",
        "--hostname",
        "box",
        "--as-pid-1",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]


@cache
def _sites() -> tuple[Path, ...]:
    """Return the folders in which torch and what it needs are installed."""
    from importlib.util import find_spec

    found = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    for package in ("torch", "torchvision", "numpy"):
        spec = find_spec(package)
        if spec and spec.origin:
            found.add(Path(spec.origin).resolve().parents[1])
    return tuple(sorted(p for p in found if p.is_dir()))


@cache
def _environment() -> tuple[Path, ...]:
    """Return the interpreter and its packages."""
    home = Path(os.path.realpath(sys.executable)).parents[1]
    wanted = [home, *_sites()]
    bad = [p for p in wanted if p in (Path("/"), Path.home())]
    if bad:
        raise NoSandbox(
            f"Python is installed directly in {bad[0]}, which must not be visible to a student's "
            "code. Use a virtual environment."
        )
    return tuple(dict.fromkeys(wanted))


def _is_root() -> bool:
    return os.geteuid() == 0


def _unprivileged(paths: Iterable[Path]) -> list[str]:
    """As root, make `paths` reachable for everyone in a private view, then switch to an
    unprivileged user."""
    words = ["bwrap", "--dev-bind", "/", "/"]
    made: set[Path] = set()
    for path in sorted(paths):
        closed = next((p for p in reversed(path.parents) if not _open(p)), None)
        if closed is None:
            continue
        for place in [p for p in reversed(path.parents) if p == closed or closed in p.parents]:
            if place not in made:
                kind = "--dir" if closed in made else "--tmpfs"
                words += ["--perms", "0755", kind, str(place)]
                made.add(place)
        words += ["--ro-bind", str(path), str(path)]
    words += ["--unshare-pid", "--die-with-parent", "--cap-drop", "ALL"]
    for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
        words += ["--cap-add", capability]
    user = str(_nobody())
    return [
        *words,
        "setpriv",
        "--reuid",
        user,
        "--regid",
        user,
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
        "--no-new-privs",
    ]


def _open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _nobody() -> int:
    """Return a user that owns nothing and runs nothing else, because process limits count per
    user."""
    with open("/proc/self/uid_map") as file:
        ranges = [[int(n) for n in line.split()] for line in file]
    last = max(start + count for start, _, count in ranges)
    number = os.getpid() * 100 + next(_started) % 100
    return (
        1_000_000_000 + number % 1_000_000_000 if last > 2_000_000_000 else 61_000 + number % 4_000
    )


def probe(box: Box, limits: Limits) -> None:
    """Raise NoSandbox unless Python runs in the sandbox without network and unprivileged."""
    advice = (
        "Install bubblewrap (on Debian and Ubuntu `sudo apt install bubblewrap`; on Windows "
        "inside WSL2; on macOS there is none, so use a Linux machine). `--unsandboxed` grades "
        "without a sandbox, at your own risk, and says so with every grade."
    )
    if not sys.platform.startswith("linux") or not shutil.which("bwrap"):
        raise NoSandbox(f"bubblewrap is not installed. {advice}")
    if _is_root() and not shutil.which("setpriv"):
        raise NoSandbox(
            "When you are root, the sandbox needs `setpriv`. Install the package util-linux."
        )
    try:
        found = subprocess.run(
            box.command(limits, ["-c", "import os; print('inside', os.getuid())"]),
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise NoSandbox("bubblewrap did not start within a minute.") from None
    if found.returncode or found.stdout.split()[:1] != ["inside"]:
        why = (found.stderr.strip().split("\n") or [""])[-1][:300]
        raise NoSandbox(
            f"bubblewrap is installed but does not start ({why}). In a container it needs user "
            "namespaces; Ubuntu 24.04 needs an AppArmor profile for bwrap (see the teacher's "
            f"guide). {advice}"
        )
