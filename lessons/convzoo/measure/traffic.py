"""What one operation reads and writes: its tensors, their storages and the bytes under them.

func, args, kwargs: an operation of torch's dispatcher and its arguments.
"""

from collections.abc import Iterator
from math import prod

from torch import Tensor
from torch.utils import _pytree as pytree

from convzoo.measure import formulas

_OVERWRITES = {
    *("copy_", "fill_", "zero_", "uniform_", "normal_", "random_", "bernoulli_"),
    *("exponential_", "cauchy_", "geometric_", "log_normal_"),
}


def tensors_in(tree) -> list[Tensor]:
    """Return the tensors among the leaves of a tree (a tuple, a dict, ...)."""
    return [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor)]


def storages(tensors: list[Tensor]) -> dict[int, int]:
    """Return the bytes of each storage beneath the tensors, by its address."""
    parts = [part.untyped_storage() for t in tensors for part in formulas.components(t)]
    return {storage._cdata: storage.nbytes() for storage in parts}


def _arguments(func, args, kwargs) -> Iterator[tuple[object, list[Tensor]]]:
    """Yield the schema's arguments with the tensors that were passed for each."""
    for position, spec in enumerate(func._schema.arguments):
        value = args[position] if position < len(args) else kwargs.get(spec.name)
        yield spec, tensors_in(value)


def _is_mutated(spec) -> bool:
    return spec.alias_info is not None and spec.alias_info.is_write


def mutated(func, args, kwargs) -> list[Tensor]:
    """Return the tensors that the operation changes in place."""
    pairs = _arguments(func, args, kwargs)
    return [t for spec, tensors in pairs if _is_mutated(spec) for t in tensors]


def results(name: str, args, output):
    """Return the results, without the gradients that were not requested from a convolution."""
    if name != "convolution_backward":
        return output
    return [gradient for gradient, wanted in zip(output, args[10]) if wanted]


def sources(func, name: str, args, kwargs) -> list[Tensor]:
    """Return the tensors whose values the operation needs."""
    if name.endswith("_like") or name.startswith("new_"):
        return []  # zeros_like(x), x.new_zeros(...): only the shape of x is used
    if name == "convolution_backward":
        grad, image, weight, wanted = *args[:3], args[10]
        return [grad] + [weight] * wanted[0] + [image] * wanted[1]
    found = []
    for spec, tensors in _arguments(func, args, kwargs):
        overwritten = _is_mutated(spec) and (spec.kwarg_only or name in _OVERWRITES)
        found += [] if overwritten else tensors
    return found


def footprint(tensors: list[Tensor]) -> int:
    """Return the bytes under the tensors, one that is passed twice counted once.

    An expanded dimension and windows that overlap have fewer elements in memory
    than in their shape.
    """
    places = {}
    for part in (part for t in tensors for part in formulas.components(t)):
        sizes, steps = part.shape, part.stride()
        span = 1 + sum((n - 1) * step for n, step in zip(sizes, steps))
        count = prod(n for n, step in zip(sizes, steps) if step)
        place = (part.untyped_storage()._cdata, part.storage_offset(), sizes, steps)
        places[place] = min(count, max(span, 0)) * part.element_size()
    return sum(places.values())
