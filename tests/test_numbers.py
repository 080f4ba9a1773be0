"""Numbers as people type them: understood, or answered with how to write one."""

import pytest
from convzoo import UserError
from convzoo.exercises.numbers import read, shortened, spelled

ABOUT = "How many channels does it have? (Negative if below; half of the pixels; 0.5 of the time)"


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ("1/4", 0.25),
        ("2^10", 1024),
        ("10^3", 1000),
        ("2**10", 1024),
        ("32*32", 1024),
        ("9 * 12 * 20", 2160),
        ("'9 * 12 * 20'", 2160),
        ((2160,), 2160),
        ("(2160,)", None),
        ("1 024", 1024),
        ("1\u00a0024", 1024),
        ("1\u202f024 * 2", 2048),
        ("1'024", 1024),
        ("1_024", 1024),
        ("1,024", 1024),
        ("1,024,000", 1024000),
        ("1.024.000", 1024000),
        ("1,024.5", 1024.5),
        ("1.024,5", 1024.5),
        ("2160,0", 2160),
        ("2160.0", 2160),
        ("0,125", 0.125),
        ("0.125", 0.125),
        ("1.125e3", 1125),
        ("1,5", 1.5),
        (".5", 0.5),
        ("5.", 5),
        ("1024 channels", 1024),
        ("1024 Channels.", 1024),
        ("= 2160", 2160),
        ("c = 2160", 2160),
        ("32*32 = 1024", 1024),
        ("2x", 2),
        ("2 times", 2),
        ("3x3x64", 576),
        ("3 \u00d7 3 \u00b7 2", 18),
        ("8 \u00f7 2", 4),
        ("(1 + 2) x 4", 12),
        ("~0.25", 0.25),
        ("\u2248 3", 3),
        ("about 24 channels", 24),
        ("\u22125", -5),
        ("+5", 5),
        ("15-1", 14),
        ("3*2 - 5*4", -14),
        ("10 percent", 0.1),
        ("10 %", 0.1),
    ],
)
def test_what_is_plain_is_understood(given, number):
    if number is None:
        with pytest.raises(UserError):
            read(given, ABOUT)
    else:
        assert read(given, ABOUT) == pytest.approx(number)


@pytest.mark.parametrize(
    "given",
    [
        "25 million",
        "2 KB",
        "2k",
        "5 below",
        "1 half",
        "half",
        "1 2",
        "1 or 2",
        "12,34,5",
        "1,23.4,5",
    ],
)
def test_what_a_word_or_a_mark_could_change_is_not_guessed(given):
    with pytest.raises(UserError, match="is not a number. Write one in digits"):
        read(given, ABOUT)


@pytest.mark.parametrize(
    "given", ["10\u00b2", "\u0663", "1/0", "9**9**9", "2**-2000 / 0", "(-8)**0.5"]
)
def test_no_digit_of_another_kind_and_no_number_without_end(given):
    with pytest.raises(UserError, match="is not a number"):
        read(given)


@pytest.mark.parametrize(
    "given", ["__import__('os')", "abs(-3)", "a" * 200, "(" * 110, "1if 1else 2"]
)
def test_nothing_is_executed(given):
    with pytest.raises(UserError, match="is not a number"):
        read(given)


def test_what_could_be_two_numbers_is_asked_back():
    with pytest.raises(UserError, match="2.160 could be 2160 or 2.1600. Write it as one of these."):
        read("2.160")
    assert read("2160") == 2160 and read("2.1600") == 2.16
    for given in ("20-30", "20 \u2013 30"):
        with pytest.raises(UserError, match="looks like a range. Write one number."):
            read(given)
    with pytest.raises(UserError, match="2,160 is two numbers"):
        read((2, 160))


def test_an_answer_is_shown_whole_or_short():
    assert spelled(25028904) == "25,028,904" and spelled(0.1 + 0.2) == "0.3"
    assert len(shortened("a" * 1000)) < 80 and shortened(10**5000) == "This int"
