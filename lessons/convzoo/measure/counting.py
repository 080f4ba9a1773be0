"""Counts what a callable costs, by watching the operations that reach torch's dispatcher.

Nothing is estimated from a module's type, so a reader's own loop is counted in the same way as the
framework's layer. What never reaches the dispatcher is not seen: NumPy, Python numbers (`.item()`),
hand-written kernels (Triton), compiled functions, and the inside of fused recurrent layers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from convzoo.errors import UserError
from convzoo.measure import formulas, traffic

_ALLOCATIONS = ("empty", "new_empty")  # memory is allocated, nothing is written
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
    storages = traffic.storages(kept)
    for key in traffic.storages(held):
        storages.pop(key, None)
    return sum(storages.values())


class _Watch(TorchDispatchMode):
    """Adds up the costs of every operation that is dispatched inside it."""

    def __init__(self):
        super().__init__()
        self.parameters: dict[int, nn.Parameter] = {}
        self.macs = self.products = 0
        self.bytes_read = self.bytes_written = self.launches = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """See `recorder.Recorder`."""
        return False

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
        passed = traffic.tensors_in((args, kwargs))
        self.parameters |= {id(t): t for t in passed if isinstance(t, nn.Parameter)}
        name = func._schema.name.split("::")[1]
        before = traffic.storages(passed)
        results = traffic.tensors_in(traffic.results(name, args, output))
        fresh = [t for t in results if not traffic.storages([t]).keys() <= before.keys()]
        written = traffic.mutated(func, args, kwargs) + fresh
        if name.startswith(_ALLOCATIONS) or torch.Tag.inplace_view in func.tags:
            return
        if not written and name not in _TO_THE_HOST:
            return  # a view
        self.launches += 1
        self.bytes_read += traffic.footprint(traffic.sources(func, name, args, kwargs))
        self.bytes_written += traffic.footprint(written)
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


def _parameters(fn: Callable, watch: _Watch) -> int:
    """Return elements of a module's parameters and of those that were passed on; each once."""
    own = fn.parameters() if isinstance(fn, nn.Module) else ()
    found = watch.parameters | {id(p): p for p in own}
    return sum(p.numel() for p in found.values())


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
    return [t for t in traffic.tensors_in(output) if t.requires_grad]


def _graph_leaves(output) -> list[Tensor]:
    """Return the leaves that need a gradient, wherever `fn` got them from."""
    nodes = [t.grad_fn for t in _differentiable(output)]
    visited, leaves = set(), []
    while nodes:
        node = nodes.pop()
        if node is None or node in visited:
            continue
        visited.add(node)
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
