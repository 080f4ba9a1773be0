"""What was handed in, by whom and when: folders, zip files, rosters, names; what a plan holds."""

import io
import json
import os
import zipfile
from datetime import datetime

import pytest
from convzoo.errors import UserError
from convzoo.notebook.reading import read
from convzoo.teach.grade.intake.collect import collect_class, moment_of
from convzoo.teach.grade.intake.names import slug
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
    assert len(set(students)) == len({slug(s) for s in students}) == len(names)
    told = [*students, *(h.file for h in found.handed), *(n.text for n in found.notices)]
    assert all(t.isprintable() and t.encode() for t in told)


def test_a_time_that_cannot_be_compared_is_told(tmp_path, plans):
    folder = tmp_path / "anna" / LESSON
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


def test_a_script_of_a_million_cells_is_told_and_not_read(tmp_path, plans):
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / f"{LESSON}.py").write_text("# %%\n" * 190_000)
    found = collect_class(tmp_path, plans)
    assert "more than 2000 cells" in found.notices[0].text


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
