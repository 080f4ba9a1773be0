"""How an answer's numbers are wrong, computed from them and from the expected ones, for mistakes
that nobody foresaw. Each sentence is true for every case.

A pair is what came back and what was expected, of the first result that differs in a case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import isclose, prod

import torch
from torch import Tensor

from convzoo.case import Case, Reply, answer
from convzoo.exercises import messages
from convzoo.exercises.differences import close, difference, part, visible_difference
from convzoo.exercises.model import Exercise, Respond

_AXES = {1: ("number",), 2: ("row", "column"), 4: ("image", "channel", "row", "column")}
_OF_WEIGHTS = _AXES | {4: ("output channel", "input channel", "row", "column")}
_SHOWN = 8  # places that are listed
# Widths and budgets are not among these: they differ from case to case anyway.
_SETTINGS = ("stride", "padding", "dilation", "groups", "first_groups", "expand_ratio", "warmup")
_KERNELS = ("weight", "depthwise")  # arguments that are the weight of a convolution
_NEAR = 0.02  # of the largest number: "close" may be this far off
_SWAPPED_SIDES = "The height and width of its result are swapped."
Pair = tuple[Tensor, Tensor]
Change = tuple[str, Callable[[Case], Case | None]]
Axes = dict[int, tuple[str, ...]]  # what the axes of a result are called, by their number


@dataclass(frozen=True)
class Asked:
    """A case, the reply, the expected reply, and the stage at which they differ, or ""."""

    case: Case
    reply: Reply
    expected: Reply
    stage: str

    @property
    def pair(self) -> Pair | None:
        """The reply's and the expected result that differ; None if they cannot be compared."""
        key = visible_difference(self.reply, self.expected)
        return (self.reply.tensors[key], self.expected.tensors[key]) if key else None


def pattern_of(
    exercise: Exercise, expected: Respond, cases: list[Case], replies: list[Reply]
) -> str:
    """Return the sentences that are true for an answer's wrong replies; "" if none is known."""
    asked = []
    for case, reply in zip(cases, replies, strict=True):
        right = expected(case)
        stage, _ = difference(reply, right, case, exercise.returns)
        asked.append(Asked(case, reply, right, stage))
    first = next((one.stage for one in asked if one.stage), "")
    wrong = [one for one in asked if one.stage == first]
    comparable = all(one.pair for one in wrong)
    images = all(_is_image(one.case.tensors.get("x")) for one in asked)
    axes = _AXES if images else _OF_WEIGHTS
    ways: list[Callable[[], str]] = [lambda: _results_exchanged(wrong, exercise.returns)]
    if first == "values" and comparable and not any(messages.unwritten(o.reply) for o in wrong):
        ways += [lambda: _simple(wrong), lambda: _other_arguments(exercise, asked)]
        ways.append(lambda: _of_numbers([one.pair for one in wrong], axes))
    elif first == "shape":
        ways.append(lambda: _other_arguments(exercise, asked))
        ways += [lambda: _of_shapes([one.pair for one in wrong], axes)] * comparable
    found = next(filter(None, (way() for way in ways)), "")
    cases = "" if found == _SWAPPED_SIDES else _in_which_cases(asked)  # right if they are equal
    return " ".join(filter(None, (found, cases)))


# --- which cases ------------------------------------------------------------------------------


def _in_which_cases(asked: list[Asked]) -> str:
    """Return what all wrong cases have in common and no other case has."""
    wrong = [bool(one.stage) for one in asked]
    if all(wrong):
        return ""
    found = []
    features = [_features(one.case) for one in asked]
    for yes, no in dict.fromkeys(pair for case in features for pair in case):
        has = [case.get((yes, no)) for case in features]
        if has == wrong:
            found.append(f"wrong {yes} and right {no}")
        elif None not in has and [not h for h in has] == wrong:
            found.append(f"wrong {no} and right {yes}")
    return f"In every case it is {found[0]}." if len(found) == 1 else ""


def _features(case: Case) -> dict[tuple[str, str], bool]:
    """Return what may matter: {(in words, the opposite in words): whether it is true for the
    case}."""
    found = {("in training", "in evaluation"): case.training}
    for name, value in case.scalars.items():
        if isinstance(value, bool):
            found[f"with {name}=True", f"with {name}=False"] = value
        elif isinstance(value, int) and name in _SETTINGS:
            for plain in (0, 1):
                found[f"with {name}={plain}", f"with other values of {name}"] = value == plain
    x = case.tensors.get("x")
    if _is_image(x):
        found["with several images", "with one image"] = len(x) > 1
        found["if height and width differ", "if they are equal"] = x.shape[2] != x.shape[3]
    kernel = _kernel(case)
    if kernel is not None:
        found["with a 1x1 kernel", "with a larger kernel"] = kernel[0, 0].numel() == 1
        square = kernel.shape[2] == kernel.shape[3]
        found["with a square kernel", "with a kernel that is not square"] = square
    return found


