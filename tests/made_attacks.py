"""More of the hostile part: looking around, odd results, odd sources, and shortcuts in hiding."""

from __future__ import annotations

import sys

from made_class import BLOCKS, CONV, SHAPE_ONLY, Made, all_right, full, head, own, right
from made_hostile import patch, proved

OFF, BYTES, WIDTH = "resnext.off_diagonal", "resnext.index_bytes", "resnext.group_width_for"

LOOKS = """
import ctypes, gc, glob

def closed(look):
    try:
        look()
    except OSError:
        return True

for part in ("mem", "environ", "fd/0", "cwd"):  # the worker's, and whatever else is in sight
    for path in glob.glob("/proc/[0-9]*/" + part):
        if path.split("/")[2] != str(os.getpid()):
            assert closed(lambda: open(path, "rb").read(1)), path
assert closed(lambda: os.listdir("/proc/1/fd"))
libc = ctypes.CDLL(None)
assert libc.unshare(0x10000000) and libc.unshare(0x00020000) and libc.ptrace(16, 1, 0, 0)
assert closed(lambda: open("/box/gradebox/worker.py", "a")) and os.getuid() != 0
names, frame = set(), sys._getframe()
while frame:
    names |= {*frame.f_locals, *frame.f_globals}
    frame = frame.f_back
assert not names & {"secret", "exercise", "reference", "verdict"}, names
kinds = {type(o).__name__ for o in gc.get_objects()}
assert not kinds & {"Exercise", "Graded", "Mistake", "Roster"}, kinds
"""

LEFTOVERS = """
import atexit, threading, weakref

class Late:
    def __del__(self):
        os._exit(0)

kept = Late()
kept.itself = kept
atexit.register(os._exit, 0)
weakref.finalize(torch.Tensor, os._exit, 0)
threading.Thread(target=time.sleep, args=(1000,)).start()

def tracer(frame, event, arg):
    for name in ("stage", "status"):
        if name in frame.f_locals:
            frame.f_locals[name] = "passed"
    return tracer

sys.settrace(tracer)
sys.setprofile(tracer)
torch.Tensor.__torch_function__ = classmethod(lambda *a, **k: torch.zeros(()))
"""

PLANTED = """
import pathlib
for name in ("torch.py", "json.py", "sitecustomize.py", "convzoo/__init__.py", "gradebox/worker.py",
             ".local/lib/python3/site-packages/usercustomize.py"):
    path = pathlib.Path("/tmp", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("import os\\nos._exit(9)\\n")
import fcntl
for end in range(3, 64):  # the worker's own end of the pipe would block for ever
    try:
        fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) & ~os.O_NONBLOCK)
    except OSError:
        pass
"""

WRAPPED = """
import convzoo.case as case
from convzoo.case import Op
old = case.answer

def answer(target, given, *rest):
    reply = old(target, given, *rest)
    {change}
    return reply

case.answer = answer
"""

CLAIMS = """
class Claims(torch.Tensor):
    @staticmethod
    def __new__(cls, like, *shape):
        return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=like.dtype)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return torch.ones((), dtype=torch.float64)

def block_diagonal(blocks):
    g, r, c = blocks.shape
    return Claims(blocks, g * r, g * c)
"""


# From Python 3.13 on (PEP 667) the tracer's words reach the worker's own, and spoil its reply.
SPOILT = {BLOCKS: 0} if sys.version_info >= (3, 13) else SHAPE_ONLY


