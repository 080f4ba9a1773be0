"""The engine of the check: whatever a cell holds, its verdict is a sentence."""

import signal
import sys
from itertools import combinations

import pytest
import slips
import torch
from convzoo import torch_settings
from convzoo.case import Case, answer
from convzoo.exercises import all_exercises, assess
from convzoo.exercises.as_text import columns, tensor_text
from convzoo.exercises.model import Exercise, Mistake
from slips import resnext as written

ENGINE = sys.modules["convzoo.exercises.judge"]
LIMIT = sys.modules["convzoo.exercises.limit"]
CONV = all_exercises()[written.CONV]
BLOCK = all_exercises()[written.BLOCK]
HEAD = "def grouped_conv2d(x, weight, groups, stride=1, padding=0):\n"


def judged(body: str, exercise=CONV, **names):
    source = body if body.startswith(("def", "async", "class", "#", "\n")) else HEAD + body
    return assess(exercise, slips.defined(source, exercise.name, **written.NAMES, **names))


RUN = {
    "raises": ("    return x + y", "NameError", "line 2: `return x + y`", "groups=2"),
    "none": ("    x @ weight if groups == 99 else 0", "returned None", "`return` is missing"),
    "array": ("    return x.detach().numpy()", "ndarray", "stay in torch"),
    "numpy": ("    return torch.tensor(x.numpy())", "NumPy", "stay in torch"),
    "a_string": ("    return 'done'", "returned str", "neither a tensor nor a number"),
    "a_bool": ("    return True", "returned bool", "neither a tensor nor a number"),
    "an_empty_list": ("    return []", "returned list", "neither a tensor nor a number"),
    "nested": ("    return (x, (x, x))", "returned tuple as result 2 of 2", "neither a tensor"),
    "one_of_three_none": (
        "    return x, None, x",
        "returned None as result 2 of 3",
        "compute it too",
    ),
    "coroutine": ("async " + HEAD + "    return x", "coroutine", "neither a tensor nor a number"),
    "in_place": ("    x.mul_(2)\n    return x", "in place", "new tensor"),
    "view_in_place": ("    x[:, 0] = 0\n    return x", "in place", "new tensor"),
    "in_place_unseen": (
        "    with torch.no_grad():\n        weight.mul_(2)\n    return x",
        "`weight` in place",
    ),
    "needed_later": ("    y = x.exp()\n    y.mul_(2)\n    return y", "in place", "gradient"),
    "renamed": (
        "def grouped_conv2d(image, weight, groups, stride=1, padding=0):\n    return image",
        "argument names",
        "'x'",
    ),
    "own_call_renamed": ("    return F.pad(x, (1, 1), vale=1)", "vale", "line 2: `return F.pad"),
    "one_more": (
        "def grouped_conv2d(x, weight, groups, bias, stride=1, padding=0):\n    return x",
        "missing 1 required positional argument: 'bias'",
        "The call was",
    ),
    "exit": ("    exit()", "ends Python", "Remove that line"),
    "sys_exit": ("    import sys\n    sys.exit(0)", "ends Python"),
    "recursion": (
        "    return grouped_conv2d(x, weight, groups)",
        "calls itself without ever stopping",
    ),
    "sparse": ("    return x.detach().flatten(1).to_sparse()", "sparse tensor"),
    "elsewhere": ("    return x.to('meta')", "on meta", "on cpu"),
    "a_class": ("class grouped_conv2d:\n    pass", "is a class", "a function"),
    "torch_not_implemented": (
        "    return nn.Module()(x)",
        'missing the required "forward"',
        "line 2",
    ),
    "own_not_implemented": ("    raise NotImplementedError", "NotImplementedError"),
    "an_other_stub": (
        "    raise NotAttempted('resnext.block')",
        "stub of resnext.block",
        'use("resnext.block")',
    ),
}


@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.parametrize("name", RUN)
def test_what_does_not_run_gets_a_sentence(name):
    body, *says = RUN[name]
    verdict = judged(body, exit=sys.exit)
    assert (verdict.status, verdict.stage) == ("failed", "run"), verdict
    assert not verdict.usable and verdict.message.endswith((".", ")", "`"))
    for words in says:
        assert words in verdict.message
    assert "Traceback" not in verdict.message and " .." not in verdict.message


