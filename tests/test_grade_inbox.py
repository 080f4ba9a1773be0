"""What was handed in, by whom and when: folders, zip files, rosters, names; what a plan holds."""

import io
import json
import os
import pickle
import zipfile
from datetime import datetime

import pytest
from convzoo.errors import UserError
from convzoo.notebook.reading import read
from convzoo.teach.grade.intake.collect import collect_class, moment_of
from convzoo.teach.grade.intake.names import slug, spellings
from convzoo.teach.grade.intake.rosters import read_roster
from convzoo.teach.grade.mark.plan import plans as all_plans
from convzoo.teach.grade.out import tables
from convzoo.teach.regions import answer_lines
from made_class import BLOCKS, LESSON, ROOT, Made, notebook, right

UNTOUCHED = Made("x")
DONE = Made("x", {BLOCKS: right(BLOCKS)})


@pytest.fixture(scope="module")
def plans():
    return all_plans(ROOT)


def text(made=UNTOUCHED) -> str:
    return json.dumps(notebook(made))


@pytest.mark.parametrize(
    "name", ["../../etc", "a/b", "", ".", "..", "CON", "Ann Bee", "\u0000x", "a" * 500, "ß", "-"]
)
def test_a_strange_name_makes_a_harmless_file_name(name):
    made = slug(name)
    assert made and len(made) < 80 and "/" not in made and not made.startswith(".")
    assert made != slug(name + "x")


def test_nobody_can_take_the_file_name_of_another():
    made = slug("Ann Bee")
    assert slug(made) != made and slug("ann") != slug("Ann")


def test_times_are_read_as_programs_write_them_and_never_guessed():
    assert moment_of("Wednesday, 10 June 2026, 2:14 PM") == datetime(2026, 6, 10, 14, 14)
    assert moment_of("2026-05-01 12:00:00.123 UTC").tzinfo is not None
    assert moment_of("unknown") is None and moment_of("yesterday") is None


def test_no_text_becomes_a_formula():
    assert tables.safe("=1+1") == "'=1+1" and tables.safe("anna") == "anna"


def test_a_roster_is_canvas_or_moodle_or_told(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,02_resnext (77)\n"
        '    Points Possible,,,,,23\n"Doe, Jane",101,s1,jdoe,A,\n'
    )
    roster = read_roster(path)
    assert roster.kind == "canvas" and roster.entries[0].ids["login"] == "jdoe"
    path.write_text("name;points\n")
    with pytest.raises(UserError, match="neither Canvas"):
        read_roster(path)


def test_an_nbgrader_tree_and_double_and_strange_files(tmp_path, plans):
    for student in ("anna", "bob"):
        folder = tmp_path / "submitted" / student / LESSON
        folder.mkdir(parents=True)
        (folder / f"{LESSON}.ipynb").write_text(text())
        (folder / "timestamp.txt").write_text("2026-05-02 12:00:00 UTC")
    (tmp_path / "submitted" / "bob" / LESSON / "copy.ipynb").write_text(text())
    (tmp_path / "submitted" / "bob" / LESSON / "picture.png").write_bytes(b"x")
    (tmp_path / "submitted" / "carl").mkdir()
    (tmp_path / "gradebook.db").write_text("not looked at")
    seen = collect_class(tmp_path, plans, due=datetime.fromisoformat("2026-05-02T11:00:00+00:00"))
    assert [(h.student, h.handed_in, h.late) for h in seen.handed] == [
        ("anna", "2026-05-02 12:00:00 UTC", True),
        ("bob", "2026-05-02 12:00:00 UTC", True),
    ]
    kinds = {(n.kind, n.student) for n in seen.notices}
    assert {("double", "bob"), ("missing", "carl"), ("late", "anna")} <= kinds


def test_bad_zip_files_are_told(tmp_path, plans):
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and no more")
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(f"anna/{LESSON}.ipynb", text())
    broken = bytearray(data.getvalue())
    broken[200:260] = b"\0" * 60
    (tmp_path / "broken.zip").write_bytes(bytes(broken))
    seen = collect_class(tmp_path, plans)
    assert not seen.handed and {n.kind for n in seen.notices} >= {"unreadable"}


