"""Short questions: different numbers for each student, and a sentence for every belief."""

import math

import numpy as np
import pytest
import torch
from convzoo import UserError
from convzoo.exercises import all_exercises, all_questions, ask, progress
from convzoo.exercises import calls as notebook
from convzoo.exercises.questions import LETTERS, Belief, Question

STUDENTS = ["", *(f"student {i}" for i in range(200))]
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
        sentences = [question.explain, *(b.sentence for b in question.beliefs)]
        assert all(text.format(**drawn) for text in sentences)


@every
def test_each_student_has_their_own_numbers(question):
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
        assert not right and sentence.startswith("Not quite.")


@number
def test_no_student_gets_numbers_for_which_a_wrong_rule_is_right(question):
    for name in STUDENTS:
        drawn = question.numbers(name)
        for value in question.wrong_numbers(drawn):
            assert not question.mark(name, value)[0], f"{value} is right for {drawn}"
    sample = question.wrong_numbers(question.numbers(""))
    assert len(sample) >= 3 and question.answer(question.numbers("")) not in sample


def rule(answer, belief, wrong=lambda v: ()) -> Question:
    """A question about a number n from 0 to 9."""
    return Question(
        "t.q",
        "t",
        "T",
        1,
        "How many of {n} channels?",
        answer,
        "Yes.",
        (Belief(belief, "No."),),
        draw=lambda rng: {"n": rng.randrange(10)},
        wrong_numbers=wrong,
    )


@pytest.mark.parametrize(
    "question",
    [
        rule(lambda v: v["n"] ** 2, lambda v: 2 * v["n"]),
        rule(lambda v: v["n"] ** 2, lambda v: -1, lambda v: (2 * v["n"],)),
    ],
    ids=["belief", "wrong number"],
)
def test_numbers_that_let_a_wrong_rule_be_right_are_drawn_again(question):
    drawn = {question.numbers(f"student {i}")["n"] for i in range(300)}
    assert drawn == {1, 3, 4, 5, 6, 7, 8, 9}


def test_a_question_without_numbers_that_tell_right_from_wrong_is_an_error():
    with pytest.raises(ValueError, match="t.q: a wrong rule is right"):
        rule(lambda v: v["n"], lambda v: v["n"] + 0).numbers("Ada")


@number
def test_an_answer_may_be_a_number_of_any_kind(question):
    value = question.answer(question.numbers("Ada"))
    kinds = float(value), np.float64(value), torch.tensor(float(value)), (value,), [value]
    for given in (*kinds, f"= {value:.12g}", f"{value:.12g} / 1"):
        assert question.mark("Ada", given)[0]


def test_words_of_the_question_may_follow_the_number():
    question = all_questions()["convolution.parameters"]
    value = question.answer(question.numbers("Ada"))
    for given in (f"{value} parameters", f"{value:,} parameters.", f"about {value}"):
        assert question.mark("Ada", given)[0]
    with pytest.raises(UserError, match="'2 kilometres' is not a number"):
        question.mark("Ada", "2 kilometres")


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
        assert not any(sentence.startswith("Not quite.") for _, sentence in marks)


@choice
def test_the_order_of_the_options_varies(question):
    places = {
        question.order(name).index(question.answer.format(**question.numbers(name)))
        for name in STUDENTS
    }
    assert places == set(range(len(question.options)))


@choice
def test_an_option_is_read_as_people_type_it(question):
    option = question.order("Ada")[1]
    letters = "b", "B", " b ", "b)", "b.", "(b)", "[b]", "'b'", "option b", ("b",), ["b"]
    words = option, option.rstrip("."), option.upper(), f"b) {option}", f"  {option} "
    for given in (*letters, *words):
        assert question.mark("Ada", given) == question.mark("Ada", "b")
    with pytest.raises(UserError, match="is not one of the options"):
        question.mark("Ada", f"a) {option}")  # one letter, and the text of another


@choice
def test_a_choice_is_said_in_words(question):
    assert question.in_words("Ada", "b") == f"b) {question.order('Ada')[1]}"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (2160, "2,160"),
        ("2160", "2,160"),
        ("2,160", "2,160"),
        ("2^10", "2^10, which is 1,024"),
        ("2160,0", "2160,0, which is 2,160"),
        (0.25, "0.25"),
        ("10%", "10%, which is 0.1"),
        ((2160,), "2,160"),
    ],
)
def test_a_number_is_said_as_it_was_understood(given, words):
    assert all_questions()["resnext.weights"].in_words("Ada", given) == words


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
    assert f"You answered {question.in_words(student, wrong).rstrip('.')}. " in said
    assert "not yet" in said and question.beliefs[0].sentence.format(**drawn) in said
    assert progress.recall("answers", question.id) == {"answer": str(wrong), "right": False}
    ask(question.id, right)
    said = capsys.readouterr().out
    assert "right" in said and question.explain.format(**drawn) in said
    assert progress.recall("answers", question.id)["right"] is True
