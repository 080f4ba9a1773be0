"""Scans a student's source for shortcuts, outside the sandbox: clear ones cost points.

Clear is a call that names the framework's finished operation, through any imports and plain aliases
in the cell. Everything clever (exec, getattr with a computed name, an import of torchvision) is a
flag for the teacher and costs nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from convzoo.notebook.cells import plain, syntax

FRAMEWORK = ("torch", "torchvision", "timm", "numpy", "scipy")
ODD_MODULES = (
    "torchvision",
    "timm",
    "ctypes",
    "importlib",
    "builtins",
    "subprocess",
    "socket",
    "inspect",
    "gc",
    "sys",
    "os",
    "multiprocessing",
    "signal",
    "convzoo.case",
    "convzoo.nets",
    "convzoo.exercises",
    "convzoo.teach",
)
ODD_CALLS = ("exec", "eval", "compile", "__import__", "globals", "vars", "open", "setattr", "input")
# The position of `groups` among the arguments.
GROUPS_AT = {"convolution": 8, "_convolution": 8}
GROUPS_ELSEWHERE = 6
MAX_NODES = 50_000


@dataclass(frozen=True)
class Found:
    """The result of a scan: sentences that cost points, and flags."""

    shortcuts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def scan_cell(
    own: str,
    others: Iterable[str],
    shortcuts,
    exercise_id: str,
    added: Iterable[str] = (),
    apart: Collection[str] = (),
) -> Found:
    """Scan the cell of an exercise, and the definitions elsewhere that it uses.

    others: the cells whose imports it uses; shortcuts: the exercise's (`sentence`, `written`);
    added: the student's other cells, which may contain their helpers; apart: names in them that are
    scanned separately, such as those of other exercises.
    """
    try:
        return _scanned(own, others, shortcuts, exercise_id, added, apart)
    except RecursionError:
        return Found(flags=("Its cell is nested too deeply to be scanned for shortcuts.",))


def _scanned(own: str, others, shortcuts, exercise_id: str, added, apart) -> Found:
    aliases: dict[str, str] = {}
    for source in others:
        _imports(syntax(plain(source)), aliases)
    tree = syntax(plain(own))
    if tree is None or sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        return Found(flags=("Its cell could not be scanned for shortcuts.",) if tree else ())
    _imports(tree, aliases)
    reader = _Reader(aliases, shortcuts, exercise_id)
    for helper in _helpers(tree, added, apart):
        reader.read(helper, "of another cell")
    reader.read(tree, "of the cell")
    return Found(tuple(dict.fromkeys(reader.shortcuts)), tuple(dict.fromkeys(reader.flags)))


def _helpers(tree: ast.Module, added: Iterable[str], apart) -> list[ast.stmt]:
    """Return the definitions in other cells that a cell uses, by the names in it."""
    cells = filter(None, (syntax(plain(source)) for source in added))
    statements = [statement for cell in cells for statement in cell.body]
    defined = {name: s for s in statements for name in _defines(s) if name not in apart}
    found: dict[str, ast.stmt] = {}
    waiting: list[ast.AST] = [tree]
    while waiting:
        for node in ast.walk(waiting.pop()):
            name = node.id if isinstance(node, ast.Name) else ""
            if name in defined and name not in found:
                found[name] = defined[name]
                waiting.append(defined[name])
    return list(found.values())


def _defines(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _imports(tree: ast.Module | None, aliases: dict[str, str]) -> None:
    """Which name refers to which module, or to which function of which module."""
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            for a in node.names:
                aliases[a.asname or a.name.split(".")[0]] = (
                    a.name if a.asname else a.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for a in node.names:
                aliases[a.asname or a.name] = f"{node.module}.{a.name}"


class _Reader:
    def __init__(self, aliases, shortcuts, exercise_id):
        self.aliases, self.wanted, self.id = aliases, shortcuts, exercise_id
        self.shortcuts: list[str] = []
        self.flags: list[str] = []
        self.place = ""

    def read(self, tree: ast.AST, place: str) -> None:
        self.place = place
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target, path = node.targets[0], self.path(node.value)
                if isinstance(target, ast.Name) and path:
                    self.aliases[target.id] = path
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._import(node)
            elif isinstance(node, ast.Call):
                self._call(node)
            if isinstance(node, (ast.Name, ast.Attribute, ast.Call)):
                self._reference(node)

    def path(self, node: ast.AST) -> str:
        """Return "torch.nn.functional.conv2d" for a name that refers to it, "" for an unknown
        name."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, "")
        if isinstance(node, ast.Attribute):
            base = self.path(node.value)
            return f"{base}.{node.attr}" if base else ""
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
            if len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                base = self.path(node.args[0])
                return f"{base}.{node.args[1].value}" if base else ""
        return ""

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        module = getattr(node, "module", None)
        for alias in node.names:
            full = f"{module}.{alias.name}" if module else alias.name
            if _is_ours(full):
                self._cost("It imports the framework's version from `convzoo`", node)
            elif odd := next((m for m in ODD_MODULES if _within(full, m)), ""):
                self._flag(f"It imports `{odd}`", node)

    def _reference(self, node: ast.Name | ast.Attribute | ast.Call) -> None:
        path = self.path(node)
        if _is_ours(path):
            self._cost("It uses the framework's version from `convzoo`", node)
        method = isinstance(node, ast.Attribute) and not path and _is_method(node)
        if not _is_framework(path) and not method:
            return
        path = path or node.attr
        for shortcut in self.wanted:
            if path.rsplit(".", 1)[-1] in shortcut.written:
                self._cost(shortcut.sentence.rstrip("."), node)

    def _call(self, node: ast.Call) -> None:
        path = self.path(node.func)
        name = getattr(node.func, "id", "")
        if name in ODD_CALLS and name not in self.aliases:
            self._flag(f"It calls `{name}`", node)
            self._inside(node)
        if name == "getattr" and not self.path(node):
            self._flag("It calls `getattr`", node)
        if (name == "use" or path.endswith(".use")) and self._names_itself(node):
            self._cost(f'It uses `use("{self.id}")`, the framework\'s version, as its answer', node)
        given = [path, *(self.path(a) for a in node.args)]  # functools.partial(F.conv2d, groups=4)
        theirs = next((p for p in given if _is_framework(p)), "")
        for shortcut in self.wanted:
            if theirs and self._passes(node, theirs, shortcut.written, path == theirs):
                self._cost(shortcut.sentence.rstrip("."), node)

    def _passes(self, node: ast.Call, path: str, arguments: tuple[str, ...], direct: bool) -> bool:
        """Return whether a call passes one of `arguments` with a value other than 1."""
        last = path.rsplit(".", 1)[-1]
        for keyword in node.keywords:
            if keyword.arg in arguments and not _is_one(keyword.value):
                return True
            if keyword.arg is None and isinstance(keyword.value, ast.Dict):
                keys = [getattr(k, "value", None) for k in keyword.value.keys]
                if any(k in arguments for k in keys):
                    return True
            elif keyword.arg is None and "onv" in last:
                self._flag("It calls a convolution with `**`", node)
        if "groups" in arguments and direct and "onv" in last:
            at = GROUPS_AT.get(last, GROUPS_ELSEWHERE)
            if any(isinstance(a, ast.Starred) for a in node.args):
                self._flag("It calls a convolution with `*`", node)
            elif len(node.args) > at:
                return not _is_one(node.args[at])
        return False

    def _inside(self, node: ast.Call) -> None:
        """Scan a text that is executed, if it is written out."""
        text = node.args[0] if node.args else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            if inner := syntax(text.value):
                for part in ast.walk(inner):
                    if hasattr(part, "lineno"):
                        part.lineno = node.lineno
                    if isinstance(part, ast.Call):
                        self._call(part)
                    if isinstance(part, (ast.Name, ast.Attribute, ast.Call)):
                        self._reference(part)

    def _names_itself(self, node: ast.Call) -> bool:
        return any(isinstance(a, ast.Constant) and a.value == self.id for a in node.args)

    def _cost(self, sentence: str, node: ast.AST) -> None:
        self.shortcuts.append(f"{sentence} (line {node.lineno} {self.place}).")

    def _flag(self, sentence: str, node: ast.AST) -> None:
        self.flags.append(f"{sentence} (line {node.lineno} {self.place}).")


def _is_ours(path: str) -> bool:
    """Return whether a name is, or is in, a module with the framework's forms of an idea's
    exercises."""
    return re.match(r"convzoo\.ideas\.\w+\.framework(\.|$)", path) is not None


def _within(path: str, module: str) -> bool:
    return path == module or path.startswith(module + ".")


def _is_framework(path: str) -> bool:
    return any(_within(path, module) for module in FRAMEWORK)


def _is_method(node: ast.Attribute) -> bool:
    """Return whether it looks like a method of a tensor: `mask.to_sparse_csr`, but not one of
    `self`."""
    import torch

    return getattr(node.value, "id", "") != "self" and hasattr(torch.Tensor, node.attr)


def _is_one(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value == 1
