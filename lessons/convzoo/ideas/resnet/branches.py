"""Scale the branches of a network that is trained already: in a copy, never in the network itself.

The last layer of a branch is a batch norm, weight * z + bias, so scaling both scales the branch.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import Tensor, nn

LAST = "bn3"  # the branch's last layer, in a bottleneck and in MobileNetV2's block


def blocks(network: nn.Module) -> list[str]:
    """Return the names of the blocks, in the network's order."""
    return [name for name, module in network.named_modules() if hasattr(module, LAST)]


def scaled(network: nn.Module, names: Iterable[str], scale: float) -> nn.Module:
    """Return a copy in which the branch of each named block is multiplied by `scale`."""
    copy = deepcopy(network)
    for name in names:
        _scale(copy.get_submodule(name), scale)
    return copy


@torch.no_grad()
def with_identity(network: nn.Module, image: Tensor) -> list[str]:
    """Return the names of the blocks that return their input if their branch is zero.

    image: what the network takes, n 3 h w. A projection in the shortcut, or no shortcut, is not an
    identity. The network is in evaluation mode.
    """
    inputs, hooks = {}, []
    for name in blocks(network):

        def keep(block, given, name=name):
            inputs[name] = given[0]

        hooks.append(network.get_submodule(name).register_forward_pre_hook(keep))
    network(image)
    for hook in hooks:
        hook.remove()
    return [name for name, x in inputs.items() if _returns(network.get_submodule(name), x)]


def _returns(block: nn.Module, x: Tensor) -> bool:
    empty = deepcopy(block)
    _scale(empty, 0.0)
    return torch.equal(empty(x), x)


def _scale(block: nn.Module, scale: float) -> None:
    norm = getattr(block, LAST)
    norm.weight.data *= scale
    norm.bias.data *= scale
