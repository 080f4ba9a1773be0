"""MobileNet V1 and V2 out of lesson 06's own layers: to the digit, and weight for weight."""

import json
from pathlib import Path

import pytest
import torch
from agreement import assert_agree, assert_loads, grouped_calls, shaken
from convzoo import UserError, count, measure, nets
from convzoo.exercises import all_predictions
from convzoo.ideas.separable import framework
from torch import nn
from torchvision import models

ROOT = Path(__file__).resolve().parent.parent
# Parameters and multiply-adds at 1 x 3 x 224 x 224, counted with torch 2.14.1 in two ways that
# agreed (forward hooks, and FlopCounterMode, halved): V1 is timm 1.0.31's mobilenetv1_100 and, at
# other widths, its _gen_mobilenet_v1; V2 is torchvision 0.29.1's mobilenet_v2.
BY_NAME = {"mobilenet_v1": (4_231_976, 568_740_352), "mobilenet_v2": (3_504_872, 300_774_272)}
V1_BY_WIDTH = {
    1.25: (6_270_840, 879_516_800),
    0.75: (2_585_560, 325_400_448),
    0.5: (1_331_592, 149_497_088),
    0.25: (470_072, 41_030_272),
}
V1_BY_SIDE = {224: 568_740_352, 192: 418_121_728, 160: 290_675_200, 128: 186_400_768}


def digits(name: str, size=(224, 224), **settings) -> tuple[int, int]:
    found = count.main(name, size=size, settings=settings)
    return found["params"], found["macs"]


@pytest.fixture(scope="module")
def lesson():
    return count.definitions(ROOT / "solutions" / "06_separable.py")


@pytest.mark.parametrize("name", BY_NAME)
def test_a_network_has_the_parameters_and_multiply_adds_of_the_record(name):
    assert digits(name) == BY_NAME[name]


@pytest.mark.parametrize("width_mult", V1_BY_WIDTH)
def test_v1_at_every_width_of_the_record(width_mult):
    assert digits("mobilenet_v1", width_mult=width_mult) == V1_BY_WIDTH[width_mult]


@pytest.mark.parametrize("side", V1_BY_SIDE)
def test_v1_at_every_resolution_of_the_record(side):
    assert digits("mobilenet_v1", (side, side)) == (BY_NAME["mobilenet_v1"][0], V1_BY_SIDE[side])


def counted(network: nn.Module, size: tuple[int, int]) -> tuple[int, int]:
    found = measure.cost(network.eval(), torch.empty(1, 3, *size, device="meta"))
    return found.params, found.macs


@pytest.mark.parametrize("size", [(224, 224), (97, 131), (17, 33)])
@pytest.mark.parametrize("width_mult", [0.1, 0.35, 0.6, 1.0, 1.4])
def test_any_width_and_resolution_costs_what_the_libraries_networks_cost(width_mult, size):
    from timm.models.efficientnet import _gen_mobilenet_v1

    with torch.device("meta"):
        v1 = _gen_mobilenet_v1("mobilenetv1_100", width_mult)
        v2 = models.mobilenet_v2(width_mult=width_mult)
    assert digits("mobilenet_v1", size, width_mult=width_mult) == counted(v1, size)
    assert digits("mobilenet_v2", size, width_mult=width_mult) == counted(v2, size)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_mistake_is_told(name):
    with pytest.raises(UserError, match=f"16 x 40 is too small for {name}: give 17 x 17"):
        count.main(name, size=(16, 40))
    with pytest.raises(UserError, match="width_mult is '0', but must be a number above 0"):
        count.main(name, settings={"width_mult": "0"})
    with pytest.raises(UserError, match="no setting 'width'. Did you mean width_mult?"):
        count.main(name, settings={"width": "0.5"})


def test_without_solutions_the_lesson_is_named(tmp_path):
    (tmp_path / "solutions").mkdir()
    with pytest.raises(UserError, match="lesson 06_separable"):
        count.main("mobilenet_v2", folder=tmp_path)


# --- weight for weight -------------------------------------------------------------


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_v2_is_torchvisions_weight_for_weight(lesson, training):
    torch.manual_seed(1)
    other = shaken(models.MobileNetV2(num_classes=10, width_mult=0.5, dropout=0.0))
    mine = count.build("mobilenet_v2", 10, {"width_mult": 0.5}).double()
    mine.classifier[0].p = 0.0  # else each draws a dropout of its own
    nets.load_torchvision(mine, other.state_dict(), lesson.our_name)
    assert_agree(mine, other, (32, 32), training, least=0.01, rename=lesson.our_name)


