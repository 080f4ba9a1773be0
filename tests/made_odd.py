"""Notebooks as students hand them in: a right answer, and something odd around it.

Each is the first part of lesson 02. What passes `check` in a kernel must get its points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from convzoo.notebook.cells import with_ids
from made_class import BLOCKS, CONV, clean, head, right

ANSWER = right(BLOCKS)
BODY = ANSWER.split('"""\n')[-1]
WRONG = "def block_diagonal(blocks):\n    return blocks.flatten(0, 1)\n"
HELPED = head(BLOCKS) + "def block_diagonal(blocks):\n    return helper(blocks)\n"
HELPER = "def helper(blocks):\n    g, r, c = blocks.shape\n" + BODY.split("shape\n", 1)[1]
USES = ANSWER.replace("blocks.new_zeros(g * r, g * c)", "{}")


@dataclass(frozen=True)
class Odd:
    """One notebook. edit: makes it from the lesson's cells with the right answer to BLOCKS; passes:
    the exercises that pass in a kernel; says: what a message or flag of the grader holds.

    generous: exercises that get points though the kernel stops at them.
    """

    name: str
    edit: Callable[[Book], None]
    passes: tuple[str, ...] = (BLOCKS,)
    says: str = ""
    generous: tuple[str, ...] = field(default=())


class Book:
    """The cells of a notebook, to be edited as a student does."""

    def __init__(self):
        wanted = (
            "begin(",
            "from convzoo import NotAttempted",
            f'check("{BLOCKS}',
            f'check("{CONV}',
            "layer = nn.C",
        )
        self.cells = []
        for cell in with_ids(clean()).cells:
            if cell.kind == "code" and (
                cell.owner[1] in (BLOCKS, CONV, "resnext.weights") or cell.source.startswith("C = ")
                or any(text in cell.source for text in wanted)
            ):  # fmt: skip
                self.cells.append(code(cell.source, cell.metadata, cell.id))
        self.write(ANSWER)

    def at(self, id: str = BLOCKS) -> int:
        return next(i for i, c in enumerate(self.cells) if id in c["metadata"].values())

    def cell(self, text: str) -> dict:
        return next(c for c in self.cells if text in c["source"])

    def write(self, source: str, id: str = BLOCKS) -> None:
        self.cells[self.at(id)]["source"] = source

    def insert(self, source: str, below: int = 0, id: str = BLOCKS, **metadata) -> None:
        """A new cell, above an exercise's or so many below it."""
        self.cells.insert(self.at(id) + below, code(source, metadata))


def code(source: str, metadata: dict | None = None, id: str = "") -> dict:
    cell = {"cell_type": "code", "metadata": dict(metadata or {}), "source": source}
    return cell | {"id": id} if id else cell


def _writes(source: str) -> Callable[[Book], None]:
    return lambda book: book.write(source)


def _with(answer: str, other: str, below: int = 0) -> Callable[[Book], None]:
    """An answer, and a cell of the student's own."""

    def edit(book: Book) -> None:
        book.write(answer)
        book.insert(other, below)

    return edit


def _around(line: str) -> Callable[[Book], None]:
    """A line above and below the answer in its cell, and in a cell of the student's own."""

    def edit(book: Book) -> None:
        book.write(f"{head(BLOCKS)}{line}\n\n{ANSWER}\n\n{line}\n")
        book.insert(line)

    return edit


def _below(line: str) -> Callable[[Book], None]:
    return _with(f"{ANSWER}\n\n{line}\n", line)


def _split(at: str, keeps_metadata: bool) -> Callable[[Book], None]:
    def edit(book: Book) -> None:
        first, second = ANSWER.split(at, 1)
        book.write(first)
        more = {"exercise": BLOCKS, "tags": ["define"]} if keeps_metadata else {}
        book.insert((at + second).strip("\n"), 1, **more)

    return edit


def _merged(book: Book) -> None:
    conv = book.cells.pop(book.at(CONV))
    check = book.cells.pop(book.at() + 1)
    conv["source"] = right(CONV)
    book.write("\n\n".join([ANSWER, check["source"], conv["source"]]))


def _bare(book: Book) -> None:
    for cell in book.cells:
        cell["metadata"] = {}
        cell.pop("id", None)


def _kind(kind: str) -> Callable[[Book], None]:
    def edit(book: Book) -> None:
        book.cells[book.at()]["cell_type"] = kind

    return edit


def _imports(more: str, answer: str) -> Callable[[Book], None]:
    def edit(book: Book) -> None:
        book.cell("import torch")["source"] += "\n" + more
        book.write(answer)

    return edit


