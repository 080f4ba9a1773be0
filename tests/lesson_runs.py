"""What tests that run whole lessons share: which there are, where they run, what was checked."""

import json
import os
from pathlib import Path

import pytest
from convzoo.notebook.reading import read

ROOT = Path(__file__).resolve().parent.parent
NAMES = [path.stem for path in sorted(ROOT.glob("solutions/[0-9][0-9]_*.py"))]
each_lesson = pytest.mark.parametrize("name", NAMES)


def exercises(name: str) -> list[str]:
    return read(ROOT / "lessons" / f"{name}.ipynb").ids()


def environment(home: Path) -> dict[str, str]:
    """What a lesson is run in: a home of its own, nothing of the test run that starts it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return kept | {"CONVZOO_HOME": str(home), "CONVZOO_PREDICT": "skip", "MPLBACKEND": "Agg"}


def progress(home: Path) -> dict[str, str]:
    """What each check said, by exercise."""
    kept = json.loads((home / "progress.json").read_text())["exercises"]
    return {id: entry["status"] for id, entry in kept.items()}
