"""What an exercise forbids: the framework's own work, said once for the check, the grader and the
scan of the source."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from convzoo.case import Op

# Where `groups` is among the arguments of an operation; -1: it is a depthwise one in itself.
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

    names: of operations, functions and classes, "*" for any letters: "*channel_shuffle*", "kron".
    modules: nothing of theirs may run: "torchvision".
    argument: a call in the source is forbidden only if it passes this argument: "groups".
    counts: which operations of these names are meant, unless all are; of what runs only torch's
    operations then count, as calls have no arguments.
    """

    sentence: str
    names: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    argument: str = ""
    counts: Callable[[Op], bool] | None = None

    def ran(self, op: Op) -> bool:
        """Return whether an operation or call that was written down is one. Never raises: the
        arguments of a forged one may be anything."""
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
    """One pattern for all, as a forged name may be as long as a reply."""
    words = "|".join(name.replace("*", "[^.]*") for name in names)
    return re.compile(rf"(?:^|\.)(?:{words})(?:\.|$)")


def in_groups(op: Op) -> bool:
    """Return whether an operation is a convolution in groups."""
    at = _GROUPS_AT.get(op.name.removeprefix("aten.").split(".")[0])
    return at is not None and (at < 0 or op.args[at] > 1)


CONVOLUTIONS = ("*convolution*", "*[cC]onv_*", "*[cC]onv[123]d*", "*ConvTranspose[123]d")
KERNEL = Shortcut(
    "It calls a finished kernel of the course's, which does the work for you.",
    modules=("convzoo.ideas.*.kernel",),
)
AUTOGRAD = (
    *("grad", "grad_and_value", "backward", "*run_backward", "jacobian", "hessian", "jacrev"),
    *("jacfwd", "vjp", "jvp", "vhp", "hvp", "linearize", "*make_dual"),
)
DERIVING = ("torch.autograd.functional", "torch.autograd.forward_ad", "torch._functorch.eager_*")
TORCHVISION = Shortcut(
    "It takes torchvision's own layers. Build the block out of torch's and the lesson's.",
    modules=("torchvision", "timm"),
)
