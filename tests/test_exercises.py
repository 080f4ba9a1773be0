"""Every exercise of the course: what is right passes, what is wrong is refused and named.

Later lessons join by being in the catalogue; their students' code is in slips.NAME.py.
"""

import re
import time
import zlib
from functools import cache, lru_cache
from itertools import combinations

import pytest
import slips
import torch
from convzoo.case import Reply, answer
from convzoo.exercises import STAGES, Verdict, all_exercises, assess, compare, diagnosis, judge
from convzoo.exercises.as_text import LINE, MAX_NUMBERS
from convzoo.exercises.differences import same
from torch import Generator
from torch.utils._python_dispatch import TorchDispatchMode

SAME_IN_EVALUATION = "In evaluation both give the same numbers"  # a sentence may say so, if true
EXERCISES = list(all_exercises().values())
WRONG = [(e, w) for e in EXERCISES for w in e.mistakes]
LESSONS = slips.lessons()
NAMES = {name: thing for m in LESSONS for name, thing in m.NAMES.items()}
RIGHT = {e.id: {"solution": slips.answer(e.id)} for e in EXERCISES}
for _id, _ways in (pair for m in LESSONS for pair in m.RIGHT.items()):
    RIGHT[_id] |= _ways
SLIPS = [slip for m in LESSONS for slip in m.SLIPS]
each = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
each_wrong = pytest.mark.parametrize(
    ("exercise", "wrong"), WRONG, ids=[f"{e.id}-{w.name}" for e, w in WRONG]
)
each_right = pytest.mark.parametrize(
    ("exercise", "name"), [(i, name) for i, ways in RIGHT.items() for name in ways]
)
each_slip = pytest.mark.parametrize("slip", SLIPS, ids=lambda s: f"{s.exercise}-{s.name}")


OURS = {e.reference for e in EXERCISES} | {w.target for _, w in WRONG}


class Asked:
    """A target, a case and whether the operations are written down; equal where all that is asked
    is the same, to the bit."""

    def __init__(self, *words):
        self.words = target, case, watch = words
        named = [*case.tensors.items(), *case.weights.items()]
        numbers = [(k, v.dtype, v.shape, v.numpy().tobytes()) for k, v in named]
        self.key = target, watch, repr((case.scalars, case.training, case.examine)), (*numbers,)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other) -> bool:
        return self.key == other.key


@lru_cache(maxsize=4096)
def answered(asked: Asked) -> Reply:
    return answer(*asked.words)


@pytest.fixture(autouse=True)
def ours_answer_a_case_once(monkeypatch):
    """What the reference and the mistakes say to a case is computed once and kept for the next
    mistake or slip that is compared with it. A student's code always runs."""

    def shared(target, case, watch=True):
        if target in OURS:
            return answered(Asked(target, case, watch))
        return answer(target, case, watch)

    for room in (judge, diagnosis):
        monkeypatch.setattr(room, "answer", shared)


@pytest.fixture
def seeds(request) -> range:
    return range(1 if request.config.getoption("quick") else 10)


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


@cache
def verdict(id: str, mistake: str, seed: int) -> Verdict:
    """What is said to a mistake; seed 0 is that of a check in a notebook."""
    exercise = all_exercises()[id]
    target = next(w.target for w in exercise.mistakes if w.name == mistake)
    return assess(exercise, target, seeded(seed))


def judged(exercise, source: str, seed: int = 0):
    return assess(exercise, slips.defined(source, exercise.name, **NAMES), seeded(seed))


def own_seed(*names: str) -> int:
    """Return a seed from 1 to 9, for the same names always the same one: so all answers together
    are judged under ten seeds, each of them under two or three. (Mistakes are judged under all.)"""
    return 1 + zlib.crc32(" ".join(names).encode()) % 9


def reached(verdict, stage: str) -> bool:
    """Whether a verdict got past a stage."""
    return verdict.passed or STAGES.index(verdict.stage) > STAGES.index(stage)


# --- what an exercise carries ----------------------------------------------------


