"""Drives JupyterLab in a real Chromium: a server over a copy, a page, controls that move."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from convzoo.teach.pdf import chromium

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS = 240  # that a lesson may take to run, kernel start included
_UNWANTED = ".git", ".venv*", "build", "__pycache__", ".ipynb_checkpoints", ".pytest_cache"
_SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none", "autoStartDefaultKernel": True},
}


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its address, its secret, the copy it serves, and where it keeps the
    student's progress."""

    url: str
    token: str
    root: Path
    convzoo: Path


@dataclass(frozen=True)
class Move:
    """One move of one control: the picture before and after, how long it took (ms), and whether
    the control had stood at every one of its stops before it."""

    control: str
    before: dict
    after: dict
    changed: bool
    screen: float
    kernel: float | None
    walked: bool


def copy_of(root: Path, target: Path) -> Path:
    """The project without its history and environment, so that nothing is saved into it."""
    shutil.copytree(root, target, ignore=shutil.ignore_patterns(*_UNWANTED))
    return target


@contextmanager
def lab_over(copy: Path, home: Path, **environment: str):
    """JupyterLab on loopback at a free port, with settings of its own."""
    for name, setting in _SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting))
    own = {
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
        "CONVZOO_HOME": home / "convzoo",
        "PYTHONPATH": copy / "lessons",
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={copy}",
        "--LabApp.expose_app_in_browser=True",
    ]
    log = home / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            start_new_session=True,
            cwd=copy,
            env={**os.environ, **{k: str(v) for k, v in own.items()}, **environment},
        )
    lab = Lab(f"http://127.0.0.1:{port}", token, copy, home / "convzoo")
    try:
        _await_answer(lab, server, log)
        yield lab
    finally:
        _end(server)


