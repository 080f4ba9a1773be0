"""The zoo: equal budgets, what the text says of the shipped seeds, the task, other images."""

from xml.etree import ElementTree

import pytest
import torch
from convzoo import UserError, experiments
from convzoo.case import Case, answer, describe
from convzoo.experiments import runner
from convzoo.ideas.zoo import clutter
from convzoo.ideas.zoo import networks as zoo
from convzoo.ideas.zoo.experiments import LARGE, SMALL, WIDTHS
from convzoo.show import draw
from convzoo.train import Recipe, _schedule
from torch import nn

SAID = {"109k": 13, "174k": 11}  # pairs of kinds that differ by more than their seeds do
LEAST = 0.94  # of the budget that every network spends


@pytest.fixture(scope="module")
def record():
    return experiments.load("zoo")


def test_the_shipped_networks_have_equal_budgets(record):
    for name, size in record["variants"].items():
        budget = SMALL if name.endswith("109k") else LARGE
        assert LEAST * budget <= size["macs"] <= budget, name
    assert len(record["variants"]) == 2 * len(WIDTHS) == 18


def seeds(record, kind, size="174k"):
    """The test accuracies of a network's seeds, worst first."""
    rows = [r for r in record["results"] if r["variant"] == f"{kind}, {size}"]
    return sorted(r["test_accuracy"][-1] for r in rows)


def mean(record, kind):
    return sum(seeds(record, kind)) / 5


def test_the_gaps_are_as_the_text_says(record):
    kinds = [kind for kind in WIDTHS if kind != "no shuffle"]
    for size, count in SAID.items():
        gaps = [
            experiments.gap(record, f"{a}, {size}", f"{b}, {size}")
            for i, a in enumerate(kinds)
            for b in kinds[i + 1 :]
        ]
        assert sum(gap["visible"] for gap in gaps) == count
        assert not experiments.gap(record, f"ShuffleNet, {size}", f"no shuffle, {size}")["visible"]
    others = [kind for kind in kinds if kind != "ShuffleNet"]
    assert seeds(record, "ShuffleNet")[0] > max(seeds(record, kind)[-1] for kind in others)
    behind = [
        kind
        for kind in others
        if experiments.gap(record, "ShuffleNet, 174k", f"{kind}, 174k")["visible"]
    ]
    assert set(others) - set(behind) == {"DenseNet", "inverted"}
    for kind in ("DenseNet", "inverted"):
        worst, second = seeds(record, kind)[:2]
        assert second - worst > 0.07
    between = experiments.gap(record, "inverted, 174k", "separable, 174k")
    assert between["visible"] and round(100 * between["gap"]) == 17
    assert sorted(others, key=lambda kind: mean(record, kind))[:2] == ["separable", "plain"]


def test_half_of_the_training_is_as_the_text_says(record):
    half = experiments.load("zoo_six_epochs")
    assert half["variants"] == record["variants"]
    assert half["settings"] | {"epochs": 12} == record["settings"]
    for which, ends, middle in ((half, 40, 12), (record, 24, 1)):
        means = sorted(100 * mean(which, kind) for kind in WIDTHS if kind != "no shuffle")
        assert round(means[-1] - means[0]) == ends
        four = [100 * mean(which, kind) for kind in ("residual", "SE", "DenseNet", "inverted")]
        assert round(max(four) - min(four)) == middle
        assert means[0] == 100 * mean(which, "separable")
        assert means[-1] == 100 * mean(which, "ShuffleNet")
    kinds = [kind for kind in WIDTHS if kind != "no shuffle"]
    gains = {kind: mean(record, kind) - mean(half, kind) for kind in kinds}
    assert {k: round(100 * gains[k]) for k in ("separable", "ShuffleNet")} == {
        "separable": 24,
        "ShuffleNet": 9,
    }
    assert [kind for kind in kinds if gains[kind] < gains["ShuffleNet"]] == ["DenseNet"]
    widths = [[seeds(r, k)[-1] - seeds(r, k)[0] for k in kinds] for r in (half, record)]
    assert sum(now < then for then, now in zip(*widths, strict=True)) == 6


def test_a_call_without_tensors_is_told_without_them():
    told = describe(nn.Conv2d, Case({"in_channels": 8, "stride": 2}, {}))
    assert told == "Conv2d(in_channels=8, stride=2)"


def test_a_count_is_that_of_the_network_and_grows_with_the_width():
    for kind in WIDTHS:
        assert zoo.macs(kind, 24) == zoo.counted(kind, 24).macs
        assert zoo.macs(kind, 24) <= zoo.macs(kind, 25) <= zoo.macs(kind, 40)
    with pytest.raises(UserError, match="has no 'huge'"):
        zoo.macs("huge", 8)
    with pytest.raises(UserError, match="no channels"):
        zoo.network("plain", 0)