SHAPE = {
    "a_tuple": ("    return x, weight", "a tuple of 2 tensors, expected one tensor"),
    "a_tuple_of_one": ("    return (x,)", "a tuple of 1 tensor, expected one tensor"),
    "a_number": ("    return 3", "shape ()"),
    "float32": (written.UNFOLDED.replace("return y.", "return y.float()."), "torch.float32"),
    "whole": (
        written.UNFOLDED.replace("return y.", "return y.long()."),
        "torch.int64, expected torch.float64. Whole numbers",
        "no gradient",
        "`.to(x.dtype)`",
    ),
    "truth": (
        written.UNFOLDED.replace("return y.", "return (y > 0)."),
        "torch.bool, expected torch.float64. Booleans",
        "`.to(x.dtype)`",
    ),
    "complex": (
        written.UNFOLDED.replace("return y.", "return torch.complex(y, 0 * y)."),
        "torch.complex128",
        "Keep the dtype",
    ),
}


@pytest.mark.parametrize("name", SHAPE)
def test_what_has_another_form_gets_a_sentence(name):
    body, *says = SHAPE[name]
    verdict = judged(body)
    assert (verdict.status, verdict.stage) == ("failed", "shape")
    for words in says:
        assert words in verdict.message
    if name == "float32":  # right in its numbers: nothing to show side by side
        assert "smallest case" not in verdict.message


def test_where_no_float_is_given_whole_numbers_are_to_be_made_floats():
    exercise = all_exercises()["shufflenet.mixing_matrix"]
    verdict = assess(exercise, lambda orders: torch.eye(orders.shape[1]).long())
    assert verdict.stage == "shape" and "start from floats" in verdict.message
    assert "`.float()`" in verdict.message


def test_floats_where_truth_values_are_asked_for():
    exercise = all_exercises()["zoo.pareto_front"]
    verdict = assess(exercise, lambda cost, accuracy, **rest: cost)
    assert verdict.stage == "shape" and "expected torch.bool. Return booleans" in verdict.message


def solution(exercise):
    """The solution's function: the framework's version would be refused as borrowed."""
    return slips.defined(slips.answer(exercise.id), exercise.name, combinations=combinations)


def test_a_single_number_may_be_rounded_to_float32_and_no_further():
    exercise = all_exercises()["zoo.chance"]
    right = solution(exercise)
    for near, passes in ((1, True), (1 + 1e-7, True), (1 + 1e-5, False)):

        def rounded(one, other, near=near):
            return torch.tensor(near * right(one, other), dtype=torch.float32)

        assert assess(exercise, rounded).passed == passes
    exact = assess(exercise, lambda one, other: (1 + 1e-6) * right(one, other))
    assert (exact.stage, exact.mistake) == ("values", "")
    one_of_one = assess(exercise, lambda one, other: torch.tensor([right(one, other)]).float())
    assert one_of_one.stage == "shape"


