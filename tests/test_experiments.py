"""Experiments: each unit once, kept at once, resumed; summaries by hand; the shipped results."""

import json

import pytest
import torch
from convzoo import UserError, data, experiments, place
from convzoo.__main__ import main
from convzoo.experiments import runner
from convzoo.ideas.resnext import experiments as resnext
from convzoo.train import Recipe
from torch import nn

SAY = {"device": "cpu", "say": lambda line: None}


def tiny_images():
    return data.made("xor_groups", train=32, test=16, size=2)


@pytest.fixture
def made(monkeypatch):
    """A catalogue of one experiment that trains in no time; how often each variant was built."""
    built = []

    def variant(name, width):
        def build():
            built.append(name)
            head = nn.Linear(width, 2)
            return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), head)

        return build

    experiment = experiments.Experiment(
        "made",
        "Does width help?",
        tiny_images,
        {"narrow": variant("narrow", 2), "wide": variant("wide", 8)},
        {"epochs": 2, "batch_size": 16, "lr": 0.1},
    )
    monkeypatch.setattr(runner, "all_experiments", lambda: {"made": experiment})
    return experiment


def results(path):
    return [(r["variant"], r["seed"]) for r in json.loads(path.read_text())["results"]]


def test_every_variant_is_trained_from_every_seed_and_recorded(made, tmp_path):
    (path,) = experiments.run(seeds=2, folder=tmp_path, **SAY)
    assert results(path) == [("narrow", 0), ("wide", 0), ("narrow", 1), ("wide", 1)]
    record = experiments.load("made", tmp_path)
    assert record["variants"]["narrow"] == {"params": 65 * 2 + 3 * 2, "macs": 64 * 2 + 2 * 2}
    assert record["settings"] == made.settings and record["question"] == "Does width help?"
    assert record["device"] and record["torch"] and record["date"] and record["convzoo"]
    for result in record["results"]:
        assert len(result["train_loss"]) == len(result["test_accuracy"]) == 2
        assert all(result[key] == record[key] for key in ("device", "torch", "date"))


def test_a_second_run_trains_only_what_is_missing(made, tmp_path, monkeypatch):
    experiments.run(seeds=1, folder=tmp_path, **SAY)
    (path,) = experiments.run(["made"], seeds=2, folder=tmp_path, **SAY)
    assert results(path) == [("narrow", 0), ("wide", 0), ("narrow", 1), ("wide", 1)]
    monkeypatch.setattr(runner, "train", lambda *a, **k: pytest.fail("trained again"))
    experiments.run(seeds=2, folder=tmp_path, **SAY)


