"""Scans a student's source for shortcuts, outside the sandbox: clear ones cost points.

Clear is what leads from the exercise's name to the framework's finished operation, through any
imports and plain aliases in the cell; anything else in the cell, such as a comparison, costs
nothing. Everything clever (exec, getattr with a computed name, an import of torchvision) is a flag
for the teacher and costs nothing.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from convzoo.exercises.shortcuts import Shortcut
from convzoo.notebook.cells import plain, syntax

FRAMEWORK = ("torch", "torchvision", "timm", "numpy", "scipy", "convzoo")
# What hides operations from the recorder, or changes it.
HIDING = (
    "torch._C",
    "torch.overrides",
    "torch.utils._python_dispatch",
    "convzoo.case",
    "convzoo.recorder",
    "threading",
    "_thread",
    "concurrent",
)
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
    "convzoo.nets",
    "convzoo.exercises",
    "convzoo.teach",
    *HIDING,
)
ODD_CALLS = ("exec", "eval", "compile", "__import__", "globals", "vars", "open", "setattr", "input")
ODD_NAMES = ("__builtins__", "__globals__", "__code__", "__closure__", "__subclasses__")
# The position of `groups` among the arguments.
GROUPS_AT = {"convolution": 8, "_convolution": 8}
GROUPS_ELSEWHERE = 6
MAX_FOUND = 20  # flags, or sentences that cost points, of one exercise
MAX_PARTS = 30  # of a name such as torch.nn.functional.conv2d


@dataclass(frozen=True)
class Found:
    """The result of a scan: sentences that cost points, and flags."""

    shortcuts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """An exercise as the scan knows it: its id, the name that it defines, what it forbids."""

    id: str
    name: str
    shortcuts: tuple[Shortcut, ...]


def scan_cell(
    own: str,
    others: Iterable[str],
    wanted: Wanted,
    added: Sequence[tuple[str, Collection[str]]] = (),
) -> Found:
    """Scan the cell of an exercise, and the definitions elsewhere that it uses.

    others: the cells whose imports it uses; added: the student's other cells, which may contain
    helpers, each with the names that are scanned separately, such as another exercise.
    """
    try:
        return _scanned(own, others, wanted, added)
    except RecursionError:
        return Found(flags=("Its cell is nested too deeply to be scanned for shortcuts.",))


def _scanned(own: str, others, wanted: Wanted, added) -> Found:
    aliases: dict[str, str] = {}
    for source in (*others, own):
        aliases.update(_imports(source))
    tree = _tree(own)
    if tree is None:
        return Found()
    reader = _Reader(aliases, wanted)
    cells = [_tree(source) for source, _ in added]
    reached = _reached(tree, wanted.name, zip(cells, (apart for _, apart in added), strict=True))
    helpers = [s for cell in cells if cell for s in cell.body if s in reached]
    for statement in (*helpers, *tree.body):
        reader.learn(statement)
    for statement in helpers:
        reader.read(statement, "of another cell", costs=True)
    for statement in tree.body:
        reader.read(statement, "of the cell", costs=statement in reached)
    return Found(_first(reader.shortcuts), _first(reader.flags))


def _first(sentences: list[str]) -> tuple[str, ...]:
    """Return each sentence once, and only as many as somebody would read."""
    once = tuple(dict.fromkeys(sentences))
    more = (f"And {len(once) - MAX_FOUND} more.",) if len(once) > MAX_FOUND else ()
    return once[:MAX_FOUND] + more


def _tree(source: str) -> ast.Module | None:
    return syntax(source) or syntax(plain(source))


def _reached(tree: ast.Module, name: str, added) -> set[ast.stmt]:
    """Return the statements that a name leads to, in this cell and in others; all of the cell's if
    none of them binds it."""
    binding: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        for bound in _bound(statement):
            binding.setdefault(bound, []).append(statement)
    waiting = list(binding.get(name, tree.body))
    for other, apart in added:
        for statement in other.body if other else ():
            for bound in _bound(statement) - set(apart):
                binding.setdefault(bound, []).append(statement)
    found: set[ast.stmt] = set()
    while waiting:
        statement = waiting.pop()
        if statement not in found:
            found.add(statement)
            waiting += [s for read in _read(statement) for s in binding.get(read, ())]
    return found


def _bound(statement: ast.stmt) -> set[str]:
    """Return the names that a statement binds, or whose attributes it changes (`Block.forward =
    ...`)."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(a.asname or a.name).split(".")[0] for a in node.names}
        elif isinstance(getattr(node, "ctx", None), ast.Store):
            while isinstance(node, (ast.Attribute, ast.Subscript)):
                node = node.value
            if isinstance(node, ast.Name):
                found.add(node.id)
    return found


def _read(statement: ast.stmt) -> set[str]:
    """Return the cell's names that a statement reads, including inside its functions and
    classes."""
    try:
        tables, found = [symtable.symtable(ast.unparse(statement), "<cell>", "exec")], set()
    except (SyntaxError, ValueError, RecursionError):  # a number too long, or too deep a cell
        return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    while tables:
        table = tables.pop()
        tables += table.get_children()
        outermost = table.get_type() == "module"
        found |= {s.get_name() for s in table.get_symbols() if outermost or s.is_global()}
    return found


