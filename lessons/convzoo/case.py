"""A case: one call of an exercise as plain data, and the plain data that it returns.

The notebook, the terminal and the grader's sandbox all use these two, so that all of them ask
exactly the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, field, replace
from importlib import import_module
from numbers import Real

import torch
from torch import Tensor, nn

from convzoo import torch_settings
from convzoo.errors import NotAttempted
from convzoo.failure import Objection, first_line, sentence, source_file
from convzoo.recorder import Op, Recorder

_WHOLE = (torch.int64, torch.int32)  # a count is a number, whether it is an int or a tensor


@dataclass(frozen=True)
class Case:
    """The arguments of one call: JSON scalars and named tensors.

    A module is built from the scalars, `weights` (parameters and buffers by name) are loaded into
    it, and it is called on the tensors.

    examine: "module:function" of ours, for a design that is free except for its requirements:
    instead of calling the target, function(target, **tensors, **scalars) returns the numbers to
    compare.
    again: the call comes after others (see `earlier`); channels_last: images have this layout in
    memory. differentiable: whether the result's gradients count, too. whole: the result is used as
    a size, and torch takes no float for that.
    """

    scalars: dict
    tensors: dict[str, Tensor]
    weights: dict[str, Tensor] = field(default_factory=dict)
    training: bool = False
    examine: str = ""
    again: bool = False
    channels_last: bool = False
    differentiable: bool = True
    whole: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """The floating dtype of its tensors; float64 if it has none."""
        given = (*self.tensors.values(), *self.weights.values())
        return next((v.dtype for v in given if v.is_floating_point()), torch.float64)


@dataclass
class Reply:
    """The reply to one case.

    tensors: "output" (or "output.0", ...), "buffer:NAME", "grad:NAME".
    parameters: the shape of every parameter and buffer of a module, by name.
    loaded: whether the case's weights fitted.
    ops, calls, watched: what ran, and whether all of it can be in there (see `Recorder`). stage,
    raised, error: where it stopped, Python's message, and a sentence about it; all three are empty
    if nothing went wrong. At the stage "stub", `raised` is the id of the exercise whose stub was
    called.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    parameters: dict[str, tuple[int, ...]] = field(default_factory=dict)
    loaded: bool = True
    ops: list[Op] = field(default_factory=list)
    stage: str = ""
    raised: str = ""
    error: str = ""
    calls: list[Op] = field(default_factory=list)
    watched: bool = True

    @property
    def launches(self) -> int:
        """The number of operations that started a kernel."""
        return sum(op.launch for op in self.ops)


def answer(target: Callable, case: Case, watch: bool = True) -> Reply:
    """Return what `target` gives for `case`, forward and backward.

    target: a function, called with the tensors and scalars by name; a module used as a function,
    called the same way; or a module class, built from the scalars. Anything that goes wrong becomes
    a stage and a sentence in the reply.
    watch: record the operations, which about doubles the time.
    """
    reply = Reply()
    try:
        with torch_settings.as_torch_starts():
            _fill(reply, target, case, watch)
    except NotAttempted as stub:
        reply.stage, reply.raised = "stub", stub.exercise_id
    except (Exception, SystemExit) as problem:
        reply.stage = "run"
        reply.raised = f"{type(problem).__name__}: {first_line(problem)}"
        reply.error = sentence(problem, target, describe(target, case))
    return reply


def _fill(reply: Reply, target: Callable, case: Case, watch: bool) -> None:
    inputs, layer = _inputs(case), None
    if isinstance(target, type) and not case.examine:
        layer = _built(reply, target, case)
        modes = {name: module.training for name, module in layer.named_modules()}
    call = _called(target, case) if layer is None else lambda tensors: layer(*tensors.values())
    first = [_named_outputs(call(_inputs(other)), case) for other in earlier(case)]
    kept = [(value, value.detach().clone()) for outputs in first for value in outputs.values()]
    with Recorder(source_file(target)) if watch else nullcontext() as recorder:
        output = call(inputs)
    if watch:
        reply.ops, reply.calls, reply.watched = recorder.ops, recorder.calls, recorder.kept_on
    if case.whole:
        _object_to_floats(output)
    outputs = _in_float64(_named_outputs(output, case), case)
    _object(outputs, inputs, case)
    _object_to_settings(outputs)
    if not all(torch.equal(value.detach(), copy) for value, copy in kept):
        raise Objection(
            "A later call changes what an earlier one returned: both write into the same tensor. "
            "Make a new tensor in each call."
        )
    reply.tensors.update({k: v.detach() for k, v in outputs.items()})
    leaves = inputs
    if layer is not None:
        saved = state(layer)
        buffers = {k: v.clone() for k, v in layer.named_buffers() if k in saved}
        reply.tensors.update({f"buffer:{k}": v for k, v in buffers.items()})
        leaves = inputs | dict(layer.named_parameters())
        _object_to_modes(layer, modes)
    reply.tensors.update(_gradients(outputs, leaves))


