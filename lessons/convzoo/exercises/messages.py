"""The check's messages if the form of an answer is wrong: its kind, parameters, count or dtype."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from convzoo.case import Case, Reply
from convzoo.exercises.model import Exercise
from convzoo.recorder import allocates

UNSTEADY = (
    "Called again with the same arguments, it returns other numbers: something in it is random, or "
    "is kept from one call to the next. The same arguments must always give the same result."
)


def kind(exercise: Exercise, target: Callable) -> str:
    """Return what is wrong with the kind of thing that the name refers to."""
    if exercise.is_module:
        return (
            f"`{exercise.name}` is not a class, but the exercise needs one. If you have made a "
            "layer from it under the same name, give the layer another name."
        )
    return f"`{exercise.name}` is a class, but the exercise needs a function."


def other_stub(exercise_id: str) -> str:
    """Return that the stub of another exercise was called."""
    return (
        f"It calls the stub of {exercise_id}, which is not solved yet. Solve that first, or use "
        f'`use("{exercise_id}")`: it returns the framework\'s version until then.'
    )


def settings(changed: list[str], replaced: list[str]) -> str:
    """Return a note on global settings that this notebook has changed in torch; "" if there are
    none.

    changed: the functions that changed them; replaced: names that are no longer torch's.
    """
    found = [f"called `{name}`" for name in changed]
    found += [f"replaced `{name}`" for name in replaced]
    if not found:
        return ""
    return (
        f"Note: this notebook has {' and '.join(found)}. Your answer was checked without "
        "it, but all other cells run with it: remove it and restart the kernel."
    )


def counts(have: dict[str, Tensor], want: dict[str, Tensor]) -> str:
    """Return that there are more results than expected, or fewer."""
    single = all(value.dim() == 0 for value in have.values())
    if single and set(want) == {"output"} and want["output"].dim():
        length = f"{len(have)} single number{'s' if len(have) > 1 else ''}"
        return f"It returned a list or tuple of {length}, expected one tensor that holds them all."
    return f"It returned {count(have)}, expected {count(want)}."


def count(outputs: dict[str, Tensor]) -> str:
    """Return how many results there are, in words. Numbers may be in a list or in a tuple."""
    if set(outputs) == {"output"}:
        return "one tensor" if outputs["output"].dim() else "one number"
    s = "s" if len(outputs) > 1 else ""
    if any(value.dim() for value in outputs.values()):
        return f"a tuple of {len(outputs)} tensor{s}"
    return f"{len(outputs)} number{s}"


def shapes(reply: Reply, expected: Reply, case: Case) -> str:
    """Return a sentence on the first parameter with another shape, or ""."""
    have, scalars = reply.parameters, ", ".join(f"{k}={v!r}" for k, v in case.scalars.items())
    for name, shape in expected.parameters.items():
        if have.get(name, shape) != shape:
            return f"`{name}` has shape {have[name]}, expected {shape}, for {scalars}."
    return ""


def names(have: set[str], want: set[str]) -> str:
    """Return that a layer's parameters are not those in the stub's docstring; "" if they are."""
    if have == want:
        return ""
    parts = []
    if want - have:
        parts.append("not found: " + ", ".join(f"`{n}`" for n in sorted(want - have)))
    if have - want:
        parts.append("not expected: " + ", ".join(f"`{n}`" for n in sorted(have - want)))
    biases = have > want and all(name.endswith(".bias") for name in have - want)
    return (
        "The parameters do not have the names in the stub's docstring ("
        + "; ".join(parts)
        + "). Weights are compared by name, so keep them."
        + " A layer has a bias unless you pass `bias=False`." * biases
    )


def dtype(have: torch.dtype, want: torch.dtype, case: Case) -> str:
    """Return that a result has another dtype, and what to do."""
    advice = "Keep the dtype of the input."
    if want == torch.bool:
        advice = "Return booleans (True or False), as a comparison does."
    elif not have.is_floating_point and not have.is_complex:
        those = "Booleans" if have == torch.bool else "Whole numbers"
        like = next((k for k, v in case.tensors.items() if v.is_floating_point()), "")
        convert = f".to({like}.dtype)" if like else ".float()"
        advice = (
            f"{those} have no fractions and no gradient: start from floats, or convert with "
            f"`{convert}` before you compute."
        )
    elif have == torch.float32:
        advice = "`torch.zeros` makes float32 by default. Give new tensors the dtype of the input."
    return f"Its result is {have}, expected {want}. {advice}"


def result(key: str, returns: tuple[str, ...]) -> str:
    """Return what the result with this key is called; "" if there is only one, or no names."""
    return returns[int(key.removeprefix("output."))] if returns and key != "output" else ""


def wrong_values(wrong: list[str], want: dict[str, Tensor], returns: tuple[str, ...]) -> str:
    """Return that the numbers are not right and, if there are several results, which ones or how
    many.

    wrong: their keys, "output.1" for the second; returns: what they are called.
    """
    which = [result(key, returns) for key in wrong] if returns else []
    where = f" ({', '.join(which)})" if 0 < len(which) < len(want) else ""
    if any(want[key].dim() for key in wrong):
        return f"The shape is right, but the numbers are not{where}."
    some = f"{len(wrong)} of the {len(want)} numbers" if len(wrong) < len(want) else ""
    what = some if some and not where else f"The number{'s' if len(wrong) > 1 else ''}"
    return f"{what} {'are' if len(wrong) > 1 else 'is'} not right{where}."


def unwritten(reply: Reply) -> str:
    """Return that part of a result was never written to, if it started as uninitialised memory."""
    made = any(allocates(op.name) for op in reply.ops)
    if not made or not any(v.isnan().any() for v in reply.tensors.values()):
        return ""
    return (
        " A tensor from `empty` contains whatever was in memory (shown here as nan), and not all "
        "of it was written to. Start from zeros."
    )
