"""Lesson 07: the framework's forms of the front, the search, the schedule, the splits."""

from __future__ import annotations

from bisect import bisect_right
from itertools import count

import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR

from convzoo.ideas.separable.framework import DepthwiseSeparable
from convzoo.ideas.zoo import networks as zoo


def pareto_front(cost: Tensor, accuracy: Tensor, less_is_better: bool = True) -> Tensor:
    """(n,), (n,) -> (n,) bool: point by point against the best of those that are cheaper or cost
    the same."""
    price = cost if less_is_better else cost.neg()
    mask = torch.zeros(len(cost), dtype=torch.bool, device=cost.device)
    for i, (p, a) in enumerate(zip(price.tolist(), accuracy.tolist(), strict=True)):
        cheaper, equals = accuracy[price < p], accuracy[price == p]
        mask[i] = bool((cheaper < a).all()) and a == equals.max().item()
    return mask


def width_for_budget(kind: str, budget: int, step: int) -> int:
    """Return the width of the widest network within the budget, by Python's own bisection of the
    powers of two, and then of what lies between two of them."""
    top = next(i for i in count() if zoo.macs(kind, step << i) > budget)
    if not top:
        return 0
    stops = range(step << (top - 1), step << top, step)
    return stops[bisect_right(stops, budget, lo=1, key=lambda width: zoo.macs(kind, width)) - 1]


def schedule(steps: int, warmup: int, lr: float) -> Tensor:
    """(steps,) float64: the learning rates that torch's two schedulers set, one after the other."""
    rising = _run(warmup, lr, lambda o: LinearLR(o, 1 / warmup, total_iters=warmup - 1))
    rest = steps - warmup
    falling = _run(rest, lr, lambda o: CosineAnnealingLR(o, rest))
    return torch.tensor([*rising, *falling], dtype=torch.float64)


def _run(steps: int, lr: float, scheduler) -> list[float]:
    if not steps:
        return []
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr)
    own, rates = scheduler(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        own.step()
    return rates


def chance(one: Tensor, other: Tensor) -> float:
    """(s,), (s,) -> the share of all splits of the 2s numbers whose gap is at least as large."""
    both, s = torch.cat([one, other]), len(one)
    sums = both[torch.combinations(torch.arange(2 * s, device=one.device), r=s)].sum(1)
    gaps = (2 * sums - both.sum()).abs()
    return float((gaps >= (one.sum() - other.sum()).abs()).double().mean())


class Design(DepthwiseSeparable):
    """The separable block: one of many designs within the budget."""
