"""Why not any sparse matrix? Patterns, what their index costs, and the time of each layout.

A matrix is n x n and multiplies n x columns. Density is the share of it that is not zero. What a
device does not support is returned as `Unavailable(reason)`, and so is what does not fit a pattern:
nothing here raises because a library was built without some kernel.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, isfinite, log
from time import perf_counter

import torch
from torch import Tensor

from convzoo.errors import UserError
from convzoo.measure.masks import (
    PATTERNS,
    density_of,
    divisors,
    groups_of,
    is_permutation,
    mask,
    thumbnail,
)
from convzoo.measure.storage import LAYOUTS, index_bytes, misfit, stored_values
from convzoo.measure.timing import Timing, bench, summary

__all__ = [
    "LAYOUTS",
    "LOWEST",
    "PATTERNS",
    "Step",
    "Unavailable",
    "crossover",
    "density_of",
    "disagreement",
    "groups_of",
    "index_bytes",
    "is_permutation",
    "layouts",
    "mask",
    "misfit",
    "operands",
    "stored_values",
    "sweep",
    "thumbnail",
    "timed",
]

LOWEST = 0.001  # the density at which the slider starts
# Sums of k products in another order: rounding grows with the root of k, a bug does not.
_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-9}
_COARSE = 0.05  # for the 16-bit types


@dataclass(frozen=True)
class Unavailable:
    """A layout that is not available here, and why, in one line."""

    reason: str


Product = Callable[[Tensor], Tensor]


def layouts(
    weight: Tensor, mask: Tensor, block: int = 32, names: Sequence[str] = LAYOUTS
) -> dict[str, Product | Unavailable]:
    """Return for each name the product of (weight * mask) with x (n x columns), or why there is
    none. Not available is what does not fit the pattern, and what torch does not support on this
    device, which a tiny product tests first.
    """
    weight = weight * mask.to(weight.device)
    lacking = _lacking(weight.device.type, weight.dtype)
    found: dict[str, Product | Unavailable] = {}
    for name in names:
        reason = misfit(name, mask, block) or lacking[name]
        found[name] = Unavailable(reason) if reason else _attempt(name, weight, mask, block)
    return found


def _attempt(name: str, weight: Tensor, mask: Tensor, block: int) -> Product | Unavailable:
    try:
        with warnings.catch_warnings():  # torch warns once that its sparse layouts are "beta"
            warnings.simplefilter("ignore")
            return _BUILD[name](weight, mask, block)
    except Exception as error:  # whatever a build of torch lacks, the others still run
        return Unavailable(_line(error))


@cache
def _lacking(kind: str, dtype: torch.dtype) -> dict[str, str]:
    """Return for each layout why this kind of device cannot multiply with it; "" if it can."""
    return {name: _tiny(name, torch.device(kind), dtype) for name in LAYOUTS}


def _tiny(name: str, device: torch.device, dtype: torch.dtype) -> str:
    n = 64
    where = torch.eye(n, dtype=torch.bool)
    weight = torch.eye(n, dtype=dtype, device=device)
    built = _attempt(name, weight, where, 32)
    if isinstance(built, Unavailable):
        return built.reason
    try:
        x = torch.ones(n, 16, dtype=dtype, device=device)
        return "" if bool((built(x) == x).all()) else "its product with the identity is wrong here"
    except Exception as error:
        return _line(error)


def _line(error: Exception) -> str:
    """Return the first line of an error, short enough for a label."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:160]


def _dense(weight: Tensor, mask: Tensor, block: int) -> Product:
    return lambda x: weight @ x


def _coo(weight: Tensor, mask: Tensor, block: int) -> Product:
    stored = weight.to_sparse().coalesce()
    return lambda x: stored @ x


def _csr(weight: Tensor, mask: Tensor, block: int) -> Product:
    stored = weight.to_sparse_csr()
    return lambda x: stored @ x


def _bsr(weight: Tensor, mask: Tensor, block: int) -> Product:
    stored = weight.to_sparse_bsr((block, block))
    return lambda x: stored @ x


def _block_diagonal(weight: Tensor, mask: Tensor, block: int) -> Product:
    groups = groups_of(mask)
    size = len(mask) // groups
    tiles = weight.reshape(groups, size, groups, size)
    own = torch.arange(groups, device=weight.device)
    blocks = tiles[own, :, own].contiguous()  # groups size size
    return lambda x: torch.bmm(blocks, x.view(groups, size, -1)).view(len(x), -1)


def _permutation(weight: Tensor, mask: Tensor, block: int) -> Product:
    columns = mask.int().argmax(1).to(weight.device)
    values = weight.gather(1, columns[:, None])  # n 1
    return lambda x: values * x[columns]


_BUILD = {
    "dense": _dense,
    "COO": _coo,
    "CSR": _csr,
    "BSR": _bsr,
    "block-diagonal": _block_diagonal,
    "permutation": _permutation,
}