def test_of_two_files_of_a_lesson_the_one_with_work_in_it_is_graded(tmp_path, plans):
    folder = tmp_path / "anna"
    folder.mkdir()
    (folder / f"{LESSON}.ipynb").write_text(text())
    (folder / f"{LESSON}.py").write_text(f'# %% exercise="{BLOCKS}"\n{right(BLOCKS)}\n')
    (seen,) = collect_class(tmp_path, plans).handed
    assert seen.file == f"anna/{LESSON}.py"
    (folder / f"{LESSON}.ipynb").write_text(text(DONE))
    found = collect_class(tmp_path, plans)
    assert found.handed[0].file == f"anna/{LESSON}.ipynb"
    assert [n.kind for n in found.notices] == ["double"]


def test_names_that_are_none_stay_apart_and_are_printable(tmp_path, plans):
    names = [
        b"a\nb",
        b"a\tb",
        b"caf\xc3\xa9",
        b"cafe\xcc\x81",
        b"bad\xff",
        b"<b>x",
        "\u202eabc".encode(),
        "\u0430nna".encode(),
        b"anna",
    ]
    for name in names:
        folder = os.path.join(os.fsencode(tmp_path), name)
        os.mkdir(folder)
        with open(os.path.join(folder, b"02\xff\n.ipynb"), "w") as file:
            file.write(text())
    found = collect_class(tmp_path, plans)
    students = [h.student for h in found.handed]
    people = len(names) - 1  # two are one name, its accent written in two ways
    assert len(set(students)) == len({slug(s) for s in students}) == people
    told = [*students, *(h.file for h in found.handed), *(n.text for n in found.notices)]
    assert all(t.isprintable() and t.encode() for t in told)


def test_a_time_that_cannot_be_compared_is_told(tmp_path, plans):
    folder = tmp_path / "submitted" / "anna" / LESSON
    folder.mkdir(parents=True)
    (folder / f"{LESSON}.ipynb").write_text(text())
    (folder / "timestamp.txt").write_text("2026-05-02 12:00:00")
    found = collect_class(tmp_path, plans, due=datetime.fromisoformat("2026-05-01T12:00+02:00"))
    assert found.handed[0].late is None and found.notices[0].kind == "late or not"
    found = collect_class(tmp_path, plans, due=datetime.fromisoformat("2026-05-01T12:00"))
    assert found.handed[0].late is True


def test_a_zip_file_has_no_more_of_a_student_than_a_folder(tmp_path, plans):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number in range(300):
            archive.writestr(f"anna/{number}.py", "x = 1")
        archive.writestr(f"bob/{LESSON}.ipynb", text())
        archive.writestr("bob/work.7z", "7z")
    found = collect_class(tmp_path / "all.zip", plans)
    assert [h.student for h in found.handed] == ["bob"]
    told = [(n.student, n.text) for n in found.notices if n.kind == "unreadable"]
    assert [s for s, t in told] == ["anna", "bob"] and "more than 200 files" in told[0][1]


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, text() if name.endswith(".ipynb") else "x")
    return path


NB = f"{LESSON}.ipynb"


@pytest.mark.parametrize(
    "names",
    [
        ("anna/{0}", "bob/{0}"),
        ("class/anna/{0}", "class/bob/{0}"),
        ("class/", "class/anna/", "class/anna/{0}", "class/anna/data.csv", "class/bob/work/{0}"),
        (
            "class/anna/{0}",
            "class/.DS_Store",
            "class/bob/{0}",
            "__MACOSX/class/anna/._{0}",
            "class/.ipynb_checkpoints/{0}",
            ".DS_Store",
        ),
        ("class\\anna\\{0}", "class\\bob\\{0}"),
        ("submitted/anna/02_resnext/{0}", "submitted/bob/02_resnext/{0}"),
    ],
)
def test_a_zip_of_a_folder_of_students_is_that_folder(names, tmp_path, plans):
    place = zipped(tmp_path / "all.zip", *(name.format(NB) for name in names))
    found = collect_class(place, plans)
    assert [h.student for h in found.handed] == ["anna", "bob"]
    assert {n.kind for n in found.notices} <= {"left out"}


