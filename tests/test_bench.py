"""Timing, with a clock that does not move by itself; and the roofline's formulas."""

import math
from types import SimpleNamespace

import pytest
import torch
from convzoo import NotAttempted, UserError
from convzoo.measure import Timing, bench, roofline, timing


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only where a variant says so: clock.now in seconds."""
    made = SimpleNamespace(now=0.0)
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: made.now))
    return made


def lasting(clock, seconds: float, log: list | None = None, name: str = ""):
    """A variant that takes so long."""

    def variant(*_):
        clock.now += seconds
        if log is not None:
            log.append(name)

    return variant


def test_a_steady_variant_has_its_own_time(clock):
    result = bench({"a": lasting(clock, 1e-4), "b": lasting(clock, 0.5)}, seconds=10)
    assert result["a"].minimum == pytest.approx(1e-4)
    assert result["a"].median == pytest.approx(1e-4)
    assert result["b"].minimum == pytest.approx(0.5)
    assert result["a"].spread == pytest.approx(0, abs=1e-6)
    assert result["a"].steady and result["a"].available


def test_a_repeat_lasts_long_enough_to_be_measured(clock):
    log = []
    result = bench({"a": lasting(clock, 1e-6, log)}, seconds=0.5)
    assert len(log) / result["a"].repeats > 1e-3 / 1e-6


def test_the_variants_take_turns(clock):
    log = []
    names = ["a", "b", "c"]
    bench({n: lasting(clock, 0.01, log, n) for n in names}, seconds=0.6)
    turns = log[6:]  # after two calls each, to warm up and to see how long one lasts
    assert len(turns) >= 30 and len(turns) % 3 == 0
    rounds = [turns[i : i + 3] for i in range(0, len(turns), 3)]
    assert all(sorted(r) == names for r in rounds)
    assert len({tuple(r) for r in rounds}) > 1  # and in no fixed order


@pytest.mark.parametrize("seconds, fewest, most", [(1e-9, 3, 3), (1.0, 6, 10), (1e6, 200, 200)])
def test_the_budget_is_kept(clock, seconds, fewest, most):
    repeats = bench({"a": lasting(clock, 0.1)}, seconds=seconds)["a"].repeats
    assert fewest <= repeats <= most


def test_a_variant_that_raises_leaves_the_others_alone(clock):
    def broken():
        raise RuntimeError("no such layout\nand a long trace")

    def stub():
        raise NotAttempted("resnext.grouped_conv2d")

    calls = iter(range(4))

    def tires():
        clock.now += 0.1
        next(calls)

    result = bench(
        {"broken": broken, "stub": stub, "tires": tires, "good": lasting(clock, 0.1)}, seconds=9
    )
    assert list(result) == ["broken", "stub", "tires", "good"]
    assert result["broken"].reason == "RuntimeError: no such layout"
    assert result["stub"].reason == "resnext.grouped_conv2d: not attempted yet"
    assert result["tires"].reason.startswith("StopIteration")
    assert math.isnan(result["tires"].minimum) and result["tires"].repeats == 0
    assert str(result["stub"]) == "not available: resnext.grouped_conv2d: not attempted yet"
    assert result["good"].available and result["good"].repeats > 3


def test_an_interrupt_is_not_a_result():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench({"a": interrupted}, seconds=0.01)


def test_the_inputs_are_passed_and_the_gradient_mode_is_the_callers():
    seen = []
    with torch.no_grad():
        bench(
            {"a": lambda x, k: seen.append((x.sum().item(), k, torch.is_grad_enabled()))},
            torch.ones(3),
            2,
            seconds=0.01,
        )
    assert set(seen) == {(3.0, 2, False)}


def test_no_time_is_no_measurement():
    with pytest.raises(UserError, match="leaves no time"):
        bench({"a": lambda: None}, seconds=0)


def test_a_summary_by_hand():
    # quartiles of 1, 2, 3, 4, 9: 2 and 4; (4 - 2) / 3
    assert timing.summary([3.0, 1.0, 9.0, 2.0, 4.0]) == Timing(1.0, 3.0, pytest.approx(2 / 3), 5)


@pytest.mark.parametrize(
    "result, text",
    [
        (Timing(4.2e-4, 4.5e-4, 0.06, 40), "420 us (min), 450 us median, spread 6% of 40 repeats"),
        (Timing(1.5, 1.5, 0.0, 3), "1.5 s (min), 1.5 s median, spread 0% of 3 repeats"),
    ],
)
def test_a_timing_reads_as_a_line(result, text):
    assert result.steady and str(result) == text


@pytest.mark.parametrize("result", [Timing(1.0, 1.1, 0.5, 9), Timing(1.0, 2.0, 0.1, 9)])
def test_a_busy_machine_is_told(result):
    assert not result.steady
    assert str(result).endswith("the machine is busy or throttled: trust only the minimum")


def test_on_a_gpu_its_own_events_tell_the_time(monkeypatch):
    class Event:
        """Stands for a CUDA event: milliseconds between two of them are the work's."""

        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            self.at = done[0]

        def synchronize(self):
            pass

        def elapsed_time(self, end):
            return end.at - self.at

    done = [0.0]
    monkeypatch.setattr(torch.cuda, "Event", Event)

    def variant():
        done[0] += 8.0

    assert bench({"a": variant}, seconds=0.01, device="cuda")["a"].median == 0.008


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_is_waited_for():
    a = torch.randn(4096, 4096, device="cuda")
    result = bench({"one": lambda: a @ a, "four": lambda: a @ a @ a @ a @ a}, seconds=1)
    assert result["four"].minimum > 2 * result["one"].minimum


