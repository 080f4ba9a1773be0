"""The library as a wheel: a notebook runs away from the course's folder."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest
from convzoo.place import COURSE
from nbclient import NotebookClient

pytestmark = pytest.mark.slow
CELLS = [
    """\
from convzoo import begin, place
device = begin("02_resnext")""",
    """\
from convzoo.experiments import load
print(place.figures(), len(load("off_diagonal")["variants"]), "variants")""",
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder, source = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("source")
    for name in ("lessons/convzoo", "figures"):  # a build leaves files in its folder
        shutil.copytree(COURSE / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(COURSE / name, source)
    words = [sys.executable, "-m", "pip", "wheel", str(source), "--no-deps", "--no-index"]
    words += ["--no-build-isolation", "--disable-pip-version-check", "-q", "-w", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("convzoo-*.whl"))


def test_pictures_data_and_templates_are_in_the_wheel(wheel):
    there = set(zipfile.ZipFile(wheel).namelist())
    figures = [*COURSE.glob("figures/*.svg"), *COURSE.glob("figures/data/*.json")]
    library = COURSE / "lessons"
    files = [p for p in library.glob("convzoo/**/*") if p.suffix in (".py", ".j2", ".js")]
    wanted = {f"convzoo/{p.relative_to(COURSE)}" for p in figures}
    wanted |= {str(p.relative_to(library)) for p in files}
    assert len(figures) > 25 and wanted <= there
    assert not [name for name in there if "solutions" in name or name.endswith(".ipynb")]


def test_a_notebook_alone_has_its_pictures_and_the_measured_curves(wheel, tmp_path):
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    zipfile.ZipFile(wheel).extractall(site)
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    client = NotebookClient(
        nbformat.v4.new_notebook(cells=cells),
        kernel_name="python3",
        timeout=120,
        resources={"metadata": {"path": str(work)}},
    )
    node = client.execute(env=os.environ | {"PYTHONPATH": str(site)})
    first, second = (json.dumps([dict(o) for o in cell.outputs]) for cell in node.cells)
    assert "not in the course's folder" in first and "block-diagonal, 4 full blocks" in first
    assert str(site / "convzoo" / "figures") in second and " variants" in second
