"""SE-ResNet and SE-ResNeXt out of lesson 04's block: to the digit, and weight for weight."""

import pytest
import torch
from agreement import assert_agree, assert_loads, grouped_calls, shaken
from convzoo import UserError, count, measure, nets
from convzoo.ideas.senet import experiments as experiment
from convzoo.ideas.senet import framework

# timm 1.0.31 (seresnet50, seresnet101, seresnext50_32x4d) at 1 x 3 x 224 x 224, counted with torch
# 2.14.1 in two ways that agreed: forward hooks, and torch.utils.flop_counter, halved.
BY_NAME = {
    "seresnet50": (28_088_024, 4_091_699_200),
    "seresnet101": (49_326_872, 7_806_148_608),
    "seresnext50_32x4d": (27_559_896, 4_232_994_816),
}


def timms(name: str, **settings):
    import timm

    return timm.create_model(name, **settings)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_network_has_the_parameters_and_multiply_adds_of_the_record(name):
    found = count.main(name)
    assert (found["params"], found["macs"]) == BY_NAME[name]


def test_the_frameworks_gate_costs_no_parameters_but_those_it_is_given():
    """A reader whose own has not passed sees the framework's count."""
    given = [torch.nn.Parameter(torch.ones(s)) for s in ((16, 256), 16, (256, 16), 256)]
    image = torch.ones(1, 256, 4, 4)
    found = measure.cost(lambda x: framework.squeeze_excite(x, *given), image)
    assert (found.params, found.macs) == (8_464, 8_192)


def test_the_gates_add_what_the_lesson_says():
    """2,530,992 parameters to ResNet-50; 28.1 million in all (Hu 2017, table 2)."""
    plain, gated = (count.main(name) for name in ("resnet50", "seresnet50"))
    assert gated["params"] - plain["params"] == 2_530_992
    assert round(gated["params"] / 1e5) == 281
    assert round(100 * (gated["macs"] / plain["macs"] - 1), 2) == 0.06


def test_a_smaller_reduction_is_a_larger_gate():
    found = count.main("seresnet50", settings={"reduction": "8"})
    assert found["params"] > BY_NAME["seresnet50"][0]
    with pytest.raises(UserError, match="reduction is '0'"):
        count.main("seresnet50", settings={"reduction": "0"})


# --- weight for weight -----------------------------------------------------------


@pytest.mark.parametrize("name", BY_NAME)
def test_timms_weights_load_by_name(name):
    with torch.device("meta"):
        theirs = timms(name).state_dict()
    mine = count.build(name, device="meta")
    assert_loads(mine, theirs)


@pytest.mark.parametrize("name", ["seresnet50", "seresnext50_32x4d"])
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_the_same_weights_give_timms_outputs_gradients_and_statistics(name, training):
    """With a block in every stage, two in the second: all that a longer one repeats."""
    torch.manual_seed(1)
    theirs = shaken(timms(name, layers=(1, 2, 1, 1), num_classes=10))
    mine = count.build(name, 10, {"layers": (1, 2, 1, 1)}).double()
    nets.load_torchvision(mine, theirs.state_dict())
    assert_agree(mine, theirs, (64, 64), training, least=1e-3)


def test_the_whole_seresnet50_answers_as_timms_does():
    torch.manual_seed(1)
    theirs = timms("seresnet50", num_classes=10).double().eval()
    mine = count.build("seresnet50", 10).double().eval()
    nets.load_torchvision(mine, theirs.state_dict())
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        expected = theirs(x)
        scale = expected.abs().max().item()
        torch.testing.assert_close(mine(x), expected, rtol=0, atol=1e-9 * scale)


def test_no_grouped_convolution_of_the_frameworks_is_left_in_a_network():
    assert grouped_calls(count.build("seresnext50_32x4d", device="meta"), least=2) == []
    with torch.device("meta"):
        settings = {"groups": 32, "width_per_group": 4}
        spoilt = nets.ResNet(framework.SEBottleneck, [3, 4, 6, 3], **settings)
    assert len(grouped_calls(spoilt, backward=False)) >= 16


def test_the_gate_is_the_lessons_own():
    network = count.build("seresnet50", device="meta")
    made = {type(part).__module__ for part in network.modules()}
    assert not any(name.startswith(("torchvision", "convzoo.ideas")) for name in made)


# --- what the lesson says ----------------------------------------------------------


def test_resnet50s_last_corner_does_not_see_the_other_one():
    layers = [[7, 2, 1], [3, 2, 1]] + [[3, 1, 1]] * 3
    for blocks in (4, 6, 3):
        layers += [[3, 2, 1]] + [[3, 1, 1]] * (blocks - 1)
    assert framework.field_sizes(layers)[-1] == 427 < 2 * 224 - 1


@pytest.mark.parametrize("distance", range(experiment.NEAR, experiment.FAR + 1))
def test_a_cats_clue_is_upright_and_a_dogs_level_and_nothing_else_differs(distance):
    (cat, dog), (row, column) = experiment.twins(distance)
    rows, columns = (cat != dog)[0].nonzero().T
    middle = rows.float().mean().int().item(), columns.float().mean().int().item()
    assert [abs(middle[0] - row), abs(middle[1] - column)] == [distance, distance]
    square = slice(middle[0] - 1, middle[0] + 2), slice(middle[1] - 1, middle[1] + 2)
    assert torch.equal(cat[0][square], torch.tensor([[1.0, 0, 1]] * 3))
    assert torch.equal(dog[0][square], cat[0][square].T)


@pytest.mark.parametrize("distance, differs", [(4, True), (5, False), (6, False)])
def test_what_nine_by_nine_pixels_see_of_the_clue(distance, differs):
    (cat, dog), (row, column) = experiment.twins(distance)
    seen = slice(max(row - 4, 0), row + 5), slice(max(column - 4, 0), column + 5)
    assert torch.equal(cat[0][seen], dog[0][seen]) is not differs
