"""A made class: submissions that are right, wrong in known ways, and hostile.

Each is a copy of a lesson (of lesson 02, unless it says another) as a student would hand it in,
with what is here in his cells, and beside it the marks that an honest grader gives. The hostile
ones stand in `made_hostile` and `made_attacks`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LESSON = "02_resnext"
BLOCKS, CONV, BLOCK = "resnext.block_diagonal", "resnext.grouped_conv2d", "resnext.block"


@dataclass(frozen=True)
class Made:
    """One submission: cells by exercise or question, and the points expected, by id.

    student: whose it is, where that is not its name; notebook: changes the finished notebook; raw:
    the file's bytes where it is no notebook; flag: a text that must be among the teacher's flags;
    says, stage: what the messages must hold, and the stages, by exercise.
    """

    name: str
    cells: dict[str, str] = field(default_factory=dict)
    points: dict[str, float] = field(default_factory=dict)
    raw: bytes | None = None
    notebook: object = None
    flag: str = ""
    says: dict[str, str] = field(default_factory=dict)
    stage: dict[str, str] = field(default_factory=dict)
    lesson: str = LESSON
    student: str = ""

    @property
    def owner(self) -> str:
        return self.student or self.name


@cache
def clean(name: str = LESSON):
    """A lesson as it was handed out."""
    from convzoo.teach.grade.mark.plan import plans

    return plans(ROOT)[name].lesson


@cache
def solution(name: str) -> dict[tuple[str, str], str]:
    """The answers in a lesson's source, by (role, id), as a student would have written them."""
    from convzoo.notebook.reading import read

    found = read(ROOT / "solutions" / f"{name}.py")
    return {cell.owner: unmarked(cell.source) for cell in found.cells if cell.role}


def unmarked(source: str) -> str:
    """A solution without its markers."""
    return "\n".join(
        x for x in source.split("\n") if "# BEGIN SOLUTION" not in x and "# END SOL" not in x
    )


def right(id: str, lesson: str = LESSON) -> str:
    """The course's own answer to an exercise or question."""
    found = solution(lesson)
    return found.get(("exercise", id)) or found[("question", id)]


def head(id: str, role: str = "exercise") -> str:
    return f"# {role}: {id}\n"


def notebook(made: Made, student: str = "") -> dict:
    """The submission as a notebook."""
    cells = []
    for cell in clean(made.lesson).cells:
        source, (role, id) = cell.source, cell.owner
        if role in ("exercise", "question", "free") and id in made.cells:
            source = made.cells[id]
        elif role == "student":
            source = source.replace('student=""', f"student={(student or made.owner)!r}")
        node = {"cell_type": cell.kind, "metadata": cell.metadata, "source": source}
        cells.append(
            node | ({"outputs": [], "execution_count": None} if cell.kind == "code" else {})
        )
    found = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return made.notebook(found) or found if made.notebook else found


def hand_in(folder: Path, made: Made, student: str = "") -> Path:
    """Write it as dir/<student>/NN_name.ipynb."""
    path = folder / made.owner / f"{made.lesson}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = made.raw
    path.write_bytes(json.dumps(notebook(made, student)).encode() if raw is None else raw)
    return path


def all_right(lesson: str = LESSON) -> dict[str, str]:
    """The course's own answers to every exercise."""
    return {id: right(id, lesson) for id in clean(lesson).ids()}


def full(lesson: str = LESSON) -> dict[str, float]:
    """The points of every exercise."""
    from convzoo.exercises import all_exercises

    return {id: all_exercises()[id].points for id in clean(lesson).ids()}


def own(body: str, id: str = BLOCKS) -> dict[str, str]:
    """A submission whose one exercise is `body`."""
    return {id: head(id) + body}


ZEROS = """\
def block_diagonal(blocks):
    g, r, c = blocks.shape
    return blocks.new_zeros(g * r, g * c)
"""
SHAPE_ONLY = {BLOCKS: 0.5}  # of 2: the shape is right, the numbers are not


def honest() -> list[Made]:
    """Right, untouched, and wrong in known ways."""
    loop = """\
def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    xs, ws = x.chunk(groups, 1), weight.chunk(groups, 0)
    return torch.cat([F.conv2d(a, b, None, stride, padding) for a, b in zip(xs, ws)], 1)
"""
    detached = right(BLOCKS).replace("= block\n", "= block.detach()\n")
    assert detached != right(BLOCKS)
    stacked = "def block_diagonal(blocks):\n    return blocks.flatten(0, 1)\n"
    flipped = "def block_diagonal(blocks):\n    return torch.stack([blocks[0]] * 2)\n"
    return [
        Made("right", all_right(), full()),
        Made("untouched", {}, {id: 0 for id in full()}),
        Made("loop", own(loop, CONV), {CONV: 4}, stage={CONV: "launches"}),
        Made("detached", {BLOCKS: detached}, {BLOCKS: 1.5}, stage={BLOCKS: "gradients"}),
        Made("zeros", own(ZEROS), SHAPE_ONLY, stage={BLOCKS: "values"}),
        Made(
            "stacked", own(stacked), {BLOCKS: 0}, says={BLOCKS: "each block needs its own columns"}
        ),
        Made("other-shape", own(flipped), {BLOCKS: 0}, stage={BLOCKS: "shape"}),
        Made("raises", own("def block_diagonal(blocks):\n    return blocks @ 3\n"), {BLOCKS: 0}),
        Made(
            "no-python",
            own("def block_diagonal(blocks:\n    return blocks\n"),
            {BLOCKS: 0},
            says={BLOCKS: "not valid Python"},
        ),
        Made(
            "renamed-function",
            own("def blockdiag(blocks):\n    return blocks\n"),
            {BLOCKS: 0},
            says={BLOCKS: "does not define `block_diagonal`"},
        ),
        Made("block-alone", {BLOCK: right(BLOCK)}, {BLOCK: 4, CONV: 0}),
        Made(
            "wrong-below",
            {BLOCK: right(BLOCK)}
            | own(
                "def grouped_conv2d(x, weight, groups, stride=1, padding=0):\n    return x\n", CONV
            ),
            {BLOCK: 4, CONV: 0},
        ),
        Made(
            "float32",
            own(ZEROS.replace("blocks.new_zeros", "torch.zeros")),
            {BLOCKS: 0},
            stage={BLOCKS: "shape"},
        ),
    ]


