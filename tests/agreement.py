"""The agreement of two networks: the same weights give the same outputs, gradients and statistics,
and no grouped convolution of the framework's does the work."""

from collections.abc import Callable, Mapping

import torch
from convzoo import nets
from convzoo.case import cotangent
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

COUNTER = "num_batches_tracked"  # of the framework's batch norms; a reader's own need none
Rename = Callable[[str], str]


def shaken(network: nn.Module) -> nn.Module:
    """Return the network in float64, with random running statistics and scales that matter."""
    for key, value in network.state_dict().items():
        if "running_mean" in key or (value.dim() == 1 and key.endswith("bias")):
            value.normal_(0, 0.1)
        elif "running_var" in key or (value.dim() == 1 and key.endswith("weight")):
            value.uniform_(0.5, 1.5)
    return network.double()


def run(network: nn.Module, x: Tensor, training: bool) -> dict[str, Tensor]:
    """Return output, gradients and buffers of one call, all by name."""
    network.train(training).zero_grad()
    x = x.clone().requires_grad_()
    output = network(x)
    output.backward(cotangent(output))
    grads = {f"grad:{name}": p.grad for name, p in network.named_parameters()}
    return {"output": output, "grad:x": x.grad, **grads, **dict(network.named_buffers())}


def assert_agree(
    mine: nn.Module,
    other: nn.Module,
    size: tuple[int, int],
    training: bool,
    *,
    bound: float = 1e-9,
    least: float = 0.0,
    rename: Rename = str,
    counters: bool = True,
) -> None:
    """Assert that two networks return the same for two random images of a height and width.

    bound: of a difference, as a part of the largest number of that tensor, or of `least` where
    that is larger. Without `least` a tensor of nothing but zeros would prove nothing: it fails.
    rename: the other network's name of a weight -> mine. counters: compare the batch norms' too.
    """
    gen = torch.Generator().manual_seed(2)
    x = torch.randn(2, 3, *size, dtype=torch.float64, generator=gen)
    reply, expected = run(mine, x, training), run(other, x, training)
    expected = {_renamed(rename, name): value for name, value in expected.items()}
    if not counters:
        reply, expected = without_counters(reply), without_counters(expected)
    assert reply.keys() == expected.keys()
    for name, value in expected.items():
        scale = max(value.abs().max().item(), least)
        assert scale > 0 or name.endswith(COUNTER), name
        torch.testing.assert_close(
            reply[name], value, rtol=0, atol=bound * scale, msg=lambda m, n=name: f"{n}: {m}"
        )


def _renamed(rename: Rename, name: str) -> str:
    kind, sign, own = name.rpartition(":")
    return name if name in ("output", "grad:x") else kind + sign + rename(own)


def without_counters(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors without the batch norms' counters."""
    return {name: value for name, value in state.items() if not name.endswith(COUNTER)}


def assert_loads(mine: nn.Module, state: Mapping[str, Tensor], rename: Rename = str) -> None:
    """Assert that a state has the network's names and shapes, and load it."""
    shapes = {rename(name): value.shape for name, value in state.items()}
    assert shapes == {name: value.shape for name, value in mine.state_dict().items()}
    nets.load_torchvision(mine, state, rename)


class GroupedCalls(TorchDispatchMode):
    """Writes down each operation that is called with more than one group.

    found: these operations; convolutions: how many take a number of groups, whichever it is.
    """

    def __init__(self):
        super().__init__()
        self.found: list[str] = []
        self.convolutions = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """See `convzoo.recorder.Recorder`."""
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for place, spec in enumerate(func._schema.arguments):
            if spec.name == "groups":
                self.convolutions += 1
                groups = args[place] if place < len(args) else kwargs.get("groups", 1)
                self.found += [f"{func} with groups={groups}"] if groups > 1 else []
        return func(*args, **kwargs)


def grouped_calls(network: nn.Module, least: int = 11, backward: bool = True) -> list[str]:
    """Return the framework's grouped convolutions of a network on meta, forward and backward.

    least: so many convolutions, grouped or not, have to be seen: a grouped one would be, too.
    """
    with GroupedCalls() as watch:
        output = network(torch.empty(2, 3, 64, 64, device="meta"))
        if backward:
            output.sum().backward()
    assert watch.convolutions >= least
    return watch.found
