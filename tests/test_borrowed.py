"""Borrowed is borrowed, in the notebook and in the grader alike; what is only alike is not."""

import pytest
import slips
import torch
from convzoo.case import answer
from convzoo.exercises import all_exercises, assess, compare
from convzoo.teach.grade.box.sandbox import Box, Limits
from convzoo.teach.grade.box.session import Job, Session
from convzoo.teach.grade.mark.operations import unwatched_flags
from convzoo.teach.grade.mark.running import known

HEAD = """\
import functools, sys, threading
import torch
from torch import nn
from torch.nn import functional as F
"""
CONV1, BLOCKS, CONV = "convolution.conv1x1", "resnext.block_diagonal", "resnext.grouped_conv2d"
OFF, SHUFFLE, DEPTHWISE = (
    "resnext.off_diagonal",
    "shufflenet.channel_shuffle",
    ("separable.depthwise_conv2d"),
)
ONES = (
    "def conv1x1(x, weight, stride=1{}):\n    return {}(x, weight[..., None, None], None, stride)\n"
)
GROUPS = "def grouped_conv2d(x, weight, groups, stride=1, padding=0{}):\n    "
DEALT = "def channel_shuffle(x, groups):\n    return {}\n"
ON_DIAGONAL = "def block_diagonal(blocks):\n    return {}\n"
SCALED = """\
def scale_gradients(branch, scale, upstream):
    s = scale.detach().requires_grad_()
    b = branch.detach().requires_grad_()
    {}
    return for_scale + 0 * scale, upstream * scale[:, None, None], upstream
"""
LIVE = """\
def live_matrix(pixel, mean, w1, b1, w2, b2):
    def moved(m):
        return pixel * torch.sigmoid(w2 @ torch.relu(w1 @ m + b1) + b2)
    slope = {}
    gates = torch.sigmoid(w2 @ torch.relu(w1 @ mean + b1) + b2)
    return torch.diag(gates) + slope
"""
GATE = """\
from torchvision.ops import SqueezeExcitation as Gate

def squeeze_excite(x, w1, b1, w2, b2):
    gate = Gate(len(b2), len(b1)).double()
    gate.fc1.forward = lambda s: F.conv2d(s, w1[..., None, None], b1)
    gate.fc2.forward = lambda s: F.conv2d(s, w2[..., None, None], b2)
    gates = gate._scale(x)
    return x * gates, gates.flatten(1)
"""
SUBCLASS = """\
class Own(nn.Conv2d):
    def __init__(self, weight, groups, *rest):
        nn.Module.__init__(self)
        self.weight, self.groups, self.rest = weight, groups, rest

    def forward(self, x):
        return F.conv2d(x, self.weight, None, *self.rest, 1, self.groups)

def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    return Own(weight, groups, stride, padding)(x)
"""
PARTIAL = GROUPS.format("") + (
    "return functools.partial(F.conv2d, x, weight, None, stride, padding, 1, groups)()\n"
)
DECORATED = """\
def through(call):
    return lambda answer: lambda x, weight, groups, stride=1, padding=0: call(
        x, weight, None, stride, padding, 1, groups)

@through(F.conv2d)
def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    return 0
"""
KRON = """\
def off_diagonal(blocks, extra, places):
    g = len(blocks)
    total = 0
    for block, (i, j) in zip([*blocks, *extra], [[i, i] for i in range(g)] + places):
        unit = blocks.new_zeros(g, g)
        unit[i, j] = 1
        total = total + {}
    return total
"""
FIELD = """\
from convzoo import measure

def field_sizes(layers):
    steps = [(k, s, 0, d) for k, s, d in layers]
    return [measure.receptive_field(steps[: i + 1]).size for i in range(len(steps))]
"""
BUSY = """\
def block_diagonal(blocks):
    for _ in range(5000):
        blocks = blocks + 0
    return torch.block_diag(*blocks)
"""
WAYS = {
    "by its plain name": (SHUFFLE, DEALT.format("torch.channel_shuffle(x, groups)")),
    "as a method of a module": (SHUFFLE, DEALT.format("nn.ChannelShuffle(groups)(x)")),
    "of torch.ops": (BLOCKS, ON_DIAGONAL.format("torch.ops.aten.block_diag(list(blocks))")),
    "of torch.ops, grouped": (
        CONV,
        GROUPS.format("") + "return torch.ops.aten.convolution(x, weight, None, [stride] * 2, "
        "[padding] * 2, [1, 1], False, [0, 0], groups=groups)\n",
    ),
    "two names at once": (CONV1, "conv, pad = F.conv2d, F.pad\n" + ONES.format("", "conv")),
    "a default argument": (CONV1, ONES.format(", call=F.conv2d", "call")),
    "a loop variable": (
        CONV1,
        "for call in (F.relu, F.conv2d):\n    pass\n" + ONES.format("", "call"),
    ),
    "a partial by position": (CONV, PARTIAL),
    "a decorator": (CONV, DECORATED),
    "a subclass": (CONV, SUBCLASS),
    "use of another lesson": (
        DEPTHWISE,
        "from convzoo import use\nborrowed = use('resnext.grouped_conv2d')\n"
        "def depthwise_conv2d(x, weight, stride=1, padding=0):\n"
        "    return borrowed(x, weight, x.shape[1], stride, padding)\n",
    ),
    "use of a later exercise": (
        BLOCKS,
        "from convzoo import use\nlater = use('resnext.off_diagonal')\n"
        + ON_DIAGONAL.format("later(blocks, blocks[:0], [])"),
    ),
    "a helper named like another exercise": (
        BLOCKS,
        "def channel_shuffle(parts):\n    return torch.block_diag(*parts)\n"
        + ON_DIAGONAL.format("channel_shuffle(blocks)"),
    ),
    "the framework's block as a base": (
        "resnext.block",
        "from convzoo.ideas.resnext import framework as f\nclass Bottleneck(f.Bottleneck):\n"
        "    def forward(self, x):\n        return super().forward(x)\n",
    ),
    "an earlier lesson's block as a base": (
        "senet.block",
        "from convzoo.ideas.senet import framework as f\nclass SEBottleneck(f.SEBottleneck):\n"
        "    def forward(self, x):\n        return f.resnext.Bottleneck.forward(self, x)\n",
    ),
    "the framework's form, which runs no operation": (
        "zoo.chance",
        "from convzoo.ideas.zoo import framework as f\n"
        "def chance(one, other):\n    return f.chance(one, other)\n",
    ),
    "forward-mode autograd": (
        "senet.live_matrix",
        "import torch.autograd.forward_ad as fad\n"
        + LIVE.format("moved(mean)[:, None] * 0 + jacobian(moved, mean)")
        + "def jacobian(f, at):\n    columns = []\n    with fad.dual_level():\n"
        "        for unit in torch.eye(len(at), dtype=at.dtype):\n"
        "            columns.append(fad.unpack_dual(f(fad.make_dual(at, unit))).tangent)\n"
        "    return torch.stack(columns, 1)\n",
    ),
    "torch.func": ("senet.live_matrix", LIVE.format("torch.func.jacrev(moved)(mean)")),
    "torch.autograd.functional": (
        "senet.live_matrix",
        LIVE.format("torch.autograd.functional.jacobian(moved, mean, create_graph=True)"),
    ),
    "backward": (
        "resnet.scale_gradients",
        SCALED.format(
            "y = s[:, None, None] * b; (y * upstream).sum().backward(create_graph=True); "
            "for_scale = (upstream * branch).sum((0, 2, 3)) + 0 * s.grad"
        ),
    ),
    "torch.kron": (OFF, KRON.format("torch.kron(unit, block)")),
    "torch.kron by way of map": (OFF, KRON.format("next(map(torch.kron, [unit], [block]))")),
    "torchvision's layer": ("senet.squeeze_excite", GATE),
    "torchvision's network": (
        "densenet.channels",
        "import torchvision\ndef channels(num_init_features, growth_rate, block_config):\n"
        "    net = torchvision.models.DenseNet(growth_rate, tuple(block_config), "
        "num_init_features, 1, num_classes=1)\n"
        "    f = net.features\n"
        "    norms = [p.norm for n, p in f.named_children() if n.startswith('tr')] + [f.norm5]\n"
        "    return [n.num_features for n in norms]\n",
    ),
    "measure": ("senet.field_sizes", FIELD),
    "measure, which counts": (
        "densenet.kept_maps",
        "from convzoo.measure import saved_bytes\n"
        + slips.answer("densenet.kept_maps").replace("def kept_maps", "def counted")
        + "def kept_maps(**sizes):\n"
        "    saved_bytes(torch.relu, torch.ones(1))\n    return counted(**sizes)\n",
    ),
    "after more than is written down": (BLOCKS, BUSY),
    "a forged name": (
        BLOCKS,
        "__name__ = 'convzoo.ideas.resnext.framework'\n"
        "def grouped_conv2d(blocks):\n    return torch.block_diag(*blocks)\n"
        + ON_DIAGONAL.format("grouped_conv2d(blocks)"),
    ),
}
IN_A_THREAD = """\
def block_diagonal(blocks):
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.block_diag(*blocks)))
    thread.start()
    thread.join()
    return found[0]
"""
HIDDEN = {
    "a thread": IN_A_THREAD,
    "torch's switch": """\
from torch.utils._python_dispatch import _disable_current_modes

def block_diagonal(blocks):
    sys.setprofile(None)
    with _disable_current_modes(), torch._C.DisableTorchFunction():
        return torch.block_diag(*blocks)
""",
}
INNOCENT = {
    "a comparison beside the answer": (
        BLOCKS,
        slips.answer(BLOCKS)
        + "def compared(b):\n    return block_diagonal(b) - torch.block_diag(*b)\n",
    ),
    "a convolution for each group": (
        CONV,
        GROUPS.format("") + "parts = zip(x.chunk(groups, 1), weight.chunk(groups))\n"
        "    return torch.cat([F.conv2d(a, w, None, stride, padding) for a, w in parts], 1)\n",
    ),
}