def attacks() -> list[Made]:
    """What else an attacker would try."""
    forged = WRAPPED.format(
        change="reply.ops = [Op('aten.convolution.default', [[9] * 4, [9] * 4, None, [0, 0],"
        " [0, 0], [1, 1]]), Op('aten.mm.default', []), Op('aten.mm.default', [['x'], 7])]"
    )
    fat = "import gradebox.protocol as p\np.MAX_BODY = p.MAX_HEADER = 1 << 40\n" + WRAPPED.format(
        change="reply.tensors['grad:more'] = torch.zeros(9_000_000)"
    )
    long = "import gradebox.protocol as p\np.MAX_HEADER = 1 << 40\n" + WRAPPED.format(
        change="reply.ops = [Op('', [[]] * 40, True, 10 ** 400, '')] * 100_000"
    )
    deep = right(BLOCKS) + "\nif False:\n    a" + ".b" * 1500 + "\n"
    number = right(CONV) + "\nnumber = 0x" + "f" * 9000 + "\n"
    return [
        Made("looks-around", proved(LOOKS), SHAPE_ONLY),
        Made("leftovers", patch(LEFTOVERS), SPOILT),
        Made("planted", {CONV: right(CONV)} | patch(PLANTED), SHAPE_ONLY | {CONV: 4}),
        Made("forged-work", {CONV: right(CONV) + forged}, {CONV: 4}),
        Made("fat-reply", patch(fat), {BLOCKS: 0}, says={BLOCKS: "more than is allowed"}),
        Made("long-reply", patch(long), {BLOCKS: 0}),
        Made("claims-a-shape", own(CLAIMS), {BLOCKS: 0}),
        Made(
            "odd-results",
            _odd_results(),
            dict.fromkeys((BLOCKS, CONV, OFF, BYTES), 0) | {WIDTH: 0.5},
            stage={BLOCKS: "shape", WIDTH: "values"},
        ),
        Made("odd-errors", _odd_errors(), dict.fromkeys((BLOCKS, CONV, OFF, BYTES, WIDTH), 0)),
        Made(
            "odd-sources",
            {BLOCKS: deep, CONV: number, OFF: head(OFF) + "#" * 200_000},
            {BLOCKS: 2, CONV: 4, OFF: 0},
            says={OFF: "100,000 characters"},
            flag="more than 30 parts",
        ),
        Made("metadata", all_right(), full(), notebook=_metadata),
        Made("lookalike", {BLOCKS: right(BLOCKS)}, {BLOCKS: 2}, notebook=_lookalike),
        Made("<img src=x onerror=alert(1)>", {}, {}),
        Made("=HYPERLINK(1)", {}, {}),
    ]


def _odd_results() -> dict[str, str]:
    bodies = {
        BLOCKS: "def block_diagonal(blocks):\n    return blocks[..., :0]\n",
        CONV: "def grouped_conv2d(x, weight, groups, stride=1, padding=0):\n"
        "    return x.new_empty(2**31, 0, 1)\n",
        OFF: "def off_diagonal(blocks, extra, places):\n    g, r, c = blocks.shape\n"
        "    return torch.full((g * r, g * c), 2, dtype=torch.uint8).view(torch.bool)\n",
        BYTES: "def index_bytes(mask, block):\n    return (1.0,) * 600\n",
        WIDTH: "def group_width(budget, channels, groups):\n    return float('nan')\n",
    }
    return {id: head(id) + body for id, body in bodies.items()}


def _odd_errors() -> dict[str, str]:
    raised = {
        BLOCKS: (
            "block_diagonal(blocks)",
            "raise type('E', (Exception,), {'__str__': lambda e: 'x' * 10**8})()",
        ),
        CONV: (
            "grouped_conv2d(x, weight, groups, stride=1, padding=0)",
            "raise type('E', (Exception,), {'__str__': lambda e: 1 / 0})()",
        ),
        OFF: (
            "off_diagonal(blocks, extra, places)",
            "raise type('E\\x1b<b>', (BaseException,), {})()",
        ),
        BYTES: ("index_bytes(mask, block)", "raise KeyboardInterrupt"),
        WIDTH: (
            "group_width(budget, channels, groups)",
            "import sys\n    sys.setrecursionlimit(10**9)\n"
            "    return group_width(budget, channels, groups)",
        ),
    }
    return {id: f"{head(id)}def {call}:\n    {line}\n" for id, (call, line) in raised.items()}