@each
def test_an_exercise_is_complete(exercise):
    assert exercise.id.startswith(exercise.lesson.split("_")[1] + ".")
    assert exercise.title and exercise.name.isidentifier()
    assert 1 <= exercise.points <= 10 and 1 <= exercise.minutes <= 60
    assert 2 <= len(exercise.hints) <= 3 and len(set(exercise.hints)) == len(exercise.hints)
    assert len(exercise.mistakes) >= 5
    assert len({w.name for w in exercise.mistakes}) == len({w.sentence for w in exercise.mistakes})
    assert exercise.steady is None or exercise.slow


@each
def test_students_code_stands_for_it(exercise):
    assert len(RIGHT[exercise.id]) >= 3, "write slips.NAME.py"
    assert sum(slip.exercise == exercise.id for slip in SLIPS) >= 3


@each_wrong
def test_a_sentence_helps_and_holds_no_code(exercise, wrong):
    assert len(wrong.sentence) > 30 and wrong.sentence.endswith(".")
    assert not re.search(r"\w\(|\.\w+\[|\w = |@", wrong.sentence)
    assert not re.search(r"\bobviously\b|\bsimply\b|\bjust\b", wrong.sentence)


@each
def test_no_line_of_the_solution_stands_in_a_sentence(exercise, root):
    text = (root / "solutions" / f"{exercise.lesson}.py").read_text()
    regions = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", text, re.S)
    lines = {line.strip() for region in regions for line in region.splitlines()}
    told = " ".join([*(w.sentence for w in exercise.mistakes), exercise.slow, *exercise.hints])
    assert [line for line in lines if len(line) > 12 and line in told] == []


# --- the cases -------------------------------------------------------------------


@each
def test_cases_come_from_the_generator(exercise):
    def drawn(seed):
        cases = exercise.cases(seeded(seed))
        return [(case.scalars, case.tensors | case.weights) for case in cases]

    def agree(a, b):
        return [x[0] == y[0] and same(x[1], y[1]) for x, y in zip(a, b, strict=True)]

    assert all(agree(drawn(3), drawn(3)))
    others = [drawn(seed) for seed in range(4, 10)]
    assert not any(all(agree(drawn(3), other)) for other in others)
    for _, tensors in drawn(3):
        assert all(v.dtype == torch.float64 for v in tensors.values() if v.is_floating_point())


class Rectified(TorchDispatchMode):
    """Notes of each ReLU that returns an image whether a single one of its numbers is above 0."""

    def __init__(self):
        super().__init__()
        self.alive = []

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        result = op(*args, **(kwargs or {}))
        if op.name() in ("aten::relu", "aten::relu_") and result.shape[2:].numel() > 1:
            self.alive.append(bool(result.any()))
        return result


@each
def test_no_relu_of_a_layer_hides_what_comes_before_it(exercise, seeds):
    """Zeros in every place would be the same whatever the answer does before them."""
    for seed in seeds if exercise.is_module else ():
        for case in exercise.cases(seeded(seed)):
            with Rectified() as relus:
                answer(exercise.reference, case, False)
            assert all(relus.alive), (seed, case.scalars)


