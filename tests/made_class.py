"""A made class: submissions that are right, wrong in known ways, and hostile.

Each is a copy of lesson 02 as a student would hand it in, with what stands here in his cells, and
beside it the marks that an honest grader gives.
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

    raw: the file's bytes where it is no notebook; notebook: changes the finished notebook; flag: a
    text that must be among the teacher's flags; says: texts that the messages must hold.
    """

    name: str
    cells: dict[str, str] = field(default_factory=dict)
    points: dict[str, float] = field(default_factory=dict)
    raw: bytes | None = None
    notebook: object = None
    flag: str = ""
    says: dict[str, str] = field(default_factory=dict)
    stage: dict[str, str] = field(default_factory=dict)


@cache
def lesson():
    """The clean lesson, and the solution's cells by (role, id)."""
    from convzoo.teach.grade.plan import plans
    from convzoo.teach.source import read

    solution = read(ROOT / "solutions" / f"{LESSON}.py")
    return plans(ROOT)[LESSON].lesson, {c.owner: c.source for c in solution.cells if c.role}


def unmarked(source: str) -> str:
    """A solution without its markers, as a student would have written it."""
    return "\n".join(x for x in source.split("\n") if "# BEGIN SOLUTION" not in x and "# END SOL" not in x)


def right(id: str) -> str:
    """The course's own answer to an exercise or question."""
    solution = lesson()[1]
    return unmarked(solution.get(("exercise", id)) or solution[("question", id)])


def head(id: str, role: str = "exercise") -> str:
    return f"# {role}: {id}\n"


def notebook(made: Made, student: str = "") -> dict:
    """The submission as a notebook."""
    cells = []
    for cell in lesson()[0].cells:
        source, (role, id) = cell.source, cell.owner
        if role in ("exercise", "question", "free") and id in made.cells:
            source = made.cells[id]
        elif role == "student":
            source = source.replace('student=""', f"student={(student or made.name)!r}")
        node = {"cell_type": cell.kind, "metadata": cell.metadata, "source": source}
        cells.append(node | ({"outputs": [], "execution_count": None} if cell.kind == "code" else {}))
    found = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return made.notebook(found) or found if made.notebook else found


def hand_in(folder: Path, made: Made, student: str = "") -> Path:
    """Write it as dir/<student>/02_resnext.ipynb."""
    path = folder / made.name / f"{LESSON}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = made.raw
    path.write_bytes(json.dumps(notebook(made, student)).encode() if raw is None else raw)
    return path


def all_right() -> dict[str, str]:
    """The course's own answers to every exercise."""
    return {id: right(id) for id in lesson()[0].ids()}


def full() -> dict[str, float]:
    """The points of every exercise."""
    from convzoo.exercises import catalogue

    return {id: catalogue()[id].points for id in lesson()[0].ids()}


def own(body: str, id: str = BLOCKS) -> dict[str, str]:
    """A submission whose one exercise is `body`."""
    return {id: head(id) + body}


ZEROS = "def block_diagonal(blocks):\n    g, r, c = blocks.shape\n    return blocks.new_zeros(g * r, g * c)\n"
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
        Made("stacked", own(stacked), {BLOCKS: 0}, says={BLOCKS: "columns of its own"}),
        Made("other-shape", own(flipped), {BLOCKS: 0}, stage={BLOCKS: "shape"}),
        Made("raises", own("def block_diagonal(blocks):\n    return blocks @ 3\n"), {BLOCKS: 0}),
        Made("no-python", own("def block_diagonal(blocks:\n    return blocks\n"), {BLOCKS: 0},
             says={BLOCKS: "not valid Python"}),
        Made("renamed-function", own("def blockdiag(blocks):\n    return blocks\n"), {BLOCKS: 0},
             says={BLOCKS: "defines no `block_diagonal`"}),
        Made("block-alone", {BLOCK: right(BLOCK)}, {BLOCK: 4, CONV: 0}),
        Made("wrong-below", {BLOCK: right(BLOCK)} | own(
            "def grouped_conv2d(x, weight, groups, stride=1, padding=0):\n    return x\n", CONV),
            {BLOCK: 4, CONV: 0}),
        Made("float32", own(ZEROS.replace("blocks.new_zeros", "torch.zeros")), {BLOCKS: 0},
             stage={BLOCKS: "shape"}),
    ]  # fmt: skip


def moved() -> list[Made]:
    """Right, in notebooks that were handled roughly."""
    def duplicated(found):
        cell = next(c for c in found["cells"] if c["metadata"].get("exercise") == BLOCKS)
        stub = next(c.source for c in lesson()[0].cells if c.owner == ("exercise", BLOCKS))
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
        found["cells"].insert(3, {"cell_type": "code", "metadata": {}, "source": code, "outputs": []})

    def spoilt(found):  # everything that is not his is edited
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


def _patch(code: str) -> dict[str, str]:
    return own(f"import builtins, os, sys, time\nimport numpy as np\n{code}\n{ZEROS}")


