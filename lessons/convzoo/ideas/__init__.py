"""One folder per idea, with everything that its lesson brings. An idea imports only earlier
ideas."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType


@cache
def lessons() -> dict[str, str]:
    """Return every lesson in order, by the folder of its idea: {"resnext": "02_resnext", ...}."""
    names = [module.name for module in iter_modules(__path__) if module.ispkg]
    found = {name: import_module(f"{__name__}.{name}").LESSON for name in names}
    return dict(sorted(found.items(), key=lambda entry: entry[1]))


@cache
def families() -> dict[str, str]:
    """Return the lesson in which a reader builds the networks of a family: {"resnext":
    "02_resnext"}."""
    modules = {lesson: import_module(f"{__name__}.{name}") for name, lesson in lessons().items()}
    return {family: lesson for lesson, m in modules.items() for family in m.FAMILIES}


def modules(part: str) -> Iterator[ModuleType]:
    """Yield the module `part` of every idea that has one, in the lessons' order."""
    for name in lessons():
        if find_spec(f"{__name__}.{name}.{part}"):
            yield import_module(f"{__name__}.{name}.{part}")