@pytest.mark.parametrize("width_mult", [0.35, 1.0, 1.4])
def test_torchvisions_names_and_shapes_are_ours_at_every_width(lesson, width_mult):
    with torch.device("meta"):
        other = models.mobilenet_v2(width_mult=width_mult).state_dict()
    mine = count.build("mobilenet_v2", settings={"width_mult": width_mult}, device="meta")
    assert_loads(mine, other, lesson.our_name)


def v1_name(theirs: str) -> str:
    """timm's name of a weight of MobileNetV1 -> ours: stem, 13 blocks, two layers, a head."""
    stages = (1, 2, 2, 6, 2)
    parts = theirs.split(".")
    if parts[0] == "conv_stem":
        return "0." + parts[1]
    if parts[0] == "bn1":
        return "1." + parts[1]
    if parts[0] == "classifier":
        return "18." + parts[1]
    stage, block = int(parts[1]), int(parts[2])
    names = {"conv_dw": "depthwise", "conv_pw": "pointwise"}
    return ".".join([str(3 + sum(stages[:stage]) + block), names.get(parts[3], parts[3]), parts[4]])


def test_v1_is_timms_weight_for_weight_but_for_the_activation():
    """timm has ReLU6 where the paper has ReLU."""
    from timm.models.efficientnet import _gen_mobilenet_v1

    torch.manual_seed(1)
    other = shaken(_gen_mobilenet_v1("mobilenetv1_100", 0.25, num_classes=10, act_layer=nn.ReLU))
    mine = count.build("mobilenet_v1", 10, {"width_mult": 0.25}).double()
    nets.load_torchvision(mine, other.state_dict(), v1_name)
    assert_agree(mine, other, (32, 32), False, least=0.01, rename=v1_name)


# --- the reader's own layers alone ---------------------------------------------------


@pytest.mark.parametrize("name", BY_NAME)
def test_no_grouped_convolution_of_the_frameworks_is_left_in_a_network(name):
    assert grouped_calls(count.build(name, device="meta")) == []


def test_one_would_be_found(lesson):
    with torch.device("meta"):
        network = lesson.mobilenet_v1(framework.DepthwiseSeparable)
    assert len(grouped_calls(network, backward=False)) == 13


# --- what the lesson says ------------------------------------------------------------


def test_the_dense_twin_is_the_papers_and_the_predictions_values_are_counted(lesson):
    """Howard 2017, table 4: 4866 million multiply-adds (we count 4867) and 29.3 million
    parameters, dense."""

    def dense(c_in, c_out, stride):
        conv = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.ReLU())

    with torch.device("meta"):
        params, macs = counted(lesson.mobilenet_v1(dense), (224, 224))
    assert round(macs / 1e6) == 4867 and round(params / 1e6, 1) == 29.3
    values = {
        name: p.value for name, p in all_predictions().items() if name.startswith("separable.")
    }
    own = BY_NAME["mobilenet_v1"][1]
    assert values["separable.network"] == pytest.approx(macs / own, abs=0.01)
    assert values["separable.half_width"] == pytest.approx(V1_BY_WIDTH[0.5][1] / own, abs=0.005)
    assert values["separable.ratio"] == pytest.approx(1 / (1 / 128 + 1 / 9), abs=0.01)


def test_the_two_in_a_row_are_the_dense_kernel(lesson):
    torch.manual_seed(0)
    pair = lesson.DepthwiseConv2d(5, 3, 2, 1), nn.Conv2d(5, 4, 1, bias=False)
    x, kernel = torch.randn(2, 5, 9, 8), lesson.dense_kernel(pair[0].weight, pair[1].weight)
    whole = nn.functional.conv2d(x, kernel, stride=2, padding=1)
    torch.testing.assert_close(whole, pair[1](pair[0](x)), rtol=0, atol=1e-5)


def test_full_rank_gives_the_kernel_back(lesson):
    weight = torch.randn(12, 3, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(lesson.best_separable(weight, 9), weight)


def test_the_shipped_seeds_say_what_the_text_says():
    from convzoo import experiments

    record = experiments.load("separable_digits")
    assert len(record["results"]) == 20
    rows = {row["variant"]: row for row in experiments.summary(record)}
    assert rows["dense"]["macs"] / rows["separable"]["macs"] == pytest.approx(7.24, abs=0.01)
    assert rows["dense, as cheap"]["macs"] == pytest.approx(rows["separable"]["macs"], rel=0.04)
    for other, visible in (("dense", 0), ("dense, as cheap", 0), ("depthwise alone", 1)):
        assert experiments.gap(record, "separable", other)["visible"] == visible
    assert json.loads((ROOT / "figures/data/separable_digits.json").read_text())["threads"] == 1