def hostile(port: int = 0, beside: str = "/tmp") -> list[Made]:
    """Wrong answers (zeros of the right shape) that want more than half a point, and worse.

    port: where somebody listens on this machine, for the one that wants out; beside: a folder of
    this machine's that anyone may write to.
    """
    tricks = {
        "patch-allclose": "np.allclose = torch.allclose = torch.equal = lambda *a, **k: True",
        "patch-tensor-ops": "torch.Tensor.__le__ = torch.Tensor.all = lambda *a, **k: torch.ones((), dtype=torch.bool)",
        "patch-case": "import convzoo.case as case\nold = case.answer\n"
        "def answer(target, c):\n    r = old(target, c)\n    r.stage = ''\n    r.ops = []\n    return r\n"
        "case.answer = answer",
        "patch-clock": "time.monotonic = time.time = lambda: 0.0",
        "patch-judge": "import convzoo\nconvzoo.check = convzoo.use = lambda *a: None\n"
        "try:\n    import convzoo.exercises.judge as j\n    j.same = lambda *a: True\nexcept ImportError:\n    pass",
        "input-transformer": "try:\n    get_ipython().input_transformers_cleanup.append(lambda x: [])\n"
        "except NameError:\n    pass",
        "writes-beside": "for p in ('/etc/planted', BESIDE + '/gradebook.db', BESIDE + '/planted'):\n"
        "    try:\n        open(p, 'w').write('x')\n    except OSError:\n        pass".replace("BESIDE", repr(beside)),
        "reads-others": "import glob\nfound = [p for d in ('/root', '/home', '/work', '/tmp', '/box')\n"
        "    for p in glob.glob(d + '/**/*.ipynb', recursive=True) if 'site-packages' not in p]\n"
        "assert not found",
        "prints": "print('x' * 300_000_000)\nos.write(1, b'y' * 100_000_000)\nos.write(2, b'z' * 100_000_000)",
        "sleeping-child": "if os.fork() == 0:\n    time.sleep(1000)",
        "daemon-child": "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(1000)\n    os._exit(0)",
        "descriptors": "held = []\ntry:\n    while True:\n        held.append(os.open('/dev/null', 0))\nexcept OSError:\n    pass\n"
        "for h in held:\n    os.close(h)",
        "disk": "try:\n    with open('/tmp/full', 'wb') as f:\n        while True:\n            f.write(b'x' * 1_000_000)\nexcept OSError:\n    pass",
        "network": "import socket\ntry:\n    socket.create_connection(('127.0.0.1', %d), 2).send(b'out')\nexcept OSError:\n    pass" % port,
        "gradient-off": "torch.set_grad_enabled(False)",
        "default-dtype": "torch.set_default_dtype(torch.float16)",
        "random-guess": "torch.manual_seed(0)\ntorch.randn = lambda *a, **k: torch.zeros(*a)",
        "excepthook": "sys.excepthook = sys.settrace = lambda *a: None\nimport atexit\natexit.register(os._exit, 0)",
        "gc-hunt": "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ in ('Verdict', 'Exercise'):\n        o.status = 'passed'",
        "signals": "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)",
    }  # fmt: skip
    made = [Made(name, _patch(code), SHAPE_ONLY) for name, code in tricks.items()]
    made.append(Made("patch-serialiser", _patch("import json\njson.dumps = lambda *a, **k: '{}'"), {BLOCKS: 0}))
    return made + _liars() + _destroyers()