def _is_image(x: Tensor | None) -> bool:
    return x is not None and x.dim() == 4


def _kernel(case: Case) -> Tensor | None:
    """Return the first argument of a case that is the weight of a convolution, or None."""
    return next((v for k, v in case.tensors.items() if k in _KERNELS and v.dim() == 4), None)


# --- the right numbers of other arguments --------------------------------------------------------


def _other_arguments(exercise: Exercise, asked: list[Asked]) -> str:
    """Return the other arguments for which these are the right results in every case."""
    found = []
    wrong = [one for one in asked if one.stage]
    first = wrong[0]
    for sentence, change in _changes(exercise, first.case):
        order = [first, *(one for one in asked if one is not first)]
        if all(_is_result_of(change, exercise, one) for one in order):
            found.append(sentence)
    return f"These are the right results for other arguments: {found[0]}." if found else ""


def _is_result_of(change: Callable[[Case], Case], exercise: Exercise, one: Asked) -> bool:
    try:
        other = change(one.case)
    except (KeyError, IndexError):  # it has no such tensor
        return False
    if other is None:
        return True
    other = answer(exercise.reference, other, watch=False)
    mine = part(one.reply, "output")
    theirs = part(other, "output")
    return (
        mine.keys() == theirs.keys() and bool(mine) and all(close(mine[k], theirs[k]) for k in mine)
    )


def _changes(exercise: Exercise, case: Case) -> Iterator[Change]:
    """Yield spoilt arguments: a description, and a function that spoils a case, or returns None for
    a case that it does not apply to."""
    if not exercise.is_module:
        yield from _other_scalars(case)
    else:
        yield "as if it were in the other mode", lambda c: replace(c, training=not c.training)
    yield from _other_tensors(case)
    yield from _other_layers(case)


def _other_scalars(case: Case) -> Iterator[Change]:
    def put(name, other):
        return lambda c: replace(c, scalars=c.scalars | {name: other(c.scalars[name])})

    def exchanged(one, two):
        return lambda c: replace(c, scalars=c.scalars | {one: c.scalars[two], two: c.scalars[one]})

    for name, value in case.scalars.items():
        if isinstance(value, bool):
            yield f"as if `{name}` were the opposite", put(name, lambda v: not v)
        elif isinstance(value, (int, float)):
            for plain in (0, 1):
                yield f"as if `{name}` were {plain}", put(name, lambda v, plain=plain: plain)
            yield f"as if `{name}` were larger by 1", put(name, lambda v: v + 1)
            yield f"as if `{name}` were smaller by 1", put(name, lambda v: v - 1)
    numbers = [k for k, v in case.scalars.items() if type(v) in (int, float)]
    for one, two in combinations(numbers, 2):
        yield f"as if `{one}` and `{two}` were swapped", exchanged(one, two)
        for a, b in product((0, 1), repeat=2):
            both = {one: a, two: b}
            yield (
                f"as if `{one}` were {a} and `{two}` were {b}",
                lambda c, both=both: replace(c, scalars=c.scalars | both),
            )


def _other_tensors(case: Case) -> Iterator[Change]:
    def put(name, other):
        return lambda c: replace(c, tensors=c.tensors | {name: other(c.tensors[name])})

    def exchanged(one, two):
        return lambda c: replace(c, tensors=c.tensors | {one: c.tensors[two], two: c.tensors[one]})

    given = {k: v for k, v in case.tensors.items() if v.is_floating_point()}
    for one, two in combinations(given, 2):
        if given[one].shape == given[two].shape:
            yield f"as if `{one}` and `{two}` were swapped", exchanged(one, two)
    for name, value in given.items():
        if len(given) > 1:
            yield f"as if `{name}` were 0 everywhere", put(name, torch.zeros_like)
            yield f"as if `{name}` were 1 everywhere", put(name, torch.ones_like)
        yield f"as if `{name}` had the opposite sign", put(name, torch.neg)
        if value.dim() > 1:
            words = "the first two dimensions" if value.dim() > 2 else "rows and columns"
            turned = put(name, lambda v: v.transpose(0, 1).contiguous())
            yield f"as if {words} of `{name}` were swapped", turned
        if value.dim() == 4:
            turned = put(name, lambda v: v.transpose(2, 3).contiguous())
            yield f"as if height and width of `{name}` were swapped", turned
            yield (f"as if `{name}` were rotated by 180 degrees", put(name, lambda v: v.flip(2, 3)))


