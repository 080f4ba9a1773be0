"""ShuffleNet V1 and V2 out of lesson 05's units: to the digit, and weight for weight."""

import pytest
import torch
from agreement import assert_agree, assert_loads, grouped_calls, shaken
from convzoo import UserError, count, nets
from convzoo.exercises import all_questions
from convzoo.ideas.shufflenet import framework
from convzoo.ideas.shufflenet import skeleton as shufflenets
from torch import nn
from torchvision import models

# V2: torchvision 0.29.1 at 1 x 3 x 224 x 224; V1, at groups=3: a second network, written from the
# paper's table 1, with a last linear layer without bias as in the authors' code. Counted with torch
# 2.14.1 in two ways that agreed: forward hooks, and torch.utils.flop_counter, halved.
BY_NAME = {
    "shufflenet_v1": (1_864_728, 137_460_672),
    "shufflenet_v2_x0_5": (1_366_792, 40_476_448),
    "shufflenet_v2_x1_0": (2_278_604, 144_907_992),
    "shufflenet_v2_x1_5": (3_503_624, 295_759_392),
    "shufflenet_v2_x2_0": (7_393_996, 583_253_464),
}
BY_GROUPS = {
    1: (1_530_936, 143_078_976),
    2: (1_732_848, 140_836_512),
    3: (1_864_728, 137_460_672),
    4: (1_967_344, 134_339_776),
    8: (2_433_768, 138_365_952),
}
PRINTED_V1 = {1: 143, 2: 140, 3: 137, 4: 133, 8: 137}  # Zhang 2017, table 1, at 1x, in millions
PRINTED_V2 = {"x0_5": 41, "x1_0": 146, "x1_5": 299, "x2_0": 591}  # Ma 2018, table 5
V2 = [name for name in BY_NAME if "v2" in name]


@pytest.mark.parametrize("name", BY_NAME)
def test_a_network_has_the_parameters_and_multiply_adds_of_the_record(name):
    found = count.main(name)
    assert (found["params"], found["macs"]) == BY_NAME[name]


@pytest.mark.parametrize("groups", BY_GROUPS)
def test_every_column_of_the_table_to_the_digit(groups):
    found = count.main("shufflenet_v1", settings={"groups": str(groups)})
    assert (found["params"], found["macs"]) == BY_GROUPS[groups]


@pytest.mark.parametrize("groups", BY_GROUPS)
def test_the_printed_figures_come_out_without_the_last_linear_layer(groups):
    last = 1000 * shufflenets.v1_widths(groups, 1.0)[1][-1]
    macs = BY_GROUPS[groups][1]
    assert int((macs - last) / 1e6 + 0.5) == pytest.approx(PRINTED_V1[groups], abs=0.5)
    assert any(int(BY_GROUPS[g][1] / 1e6 + 0.5) != PRINTED_V1[g] for g in BY_GROUPS)


@pytest.mark.parametrize("name", V2)
def test_the_second_papers_figures_lie_a_little_higher(name):
    printed = PRINTED_V2[name.removeprefix("shufflenet_v2_")]
    assert BY_NAME[name][1] / 1e6 == pytest.approx(printed, rel=0.015)


@pytest.mark.parametrize(
    "groups, width, widths",
    [
        (3, 0.5, (12, [120, 240, 480])),
        (8, 0.5, (16, [192, 384, 768])),
        (3, 2.0, (48, [480, 960, 1920])),
        (8, 2.0, (48, [768, 1536, 3072])),
        (3, 1.5, (36, [360, 720, 1440])),
        (4, 0.3, (8, [80, 160, 320])),
        (1, 0.37, (9, [52, 104, 208])),
    ],
)
def test_any_width_gives_channels_that_the_groups_divide(groups, width, widths):
    """The first four are those of the authors' code."""
    assert shufflenets.v1_widths(groups, width) == widths
    with torch.device("meta"):
        network = shufflenets.ShuffleNetV1(framework.ShuffleUnit, groups, width, 10)
        assert network(torch.empty(2, 3, 33, 47)).shape == (2, 10)


def test_twice_the_width_is_what_the_paper_prints():
    """524 million at 2x and 38 at 0.5x, with 3 groups (Zhang 2017, tables 2 and 8)."""
    found = [count.main("shufflenet_v1", settings={"width_mult": s})["macs"] for s in (2, 0.5)]
    assert [round(macs / 1e6) for macs in found] == [524, 38]


