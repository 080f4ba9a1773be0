"""The parts of the grader that need no sandbox: protocol, scan, points."""

import json
import os
import struct

import pytest
import torch
from convzoo.case import Case, Op, Reply
from convzoo.teach.grade.box import protocol
from convzoo.teach.grade.box.memory import resident
from convzoo.teach.grade.box.protocol import Broken, Channel, Closed, Late
from convzoo.teach.grade.mark import marks
from convzoo.teach.grade.mark.scan import scan_cell


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


# --- the scan ---

IMPORTS = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"


class Grouped:
    sentence, written = "It calls the framework's grouped convolution.", ("groups",)


class Diagonal:
    sentence, written = "It calls `torch.block_diag`.", ("block_diag", "to_sparse_csr")


def found(code):
    return scan_cell(code, [IMPORTS], (Grouped, Diagonal), "resnext.x")


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
    ],
)
def test_what_is_clever_is_a_flag_and_costs_nothing(code):
    seen = found(code)
    assert seen.flags and not seen.shortcuts and "line 1" in seen.flags[0]


def test_a_helper_in_another_cell_is_read_where_the_exercise_leads_to_it():
    helper = "def a(x): return b(x)\ndef b(x): return torch.block_diag(*x)"
    seen = scan_cell("y = a(x)", [IMPORTS, helper], (Diagonal,), "resnext.x", [helper])
    assert seen.shortcuts == ("It calls `torch.block_diag` (line 2 of another cell).",)
    assert not scan_cell("y = x", [IMPORTS, helper], (Diagonal,), "resnext.x", [helper]).shortcuts
    assert not scan_cell("y = a(x)", [IMPORTS], (Diagonal,), "resnext.x", [helper], {"a"}).shortcuts


def test_a_cell_too_deep_to_be_scanned_is_a_flag():
    seen = found("if 0:\n    a" + ".b" * 1500)
    assert "too deeply" in seen.flags[0] and not seen.shortcuts


# --- what a student's process says that it ran ---


def test_operations_that_cannot_be_counted_are_left_out():
    from convzoo.exercises import all_exercises
    from convzoo.teach.grade.mark.operations import countable, shortcut_flags

    good = Op("aten.mm.default", [[2, 3], [3, 4]], True, 7, "")
    forged = [
        Op("aten.mm.default", []),
        Op("aten.mm.default", [["x"], 7]),
        Op("aten.bmm.default", [[2**40] * 9] * 2),
        Op("aten.convolution.default", [[9] * 4, [9] * 4, None, [0, 0], [0, 0], [1, 1]]),
    ]
    assert countable([good, *forged]) == [good]
    diagonal = Op("aten.block_diag.default", [None], True, 7, "")
    flags = shortcut_flags(all_exercises()["resnext.block_diagonal"], [*forged, diagonal, diagonal])
    assert len(flags) == 1 and "line 7" in flags[0]


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
