"""ResNet from lesson 01's own blocks: exact counts, in both layouts, weight for weight."""

import pytest
import torch
from agreement import assert_agree, assert_loads, shaken
from convzoo import UserError, count, experiments, nets
from convzoo.experiments import runner
from convzoo.ideas.resnet import experiments as resnet
from torch import nn
from torchvision import models

# Parameters and multiply-adds of torchvision 0.29.1 at 1 x 3 x 224 x 224, counted with torch 2.14.1
# in two ways that agreed: forward hooks, and torch.utils.flop_counter.FlopCounterMode, halved.
BY_NAME = {
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
}
# The same with torchvision's strides moved from the 3x3 into the first 1x1: the paper's layout,
# printed there as 3.8, 7.6 and 11.3 billion (He 2015, table 1).
PAPERS = {"resnet50": 3_857_973_248, "resnet101": 7_570_194_432, "resnet152": 11_282_415_616}
WITH_STRIDE = pytest.mark.parametrize("in_1x1", [False, True], ids=["v1.5", "paper"])


@pytest.mark.parametrize("name", BY_NAME)
def test_a_network_has_the_parameters_and_multiply_adds_of_the_record(name):
    found = count.main(name)
    assert (found["params"], found["macs"]) == BY_NAME[name]


@pytest.mark.parametrize("name", PAPERS)
def test_the_papers_layout_has_the_same_parameters_and_fewer_multiply_adds(name):
    found = count.main(name, settings={"stride_in_1x1": "true"})
    assert (found["params"], found["macs"]) == (BY_NAME[name][0], PAPERS[name])


def test_with_groups_it_is_resnexts_block_which_has_its_stride_in_the_3x3():
    shape = {"groups": 32, "width_per_group": 4}
    found = count.main("resnet50", settings=shape)
    assert found["params"] == 25_028_904
    with pytest.raises(UserError, match="groups=1 and width_per_group=64, but here they are 32"):
        count.main("resnet50", settings=shape | {"stride_in_1x1": True})


def test_a_basic_block_has_no_1x1_for_the_stride():
    with pytest.raises(UserError, match="resnet18 has no setting 'stride_in_1x1'"):
        count.main("resnet18", settings={"stride_in_1x1": True})


# --- weight for weight -----------------------------------------------------------


def theirs(name: str, in_1x1: bool = False) -> nn.Module:
    """torchvision's network, ten classes; running statistics and scales that matter."""
    torch.manual_seed(1)
    network = getattr(models, name)(num_classes=10)
    for block in network.modules():
        if in_1x1 and isinstance(block, models.resnet.Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    return shaken(network)


def ours(name: str, other: nn.Module, in_1x1: bool = False) -> nn.Module:
    network = count.build(name, 10, {"stride_in_1x1": True} if in_1x1 else {}).double()
    nets.load_torchvision(network, other.state_dict())
    return network


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_resnet18_gives_torchvisions_outputs_gradients_and_statistics(training):
    other = theirs("resnet18")
    assert_agree(ours("resnet18", other), other, (40, 40), training)


@WITH_STRIDE
def test_resnet50_gives_torchvisions_in_both_layouts(in_1x1):
    other = theirs("resnet50", in_1x1)
    mine = ours("resnet50", other, in_1x1)
    assert_agree(mine, other, (40, 40), False)
    x = torch.randn(1, 3, 40, 40, dtype=torch.float64)
    swapped = ours("resnet50", other, not in_1x1).eval()  # loads, and answers otherwise
    with torch.no_grad():
        apart = (swapped(x) - mine.eval()(x)).abs().max() / mine(x).abs().max()
    assert apart > 1e-3


@pytest.mark.parametrize("name", BY_NAME)
def test_torchvisions_weights_load_by_name(name):
    with torch.device("meta"):
        other = getattr(models, name)().state_dict()
    layouts = ({}, {"stride_in_1x1": True}) if name in PAPERS else ({},)
    for settings in layouts:
        network = count.build(name, settings=settings, device="meta")
        assert_loads(network, other)


@WITH_STRIDE
def test_the_blocks_keep_their_sizes_on_odd_images(in_1x1, root):
    defs = count.definitions(root / "solutions" / "01_resnet.py")
    block = defs.Bottleneck(6, 3, 2, stride_in_1x1=in_1x1)
    assert block(torch.zeros(1, 6, 7, 5)).shape == (1, 12, 4, 3)
    assert defs.BasicBlock(6, 4, 2)(torch.zeros(1, 6, 7, 5)).shape == (1, 4, 4, 3)


# --- the networks of the experiment ----------------------------------------------


@pytest.mark.parametrize("depth", resnet.DEPTHS)
def test_plain_and_residual_have_the_same_parameters_and_start(depth):
    networks = []
    for block in (resnet.Plain, resnet.Residual):
        torch.manual_seed(0)
        networks.append(resnet.network(block, depth))
    plain, residual = (network.state_dict() for network in networks)
    assert plain.keys() == residual.keys()
    assert all(torch.equal(plain[key], residual[key]) for key in plain)
    layers = [m for m in networks[0].modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(layers) == depth


def test_a_branch_of_zeros_leaves_the_shortcut():
    block = resnet.Residual(2, 3, 2).eval()
    nn.init.zeros_(block.bn2.weight)
    x = torch.rand(1, 2, 4, 4)
    assert torch.equal(block(x)[:, :2], x[:, :, ::2, ::2]) and not block(x)[:, 2:].any()


@pytest.mark.parametrize("what", ["train_accuracy", "test_accuracy"])
def test_deep_plain_nets_train_worse_by_more_than_the_seeds_differ(what):
    record = experiments.load("resnet_depth")

    def last(variant):
        return [r[what][-1] for r in record["results"] if r["variant"] == variant]

    assert len(last("plain 56")) == runner.SEEDS
    for better in ("plain 20", "residual 56"):
        assert min(last(better)) > 0.9
        gap = sum(last(better)) / runner.SEEDS - sum(last("plain 56")) / runner.SEEDS
        spread = max(max(found) - min(found) for found in (last(better), last("plain 56")))
        assert gap > 2 * spread
