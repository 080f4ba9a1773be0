"""A mistake is one function: it has a name, the sentence for the student as its docstring, and as
its body the framework's operation with spoilt arguments.

    mistake = Mistakes(framework.block_diagonal)

    @mistake
    def side_by_side(blocks):
        \"\"\"The blocks are side by side. Each needs its own rows, below the ones before.\"\"\"
        return torch.cat(list(blocks), dim=1)

If the reader writes a class, the function takes its constructor's arguments and returns the
framework's module, spoilt by one of the functions below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor, nn
from torch.nn import functional as F

from convzoo.exercises.model import Mistake


class Mistakes:
    """The plausible wrong answers to one exercise, in the order in which they are written.

    reference: the framework's own form of the answer, a function or a class of modules.
    """

    def __init__(self, reference: Callable):
        self.reference = reference
        self._found: list[Mistake] = []

    def __call__(self, function: Callable) -> Callable:
        """Add a mistake; its sentence is the function's docstring."""
        self.add(function.__name__, " ".join((function.__doc__ or "").split()), function)
        return function

    def add(self, name: str, sentence: str, function: Callable) -> None:
        """Add one of several mistakes that differ only in a value (see `__call__`)."""
        target = function if not isinstance(self.reference, type) else _builder(name, function)
        self._found.append(Mistake(name, sentence, target))

    def __iter__(self) -> Iterator[Mistake]:
        return iter(self._found)


def _builder(name: str, function: Callable) -> type:
    """Return a class that, called with a constructor's arguments, gives what `function` builds."""
    return type(name, (nn.Module,), {"__new__": lambda cls, *args, **kw: function(*args, **kw)})


# --- spoiling a module: each of these changes the module it is given and returns it ---------


def skip_relu(module: nn.Module, *calls: int, of: int) -> nn.Module:
    """Leave out the ReLU at some of the `of` calls of `module.relu` in one forward pass.

    calls: which ones, from 0.
    """
    module.relu = _SkippingRelu(calls, of)
    return module


def change_output(module: nn.Module, layer: str, change: Callable[[Tensor], Tensor]) -> nn.Module:
    """Apply something more to the output of one of its layers, if it has that layer."""
    part = getattr(module, layer, None)
    if part is not None:
        part.register_forward_hook(lambda _, args, output: change(output))
    return module


def relu_after(module: nn.Module, layer: str) -> nn.Module:
    """Add a ReLU after a layer. The copy keeps a later in-place addition from breaking its
    gradient."""
    return change_output(module, layer, lambda output: F.relu(output).clone())


def replace_call(module: nn.Module, layer: str, other: str = "") -> nn.Module:
    """Replace what a layer does by another layer or by nothing; its own weights stay, unused."""
    acting = module.get_submodule(other) if other else nn.Identity()
    module.get_submodule(layer).forward = acting.forward
    return module


def unpad(module: nn.Module, *layers: str) -> nn.Module:
    """Remove the padding from the named convolutions."""
    for layer in layers:
        module.get_submodule(layer).padding = (0, 0)
    return module


def swap_strides(module: nn.Module, first: str, second: str) -> nn.Module:
    """Swap the strides of two convolutions."""
    one, other = module.get_submodule(first), module.get_submodule(second)
    one.stride, other.stride = other.stride, one.stride
    return module


def regroup(module: nn.Module, layer: str, groups: int) -> nn.Module:
    """Give a convolution another number of groups, and new weights."""
    conv = module.get_submodule(layer)
    size = (conv.out_channels, conv.in_channels // groups, *conv.kernel_size)
    conv.groups, conv.weight = groups, nn.Parameter(conv.weight.new_empty(size))
    conv.reset_parameters()
    return module


class _SkippingRelu(nn.Module):
    def __init__(self, skips: tuple[int, ...], of: int):
        super().__init__()
        self.skips, self.of, self.calls = skips, of, 0

    def forward(self, x: Tensor) -> Tensor:
        call, self.calls = self.calls % self.of, self.calls + 1
        return x if call in self.skips else F.relu(x)


# --- spoiling what goes in, what comes out and who acts ---------------------------------------


def change_input(module: nn.Module, change: Callable[[Tensor], Tensor], *layers: str) -> nn.Module:
    """Apply something to the inputs of some of its layers or, if none is named, to its own
    input."""
    for layer in layers or ("",):
        module.get_submodule(layer).register_forward_pre_hook(
            lambda _, args, named: ((change(*args, *named.values()),), {}), with_kwargs=True
        )
    return module


def change_result(module: nn.Module, change: Callable[[Tensor, Tensor], Tensor]) -> nn.Module:
    """Apply something more to what the module returns. change: takes its input and its result."""
    module.register_forward_hook(
        lambda _, args, named, result: change(*args, *named.values(), result), with_kwargs=True
    )
    return module


def reorder(module: nn.Module, **acting: str) -> nn.Module:
    """Let layers act in each other's place, each with its own weights.

    acting: for the place of a layer in the forward pass, the layer that acts there.
    """
    forwards = {place: module.get_submodule(layer).forward for place, layer in acting.items()}
    for place, forward in forwards.items():
        module.get_submodule(place).forward = forward
    return module