def _edited(old: str, new: str, answer: str = ANSWER) -> Callable[[Book], None]:
    def edit(book: Book) -> None:
        cell = book.cell(old)
        cell["source"] = cell["source"].replace(old, new)
        book.write(answer)

    return edit


def _stub_and(source: str, below: int = 1) -> Callable[[Book], None]:
    """The stub is left, and the answer is in a cell of the student's own."""
    stub = next(c.source for c in clean().cells if c.owner == ("exercise", BLOCKS))
    return _with(stub, source, below)


def _later_name(book: Book) -> None:
    """A helper whose name the lesson uses later."""
    book.write(right(CONV).replace("def grouped_conv2d", "def convolve"), CONV)
    book.cells[book.at(CONV)]["source"] += (
        "\n\ndef grouped_conv2d(x, weight, groups, stride=1, padding=0):\n"
        "    return convolve(x, weight, groups, stride, padding)\n"
    )


def _in_check_cell(book: Book) -> None:
    cell = book.cell(f'check("{BLOCKS}')
    cell["source"] = ANSWER.split("\n", 1)[1] + "\n" + cell["source"]
    book.write(next(c.source for c in clean().cells if c.owner == ("exercise", BLOCKS)))


def _no_lesson(book: Book) -> None:
    book.cells = [c for c in book.cells if BLOCKS in c["source"] or "import torch" in c["source"]]


NEGATIVE = """
def block_diagonal(blocks):
    whole = torch.block_diag2(blocks)
    return torch.imag(torch.complex(whole, -whole).conj())
"""
LINES = {
    "division": "1 / 0",
    "wrong-assert": "assert block_diagonal(torch.ones(2, 1, 1)).sum() == 7",
    "unknown-name": "print(no_such_name)",
    "no-file": "picture = torch.load('../figures/no_such_picture.pt')",
    "no-module": "import no_such_module",
    "input": "name = input('Your name? ')",
    "not-attempted": "grouped_conv2d(1, 2, 3)",
}
HARMLESS = {
    "display": "display(torch.eye(2))",
    "shell": "get_ipython().run_line_magic('matplotlib', 'inline')",
    "listing": "files = !ls\nprint(files)",
    "magics": "%matplotlib inline\n%time y = 2 ** 9\nprint(y)\n!echo hello",
    "help": "torch.eye?",
    "seed": "import random\nrandom.seed(0)\ntorch.manual_seed(3)",
    "slow": "import time\nend = time.process_time() + 2.5\nwhile time.process_time() < end: pass",
    "last-result": "2 + 3\nprint(_)",
    "main": 'if __name__ == "__main__":\n    print("run as a notebook")',
    "await": "import asyncio\nawait asyncio.sleep(0)",
    "comment": "# exercise: of my own",
}


