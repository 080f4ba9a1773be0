"""What an exercise is: everything about it in one object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from convzoo.case import Case, Reply, state
from convzoo.exercises.shortcuts import Shortcut

Respond = Callable[[Case], Reply]
STAGES = (
    *(
        "run",
        "names",
        "shape",
        "parameters",
        "values",
        "gradients",
        "device",
        "shortcut",
        "launches",
    ),
)


@dataclass(frozen=True)
class Mistake:
    """A plausible mistake: the framework's operation with spoilt arguments.

    sentence: helps a student who made it. It never gives the answer's code.
    """

    name: str
    sentence: str
    target: Callable


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson.

    place: its position among the exercises of its lesson; name: what the reader defines;
    reference: the framework's own form of it, with the same signature; cases: random ones, in
    float64; small: cases in small integers to follow by hand, smallest first; steady: two cases
    between which the number of launches must not grow; returns: the names of its results, if there
    are several; sizes: whether later cells use the results as sizes of layers.
    """

    id: str
    place: int
    lesson: str
    title: str
    points: int
    minutes: int
    name: str
    reference: Callable
    cases: Callable[[Generator], list[Case]]
    small: Callable[[], list[Case]]
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, ...]
    shortcuts: tuple[Shortcut, ...] = ()
    steady: Callable[[], tuple[Case, Case]] | None = None
    slow: str = ""
    returns: tuple[str, ...] = ()
    sizes: bool = False

    @property
    def is_module(self) -> bool:
        """Whether the reader writes a class."""
        return isinstance(self.reference, type)


@dataclass(frozen=True)
class Verdict:
    """The result of a check. status: "passed", "failed" or "not attempted".

    An answer that is right but would stop on a GPU has passed, with the stage "device" and a
    remark as its message.
    """

    id: str
    status: str
    stage: str = ""
    message: str = ""
    mistake: str = ""

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    @property
    def usable(self) -> bool:
        """Right in every number and built by hand, if perhaps slow."""
        return self.passed or self.stage == "launches"


def normal(gen: Generator, *shape: int) -> Tensor:
    """Return normal numbers in float64."""
    return torch.randn(*shape, generator=gen, dtype=torch.float64)


def integers(*shape: int, start: int = 1) -> Tensor:
    """Return 1, 2, 3, ... in float64: small enough to follow by hand."""
    count = torch.Size(shape).numel()
    return torch.arange(start, start + count, dtype=torch.float64).reshape(shape)


def pick(gen: Generator, options: list):
    """Return one of the options."""
    return options[int(torch.randint(len(options), (), generator=gen))]


def small_module_case(
    reference: type, scalars: dict, tensors: dict[str, Tensor], shift: float = 0.0
) -> Case:
    """Return a case for a module to follow by hand, in evaluation mode: convolutions with weights
    from -1, 0, 1, 2, and batch norms that add `shift`, then twice `shift` and so on, and change
    nothing else (their variance compensates for eps)."""
    module = reference(**scalars).double()
    weights, biases = {}, 0
    first = 7  # from here on, every ReLU of a bottleneck makes a difference
    for name, value in state(module).items():
        layer = module.get_submodule(name.rpartition(".")[0])
        if name.endswith("running_var"):
            weights[name] = torch.full_like(value, 1 - layer.eps)
        elif value.dim() > 1:
            steps = torch.arange(first, first + value.numel(), dtype=torch.float64)
            weights[name] = ((steps + steps // 4) % 4 - 1).reshape(value.shape)
            first += value.numel()
        elif name.endswith("bias"):
            biases += 1
            weights[name] = torch.full_like(value, biases * shift)
        else:
            weights[name] = torch.full_like(value, float(name.endswith("weight")))
    return Case(scalars, tensors, weights)


def module_case(
    reference: type, scalars: dict, tensors: dict[str, Tensor], gen: Generator, training=False
) -> Case:
    """Return a case for a module: random weights by name, in the shapes of the reference.

    A batch norm scales by at least a half and shifts by little. Otherwise all channels of a narrow
    layer are sometimes negative, their ReLU returns zeros, and what comes before it is not checked.
    """
    weights = {}
    for name, value in state(reference(**scalars)).items():
        drawn = normal(gen, *value.shape)
        if name.endswith("running_var"):
            weights[name] = 0.5 + drawn.abs()
        elif value.dim() > 1:
            weights[name] = drawn / max(1, value[0].numel()) ** 0.5
        elif name.endswith("weight"):
            weights[name] = drawn + 0.5 * drawn.sign()
        else:
            weights[name] = drawn / 4
    return Case(scalars, tensors, weights, training)


def layer_case(
    reference: type, gen: Generator, training=False, image=(6, 5), times=1.0, **scalars
) -> Case:
    """Return a case for a layer that is called on two images (see `module_case`).

    image: height and width; times: how much larger than usual the pixels are; scalars: what the
    layer is built from, `in_channels` among them.
    """
    x = times * normal(gen, 2, scalars["in_channels"], *image)
    return module_case(reference, scalars, {"x": x}, gen, training)
