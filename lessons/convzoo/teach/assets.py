"""What slides and book need next to them: reveal.js and MathJax.

They are downloaded once with pip, from two Python packages, and kept under build/.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from convzoo.errors import UserError

# Package, the folder in it that is needed, a file that shows that it is complete. nbconvert's
# slides work with reveal 4; this is a small package that has it as static files.
ASSETS = {
    "reveal": (
        "sphinx-revealjs==2.8.0",
        "sphinx_revealjs/themes/sphinx_revealjs/static/revealjs4/",
        "dist/reveal.js",
    ),
    "mathjax": ("nbclassic==1.3.3", "nbclassic/static/components/MathJax/", "MathJax.js"),
}
_IDLE = ("localization/", "css/", "plugin/highlight", "plugin/math", "plugin/markdown")


def provide(cache: Path, out: Path, names: Iterable[str] = ASSETS) -> None:
    """Put assets, by default all, next to the pages in `out`; fetch what is not in the cache.

    Raises UserError if pip cannot download it.
    """
    for name in names:
        _provide(name, cache, out)


def _provide(name: str, cache: Path, out: Path) -> None:
    """Put one asset next to the slides; fetch it if it is not in the cache."""
    package, folder, proof = ASSETS[name]
    kept = cache / package.replace("==", "-") / name
    if not (kept / proof).exists():
        _unpack(_fetch(package, cache), folder, kept)
    if not (out / name / proof).exists():
        shutil.copytree(kept, out / name, dirs_exist_ok=True)


def _fetch(package: str, cache: Path) -> Path:
    wheels = cache / "wheels"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "--dest",
        str(wheels),
        package,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    start = package.split("==")[0].replace("-", "_")
    found = sorted(wheels.glob(f"{start}-*.whl"))
    if done.returncode or not found:
        raise UserError(
            f"The pages need {package}, which pip could not download. Make them once with a "
            "network connection; after that they need none."
        )
    return found[-1]


def _unpack(wheel: Path, folder: str, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            inner = member.removeprefix(folder)
            if inner == member or member.endswith("/") or inner.startswith(_IDLE):
                continue
            path = target / inner
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(member))