FORMS = {
    "list": torch.Tensor.tolist,
    "tuple": lambda value: tuple(value.tolist()),
    "array": torch.Tensor.numpy,
    "generator": lambda value: (number for number in value.tolist()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("id", ["zoo.schedule", "zoo.pareto_front", "shufflenet.mixing_matrix"])
def test_numbers_in_another_form_are_right_where_no_gradient_is_asked_for(id, form):
    exercise = all_exercises()[id]
    verdict = assess(exercise, lambda **asked: FORMS[form](solution(exercise)(**asked)))
    assert verdict.passed, verdict.message
    wrong = assess(exercise, lambda **asked: FORMS[form](1 - 1 * solution(exercise)(**asked)))
    assert wrong.stage in ("values", "shape") and not wrong.usable


def test_too_few_numbers_in_a_list_are_counted():
    exercise = all_exercises()["zoo.schedule"]
    verdict = assess(exercise, lambda **asked: exercise.reference(**asked)[1:].tolist())
    assert verdict.stage == "shape"
    assert "a list or tuple of 23 single numbers, expected one tensor that" in verdict.message


@pytest.mark.parametrize("form", [torch.tensor, iter])
def test_a_tensor_or_a_generator_is_right_where_several_numbers_are_asked_for(form):
    exercise = all_exercises()["convolution.stack"]
    right = solution(exercise)
    assert assess(exercise, lambda size, layers: form(right(size, layers))).passed
    wrong = assess(exercise, lambda size, layers: form([right(size, layers)[0], 1]))
    assert wrong.stage == "values" and "receptive field" in wrong.message


def test_the_negative_bit_of_a_view_is_no_difference():
    def answered(**given):
        return torch.complex(0 * CONV.reference(**given), -CONV.reference(**given)).conj().imag

    case = CONV.small()[0]
    assert answered(**case.tensors, **case.scalars).is_neg()
    output = answer(answered, case).tensors["output"]
    assert not output.is_neg()
    assert torch.equal(output, answer(CONV.reference, case).tensors["output"])


# --- as a lesson goes on to call it ---------------------------------------------------------

RETURN = "return y.reshape(n, c_out, h, w)"
FORWARD = "    def forward(self, x):\n"
SUM = "return F.relu(y + identity)"
EVERYDAY = {
    "double": (CONV, RETURN, RETURN + ".double()", "shape", "In float32", "Keep the dtype"),
    "made_double": (
        CONV,
        RETURN,
        RETURN + " + torch.zeros(1, dtype=torch.float64)",
        "shape",
        "In float32",
        "torch.float64, expected torch.float32",
    ),
    "viewed": (
        CONV,
        "    n, ",
        "    x = x.view(x.shape[0], -1).view(x.shape)\n    n, ",
        "run",
        "memory layout (here `channels_last`)",
        "reshape",
    ),
    "overwritten": (
        CONV,
        RETURN,
        "old = KEPT.setdefault((y.shape, y.dtype), torch.zeros_like(y))\n"
        "    old.detach_().copy_(y)\n    return old.reshape(n, c_out, h, w)",
        "run",
        "a second one with another batch",
        "later call changes what an earlier one returned",
    ),
    "squeezed": (BLOCK, SUM, SUM + ".squeeze(0)", "shape", "a batch with a single image"),
    "kept_on_self": (
        BLOCK,
        SUM,
        "self.sums = [*getattr(self, 'sums', []), F.relu(y + identity)]\n"
        "        return torch.cat(self.sums)",
        "shape",
        "a second one with another batch",
    ),
    "eval_inside": (BLOCK, SUM, f"self.eval()\n        {SUM}", "run", "to another mode"),
    "default_dtype": (
        CONV,
        RETURN,
        f"torch.set_default_dtype(torch.float64)\n    {RETURN}",
        "run",
        "`torch.set_default_dtype`",
    ),
    "default_device": (
        CONV,
        RETURN,
        f"torch.set_default_device('meta')\n    {RETURN}",
        "run",
        "`torch.set_default_device`",
    ),
    "gradients_off": (
        CONV,
        RETURN,
        "y = y.reshape(n, c_out, h, w)\n    torch.set_grad_enabled(False)\n    return y",
        "run",
        "`torch.set_grad_enabled`",
    ),
    "patched": (CONV, RETURN, f"F.relu = len\n    {RETURN}", "run", "`F.relu = ...`"),
}


@pytest.mark.parametrize("name", EVERYDAY)
def test_what_fails_only_in_the_lesson_is_refused_and_says_how(name):
    exercise, old, new, stage, *says = EVERYDAY[name]
    source = written.UNFOLDED if exercise is CONV else written.BOTTLENECK
    verdict = judged(slips.changed(source, (old, new)), exercise, KEPT={})
    assert verdict.stage == stage and not verdict.usable, verdict
    for words in says:
        assert words in verdict.message
    assert torch_settings.changed() == torch_settings.replaced() == []


@pytest.mark.parametrize("of", ["dtype", "device", "gradients", "conv2d", "relu"])
def test_what_a_notebook_has_set_in_torch_is_said_and_the_answer_judged_without(of, monkeypatch):
    """And it is still set after the check, as it was before."""
    actions = {
        "dtype": lambda: torch.set_default_dtype(torch.float64),
        "device": lambda: torch.set_default_device("meta"),
        "gradients": lambda: torch.set_grad_enabled(False),
        "conv2d": lambda: monkeypatch.setattr(torch.nn.functional, "conv2d", len),
        "relu": lambda: monkeypatch.setattr(torch.Tensor, "relu", len, raising=False),
    }
    try:
        actions[of]()
        set_before = torch_settings.changed(), torch_settings.replaced()
        right, wrong = judged(written.UNFOLDED), judged("    return x")
        assert (torch_settings.changed(), torch_settings.replaced()) == set_before
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
        torch.set_grad_enabled(True)
        monkeypatch.undo()
    assert right.passed and not wrong.passed
    (name,) = (*set_before[0], *set_before[1])
    assert f"`{name}`" in right.message and f"`{name}`" in wrong.message


def test_a_list_among_the_arguments_is_a_copy_in_each_call():
    exercise = all_exercises()["convolution.stack"]

    def popped(size, layers):
        found = solution(exercise)(size, layers)
        while layers:
            layers.pop()
        return found

    assert assess(exercise, popped).passed


def test_a_layer_is_called_by_position():
    """As `nn.Sequential` takes its input, under a name of its own."""
    by_position = slips.changed(
        written.BOTTLENECK, (FORWARD, FORWARD.replace("x", "image") + "        x = image\n")
    )
    assert judged(by_position, BLOCK).passed


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_numbers_that_are_none_are_shown(value):
    verdict = judged(
        written.LOOP.replace(
            "return torch.cat(outputs, dim=1)",
            f"return torch.cat(outputs, dim=1) * float('{value}')",
        )
    )
    assert verdict.stage == "values" and value in verdict.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    wide", "    torch.set_grad_enabled(False)\n    wide"),
        ("\ndef", "\n@torch.inference_mode()\ndef"),
    ],
)
def test_switching_gradients_off_is_seen_and_undone(old, new):
    verdict = judged(written.LOOP.replace(old, new, 1))
    assert verdict.stage == "gradients" and "no gradient reaches `x`" in verdict.message
    assert torch.is_grad_enabled()


