"""Would it run on a GPU? On machines without one: tensors that count as being elsewhere, and
torch's own fake ones."""

import pytest
import slips
import torch
from convzoo import count
from convzoo.exercises import all_exercises, assess, rehearsal
from slips import resnext
from torch import Generator, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

EXERCISES = all_exercises()
CONV, BLOCK = EXERCISES[resnext.CONV], EXERCISES[resnext.BLOCK]
NETWORKS = count.networks(slips.SOLUTIONS)
FIRST = {count.family(name): name for name in reversed(NETWORKS)}  # one of each family
NAMES = {name: thing for module in slips.lessons() for name, thing in module.NAMES.items()}


def targets(kind: str, id: str):
    """The lesson's own answer, or the framework's form of it."""
    exercise = EXERCISES[id]
    if kind == "framework":
        return exercise.reference
    return slips.defined(slips.answer(id), exercise.name, **NAMES)


# Fake tensors have no values to look at, and without a GPU no way back.
LOOK_AT_VALUES = ("resnext.index_bytes", "zoo.pareto_front", "zoo.chance")
NOT_ON_FAKES = {(kind, id) for kind in ("solution", "framework") for id in LOOK_AT_VALUES} | {
    ("framework", "shufflenet.mixing_matrix"),
    ("framework", "resnet.scale_gradients"),
    ("framework", "senet.live_matrix"),
}