@pytest.mark.parametrize(
    "names",
    [
        ("anna/{0}",),
        ("anna/{0}", "anna/data/a.csv", "anna/pictures/b.png"),
        ("anna/{0}", "anna/old/{0}", "anna/older/{0}"),
        ("anna/work/{0}",),
        ("anna/work/{0}", "anna/data/a.csv"),
        ("anna/02_resnext/{0}", "anna/03_densenet/03_densenet.ipynb"),
        ("submitted/anna/02_resnext/{0}", "submitted/anna/03_densenet/03_densenet.ipynb"),
    ],
)
def test_a_zip_of_one_students_folder_is_one_student(names, tmp_path, plans):
    place = zipped(tmp_path / "anna.zip", *(name.format(NB) for name in names))
    assert {h.student for h in collect_class(place, plans).handed} == {"anna"}


def test_a_path_that_climbs_out_of_a_zip_is_nobodys_in_a_folder_of_students_too(tmp_path, plans):
    names = ("../anna/{0}", "../bob/{0}"), ("class/anna/{0}", "class/../{0}", "class/bob/{0}")
    for number, students in enumerate(([], ["anna", "bob"])):
        place = zipped(tmp_path / f"{number}.zip", *(name.format(NB) for name in names[number]))
        found = collect_class(place, plans)
        assert [h.student for h in found.handed] == students
        assert "left out" in {n.kind for n in found.notices}


