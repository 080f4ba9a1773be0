"""What every test gets: its own home, no window, no question to answer, one thread, and the same
random numbers whichever tests ran before it in its process."""

import gc
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GPU_REASON = "needs a GPU"
SEED = int(os.environ.get("CONVZOO_TEST_SEED", "0"))  # no test may need this very one

# Before anything imports torch or matplotlib, and inherited by the kernels that tests start.
os.environ["CONVZOO_PREDICT"] = "skip"
os.environ["MPLBACKEND"] = "Agg"
for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"


def pytest_configure(config) -> None:
    """A home for whatever runs outside a test, until this process (or this worker) is done."""
    home = os.environ["CONVZOO_HOME"] = tempfile.mkdtemp(prefix="convzoo-home-")
    config.add_cleanup(partial(shutil.rmtree, home, ignore_errors=True))


def pytest_addoption(parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help="no slow test, and every exercise under one seed"
    )
    parser.addoption(
        "--screenshots", action="store_true", help="keep what Chromium shows in build/screenshots"
    )
    parser.addoption("--gpu", action="store_true", help="only the tests that need a GPU")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is imported for all tests stays for ever: Python's collector neither looks at it while
    it is imported, nor with every later look at what a test leaves."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config, items) -> None:
    """The slow files come first: two processes then share what is quick, and end together."""
    if config.getoption("gpu"):
        other = [item for item in items if not _needs_a_gpu(item)]
        config.hook.pytest_deselected(items=other)
        items[:] = [item for item in items if _needs_a_gpu(item)]
    slow = {item for item in items if item.get_closest_marker("slow")}
    if config.getoption("quick"):
        config.hook.pytest_deselected(items=list(slow))
        items[:] = [item for item in items if item not in slow]
    else:
        items.sort(key=lambda item: item not in slow)


def _needs_a_gpu(item) -> bool:
    reasons = (mark.kwargs.get("reason", "") for mark in item.iter_markers("skipif"))
    return any(reason.startswith(GPU_REASON) for reason in reasons)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item) -> None:
    """What a test and its fixtures draw depends on no other test."""
    from convzoo import device  # here, after the threads above are set: it imports torch

    device.seed(SEED)


@pytest.fixture(autouse=True)
def convzoo_home(tmp_path, monkeypatch) -> Path:
    """The folder in which this one test keeps a student's progress."""
    home = tmp_path / "convzoo-home"
    monkeypatch.setenv("CONVZOO_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def chromium():
    """The one Chromium of this process."""
    import browser

    if not browser.chromium():
        pytest.skip("needs Chromium")
    with browser.running() as opened:
        yield opened


@pytest.fixture
def shots(request) -> Path | None:
    """Where screenshots go, if they are asked for."""
    return ROOT / "build" / "screenshots" if request.config.getoption("screenshots") else None


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture(scope="session")
def lessons() -> list[Path]:
    """Every lesson there is, in order: lessons/NN_name.ipynb."""
    return sorted(ROOT.glob("lessons/[0-9][0-9]_*.ipynb"))


def _refuse_skip(report) -> None:
    """Where nothing may skip, turns a skip into a failure; a missing GPU alone excuses."""
    if not report.skipped or hasattr(report, "wasxfail") or not os.environ.get("CONVZOO_NO_SKIP"):
        return
    where = report.longrepr
    reason = where[2] if isinstance(where, tuple) else str(where)
    if not reason.removeprefix("Skipped: ").startswith(GPU_REASON):
        report.outcome = "failed"
        report.longrepr = f"skipped where CONVZOO_NO_SKIP lets nothing skip: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    _refuse_skip(report)
    return report
