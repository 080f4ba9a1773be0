"""A limit on how long a reader's code may compute, on every platform and in any thread.

What counts is the processor time of its thread: on a busy machine a right answer waits, and is not
to blame. What sleeps or waits for ever is stopped by the clock on the wall, `PATIENCE` times later.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

PATIENCE = 6  # times the limit that may pass on the wall
AGAIN = 1.0  # seconds until it is raised once more: a bare `except:` in a loop swallows the first
SOON = 0.002  # seconds between two looks whether the code has come to a safe place
LATEST = 2.0  # seconds after which it is stopped wherever it is
# A function with defaults that calls itself does so until the memory is full (cpython 132744):
RUNS_AWAY = (3, 13) <= sys.version_info < (3, 13, 8)
TICK = 0.05  # seconds between two looks at the time and at how deep the calls are
# Where torch switches its modes on and off, an exception leaves them on: not a safe place.
_UNSAFE = (
    os.path.dirname(torch.__file__) + os.sep,
    contextmanager.__code__.co_filename,
    os.path.dirname(os.path.dirname(__file__)) + os.sep,
)


class TimeLimit(BaseException):
    """Time is up. Not an Exception, so that a reader's `except Exception` lets it through."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeLimit inside the block once it has computed for `seconds`, or PATIENCE times as
    long has passed; wait until no line of torch's own is being executed.

    On the main thread of a Unix system an alarm interrupts even a sleep, and raises
    RecursionError if Python forgets to. Elsewhere the exception is planted in the thread
    and is seen at its next Python instruction.
    """
    on_main = threading.current_thread() is threading.main_thread()
    rings = on_main and hasattr(signal, "setitimer")
    computed = time.thread_time if rings else _clock()
    with (_alarm if rings else _planted)(_over(seconds, computed)):
        yield


def _clock() -> Callable[[], float]:
    """Return a clock of this thread's processor time that any thread can read; where there is
    none (Windows, macOS), of the whole process's."""
    try:
        clock = time.pthread_getcpuclockid(threading.get_ident())
    except (AttributeError, OSError):
        return time.process_time
    return lambda: time.clock_gettime(clock)


def _over(seconds: float, computed: Callable[[], float]) -> Callable[[], float]:
    """Return a function that says for how long the time has been over; 0 or less if it is not.

    computed: the processor time of the thread so far.
    """
    began, end = computed(), time.monotonic() + seconds * PATIENCE
    return lambda: max(computed() - began - seconds, time.monotonic() - end)


def _may_stop(frame, late: float) -> bool:
    """Whether an exception does no harm where a thread is now; late: seconds after the limit."""
    return late > LATEST or frame is None or not frame.f_code.co_filename.startswith(_UNSAFE)


@contextmanager
def _alarm(over: Callable[[], float]) -> Iterator[None]:
    done, not_before, began = False, 0.0, time.monotonic()

    def ring(signum, frame):
        nonlocal not_before
        if done:
            return
        if RUNS_AWAY and _too_deep(frame):
            raise RecursionError("maximum recursion depth exceeded")
        late = over()
        if late < 0 or time.monotonic() < not_before:
            return
        if _may_stop(frame, late):
            not_before = time.monotonic() + AGAIN
            signal.setitimer(signal.ITIMER_REAL, AGAIN, TICK)
            raise TimeLimit
        signal.setitimer(signal.ITIMER_REAL, SOON, TICK)

    before = signal.signal(signal.SIGALRM, ring)
    outer = signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    try:
        yield
    finally:
        done = True
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
def _planted(over: Callable[[], float]) -> Iterator[None]:
    ident = threading.get_ident()
    plant = ctypes.pythonapi.PyThreadState_SetAsyncExc
    done, alone, planted = threading.Event(), threading.Lock(), False

    def watch():
        nonlocal planted
        wait = TICK
        while not done.wait(wait):
            with alone:
                if done.is_set():  # the thread may have ended, and its clock with it
                    return
                late, frame = over(), sys._current_frames().get(ident)
                if late < 0:
                    continue
                wait = SOON
                if _may_stop(frame, late):
                    planted = True
                    plant(ctypes.c_ulong(ident), ctypes.py_object(TimeLimit))
                    wait = AGAIN

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        try:
            with alone:
                done.set()
            if planted:  # and perhaps not seen yet. To take it back would leave Python's flag for
                # such exceptions set, at which every call hangs while calls are recorded.
                plant(ctypes.c_ulong(ident), ctypes.py_object(TimeLimit))
                while True:
                    time.sleep(0)
        except TimeLimit:
            done.set()
