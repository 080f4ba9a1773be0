"""`make bench`: its counts by hand, its rows whole. Times are printed, never asserted."""

import json

import pytest
import torch
from convzoo.__main__ import main as command_line
from convzoo.benchmarks import PARTS, as_lines, layers
from convzoo.exercises import all_exercises

CPU = torch.device("cpu")
FLOATS = 2 * 16 * 4 * 4  # of the shuffled image below
SHUFFLE = layers.Layer("shufflenet.channel_shuffle", {"x": (2, 16, 4, 4)}, {"groups": 4})


def test_a_shuffle_is_one_copy_in_either_direction():
    ahead, both = layers.rows(CPU, seconds=0.01, layers=[SHUFFLE])
    assert (ahead["pass"], both["pass"]) == ("forward", "forward and backward")
    assert ahead["launches"][0] == 1 and both["launches"][0] == 2
    assert ahead["bytes"][0] == 2 * 4 * FLOATS  # read once, written once
    assert both["bytes"][0] == 2 * ahead["bytes"][0]


def test_a_layer_without_a_backward_pass_has_one_row():
    sizes = {"num_layers": 2, "in_channels": 4, "growth_rate": 2}
    layer = layers.Layer("densenet.buffer", {"x": (1, 4, 5, 5)}, sizes, trains=False)
    (row,) = layers.rows(CPU, seconds=0.01, layers=[layer])
    assert row["pass"] == "forward" and row["speed"] > 0
    assert row["ours"]["repeats"] >= 3 and row["theirs"]["repeats"] >= 3


def test_every_layer_that_lessons_build_on_images_is_measured():
    measured = {layer.id for layer in layers.LAYERS}
    modules = {key for key, e in all_exercises().items() if e.is_module}
    assert modules - measured <= {"zoo.design"}  # the reader's own: there is nothing to compare
    convolutions = "convolution.conv2d", "resnext.grouped_conv2d", "separable.depthwise_conv2d"
    assert measured.issuperset(convolutions)


def test_a_slow_layer_is_told_with_what_it_moves():
    row = {
        "layer": "a.b",
        "pass": "forward",
        "speed": 0.25,
        "bytes": [300, 100],
        "launches": [9, 1],
        "ours": {"minimum": 4e-3},
        "theirs": {"minimum": 1e-3},
    }
    assert "0.25 of the framework's speed (4.00 against 1.00 ms)" in layers.line(row)
    assert "moves 3.0 times the bytes, 9 launches" in layers.line(row)
    assert "bytes" not in layers.line({**row, "speed": 0.5})


@pytest.mark.slow
@pytest.mark.parametrize("part", ["widgets", "imports"])
def test_a_part_gives_its_rows_and_its_lines(part, capsys, monkeypatch):
    monkeypatch.setattr("convzoo.benchmarks.reader._ROUNDS", 1)
    assert command_line(["bench", "--parts", part, "--seconds", "0.01", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"about", part} and found[part]
    assert PARTS[part].title in "\n".join(as_lines(found))


def test_a_part_that_is_not_there_is_named(capsys):
    assert command_line(["bench", "--parts", "layer"]) == 2
    assert "no part 'layer'. Choose from layers, checks" in capsys.readouterr().err
