"""free.csv: what the teacher wrote in it is never lost, whatever a spreadsheet made of it."""

import csv
import io
from dataclasses import replace

import pytest
from convzoo.errors import UserError
from convzoo.teach.grade.mark.marks import Graded, Item
from convzoo.teach.grade.out import tables
from convzoo.teach.grade.out.manual_points import HEADER, merge

ANSWER = '  First line;\r\n\r\nsecond, "line"  \r\n'
STUDENT = "Jos\u00e9 O'Neil"


def graded(student=STUDENT, answer=ANSWER, id="resnext.explain"):
    item = Item(id, "free", "In your own words", 2.0, None, "waiting", answer=answer)
    return Graded(student, "02_resnext", "graded", "", (item,))


@pytest.fixture
def marked(tmp_path):
    """The file as a teacher saves it who typed into it with an editor."""
    path = tmp_path / "free.csv"
    rows = list(csv.reader(io.StringIO(merge(path, [graded()]).text)))
    rows[1][4:6] = ["1.5", "- see me"]
    save(path, rows)
    return path


def save(path, rows, encoding="utf-8", separator=","):
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def rows_of(path):
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))


def item_of(path, one=None):
    return merge(path, [one or graded()]).results[0].items[0]


def test_an_answer_saved_on_windows_keeps_its_points(marked):
    merged = merge(marked, [graded()])
    assert merged.results[0].items[0].earned == 1.5 and not merged.notices
    marked.write_text(merged.text, newline="")
    assert merge(marked, [graded()]) == merged


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER.strip(),
        "'" + ANSWER,
        ANSWER.replace("\r\n", "\n"),
        "  " + ANSWER,
        " ".join(ANSWER.split()),
    ],
)
def test_an_answer_that_a_spreadsheet_trimmed_keeps_its_points(marked, answer):
    rows = rows_of(marked)
    rows[1][6] = answer
    save(marked, rows)
    merged = merge(marked, [graded()])
    assert merged.results[0].items[0].earned == 1.5 and not merged.notices


def test_a_leading_apostrophe_of_ours_may_be_gone(marked):
    rows = rows_of(marked)
    for text in ("=1+1", "'=1+1", "-", "'-x"):
        one = graded("=evil", text)
        rows[1] = ["=evil", "02_resnext", "resnext.explain", "2", "1", "", text.lstrip("'")]
        save(marked, rows)
        merged = merge(marked, [one])
        assert merged.results[0].items[0].earned == 1 and not merged.notices


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_encoding_and_separator_of_a_spreadsheet_is_read(marked, encoding, separator):
    save(marked, rows_of(marked), encoding, separator)
    found = item_of(marked)
    assert found.earned == 1.5 and found.message == "- see me"


def test_a_name_in_the_letters_of_an_older_encoding_is_known(marked):
    text = marked.read_bytes().decode("cp1252")  # Excel opens it so,
    marked.write_text(text, encoding="utf-8-sig", newline="")  # and saves it so
    assert item_of(marked).earned == 1.5


def test_a_comment_comes_back_as_typed(marked):
    for comment in ("- see me", "=good", "@anna", "+1", "'quoted'", "two\r\nlines", " x "):
        rows = rows_of(marked)
        rows[1][5] = comment
        save(marked, rows)
        merged = merge(marked, [graded()])
        assert merged.results[0].items[0].message == comment
        marked.write_text(merged.text, encoding="utf-8", newline="")
        assert rows_of(marked)[1][5] == comment


def test_a_new_answer_keeps_the_points_and_is_told_once(marked):
    merged = merge(marked, [graded(answer="Another one.")])
    assert merged.results[0].items[0].earned == 1.5
    assert "has changed since you marked it" in merged.notices[0]
    marked.write_text(merged.text, encoding="utf-8", newline="")
    assert not merge(marked, [graded(answer="Another one.")]).notices


def test_what_belongs_to_no_answer_is_kept_and_told(marked):
    one = graded("anna")
    for _ in range(3):  # the others were not handed in this time
        merged = merge(marked, [one])
        assert "1 rows belong to no answer in this run and were kept" in merged.notices[0]
        marked.write_text(merged.text, encoding="utf-8", newline="")
    merged = merge(marked, [one, graded()])
    assert [r.items[0].earned for r in merged.results] == [None, 1.5] and not merged.notices


def test_of_two_rows_of_one_answer_the_second_is_kept_and_told(marked):
    rows = rows_of(marked)
    save(marked, [*rows, [*rows[1][:4], "2", "again", rows[1][6]]])
    merged = merge(marked, [graded()])
    assert merged.results[0].items[0].earned == 1.5
    assert "again" in merged.text and "kept" in merged.notices[0]


def test_an_answer_that_is_no_longer_there_loses_no_points(marked):
    gone = replace(graded(), items=(Item("resnext.x", "exercise", "", 1.0, 1.0, "passed"),))
    merged = merge(marked, [gone])
    assert "1.5,- see me" in merged.text and merged.notices


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", ",".join((*HEADER, "mine")) + "\n"])
def test_another_table_is_not_overwritten(tmp_path, text):
    (tmp_path / "free.csv").write_text(text)
    with pytest.raises(UserError, match="must have exactly the columns"):
        merge(tmp_path / "free.csv", [graded()])


@pytest.mark.parametrize("points", ["3", "-1", "nan", "inf", "01. May"])
def test_what_is_not_a_number_of_points_is_told(marked, points):
    rows = rows_of(marked)
    rows[1][4] = points
    save(marked, rows)
    with pytest.raises(UserError, match="not a number of points"):
        merge(marked, [graded()])


def test_a_worksheet_goes_back_to_moodle_as_it_came(tmp_path):
    from convzoo.teach.grade.intake.collect import Collected
    from convzoo.teach.grade.intake.rosters import read_roster

    row = ["Participant 201", "-Ann Bee", "", "-", "- see me"]
    sheet = tmp_path / "sheet.csv"
    header = ["Identifier", "Full name", "Grade", "Last modified (grade)", "Feedback comments"]
    save(sheet, [header, row])
    done = replace(graded("-Ann Bee_201"), items=(Item("a", "exercise", "", 2.0, 2.0, "passed"),))
    collected = Collected(students={"-Ann Bee_201": {"moodle": "201", "name": "-Ann Bee"}})
    handed = type("Handed", (), {"student": done.student, "lesson": done.lesson})
    entry = type("Entry", (), {"handed": handed, "graded": done})
    text = tables.for_lms([entry], collected, read_roster(sheet))["moodle_02_resnext.csv"]
    assert list(csv.reader(io.StringIO(text)))[1] == [*row[:2], "2", *row[3:]]
