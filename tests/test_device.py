"""Choosing, naming and seeding the device."""

import random

import numpy as np
import pytest
import torch
from convzoo import UserError, device


@pytest.fixture(autouse=True)
def unasked(monkeypatch):
    monkeypatch.delenv("CONVZOO_DEVICE", raising=False)


def having(monkeypatch, **counts):
    """A machine with so many devices of each kind."""
    monkeypatch.setattr(device, "available", lambda kind: counts.get(kind, int(kind == "cpu")))


@pytest.mark.parametrize(
    "counts, best",
    [({}, "cpu"), ({"mps": 1}, "mps"), ({"cuda": 2}, "cuda"), ({"cuda": 1, "mps": 1}, "cuda")],
)
def test_the_best_device_is_chosen(monkeypatch, counts, best):
    having(monkeypatch, **counts)
    assert device.choose() == torch.device(best)


@pytest.mark.parametrize("asked", ["cpu", "CPU", " cpu ", "cuda:1", "cuda"])
def test_the_variable_overrides(monkeypatch, asked):
    having(monkeypatch, cuda=2)
    monkeypatch.setenv("CONVZOO_DEVICE", asked)
    assert device.choose() == torch.device(asked.strip().lower())


@pytest.mark.parametrize(
    "asked, why",
    [
        ("gpu", "is not a device that the course knows"),
        ("meta", "is not a device that the course knows"),
        ("cpu:1", "finds 1 of that kind here"),
        ("cuda:7", "finds 2 of that kind here"),
        ("mps", "finds none here"),
    ],
)
def test_a_wrong_value_is_one_sentence(monkeypatch, asked, why):
    having(monkeypatch, cuda=2)
    monkeypatch.setenv("CONVZOO_DEVICE", asked)
    with pytest.raises(UserError) as caught:
        device.choose()
    said = str(caught.value)
    assert why in said and repr(asked) in said
    assert said.endswith("set it to cuda or cpu, or unset it.") and "\n" not in said


def test_an_empty_value_is_no_value(monkeypatch):
    having(monkeypatch)
    monkeypatch.setenv("CONVZOO_DEVICE", "")
    assert device.choose() == torch.device("cpu")


def test_one_line_tells_what_the_reader_runs_on():
    line = device.describe(device.choose())
    assert torch.__version__ in line and "\n" not in line
    line = device.describe("cpu")
    assert line.startswith("cpu: ") and f"{torch.get_num_threads()} thread" in line


def draws():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_one_seed_for_everything():
    device.seed(3)
    first = draws()
    assert draws() != first
    device.seed(3)
    assert draws() == first
    device.seed()
    default = draws()
    device.seed(0)
    assert draws() == default != first


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu():
    chosen = device.choose()
    assert chosen.type == "cuda" and "CUDA" in device.describe(chosen)
    device.seed(5)
    first = torch.rand(3, device=chosen)
    device.seed(5)
    assert torch.equal(first, torch.rand(3, device=chosen))


def test_one_thread_is_for_the_block_inside_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyError), device.one_thread():
            assert torch.get_num_threads() == 1
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
