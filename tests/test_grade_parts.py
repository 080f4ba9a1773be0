"""The parts of the grader that need no sandbox: protocol, scan, points."""

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from convzoo.case import Case, Op, Reply
from convzoo.exercises.shortcuts import CONVOLUTIONS, Shortcut, in_groups
from convzoo.teach.grade.box import protocol
from convzoo.teach.grade.box.memory import resident
from convzoo.teach.grade.box.protocol import Broken, Channel, Closed, Late
from convzoo.teach.grade.mark import marks
from convzoo.teach.grade.mark.scan import Wanted, scan_cell


def pair():
    """Two channels that talk to each other."""
    there, back = os.pipe(), os.pipe()
    return Channel(there[0], back[1]), Channel(back[0], there[1])


def test_a_case_and_its_reply_arrive_as_they_were_sent():
    ours, theirs = pair()
    case = Case(
        {"groups": 2, "name": "a"}, {"x": torch.randn(2, 3).double()}, {"w": torch.ones(0, 2)}, True
    )
    ours.send(*protocol.case_frame(case), seconds=5)
    got = protocol.case_of(*theirs.receive(5))
    assert (
        got.scalars == case.scalars
        and got.training
        and torch.equal(got.tensors["x"], case.tensors["x"])
    )
    assert got.weights["w"].shape == (0, 2)
    reply = Reply(
        {k: torch.ones(2, 2, dtype=d) for k, d in protocol.DTYPES.items()},
        {"w": (2, 3)},
        False,
        [Op("aten.x", [[1, 2], float("inf"), None], True, 3, "")],
        "run",
        "E",
        "said",
    )
    theirs.send(*protocol.reply_frame(reply), seconds=5)
    back = protocol.reply_of(*ours.receive(5))
    assert back.parameters == reply.parameters and back.error == "said" and not back.loaded
    assert back.ops[0].args == [[1, 2], None, None]
    for name, value in reply.tensors.items():
        assert back.tensors[name].dtype == value.dtype and torch.equal(back.tensors[name], value)


