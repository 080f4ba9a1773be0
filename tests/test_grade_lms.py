"""What an LMS and a teacher add: names, times, columns, own numbers, points for free questions."""

import csv
import html
import json
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("joblib")

from convzoo.errors import UserError
from convzoo.teach.grade.run import Options
from grading import ALONE, LIMITS, grade, items
from made_class import BLOCKS, LESSON, Made, hand_in, head, notebook, right

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]


def test_questions_are_marked_with_the_students_own_numbers(tmp_path):
    from convzoo.exercises import all_questions

    place, out = tmp_path / "in", tmp_path / "out"
    question = all_questions()["resnext.weights"]
    for_anna = question.answer(question.numbers("anna"))
    ask = head("resnext.weights", "question") + 'answer = {}\nask("resnext.weights", answer)\n'
    computed = ask.format("sum(divmod(%d * 2, 2))" % for_anna)
    hostile_text = "<script>alert(1)</script>"
    hand_in(place, Made("anna", {"resnext.weights": ask.format(for_anna)}))
    hand_in(place, Made("bob", {"resnext.weights": ask.format(for_anna)}), student="anna")
    hand_in(place, Made("carl", {"resnext.weights": computed}), student="anna")
    hand_in(place, Made("dora", {"resnext.weights": ask.format(repr(hostile_text))}))
    hand_in(place, Made("emil", {"resnext.weights": ask.format("'a' * 10**9")}))
    hand_in(place, Made("free", {"resnext.explain": hostile_text + "\n=1+1"}))
    grade(place, out, ALONE)
    marks = {
        n: items(out, n)["resnext.weights"]["earned"]
        for n in ("anna", "bob", "carl", "dora", "emil")
    }
    assert marks == {"anna": 1, "bob": 1, "carl": 1, "dora": 0, "emil": 0}
    page = html.unescape((out / "class.html").read_text())
    assert "The name in begin(...) is 'anna'" in page and "of bob, carl" in page
    assert items(out, "free")["resnext.explain"]["earned"] is None
    for path in [*out.glob("**/*.html")]:
        own = path.name == "class.html"  # the one script that sorts its table
        assert path.read_text().count("<script") == own
    rows = list(csv.DictReader((out / "free.csv").open()))
    assert [r["student"] for r in rows] == ["free"]
    marked = (
        (out / "free.csv").read_text().replace("resnext.explain,2,,", "resnext.explain,2,1.5,Good.")
    )
    marked = marked.replace("resnext.explain,2.0,,", "resnext.explain,2.0,1.5,Good.")
    (out / "free.csv").write_text(marked)
    assert grade(place, out)["graded_now"] == 0
    assert "Good." in (out / "feedback" / "free.html").read_text()
    row = {r["student"]: r for r in csv.DictReader((out / "grades.csv").open())}["free"]
    assert row["total"] == "1.5" and row["waiting"] == "0"
    (out / "free.csv").write_text(marked.replace("1.5,Good", "7,Good"))
    with pytest.raises(UserError, match="not a number of points"):
        grade(place, out)


def test_canvas_and_moodle_there_and_back(tmp_path):
    text = json.dumps(notebook(Made("x", {BLOCKS: right(BLOCKS)})))
    place, out = tmp_path / "in", tmp_path / "out"
    place.mkdir()
    with zipfile.ZipFile(place / "canvas.zip", "w") as archive:
        archive.writestr(f"doejane_LATE_101_9001_{LESSON}.ipynb", "junk")
        archive.writestr(f"doejane_LATE_101_9002_{LESSON}-1.ipynb", text)
        archive.writestr(f"roerichard_102_9003_{LESSON}.ipynb", text)
        archive.writestr("../../../climbs.ipynb", text)
        archive.writestr("/etc/climbs.ipynb", text)
    with zipfile.ZipFile(place / "moodle.zip", "w") as archive:
        archive.writestr(f"Ann Bee_201_assignsubmission_file_/{LESSON} (1).ipynb", text)
        archive.writestr(f"Cy Dee_202_assignsubmission_file_{LESSON}.ipynb", text)
        bomb = zipfile.ZipInfo(f"Eve Eff_203_assignsubmission_file_/{LESSON}.ipynb")
        bomb.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(bomb, b" " * 200_000_000)
        link = zipfile.ZipInfo(f"Gil Gee_204_assignsubmission_file_/{LESSON}.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    worksheet = tmp_path / f"Grades-{LESSON}.csv"
    worksheet.write_text(
        "\ufeffIdentifier,Full name,Email address,Status,Grade,Maximum Grade,"
        "Last modified (submission),Last modified (grade),Feedback comments\n"
        "Participant 201,Ann Bee,a@x,Submitted for grading,,23,"
        '"Wednesday, 10 June 2026, 2:14 PM",-,\n'
        "Participant 202,Cy Dee,c@x,Submitted for grading - 3 mins late,,23,"
        '"Wednesday, 10 June 2026, 2:20 PM",-,\n'
        "Participant 205,Hal Eye,h@x,No submission,,23,-,-,\n"
    )
    summary = grade(place, out, Options(jobs=1, limits=LIMITS, roster=worksheet))
    rows = {r["student"]: r for r in csv.DictReader((out / "grades.csv").open())}
    assert summary["graded"] == 4
    assert rows["doejane_101"][f"{LESSON} late"] == "yes"
    assert rows["doejane_101"][f"{LESSON} handed in"] == "unknown"
    assert rows["Cy Dee_202"][f"{LESSON} late"] == "yes"
    assert rows["Ann Bee_201"][f"{LESSON} handed in"] == "Wednesday, 10 June 2026, 2:14 PM"
    told = "\n".join(summary["notices"])
    for text in (
        "renamed: Ann Bee_201",
        "late: doejane_101",
        "late: Cy Dee_202",
        f"missing: {LESSON} (3): ",
        "Hal Eye",
        "unreadable: Eve Eff_203",
        "Gil Gee_204",
        "unreadable: doejane_101",
        "climbs.ipynb is not a student's file",
    ):
        assert text in told, text
    moodle = list(csv.DictReader((out / f"moodle_{LESSON}.csv").open(encoding="utf-8-sig")))
    assert {r["Identifier"]: r["Grade"] for r in moodle} == {
        "Participant 201": "2",
        "Participant 202": "2",
        "Participant 205": "",
    }
    canvas = list(csv.reader((out / "canvas.csv").open()))
    assert canvas[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", LESSON]
    assert canvas[1][0] == "    Points Possible"
    assert {row[1]: row[5] for row in canvas[2:]} == {"101": "2", "102": "2"}
    assert not (tmp_path / "climbs.ipynb").exists() and not Path("/etc/climbs.ipynb").exists()