def _inputs(case: Case) -> dict[str, Tensor]:
    """Return copies of a case's tensors, those that can have a gradient as leaves."""
    copies = {name: value.clone() for name, value in case.tensors.items()}
    if case.channels_last:
        for name, value in copies.items():
            if value.dim() == 4:
                copies[name] = value.contiguous(memory_format=torch.channels_last)
    wanted = case.differentiable
    return {name: v.requires_grad_(wanted and v.is_floating_point()) for name, v in copies.items()}


def earlier(case: Case) -> list[Case]:
    """Return the calls that come before a case's own: one with one more image, if its tensors are
    images, and one with other numbers. None unless it is called again."""
    if not case.again:
        return []
    other = {k: 1 - v if v.is_floating_point() else v for k, v in case.tensors.items()}
    calls = [replace(case, tensors=other)]
    if "x" in other and other["x"].dim() == 4:
        more = other | {"x": torch.cat([other["x"], other["x"][:1]])}
        calls.insert(0, replace(case, tensors=more))
    return calls


def _built(reply: Reply, target: type, case: Case) -> nn.Module:
    """Return the layer with the case's weights; for float32 as its constructor leaves it. It is
    called by position, as networks do."""
    layer = target(**deepcopy(case.scalars))
    if not isinstance(layer, nn.Module):
        raise Objection(
            f"{target.__name__} is not an nn.Module. Define it as `class NAME(nn.Module):`."
        )
    layer.train(case.training)
    if case.dtype == torch.float64:
        layer.double()
    reply.parameters = {k: tuple(v.shape) for k, v in state(layer).items()}
    wanted = {name: tuple(value.shape) for name, value in case.weights.items()}
    reply.loaded = reply.parameters == wanted
    if reply.loaded:
        layer.load_state_dict(case.weights, strict=False)
    return layer


def _called(target: Callable, case: Case) -> Callable[[dict[str, Tensor]], object]:
    """Return what a case calls, as a function of its tensors; a list among the scalars is a copy
    in each call."""
    if case.examine:
        home, _, name = case.examine.partition(":")
        examination = getattr(import_module(home), name)
        return lambda tensors: examination(target, **tensors, **deepcopy(case.scalars))
    return lambda tensors: _listed(target(**tensors, **deepcopy(case.scalars)))


def _listed(output):
    """Return the results of a generator, which come one by one, as a tuple."""
    return tuple(output) if isinstance(output, Iterator) else output


def describe(target: Callable, case: Case) -> str:
    """Return the call as a reader would write it, with shapes for tensors."""
    name = getattr(target, "__name__", type(target).__name__)
    tensors = [f"{k} {tuple(v.shape)}" for k, v in case.tensors.items()]
    scalars = [f"{k}={v!r}" for k, v in case.scalars.items()]
    if isinstance(target, type):
        made = f"{name}({', '.join(scalars)})"
        return f"{made} on {', '.join(tensors)}" if tensors else made
    return f"{name}({', '.join(tensors + scalars)})"