def odd() -> list[Odd]:
    """All of them."""
    found = [Odd("plain", lambda book: None)]
    found += [Odd(name, _around(line)) for name, line in HARMLESS.items()]
    found += [Odd(name, _below(line)) for name, line in LINES.items()]
    for name in ("division", "no-module"):  # a kernel stops there, before the answer
        found.append(Odd(f"{name}-above", _around(LINES[name]), (), "", (BLOCKS,)))
    on_device = USES.format("torch.zeros(g * r, g * c, dtype=blocks.dtype, device=device)")
    constant = USES.format("blocks.new_zeros(g * r, n * g * c // 12)")
    lessons = USES.format("blocks.new_zeros(g * r, g * c * C // 12)")
    groups = USES.format("blocks.new_zeros(g * r, g * c * groups // groups)")
    merged = (BLOCKS, CONV)
    found += [
        Odd("time-cell", _writes("%%time\n" + ANSWER)),
        Odd("time-cell-bare", lambda book: (book.write("%%time\n" + ANSWER), _bare(book))),
        Odd("bash-cell", lambda book: book.insert("%%bash\nls -l | wc\n")),
        Odd("device", _writes(on_device)),
        Odd("device-in-a-helper", _with(HELPED, HELPER.replace("blocks.new_zeros(g * r, g * c)",
            "torch.zeros(g * r, g * c, dtype=blocks.dtype, device=device)"))),  # fmt: skip
        Odd("constant", _with(constant, "n = 4 * 3")),
        Odd("computed-constant", _with(constant, "n = sum(range(5)) + 2\nprint(n)")),
        Odd("name-of-an-unmarked-cell", _writes(groups)),
        Odd("edited-unmarked-cell", _edited("groups = 4", "groups = 6", groups)),
        Odd("name-of-a-later-cell", _writes(lessons), (), "", (BLOCKS,)),
        Odd("helper", _with(HELPED, HELPER)),
        Odd("helper-that-prints", _with(HELPED, HELPER + "\nprint(helper(torch.ones(2, 1, 1)))")),
        Odd("helper-that-asserts", _with(HELPED, HELPER + "\nassert helper(1) == 2")),
        Odd("helper-with-a-seed", _with(HELPED, "import random\nrandom.seed(0)\n\n" + HELPER)),
        Odd("helper-below", _with(HELPED, HELPER, 2), (), "", (BLOCKS,)),
        Odd("helper-in-the-imports", _imports(HELPER, HELPED)),
        Odd("constant-in-the-imports", _imports("n = 3 * 4\nprint(n)", constant)),
        Odd("import-in-the-imports", _imports("import math", USES.format(
            "blocks.new_zeros(g * r, math.prod((g, c)))"))),  # fmt: skip
        Odd("helper-in-a-question", _edited(
            "# question: resnext.weights", "# question: resnext.weights\nh = 3")),  # fmt: skip
        Odd("helper-under-main", _with(HELPED, 'if __name__ == "__main__":\n' + "\n".join(
            "    " + line for line in HELPER.split("\n")))),  # fmt: skip
        Odd("helper-class", _with(head(BLOCKS) + "block_diagonal = Maker()", "class Maker:\n"
            "    def __call__(self, blocks):\n        return helper(blocks)\n\n" + HELPER)),
        Odd("dataclass", _with(HELPED, "from dataclasses import dataclass\n\n@dataclass\nclass P:\n"
            "    x: 'int' = 3\n\n" + HELPER)),
        Odd("later-name", _later_name, (BLOCKS, CONV)),
        Odd("split-above", _split("def block_diagonal", True)),
        Odd("split-inside", _split("    matrix = ", True), (), "", (BLOCKS,)),
        Odd("split-bare", _split("def block_diagonal", False)),
        Odd("split-inside-bare", _split("    matrix = ", False), (), "", (BLOCKS,)),
        Odd("merged", _merged, merged),
        Odd("merged-bare", lambda book: (_merged(book), _bare(book)), merged),
        Odd("bare", _bare),
        Odd("import-above-bare", lambda book: (book.write("import math\n" + ANSWER), _bare(book))),
        Odd("markdown", _kind("markdown"), (), "markdown cell"),
        Odd("raw", _kind("raw"), (), "raw cell"),
        Odd("stub-and-answer-below", _stub_and(ANSWER.split("\n", 1)[1])),
        Odd("in-the-check-cell", _in_check_cell),
        Odd("note-below", lambda book: book.insert(head(BLOCKS) + WRONG, 2), says="several"),
        Odd("note-with-metadata", lambda book: book.insert(
            head(BLOCKS) + WRONG, 2, exercise=BLOCKS), says="several"),  # fmt: skip
        Odd("broken-note", lambda book: book.insert(head(BLOCKS) + "def block_diagonal(:", 2)),
        Odd("wrong-then-right-below", _with(head(BLOCKS) + WRONG, ANSWER, 1)),
        Odd("two-in-a-cell", _writes(head(BLOCKS) + WRONG + "\n" + ANSWER)),
        Odd("lambda", _writes(head(BLOCKS) + "block_diagonal = lambda blocks: helper(blocks)\n"
            + HELPER)),
        Odd("negative-view", _writes(head(BLOCKS) + HELPER + NEGATIVE.replace(
            "torch.block_diag2", "helper"))),  # fmt: skip
        Odd("no-lesson", _no_lesson),
        Odd("windows", _writes(ANSWER.replace("\n", "\r\n"))),
        Odd("tabs", _writes(ANSWER.replace("    ", "\t"))),
        Odd("future", _with(ANSWER.replace("(blocks)", "(blocks: Nowhere)", 1),
            "from __future__ import annotations")),
        Odd("own-display", _with(ANSWER + "\ndisplay(3)", "def display(x):\n    print(x)")),
        Odd("deleted-name", _writes(ANSWER + "\nx = 3\ndel x")),
        Odd("other-lessons-cell", lambda book: book.insert(
            "# exercise: convolution.conv1x1\ndef conv1x1(x): return x")),  # fmt: skip
    ]  # fmt: skip
    assert len({o.name for o in found}) == len(found)
    return found
