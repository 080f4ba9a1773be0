"""Real images: the digits that come with scikit-learn, and data sets that are downloaded once.

Each source takes a limit and returns its images at their original size.
"""

from __future__ import annotations

import errno
import http.client
import os
import tarfile
import urllib.error
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from convzoo import place
from convzoo.data.images import Images
from convzoo.errors import UserError

VARIABLE = "CONVZOO_DATA"
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
    where = place.cache()
    try:
        where.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{title} cannot be saved, because the folder {where} cannot be created "
            f"({error.strerror}). Set {VARIABLE} to a folder that you can write to."
        ) from error
    try:
        return kind(root=str(where), train=is_train, download=True)
    except _FAILURES as error:
        raise UserError(f"{title} {_explain(error, where)}, or {INSTEAD}.") from error


_NETWORK = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
_FAILURES = (OSError, RuntimeError, ValueError, EOFError, tarfile.TarError, zlib.error, *_NETWORK)
_DISK = (errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EDQUOT)


def _explain(error: Exception, where: Path) -> str:
    """Return a sentence on what went wrong in a download, and what to do next."""
    text = str(error)
    if isinstance(error, _NETWORK) or "Error downloading" in text and "corrupted" not in text:
        return (
            f"is not in {where} and could not be downloaded ({_reason(error)}): connect to the "
            f"network and try again"
        )
    if getattr(error, "errno", None) in _DISK:
        return (
            f"could not be written to {where} ({os.strerror(error.errno)}): free some space or set "
            f"{VARIABLE} to another folder"
        )
    if "corrupted" in text:
        return (
            "has the wrong checksum, so the download is damaged or not the right file: delete "
            f"{where} and try again"
        )
    return f"cannot be read ({_reason(error)}), so it is damaged: delete {where} and try again"


def _reason(error: Exception) -> str:
    """Return the reason for an error in a few words: its last line that is not empty."""
    lines = [line for line in str(getattr(error, "reason", error)).splitlines() if line.strip()]
    return (lines[-1].strip().rstrip(".:") if lines else type(error).__name__)[:120]


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
