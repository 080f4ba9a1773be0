"""Every exercise of the course: what is right passes, what is wrong is refused and named.

Later lessons join by being in the catalogue; their students' code is in slips.NAME.py.
"""

import re
import time
import zlib
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cache, lru_cache
from itertools import combinations, product

import pytest
import slips
import torch
from convzoo.case import Case, Reply, answer
from convzoo.exercises import (
    STAGES,
    Exercise,
    Verdict,
    all_exercises,
    assess,
    compare,
    diagnosis,
    judge,
)
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
OURS = {e.reference for e in EXERCISES} | {w.target for e in EXERCISES for w in e.mistakes}
# All tests of an exercise run one after another, so that what was answered can be kept for them.
each = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id, scope="module")


# --- what is kept of an exercise while it is tested ----------------------------------------------


class Kept:
    """An exercise whose cases are drawn once for each seed, and what our own targets (the reference
    and the mistakes) have replied to cases of it. A student's code always runs."""

    def __init__(self, exercise: Exercise):
        self._fresh, self._drawn = exercise, {}
        self._numbers: dict[tuple, int] = {}
        self._known: dict[int, tuple[Case, int]] = {}
        self._replies: dict[tuple, Reply] = {}
        small = self._keep(exercise.small())
        self.exercise = replace(exercise, cases=self._cases, small=lambda: small)

    def answer(self, target, case: Case, watch: bool = True) -> Reply:
        if target not in OURS:
            return answer(target, case, watch)
        asked = target, self._number(case), watch
        if asked not in self._replies:
            self._replies[asked] = answer(target, case, watch)
        return self._replies[asked]

    def is_as_drawn(self) -> bool:
        """Whether all cases are still what they were before they were answered."""
        fresh = {seed: self._fresh.cases(seeded(seed)) for seed in self._drawn}
        pairs = [pair for seed, cases in self._drawn.items() for pair in zip(cases, fresh[seed])]
        pairs += zip(self.exercise.small(), self._fresh.small())
        return all(_words(kept) == _words(drawn) for kept, drawn in pairs)

    def _cases(self, gen: Generator) -> list[Case]:
        seed = gen.initial_seed()
        if seed not in self._drawn:
            self._drawn[seed] = self._keep(self._fresh.cases(gen))
        return self._drawn[seed]

    def _keep(self, cases: list[Case]) -> list[Case]:
        self._known |= {id(case): (case, self._number(case)) for case in cases}
        return cases

    def _number(self, case: Case) -> int:
        """Return the same number for cases that ask the same, to the bit."""
        if id(case) in self._known:
            return self._known[id(case)][1]
        return self._numbers.setdefault(_words(case), len(self._numbers))


def _words(case: Case) -> tuple:
    """All that a case asks: equal for equal cases."""
    plain = [getattr(case, f.name) for f in fields(case) if f.name not in ("tensors", "weights")]
    named = [*case.tensors.items(), *case.weights.items()]
    return repr(plain), *((k, v.dtype, v.shape, v.numpy().tobytes()) for k, v in named)


@lru_cache(maxsize=1)
def kept(id: str) -> Kept:
    return Kept(all_exercises()[id])


@pytest.fixture(autouse=True)
def ours_answer_a_case_once(request, monkeypatch):
    """What the reference and the mistakes say to a case is computed once and kept for the next
    mistake or slip that is compared with it."""
    if "exercise" in request.fixturenames:
        for room in (judge, diagnosis):
            monkeypatch.setattr(room, "answer", kept(request.getfixturevalue("exercise").id).answer)


@pytest.fixture
def seeds(request) -> range:
    return range(1 if request.config.getoption("quick") else 10)


def seeded(seed: int) -> Generator:
    return Generator().manual_seed(seed)


@cache
def verdict(id: str, mistake: str, seed: int) -> Verdict:
    """What is said to a mistake; seed 0 is that of a check in a notebook."""
    exercise = kept(id).exercise
    target = next(w.target for w in exercise.mistakes if w.name == mistake)
    return assess(exercise, target, seeded(seed))


def judged(exercise, source: str, seed: int = 0):
    target = slips.defined(source, exercise.name, **NAMES)
    return assess(kept(exercise.id).exercise, target, seeded(seed))


