"""GoogLeNet out of lesson 00's own layers: to the digit, and weight for weight."""

import pytest
import torch
from agreement import assert_agree, run, shaken, without_counters
from convzoo import UserError, count, nets
from convzoo.ideas.convolution import framework
from convzoo.measure import cost
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision import models

# torchvision 0.29.1, googlenet(aux_logits=False) at 1 x 3 x 224 x 224, counted with torch 2.14.1 in
# two ways that agreed: forward hooks, and torch.utils.flop_counter.FlopCounterMode, halved.
BY_NAME = {"googlenet": (6_624_904, 1_498_376_192)}
RECORD = BY_NAME["googlenet"]
SETTINGS = {"aux_logits": False, "init_weights": False, "transform_input": False}


def digits(**arguments) -> tuple[int, int]:
    found = count.main("googlenet", **arguments)
    return found["params"], found["macs"]


def theirs(**settings) -> nn.Module:
    """torchvision's, with random weights; running statistics and scales that matter."""
    torch.manual_seed(1)
    network = models.googlenet(**SETTINGS, num_classes=10, dropout=0.0, **settings)
    for weight in network.parameters():
        if weight.dim() == 4:
            nn.init.kaiming_normal_(weight)
    return shaken(network)


@pytest.fixture(scope="module")
def own(root):
    return count.definitions(root / "solutions" / "00_convolution.py")


@pytest.fixture(scope="module")
def twins(own):
    other = theirs()
    network = own.googlenet(num_classes=10, large=3, dropout=0.0).double()
    nets.load_torchvision(network, without_counters(other.state_dict()))
    return network, other


def test_the_lessons_batch_norm_goes_the_frameworks_way_batch_after_batch(own):
    mine, other = own.BatchNorm(5, momentum=0.2).double(), nn.BatchNorm2d(5, momentum=0.2).double()
    gen = torch.Generator().manual_seed(0)
    for step in range(5):
        training = step < 4
        x = 2 + 3 * torch.randn(4, 5, 3, 2, dtype=torch.float64, generator=gen)
        a, b = (without_counters(run(network, x, training)) for network in (mine, other))
        for name, expected in b.items():
            torch.testing.assert_close(a[name], expected, msg=lambda m, n=name: f"{n}: {m}")


def test_googlenet_to_the_digit():
    assert digits() == RECORD


@pytest.mark.parametrize("size", [(97, 131), (15, 15), (64, 33)])
def test_any_height_and_width_costs_what_torchvisions_costs(size):
    with torch.device("meta"):
        other = models.googlenet(**SETTINGS, num_classes=7).eval()
    found = cost(other, torch.empty(1, 3, *size, device="meta"))
    assert digits(size=size, classes=7) == (found.params, found.macs)


def test_the_papers_5x5_differs_in_the_third_branches_alone(own):
    wide, macs = digits(settings={"large": 5})
    reduced = [(widths[4], widths[5]) for widths in own.table_1.values()]
    assert wide - RECORD[0] == sum((25 - 9) * a * b for a, b in reduced)
    sizes = [28 if name[0] == "3" else 14 if name[0] == "4" else 7 for name in own.table_1]
    more = sum(16 * a * b * side**2 for (a, b), side in zip(reduced, sizes, strict=True))
    assert macs - RECORD[1] == more


def test_an_image_that_is_too_small_is_told():
    with pytest.raises(UserError, match="14 x 20 is too small for googlenet: give 15 x 15"):
        count.main("googlenet", size=(14, 20))


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_the_same_weights_give_torchvisions_outputs_gradients_and_statistics(twins, training):
    assert_agree(*twins, (64, 48), training, counters=False)


class _Watch(TorchDispatchMode):
    """Notes the framework's convolutions and normalisations."""

    def __init__(self):
        super().__init__()
        self.seen: list[str] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """See `convzoo.recorder.Recorder`."""
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func)
        if name.startswith("aten.convolution") or "_norm" in name:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


def borrowed(network: nn.Module) -> list[str]:
    with _Watch() as watch:
        network(torch.zeros(2, 3, 32, 32, device="meta")).sum().backward()
    return watch.seen


def test_no_convolution_and_no_batch_norm_of_the_frameworks_is_left_in_it():
    assert borrowed(count.build("googlenet", device="meta")) == []


@pytest.mark.parametrize("name", ["convolve", "normalise"])
def test_one_of_the_frameworks_would_be_found(root, monkeypatch, name):
    real = count.definitions(root / "solutions" / "00_convolution.py")
    spoilt = {"convolve": framework.conv2d, "normalise": framework.batch_norm}[name]
    real.Conv2d.__init__.__globals__[name] = spoilt
    monkeypatch.setattr(count, "definitions", lambda path: real)
    assert len(borrowed(count.build("googlenet", device="meta"))) >= 2 * 57
