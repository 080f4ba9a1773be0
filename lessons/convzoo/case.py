"""A case: one call of an exercise as plain data, and the plain data that it returns.

The notebook, the terminal and the grader's sandbox all use these two, so that all of them ask
exactly the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from numbers import Real

import torch
from torch import Tensor, nn

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
    """

    scalars: dict
    tensors: dict[str, Tensor]
    weights: dict[str, Tensor] = field(default_factory=dict)
    training: bool = False
    examine: str = ""


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
        with torch.enable_grad():  # undoes a reader's `torch.set_grad_enabled(False)`
            _fill(reply, target, case, watch)
    except NotAttempted as stub:
        reply.stage, reply.raised = "stub", stub.exercise_id
    except (Exception, SystemExit) as problem:
        reply.stage = "run"
        reply.raised = f"{type(problem).__name__}: {first_line(problem)}"
        reply.error = sentence(problem, target, describe(target, case))
    return reply


def _fill(reply: Reply, target: Callable, case: Case, watch: bool) -> None:
    inputs = {
        name: value.clone().requires_grad_(value.is_floating_point())
        for name, value in case.tensors.items()
    }
    if case.examine:
        module, leaves = None, inputs
        home, _, name = case.examine.partition(":")
        examination = getattr(import_module(home), name)
        call = lambda: examination(target, **inputs, **case.scalars)  # noqa: E731
    elif isinstance(target, type):
        module = target(**case.scalars)
        if not isinstance(module, nn.Module):
            raise Objection(
                f"{target.__name__} is not an nn.Module. Define it as `class NAME(nn.Module):`."
            )
        module = module.double().train(case.training)
        reply.parameters = {k: tuple(v.shape) for k, v in state(module).items()}
        wanted = {name: tuple(value.shape) for name, value in case.weights.items()}
        reply.loaded = reply.parameters == wanted
        if reply.loaded:
            module.load_state_dict(case.weights, strict=False)
        leaves = inputs | dict(module.named_parameters())
        call = lambda: module(**inputs)  # noqa: E731
    else:
        module, leaves = None, inputs
        call = lambda: target(**inputs, **case.scalars)  # noqa: E731
    with Recorder(source_file(target)) if watch else nullcontext() as recorder:
        output = call()
    if watch:
        reply.ops, reply.calls, reply.watched = recorder.ops, recorder.calls, recorder.kept_on
    outputs = _in_float64(_named_outputs(output), case)
    _object(outputs, inputs, case)
    reply.tensors.update({k: v.detach() for k, v in outputs.items()})
    if module is not None:
        kept = state(module)
        buffers = {k: v.clone() for k, v in module.named_buffers() if k in kept}
        reply.tensors.update({f"buffer:{k}": v for k, v in buffers.items()})
    reply.tensors.update(_gradients(outputs, leaves))


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


def _named_outputs(output) -> dict[str, Tensor]:
    if isinstance(output, (tuple, list)) and output:
        of = len(output)
        return {f"output.{i}": _tensor(p, f"result {i + 1} of {of}") for i, p in enumerate(output)}
    return {"output": _tensor(output)}


def _tensor(output, which: str = "") -> Tensor:
    if isinstance(output, Real) and not isinstance(output, bool):
        return torch.tensor(float(output), dtype=torch.float64)
    if isinstance(output, Tensor):
        return output.double() if output.dim() == 0 and output.dtype in _WHOLE else output
    place = f" as {which}" if which else ""
    if output is None:
        why = "compute it too" if which else "a `return` is missing, or was not reached"
        raise Objection(f"It returned None{place}: {why}.")
    kind = type(output).__name__
    advice = "return what the stub's docstring describes"
    if kind == "ndarray":
        advice = "stay in torch, because NumPy cuts off the gradient"
    elif kind == "bool" and which:
        advice = "put the truth values into one tensor"
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