def _other_layers(case: Case) -> Iterator[Change]:
    """Yield unused parts of a layer: its batch norms as if they changed nothing, its weights as if
    they were 0."""

    def put(values: dict[str, float]):
        def change(c: Case) -> Case | None:
            if c.training:  # in training, a batch norm uses the batch
                return None
            other = {k: torch.full_like(c.weights[k], v) for k, v in values.items()}
            return replace(c, weights=c.weights | other)

        return change

    for name in case.weights:
        layer = name.rpartition(".")[0]
        if name.endswith("running_var"):
            parts = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0 - 1e-5}
            kept = {f"{layer}.{k}": v for k, v in parts.items() if f"{layer}.{k}" in case.weights}
            yield f"as if `{layer}` changed nothing", put(kept)
        elif name.endswith("weight") and case.weights[name].dim() > 1:
            yield f"as if `{layer}` returned 0 everywhere", put({name: 0.0})


# --- the numbers themselves --------------------------------------------------------------------


def _results_exchanged(wrong: list[Asked], names: tuple[str, ...]) -> str:
    """Return that two of several results are exchanged, and which ones."""
    for i, j in combinations(range(len(names)), 2):
        keys = {f"output.{k}": f"output.{k}" for k in range(len(names))}
        keys |= {f"output.{i}": f"output.{j}", f"output.{j}": f"output.{i}"}
        have = [part(one.reply, "output") for one in wrong]
        want = [part(one.expected, "output") for one in wrong]
        if all(
            mine.keys() == keys.keys() and all(close(mine[a], w[b]) for a, b in keys.items())
            for mine, w in zip(have, want, strict=True)
        ):
            return f"Two of the results are swapped: {names[i]} and {names[j]}."
    return ""


def _simple(wrong: list[Asked]) -> str:
    """Return what is obvious: no finite numbers, only zeros, one factor."""
    pairs = [one.pair for one in wrong]
    if not all(v.is_floating_point() for pair in pairs for v in pair):
        return ""
    if all(not have.isfinite().all() for have, _ in pairs):
        return "Some of its numbers are `nan` or infinite: is something divided by 0?"
    if all(not have.any() for have, _ in pairs):
        return "Every number in it is 0." if any(want.dim() for _, want in pairs) else "It is 0."
    return _factor(pairs, [one.case for one in wrong])


def _of_numbers(pairs: list[Pair], axes: Axes) -> str:
    if not all(v.is_floating_point() for pair in pairs for v in pair):
        return _of_places(pairs, axes)
    if not all(have.isfinite().all() for have, _ in pairs):
        return ""
    ways: tuple[Callable[[], str], ...] = (
        lambda: _relu(pairs),
        lambda: _offset(pairs),
        lambda: _order(pairs, axes),
        lambda: _of_places(pairs, axes),
        lambda: _almost(pairs),
    )
    return next(filter(None, (way() for way in ways)), "")


def _relu(pairs: list[Pair]) -> str:
    if not any(want.dim() for _, want in pairs):
        return ""
    if all(close(have.clamp(min=0), want) for have, want in pairs):
        return "It is right where the expected numbers are above 0: a ReLU at the end is missing."
    if all(close(want.clamp(min=0), have) for have, want in pairs):
        return "It is right, but its negative numbers have become 0, so there is one ReLU too many."
    return ""


def _factor(pairs: list[Pair], cases: list[Case]) -> str:
    """Return the factor by which all numbers are wrong, and what it is if it differs between
    cases."""
    factors = [_quotient(have, want) for have, want in pairs]
    if None in factors or not _enough(pairs):
        return ""
    if all(isclose(f, factors[0], rel_tol=1e-6) for f in factors):
        if isclose(factors[0], -1):
            return "Every number has the opposite sign."
        return f"Every number is {_number(factors[0])} times the expected one."
    sizes = [_sizes(case) for case in cases]
    for name in sizes[0]:
        values = [known.get(name) for known in sizes]
        if None in values:
            continue
        if all(isclose(f, v, rel_tol=1e-6) for f, v in zip(factors, values, strict=True)):
            return f"Every number is too large. The factor is {name}."
        if all(v and isclose(f, 1 / v, rel_tol=1e-6) for f, v in zip(factors, values, strict=True)):
            return f"Every number is too small. The factor is {name}."
    if all(want.numel() > 1 for _, want in pairs):
        some = ", ".join(dict.fromkeys(_number(f) for f in factors[:3]))
        return f"In each case all numbers are off by the same factor ({some})."
    return ""


