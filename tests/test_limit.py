"""The time limit: it stops what runs too long, on any thread, and leaves no alarm behind."""

import contextlib
import signal
import sys
import threading
import time

import pytest
import torch
from convzoo.exercises import limit
from convzoo.exercises.limit import TimeLimit, time_limit


def test_the_limit_rings_on_the_main_thread_and_leaks_no_alarm():
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(TimeLimit), time_limit(0.1):
        time.sleep(30)
    with time_limit(0.05):
        pass
    with pytest.raises(KeyError), time_limit(5):
        raise KeyError
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    time.sleep(0.1)


def burn(until):
    while not until():
        sum(range(1000))


@pytest.mark.parametrize("on_main", [True, False])
def test_what_waits_while_others_compute_is_not_stopped(on_main):
    """Not for a good while; processor time of another thread does not count."""
    ended, busy = [], threading.Event()

    def wait():
        with time_limit(0.3):
            time.sleep(0.6)
        ended.append("in peace")

    other = threading.Thread(target=burn, args=(busy.is_set,))
    other.start()
    try:
        if on_main:
            wait()
        else:
            thread = threading.Thread(target=wait)
            thread.start()
            thread.join(20)
    finally:
        busy.set()
        other.join()
    assert ended == ["in peace"]


def test_what_computes_is_stopped_after_that_much_processor_time(monkeypatch):
    monkeypatch.setattr(limit, "PATIENCE", 1000)  # however busy the machine is
    began = time.thread_time()
    with pytest.raises(TimeLimit), time_limit(0.2):
        burn(lambda: False)
    assert 0.2 <= time.thread_time() - began < 1


def test_what_waits_for_ever_is_stopped_too():
    began = time.monotonic()
    with pytest.raises(TimeLimit), time_limit(0.1):
        threading.Event().wait(60)
    assert 0.1 * limit.PATIENCE <= time.monotonic() - began + 0.01 < 20


@pytest.mark.parametrize("seconds", [0.05 + 0.003 * k for k in range(8)])
def test_the_limit_never_strikes_where_torch_switches_its_modes(seconds):
    """Nearly all the time is spent there, and the device would stay on for the whole kernel."""
    with pytest.raises(TimeLimit), time_limit(seconds):
        while True:
            with torch.device("meta"), torch.no_grad():
                pass
    assert torch.get_default_device().type == "cpu" and torch.is_grad_enabled()


def test_limits_nest():
    with pytest.raises(TimeLimit), time_limit(0.2):
        with time_limit(10):
            pass
        time.sleep(30)


def test_calls_without_end_are_stopped_where_python_forgets_to(monkeypatch):
    def deeper(left):
        return deeper(left - 1) if left else time.sleep(5)

    monkeypatch.setattr(limit, "RUNS_AWAY", True)
    with time_limit(0.3), pytest.raises(TimeLimit):
        time.sleep(5)  # not deep: the time alone ends it
    monkeypatch.setattr(limit.sys, "getrecursionlimit", lambda: 200)
    with time_limit(5), pytest.raises(RecursionError, match="maximum recursion depth"):
        deeper(300)


def test_the_limit_stops_a_thread():
    seen = []

    def work():
        try:
            with time_limit(0.1):
                while True:
                    pass
        except TimeLimit:
            seen.append("stopped")
        with time_limit(0.05):
            pass
        for _ in range(20):
            time.sleep(0.01)
        seen.append("went on")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert seen == ["stopped", "went on"]


@pytest.mark.parametrize("seconds", [5, 0.05])
def test_a_limit_in_a_thread_leaves_calls_as_fast_as_before(seconds):
    """Python's flag for planted exceptions, once left set, hangs every call that is profiled."""

    def work():
        with contextlib.suppress(TimeLimit), time_limit(seconds):
            began = time.monotonic()
            while time.monotonic() - began < 0.3:
                pass

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    calls = []

    def profiled():
        sys.setprofile(lambda *event: None)
        try:
            calls.append(burn(lambda: True))
        finally:
            sys.setprofile(None)

    other = threading.Thread(target=profiled, daemon=True)
    other.start()
    other.join(20)
    assert calls == [None]
