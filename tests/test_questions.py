"""Short questions: everyone's own numbers, and a sentence for every belief."""

import math

import numpy as np
import pytest
import torch
from convzoo import UserError
from convzoo.exercises import all_exercises, all_questions, ask, progress
from convzoo.exercises import calls as notebook
from convzoo.exercises.questions import LETTERS, Belief, Question

STUDENTS = ["", *(f"student {i}" for i in range(50))]
QUESTIONS = list(all_questions().values())
NUMBERS = [q for q in QUESTIONS if not q.options]
CHOICES = [q for q in QUESTIONS if q.options]
every = pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.id)
number = pytest.mark.parametrize("question", NUMBERS, ids=lambda q: q.id)
choice = pytest.mark.parametrize("question", CHOICES, ids=lambda q: q.id)


@pytest.fixture
def student(monkeypatch):
    monkeypatch.setitem(notebook._session, "student", "Ada")
    return "Ada"


@every
def test_a_question_is_complete(question):
    assert question.id.startswith(question.lesson.split("_")[1] + ".")
    assert question.id not in all_exercises()
    assert question.points >= 1 and question.title and question.explain.endswith(".")
    assert question.beliefs and len({b.sentence for b in question.beliefs}) == len(question.beliefs)
    for name in STUDENTS:
        shown, drawn = question.shown(name), question.numbers(name)
        assert "{" not in shown and (question.options or shown.rstrip().endswith(("?", ".", ")")))
        told = [question.explain, *(b.sentence for b in question.beliefs)]
        assert all(text.format(**drawn) for text in told)


@every
def test_everyone_has_numbers_of_his_own(question):
    for name in STUDENTS:
        assert question.numbers(name) == question.numbers(name)
        assert question.shown(name) == question.shown(name)
    assert len({question.shown(name) for name in STUDENTS}) >= 5


@number
def test_every_belief_is_told_from_the_answer_and_from_the_others(question):
    for name in STUDENTS:
        drawn = question.numbers(name)
        right, sentence = question.mark(name, question.answer(drawn))
        assert right and sentence == question.explain.format(**drawn)
        for belief in question.beliefs:
            value = belief.gives(drawn)
            assert math.isfinite(value)
            right, sentence = question.mark(name, value)
            assert not right, f"{value} is right for {drawn}"
            assert sentence == belief.sentence.format(**drawn), f"{value} is two beliefs, {drawn}"
        right, sentence = question.mark(name, question.answer(drawn) * 1.37 + 0.21)
        assert not right and sentence.startswith("Not that.")


@number
def test_an_answer_may_be_a_number_of_any_kind(question):
    value = question.answer(question.numbers("Ada"))
    for given in (float(value), np.float64(value), torch.tensor(float(value))):
        assert question.mark("Ada", given)[0]


@number
@pytest.mark.parametrize(
    "given",
    [
        "many",
        "",
        None,
        True,
        math.inf,
        -math.inf,
        math.nan,
        1j,
        [1, 2],
        ask,
        torch.ones(2),
        np.ones(3),
        10**400,
    ],
    ids=lambda given: getattr(given, "__name__", str(given)[:12]),  # the same in every process
)
def test_what_is_no_number_is_no_answer(question, given):
    with pytest.raises(UserError, match="is not a number. Write one"):
        question.mark("Ada", given)


@choice
def test_every_option_has_its_sentence(question):
    for name in STUDENTS:
        drawn, order = question.numbers(name), question.order(name)
        assert sorted(order) == sorted(o.format(**drawn) for o in question.options)
        assert len(set(order)) == len(order) <= len(LETTERS)
        marks = [question.mark(name, letter) for letter, _ in zip(LETTERS, order, strict=False)]
        assert [right for right, _ in marks].count(True) == 1
        assert order[[right for right, _ in marks].index(True)] == question.answer.format(**drawn)
        assert len({sentence for _, sentence in marks}) == len(order)
        assert not any(sentence.startswith("Not that.") for _, sentence in marks)


@choice
def test_the_order_of_the_options_varies(question):
    places = {
        question.order(name).index(question.answer.format(**question.numbers(name)))
        for name in STUDENTS
    }
    assert places == set(range(len(question.options)))


@choice
def test_a_letter_is_read_as_people_type_it(question):
    for given in ("b", "B", " b ", "b)", "b."):
        assert question.mark("Ada", given) == question.mark("Ada", "b")


@choice
@pytest.mark.parametrize("given", ["z", "", "ab", 1, None, True, "the first", 0.5], ids=repr)
def test_what_is_no_letter_is_no_answer(question, given):
    with pytest.raises(UserError, match="is not one of the options. Write one letter"):
        question.mark("Ada", given)


def test_a_tolerance_is_relative():
    near = Question(
        "t.q",
        "t",
        "T",
        1,
        "How much?",
        lambda v: 200.0,
        "Yes.",
        (Belief(lambda v: 100.0, "Half of it."),),
        tolerance=0.01,
    )
    assert near.mark("", 201)[0] and not near.mark("", 203)[0]
    assert near.mark("", 100.5) == (False, "Half of it.")


@every
def test_ask_shows_marks_and_keeps(question, student, capsys):
    ask(question.id)
    shown = capsys.readouterr().out
    assert question.title in shown and question.shown(student) in shown
    assert progress.recall("answers", question.id) is None
    ask(question.id, "no answer")
    assert "no answer yet" in capsys.readouterr().out
    assert progress.recall("answers", question.id) is None
    drawn = question.numbers(student)
    wrong, right = question.beliefs[0].gives, question.answer
    if question.options:
        order = question.order(student)
        wrong, right = (LETTERS[order.index(t.format(**drawn))] for t in (wrong, right))
    else:
        wrong, right = wrong(drawn), right(drawn)
    ask(question.id, wrong)
    said = capsys.readouterr().out
    assert "not yet" in said and question.beliefs[0].sentence.format(**drawn) in said
    assert progress.recall("answers", question.id) == {"answer": str(wrong), "right": False}
    ask(question.id, right)
    said = capsys.readouterr().out
    assert "right" in said and question.explain.format(**drawn) in said
    assert progress.recall("answers", question.id)["right"] is True