def each(ways):
    return pytest.mark.parametrize("way", ways.values(), ids=list(ways))


@each(WAYS)
def test_the_check_refuses_what_is_borrowed(way):
    id, source = way
    exercise = all_exercises()[id]
    verdict = assess(exercise, slips.defined(HEAD + source, exercise.name))
    assert verdict.stage == "shortcut", verdict.message


@each(INNOCENT)
def test_the_check_accepts_what_is_only_alike(way):
    id, source = way
    exercise = all_exercises()[id]
    verdict = assess(exercise, slips.defined(HEAD + source, exercise.name))
    assert verdict.usable, verdict.message


@pytest.mark.parametrize("exercise", all_exercises().values(), ids=lambda e: e.id)
def test_no_right_answer_hides_anything(exercise):
    names = {name: thing for lesson in slips.lessons() for name, thing in lesson.NAMES.items()}
    target = slips.defined(slips.answer(exercise.id), exercise.name, **names)
    replies = [answer(target, case) for case in exercise.cases(torch.Generator().manual_seed(0))]
    assert not unwatched_flags(replies)
    assert any(reply.calls for reply in replies) or not any(reply.ops for reply in replies)


@pytest.fixture(scope="module")
def session():
    limits = Limits(cpu=10, wall=30)
    box = Box()
    try:
        with Session(box, limits, known()) as session:
            yield session
    finally:
        box.close()


def graded(session, id, source):
    """The verdict of the grader on a cell, and the flags."""
    exercise, replies = all_exercises()[id], []
    cells = ("<first>", HEAD), (f"<{id}>", source)
    found = session.define(Job(cells, exercise.name, id))
    assert found.found, found.troubles

    def respond(case):
        replies.append(session.respond(case))
        return replies[-1]

    try:
        return compare(exercise, respond, torch.Generator().manual_seed(1)), unwatched_flags(
            replies
        )
    finally:
        session.end()


@pytest.mark.sandbox
@each(WAYS)
def test_the_grader_refuses_what_is_borrowed(session, way):
    verdict, _ = graded(session, *way)
    assert verdict.stage == "shortcut", verdict.message


@pytest.mark.sandbox
@each(INNOCENT)
def test_the_grader_accepts_what_is_only_alike(session, way):
    verdict, flags = graded(session, *way)
    assert verdict.usable and not flags, (verdict.message, flags)


@pytest.mark.sandbox
@each(HIDDEN)
def test_what_hides_is_a_flag(session, way):
    verdict, flags = graded(session, BLOCKS, way)
    assert verdict.passed and flags
