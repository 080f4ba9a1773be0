"""How far a network's answers have moved after something in it was changed."""

from __future__ import annotations

from torch import Tensor


def changed(shares: Tensor, before: Tensor) -> float:
    """Return how much of the shares has moved to other classes, in the mean over the images.

    shares, before: (n, classes), each row sums to one. 0 if nothing moved, 1 if all of it did.
    """
    return float((shares - before).abs().sum(1).mean() / 2)