class EachTold:
    """Looks at one thing after another; at the end, all that failed is told, each by its name."""

    def __enter__(self):
        self._failed = []
        return self._one

    @contextmanager
    def _one(self, *names):
        try:
            yield
        except Exception as problem:
            kind = "" if isinstance(problem, AssertionError) else f"{type(problem).__name__}: "
            self._failed.append(f"{' '.join(map(str, names))}: {kind}{problem}")

    def __exit__(self, *problem) -> None:
        if self._failed:
            pytest.fail("\n\n".join(self._failed))


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


@each
def test_a_sentence_helps_and_holds_no_code(exercise):
    with EachTold() as one:
        for wrong in exercise.mistakes:
            with one(wrong.name):
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

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """See `convzoo.recorder.Recorder`."""
        return False

    def __torch_dispatch__(self, op, types, args=(), kwargs=None):
        result = op(*args, **(kwargs or {}))
        if op.name() in ("aten::relu", "aten::relu_") and result.shape[2:].numel() > 1:
            self.alive.append(bool(result.any()))
        return result


@each
def test_no_relu_of_a_layer_hides_what_comes_before_it(exercise, seeds):
    """Zeros in every place would be the same whatever the answer does before them."""
    for seed in seeds if exercise.is_module else ():
        for case in kept(exercise.id).exercise.cases(seeded(seed)):
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

        found = compare(kept(exercise.id).exercise, respond, seeded(seed))
        assert found.passed or found.stage == "shortcut", found.message
        assert not any(reply.stage for reply in asked)
    handed_out = assess(exercise, exercise.reference)
    assert handed_out.stage == "shortcut" and "framework's version" in handed_out.message


@each
def test_other_right_ways_pass(exercise, seeds):
    with EachTold() as one:
        for name, source in RIGHT[exercise.id].items():
            for seed in (0, 1, own_seed(exercise.id, name))[: len(seeds)]:
                with one(name, seed):
                    verdict = judged(exercise, source, seed)
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


@each
def test_a_wrong_answer_is_refused_as_itself(exercise, seeds):
    with EachTold() as one:
        for wrong, seed in product(exercise.mistakes, seeds):
            with one(wrong.name, seed):
                found = verdict(exercise.id, wrong.name, seed)
                assert found.status == "failed" and not found.usable
                assert found.mistake == wrong.name, f"taken for {found.mistake!r}: {found.message}"
                assert wrong.sentence in found.message


def in_training_alone(exercise, wrong) -> bool:
    """Whether only a batch's own statistics tell: what is followed by hand is in evaluation."""
    ours = kept(exercise.id)
    cases = [case for case in ours.exercise.cases(seeded(0)) if not case.training]
    pairs = [(ours.answer(w, case) for w in (wrong.target, exercise.reference)) for case in cases]
    return not any(_differ(mine, right) for mine, right in pairs)


@each
def test_numbers_that_differ_are_shown_on_a_small_case(exercise):
    with EachTold() as one:
        for wrong in exercise.mistakes:
            with one(wrong.name):
                numbers_are_shown(exercise, wrong)


def numbers_are_shown(exercise, wrong) -> None:
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
    ours = kept(exercise.id)
    for seed in seeds[:3]:
        cases = ours.exercise.cases(seeded(seed))
        replies = [[ours.answer(w.target, c, False) for c in cases] for w in exercise.mistakes]
        for (a, mine), (b, other) in combinations(zip(exercise.mistakes, replies, strict=True), 2):
            assert any(_differ(x, y) for x, y in zip(mine, other, strict=True)), (a.name, b.name)


def _differ(a, b) -> bool:
    if a.stage or b.stage or a.parameters != b.parameters:
        return (a.stage, a.raised, a.parameters) != (b.stage, b.raised, b.parameters)
    return a.loaded and not same(a.tensors, b.tensors)


@each
def test_a_slip_is_refused_and_told(exercise, seeds):
    with EachTold() as one:
        for slip in (slip for slip in SLIPS if slip.exercise == exercise.id):
            for seed in (0, own_seed(slip.exercise, slip.name))[: len(seeds)]:
                with one(slip.name, seed):
                    verdict = judged(exercise, slip.source, seed)
                    found = verdict.status, verdict.stage, verdict.mistake
                    assert found == ("failed", slip.stage, slip.mistake), verdict.message
                    assert verdict.usable == (slip.stage == "launches")
                    for words in slip.says:
                        assert words in verdict.message, verdict.message


@each
def test_no_answer_changed_a_case(exercise):
    """The last test of an exercise: all that was asked in those before it is as it was drawn."""
    assert kept(exercise.id).is_as_drawn()
