"""A deck as a PDF, printed by a Chromium that is on this machine."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
SECONDS = 240  # that printing may take on a busy machine
FLAGS = (
    "--headless",
    "--no-sandbox",  # it opens our page only, and root needs it
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
    "--virtual-time-budget=60000",  # ms for reveal and MathJax; they pass as fast as possible
)


def chromium() -> str | None:
    """Return the path of a Chromium on this machine, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def printed(deck: Path, target: Path) -> str:
    """Print a deck of reveal.js to a PDF, a page for each slide; return "" or why there is none."""
    browser = chromium()
    if browser is None:
        return (
            "No PDF was made, because there is no Chromium or Chrome on this machine. Install one "
            f"and run this again, or open {deck.name}?print-pdf in any browser and print it."
        )
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser,
            *FLAGS,
            f"--user-data-dir={profile}",
            f"--print-to-pdf={target.resolve()}",
            f"{deck.resolve().as_uri()}?print-pdf",
        ]
        try:
            subprocess.run(command, capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            pass  # what counts is whether the file is there
    if target.is_file():
        return ""
    return (
        f"No PDF was made, because {Path(browser).name} did not print the deck. Open "
        f"{deck.name}?print-pdf in a browser and print it."
    )