def test_a_column_that_the_table_has_not_is_told():
    with pytest.raises(UserError, match="not defined for 5 groups: table 1 has 1, 2, 3, 4, 8"):
        count.main("shufflenet_v1", settings={"groups": 5})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"stages_out_channels": "24,49,96,192,1024"},
            "49 channels cannot be split into two halves",
        ),
        ({"stages_out_channels": "24,48,96"}, "has 3 numbers, but needs 5"),
        ({"stages_repeats": "4,8"}, r"\[4, 8\]: give 3 numbers"),
    ],
)
def test_a_second_network_that_cannot_be_built_is_told(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        count.main("shufflenet_v2_x0_5", settings=settings)


# --- weight for weight -----------------------------------------------------------


@pytest.fixture(scope="module")
def second():
    torch.manual_seed(1)
    theirs = shaken(models.shufflenet_v2_x0_5(num_classes=10))
    mine = count.build("shufflenet_v2_x0_5", 10).double()
    nets.load_torchvision(mine, theirs.state_dict())
    return mine, theirs


@pytest.fixture(scope="module")
def first():
    torch.manual_seed(1)
    theirs = shaken(shufflenets.ShuffleNetV1(framework.ShuffleUnit, 3, 0.25, 10))
    mine = count.build("shufflenet_v1", 10, {"width_mult": 0.25}).double()
    nets.load_torchvision(mine, theirs.state_dict())
    return mine, theirs


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_the_same_weights_give_torchvisions_outputs_gradients_and_statistics(second, training):
    assert_agree(*second, (64, 64), training, least=1e-3)


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_the_first_network_agrees_with_the_frameworks_units(first, training):
    assert_agree(*first, (64, 64), training, least=1e-3)


@pytest.mark.parametrize("name", V2)
def test_torchvisions_weights_load_by_name_at_every_width(name):
    with torch.device("meta"):
        theirs = getattr(models, name)().state_dict()
    mine = count.build(name, device="meta")
    assert_loads(mine, theirs)


@pytest.mark.parametrize("name", ["shufflenet_v1", "shufflenet_v2_x0_5"])
def test_no_grouped_convolution_of_the_frameworks_is_left_in_a_network(name):
    assert grouped_calls(count.build(name, device="meta"), least=2) == []
    assert len(grouped_calls(spoilt(name), backward=False)) > 16


def spoilt(name: str) -> nn.Module:
    """The network on the framework's units, whose grouped convolutions have to be found."""
    with torch.device("meta"):
        if name == "shufflenet_v1":
            return shufflenets.ShuffleNetV1(framework.ShuffleUnit)
        return shufflenets.ShuffleNetV2(framework.ShuffleUnitV2)


# --- what the lesson says ----------------------------------------------------------


def sees(channels: int, groups: int, layers: int) -> int:
    """The fewest inputs that an output of a shuffled stack depends on."""
    width = channels // groups
    blocks = torch.block_diag(*[torch.ones(width, width)] * groups)
    order = torch.arange(channels).reshape(groups, width).T.flatten()
    whole = framework.stack_matrix(blocks.expand(layers, -1, -1), order)
    return int((whole > 0).sum(1).min())


@pytest.mark.parametrize(
    "channels, groups",
    [(240, 40), (243, 81), (250, 50), (350, 50), (625, 125), (729, 243), (12, 4), (12, 3), (12, 6)],
)
def test_what_an_output_sees_is_multiplied_at_each_layer(channels, groups):
    answer = all_questions()["shufflenet.depth"].answer
    enough = answer({"c": channels, "g": groups})
    assert sees(channels, groups, enough) == channels > sees(channels, groups, enough - 1)


def test_twelve_groups_of_one_channel_never_mix():
    assert all(sees(12, 12, layers) == 1 for layers in range(1, 6))


def test_the_questions_place_is_where_the_framework_puts_the_channel():
    question = all_questions()["shufflenet.place"]
    for name in ("", *map(str, range(200))):
        v = question.numbers(name)
        moved = framework.channel_shuffle(torch.arange(v["c"]).reshape(1, -1, 1, 1), v["g"])
        assert moved.flatten().tolist().index(v["j"]) == question.answer(v)
        beliefs = {belief.gives(v) for belief in question.beliefs}
        assert question.answer(v) not in beliefs and len(beliefs) == len(question.beliefs)
