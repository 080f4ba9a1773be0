"""A set of images, whatever its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -100  # the label of a pixel that is ignored


@dataclass(frozen=True)
class Images:
    """A set of images, split: x float32 n c h w in 0..1, y int64 n (or n h w)."""

    name: str
    classes: tuple[str, ...]
    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor

    @property
    def channels(self) -> int:
        """The number of channels of an image."""
        return self.train_x.shape[1]

    @property
    def size(self) -> int:
        """Height and width of an image, in pixels."""
        return self.train_x.shape[-1]

    def to(self, device: torch.device | str) -> Images:
        """Return the same images on a device."""
        return self._with(lambda x: x.to(device), lambda y: y.to(device))

    def limit(self, train: int, test: int) -> Images:
        """Return the first images of both parts; they are shuffled already, in a fixed order."""
        return replace(
            self,
            train_x=self.train_x[:train],
            train_y=self.train_y[:train],
            test_x=self.test_x[:test],
            test_y=self.test_y[:test],
        )

    def normalised(self) -> Images:
        """Return the images with mean 0 and standard deviation 1 in each channel of the training
        images."""
        mean = self.train_x.mean((0, 2, 3), keepdim=True)
        deviation = self.train_x.std((0, 2, 3), keepdim=True).clamp(min=1e-6)
        return self._with(lambda x: (x - mean) / deviation)

    def resized(self, size: int) -> Images:
        """Return every image at size x size pixels, by bilinear interpolation."""
        if size == self.train_x.shape[-2] == self.train_x.shape[-1]:
            return self
        return self._with(lambda x: F.interpolate(x, (size, size), mode="bilinear"))

    def _with(self, on_x: Callable, on_y: Callable = lambda y: y) -> Images:
        return replace(
            self,
            train_x=on_x(self.train_x),
            train_y=on_y(self.train_y),
            test_x=on_x(self.test_x),
            test_y=on_y(self.test_y),
        )
