"""A deck as a PDF, printed by a Chromium that is on this machine.

It is asked to print over the DevTools protocol, once the deck says that it is ready: by itself
(--print-to-pdf) a busy Chromium prints before reveal has made its pages, or MathJax the formulas.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convzoo.errors import UserError

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
    "--remote-debugging-port=0",
)
# Reveal adds its pages in one step; MathJax runs what is queued when it has typeset the page.
_READY = """new Promise((done) => {
  const look = () => document.querySelector(".pdf-page") && window.MathJax?.isReady
    ? MathJax.Hub.Queue(() => document.fonts.ready.then(() => done(true)))
    : setTimeout(look, 50);
  look();
})"""
_PRINT = {
    "printBackground": True,
    "preferCSSPageSize": True,
    "generateTaggedPDF": True,
    **dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0),
}


def chromium() -> str | None:
    """Return the path of a Chromium on this machine, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def printed(deck: Path, target: Path, slides: int) -> str:
    """Print a deck of reveal.js to a PDF, a page for each of its slides; return "" or why there is
    none."""
    browser = chromium()
    if browser is None:
        return (
            "No PDF was made, because there is no Chromium or Chrome on this machine. Install one "
            f"and run this again, or open {deck.name}?print-pdf in any browser and print it."
        )
    target.unlink(missing_ok=True)
    try:
        made = _pdf_of(browser, f"{deck.resolve().as_uri()}?print-pdf")
        if pages_of(made) != slides:
            raise UserError(f"printed {pages_of(made)} of its {slides} slides")
    except UserError as problem:
        return (
            f"No PDF was made, because {Path(browser).name} {problem}. Run this again, or open "
            f"{deck.name}?print-pdf in a browser and print it."
        )
    target.write_bytes(made)
    return ""


def pages_of(pdf: bytes) -> int:
    """Count the pages of a PDF that Chromium wrote."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def _pdf_of(browser: str, url: str) -> bytes:
    """Open a deck in a browser of its own and return what it prints; raises UserError with what
    the browser did instead."""
    import websocket  # comes with JupyterLab

    until = time.monotonic() + SECONDS
    try:
        with _blank_page(browser, until) as address:
            page = websocket.create_connection(
                address, timeout=_left(until), suppress_origin=True, http_no_proxy="127.0.0.1"
            )
            _call(page, "Page.navigate", url=url)
            _call(page, "Runtime.evaluate", expression=_READY, awaitPromise=True)
            return base64.b64decode(_call(page, "Page.printToPDF", **_PRINT)["data"])
    except (OSError, websocket.WebSocketException):
        raise UserError(f"did not print the deck in {SECONDS} s") from None


@contextmanager
def _blank_page(browser: str, until: float) -> Iterator[str]:
    """A browser that shows an empty page: where this page listens."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        said = Path(profile) / "said.txt"
        with said.open("w") as told:
            running = subprocess.Popen(
                [browser, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
                stdout=subprocess.DEVNULL,
                stderr=told,
            )
        try:
            yield _address(running, said, until)
        finally:
            running.kill()
            running.wait()


def _address(running: subprocess.Popen, said: Path, until: float) -> str:
    """Wait until the browser has said where it listens, and opened its page."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while running.poll() is None and time.monotonic() < until:
        port = re.search(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/", said.read_text())
        if port:
            with direct.open(f"http://127.0.0.1:{port[1]}/json/list", timeout=_left(until)) as got:
                shown = [page for page in json.load(got) if page["type"] == "page"]
            if shown:
                return shown[0]["webSocketDebuggerUrl"]
        time.sleep(0.05)
    raise UserError("did not start")


def _call(page, method: str, **parameters) -> dict:
    """Call a method of the page and return its result."""
    page.send(json.dumps({"id": 1, "method": method, "params": parameters}))
    while True:
        answer = json.loads(page.recv())
        if answer.get("id") == 1:
            if "error" in answer:
                raise UserError(f"did not print the deck ({answer['error']['message']})")
            return answer["result"]


def _left(until: float) -> float:
    return max(1.0, until - time.monotonic())
