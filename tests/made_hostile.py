"""The hostile part of the made class: patches, lies, floods and ends."""

from __future__ import annotations

from made_class import BLOCKS, CONV, SHAPE_ONLY, ZEROS, Made, own, right

START = "import builtins, os, sys, time\nimport numpy as np\n"


def patch(code: str) -> dict[str, str]:
    """Zeros of the right shape, after `code` has run."""
    return own(f"{START}{code}\n{ZEROS}")


def proved(code: str) -> dict[str, str]:
    """Zeros of the right shape, which are not defined where anything in `code` raises."""
    return own(f"{START}@(lambda f: exec({code!r}, globals()) or f)\n{ZEROS}")


def hostile(port: int = 0, beside: str = "/tmp") -> list[Made]:
    """Wrong answers (zeros of the right shape) that want more than a quarter of the points; worse.

    port: where somebody listens on this machine, for the one that wants out; beside: a folder of
    this machine's that anyone may write to.
    """
    tricks = {
        "patch-comparison": (
            "np.allclose = torch.allclose = torch.equal = lambda *a, **k: True",
            "torch.Tensor.__le__ = torch.Tensor.all = "
            "lambda *a, **k: torch.ones((), dtype=torch.bool)",
            "import convzoo\nconvzoo.check = convzoo.use = lambda *a: None",
            "try:\n    import convzoo.exercises.differences as j\n    j.same = lambda *a: True\n"
            "except ImportError:\n    pass",
        ),
        "patch-case": (
            "import convzoo.case as case\nold = case.answer\n"
            "def answer(target, c):\n    r = old(target, c)\n    r.stage = ''\n    r.ops = []\n"
            "    return r\n"
            "case.answer = answer",
        ),
        "patch-state": (
            "time.monotonic = time.time = lambda: 0.0",
            "torch.set_grad_enabled(False)",
            "torch.set_default_dtype(torch.float16)",
            "torch.manual_seed(0)\ntorch.randn = lambda *a, **k: torch.zeros(*a)",
        ),
        "patch-interpreter": (
            "try:\n    get_ipython().input_transformers_cleanup.append(lambda x: [])\n"
            "except NameError:\n    pass",
            "sys.excepthook = sys.settrace = lambda *a: None\nimport atexit\n"
            "atexit.register(os._exit, 0)",
            "import gc\nfor o in gc.get_objects():\n"
            "    if type(o).__name__ in ('Verdict', 'Exercise'):\n        o.status = 'passed'",
            "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "signal.signal(signal.SIGXCPU, signal.SIG_IGN)",
        ),
        "files": (
            "for p in ('/etc/planted', BESIDE + '/gradebook.db', BESIDE + '/planted'):\n"
            "    try:\n        open(p, 'w').write('x')\n"
            "    except OSError:\n        pass".replace("BESIDE", repr(beside)),
            "import glob\nfound = [p for d in ('/root', '/home', '/work', '/tmp', '/box')\n"
            "    for p in glob.glob(d + '/**/*.ipynb', recursive=True)"
            " if 'site-packages' not in p]\n"
            "assert not found",
        ),
        "floods": (
            "print('x' * 300_000_000)\nos.write(1, b'y' * 100_000_000)\n"
            "os.write(2, b'z' * 100_000_000)",
            "held = []\ntry:\n    while True:\n        held.append(os.open('/dev/null', 0))\n"
            "except OSError:\n    pass\n"
            "for h in held:\n    os.close(h)",
            "try:\n    with open('/tmp/full', 'wb') as f:\n        while True:\n"
            "            f.write(b'x' * 1_000_000)\nexcept OSError:\n    pass",
        ),
        "children": (
            "if os.fork() == 0:\n    time.sleep(1000)",
            "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
            "        time.sleep(1000)\n    os._exit(0)",
        ),
        "network": (
            "import socket\ntry:\n    socket.create_connection(('127.0.0.1', %d), 2).send(b'out')\n"
            "except OSError:\n    pass" % port,
            "for name in ('\\0convzoo-%d', BESIDE + '/socket'):\n"
            "    try:\n        socket.socket(socket.AF_UNIX).connect(name)\n"
            "    except OSError:\n        pass".replace("BESIDE", repr(beside))
            % port,
        ),
    }
    made = [
        Made(name, (proved if name == "files" else patch)("\n".join(codes)), SHAPE_ONLY)
        for name, codes in tricks.items()
    ]
    serialiser = patch("import json\njson.dumps = lambda *a, **k: '{}'")
    return [*made, Made("patch-serialiser", serialiser, {BLOCKS: 0}), *_liars(), *_destroyers()]


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
    fields = """\
def block_diagonal(blocks):
    g, r, c = blocks.shape
    return blocks.new_full((g * r, g * c), float('{}'))
"""
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
        "forged-verdict": (
            "h = json.dumps({'do': 'reply', 'status': 'passed', 'stage': '', 'loaded': True,"
            " 'parameters': [], 'ops': [], 'raised': '', 'error': '', 'tensors': []}).encode()",
            frame.format(0),
        ),
        "forged-object": (
            "h = json.dumps({'do': 'reply', 'stage': '', 'loaded': True, 'parameters': [],"
            " 'ops': [], 'raised': '', 'error': '',"
            " 'tensors': [['output', 'object', [2, 2]]]}).encode()",
            frame.format(32) + " + b'x' * 32",
        ),
        "forged-shape": (
            "h = json.dumps({'do': 'reply', 'stage': '', 'loaded': True, 'parameters': [],"
            " 'ops': [], 'raised': '', 'error': '',"
            " 'tensors': [['output', 'float64', [0, 10**30]]]}).encode()",
            frame.format(0),
        ),
        "forged-ops": (
            "h = json.dumps({'do': 'reply', 'stage': '', 'loaded': True, 'parameters': [],"
            " 'ops': [['aten.convolution.default', [], True, 1, '']], 'raised': '', 'error': '',"
            " 'tensors': []}).encode()",
            frame.format(0),
        ),
        "forged-end": ('h = b\'{"do": "ended", "status": 0}\'', frame.format(0)),
        "forged-pickle": ("import pickle\nh = pickle.dumps({'passed': True})", frame.format(0)),
    }
    made = [
        Made("lying-tensor", own(lying), SHAPE_ONLY),
        Made("nan", own(fields.format("nan")), SHAPE_ONLY),
        Made("infinite", own(fields.format("inf")), SHAPE_ONLY),
        Made(
            "complex",
            own("def block_diagonal(blocks):\n    return torch.block_diag(*blocks).cfloat()\n"),
            {BLOCKS: 0},
        ),
        Made(
            "sparse",
            own(
                "def block_diagonal(blocks):\n    g, r, c = blocks.shape\n"
                "    return torch.zeros(g * r, g * c).to_sparse()\n"
            ),
            {BLOCKS: 0},
        ),
        Made(
            "huge-result",
            own(
                "def block_diagonal(blocks):\n"
                "    return blocks.new_zeros(1).expand(20_000, 20_000)\n"
            ),
            {BLOCKS: 0},
        ),
        Made(
            "empty-result",
            own("def block_diagonal(blocks):\n    return blocks[:0, :0]\n"),
            {BLOCKS: 0},
        ),
        Made(
            "object-result",
            own(
                "def block_diagonal(blocks):\n"
                "    return type('T', (), {'__eq__': lambda *a: True})()\n"
            ),
            {BLOCKS: 0},
        ),
    ]
    for name, (before, raw) in replies.items():
        code = f"import json, os, struct\n{before}\n" + pipes.replace("{bytes}", raw)
        made.append(Made(name, own(code), {BLOCKS: 0}))
    return made


def _destroyers() -> list[Made]:
    """Ends, hangs and floods; the other exercise beside them is right and keeps its points."""
    others = {CONV: right(CONV)}
    at_once = {
        "exits": "import os\nos._exit(0)",
        "kills-its-group": "import os\nos.killpg(0, 9)",
        "segfault": "import ctypes\nctypes.string_at(0)",
        "stops-itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    }
    made = [
        Made(name, others | own(code + "\n" + ZEROS), {BLOCKS: 0, CONV: 4})
        for name, code in at_once.items()
    ]
    loops = {  # left out when they fail or their time is over: what is below them is marked
        "endless": ("while True:\n    pass\n" + ZEROS, SHAPE_ONLY),
        # Nothing dies of it: the kernel refuses, and what is below is marked.
        "kills-all": (
            "import os, signal\nos.kill(1, 9)\nos.kill(1, 2)\nos.kill(-1, 9)\n" + ZEROS,
            SHAPE_ONLY,
        ),
        "fork-bomb": (
            "import os\nwhile True:\n    try:\n        os.fork()\n"
            "    except OSError:\n        pass\n",
            {BLOCKS: 0},
        ),
    }
    made += [
        Made(name, others | own(code), points | {CONV: 4}) for name, (code, points) in loops.items()
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