def _enough(pairs: list[Pair]) -> bool:
    """Return whether there are so many numbers that a rule for all of them is not a coincidence."""
    return sum(want.numel() for _, want in pairs) > 2


def _quotient(have: Tensor, want: Tensor) -> float | None:
    """Return the number k for which have = k * want, if there is one that is not 0."""
    top = want.abs().flatten().argmax() if want.numel() else None
    if top is None or not float(want.flatten()[top]):
        return None
    quotient = float(have.flatten()[top] / want.flatten()[top])
    return quotient if quotient and close(have, quotient * want) else None


def _sizes(case: Case) -> dict[str, float]:
    """Return the numbers of a case that may be a factor, by name."""
    found = {f"`{k}`": v for k, v in case.scalars.items() if type(v) in (int, float)}
    x = case.tensors.get("x")
    if _is_image(x):
        n, c, h, w = x.shape
        found |= {"the number of images": n, "the number of channels": c}
        found |= {"the number of pixels": h * w, "images times pixels": n * h * w}
    for name, value in case.tensors.items():
        if value.dim() and name != "x":
            found[f"the length of `{name}`"] = len(value)
    kernel = _kernel(case)
    if kernel is not None:
        found["the number of taps"] = prod(kernel.shape[2:])
    return found


def _offset(pairs: list[Pair]) -> str:
    shifts = [have - want for have, want in pairs]
    if not _enough(pairs):
        return ""
    first = shifts[0].flatten()[0]
    if all(close(shift, first.expand_as(shift)) for shift in shifts):
        size = "large" if first > 0 else "small"
        return f"Every number is {_number(abs(float(first)))} too {size}."
    return ""


def _order(pairs: list[Pair], axes: Axes) -> str:
    """Return that the right numbers are in other places, and along which axis."""
    dims = {want.dim() for _, want in pairs}
    if dims == {2} and all(_is_turned(have, want) for have, want in pairs):
        return "It is the transpose of the expected matrix: rows and columns are swapped."
    if not all(close(h.flatten().sort().values, w.flatten().sort().values) for h, w in pairs):
        return ""
    names = axes.get(dims.pop(), ()) if len(dims) == 1 else ()
    for axis, name in enumerate(names):
        if name != "number" and all(_reordered(have, want, axis) for have, want in pairs):
            return f"These are the right {name}s in another order."
    return "These are the right numbers in another order."


def _is_turned(have: Tensor, want: Tensor) -> bool:
    return want.dim() == 2 and have.shape == want.T.shape and close(have, want.T.contiguous())


def _is_turned_image(have: Tensor, want: Tensor) -> bool:
    return have.dim() == want.dim() == 4 and have.shape == want.transpose(2, 3).shape


def _reordered(have: Tensor, want: Tensor, axis: int) -> bool:
    """Return whether the slices along an axis are the expected ones, each of them once."""
    mine, theirs = (v.movedim(axis, 0).flatten(1) for v in (have, want))
    fits = torch.cdist(mine, theirs, p=float("inf")) <= 1e-7 * max(1.0, float(want.abs().max()))
    return bool(fits.any(0).all() and fits.any(1).all())


def _of_places(pairs: list[Pair], axes: Axes) -> str:
    """Return where it is wrong if it is right elsewhere, and whether the wrong numbers are 0."""
    marks = [_marked(have, want) for have, want in pairs]
    if any(bool(mark.all()) for mark in marks):
        return ""
    where = _along_axes(marks, axes)
    missing = all(not have[mark].any() for (have, _), mark in zip(pairs, marks, strict=True))
    zeros = "Where it is wrong, it is 0." if missing else ""
    return " ".join(filter(None, (where, zeros)))


def _marked(have: Tensor, want: Tensor) -> Tensor:
    if not want.is_floating_point():
        return have != want
    return (have - want).abs() > 1e-7 * max(1.0, float(want.abs().max()))