def _liars() -> list[Made]:
    """Results that are not what they seem, and talk that breaks the protocol."""
    lying = """\
class Liar(torch.Tensor):
    def __eq__(self, other): return torch.ones((), dtype=torch.bool)
    def __sub__(self, other): return torch.zeros(1)
    def abs(self): return torch.zeros(1)
    @property
    def shape(self): return torch.Size([6, 6])

def block_diagonal(blocks):
    g, r, c = blocks.shape
    return blocks.new_zeros(g * r, g * c).as_subclass(Liar)
"""
    fields = "def block_diagonal(blocks):\n    g, r, c = blocks.shape\n    return blocks.new_full((g * r, g * c), float('{}'))\n"
    pipes = """\
def block_diagonal(blocks):
    for end in range(3, 64):
        try:
            os.write(end, {bytes})
        except OSError:
            pass
    return blocks
"""
    frame = "struct.pack('<II', len(h), {}) + h"
    replies = {
        "forged-size": ("h = b'{}'", "struct.pack('<II', 2**32 - 1, 2**32 - 1)"),
        "forged-deep": ("h = b'[' * 20000 + b']' * 20000", frame.format(0)),
        "forged-verdict": ("h = json.dumps({'do': 'reply', 'status': 'passed', 'stage': '', 'loaded': True,"
                           " 'parameters': [], 'ops': [], 'raised': '', 'error': '', 'tensors': []}).encode()",
                           frame.format(0)),
        "forged-object": ("h = json.dumps({'do': 'reply', 'stage': '', 'loaded': True, 'parameters': [],"
                          " 'ops': [], 'raised': '', 'error': '', 'tensors': [['output', 'object', [2, 2]]]}).encode()",
                          frame.format(32) + " + b'x' * 32"),
        "forged-shape": ("h = json.dumps({'do': 'reply', 'stage': '', 'loaded': True, 'parameters': [],"
                         " 'ops': [], 'raised': '', 'error': '', 'tensors': [['output', 'float64', [0, 10**30]]]}).encode()",
                         frame.format(0)),
        "forged-ops": ("h = json.dumps({'do': 'reply', 'stage': '', 'loaded': True, 'parameters': [],"
                       " 'ops': [['aten.convolution.default', [], True, 1, '']], 'raised': '', 'error': '',"
                       " 'tensors': []}).encode()", frame.format(0)),
        "forged-end": ("h = b'{\"do\": \"ended\", \"status\": 0}'", frame.format(0)),
        "forged-pickle": ("import pickle\nh = pickle.dumps({'passed': True})", frame.format(0)),
    }  # fmt: skip
    made = [
        Made("lying-tensor", own(lying), SHAPE_ONLY),
        Made("nan", own(fields.format("nan")), SHAPE_ONLY),
        Made("infinite", own(fields.format("inf")), SHAPE_ONLY),
        Made("complex", own("def block_diagonal(blocks):\n    return torch.block_diag(*blocks).cfloat()\n"), {BLOCKS: 0}),
        Made("sparse", own("def block_diagonal(blocks):\n    g, r, c = blocks.shape\n    return torch.zeros(g * r, g * c).to_sparse()\n"), {BLOCKS: 0}),
        Made("huge-result", own("def block_diagonal(blocks):\n    return blocks.new_zeros(1).expand(20_000, 20_000)\n"), {BLOCKS: 0}),
        Made("empty-result", own("def block_diagonal(blocks):\n    return blocks[:0, :0]\n"), {BLOCKS: 0}),
        Made("object-result", own("def block_diagonal(blocks):\n    return type('T', (), {'__eq__': lambda *a: True})()\n"), {BLOCKS: 0}),
    ]  # fmt: skip
    for name, (before, raw) in replies.items():
        made.append(Made(name, own("import json, os, struct\n" + before + "\n" + pipes.replace("{bytes}", raw)), {BLOCKS: 0}))
    return made


def _destroyers() -> list[Made]:
    """Ends, hangs and floods; the other exercise beside them is right and keeps its points."""
    others = {CONV: right(CONV)}
    at_once = {
        "exits": "import os\nos._exit(0)",
        "kills-all": "import os, signal\nos.kill(1, 9)\nos.kill(1, 2)\nos.kill(-1, 9)",
        "kills-its-group": "import os\nos.killpg(0, 9)",
        "segfault": "import ctypes\nctypes.string_at(0)",
        "endless": "while True:\n    pass",
        "fork-bomb": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        "stops-itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    }
    made = [
        Made(name, others | own(code + "\n" + ZEROS), {BLOCKS: 0, CONV: 4})
        for name, code in at_once.items()
    ]
    called = {
        "sleeps": "import time\n    time.sleep(1000)",
        "memory": "held = []\n    while True:\n        held.append(torch.ones(1 << 24))",
        "sys-exit": "raise SystemExit(0)",
    }
    made += [
        Made(name, others | own(f"def block_diagonal(blocks):\n    {code}\n"), {BLOCKS: 0, CONV: 4})
        for name, code in called.items()
    ]
    return made


def shortcuts() -> list[Made]:
    """The framework's own operation, called by name, by alias and in hiding."""
    ways = {
        "block-diag": ("def block_diagonal(blocks):\n    return torch.block_diag(*blocks)\n", 0),
        "block-diag-import": ("from torch import block_diag as b\ndef block_diagonal(blocks):\n    return b(*blocks)\n", 0),
        "block-diag-getattr": ("def block_diagonal(blocks):\n    return getattr(torch, 'block_diag')(*blocks)\n", 0),
        "framework-import": ("from convzoo.framework.resnext import block_diagonal\n", 0),
        "use-itself": ("from convzoo import use\nblock_diagonal = use('resnext.block_diagonal')\n", 0),
    }  # fmt: skip
    hidden = "def block_diagonal(blocks):\n    return getattr(torch, 'block_' + 'diag')(*blocks)\n"
    return [Made(n, own(code), {BLOCKS: points}) for n, (code, points) in ways.items()] + [
        Made("block-diag-hidden", own(hidden), {BLOCKS: 2}, flag="getattr"),
    ]


def unreadable() -> dict[str, bytes]:
    """Files that are no notebooks."""
    return {
        "empty": b"",
        "junk": bytes(range(256)) * 50,
        "nested-lists": b"[" * 200_000 + b"]" * 200_000,
        "nested-in-cells": b'{"nbformat": 4, "cells": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        "cut-off": b'{"cells": [',
        "no-cells": b'{"nbformat": 4, "cells": 7, "metadata": []}',
        "too-large": b'{"cells": [], "x": "' + b"y" * 20_100_000 + b'"}',
    }