def test_what_was_trained_before_an_interruption_is_kept(made, tmp_path, monkeypatch):
    trained, train = [], runner.train

    def interrupted(*args, **kwargs):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(1)
        return train(*args, **kwargs)

    monkeypatch.setattr(runner, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        experiments.run(seeds=2, folder=tmp_path, **SAY)
    assert results(tmp_path / "made.json") == [("narrow", 0), ("wide", 0)]


def test_again_keeps_what_is_there_until_the_new_is_complete(made, tmp_path, monkeypatch):
    (path,) = experiments.run(seeds=2, folder=tmp_path, **SAY)
    before, train, trained = path.read_text(), runner.train, []

    def interrupted(*args, **kwargs):
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(1)
        return train(*args, **kwargs)

    monkeypatch.setattr(runner, "train", interrupted)
    said = []
    with pytest.raises(KeyboardInterrupt):
        experiments.run(seeds=2, again=True, folder=tmp_path, device="cpu", say=said.append)
    assert said[-1].startswith("3 of 4 are done and saved")
    assert path.read_text() == before
    monkeypatch.setattr(runner, "train", lambda *a, **k: trained.append(1) or train(*a, **k))
    assert experiments.run(seeds=2, again=True, folder=tmp_path, **SAY) == [path]
    assert len(trained) == 4 and len(results(path)) == 4
    assert list(tmp_path.iterdir()) == [path]


def test_a_seed_alone_gives_the_recorded_numbers(made, tmp_path):
    (path,) = experiments.run(seeds=2, folder=tmp_path, **SAY)
    torch.manual_seed(7)
    expected = torch.rand(2)
    torch.manual_seed(7)
    live = experiments.one("made", "wide", 1, lambda history: None, "cpu")
    assert torch.equal(torch.rand(2), expected)  # the reader's own numbers are left alone
    kept = json.loads(path.read_text())["results"][-1]
    assert kept["test_accuracy"] == [float(f"{a:.4g}") for a in live.test_accuracy]


def test_other_settings_are_not_mixed_in(made, tmp_path, monkeypatch):
    experiments.run(seeds=1, folder=tmp_path, **SAY)
    monkeypatch.setitem(made.settings, "epochs", 1)
    with pytest.raises(UserError, match="--again"):
        experiments.run(seeds=1, folder=tmp_path, **SAY)
    (path,) = experiments.run(seeds=1, again=True, folder=tmp_path, **SAY)
    assert len(json.loads(path.read_text())["results"][0]["test_accuracy"]) == 1


def test_the_bar_says_what_is_done_and_what_is_left(made, tmp_path):
    lines = []
    experiments.run(seeds=2, folder=tmp_path, device="cpu", say=lines.append)
    assert lines[0] == "[........................] 0 of 4: made: narrow, seed 0"
    assert lines[2].startswith("[############............] 2 of 4, 0.0 min left: made: narrow")
    assert lines[-1] == "[########################] 4 of 4: done"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: experiments.run(["other"], **SAY), "no experiment 'other'"),
        (lambda: experiments.run(seeds=0, **SAY), "seeds is 0"),
        (lambda: experiments.one("made", "huge", 0), "narrow, wide"),
        (lambda: experiments.load("never_run"), "never_run"),
    ],
)
def test_what_cannot_be_is_a_sentence(made, call, says):
    with pytest.raises(UserError, match=says):
        call()


def test_a_gap_is_visible_where_it_is_larger_than_the_seeds_spread():
    found = {"a": [0.5, 0.52], "b": [0.9, 1.0], "c": [0.51, 0.55]}
    record = {
        "name": "x",
        "variants": {name: {"params": 1, "macs": 2} for name in [*found, "d"]},
        "results": [
            {"variant": name, "seed": seed, "test_accuracy": [0.0, value]}
            for name, values in found.items()
            for seed, value in enumerate(values)
        ],
    }
    assert experiments.gap(record, "b", "a") == {
        "gap": pytest.approx(0.44),
        "spread": pytest.approx(0.1),
        "visible": True,
    }
    assert not experiments.gap(record, "c", "a")["visible"]
    rows = experiments.summary(record)
    assert [row["variant"] for row in rows] == ["a", "b", "c"]
    assert rows[1] == {
        "variant": "b",
        "params": 1,
        "macs": 2,
        "seeds": 2,
        "mean": pytest.approx(0.95),
        "low": 0.9,
        "high": 1.0,
    }
    with pytest.raises(UserError, match="'d'"):
        experiments.gap(record, "a", "d")
    alone = record | {"results": [r for r in record["results"] if r["seed"] == 0]}
    assert not experiments.gap(alone, "b", "a")["visible"]  # 40 points, and no spread to hold


