"""Counts what a callable costs, by watching the operations that reach torch's dispatcher.

Nothing is estimated from a module's type, so a reader's own loop is counted in the same way as the
framework's layer. What never reaches the dispatcher is not seen: NumPy, Python numbers (`.item()`),
hand-written kernels (Triton), compiled functions, and the inside of fused recurrent layers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from convzoo.errors import UserError
from convzoo.measure import formulas

_ALLOCATIONS = ("empty", "new_empty")  # memory is allocated, nothing is written
_OVERWRITES = {
    *("copy_", "fill_", "zero_", "uniform_", "normal_", "random_", "bernoulli_"),
    *("exponential_", "cauchy_", "geometric_", "log_normal_"),
}
_PRODUCTS = {"mul", "addcmul", "addr"}
_TO_THE_HOST = {"_local_scalar_dense", "equal"}  # .item(), torch.equal


@dataclass(frozen=True)
class Cost:
    """What one call costs.

    params         elements of all parameters; a shared one counts once
    macs           multiply-adds in matrix products and convolutions
    products       elementwise multiplications, of which a naive loop is made
    bytes_read     each operation reads each of its tensors once,
    bytes_written  and writes each of its results once; no cache is assumed
    launches       operations that run a kernel; views and allocations do not
    backward       the same for the backward pass; None if it was not counted
    """

    params: int
    macs: int
    products: int
    bytes_read: int
    bytes_written: int
    launches: int
    backward: "Cost | None" = None

    @property
    def bytes(self) -> int:
        """Bytes moved, read and written together."""
        return self.bytes_read + self.bytes_written

    def __str__(self) -> str:
        line = (
            f"{self.params:,} parameters, {self.macs:,} multiply-adds, "
            f"{self.products:,} products, {self.bytes_read:,} bytes read, "
            f"{self.bytes_written:,} written, {self.launches:,} launches"
        )
        return line if self.backward is None else f"{line}\nbackward: {self.backward}"


def cost(fn: Callable, *inputs, backward: bool = False, **kwargs) -> Cost:
    """Count what `fn(*inputs, **kwargs)` does, by running it once.

    fn: a module, a function or a closure, on any device; on "meta" nothing is computed. It runs in
    its current mode (train or eval); a module's buffers, all `.grad` and the random state are left
    unchanged.

    backward=True also counts the backward pass, as it would be in the middle of a network:
    gradients for every parameter and every floating-point input.

    Raises UserError if the backward pass is to be counted and no result has one.
    """
    with _undisturbed(fn):
        if not backward:
            with _Watch() as ahead:
                fn(*inputs, **kwargs)
            return ahead.cost(_parameters(fn, ahead), None)
        with torch.enable_grad():
            inputs, kwargs = _in_a_graph((inputs, kwargs))
            with _Watch() as ahead:
                output = fn(*inputs, **kwargs)
        params = _parameters(fn, ahead)
        return ahead.cost(params, _backward(output).cost(params, None))


def saved_bytes(fn: Callable, *inputs, **kwargs) -> int:
    """Return the bytes that `fn(*inputs, **kwargs)` keeps for its backward pass.

    Each storage counts once and as a whole, however many views of it are kept. Parameters and a
    module's buffers are left out, because they exist anyway. Every floating-point input is assumed
    to need a gradient.
    """
    kept: list[Tensor] = []

    def pack(t: Tensor) -> int:
        kept.append(t)
        return len(kept) - 1

    with _undisturbed(fn), torch.enable_grad():
        inputs, kwargs = _in_a_graph((inputs, kwargs))
        with torch.autograd.graph.saved_tensors_hooks(pack, kept.__getitem__):
            output = fn(*inputs, **kwargs)
    held = [leaf for leaf in _graph_leaves(output) if isinstance(leaf, nn.Parameter)]
    if isinstance(fn, nn.Module):
        held += [*fn.parameters(), *fn.buffers()]
    storages = _storages(kept)
    for key in _storages(held):
        storages.pop(key, None)
    return sum(storages.values())


class _Watch(TorchDispatchMode):
    """Adds up the costs of every operation that is dispatched inside it."""

    def __init__(self):
        super().__init__()
        self.parameters: dict[int, nn.Parameter] = {}
        self.macs = self.products = 0
        self.bytes_read = self.bytes_written = self.launches = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.ops.aten.dropout.default and not args[2]:
            return args[0]  # torch 2.11's decomposition contains a copy that never happens
        if func.namespace == "aten":
            # A composite operation arrives whole in inference mode: count its parts.
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        output = func(*args, **kwargs)
        self._count(func, args, kwargs, output)
        return output

    def _count(self, func, args, kwargs, output) -> None:
        operands = _tensors((args, kwargs))
        self.parameters |= {id(t): t for t in operands if isinstance(t, nn.Parameter)}
        name = func._schema.name.split("::")[1]
        before = _storages(operands)
        results = _tensors(_wanted(name, args, output))
        fresh = [t for t in results if not _storages([t]).keys() <= before.keys()]
        written = _mutated(func, args, kwargs) + fresh
        if name.startswith(_ALLOCATIONS) or torch.Tag.inplace_view in func.tags:
            return
        if not written and name not in _TO_THE_HOST:
            return  # a view
        self.launches += 1
        self.bytes_read += _footprint(_read(func, name, args, kwargs))
        self.bytes_written += _footprint(written)
        self.macs += formulas.macs(name, args, output)
        if name.removesuffix("_") in _PRODUCTS:
            self.products += sum(formulas.stored(t) for t in written)

    def cost(self, params: int, backward: Cost | None) -> Cost:
        return Cost(
            params,
            self.macs,
            self.products,
            self.bytes_read,
            self.bytes_written,
            self.launches,
            backward,
        )


def _tensors(tree) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor)]


def _storages(tensors: list[Tensor]) -> dict[int, int]:
    """Return the bytes of each storage under the tensors, by its address."""
    parts = [part.untyped_storage() for t in tensors for part in formulas.components(t)]
    return {storage._cdata: storage.nbytes() for storage in parts}


def _arguments(func, args, kwargs) -> Iterator[tuple[object, list[Tensor]]]:
    """Yield the schema's arguments with the tensors that were passed for each."""
    for position, spec in enumerate(func._schema.arguments):
        value = args[position] if position < len(args) else kwargs.get(spec.name)
        yield spec, _tensors(value)