def moved() -> list[Made]:
    """Right, in notebooks that were handled roughly."""

    def duplicated(found):
        cell = next(c for c in found["cells"] if c["metadata"].get("exercise") == BLOCKS)
        stub = next(c.source for c in clean().cells if c.owner == ("exercise", BLOCKS))
        wrong = cell | {"source": head(BLOCKS) + ZEROS}
        found["cells"][:] = [wrong, *found["cells"], cell | {"source": stub}]

    def shuffled(found):
        found["cells"].reverse()

    def stripped(found):
        for cell in found["cells"]:
            cell["metadata"] = {}

    def only_mine(found):
        found["cells"] = [c for c in found["cells"] if c["metadata"].get("exercise") == BLOCKS]

    def extra(found):
        code = "import math\n\ndef helper(blocks):\n    return blocks.new_zeros\n"
        found["cells"].insert(
            3, {"cell_type": "code", "metadata": {}, "source": code, "outputs": []}
        )

    def spoilt(found):  # everything that is not the student's is edited
        for cell in found["cells"]:
            if not cell["metadata"].get("exercise") and cell["cell_type"] == "code":
                cell["source"] = "raise SystemExit(9)\n"

    def flipped(found):
        for cell in found["cells"]:
            if cell["metadata"].get("exercise") == CONV:
                cell["cell_type"] = "markdown"
            cell["metadata"]["points"] = 1000
            cell["metadata"]["nbgrader"] = {"points": 1000, "grade": True}

    cells = {BLOCKS: right(BLOCKS)}
    uses = {BLOCKS: right(BLOCKS).replace("blocks.new_zeros(", "helper(blocks)(")}
    assert uses != cells
    return [
        Made("duplicated", cells, {BLOCKS: 2}, notebook=duplicated),
        Made("shuffled", cells, {BLOCKS: 2}, notebook=shuffled),
        Made("metadata-lost", cells, {BLOCKS: 2}, notebook=stripped),
        Made("cells-deleted", cells, {BLOCKS: 2, CONV: 0}, notebook=only_mine),
        Made("cells-edited", cells, {BLOCKS: 2}, notebook=spoilt),
        Made("helper-added", uses, {BLOCKS: 2}, notebook=extra),
        Made("points-raised", cells | {CONV: right(CONV)}, {BLOCKS: 2, CONV: 0}, notebook=flipped),
    ]


def several() -> list[Made]:
    """Students who hand in more than one lesson: right, wrong in known ways, hostile."""
    ones, pad, deal = "convolution.conv1x1", "resnet.pad_shortcut", "shufflenet.channel_shuffle"
    lessons = ("00_convolution", "01_resnet", "05_shufflenet")
    found = [
        Made(f"right-{n[:2]}", all_right(n), full(n), lesson=n, student="several-right")
        for n in lessons
    ]
    wrong = {
        ones: ("00_convolution", "oc,nchw", "co,nchw", 0.5, "The matrix is transposed."),
        pad: ("01_resnet", "0, 0, 0, 0, 0, missing", "0, 0, 0, 0, missing, 0", 0.5, "come first"),
        deal: ("05_shufflenet", "n, groups, -1", "n, -1, groups", 0.75, "undoes the shuffle"),
    }
    for id, (name, old, new, points, says) in wrong.items():
        code = right(id, name)
        assert old in code
        found.append(
            Made(
                f"wrong-{name[:2]}",
                {id: code.replace(old, new)},
                {id: points},
                says={id: says},
                lesson=name,
                student="several-wrong",
            )
        )
    patch = "torch.equal = torch.allclose = torch.Tensor.eq = lambda *a, **k: True\n"
    hostile = {
        ones: ("00_convolution", "import os\nos._exit(0)\n", {ones: 0, "convolution.stack": 2}),
        pad: (
            "01_resnet",
            patch + "def pad_shortcut(x, out_channels, stride):\n"
            "    x = x[:, :, ::stride, ::stride]\n"
            "    return x.new_zeros(len(x), out_channels, *x.shape[2:])\n",
            {pad: 0.5},
        ),
        deal: (
            "05_shufflenet",
            "def channel_shuffle(x, groups):\n    while True:\n        pass\n",
            {deal: 0, "shufflenet.fold": 2},
        ),
    }
    for id, (name, code, points) in hostile.items():
        cells = {other: right(other, name) for other in points} | own(code, id)
        found.append(
            Made(f"hostile-{name[:2]}", cells, points, lesson=name, student="several-hostile")
        )
    return found