def raw(header, body=b"", long=None, wide=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (
        struct.pack("<II", len(text) if long is None else long, len(body) if wide is None else wide)
        + text
        + body
    )


GOOD = {
    "do": "reply",
    "stage": "",
    "loaded": True,
    "parameters": [],
    "ops": [],
    "raised": "",
    "error": "",
}


@pytest.mark.parametrize(
    "sent",
    [
        raw(b"", long=2**32 - 1),
        raw(b"{}", wide=2**31),
        raw(b"\x80\x04K\x01."),
        raw(b"[]"),
        raw(b"[" * 20_000 + b"]" * 20_000),
        raw(b'{"x": NaN}'),
        raw(b'{"x": ' + b"9" * 10_000 + b"}"),
        raw(GOOD | {"tensors": 7}),
        raw(GOOD | {"tensors": [["a"]]}),
        raw(GOOD | {"tensors": [["a", "object", [1]]]}, b"12345678"),
        raw(GOOD | {"tensors": [["a", ["float64"], [1]]]}, b"12345678"),
        raw(GOOD | {"tensors": [["a", "float64", [2]]]}, b"12345678"),
        raw(GOOD | {"tensors": [["a", "float64", [1]]]}, b"123456789"),
        raw(GOOD | {"tensors": [["a", "float64", [True]]]}, b"12345678"),
        raw(GOOD | {"tensors": [["a", "float64", [-1, -1]]]}, b"12345678"),
        raw(GOOD | {"tensors": [["a", "float64", [0, 10**30]]]}),
        raw(GOOD | {"tensors": [["a", "float64", [2**30, 2**30, 2**30, 0]]]}),
        raw(GOOD | {"tensors": [["a", "uint8", [0]]] * 2}),
        raw(GOOD | {"tensors": [["a\n", "uint8", [0]]]}),
        raw(GOOD | {"tensors": [["a", "uint8", [0]]] * 600}),
        raw(GOOD | {"stage": "passed"}),
        raw(GOOD | {"stage": []}),
        raw(GOOD | {"loaded": 1}),
        raw(GOOD | {"error": None}),
        raw(GOOD | {"parameters": {"w": [1]}}),
        raw(GOOD | {"parameters": [["w", [1.5]]]}),
        raw(GOOD | {"ops": [["aten.convolution.default", [], True, 1]]}),
        raw(GOOD | {"ops": "x"}),
        raw(GOOD | {"ops": [["a", [], True, 10**9, ""]]}),
        raw(GOOD | {"ops": [["a", [], True, 1, ""]] * 5000}),
        raw({}),
        b"\x05",
    ],
)
def test_what_is_no_reply_is_refused(sent):
    ours, theirs = pair()
    os.write(theirs.write, sent)
    os.close(theirs.write)
    with pytest.raises(Broken):
        protocol.reply_of(*ours.receive(5))


def test_waiting_has_an_end():
    ours, theirs = pair()
    with pytest.raises(Late):
        ours.receive(0.05)
    with pytest.raises(Late):  # nobody reads at the other end
        ours.send({"x": "y" * 1_000_000}, seconds=0.05)
    theirs.close()
    with pytest.raises(Closed):
        ours.send({}, seconds=1)


def test_messages_hold_no_control_characters():
    assert protocol.text_of("a\x1b[31m\x00b\nc" + "x" * 9000)[:8] == "a [31m b"
    assert len(protocol.text_of("x" * 9000)) == protocol.MAX_TEXT


def test_memory_of_a_process_and_its_children_is_seen():
    assert resident(os.getpid()) > 10_000_000


@pytest.mark.parametrize(
    "code, times",
    [
        ("m = mmap.mmap(-1, SIZE); m.write(b'x' * SIZE)", 1),
        ("f = os.memfd_create('m'); os.write(f, b'x' * SIZE)", 1),
        ("f = os.memfd_create('m'); os.write(f, b'x' * SIZE); os.fork()", 1),
        ("m = mmap.mmap(-1, SIZE); m.write(b'x' * SIZE); os.fork(); m[:]", 1),
        ("m = b'x' * SIZE", 1),
        ("f = [os.memfd_create('m') for _ in range(3)]; [os.write(n, b'x' * SIZE) for n in f]", 3),
    ],
)
def test_shared_and_unmapped_memory_counts_and_counts_once(code, times):
    size = 100 << 20
    start = f"import mmap, os; SIZE = {size}; print(flush=True); input()\n"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{start}{code}\nprint(flush=True)\nimport time\ntime.sleep(60)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdout.readline()
        before = resident(process.pid)
        print(file=process.stdin, flush=True)
        for _ in range(1 + code.count("os.fork()")):  # until all of them have done it
            process.stdout.readline()
        grown = resident(process.pid) - before
        assert times * size * 0.9 < grown < times * size + (60 << 20)
    finally:
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        process.kill()
        process.wait()


# --- the scan ---

IMPORTS = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"


Grouped = Shortcut(
    "It calls the framework's grouped convolution.", CONVOLUTIONS, (), "groups", in_groups
)
Diagonal = Shortcut(
    "It calls `torch.block_diag`.", ("block_diag", "to_sparse_csr"), ("torchvision",)
)
WANTED = Wanted("resnext.x", "answer", (Grouped, Diagonal))


def found(code):
    return scan_cell(code, [IMPORTS], WANTED)


@pytest.mark.parametrize(
    "code",
    [
        "y = F.conv2d(x, w, groups=g)",
        "y = F.conv2d(x, w, None, 1, 0, 1, g)",
        "c = nn.Conv2d(1, 2, 3, groups=4)",
        "y = torch.nn.functional.conv2d(x, w, groups=g)",
        "import torch as t\ny = t.conv2d(x, w, groups=g)",
        "from torch.nn.functional import conv2d as c\ny = c(x, w, groups=g)",
        "c = F.conv2d\ny = c(x, w, groups=g)",
        "y = F.conv2d(x, w, **{'groups': g})",
        "from functools import partial\nc = partial(F.conv2d, groups=g)",
        "y = getattr(F, 'conv2d')(x, w, groups=g)",
        "y = torch.convolution(x, w, b, s, p, d, False, o, g)",
        "y = torch.block_diag(*b)",
        "f = torch.block_diag",
        "from torch import block_diag\ny = block_diag(*b)",
        "y = mask.to_sparse_csr()",
        "exec('y = torch.block_diag(*b)')",
        "from convzoo.ideas.resnext import framework",
        "from convzoo.ideas import resnext\nresnext.framework.Bottleneck",
        "import convzoo.ideas.resnext.framework as r\nr.Bottleneck",
        "from convzoo import use\ny = use('resnext.x')",
        "c, pad = F.conv2d, F.pad\ny = c(x, w, groups=g)",
        "def answer(x, w, c=F.conv2d):\n    return c(x, w, groups=len(w))",
        "for c in (F.conv2d,):\n    answer = c(x, w, groups=g)",
        "from functools import partial\nanswer = partial(F.conv2d, x, w, None, 1, 0, 1, g)",
        "@torch.block_diag\ndef answer(b): return b",
        "y = torch.ops.aten.block_diag(b)",
        "y = torch.ops.aten.convolution.default(x, w, b, s, p, d, False, o, g)",
        "class answer(torchvision.ops.SqueezeExcitation): pass\nimport torchvision",
        "import torchvision as tv\nanswer = tv.models.resnet.BasicBlock",
        "from convzoo.ideas.resnext import kernel\nanswer = kernel.grouped_conv2d",
        "def answer(b): return h(b)\nif 1:\n    h = torch.block_diag",
        "def answer(b): return b\nanswer.__code__ = torch.block_diag",
    ],
)
def test_a_shortcut_that_is_written_down_is_found(code):
    assert found(code).shortcuts


@pytest.mark.parametrize(
    "code",
    [
        "y = F.conv2d(x, w)",
        "y = F.conv2d(x, w, groups=1)",
        "c = nn.Conv2d(1, 2, 3, bias=False)",
        "c = GroupedConv2d(1, 2, 3, groups=groups)",
        "# torch.block_diag\n'torch.block_diag'",
        "def block_diag(x): return x\ny = block_diag(x)",
        "self.to_sparse_csr(x)",
        "y = x.sum()",
        "def (",
        "def answer(b): return b\nprint(torch.block_diag(*b) - answer(b))",
        "def answer(b): return b\ny = torch.block_diag(b)",
        "def answer(b):\n    y = b\n    return y\ny = torch.block_diag(b)",
        "def answer(b): return b\nfrom convzoo.ideas.resnext.framework import block_diagonal",
    ],
)
def test_honest_code_is_no_shortcut(code):
    assert not found(code).shortcuts


@pytest.mark.parametrize(
    "code",
    [
        "eval(x)",
        "import ctypes",
        "getattr(torch, a + b)",
        "import torchvision",
        "y = F.conv2d(x, w, *rest)",
        "__import__('torch')",
        "import threading",
        "from torch.utils._python_dispatch import _disable_current_modes",
        "torch._C._DisableTorchDispatch()",
        "__name__ = 'convzoo.ideas.resnext.framework'",
        "__builtins__['x'] = 1",
        "import sys; sys.modules['x'] = 1",
        "import convzoo.recorder",
    ],
)
def test_what_is_clever_is_a_flag_and_costs_nothing(code):
    seen = found(code)
    assert seen.flags and not seen.shortcuts and "line 1" in seen.flags[0]


def test_a_helper_in_another_cell_is_read_where_the_exercise_leads_to_it():
    helper = "def a(x): return b(x)\ndef b(x): return torch.block_diag(*x)"
    seen = scan_cell("y = a(x)", [IMPORTS, helper], WANTED, [(helper, ())])
    assert seen.shortcuts == ("It calls `torch.block_diag` (line 2 of another cell).",)
    assert not scan_cell("y = x", [IMPORTS, helper], WANTED, [(helper, ())]).shortcuts
    assert not scan_cell("y = a(x)", [IMPORTS], WANTED, [(helper, {"a"})]).shortcuts
    assert scan_cell("y = b(x)", [IMPORTS], WANTED, [(helper, {"a"})]).shortcuts


def test_a_name_too_long_to_be_followed_is_a_flag():
    seen = found("if 0:\n    torch" + ".b" * 1500)
    assert "more than 30 parts" in seen.flags[0] and not seen.shortcuts


def test_a_long_cell_is_scanned_and_its_flags_are_few():
    seen = found("x = 1\n" * 14_000 + "y = torch.block_diag(*b)")
    assert len(seen.shortcuts) == 1
    seen = found("eval(x)\n" * 12_000)
    assert len(seen.flags) < 30 and seen.flags[-1] == "And 11980 more."


# --- what a student's process says that it ran ---


def test_operations_that_cannot_be_counted_are_left_out():
    from convzoo.teach.grade.mark.operations import countable

    good = Op("aten.mm.default", [[2, 3], [3, 4]], True, 7, "")
    forged = [
        Op("aten.mm.default", []),
        Op("aten.mm.default", [["x"], 7]),
        Op("aten.bmm.default", [[2**40] * 9] * 2),
        Op("aten.convolution.default", [[9] * 4, [9] * 4, None, [0, 0], [0, 0], [1, 1]]),
    ]
    assert countable([good, *forged]) == [good]


def test_forged_operations_are_no_shortcut_and_no_error():
    grouped = "aten.convolution.default"
    forged = [[], [None] * 9, [["x"]] * 9, [0] * 8 + ["2"], [[]] * 4096]
    assert not any(Grouped.ran(Op(grouped, args)) for args in forged)
    assert Grouped.ran(Op(grouped, [None] * 8 + [2]))
    assert Diagonal.ran(Op("torch:block_diag", [])) and not Diagonal.ran(Op(":" * 9, []))


def test_what_hides_from_being_watched_is_a_flag():
    from convzoo.teach.grade.mark.operations import unwatched_flags

    hidden = Reply(calls=[Op("_thread:start_new_thread", [], False, 7)], watched=False)
    flags = unwatched_flags([Reply(), hidden, hidden])
    assert len(flags) == 2 and "line 7" in flags[0] and "no longer recorded" in flags[1]
    assert not unwatched_flags([Reply(calls=[Op("torch:relu", [], False, 7)])])


# --- points ---


def test_credit_by_stage():
    assert marks.credit(4, "passed", "") == 4 and marks.credit(4, "failed", "gradients") == 3
    assert marks.credit(4, "failed", "values") == 1 and marks.credit(4, "failed", "shape") == 0
    assert marks.credit(4, "failed", "launches") == 4 and marks.credit(4, "failed", "shortcut") == 0
    assert marks.credit(4, "not attempted", "") == 0 and marks.credit(4, "failed", "new stage") == 0


def test_every_stage_of_the_engine_has_a_credit():
    from convzoo.exercises import STAGES

    assert set(STAGES) <= set(marks.CREDIT)


@pytest.mark.parametrize(
    "source, value",
    [
        ("answer = 3 * 3 * 64", 576),
        ("# q\nanswer = -2.5\nask('x', answer)", -2.5),
        ("answer = 'b'", "b"),
        ("answer = 2 ** 3 / 4", 2),
        ("answer = 10 ** 10 ** 10", None),
        ("answer = 9 ** 9 ** 9", None),
        ("answer = 'a' * 10 ** 9", None),
        ("answer = 2160,", 2160),
        ("answer = ['b']", "b"),
        ("answer = 2, 160", None),
        ("answer = 2 ** 10", 1024),
        ("answer = open('x')", None),
        ("x = 1\nanswer = x\nask('x', answer)", None),
        ("answer = 1\nanswer += 1", None),
        ("answer = 1 / 0", None),
        ("answer = (-1) ** 0.5", None),
        ("", None),
    ],
)
def test_plain_answers_are_read_without_running_anything(source, value):
    from convzoo.teach.grade.mark.literals import literal_answer

    assert literal_answer(source) == value


@pytest.mark.parametrize(
    ("answer", "plain"),
    [
        ((2160,), ["number", "2160.0"]),
        ([True], ["other", "a bool"]),
        (["b"], ["text", "b"]),
        ((2, 160), ["other", "tuple"]),
    ],
)
def test_one_answer_in_a_tuple_is_that_answer(answer, plain):
    from types import SimpleNamespace

    from convzoo.teach.grade.box.worker import _answered

    stubs = SimpleNamespace(answers=[("a.b", answer)])
    assert _answered(stubs, {}, {"question": "a.b"}) == plain