def _is_mutated(spec) -> bool:
    return spec.alias_info is not None and spec.alias_info.is_write


def _mutated(func, args, kwargs) -> list[Tensor]:
    pairs = _arguments(func, args, kwargs)
    return [t for spec, tensors in pairs if _is_mutated(spec) for t in tensors]


def _wanted(name: str, args, output):
    """Return the results without gradients that were not requested from a convolution."""
    if name != "convolution_backward":
        return output
    return [gradient for gradient, wanted in zip(output, args[10]) if wanted]


def _read(func, name: str, args, kwargs) -> list[Tensor]:
    """Return the tensors whose values the operation needs."""
    if name.endswith("_like") or name.startswith("new_"):
        return []  # zeros_like(x), x.new_zeros(...): only the shape of x is used
    if name == "convolution_backward":
        grad, image, weight, wanted = *args[:3], args[10]
        return [grad] + [weight] * wanted[0] + [image] * wanted[1]
    read = []
    for spec, tensors in _arguments(func, args, kwargs):
        overwritten = _is_mutated(spec) and (spec.kwarg_only or name in _OVERWRITES)
        read += [] if overwritten else tensors
    return read


def _footprint(tensors: list[Tensor]) -> int:
    """Return the bytes under the tensors; one that is passed twice counts once.

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


def _parameters(fn: Callable, watch: _Watch) -> int:
    """Return the elements of a module's parameters and of those seen, each parameter once."""
    own = fn.parameters() if isinstance(fn, nn.Module) else ()
    seen = watch.parameters | {id(p): p for p in own}
    return sum(p.numel() for p in seen.values())


def _in_a_graph(tree):
    """Return the tree with every floating-point tensor replaced by one that needs a gradient.

    Each is a copy, because a leaf could not be changed in place.
    """
    copies: dict[int, Tensor] = {}

    def attach(leaf):
        if not isinstance(leaf, Tensor) or not leaf.is_floating_point():
            return leaf
        if isinstance(leaf, nn.Parameter):
            return leaf
        if id(leaf) not in copies:
            copies[id(leaf)] = leaf.detach().requires_grad_().clone()
        return copies[id(leaf)]

    return pytree.tree_map(attach, tree)


def _differentiable(output) -> list[Tensor]:
    return [t for t in _tensors(output) if t.requires_grad]


def _graph_leaves(output) -> list[Tensor]:
    """Return the leaves that need a gradient, wherever `fn` got them from."""
    nodes = [t.grad_fn for t in _differentiable(output)]
    seen, leaves = set(), []
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves.append(node.variable)
        nodes += [after for after, _ in node.next_functions]
    return leaves


def _backward(output) -> _Watch:
    """Return a watch on the backward pass of every result, without writing to any `.grad`."""
    outputs, leaves = _differentiable(output), _graph_leaves(output)
    if not leaves:
        raise UserError(
            "The backward pass cannot be counted, because no result depends on an input or a "
            "parameter through torch. Pass floating-point tensors, and avoid detach(), .item() "
            "and NumPy on the way."
        )
    ones = [torch.ones_like(t) for t in outputs]
    with _Watch() as behind:
        torch.autograd.grad(outputs, leaves, ones, allow_unused=True)
    return behind


@contextmanager
def _undisturbed(fn: Callable) -> Iterator[None]:
    """Restore a module's buffers and the random state at the end."""
    buffers = list(fn.buffers()) if isinstance(fn, nn.Module) else []
    before = [b.clone() for b in buffers]
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices=gpus):
            yield
    finally:
        with torch.no_grad():
            for buffer, kept in zip(buffers, before):
                buffer.copy_(kept)