def test_a_wrong_gradient_is_told():
    verdict = judged(written.LOOP.replace("    wide", "    x = x + (x - x.detach())\n    wide", 1))
    assert verdict.stage == "gradients" and "the gradient of `x` is not" in verdict.message


def test_a_loop_over_single_numbers_is_slow_however_long_it_is(monkeypatch):
    monkeypatch.setattr(ENGINE, "MAX_OPS", 20)
    monkeypatch.setattr(sys.modules["convzoo.recorder"], "MAX_OPS", 20)
    verdict = judged(written.LOOP)
    assert verdict.stage == "launches" and "or more" in verdict.message


def test_a_mistake_is_named_only_if_it_fits_all_cases():
    one = written.LOOP.replace("stride=stride, ", "")
    both = one.replace("i * wide : (i + 1) * wide", ":wide")
    assert judged(one).mistake == "no_stride"
    verdict = judged(both)  # neither fits all cases, so neither is said
    assert verdict.stage == "values" and verdict.mistake == ""
    assert not any(mistake.sentence in verdict.message for mistake in CONV.mistakes)


def test_a_gradient_that_the_reference_has_not_does_not_hide_a_wrong_answer():
    """The framework's batch norm gives none to its running statistics; a reader's may."""

    def reference(x, mean):
        return x - mean.detach()

    def exact(x, mean):
        return x - mean

    def added(x, mean):
        return x + mean.detach()

    wrong = Mistake("added", "The mean is added. It is taken away.", added)
    case = Case({}, {"x": torch.ones(2).double(), "mean": torch.ones(2).double()})
    exercise = Exercise(
        "t.mean",
        1,
        "t",
        "T",
        1,
        1,
        "mean",
        reference,
        lambda gen: [case],
        lambda: [case],
        (wrong,),
        (),
    )
    assert assess(exercise, exact).passed
    assert assess(exercise, lambda x, mean: x + mean).mistake == "added"


def test_the_frameworks_own_is_no_answer_in_disguise():
    from convzoo.ideas.resnext import framework

    verdict = judged(
        "    return own(x, weight, groups, stride, padding)", own=framework.grouped_conv2d
    )
    assert verdict.stage == "shortcut" and "line 2 of the cell" in verdict.message
    layered = slips.changed(written.BOTTLENECK, ("GroupedConv2d(", "Borrowed("))

    class Borrowed(written.NAMES["GroupedConv2d"]):
        def forward(self, x):
            return framework.grouped_conv2d(x, self.weight, self.groups, self.stride, self.padding)

    assert judged(layered, BLOCK, Borrowed=Borrowed).passed  # as `use` hands it to the block
    inherited = type("Bottleneck", (framework.Bottleneck,), {})
    assert assess(BLOCK, inherited).stage == "shortcut"


def test_an_answer_that_inherits_from_the_fallback_is_judged_by_its_own_lines():
    from convzoo.ideas.densenet.framework import DenseBlock

    exercise = all_exercises()["densenet.buffer"]
    source = slips.answer(exercise.id)

    def on_fallback(*changes):
        changed = slips.changed(source, *changes)
        return assess(exercise, slips.defined(changed, exercise.name, Block=DenseBlock))

    assert on_fallback().passed
    lost = on_fallback(("return buffer", "return bufer"))
    line = slips.line_of(source, "return buffer")  # not a line of the decorator
    assert f"in {line}: `return bufer`" in lost.message
    first = "        n, filled, h, w = x.shape\n"
    handed_on = on_fallback((first, "        return super().forward(x)\n"))
    line = slips.line_of(source, first)
    assert handed_on.stage == "shortcut" and f"{line} of the cell" in handed_on.message


