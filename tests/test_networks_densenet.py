"""DenseNet out of lesson 03's own parts: to the digit, and weight for weight."""

import pytest
import torch
from agreement import assert_agree, assert_loads, shaken
from convzoo import UserError, count, nets
from convzoo.measure import cost
from torchvision.models import DenseNet, densenet121

# Parameters and multiply-adds of torchvision 0.29.1 at 1 x 3 x 224 x 224, counted with torch 2.14.1
# in two ways that agreed: forward hooks, and torch.utils.flop_counter.FlopCounterMode, halved.
BY_NAME = {
    "densenet121": (7_978_856, 2_834_161_664),
    "densenet169": (14_149_480, 3_359_843_328),
    "densenet201": (20_013_928, 4_291_365_888),
    "densenet161": (28_681_000, 7_727_907_072),
}
ODD = [  # odd growth rates, blocks and widths: whoever rounds otherwise is seen
    {"growth_rate": 7, "block_config": (1, 2, 3), "num_init_features": 9, "bn_size": 3},
    {"growth_rate": 5, "block_config": (2, 1), "num_init_features": 6, "bn_size": 1},
    {"growth_rate": 12, "block_config": (3,), "num_init_features": 11, "bn_size": 4},
    {"growth_rate": 3, "block_config": (1, 1, 1, 1, 1), "num_init_features": 5, "bn_size": 2},
]


@pytest.mark.parametrize("name", BY_NAME)
def test_a_network_has_the_parameters_and_multiply_adds_of_the_record(name):
    found = count.main(name)
    assert (found["params"], found["macs"]) == BY_NAME[name]


@pytest.mark.parametrize("settings", ODD, ids=lambda s: str(s["block_config"]))
def test_odd_settings_cost_what_torchvisions_cost(settings):
    size = (75, 66)
    found = count.main("densenet121", 10, size, settings)
    with torch.device("meta"):
        own = cost(DenseNet(**settings, num_classes=10).eval(), torch.empty(1, 3, *size))
    assert (found["params"], found["macs"]) == (own.params, own.macs)


def test_settings_come_as_text_from_the_command_line():
    asked = {"growth_rate": "48", "block_config": "6,12,36,24", "num_init_features": "96"}
    found = count.main("densenet121", settings=asked)
    assert (found["params"], found["macs"]) == BY_NAME["densenet161"]


@pytest.mark.parametrize(("blocks", "least"), [((1, 1, 1, 1), 29), ((1, 1), 5), ((1,), 1)])
def test_the_smallest_image_runs_and_a_smaller_one_is_refused(blocks, least):
    settings = {"block_config": blocks, "growth_rate": 2, "num_init_features": 4}
    assert count.main("densenet121", 3, (least, least), settings)["macs"] > 0
    if least > 1:
        with pytest.raises(UserError, match=f"give {least} x {least}"):
            count.main("densenet121", 3, (least, least - 1), settings)
        with pytest.raises(RuntimeError):  # and torchvision's would not run, either
            small = DenseNet(**settings, num_classes=3).eval()
            small(torch.zeros(1, 3, least - 1, least - 1))


# --- weight for weight -----------------------------------------------------------


@pytest.fixture(scope="module")
def twins():
    torch.manual_seed(1)
    theirs = shaken(densenet121(num_classes=10))
    ours = count.build("densenet121", 10).double()
    nets.load_torchvision(ours, theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_the_same_weights_give_torchvisions_outputs_gradients_and_statistics(twins, training):
    assert_agree(*twins, (64, 64), training, bound=1e-8, least=1e-9)


def test_no_layer_of_torchvisions_is_left_in_the_network(twins):
    made = {type(part).__module__ for part in twins[0].modules()}
    assert not any(name.startswith(("torchvision", "convzoo.ideas")) for name in made)


@pytest.mark.parametrize("name", ["densenet169", "densenet201", "densenet161"])
def test_torchvisions_weights_load_by_name(name):
    from torchvision import models

    with torch.device("meta"):
        other = getattr(models, name)().state_dict()
    network = count.build(name, device="meta")
    assert_loads(network, other)
