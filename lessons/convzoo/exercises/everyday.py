"""Cases that call an answer as a lesson does later: in float32, a second time with another batch,
with images in another memory layout, with a single image; and its numbers are used as sizes. All
other cases are one call in float64."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from convzoo.case import Case

_AS_SIZES = 2  # cases that are asked again, as sizes


def everyday_cases(cases: list[Case], sizes: bool = False) -> list[Case]:
    """Return the cases that come after all others: one with everything at once, to save time, and
    one with a single image unless there was one.

    sizes: whether the results are sizes. There are no other cases if no tensor has fractions,
    because then nothing else can go wrong.
    """
    found = [as_sizes(case) for case in cases[:_AS_SIZES]] if sizes else []
    given = [case for case in cases if any(v.is_floating_point() for v in case.tensors.values())]
    if not given:
        return found
    modes = [case for case in given if case.training] or given
    found.append(in_layout(again(in_float32(max(modes, key=_size)))))
    images = [case for case in given if _image(case) is not None and not case.training]
    if images and all(len(_image(case)) > 1 for case in images):
        found.append(single_image(max(images, key=_size)))
    return found


def as_sizes(case: Case) -> Case:
    """Return the case with a result that is used as a size, as in `nn.Conv2d(3, size, 1)`."""
    return replace(case, whole=True)


def in_float32(case: Case) -> Case:
    """Return the case in the dtype of the lessons."""
    return replace(case, tensors=_float32(case.tensors), weights=_float32(case.weights))


def again(case: Case) -> Case:
    """Return the case as the second of two calls."""
    return replace(case, again=True)


def in_layout(case: Case) -> Case:
    """Return the case with its images in another memory layout, if it has any."""
    return replace(case, channels_last=_image(case) is not None)


def single_image(case: Case) -> Case:
    """Return the case with only the first of its images, if it has several."""
    image = _image(case)
    return case if image is None else replace(case, tensors=case.tensors | {"x": image[:1]})


WAYS = {
    "In float64 it is right. In float32, the dtype of the lesson's tensors, it is not.": in_float32,
    "The first call is right, but a second one with another batch is not.": again,
    "It should not depend on the image's memory layout (here `channels_last`).": in_layout,
    "For a batch with a single image it is not right.": single_image,
}


def _image(case: Case) -> Tensor | None:
    x = case.tensors.get("x")
    return x if x is not None and x.dim() == 4 else None


def _size(case: Case) -> int:
    return sum(value.numel() for value in case.tensors.values())


def _float32(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.float() if v.dtype == torch.float64 else v for k, v in tensors.items()}