def _metadata(found: dict) -> None:
    """Whatever a notebook can say of itself beside its cells' text."""
    kernel = {"name": "../../evil", "argv": ["sh", "-c", "touch /etc/planted"], "language": "sh"}
    found["metadata"] = {
        "kernelspec": kernel,
        "language_info": 7,
        "jupytext": {"formats": "ipynb,/etc//planted"},
        "widgets": {"state": "<script>alert(1)</script>"},
        "nbgrader": {"kernel_name": "sh"},
    }
    script = {"data": {"text/html": "<script>alert(1)</script>"}, "metadata": {}}
    for cell in found["cells"]:
        cell["id"] = ["no", "text"]
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "display_data", **script}, 7]
            cell["execution_count"] = "<b>"
        else:
            cell["attachments"] = {"../x.png": {"image/png": "x"}}
            cell["metadata"] = {"exercise": [BLOCKS], "question": {"a": 1}, "tags": "define"}


def _lookalike(found: dict) -> None:
    """The answer has an id that only looks like the exercise's: it is in a cell of their own."""
    for cell in found["cells"]:
        if cell["metadata"].get("exercise") == BLOCKS:
            cell["metadata"] = {"exercise": BLOCKS.replace("c", "\u0441")}  # Cyrillic
            cell["source"] = cell["source"].replace(BLOCKS, BLOCKS.replace("c", "\u0441"))


def shortcuts() -> list[Made]:
    """The framework's own operation, called by name, by alias, through a helper and in hiding."""
    call = "def block_diagonal(blocks):\n    return {}(*blocks)\n"
    ways = {
        "block-diag": call.format("torch.block_diag"),
        "block-diag-import": "from torch import block_diag as b\n" + call.format("b"),
        "block-diag-getattr": call.format("getattr(torch, 'block_diag')"),
        "framework-import": "from convzoo.ideas.resnext.framework import block_diagonal\n",
        "use-itself": "from convzoo import use\nblock_diagonal = use('resnext.block_diagonal')\n",
    }

    def helper(found):
        code = "def helper(*parts):\n    return torch.block_diag(*parts)\n"
        found["cells"].append({"cell_type": "code", "metadata": {}, "source": code, "outputs": []})

    elsewhere = right(CONV) + "\ndef helper(*parts):\n    return torch.block_diag(*parts)\n"
    through = own(call.format("helper"))
    return [
        *(
            Made(name, own(code), {BLOCKS: 0}, stage={BLOCKS: "shortcut"})
            for name, code in ways.items()
        ),
        Made(
            "block-diag-helper",
            through,
            {BLOCKS: 0},
            notebook=helper,
            says={BLOCKS: "another cell"},
        ),
        Made("block-diag-elsewhere", through | {CONV: elsewhere}, {BLOCKS: 0, CONV: 4}),
        Made(
            "block-diag-hidden",
            own(call.format("getattr(torch, 'block_' + 'diag')")),
            {BLOCKS: 0},
            stage={BLOCKS: "shortcut"},
            flag="getattr",
        ),
    ]


def unreadable() -> dict[str, bytes]:
    """Files that are no notebooks."""
    cell = b'{"cell_type": "code", "metadata": {}, "source": "a;", "outputs": []}'
    return {
        "empty": b"",
        "junk": bytes(range(256)) * 50,
        "nested-lists": b"[" * 200_000 + b"]" * 200_000,
        "nested-in-cells": b'{"nbformat": 4, "cells": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        "cut-off": b'{"cells": [',
        "no-cells": b'{"nbformat": 4, "cells": 7, "metadata": []}',
        "too-large": b'{"cells": [], "x": "' + b"y" * 20_100_000 + b'"}',
        "too-many": b'{"nbformat": 4, "cells": [' + b",".join([cell] * 100_000) + b"]}",
        "too-much": b'{"nbformat": 4, "cells": [' + cell.replace(b"a;", b"a;" * 400_000) + b"]}",
    }
