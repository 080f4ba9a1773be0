"""A limit on how long a reader's code may run, on every platform and in any thread."""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN = 1.0  # seconds until it is raised once more: a bare `except:` in a loop swallows the first


class TimeLimit(BaseException):
    """Time is up. Not an Exception, so that a reader's `except Exception` lets it through."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimit inside the block once `seconds` have passed.

    On the main thread of a Unix system an alarm interrupts even a sleep; elsewhere
    the exception is planted in the thread and is seen at its next Python instruction.
    """
    on_main = threading.current_thread() is threading.main_thread()
    limited = _alarm if on_main and hasattr(signal, "setitimer") else _planted
    with limited(seconds):
        yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    over, began = False, time.monotonic()

    def ring(signum, frame):
        if not over:
            raise TimeLimit

    before = signal.signal(signal.SIGALRM, ring)
    outer = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if outer[0]:  # an alarm that was set around this one goes on
            left = max(outer[0] - (time.monotonic() - began), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left, outer[1])


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
