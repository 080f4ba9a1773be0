"""Cases as a lesson goes on to call an answer: in float32, a second time with another batch, with
images in another memory layout, with a single image. All other cases are float64, one call each."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from convzoo.case import Case


def everyday_cases(cases: list[Case]) -> list[Case]:
    """Return the cases to ask after all others: one of everything at once, so that it takes little
    time, and one with a single image unless there was one.

    None if no tensor of theirs has fractions: then there is nothing to get wrong.
    """
    given = [case for case in cases if any(v.is_floating_point() for v in case.tensors.values())]
    if not given:
        return []
    modes = [case for case in given if case.training] or given
    found = [in_layout(again(in_float32(max(modes, key=_size))))]
    images = [case for case in given if _image(case) is not None and not case.training]
    if images and all(len(_image(case)) > 1 for case in images):
        found.append(single_image(max(images, key=_size)))
    return found


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
    """Return the case with the first of its images alone, if it has several."""
    image = _image(case)
    return case if image is None else replace(case, tensors=case.tensors | {"x": image[:1]})


WAYS = {
    "In float32, which the lesson's tensors are, it is not right yet.": in_float32,
    "The first call is right. A second one, with another batch, is not.": again,
    "It depends on how the image lies in memory (here `channels_last`).": in_layout,
    "With a single image in the batch it is not right.": single_image,
}


def _image(case: Case) -> Tensor | None:
    x = case.tensors.get("x")
    return x if x is not None and x.dim() == 4 else None


def _size(case: Case) -> int:
    return sum(value.numel() for value in case.tensors.values())


def _float32(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.float() if v.dtype == torch.float64 else v for k, v in tensors.items()}