# The table of least bytes, with P = 2*3*5 = 30 positions, C = 8 channels, 2 bytes an element.
@pytest.mark.parametrize(
    "work, macs, moved",
    [
        (roofline.convolution(30, 8, 8, 3, 2, 2), 30 * 9 * 32, 2 * (2 * 240 + 9 * 32)),
        (roofline.convolution(30, 8, 16, 1, 1, 2), 30 * 128, 2 * (240 + 480 + 128)),
        (roofline.convolution(30, 8, 8, 3, 8, 2), 30 * 9 * 8, 2 * (480 + 72)),
        (roofline.residual(30, 8, 2), 0, 3 * 240 * 2),
        (roofline.residual(30, 8, 2, fused=False), 0, 5 * 240 * 2),
        (roofline.concatenation(30, 8, 4, 3, 2), 0, 2 * 2 * 30 * (12 + 16 + 20)),
        (roofline.concatenation(30, 8, 4, 3, 2, one_buffer=True), 0, 2 * 2 * 30 * 20),
        (roofline.squeeze_excitation(30, 2, 8, 4, 2), 2 * 2 * 64 / 4, 3 * 240 * 2),
        (roofline.squeeze_excitation(30, 2, 8, 4, 2, fused=True), 2 * 2 * 64 / 4, 2 * 240 * 2),
        (roofline.shuffle(30, 8, 2), 0, 2 * 240 * 2),
        (roofline.shuffle(30, 8, 2, folded=True), 0, 0),
    ],
)
def test_least_work_by_hand(work, macs, moved):
    assert (work.macs, work.bytes) == (macs, moved)


# An H200 as measured: 4.3 TB/s copied, 790 TFLOP/s bf16, so 395e12 multiply-adds a second.
H200 = roofline.Peaks(4.3e12, 395e12)


def test_the_ridge_of_a_device():
    assert 2 * H200.ridge == pytest.approx(184, abs=0.5)  # FLOP a byte


def test_many_groups_are_bound_by_memory():
    """At 256 channels, 56x56, from 8 groups to 256: a 32th of the products, the same floor."""
    positions = 64 * 56 * 56
    few, many = (roofline.convolution(positions, 256, 256, 3, g, 2) for g in (8, 256))
    assert few.macs == 32 * many.macs
    floors = [roofline.floor_seconds(work, H200) for work in (few, many)]
    assert floors[0] / floors[1] == pytest.approx(1, abs=0.01)
    assert 2 * few.intensity == pytest.approx(4.5 * 256 / 8, rel=0.01)
    dense = roofline.convolution(positions, 256, 256, 3, 1, 2)
    assert roofline.floor_seconds(dense, H200) == pytest.approx(dense.macs / 395e12)


def test_peaks_are_the_best_repeats(monkeypatch):
    times = {"copy": Timing(0.5, 9.0, 0.0, 3), "product": Timing(0.25, 9.0, 0.0, 3)}
    monkeypatch.setattr(roofline, "bench", lambda *_, **__: times)
    peaks = roofline.peaks("cpu", torch.bfloat16)
    assert peaks.bandwidth == 2 * 2 * 2**25 / 0.5  # read and written, two bytes each
    assert peaks.rate == 1024**3 / 0.25


def test_no_floor_is_above_the_time_it_belongs_to():
    slow = roofline.Peaks(bandwidth=10.0, rate=100.0)  # measured while the machine was busy
    works = {"copy": roofline.Work(0, 80), "product": roofline.Work(900, 10)}
    times = {"copy": bench_result(4.0), "product": bench_result(3.0)}
    # The calls reached 20 bytes and 300 multiply-adds a second: more than the peaks.
    assert roofline.floors(works, times, slow) == {"copy": 4.0, "product": 3.0}


def test_a_floor_follows_the_peaks_if_no_call_reached_them():
    peaks = roofline.Peaks(bandwidth=100.0, rate=1000.0)
    works = {"copy": roofline.Work(0, 80), "broken": roofline.Work(900, 10)}
    times = {"copy": bench_result(4.0), "broken": bench_result(None)}
    assert roofline.floors(works, times, peaks) == {"copy": 0.8, "broken": 0.9}


def bench_result(seconds: float | None) -> Timing:
    return timing.summary([seconds] * 3 if seconds else [], "" if seconds else "it failed")