@pytest.mark.parametrize("marker", ["# %%", "#%%", "# In[1]:", " # <codecell>", "# %% [markdown]"])
def test_a_script_of_a_million_cells_is_told_and_not_read(tmp_path, plans, marker):
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / f"{LESSON}.py").write_text(f"{marker}\n" * (900_000 // (len(marker) + 1)))
    found = collect_class(tmp_path, plans)
    assert "more than 2000 cells" in found.notices[0].text


@pytest.mark.parametrize("line", ["# %% " + "word " * 12_000, "# %%" + " " * 64_000 + "x"])
def test_a_cell_that_begins_with_thousands_of_words_is_told_and_not_read(tmp_path, plans, line):
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / f"{LESSON}.py").write_text(f"{line}\nx = 1\n")
    found = collect_class(tmp_path, plans)
    assert "begins with a line of" in found.notices[0].text


def test_a_number_too_long_to_be_written_out_is_no_trouble(plans):
    from convzoo.notebook.reading import parse
    from convzoo.teach.grade.mark.plan import transplant

    made = Made("x", {BLOCKS: right(BLOCKS) + "\nx = 0x" + "f" * 9000})
    work = transplant(plans[LESSON], parse(text(made), LESSON))
    assert work.touched("exercise", BLOCKS) and work.key("a", b"k" * 16)


def test_the_plan_of_a_lesson_has_no_answer_in_it(plans):
    source = read(ROOT / "solutions" / f"{LESSON}.py")
    lines = {x.strip() for c in source.cells for x in answer_lines(c)} - {""}
    clean = {x.strip() for c in plans[LESSON].lesson.cells for x in c.source.split("\n")}
    stubs = {"answer = ...  # your answer in place of the dots"}
    assert len(lines & clean - stubs) < 3, lines & clean


# --- whose file it is ---

FORGED = f"schmidtanna_101_99999_{LESSON}.ipynb"


def class_of(tmp_path, plans, **zips):
    """What is collected of a folder of zip files, each given as {path: notebook}."""
    for name, files in zips.items():
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for path, content in files.items():
                archive.writestr(path, content)
    return collect_class(tmp_path, plans)


def answers_of(found) -> dict[str, bool]:
    """By student, whether what is to be graded is touched."""
    return {h.student: h.submission.touched("exercise", BLOCKS) for h in found.handed}


CANVAS = {f"schmidtanna_101_9001_{NB}": text(DONE), f"roe_102_9002_{NB}": text()}


@pytest.mark.parametrize("beside", [{}, {NB: text()}, {f"work/{NB}": text()}])
def test_a_name_of_canvas_in_a_students_zip_is_no_name_of_canvas(tmp_path, plans, beside):
    found = class_of(tmp_path, plans, bob={FORGED: text()} | beside, submissions=CANVAS)
    assert answers_of(found) == {"bob": False, "roe_102": False, "schmidtanna_101": True}
    assert found.students["schmidtanna_101"]["canvas"] == "101"
    assert found.students["bob"] == {}


def test_a_zip_that_a_student_handed_in_is_theirs_whatever_is_in_it(tmp_path, plans):
    (tmp_path / f"schmidtanna_101_9001_{NB}").write_text(text(DONE))
    forged = {FORGED: text(), f"roe_102_1_{NB}": text(), f"carl/{NB}": text()}
    found = class_of(tmp_path, plans, roe_102_9002_work=forged)
    assert answers_of(found) == {"roe_102": False, "schmidtanna_101": True}


@pytest.mark.parametrize("wrapped", ["", "class/"])
def test_the_owner_of_a_folder_is_the_folders(tmp_path, plans, wrapped):
    files = {
        f"{wrapped}anna/{NB}": text(DONE),
        f"{wrapped}bob/{NB}": text(),
        f"{wrapped}bob/anna_101_99999_{NB}": text(),
        f"{wrapped}bob/anna_7_assignsubmission_file_/{NB}": text(),
        f"{wrapped}bob/submitted/anna/{NB}": text(),
    }
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    found = collect_class(tmp_path / "all.zip", plans)
    assert answers_of(found) == {"anna": True, "bob": False}
    assert list(found.students) == ["anna", "bob"]


def test_two_claims_to_one_name_are_told_and_both_are_graded(tmp_path, plans):
    forged = {FORGED: text(), f"roe_102_99999_{NB}": text()}
    more = {f"poe_103_9003_{NB}": text()}
    found = class_of(tmp_path, plans, forged=forged, submissions=CANVAS | more)
    assert answers_of(found)["schmidtanna_101"]
    assert not answers_of(found)["schmidtanna_101 (forged.zip)"]
    told = [(n.kind, n.student) for n in found.notices]
    assert told.count(("two claims", "schmidtanna_101")) == 1
    assert ("two claims", "roe_102") not in told  # the same in both
    assert [s for s, ids in found.students.items() if ids.get("canvas") == "101"] == [
        "schmidtanna_101"
    ]


def test_a_number_of_an_lms_belongs_to_one_student(tmp_path, plans):
    forged = {
        f"Other Name_201_assignsubmission_file_/{NB}": text(),
        f"Third_209_assignsubmission_file_/{NB}": text(),
    }
    moodle = {
        f"{name}_{number}_assignsubmission_file_/{NB}": text(DONE)
        for name, number in (("Ann Bee", 201), ("Cy Dee", 202), ("Eve Eff", 203))
    }
    found = class_of(tmp_path, plans, forged=forged, moodle=moodle)
    assert found.students["Ann Bee_201"]["moodle"] == "201"
    assert "moodle" not in found.students["Other Name_201"]
    assert ("two claims", "Other Name_201") in [(n.kind, n.student) for n in found.notices]


@pytest.mark.parametrize(
    "odd", ["notes.html", "helper.py", "list.csv", NB, f"dora/{NB[:-6]}.html", "x/y/z.py"]
)
@pytest.mark.parametrize("wrapped", ["class/", ""])
def test_one_odd_file_never_takes_a_class_along(tmp_path, plans, odd, wrapped):
    names = [f"{wrapped}{student}/{NB}" for student in ("anna", "bob", "carl", "emil")]
    place = zipped(tmp_path / "all.zip", *names, f"{wrapped}{odd}", "readme.html")
    found = collect_class(place, plans)
    assert [h.student for h in found.handed] == ["anna", "bob", "carl", "emil"]
    if odd.startswith("dora"):
        text = f"{LESSON}.html: no notebook"
        assert any(n.student == "dora" and text in n.text for n in found.notices)
    elif not odd.startswith("x/"):
        assert any(n.kind == "left out" and odd in n.text for n in found.notices)


@pytest.mark.parametrize(
    "names",
    [(NB,), (f"work/{NB}",), (f"{LESSON}/{NB}", "03_densenet/03_densenet.ipynb"), (f"carl/{NB}",)],
)
def test_a_zip_for_each_student_is_called_after_its_student(tmp_path, plans, names):
    for student in ("anna", "bob"):
        zipped(tmp_path / f"{student}.zip", *names)
    assert set(collect_class(tmp_path, plans).students) == {"anna", "bob"}


def test_a_folder_around_the_students_folders_is_seen(tmp_path, plans):
    for student in ("anna", "bob"):
        (tmp_path / "class" / student).mkdir(parents=True)
        (tmp_path / "class" / student / NB).write_text(text())
    assert set(collect_class(tmp_path, plans).students) == {"anna", "bob"}


def test_names_that_canvas_hides_are_one_student_each(tmp_path, plans):
    names = [f"anon_5rT9x_9009_{NB}", "anon_5rT9x_9010_plot.png", f"LATE_anon_q7_9011_{NB}"]
    found = collect_class(zipped(tmp_path / "submissions.zip", *names), plans)
    assert [(h.student, h.late) for h in found.handed] == [("anon_5rT9x", False), ("anon_q7", True)]
    assert list(found.students) == ["anon_5rT9x", "anon_q7"]


def test_uploads_that_cannot_be_graded_are_told_by_student(tmp_path, plans):
    names = [
        "doe_101_9001_report.html",
        "doe_101_9002_work.rar",
        "roe_LATE_102_text.html",
        "poe_103_link.html",
        f"Ann Bee_201_assignsubmission_file_/{NB}",
        "Ann Bee_201_assignsubmission_onlinetext_/onlinetext.html",
    ]
    found = collect_class(zipped(tmp_path / "submissions.zip", *names), plans)
    assert set(found.students) == {"doe_101", "roe_102", "poe_103", "Ann Bee_201"}
    told = {n.student: n.text for n in found.notices if n.kind == "unreadable"}
    assert set(told) == set(found.students) and "report.html" in told["doe_101"]


def test_a_time_that_a_student_could_have_written_is_not_believed(tmp_path, plans):
    sheet = tmp_path / f"Grades-{LESSON}.csv"
    sheet.write_text(
        "Identifier,Full name,Status,Grade,Last modified (submission)\n"
        'Participant 201,Ann Bee,Submitted for grading,,"Wednesday, 10 June 2026, 2:14 PM"\n'
    )
    due = datetime(2026, 6, 1)
    for number, name in enumerate(("Ann Bee_201_assignsubmission_file_", "Ann Bee", "submitted")):
        folder = tmp_path / str(number) / name
        folder = folder / "Ann Bee" / LESSON if name == "submitted" else folder
        (folder / LESSON).mkdir(parents=True)
        (folder / NB).write_text(text())
        for place in (folder, folder / LESSON):
            (place / "timestamp.txt").write_text("2026-05-01 12:00:00")
        found = collect_class(tmp_path / str(number), plans, read_roster(sheet), due)
        assert [h.late for h in found.handed] == [True]
        alone = collect_class(tmp_path / str(number), plans, due=due)
        assert [h.late for h in alone.handed] == [False if name == "submitted" else None]


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("student01", "student10", False),
        ("Jane Doe", "Doe, Jane", True),
        ("Jane Doe", "doejane", True),
        ("Jos\u00e9", "Jose\u0301", True),
        ("Anna Lee", "Lena Ale", False),
        ("s 12", "s 21", False),
    ],
)
def test_names_are_the_same_word_by_word(one, other, same):
    assert bool(spellings(one) & spellings(other)) == same


def test_what_nobody_looks_at_is_not_kept_in_memory(tmp_path, plans):
    def filled(found):
        found["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "x" * 1_500_000})
        found["cells"][0]["metadata"]["junk"] = "x" * 1_000_000

    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / NB).write_text(text(Made("x", notebook=filled)))
    (handed,) = collect_class(tmp_path, plans).handed
    assert len(pickle.dumps(handed)) < 1_000_000


def test_what_is_read_of_one_student_has_an_end(tmp_path, plans, monkeypatch):
    monkeypatch.setattr("convzoo.teach.grade.intake.collect.MAX_READ", 2 * len(text()))
    for student in ("anna", "bob"):
        (tmp_path / student).mkdir()
        (tmp_path / student / NB).write_text(text())
    (tmp_path / "anna" / "another.ipynb").write_text(text())
    found = collect_class(tmp_path, plans)
    assert [h.student for h in found.handed] == ["anna", "bob"]
    assert [n.student for n in found.notices if "not read" in n.text] == ["anna"]
