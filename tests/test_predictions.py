"""Predictions: the result waits for a guess or a skip, and never for input()."""

import builtins
import sys

import pytest
from convzoo import UserError
from convzoo.exercises import all_predictions, predict, progress
from convzoo.exercises.prediction_form import Asking
from convzoo.exercises.predictions import Prediction, compared
from convzoo.show import Picture

FORM = sys.modules["convzoo.exercises.prediction_form"]
WIDTH = Prediction("t.width", "How wide is it?", "channels", why="Why is it not 48?")
CHOICE = Prediction("t.choice", "Which is faster?", options=("dense", "sparse"))
RESULT = Picture("a chart of widths", "<svg role='img' aria-label='a chart of widths'></svg>")


@pytest.fixture(autouse=True)
def nothing_waits(monkeypatch):
    def asked(*_):
        raise AssertionError("input() was called")

    monkeypatch.setattr(builtins, "input", asked)


class Spy:
    """A then() that counts its calls."""

    def __init__(self, result=RESULT):
        self.calls, self.result = 0, result

    def __call__(self):
        self.calls += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def shown(form: Asking) -> str:
    return " ".join(getattr(w, "value", "") or "" for w in form.result.children)


def said(form: Asking, guess) -> None:
    form.field.value = guess
    form.guess.click()


def test_every_prediction_is_complete():
    for key, prediction in all_predictions().items():
        assert key == prediction.id and prediction.question.rstrip(")").endswith(("?", "."))
        assert prediction.why.endswith("?")
        assert bool(prediction.unit) != bool(prediction.options)


def test_an_unknown_id_is_told():
    with pytest.raises(UserError, match="There is no id"):
        predict("resnext.nothing", Spy())


def test_without_a_notebook_it_prints_and_shows(capsys, monkeypatch):
    monkeypatch.delenv("CONVZOO_PREDICT")
    then = Spy()
    predict("resnext.budget_width", then, measured=lambda: 24)
    words = capsys.readouterr().out
    assert all_predictions()["resnext.budget_width"].question in words
    places = [words.index(part) for part in ("channels in and", RESULT.alt, "Answer: 24")]
    assert places == sorted(places)
    assert then.calls == 1 and "You guessed" not in words
    progress.record("guesses", "resnext.budget_width", 48.0)
    predict("resnext.budget_width", then, measured=24)
    words = capsys.readouterr().out
    assert (
        "You guessed 48 channels. Answer: 24 channels. Your guess is about two times too high."
        in words
    )


def test_in_a_notebook_it_asks_unless_told_to_skip(monkeypatch):
    seen = []
    monkeypatch.setattr(FORM, "in_notebook", lambda: True)
    monkeypatch.setattr(sys.modules["convzoo.exercises.calls"], "display", seen.append)
    then = Spy()
    predict("resnext.budget_width", then, 24)  # conftest says skip
    assert then.calls == 1 and seen == [RESULT]
    monkeypatch.delenv("CONVZOO_PREDICT")
    predict("resnext.budget_width", then, 24)
    assert isinstance(seen[-1], Asking) and then.calls == 1
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    predict("resnext.budget_width", then, 24)
    assert then.calls == 2 and seen[-1] is RESULT


def test_the_result_stays_hidden_until_a_guess():
    then = Spy()
    form = Asking(WIDTH, then, measured=lambda: 24)
    assert then.calls == 0 and form.result.children == ()
    assert "How wide is it?" in form._repr_mimebundle_()["text/html"]
    said(form, "48")
    assert then.calls == 1 and RESULT.html in shown(form)
    assert "You guessed 48 channels. Measured: 24 channels." in shown(form)
    assert progress.recall("guesses", WIDTH.id) == 48.0
    said(form, "24")
    assert "Exactly right." in shown(form) and progress.recall("guesses", WIDTH.id) == 24.0


def test_skip_shows_without_comparing():
    form = Asking(WIDTH, Spy(), measured=24)
    form.skip.click()
    assert RESULT.html in shown(form) and "Measured: 24" in shown(form)
    assert "You guessed" not in shown(form)
    assert progress.recall("guesses", WIDTH.id) == "skip"


def test_a_guess_that_was_kept_shows_at_once():
    progress.record("guesses", WIDTH.id, 30.0)
    then = Spy()
    assert "You guessed 30" in shown(Asking(WIDTH, then, 24)) and then.calls == 1
    progress.record("guesses", CHOICE.id, 3.0)  # a number where a choice is asked now
    assert "Measured: dense" in shown(Asking(CHOICE, Spy(), "dense"))


@pytest.mark.parametrize("typed", ["", "many", "1 2", "nan", "inf", "1e999", "--3"])
def test_what_is_no_number_gets_a_sentence(typed):
    then = Spy()
    form = Asking(WIDTH, then)
    said(form, typed)
    assert "is not a number. Write one in digits" in shown(form) and "press Skip" in shown(form)
    assert then.calls == 0 and progress.recall("guesses", WIDTH.id) is None


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("24", 24),
        (" 1.5 ", 1.5),
        ("1,5", 1.5),
        ("25,000", 25000),
        ("1,234,567", 1234567),
        ("0,125", 0.125),
        ("-3", -3),
        ("2e3", 2000),
        ("24 channels", 24),
        ("~1/4", 0.25),
        ("2x", 2),
    ],
)
def test_a_number_is_read_as_people_type_it(typed, number):
    said(Asking(WIDTH, Spy()), typed)
    assert progress.recall("guesses", WIDTH.id) == number


