"""The moving picture of the READMEs: lesson 02's density slider, moved on the photo of a cat.

The real notebook runs in a JupyterLab of its own, in a headless Chromium that the driver of the
tests opens. The slider is moved with its keys, and each stop becomes a frame. Run it by hand when
the lesson's part "Cut a trained network" has changed. It takes a minute, and needs the test tools
and a Chromium:

    PYTHONPATH=tests python figures/moving.py

A GIF, because every host and every viewer of Markdown shows one.
"""

import io
import tempfile
from pathlib import Path

import browser
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(__file__).with_name("cat.gif")
LESSON = "lessons/02_resnext.ipynb"
WINDOW = 880, 1000  # pixels: JupyterLab leaves 700 of them for an output
MARGIN = 12
# The stops between 90% and 50% are left out: the lesson asks there for a guess.
STOPS = ["100%", "90%", "50%", "30%", "10%"]
MILLISECONDS = {"100%": 2500, "10%": 2500}  # how long a frame is shown
USUAL = 1500


def frames() -> list[Image.Image]:
    """Return a screenshot of the widget at each of `STOPS`."""
    with tempfile.TemporaryDirectory() as folder:
        copy = browser.copy_of(ROOT, Path(folder, "project"))
        with (
            browser.lab_over(copy, Path(folder), CONVZOO_PREDICT="skip") as lab,
            browser.running() as chromium,
            browser.window_of(chromium, *WINDOW) as window,
        ):
            page = window.new_page()
            browser.open_notebook(page, lab, LESSON)
            browser.run_all(page)
            photo = page.locator("svg[role=img][aria-label^='cat: a photograph']")
            moved = page.locator("label:text-is('density')")
            widget = page.locator(".convzoo-explorer", has=photo).filter(has=moved)
            return [_frame(page, widget, stop) for stop in STOPS]


def _frame(page, widget, stop: str) -> Image.Image:
    """Move the slider to `stop`; return a picture of it, the photo and the five guesses, without
    the bars of bytes and time in the next row."""
    readout, handle = widget.locator(".widget-readout"), widget.get_by_role("slider")
    handle.focus()
    page.keyboard.press("Home")  # the whole network
    while readout.inner_text() != stop:
        page.keyboard.press("ArrowRight")
    widget.locator(f"svg[role=img][aria-label^='{stop} of the weights']").wait_for()
    picture = Image.open(io.BytesIO(widget.screenshot())).convert("RGB")
    photo = widget.locator("svg[role=img]").first.bounding_box()
    height = photo["y"] + photo["height"] - widget.bounding_box()["y"]
    return ImageOps.expand(picture.crop((0, 0, picture.width, height)), MARGIN, "white")


def write(pictures: list[Image.Image], target: Path) -> None:
    """Write an endless GIF; each frame has 256 colours of its own."""
    first, *rest = (p.quantize(256, dither=Image.Dither.FLOYDSTEINBERG) for p in pictures)
    times = [MILLISECONDS.get(stop, USUAL) for stop in STOPS]
    first.save(target, save_all=True, append_images=rest, duration=times, loop=0, optimize=True)


if __name__ == "__main__":
    write(frames(), TARGET)
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1e6:.2f} MB")
