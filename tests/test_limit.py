"""The time limit: it stops what runs too long, on any thread, and leaves no alarm behind."""

import signal
import threading
import time

import pytest
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