def test_a_choice_is_asked_with_buttons():
    then = Spy()
    form = Asking(CHOICE, then, measured="dense")
    form.guess.click()
    assert "Choose one of the options. Or press Skip." in shown(form) and then.calls == 0
    said(form, "sparse")
    assert "You guessed sparse. Measured: dense. Your guess was different." in shown(form)
    said(form, "dense")
    assert "That is right." in shown(form)


@pytest.mark.parametrize("where", ["then", "measured"])
def test_an_error_in_the_result_is_told(where):
    broken = Spy(RuntimeError("out of <memory>"))
    form = Asking(WIDTH, broken if where == "then" else Spy(), broken)
    said(form, "24")
    assert "The result could not be computed" in shown(form)
    assert "RuntimeError: out of &lt;memory&gt;" in shown(form)
    assert form.result.children[-1] is form.why


def test_the_reason_is_kept():
    form = Asking(WIDTH, Spy())
    said(form, "24")
    form.why.value = "Groups need a full width."
    assert progress.recall("reasons", WIDTH.id) == "Groups need a full width."
    assert Asking(WIDTH, Spy()).why.value == "Groups need a full width."


def test_an_explorer_and_a_figure_can_be_the_result():
    from convzoo.show.widgets import Explorer, Toggle
    from matplotlib.figure import Figure

    explorer = Explorer(lambda on: RESULT, on=Toggle(True, "On"))
    form = Asking(WIDTH, Spy(explorer))
    form.skip.click()
    assert form.result.children[0] is explorer.box
    figure = Figure()
    figure.add_subplot().set_title("Width & groups")
    form = Asking(CHOICE, Spy(figure))
    form.skip.click()
    assert '<img alt="Width &amp; groups"' in shown(form)
    form = Asking(Prediction("t.text", "What?", "things"), Spy("<nothing>"))
    form.skip.click()
    assert "&lt;nothing&gt;" in shown(form)


@pytest.mark.parametrize(
    ("guess", "value", "words"),
    [
        (None, 24, "Measured: 24 channels."),
        (12.0, 24, "Your guess is about two times too low."),
        (
            24,
            128,
            "You guessed 24 channels. Measured: 128 channels. Your guess is about five times",
        ),
        (24, 128, "five times too low."),
        (20, 24, "Your guess is 17% too low."),
        (30, 24, "Your guess is 25% too high."),
        (24.01, 24, "That is very close."),
        (60, 24, "Your guess is about 2.5 times too high."),
        (1, 24, "Your guess is about 24 times too low."),
        (24, 0.0903, "Your guess is about 266 times too high."),
        (0.0, 24, "You guessed 0 channels. Measured: 24 channels."),
        (3.0, 0, "You guessed 3 channels. Measured: 0 channels."),
        (1.0, -0.45, "Measured: -0.45 channels. Your guess has the other sign."),
        (-0.9, -0.45, "Your guess is about two times too far from zero."),
        (-0.1, -0.45, "Your guess is about 4.5 times too close to zero."),
        (1.0, 25_028_904, "Measured: 25,028,904 channels."),
        (1.0, 0.123456, "Measured: 0.1235 channels."),
    ],
)
def test_a_guess_beside_what_was_measured(guess, value, words):
    assert words in compared(WIDTH, guess, value)


@pytest.mark.parametrize(
    ("given", "unit", "kept"),
    [
        ("10%", "of the pixels", 0.1),
        ("-0.4%", "points", -0.4),
        ("\u22120.4 percentage points", "points", -0.4),
        ("10 percent", "of the pixels", 0.1),
        ("10% of the pixels", "of the pixels", 0.1),
        ("10 percent", "percent", 10.0),
        ("10 %", "%", 10.0),
        ("1,5", "", 1.5),
    ],
)
def test_percent_is_read_in_the_unit_that_is_asked(given, unit, kept):
    form = Asking(Prediction("t.share", "How much?", unit), Spy())
    form.field.value = given
    form.guess.click()
    assert progress.recall("guesses", "t.share") == pytest.approx(kept)


def test_a_page_without_a_form_lists_what_there_is_to_choose_from(capsys):
    predict("resnext.neighbours", lambda: RESULT)
    said = capsys.readouterr().out
    assert all(f"- {option}" in said for option in all_predictions()["resnext.neighbours"].options)


def test_the_unit_percent_stands_at_the_number():
    share = Prediction("t.share", "How much?", "%")
    assert compared(share, 10, 20) == (
        "You guessed 10%. Measured: 20%. Your guess is about two times too low."
    )


@pytest.mark.parametrize(
    "guess, words",
    [
        (24, "Your guess is 15 points too low."),
        (40, "Your guess is 1 point too high."),
        (39.2, "That is very close."),
        (39, "Exactly right."),
    ],
)
def test_a_percentage_is_off_by_points(guess, words):
    assert compared(Prediction("t.share", "How much?", "percent"), guess, 39).endswith(words)


def test_a_guess_is_compared_with_nothing_where_the_device_has_no_such_number():
    for guess in (0.1, "skip"):
        assert "has no such number" in compared(WIDTH, guess, None)
