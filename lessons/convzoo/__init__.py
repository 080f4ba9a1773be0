"""convzoo: build the ideas that shaped convolutional networks, and measure them.

Names are imported when they are first used, so that `import convzoo` costs nothing and a room such
as `show` is loaded only if something is shown.
"""

from importlib import import_module

from convzoo.errors import NotAttempted, UserError

__version__ = "0.1.0"

_ROOMS = ("data", "device", "measure", "nets", "show", "train")
_HOMES = {"convzoo.exercises": ("ask", "begin", "check", "hint", "predict", "use")}
_NAMES = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["NotAttempted", "UserError", *_NAMES, *_ROOMS]


def __getattr__(name: str):
    if name in _ROOMS:
        return import_module(f"convzoo.{name}")
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'convzoo' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
