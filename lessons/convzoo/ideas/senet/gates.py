"""Read the gates of a whole network, whatever each gate is made of: from what goes in and out."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def gates_of(
    network: nn.Module, x: Tensor, kinds: type[nn.Module] | tuple[type[nn.Module], ...]
) -> list[Tensor]:
    """Return the gates of each layer of these kinds, in the order in which they are called.

    x: n images, as the network takes them. Each layer's gates are (n, c): a gate multiplies a whole
    channel by one number, so it is read where the channel is farthest from zero. nan for a channel
    that is zero everywhere, whose gate does nothing. The network is in evaluation mode.
    """
    found: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda _, given, out: found.append(_ratio(given[0], out)))
        for layer in network.modules()
        if isinstance(layer, kinds)
    ]
    network(x)
    for hook in hooks:
        hook.remove()
    return found


def _ratio(x: Tensor, y: Tensor) -> Tensor:
    """(n, c, h, w) twice -> (n, c): y / x at the pixel where x is farthest from zero."""
    x, y = x.flatten(2), y.flatten(2)
    where = x.abs().argmax(2, keepdim=True)
    return (y.gather(2, where) / x.gather(2, where))[:, :, 0]