@each
def test_small_cases_can_be_followed_by_hand(exercise):
    assert exercise.small()
    for case in exercise.small():
        weights = [v for v in case.weights.values() if v.dim() > 1]
        shown = [v.double() for v in (*case.tensors.values(), *weights)]
        assert all(v.numel() <= MAX_NUMBERS // 2 for v in shown)
        assert all(torch.equal(v, v.round()) and v.abs().max() < 20 for v in shown)
        assert not case.training
        reply = answer(exercise.reference, case)
        assert not reply.stage
        outputs = [v for k, v in reply.tensors.items() if k.startswith("output")]
        assert all((16 * v - (16 * v).round()).abs().max() < 1e-4 for v in outputs)


# --- right -----------------------------------------------------------------------


@each
def test_the_reference_agrees_with_itself_and_is_no_answer(exercise, seeds):
    for seed in seeds:
        asked = []

        def respond(case):
            asked.append(answer(exercise.reference, case))
            return asked[-1]

        found = compare(exercise, respond, seeded(seed))
        assert found.passed or found.stage == "shortcut", found.message
        assert not any(reply.stage for reply in asked)
    handed_out = assess(exercise, exercise.reference)
    assert handed_out.stage == "shortcut" and "framework's version" in handed_out.message


@each_right
def test_other_right_ways_pass(exercise, name, seeds):
    exercise = all_exercises()[exercise]
    for seed in (0, 1, own_seed(exercise.id, name))[: len(seeds)]:
        verdict = judged(exercise, RIGHT[exercise.id][name], seed)
        assert verdict.passed, verdict.message


def test_a_check_takes_less_than_a_second(capsys):
    """Printed, not asserted: the machine may be busy."""
    lines = []
    for exercise in EXERCISES:
        source = next(iter(RIGHT[exercise.id].values()))
        target = slips.defined(source, exercise.name, **NAMES)
        took = []
        for attempt in (target, exercise.mistakes[-1].target):
            began = time.perf_counter()
            assess(exercise, attempt)
            took.append(time.perf_counter() - began)
        lines.append(f"{exercise.id}: right {took[0]:.3f} s, wrong {took[1]:.3f} s")
    with capsys.disabled():
        print("\n" + "\n".join(lines))


# --- wrong -----------------------------------------------------------------------


@each_wrong
def test_a_wrong_answer_is_refused_as_itself(exercise, wrong, seeds):
    for seed in seeds:
        found = verdict(exercise.id, wrong.name, seed)
        assert found.status == "failed" and not found.usable
        assert found.mistake == wrong.name, f"taken for {found.mistake!r}: {found.message}"
        assert wrong.sentence in found.message


def in_training_alone(exercise, wrong) -> bool:
    """Whether only a batch's own statistics tell: what is followed by hand is in evaluation."""
    cases = [case for case in exercise.cases(seeded(0)) if not case.training]
    pairs = [(answer(wrong.target, case), answer(exercise.reference, case)) for case in cases]
    return not any(_differ(mine, right) for mine, right in pairs)


@each_wrong
def test_numbers_that_differ_are_shown_on_a_small_case(exercise, wrong):
    found = verdict(exercise.id, wrong.name, 0)
    case = found.message.partition("\n\n")[2]
    if SAME_IN_EVALUATION in wrong.sentence:
        assert in_training_alone(exercise, wrong) and not case
    elif found.stage in ("shape", "values"):
        assert case.startswith("The smallest case that shows it")
        assert "yours" in case and "expected" in case and "too large" not in case
        assert all(len(line) <= LINE for line in case.split("\n")[1:])
        assert not exercise.is_module or not re.search(r"(?<![\w.])\d+\.\d", case), case


@each
def test_most_wrong_answers_get_past_the_shape(exercise):
    verdicts = [verdict(exercise.id, w.name, 0) for w in exercise.mistakes]
    assert sum(reached(v, "shape") for v in verdicts) >= 0.6 * len(verdicts)


@each
def test_no_two_wrong_answers_are_the_same(exercise, seeds):
    for seed in seeds[:3]:
        cases = exercise.cases(seeded(seed))
        replies = [[answer(w.target, case, False) for case in cases] for w in exercise.mistakes]
        for (a, mine), (b, other) in combinations(zip(exercise.mistakes, replies, strict=True), 2):
            assert any(_differ(x, y) for x, y in zip(mine, other, strict=True)), (a.name, b.name)


def _differ(a, b) -> bool:
    if a.stage or b.stage or a.parameters != b.parameters:
        return (a.stage, a.raised, a.parameters) != (b.stage, b.raised, b.parameters)
    return a.loaded and not same(a.tensors, b.tensors)


@each_slip
def test_a_slip_is_refused_and_told(slip, seeds):
    exercise = all_exercises()[slip.exercise]
    for seed in (0, own_seed(slip.exercise, slip.name))[: len(seeds)]:
        verdict = judged(exercise, slip.source, seed)
        assert (verdict.status, verdict.stage) == ("failed", slip.stage), verdict.message
        assert verdict.mistake == slip.mistake, verdict.message
        for words in slip.says:
            assert words in verdict.message, verdict.message
        assert verdict.usable == (slip.stage == "launches")
