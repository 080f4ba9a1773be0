"""What happens on the device in disguise (see disguised.py), as JSON: {"what was tried": result}.

A script of its own, because a device that torch once knows stays known to the process.
"""

import json
import tempfile
from pathlib import Path

import disguised
import slips
import torch
from convzoo import measure, show
from convzoo import train as training
from convzoo.data import made
from convzoo.device import choose
from convzoo.exercises import all_exercises, assess, rehearsal
from convzoo.experiments.runner import all_experiments
from convzoo.gpu import day
from convzoo.measure import sparse
from convzoo.show import sparsity
from slips import resnext
from torch import Generator, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

disguised.register()
disguised.be_the_accelerator()
D = torch.device(disguised.NAME)
EXERCISES = all_exercises()
NAMES = {name: thing for module in slips.lessons() for name, thing in module.NAMES.items()}


def error(fn) -> str:
    """The error that a call raises; "" if none."""
    try:
        fn()
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"
    return ""


def block():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(8, 8, 3, padding=1, groups=4), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1)
    )


def counted(device) -> dict:
    """What our counters and torch's say of the same block on a device."""
    net, x = block().to(device), torch.randn(2, 8, 6, 6).to(device)
    with FlopCounterMode(display=False) as flops:
        net(x).sum().backward()
    saved = measure.saved_bytes(net, x)
    found = measure.cost(net, x, backward=True)
    return {"cost": str(found), "saved": saved, "flops": flops.get_total_flops()}


def trained(device) -> list[float]:
    images = made("xor_groups", train=64, test=64)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(images.train_x[0].numel(), 2)).to(device)
    history = training.train(net, images, epochs=2, on_epoch=lambda history: None)
    return history.train_loss


def again(device) -> list[float]:
    """The gradient of a checkpointed block's weights, summed for each."""
    net, x = block().to(device), torch.ones(1, 8, 4, 4).to(device).requires_grad_()
    checkpoint(net, x, use_reentrant=False).square().sum().backward()
    return [float(p.grad.sum()) for p in net.parameters()]


def for_real(kind: str, id: str) -> str:
    exercise, cases = EXERCISES[id], EXERCISES[id].cases(Generator().manual_seed(0))
    own = kind == "solution"
    target = slips.defined(slips.answer(id), exercise.name, **NAMES) if own else exercise.reference
    said = {rehearsal.for_real(exercise, target, case) for case in cases}
    return "; ".join(sorted(said - {""}))


def day_on_the_device() -> dict:
    """What `convzoo gpu` measures in this process."""
    parts = ["kernels", "layers", "training", "peaks", "grouped", "sparse"]
    with tempfile.TemporaryDirectory() as folder:
        done = day.gpu(parts, rehearse=True, folder=Path(folder), say=lambda line: None)
        about = json.loads(done.path.read_text())
    points = {name: len(found) for name, found in about["parts"].items()}
    return {"failed": done.failed, "left": done.left, "kind": about["kind"], "points": points}


def experiments_there() -> dict[str, str]:
    """For each experiment the error of a network that cannot take a step there; "" if all can."""

    def step(experiment) -> None:
        images = experiment.images()
        x, y = images.train_x[:2].to(D), images.train_y[:2].to(D)
        for build in experiment.variants.values():
            F.cross_entropy(build().to(D).train()(x), y).backward()

    found = all_experiments().items()
    return {name: error(lambda e=experiment: step(e)) for name, experiment in found}


def functions_there() -> dict[str, str]:
    """For each function that a widget calls with tensors, its error there; "" if there is none."""
    grouped = nn.Conv2d(12, 12, 3, padding=1, groups=3, bias=False).to(D)
    x = torch.randn(1, 12, 9, 9, device=D)
    matrix = torch.rand(4, 4, device=D) - 0.5
    calls = {
        "channel_matrix": lambda: measure.channel_matrix(grouped, x),
        "drawn matrix": lambda: show.draw.channel_matrix(
            measure.channel_matrix(grouped, x), title="grouped"
        ),
        "effective_receptive_field": lambda: measure.effective_receptive_field(grouped, x),
        "receptive_field": lambda: measure.receptive_field([grouped]),
        "cost": lambda: measure.cost(grouped, x, backward=True),
        "saved_bytes": lambda: measure.saved_bytes(grouped, x),
        "bench": lambda: measure.bench({"layer": grouped}, x, seconds=0.01)["layer"].minimum,
        "changed": lambda: measure.changed(matrix.softmax(1), matrix.flip(1).softmax(1)),
        "sweep": lambda: sparsity.panel(sparse.sweep(64, 16, device=D, budget_seconds=0.01)),
        "pixels": lambda: show.draw.pixels(matrix, title="four by four"),
        "photograph": lambda: show.draw.photograph(x[0, :3].sigmoid(), title="noise"),
        "kernels": lambda: show.draw.kernels(torch.rand(4, 1, 3, 3, device=D), title="kernels"),
        "maps": lambda: show.draw.maps(x[0], title="maps"),
    }
    return {name: error(call) for name, call in calls.items()}


def verdict(id: str, *changes: tuple[str, str]) -> list[str]:
    source = slips.changed(slips.answer(id), *changes)
    found = assess(EXERCISES[id], slips.defined(source, EXERCISES[id].name, **NAMES))
    return [found.status, found.stage, found.message]


one = torch.ones(3, device=D)
FOUND = {
    "day": day_on_the_device(),
    "experiments": experiments_there(),
    "functions": functions_there(),
    "chosen": str(choose()),
    "float64": error(lambda: torch.ones(3, dtype=torch.float64).to(D)),
    "made in float64": error(lambda: torch.zeros(3, dtype=torch.float64, device=D)),
    "grown to float64": error(one.double),
    "mixed": error(lambda: one + torch.ones(3)),
    "mixed in a layer": error(lambda: F.linear(one, torch.ones(3, 3))),
    "put there": error(lambda: one.clone().index_put((torch.tensor([0]),), torch.ones(1))),
    "a number of the CPU": (one + torch.tensor(1.0)).tolist(),
    "picked by an index of the CPU": one[torch.tensor([0, 2])].tolist(),
    "as NumPy": error(one.numpy),
    "sparse": error(one.to_sparse),
    "layouts": {
        name: time.reason
        for name, time in sparse.sweep(
            64, 16, density=0.1, device=D, budget_seconds=0.01
        ).times.items()
    },
    "counted": [counted("cpu"), counted(D)],
    "trained": [trained("cpu"), trained(D)],
    "checkpointed": [again("cpu"), again(D)],
    "for real": {
        kind: {id: said for id in EXERCISES if (said := for_real(kind, id))}
        for kind in ("solution", "framework")
    },
    "right": verdict(resnext.CONV),
    "in float64": verdict(resnext.CONV, ("return y.", "return y.double().to(x.dtype).")),
    "of the CPU": verdict(resnext.CONV, ("return y.", "return torch.ones(1) * y.")),
}
print(json.dumps(FOUND))