def test_a_check_leaves_the_lessons_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    judged(written.BOTTLENECK, BLOCK)
    judged(written.LOOP.replace("    wide", "    torch.manual_seed(0)\n    wide", 1))
    assert torch.equal(torch.rand(3), expected)


def test_a_case_is_not_changed_by_an_answer():
    case = Case({}, {"blocks": torch.ones(2, 2, 2, dtype=torch.float64)})
    reply = answer(lambda blocks: blocks.data.zero_(), case)
    assert reply.stage == "run" and "`blocks` in place" in reply.error
    assert bool((case.tensors["blocks"] == 1).all())


@pytest.mark.parametrize("where", ["__init__", "forward"])
def test_an_untouched_class_is_not_attempted(where):
    mark = {"__init__": "        width", "forward": "        y = F.relu(self.bn1"}[where]
    stub = f'        raise NotAttempted("{BLOCK.id}")\n' + mark
    verdict = judged(slips.changed(written.BOTTLENECK, (mark, stub)), BLOCK)
    assert verdict.status == "not attempted"


FOREVER = "    while True:\n        pass"
SWALLOWS = "    while True:\n        try:\n            1 + 1\n        except:\n            pass"


@pytest.mark.parametrize("body", [FOREVER, SWALLOWS, "    import time\n    time.sleep(60)"])
def test_an_endless_loop_is_stopped(body, monkeypatch):
    monkeypatch.setattr(ENGINE, "SECONDS", 0.3)
    monkeypatch.setattr(LIMIT, "AGAIN", 0.05)
    verdict = judged(body)
    assert verdict.stage == "run" and "still running" in verdict.message
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert judged(written.UNFOLDED).passed  # nothing was left behind


# --- figures as text ---------------------------------------------------------------------


def test_figures_are_readable():
    almost = torch.tensor([2.9999999, -0.0, 1e-9, 0.5, float("nan"), float("-inf")])
    assert tensor_text(almost.double()).split() == ["3", "0", "0", "0.5", "nan", "-inf"]
    assert tensor_text(torch.arange(4.0).reshape(2, 2, 1, 1)) == "0 1\n2 3"
    assert tensor_text(torch.arange(4.0).reshape(1, 2, 1, 2)) == "0 1\n2 3"
    assert tensor_text(torch.arange(8.0).reshape(2, 2, 2)) == "0 1\n2 3\n\n4 5\n6 7"
    assert tensor_text(torch.tensor(7)) == "7" and "too large" in tensor_text(torch.ones(99))
    assert tensor_text(torch.tensor([True, False])) == "1 0"


def test_columns_wrap():
    block = ("a title of thirty characters...", "1 2\n3 4")
    rows = columns(*[block] * 4).split("\n\n")
    assert len(rows) == 2 and all(len(line) <= 88 for row in rows for line in row.split("\n"))
    assert columns(("a", "1"), ("b", "2\n3")) == "  a   b\n  1   2\n      3"


@pytest.mark.parametrize("made", ["x.new_empty(shape)", "torch.empty(shape, dtype=x.dtype)"])
def test_memory_that_was_never_written_is_found_and_told(made):
    """Whatever the memory holds: zeros, by chance, in a fresh process."""
    grouped = "y = F.conv2d(x, weight, None, stride, padding, 1, groups)"
    body = (
        f"    {grouped}\n    shape = y.shape\n    z = {made}\n    z[:, 1:] = y[:, 1:]\n    return z"
    )
    verdict = judged(body)
    assert verdict.stage == "values" and "Start from zeros" in verdict.message


def test_the_case_that_is_shown_has_the_fault_that_is_named():
    """The padding is named, so a case with some is shown."""
    neither = judged(slips.changed(written.LOOP, (", stride=stride, padding=padding", "")))
    assert "as if `stride` were 1 and `padding` were 0" in neither.message
    verdict = judged(slips.changed(written.LOOP, (", padding=padding", "")))
    assert "The padding is not used" in verdict.message
    assert "shows it (groups=2, stride=1, padding=1)" in verdict.message