def disagreement(product: Product, x: Tensor, expected: Tensor) -> float:
    """Return the largest difference from the masked dense product, relative to its largest
    entry."""
    return float((product(x) - expected).abs().max() / expected.abs().max().clamp(min=1e-30))


def crossover(
    densities: Sequence[float], dense: Sequence[float], sparse: Sequence[float]
) -> float | None:
    """Return the density above which dense is faster, between the measured ones on a log scale.

    Densities increase; times are at the same densities, and nan is left out. Returns None if the
    two curves do not cross: sparse is always faster, or never. If noise makes them cross several
    times, the last crossing from "sparse wins" to "dense wins" counts.
    """
    points = [
        (log(d), log(s / t))
        for d, t, s in zip(densities, dense, sparse, strict=True)
        if isfinite(t) and isfinite(s)
    ]
    if [x for x, _ in points] != sorted({x for x, _ in points}):
        raise UserError(
            "The densities of a crossover must increase. Sort them, and give each only once."
        )
    found = None
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if y0 < 0 <= y1:
            found = exp(x0 - y0 * (x1 - x0) / (y1 - y0))
    return found


@dataclass(frozen=True)
class Step:
    """One step of the slider: every layout, timed alternately.

    density      the density that was reached; `asked` was requested
    times        a Timing for each of LAYOUTS; `reason` says why there is none. Only one repeat
    means that a product was too slow for the budget, and was timed once.
    index_bytes  for the layouts that fit the pattern
    picture      how full each tile of the matrix is, 0..1
    """

    pattern: str
    n: int
    columns: int
    asked: float
    density: float
    times: dict[str, Timing]
    index_bytes: dict[str, int]
    picture: Tensor

    @property
    def fastest(self) -> str:
        """The layout with the smallest minimum."""
        there = {name: time.minimum for name, time in self.times.items() if time.available}
        return min(there, key=there.get)


def sweep(
    n: int = 1024,
    columns: int = 256,
    pattern: str = "random",
    density: float = 0.1,
    device: torch.device | str = "cpu",
    budget_seconds: float = 0.5,
    seed: int = 0,
    block: int = 32,
    dtype: torch.dtype = torch.float32,
) -> Step:
    """Return every layout of one random matrix, checked against the masked dense product and timed.

    Takes about `budget_seconds` plus the time to build the layouts (0.1 s at n=1024 on a CPU).
    """
    where = mask(pattern, n, density, seed, block)
    weight, x = operands(n, columns, device, seed, dtype)
    found = layouts(weight, where, block)
    times = timed(found, x, {name: weight * where.to(device) for name in found}, budget_seconds)
    fits = [name for name in LAYOUTS if not misfit(name, where, block)]
    index = {name: index_bytes(name, where, block) for name in fits}
    cells = max(d for d in divisors(n) if d <= 32)
    return Step(
        pattern, n, columns, density, density_of(where), times, index, thumbnail(where, cells)
    )


def operands(
    n: int, columns: int, device: torch.device | str, seed: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return a random n x n weight and an n x columns input, the same on every device."""
    gen = torch.Generator().manual_seed(seed)
    weight, x = torch.randn(n, n, generator=gen), torch.randn(n, columns, generator=gen)
    return weight.to(device, dtype), x.to(device, dtype)


def timed(
    products: Mapping[str, Product | Unavailable],
    x: Tensor,
    matrices: Mapping[str, Tensor],
    budget_seconds: float,
    slowest: float | None = None,
) -> dict[str, Timing]:
    """Return a Timing for each product, once it agrees with its dense matrix's product with x.

    A product that takes longer than `slowest` seconds is timed only once; by default, if three
    repeats and two to warm up would take most of the budget.
    """
    limit = budget_seconds / 8 if slowest is None else slowest
    reasons, once, often = {}, {}, {}
    for name, product in products.items():
        if isinstance(product, Unavailable):
            reasons[name] = product.reason
            continue
        reasons[name], seconds = _checked(product, x, matrices[name])
        if not reasons[name]:
            (once if seconds > limit else often)[name] = seconds
    with torch.no_grad():
        runs = {name: products[name] for name in often}
        measured = bench(runs, x, seconds=budget_seconds, device=x.device) if runs else {}
    single = {name: Timing(t, t, 0.0, 1) for name, t in once.items()}
    failed = {name: summary([], reason) for name, reason in reasons.items() if reason}
    every = {**measured, **single, **failed}
    return {name: every[name] for name in products}


def _checked(product: Product, x: Tensor, matrix: Tensor) -> tuple[str, float]:
    """Return why a product cannot be trusted ("" if it can), and the seconds of one call."""
    try:
        off = disagreement(product, x, matrix @ x)
        allowed = _TOLERANCE.get(x.dtype, _COARSE)
        if not off <= allowed:
            return f"its product is off by {off:.1%} of the dense one's largest entry", 0.0
        start = perf_counter()
        float(product(x)[0, 0])  # reading one number waits for the device
        return "", perf_counter() - start
    except Exception as error:
        return _line(error), 0.0
