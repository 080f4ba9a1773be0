"""A limit on how long a reader's code may run, on every platform and in any thread."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN = 1.0  # seconds until it is raised once more: a bare `except:` in a loop swallows the first
# A function with defaults that calls itself does so until the memory is full (cpython 132744):
RUNS_AWAY = (3, 13) <= sys.version_info < (3, 13, 8)
TICK = 0.05  # seconds between two looks, there, at how deep the calls are


class TimeLimit(BaseException):
    """Time is up. Not an Exception, so that a reader's `except Exception` lets it through."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimit inside the block once `seconds` have passed.

    On the main thread of a Unix system an alarm interrupts even a sleep, and raises
    RecursionError where Python forgets to. Elsewhere the exception is planted in the thread
    and is seen at its next Python instruction.
    """
    on_main = threading.current_thread() is threading.main_thread()
    limited = _alarm if on_main and hasattr(signal, "setitimer") else _planted
    with limited(seconds):
        yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    over, began = False, time.monotonic()
    end = began + seconds
    first, again = (min(seconds, TICK), TICK) if RUNS_AWAY else (seconds, AGAIN)

    def ring(signum, frame):
        nonlocal end
        if not over and _too_deep(frame):
            raise RecursionError("maximum recursion depth exceeded")
        if not over and time.monotonic() >= end - 0.01:  # clocks differ by a little
            end = time.monotonic() + AGAIN
            raise TimeLimit

    before = signal.signal(signal.SIGALRM, ring)
    outer = signal.setitimer(signal.ITIMER_REAL, first, again)
    try:
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if outer[0]:  # an alarm that was set around this one goes on
            left = max(outer[0] - (time.monotonic() - began), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left, outer[1])


def _too_deep(frame) -> bool:
    """Whether more calls are open than Python should have let through."""
    for _ in range(sys.getrecursionlimit()):
        frame = frame and frame.f_back
    return frame is not None


@contextmanager
def _planted(seconds: float) -> Iterator[None]:
    thread = ctypes.c_ulong(threading.get_ident())
    plant = ctypes.pythonapi.PyThreadState_SetAsyncExc
    done, alone = threading.Event(), threading.Lock()

    def watch():
        for wait in (seconds, *[AGAIN] * 9):
            if done.wait(wait):
                return
            with alone:
                if not done.is_set():
                    plant(thread, ctypes.py_object(TimeLimit))

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        with alone:
            done.set()
        plant(thread, None)  # takes back what was planted and not yet seen
