"""What an exercise forbids: the framework's own work, defined once for the check, the grader and
the scan of the source."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from convzoo.case import Op

# The position of `groups` among the arguments of an operation; -1: it is always depthwise.
_GROUPS_AT = {
    "convolution": 8,
    "_convolution": 8,
    "convolution_overrideable": 8,
    "convolution_backward": 9,
    "mkldnn_convolution": 6,
    "_conv_depthwise2d": -1,
    "conv_depthwise3d": -1,
}


@dataclass(frozen=True)
class Shortcut:
    """What would make the exercise pointless: operations by name, and modules.

    names: of operations, functions and classes, with "*" for any letters: "*channel_shuffle*",
    "kron". modules: nothing in them may run: "torchvision". argument: a call in the source is
    forbidden only if it passes this argument: "groups". counts: which operations of these names are
    forbidden (default: all); then only torch's operations decide, as calls have no arguments.
    """

    sentence: str
    names: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    argument: str = ""
    counts: Callable[[Op], bool] | None = None

    def ran(self, op: Op) -> bool:
        """Return whether a recorded operation or call is a shortcut. Never raises, although a
        forged one may have any arguments."""
        module, _, name = op.name.rpartition(":")
        if module and self.in_module(module):
            return True
        if not self.is_named(name):
            return False
        if self.counts is None:
            return True
        try:
            return name.startswith("aten.") and bool(self.counts(op))
        except (TypeError, IndexError, AttributeError, KeyError, ValueError):
            return False

    def in_module(self, path: str) -> bool:
        """Return whether a dotted name is, or is in, one of the modules."""
        return any(fnmatchcase(path, m) or fnmatchcase(path, f"{m}.*") for m in self.modules)

    def is_named(self, path: str) -> bool:
        """Return whether one of the words of a dotted name is one of the names."""
        return bool(self.names) and _pattern(self.names).search(path) is not None


@cache
def _pattern(names: tuple[str, ...]) -> re.Pattern:
    """Return one pattern for all names, because a forged name may be as long as a reply."""
    words = "|".join(name.replace("*", "[^.]*") for name in names)
    return re.compile(rf"(?:^|\.)(?:{words})(?:\.|$)")


def in_groups(op: Op) -> bool:
    """Return whether an operation is a grouped convolution."""
    at = _GROUPS_AT.get(op.name.removeprefix("aten.").split(".")[0])
    return at is not None and (at < 0 or op.args[at] > 1)


CONVOLUTIONS = ("*convolution*", "*[cC]onv_*", "*[cC]onv[123]d*", "*ConvTranspose[123]d")
KERNEL = Shortcut(
    "It calls one of the course's finished kernels, which does the work for you. Do it with your "
    "own code.",
    modules=("convzoo.ideas.*.kernel",),
)
AUTOGRAD = (
    *("grad", "grad_and_value", "backward", "*run_backward", "jacobian", "hessian", "jacrev"),
    *("jacfwd", "vjp", "jvp", "vhp", "hvp", "linearize", "*make_dual"),
)
DERIVING = ("torch.autograd.functional", "torch.autograd.forward_ad", "torch._functorch.eager_*")
TORCHVISION = Shortcut(
    "It uses torchvision's own layers. Build the block from torch's layers and the lesson's.",
    modules=("torchvision", "timm"),
)
