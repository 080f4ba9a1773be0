"""Real photographs as a network's input: six that are already installed, or the reader's own.

The six come with scikit-image and scikit-learn, so nothing is downloaded. Each has its licence and
its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from convzoo.errors import UserError, nearest

# Of each colour in 0..1, over ImageNet's training images: what torchvision's and timm's networks
# were trained with.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LARGEST = 40_000_000  # pixels of a reader's file; more would fill the memory of a laptop


@dataclass(frozen=True)
class Photograph:
    """One photograph. pixels: 1 3 h w, float32 in 0..1; credit: its licence and origin."""

    name: str
    pixels: Tensor
    credit: str

    def square(self, size: int = 224) -> Tensor:
        """Return the central square at size x size pixels, bicubic: 1 3 size size in 0..1."""
        height, width = self.pixels.shape[-2:]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        centre = self.pixels[..., top : top + side, left : left + side]
        scaled = F.interpolate(
            centre, (size, size), mode="bicubic", antialias=True, align_corners=False
        )
        return scaled.clamp(0, 1)


@dataclass(frozen=True)
class _Shipped:
    package: str
    file: str
    credit: str


_SHIPPED = {
    "cat": _Shipped("skimage", "data/chelsea.png", "Chelsea the cat, by Stéfan van der Walt, CC0"),
    "coffee": _Shipped(
        "skimage", "data/coffee.png", "by Rachel Michetti, courtesy of Pikolo Espresso Bar, CC0"
    ),
    "motorcycle": _Shipped(
        "skimage",
        "data/motorcycle_left.png",
        "Middlebury 2014 stereo benchmark, by D. Scharstein and others, shipped by scikit-image",
    ),
    "palace": _Shipped(
        "sklearn", "datasets/images/china.jpg", "by danielbuechele (Flickr), CC BY 2.0"
    ),
    "daisy": _Shipped("sklearn", "datasets/images/flower.jpg", "by vultilion (Flickr), CC BY 2.0"),
    "astronaut": _Shipped(
        "skimage", "data/astronaut.png", "Eileen Collins, by NASA, in the public domain"
    ),
}
_PACKAGES = {"skimage": "scikit-image", "sklearn": "scikit-learn"}
NAMES = tuple(_SHIPPED)


def photograph(name: str | Path) -> Photograph:
    """Return one of the six shipped photographs by name, or the reader's own by its path.

    name: one of NAMES ("cat", "coffee", "motorcycle", "palace", "daisy", "astronaut"), or the path
    of a JPEG, PNG or WebP file. Raises UserError for an unknown name, a file that is not an image
    or is too large, and if the package with the photograph is not installed.
    """
    shipped = _SHIPPED.get(str(name))
    if shipped is not None:
        return Photograph(str(name), _read(_found(str(name), shipped)), shipped.credit)
    path = Path(name).expanduser()
    if not path.is_file():
        raise UserError(
            f"There is no photograph {str(name)!r}, and no file with that name. "
            f"{nearest(name, NAMES)} For a photograph of yours, give the path of a JPEG or PNG "
            "file."
        )
    return Photograph(path.stem, _read(path), "your own")


def uploaded(name: str, content: bytes) -> Photograph:
    """Return a photograph that the reader has dropped on the page. Raises UserError if it is not an
    image.

    content: the bytes of a JPEG, PNG or WebP file.
    """
    from io import BytesIO

    return Photograph(Path(name).stem, _read(BytesIO(content), name), "your own")


def batch(names: Sequence[str] = NAMES, size: int = 224) -> Tensor:
    """Return several photographs as one batch of central squares: n 3 size size in 0..1."""
    return torch.cat([photograph(name).square(size) for name in names])


def standardised(x: Tensor) -> Tensor:
    """Return photographs n 3 h w in 0..1 as torchvision's and timm's networks expect them: minus
    ImageNet's mean, divided by its standard deviation, for each colour."""
    mean, deviation = (torch.tensor(v, device=x.device)[:, None, None] for v in (MEAN, DEVIATION))
    return (x - mean) / deviation


def _found(name: str, shipped: _Shipped) -> Path:
    spec = find_spec(shipped.package)
    path = Path(spec.origin).parent / shipped.file if spec and spec.origin else None
    if path is None or not path.is_file():
        package = _PACKAGES[shipped.package]
        raise UserError(
            f"The photograph {name!r} comes with {package}, which is not installed. Run `pip "
            f"install {package}`, or give the path of a photograph of yours."
        )
    return path


def _read(file, label: str = "") -> Tensor:
    """Return an image file as 1 3 h w, rotated as its camera recorded."""
    from PIL import Image, ImageOps

    label = label or str(file)
    try:
        with Image.open(file) as image:
            if image.width * image.height > LARGEST:
                raise UserError(
                    f"{label} has {image.width} x {image.height} pixels, which is too large. "
                    "Scale it down to 4,000 pixels per side or less."
                )
            upright = ImageOps.exif_transpose(image).convert("RGB")
            values = np.asarray(upright, dtype=np.float32) / 255
    except (OSError, ValueError, Image.DecompressionBombError) as problem:
        if isinstance(problem, UserError):
            raise
        raise UserError(
            f"{label} cannot be read as an image. Give a JPEG, PNG or WebP file."
        ) from None
    return torch.from_numpy(values.copy()).permute(2, 0, 1)[None].contiguous()