def _along_axes(marks: list[Tensor], axes: Axes) -> str:
    dims = {mark.dim() for mark in marks}
    if len(dims) > 1 or dims <= {0} or not dims <= set(axes):
        return ""
    if dims == {4} and axes is _AXES and all(_at_border(mark) for mark in marks):
        return "It is right inside the image and wrong only at its border."
    if dims == {2} and all(mark.shape[0] == mark.shape[1] for mark in marks):
        diagonals = [mark.diagonal() for mark in marks]
        others = [mark & ~torch.eye(len(mark), dtype=torch.bool) for mark in marks]
        if not any(bool(mark.any()) for mark in others):
            return "It is wrong only on the diagonal."
        if not any(bool(mark.any()) for mark in diagonals):
            return "It is right on the diagonal and wrong only off it."
    for axis, name in enumerate(axes[dims.pop()]):
        found = [mark.movedim(axis, 0).reshape(mark.shape[axis], -1).any(1) for mark in marks]
        if all(bool(lines.any()) and not bool(lines.all()) for lines in found):
            return _some_of(name, found)
    return ""


def _at_border(mark: Tensor) -> bool:
    inside = mark[:, :, 1:-1, 1:-1]
    return inside.numel() > 0 and not bool(inside.any())


def _some_of(name: str, found: list[Tensor]) -> str:
    """Return which of the channels (or rows, ...) are wrong; found: whether each is right, by
    case."""
    if all(not lines[0] and bool(lines[1:].all()) for lines in found):
        return f"Only the first {name} is right."
    if all(lines[0] and not bool(lines[1:].any()) for lines in found):
        return f"Only the first {name} is wrong."
    if all(lines[-1] and not bool(lines[:-1].any()) for lines in found):
        return f"Only the last {name} is wrong."
    places = found[0].nonzero().flatten().tolist()
    plural, verb = ("s", "are") if len(places) > 1 else ("", "is")
    return (
        f"Some {name}s are right. In the first case that fails, {name}{plural} {_listed(places)} "
        f"{verb} wrong (counted from 0)."
    )


def _listed(places: list[int]) -> str:
    """Return places in order as text: "1, 2, 5 to 9"; of many pieces the first ones."""
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    pieces = []
    for run in runs:
        long = len(run) > 2
        pieces += [f"{run[0]} to {run[-1]}"] if long else [str(place) for place in run]
    more = " and others" if len(pieces) > _SHOWN else ""
    return ", ".join(pieces[:_SHOWN]) + more


def _almost(pairs: list[Pair]) -> str:
    off = [
        float((have - want).abs().max() / want.abs().max().clamp(min=1e-9)) for have, want in pairs
    ]
    if max(off) > _NEAR:
        return ""
    return (
        f"They are close: off by at most {max(off):.1g} of the largest number. Look for something "
        "small, such as `eps`, and for numbers that were rounded on the way."
    )


def _number(value: float) -> str:
    """Return a factor in the usual form: 0.25 is 1/4."""
    if isclose(value, round(value), rel_tol=1e-6):
        return str(round(value))
    inverse = 1 / value
    if isclose(inverse, round(inverse), rel_tol=1e-6):
        return f"{'-' if value < 0 else ''}1/{abs(round(inverse))}"
    return f"{value:.4g}"


# --- the shape ---------------------------------------------------------------------------------


def _of_shapes(pairs: list[Pair], axes: Axes) -> str:
    """Return which sides of the result are wrong, and in what way."""
    if any(have.dtype != want.dtype for have, want in pairs):
        return ""
    if all(_is_turned(have, want) for have, want in pairs):
        return "It is the transpose of the expected matrix: rows and columns are swapped."
    if all(_is_turned_image(have, want) for have, want in pairs):
        return _SWAPPED_SIDES
    if all(have.numel() == want.numel() for have, want in pairs):
        if all(close(have.flatten(), want.flatten()) for have, want in pairs):
            return "Its numbers are right and in order; only the shape is wrong."
        return ""
    dims = {v.dim() for pair in pairs for v in pair}
    if len(dims) > 1 or dims.isdisjoint(axes):
        return ""
    names = axes[dims.pop()]
    wrong = [
        f"{name}s"
        for axis, name in enumerate(names)
        if all(have.shape[axis] != want.shape[axis] for have, want in pairs)
    ]
    right = [
        f"{name}s"
        for axis, name in enumerate(names)
        if all(have.shape[axis] == want.shape[axis] for have, want in pairs)
    ]
    if not wrong or not right:
        return ""
    return f"The number of {_and(right)} is right, but that of {_and(wrong)} is not."


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