def test_the_task_is_one_shape_and_the_same_for_the_same_seed():
    a, b = (clutter.cluttered(train=20, test=10) for _ in range(2))
    assert a.train_x.shape == (20, 1, 16, 16) and a.test_y.shape == (10,)
    assert a.train_x.dtype == torch.float32 and a.train_x.min() >= 0 and a.train_x.max() <= 1
    assert torch.equal(a.train_x, b.train_x) and torch.equal(a.test_y, b.test_y)
    assert not torch.equal(a.train_x, clutter.cluttered(seed=1, train=20, test=10).train_x)
    with pytest.raises(UserError, match="11 pixels or more"):
        clutter.cluttered(size=10)


def test_a_design_is_examined_and_may_be_anything_else():
    asked = {"in_channels": 8, "planes": 8, "stride": 1, "side": 4, "budget": 4608}
    case = Case(asked, {}, examine="convzoo.ideas.zoo.networks:examined")

    def of(layer):
        found = answer(lambda in_channels, planes, stride: layer, case).tensors
        return [int(found[f"output.{k}"]) for k in range(7)]

    def refused(block):
        return answer(lambda in_channels, planes, stride: block, case).error

    assert of(nn.Conv2d(8, 8, 3, padding=1)) == [8, 4, 4, 4608, 0, 0, 9]
    assert of(nn.Conv2d(8, 8, 1)) == [8, 4, 4, 0, 0, 0, 1]
    assert of(nn.Conv2d(8, 8, 3, padding=1, groups=8)) == [8, 4, 4, 0, 0, 56, 9]
    assert of(nn.Conv2d(8, 8, (3, 1), padding=(1, 0))) == [8, 4, 4, 0, 0, 0, 3]
    assert of(nn.Conv2d(8, 8, (1, 9), padding=(0, 4)))[6] == 3  # whatever the row is long
    assert of(nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(8, 8, 1))) == [8, 4, 4, 0, 0, 0, 9]
    assert of(nn.Conv2d(8, 4, 1))[0] == 4
    no_weights = nn.Conv2d(8, 8, 1)
    no_weights.more = nn.Parameter(torch.empty(0, 8, 1, 1))
    assert of(no_weights)[6] == 1
    assert refused(3).startswith("The block is not an nn.Module")
    assert "from the input: an input of shape (32, 8, 4, 4) gave shape (32, 128)." in refused(
        nn.Flatten()
    )
    assert "gave a tuple" in refused(nn.MaxPool2d(2, return_indices=True))
    assert "gave shape (32, 8, 0, 4)" in refused(nn.ZeroPad2d((0, 0, -2, -2)))


def test_a_warmup_rises_to_the_full_rate_and_then_falls():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.2)
    steps, rates = _schedule(optimizer, 6, Recipe(warmup=0.34)), []
    for _ in range(6):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        steps.step()
    assert rates == pytest.approx([0.1, 0.2, 0.2, 0.1 + 0.05 * 2**0.5, 0.1, 0.1 - 0.05 * 2**0.5])


def test_other_images_make_a_file_of_their_own(monkeypatch, tmp_path):
    trained = []
    history = runner.History(1, [1], [1], [1], [1])
    monkeypatch.setattr(runner, "_trained", lambda e, v, *rest: trained.append(v) or history)
    monkeypatch.setattr(zoo, "KINDS", {k: zoo.KINDS[k] for k in WIDTHS})
    options = {"seeds": 1, "folder": tmp_path, "device": "cpu", "say": lambda line: None}
    (path,) = experiments.run(["zoo"], data="digits", **options)
    assert path.name == "zoo_digits.json" and len(trained) == 18
    with pytest.raises(
        UserError, match="off_diagonal works only with its own images. --data works"
    ):
        experiments.run(["off_diagonal"], data="digits", **options)
    with pytest.raises(UserError, match="There are no images named"):
        experiments.run(["zoo"], data="nothing", **options)


def test_a_front_names_every_network_once_and_inside_the_picture():
    spots = [
        draw.Spot(n, x, y, y - 0.1, y + 0.1, n == "a")
        for n, x, y in (("a", 1, 0.5), ("a", 2, 0.6), ("long name", 2, 0.55), ("c", 2.1, 0.57))
    ]
    picture = draw.front(spots, title="t", x_label="cost")
    assert picture.html.count(">long name<") == picture.html.count(">a<") == 1
    assert "a 50.0% (40.0% to 60.0%) at 1, on the front" in picture.alt


def test_no_name_stands_on_the_dashed_line():
    spots = [draw.Spot(name, x, 0.5, on_front=True) for name, x in (("a", 1), ("bb", 9), ("c", 90))]
    drawn = ElementTree.fromstring(draw.front(spots, title="t", x_label="cost").html)
    dashed = [n for n in drawn.iter() if n.get("stroke-dasharray")]
    assert len(dashed) == 2
    for name in ("a", "bb", "c"):
        text = next(n for n in drawn.iter() if n.text == name)
        left, foot = float(text.get("x")), float(text.get("y"))
        for line in dashed:
            x1, x2, y = (float(line.get(k)) for k in ("x1", "x2", "y1"))
            beside = left > x2 or left + 12 * len(name) < x1
            assert beside or foot < y or foot - 18 > y, name