def on_fakes(target, case):
    """Call it on torch's fake tensors of a device that is not there."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        inputs = {
            k: torch.empty(v.shape, dtype=v.dtype, device="cuda") for k, v in case.tensors.items()
        }
        if not isinstance(target, type):
            return target(**inputs, **case.scalars)
        with torch.device("cuda"):
            layer = target(**case.scalars)
        return layer.train(case.training)(*inputs.values())


@pytest.mark.parametrize("id", EXERCISES)
@pytest.mark.parametrize("kind", ["solution", "framework"])
def test_what_the_course_shows_runs_on_a_device(kind, id):
    target, cases = targets(kind, id), EXERCISES[id].cases(Generator().manual_seed(0))
    assert rehearsal.remark(target, cases) == ""
    for case in cases:
        if case.tensors and not case.examine and (kind, id) not in NOT_ON_FAKES:
            on_fakes(target, rehearsal.in_float32(case))


@pytest.mark.parametrize("name", FIRST.values())
def test_the_papers_networks_run_on_a_device(name):
    with FakeTensorMode():
        network = count.build(name, classes=3, device="cuda")
        side = max(64, network.smallest_image)
        for mode in (network.train(), network.eval()):
            assert mode(torch.empty(2, 3, side, side, device="cuda")).device.type == "cuda"


CPU = {
    "made": (
        CONV,
        ("    return y.", "    y = y + torch.zeros(3, 1, 1)[0]\n    return y."),
        "stop in line 16: `y = y + torch.zeros(3, 1, 1)[0]`",
        "created in line 16",
        "`device=x.device`",
        "`x.new_zeros`",
    ),
    "from_numbers": (
        CONV,
        ("    return y.", "    ones = torch.tensor([1.0])\n    return ones * y."),
        "in line 17",
        "It is created in line 16: `ones = torch.tensor([1.0])`",
    ),
    "returned": (
        CONV,
        ("return y.", "z = torch.empty(y.shape, dtype=y.dtype)\n    z.copy_(y)\n    return z."),
        "its result would still be on the CPU",
        "created in line 16: `z = torch.empty(y.shape, dtype=y.dtype)`",
    ),
    "sent_to_the_cpu": (CONV, ("return y.", "return y.cpu()."), "on the CPU", "line 16"),
    "named_the_cpu": (
        CONV,
        ("return y.", "return torch.ones(1, device='cpu') * y."),
        "on the CPU",
        "line 16",
    ),
    "kept_by_a_layer": (
        BLOCK,
        (
            "        self.downsample = None\n",
            "        self.downsample = None\n        self.one = torch.ones(1)\n",
        ),
        "`self.register_buffer`",
        "`self.one = torch.ones(1)`",
    ),
}


@pytest.mark.parametrize("name", CPU)
def test_a_right_answer_with_a_tensor_of_the_cpu_passes_with_a_remark(name):
    exercise, change, *says = CPU[name]
    source = slips.answer(exercise.id)
    if name == "kept_by_a_layer":
        source = slips.changed(source, ("F.relu(y + identity)", "F.relu(y + identity) * self.one"))
    verdict = assess(exercise, slips.defined(slips.changed(source, change), exercise.name, **NAMES))
    assert (verdict.status, verdict.stage) == ("passed", "device"), verdict
    assert verdict.usable
    for words in says:
        assert words in verdict.message


FINE = {
    "told": "torch.ones(1, device=x.device, dtype=x.dtype) * ",
    "new": "x.new_ones(1) * ",
    "like": "torch.ones_like(x[:1, :1, :1, :1]) * ",
    "moved": "torch.ones(1).to(x.device, x.dtype) * ",
    "moved_like": "torch.ones(1).to(x) * ",
    "type_as": "torch.ones(1).type_as(x) * ",
    "single": "torch.tensor(1.0).to(x.dtype) * ",
    "picked": "x.new_ones(3)[torch.arange(1)] * ",
    "python": "float(x.new_ones(1)) * ",
    "values": "(1 if x.sum() > -1e9 else 2) * ",
}


@pytest.mark.parametrize("name", FINE)
def test_what_runs_on_a_device_gets_no_remark(name):
    source = slips.changed(slips.answer(CONV.id), ("return y.", f"return {FINE[name]}y."))
    verdict = assess(CONV, slips.defined(source, CONV.name))
    assert (verdict.status, verdict.stage, verdict.message) == ("passed", "", "")


def test_a_buffer_goes_along():
    source = slips.changed(
        slips.answer(BLOCK.id),
        (
            "        self.downsample = None\n",
            "        self.downsample = None\n"
            "        self.register_buffer('one', torch.ones(1), persistent=False)\n",
        ),
        ("F.relu(y + identity)", "F.relu(y + identity) * self.one"),
    )
    verdict = assess(BLOCK, slips.defined(source, BLOCK.name, **NAMES))
    assert (verdict.status, verdict.stage) == ("passed", "")


class NoFloat64(TorchDispatchMode):
    """A device as MPS is: it raises for float64."""

    @classmethod
    def _should_skip_dynamo(cls):
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves((args, kwargs, result)):
            if isinstance(value, torch.Tensor) and value.dtype == torch.float64:
                raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return result


@pytest.mark.parametrize("exercise", [CONV, BLOCK], ids=lambda e: e.id)
def test_nothing_in_float64_is_put_on_an_accelerator(exercise, monkeypatch):
    """With the CPU in its place."""
    monkeypatch.setattr(rehearsal, "accelerator", lambda: "cpu")
    target, case = targets("solution", exercise.id), exercise.cases(Generator().manual_seed(0))[0]
    call_on = rehearsal._call_on

    def strictly(*given):
        with NoFloat64():
            return call_on(*given)

    monkeypatch.setattr(rehearsal, "_call_on", strictly)
    assert rehearsal.for_real(exercise, target, case) == ""
    assert "float64" in rehearsal.for_real(
        exercise, lambda **given: torch.ones(1).double(), case
    ) or (exercise.is_module)


def test_other_numbers_on_an_accelerator_are_told(monkeypatch):
    monkeypatch.setattr(rehearsal, "accelerator", lambda: "cpu")
    case = CONV.cases(Generator().manual_seed(0))[0]
    right = CONV.reference
    assert rehearsal.for_real(CONV, right, case) == ""
    assert "numbers are not right" in rehearsal.for_real(
        CONV, lambda **given: 2 * right(**given), case
    )


def test_an_answer_that_the_rehearsal_cannot_run_is_not_judged():
    class Odd(nn.Module):
        def forward(self, x):
            raise RuntimeError

    case = CONV.cases(Generator().manual_seed(0))[0]
    assert rehearsal.rehearse(Odd, case) == rehearsal.rehearse(lambda **given: 1 / 0, case) == ""