def test_the_command_line_trains_and_tells(made, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(place, "results", lambda: tmp_path)
    monkeypatch.setenv("CONVZOO_DEVICE", "cpu")
    assert main(["experiments", "made", "--seeds", "1", "--json"]) == 0
    said = capfd.readouterr()
    (value,) = json.loads(said.out)
    assert value["name"] == "made" and [v["seeds"] for v in value["variants"]] == [1, 1]
    assert "2 of 2: done" in said.err
    assert main(["experiments", "made", "--seeds", "1"]) == 0
    assert capfd.readouterr().out.splitlines()[0] == "made: Does width help?"
    assert main(["experiments", "other"]) == 2
    assert capfd.readouterr().err == "There is no experiment 'other'. Choose one of: made.\n"


def test_a_recipe_of_an_experiment_reaches_the_training(made, monkeypatch):
    asked = {}
    monkeypatch.setattr(runner, "train", lambda model, images, **how: asked.update(how))
    made.settings["recipe"] = {"cosine": False, "label_smoothing": 0.1}
    experiments.one("made", "wide", 0)
    assert asked["recipe"] == Recipe(cosine=False, label_smoothing=0.1)
    del made.settings["recipe"]
    experiments.one("made", "wide", 0)
    assert asked["recipe"] == Recipe()


def test_several_records_are_read_as_one():
    def record(name, *accuracies):
        results = [
            {"variant": "net", "seed": s, "test_accuracy": [a]} for s, a in enumerate(accuracies)
        ]
        return {"name": name, "variants": {"net": {"params": 1, "macs": 2}}, "results": results}

    whole = experiments.together({"plain": record("a", 0.5, 0.6), "better": record("b", 0.9, 0.8)})
    rows = experiments.summary(whole)
    assert [r["variant"] for r in rows] == ["net, plain", "net, better"]
    assert [round(r["mean"], 2) for r in rows] == [0.55, 0.85] and rows[0]["macs"] == 2
    assert experiments.gap(whole, "net, better", "net, plain")["visible"]


# --- the networks of lesson 02 ----------------------------------------------------


def test_the_rows_have_equal_budgets():
    sizes = {v: runner._size(resnext.EQUAL_BUDGET, v) for v in resnext.EQUAL_BUDGET.variants}
    assert list(sizes) == ["1x64d", "2x40d", "4x24d", "8x14d", "32x4d"]
    macs = [size["macs"] for size in sizes.values()]
    assert max(macs) < 1.05 * min(macs)
    # By hand, 1x64d: stem; 1x1, 3x3, 1x1 and the projection, twice; linear.
    first = 64 * (9 * 32 + 32 * 32 + 9 * 32**2 + 32 * 128 + 32 * 128)
    second = 64 * 128 * 64 + 16 * (9 * 64**2 + 64 * 256 + 128 * 256)
    assert sizes["1x64d"]["macs"] == first + second + 256 * 10


@pytest.mark.parametrize("experiment", [resnext.OFF_DIAGONAL, resnext.OFF_DIAGONAL_DIGITS])
def test_the_patterns_have_equal_parameters(experiment):
    sizes = [runner._size(experiment, variant)["params"] for variant in experiment.variants]
    assert max(sizes) < 1.06 * min(sizes)
    if experiment is resnext.OFF_DIAGONAL:
        assert set(sizes) == {2242}


@pytest.mark.parametrize(
    "blocks", [resnext.DIAGONAL, resnext.neighbours(), resnext.everywhere(), [(2, 0)]]
)
def test_a_layer_of_blocks_is_the_full_matrix_with_the_others_at_zero(blocks):
    torch.manual_seed(0)
    layer = resnext.BlockConv2d(blocks, 3, 2, 3).double()
    x = torch.randn(2, 12, 5, 4, dtype=torch.float64)
    full = torch.zeros(4, 2, 4, 3, 3, 3, dtype=torch.float64)
    for k, (i, j) in enumerate(blocks):
        full[i, :, j] = layer.weight.detach()[2 * k : 2 * k + 2]
    expected = nn.functional.conv2d(x, full.reshape(8, 12, 3, 3), padding=1)
    torch.testing.assert_close(layer(x).detach(), expected)


def test_random_blocks_differ_by_seed_and_lie_off_the_diagonal():
    drawn = set()
    for seed in range(4):
        torch.manual_seed(seed)
        blocks = resnext.at_random()
        assert len(set(blocks)) == 8 and blocks[:4] == resnext.DIAGONAL
        drawn.add(tuple(blocks))
    assert len(drawn) > 1


@pytest.mark.parametrize("name", list(experiments.all_experiments()))
def test_the_shipped_results_are_those_of_the_networks_that_stand_here(name):
    experiment, record = experiments.find(name), experiments.load(name)
    assert record["settings"] == experiment.settings
    sizes = {variant: runner._size(experiment, variant) for variant in experiment.variants}
    assert record["variants"] == sizes
    units = {(r["variant"], r["seed"]) for r in record["results"]}
    assert units == {(v, s) for v in experiment.variants for s in range(runner.SEEDS)}
    for result in record["results"]:
        assert len(result["test_accuracy"]) == experiment.settings["epochs"]
