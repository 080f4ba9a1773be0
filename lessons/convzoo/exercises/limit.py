"""A limit on how long a reader's code may run, on every platform and in any thread."""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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
    def ring(signum, frame):
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _planted(seconds: float) -> Iterator[None]:
    thread = ctypes.c_ulong(threading.get_ident())
    plant = ctypes.pythonapi.PyThreadState_SetAsyncExc
    timer = threading.Timer(seconds, plant, (thread, ctypes.py_object(TimeLimit)))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
