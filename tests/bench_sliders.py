"""Measures how long a move of each control of a lesson takes, in JupyterLab and a real Chromium.

    python tests/bench_sliders.py            # every lesson
    python tests/bench_sliders.py 02 06

For each control it prints medians: until the kernel has answered, and until the picture is on the
screen.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import browser

ROOT = Path(__file__).resolve().parent.parent


def latency(page, k: int, moves: int = 20, seconds: float = 15) -> str:
    """The medians of some moves of one control, in words; fewer moves where it is slow, or has
    been at all its stops.

    It walks from one end to the other, whatever the values of the other controls: a stop where
    nothing changes (a dilation with one layer) is passed over.
    """
    made, until = [], time.monotonic() + seconds
    while len(made) < moves and time.monotonic() < until:
        made.append(browser.move(page, k, patience=200))
        if made[-1].walked:
            break
    seen = [m for m in made if m.changed]
    if not seen:
        return f"{made[0].control}: {len(made)} moves changed nothing"
    told = [m.kernel for m in seen if m.kernel is not None]
    kernel = f"{median(told):.0f} ms in the kernel, " if told else ""
    screen = median(m.screen for m in seen)
    return f"{made[0].control}: {kernel}{screen:.0f} ms on the screen ({len(seen)} moves)"


def main(wanted: list[str]) -> None:
    found = sorted(ROOT.glob("lessons/[0-9][0-9]_*.ipynb"))
    lessons = [path for path in found if path.stem.startswith(tuple(wanted) or "")]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        copy = browser.copy_of(ROOT, home / "project")
        with (
            browser.lab_over(copy, home, CONVZOO_PREDICT="") as lab,
            browser.running() as chromium,
            browser.window_of(chromium) as window,
        ):
            page = window.new_page()
            browser.open_lab(page, lab)
            for lesson in lessons:
                browser.open_notebook(page, f"lessons/{lesson.name}")
                browser.run_all(page)
                browser.guess_everything(page)
                for k in range(len(browser.move_every_control(page))):
                    print(f"{lesson.stem}: {latency(page, k)}", flush=True)
                browser.close_notebook(page)


if __name__ == "__main__":
    main(sys.argv[1:])