def _await_answer(lab: Lab, server: subprocess.Popen, log: Path) -> None:
    request = urllib.request.Request(
        f"{lab.url}/api/status", headers={"Authorization": f"token {lab.token}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + 90
    while time.monotonic() < until and server.poll() is None:
        try:
            opener.open(request, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def _end(server: subprocess.Popen) -> None:
    """Kernels are the server's children: it is asked to end them, then the group goes."""
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@contextmanager
def running():
    """A headless Chromium. Playwright can run only once in a process, so tests share it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as kit:
        opened = kit.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def window_of(opened, width: int = 1280, height: int = 1400, **options):
    """A window of a Chromium, in which each test opens a page of its own: what JupyterLab is made
    of is loaded once."""
    window = opened.new_context(viewport={"width": width, "height": height}, **options)
    window.add_init_script(_SCRIPT)
    window.set_default_timeout(60_000)
    try:
        yield window
    finally:
        window.close()


def open_lab(page, lab: Lab) -> None:
    """Load JupyterLab, which takes some seconds; the side bar is folded away."""
    page.goto(f"{lab.url}/lab?token={lab.token}&reset")
    page.wait_for_function("window.jupyterapp?.shell.widgets('main').next().value")
    page.evaluate("zoo.foldAway()")


def open_notebook(page, notebook: str) -> None:
    """Open a notebook in JupyterLab and wait for its kernel."""
    page.evaluate("([path, seconds]) => zoo.open(path, seconds)", [notebook, SECONDS])


def run_all(page) -> None:
    """Run every cell; return when the last is done and the widgets are drawn."""
    page.evaluate("seconds => zoo.runAll(seconds)", SECONDS)


def troubles(page) -> list[str]:
    """What went wrong on the page: error outputs, failed pictures, widgets that are missing."""
    return page.evaluate("zoo.troubles()")


def move_every_control(page) -> list[Move]:
    """Moves each slider, list, box and choice on the page, and watches its picture."""
    made = []
    for k in range(page.evaluate("zoo.number()")):
        made.append(move(page, k))
        assert made[-1].changed, f"moving {made[-1].control} changed nothing"
    return made


def troubles_at_stops(page, moves: int = 20) -> list[str]:
    """Takes each control from stop to stop, in so many moves; tells which end in an error."""
    walk = "([k, moves]) => zoo.walk(k, moves)"
    controls = range(page.evaluate("zoo.number()"))
    return [wrong for k in controls for wrong in page.evaluate(walk, [k, moves])]


def move(page, k: int, patience: int = 1000) -> Move:
    """Moves control k one step and waits for the next picture in its view; once the kernel has
    answered, not longer than `patience` ms."""
    start = page.evaluate("([k, patience]) => zoo.watch(k, patience)", [k, patience])
    control = page.locator(f'[data-zoo="{k}"]')
    if start["kind"] == "dropdown":
        control.select_option(index=start["next"])
    else:
        control.focus()
        page.keyboard.press(start["next"])
    end = page.evaluate("zoo.seen()")
    return Move(
        start["name"], start["picture"], end["picture"], **end["seen"], walked=start["walked"]
    )


def screenshots(page, folder: Path | None, name: str) -> None:
    """The whole notebook, a window's height at a time, if there is a folder for them."""
    if folder is None:
        return
    _make_room(folder, name)
    for k in range(page.evaluate("zoo.pages()")):
        page.evaluate("k => zoo.scroll(k)", k)
        page.screenshot(path=folder / f"{name}-{k + 1:02}.png")


def _make_room(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{name}-*.png"):
        old.unlink()


_SCRIPT = (Path(__file__).parent / "browser.js").read_text()


def barriers(page, **context) -> list[str]:
    """What axe finds serious on a page, or in a part of it.

    What is folded away and the bare shapes of pictures are taken out of the page before: axe
    reads nothing of them, but computes the style and the place of each of ten thousand.
    """
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate("zoo.dropUnread()")
    found = Axe().run(page, context=context).response
    assert len(found["passes"]) > 10, "axe has not looked"
    return [
        f"{v['id']}: {node['html'][:300]}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]


def barriers_of_a_notebook(page) -> list[str]:
    """What axe finds serious in the text and outputs of the open notebook.

    Left out is what JupyterLab and ipywidgets themselves bring: all around a cell, and the handles
    of sliders, to which ipywidgets 8 gives no name.
    """
    parts = [".jp-MarkdownOutput"], [".jp-OutputArea-output"]
    return barriers(page, include=list(parts), exclude=[[".noUi-handle"]])


def open_deck(page, deck: Path) -> None:
    """Open a deck, at its own size and without movement, and wait for its formulas."""
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(deck.resolve().as_uri())
    page.wait_for_function("window.Reveal?.isReady()")
    page.wait_for_function("window.MathJax?.Hub?.queue.pending === 0")
    page.add_style_tag(content="* { transition: none !important; animation: none !important }")
    page.evaluate("document.fonts.ready.then(() => null)")


def slides_that_overflow(page, name: str, folder: Path | None) -> list[str]:
    """Report the slides of the open deck that do not fit; take a screenshot of each, if there is a
    folder for them."""
    if folder:
        _make_room(folder, name)
    found = []
    for k in range(page.evaluate("Reveal.getTotalSlides()")):
        found += page.evaluate("k => zoo.slide(k)", k)
        if folder:
            page.screenshot(path=folder / f"{name}-{k + 1:02}.png")
    return found


def states(page) -> Iterator[str]:
    """Walk through a deck, click by click, and move each slider to each of its stops; yields where
    it is."""
    for k in range(page.evaluate("Reveal.getTotalSlides()")):
        for click in range(-1, page.evaluate("k => zoo.clicks(k)", k)):
            page.evaluate("([k, click]) => Reveal.slide(k, 0, click)", [k, click])
            yield f"slide {k + 1}, click {click + 1}"
        for stop in range(page.evaluate("zoo.turns()")):
            page.evaluate("stop => zoo.turn(stop)", stop)
            yield f"slide {k + 1}, stop {stop}"


def guess_everything(page) -> int:
    """Guess in every prediction's form; each shows nothing before, and its result beside the
    guess after. Returns how many there were."""
    forms = page.locator(".widget-vbox:has(> .widget-hbox button:text-is('Skip'))")
    for k in range(forms.count()):
        form = forms.nth(k)
        drawn = form.locator(".widget-html-content").locator("img, svg[role=img], table")
        assert drawn.count() == 0, "the result stood there before the guess"
        guess(form)
        drawn.first.wait_for()
        said = form.inner_text()
        assert "Your guess" in said or "You guessed" in said
    return forms.count()


def guess(form) -> None:
    """Fill in a prediction's form, whatever it asks for, and send it."""
    if form.locator("input[type=radio]").count():
        form.locator("input[type=radio]").first.check()
    else:
        form.locator("input[type=text]").first.fill("24")
    form.get_by_role("button", name="That is my guess").click()


def theme(page, light: bool) -> None:
    """Turn the lights on or off, to see what does not follow."""
    name = "JupyterLab Light" if light else "JupyterLab Dark"
    page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
    wanted = f"body[data-jp-theme-light={str(light).lower()}]"
    page.wait_for_selector(wanted, state="attached")
    page.wait_for_timeout(500)


def close_notebook(page) -> None:
    """End the notebook's kernel and drop its changes."""
    page.evaluate("zoo.close()")