def state(module: nn.Module) -> dict[str, Tensor]:
    """Return a module's parameters and buffers by name, except for batch counters."""
    return {
        name: value
        for name, value in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def _named_outputs(output, case: Case) -> dict[str, Tensor]:
    counted = not any(v.is_floating_point() for v in case.tensors.values())
    if isinstance(output, (tuple, list)) and output:
        of = len(output)
        return {
            f"output.{i}": _tensor(part, counted, f"result {i + 1} of {of}")
            for i, part in enumerate(output)
        }
    return {"output": _tensor(output, counted)}


def _tensor(output, counted: bool, which: str = "") -> Tensor:
    """Return a result as a tensor; raises Objection if it cannot stand for one.

    counted: no input has a gradient to lose, so an array or a row of numbers is as good.
    """
    kind = type(output).__name__
    if isinstance(output, bool) and which:
        return torch.tensor(output)
    if isinstance(output, Real) and not isinstance(output, bool):
        return torch.tensor(float(output), dtype=torch.float64)
    if kind == "ndarray" and (counted or output.dtype.kind in "biu"):
        output = torch.from_numpy(output.copy())
    elif counted and which and isinstance(output, (list, tuple)):
        if output and all(isinstance(number, Real) for number in output):
            output = torch.tensor(output, dtype=torch.float64)
    if isinstance(output, Tensor):
        output = output.resolve_conj().resolve_neg()  # their bytes are the numbers
        return output.double() if output.dim() == 0 and output.dtype in _WHOLE else output
    place = f" as {which}" if which else ""
    if output is None:
        why = "compute it too" if which else "a `return` is missing, or was not reached"
        raise Objection(f"It returned None{place}: {why}.")
    advice = "return what the stub's docstring describes"
    if kind == "ndarray":
        advice = "stay in torch, because NumPy cuts off the gradient"
    raise Objection(f"It returned {kind}{place}, neither a tensor nor a number: {advice}.")


def _in_float64(outputs: dict[str, Tensor], case: Case) -> dict[str, Tensor]:
    """Return the outputs in float64 if no input has a dtype to keep: then any floating dtype is
    right."""
    if any(v.is_floating_point() for v in case.tensors.values()):
        return outputs
    return {k: v.double() if v.is_floating_point() else v for k, v in outputs.items()}


def _object(outputs: dict[str, Tensor], inputs: dict[str, Tensor], case: Case) -> None:
    """Raise an Objection if outputs are not on the inputs' device, or if inputs were changed."""
    home = next((v.device for v in inputs.values()), torch.device("cpu"))
    for value in outputs.values():
        if value.layout != torch.strided:
            raise Objection("It returned a sparse tensor, but a dense one is expected.")
        if value.device != home:
            raise Objection(
                f"It returned a tensor on {value.device}, but the input is on {home}. Create new "
                "tensors on the device of the input."
            )
    for name, value in case.tensors.items():
        if not torch.equal(inputs[name], value):
            raise Objection(
                f"It changes its argument `{name}` in place, but the caller still needs it. "
                "Create a new tensor instead."
            )


def _object_to_floats(output) -> None:
    """Raise an Objection to a result that contains Python's or torch's floats."""
    floats = [number for number in _numbers(output) if isinstance(number, float)]
    if floats:
        raise Objection(
            f"It returned the float {floats[0]}, but a number of channels has to be an int. Divide "
            "with `//` instead of `/`, or convert the result with `int(...)`."
        )


def _numbers(output) -> list:
    """Return all Python numbers in a result that may be a number, an array, a tensor or a list."""
    plain = output.tolist() if hasattr(output, "tolist") else output
    if isinstance(plain, (tuple, list)):
        return [number for part in plain for number in _numbers(part)]
    return [plain]


def _object_to_modes(layer: nn.Module, before: dict[str, bool]) -> None:
    """Raise an Objection to a layer that leaves the mode in which it was called."""
    if any(
        module.training != before.get(n, module.training) for n, module in layer.named_modules()
    ):
        raise Objection(
            "The call switches the layer to another mode (`.eval()` or `.train()`). Leave that to "
            "the caller, who goes on training or testing with the same layer."
        )


def _object_to_settings(outputs: dict[str, Tensor]) -> None:
    """Raise an Objection to what the call has set in torch for all that follows."""
    names = torch_settings.changed()
    if not any(value.requires_grad for value in outputs.values()):  # then the gradients say so
        names = [name for name in names if name != "torch.set_grad_enabled"]
    names += [f"{name} = ..." for name in torch_settings.replaced()]
    if names:
        raise Objection(
            f"It changes torch itself for all code that runs after it (`{names[0]}`). Take that "
            "line out, and say what you need in the call: `dtype=x.dtype`, for example."
        )


def cotangent(output: Tensor) -> Tensor:
    """Return the gradient that is fed to the backward pass: fixed, in the output's shape, without
    symmetries."""
    steps = torch.arange(output.numel(), dtype=output.dtype, device=output.device)
    return torch.cos(steps).reshape(output.shape)


def _gradients(outputs: dict[str, Tensor], leaves: dict[str, Tensor]) -> dict[str, Tensor]:
    reached = [v for v in outputs.values() if v.requires_grad and v.is_floating_point()]
    wanted = {k: v for k, v in leaves.items() if v.requires_grad}
    if not reached or not wanted:
        return {}
    # One sum: passing a gradient to `grad` makes torch import sympy, which takes a second or two.
    total = torch.stack([(v * cotangent(v)).sum().double() for v in reached]).sum()
    found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    return {f"grad:{k}": g for k, g in zip(wanted, found, strict=True) if g is not None}