@lru_cache(maxsize=512)
def _imports(source: str) -> dict[str, str]:
    """Return which name refers to which module, or to which function of which module, in a cell."""
    aliases: dict[str, str] = {}
    tree = _tree(source)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            for a in node.names:
                aliases[a.asname or a.name.split(".")[0]] = (
                    a.name if a.asname else a.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for a in node.names:
                aliases[a.asname or a.name] = f"{node.module}.{a.name}"
    return aliases


def _assigned(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.arg, ast.expr]]:
    """Yield what is bound to what: by assignments, by default arguments, by loops over a
    sequence."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _unpacked(target, node.value)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value:
            yield node.target, node.value
        elif isinstance(node, ast.arguments):
            plain_ones = [*node.posonlyargs, *node.args][-len(node.defaults) or None :]
            yield from zip(plain_ones, node.defaults, strict=False)
            named = zip(node.kwonlyargs, node.kw_defaults, strict=True)
            yield from (pair for pair in named if pair[1])
        elif isinstance(node, (ast.For, ast.comprehension)):
            for item in getattr(node.iter, "elts", ()):
                yield from _unpacked(node.target, item)


def _unpacked(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    row = (ast.Tuple, ast.List)
    if isinstance(target, row) and isinstance(value, row):
        yield from zip(target.elts, value.elts, strict=False)
    else:
        yield target, value


class _Reader:
    def __init__(self, aliases: dict[str, str], wanted: Wanted):
        self.aliases, self.wanted = aliases, wanted
        self.shortcuts: list[str] = []
        self.flags: list[str] = []
        self.place, self.costs = "", True

    def learn(self, tree: ast.AST) -> None:
        """Record which of the framework's functions the names in it refer to."""
        for target, value in _assigned(tree):
            name, path = getattr(target, "id", getattr(target, "arg", "")), self.path(value)
            if name and path:
                self.aliases[name] = path

    def read(self, tree: ast.AST, place: str, costs: bool) -> None:
        """Read a statement; costs: whether what is found in it costs points."""
        self.place, self.costs = place, costs
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._import(node)
            elif isinstance(node, ast.Call):
                self._call(node)
            if isinstance(node, (ast.Name, ast.Attribute, ast.Call)):
                self._reference(node)

    def path(self, node: ast.AST, parts: int = MAX_PARTS) -> str:
        """Return "torch.nn.functional.conv2d" for a name that refers to it, "" for an unknown
        name."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, "")
        if not parts:
            self._flag(f"It contains a name with more than {MAX_PARTS} parts", node)
            return ""
        if isinstance(node, ast.Attribute):
            base = self.path(node.value, parts - 1)
            return f"{base}.{node.attr}" if base else ""
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
            if len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                base = self.path(node.args[0], parts - 1)
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
        name = getattr(node, "id", getattr(node, "attr", ""))
        if name in ODD_NAMES or (name == "__name__" and isinstance(node.ctx, ast.Store)):
            self._flag(f"It accesses `{name}`", node)
        if hiding := next((m for m in HIDING if _within(path, m)), ""):
            self._flag(f"It accesses `{hiding}`", node)
        method = isinstance(node, ast.Attribute) and not path and _is_method(node)
        if not _is_framework(path) and not method:
            return
        words = path.partition(".")[2] or name
        for shortcut in self.wanted.shortcuts:
            if shortcut.in_module(path) or (shortcut.is_named(words) and not shortcut.argument):
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
            own = f'It uses `use("{self.wanted.id}")`, the framework\'s version, as its answer'
            self._cost(own, node)
        # The function itself, or one that is passed on: functools.partial(F.conv2d, groups=4).
        given = [path, *(self.path(argument) for argument in node.args)]
        for shortcut in self.wanted.shortcuts:
            if shortcut.argument and any(
                _is_framework(p) and self._passes(node, p, first, shortcut)
                for first, p in enumerate(given)
            ):
                self._cost(shortcut.sentence.rstrip("."), node)

    def _passes(self, node: ast.Call, path: str, first: int, shortcut: Shortcut) -> bool:
        """Return whether a call passes the shortcut's argument to a function, with a value other
        than 1. first: the position of the function's own first argument.
        """
        word = next((w for w in path.split(".")[1:] if shortcut.is_named(w)), "")
        if not word:
            return False
        for keyword in node.keywords:
            if keyword.arg == shortcut.argument and not _is_one(keyword.value):
                return True
            if keyword.arg is None and isinstance(keyword.value, ast.Dict):
                keys = [getattr(k, "value", None) for k in keyword.value.keys]
                if shortcut.argument in keys:
                    return True
            elif keyword.arg is None:
                self._flag("It calls a convolution with `**`", node)
        if first and self.path(node.func).rpartition(".")[2] != "partial":
            return False
        at = first + GROUPS_AT.get(word, GROUPS_ELSEWHERE)
        if any(isinstance(a, ast.Starred) for a in node.args):
            self._flag("It calls a convolution with `*`", node)
            return False
        return len(node.args) > at and not _is_one(node.args[at])

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
        return any(isinstance(a, ast.Constant) and a.value == self.wanted.id for a in node.args)

    def _cost(self, sentence: str, node: ast.AST) -> None:
        if self.costs:
            self.shortcuts.append(f"{sentence} (line {node.lineno} {self.place}).")

    def _flag(self, sentence: str, node: ast.AST) -> None:
        self.flags.append(f"{sentence} (line {node.lineno} {self.place}).")


def _is_ours(path: str) -> bool:
    """Return whether it is, or is in, the framework's forms of an idea's exercises, or its
    kernels."""
    return re.match(r"convzoo\.ideas\.\w+\.(framework|kernel)(\.|$)", path) is not None


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
