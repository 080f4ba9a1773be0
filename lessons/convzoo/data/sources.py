"""Real images: the digits that come with scikit-learn, and data sets that are downloaded once.

Each source takes a limit and returns its images at their original size.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from convzoo import downloads
from convzoo.data.images import Images
from convzoo.errors import UserError

INSTEAD = 'use the digits, which need no download: load("digits", size=32)'


def _digits(limit: int | None) -> Images:
    """Return scikit-learn's digits, scaled from 0..16 to 0..1; one image in five is for testing."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise UserError(
            "The digits come with scikit-learn, which is not installed. Run `pip install -r "
            "requirements.txt`."
        ) from error
    bunch = load_digits()
    # The file is ordered by writer, so it is shuffled: then a slice is a random sample.
    order = np.random.RandomState(0).permutation(len(bunch.target))
    x = torch.from_numpy(bunch.images[order]).float().unsqueeze(1) / 16  # n 1 8 8
    y = torch.from_numpy(bunch.target[order]).long()
    images = Images("digits", tuple("0123456789"), x[:1437], y[:1437], x[1437:], y[1437:])
    return images.limit(limit, limit) if limit else images


def _torchvision(name: str, title: str, class_name: str) -> Callable[[int | None], Images]:
    """Return a loader for one of torchvision's datasets, by the name of its class."""

    def loader(limit: int | None) -> Images:
        from torchvision import datasets

        kind = getattr(datasets, class_name)
        parts = [_fetch(kind, title, is_train) for is_train in (True, False)]
        tensors = [tensor for part in parts for tensor in _tensors(part, limit)]
        return Images(name, tuple(parts[0].classes), *tensors)

    return loader


def _fetch(kind: type, title: str, is_train: bool):
    """Return torchvision's dataset, downloaded if necessary; turn its errors into sentences."""
    where = downloads.folder(title)
    try:
        return kind(root=str(where), train=is_train, download=True)
    except downloads.FAILURES as error:
        raise UserError(f"{title} {downloads.explain(error, where)}, or {INSTEAD}.") from error


def _tensors(part, limit: int | None) -> tuple[Tensor, Tensor]:
    """Return a torchvision dataset's images and labels, as n c h w in 0..1 and n."""
    pixels = torch.as_tensor(part.data[:limit])  # n h w, or n h w c; uint8
    pixels = pixels.unsqueeze(1) if pixels.dim() == 3 else pixels.permute(0, 3, 1, 2)
    labels = torch.as_tensor(part.targets[:limit], dtype=torch.int64)
    return pixels.contiguous().float().div_(255), labels


SOURCES: dict[str, Callable[[int | None], Images]] = {
    "digits": _digits,
    "cifar10": _torchvision("cifar10", "CIFAR-10", "CIFAR10"),
    "fashion_mnist": _torchvision("fashion_mnist", "Fashion-MNIST", "FashionMNIST"),
}
