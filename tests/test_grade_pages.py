"""Pages for students and the teacher: whatever is in a field comes out as text."""

import base64
import fnmatch
import hashlib
import re
import tomllib
from dataclasses import fields, replace
from html.parser import HTMLParser

import pytest
from convzoo.exercises import all_questions
from convzoo.place import LIBRARY
from convzoo.teach.grade.intake.collect import Collected, Handed, notice_lines
from convzoo.teach.grade.intake.files import Notice
from convzoo.teach.grade.mark.marks import Graded, Item
from convzoo.teach.grade.mark.plan import Submission
from convzoo.teach.grade.out import classpage, feedback
from convzoo.teach.grade.run import Entry
from made_class import ROOT

HOSTILE = "</pre></td>\"'><script src=//x onload=y>alert(1)</script>{{ 7 * 6 }}&amp;"
ALLOWED = set(
    "html head meta title style body h1 h2 h3 p strong span br pre code ul li table thead tbody tr "
    "th td div a svg text rect".split()
)
LINK = re.compile(r"feedback/[A-Za-z0-9_-]+\.html")


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, source: str):
        super().__init__()
        self.tags, self.attributes, self.text, self.scripts, self.within = set(), [], "", [], ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        self.within = tag

    def handle_endtag(self, tag):
        self.within = ""

    def handle_data(self, data):
        if self.within == "script":
            self.scripts.append(data)
        else:
            self.text += data


def hostile(entry, **kept):
    """A dataclass whose every text is hostile, but for those that are `kept`."""
    texts = {f.name: HOSTILE for f in fields(entry) if isinstance(getattr(entry, f.name), str)}
    return replace(entry, **{**texts, **kept})


def entries() -> list[Entry]:
    items = [
        hostile(Item("a", "question", "", 2.0, 0.0, "wrong"), kind="question"),
        hostile(Item("b", "exercise", "", 2.0, None, "failed"), status="failed"),
        hostile(Item("c", "exercise", "", 2.0, 1.5, "passed")),
    ]
    graded = hostile(Graded("", "", "graded", "", tuple(items), (HOSTILE,)), status="graded")
    handed = hostile(Handed("", "", Submission(None, None), ""), student="anna")
    failed = replace(graded, status=HOSTILE)
    return [Entry(handed, graded), Entry(replace(handed, late=True), failed)]


def collected() -> Collected:
    found = Collected(students={"anna": {"name": HOSTILE}})
    found.notices = [Notice("missing", "anna", HOSTILE, HOSTILE)]
    return found


def test_every_hostile_field_stays_text():
    source = feedback.page("anna", entries(), collected())
    page = Page(source)
    assert page.tags <= ALLOWED and "42" not in page.text
    assert not [name for name, _ in page.attributes if name.startswith(("on", "src", "href"))]
    assert page.text.count(HOSTILE) >= 8
    policy = dict(page.attributes)["content"]
    assert ("content", policy) in page.attributes and "default-src 'none'" in source


def test_every_hostile_field_of_the_class_stays_text_and_one_script_runs():
    page = Page(classpage.page(entries(), collected(), [HOSTILE]))
    assert page.tags <= ALLOWED | {"script"} and page.text.count(HOSTILE) >= 8
    assert not [name for name, _ in page.attributes if name.startswith(("on", "src"))]
    links = [value for name, value in page.attributes if name == "href"]
    assert links and all(LINK.fullmatch(link) for link in links)
    (script,) = page.scripts
    mark = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(v for _, v in page.attributes if v and v.startswith("default-src"))
    assert f"script-src 'sha256-{mark}';" in policy and "default-src 'none'" in policy
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")


def test_templates_are_installed_with_the_library():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-data"
    ]
    templates = list(LIBRARY.rglob("*.j2"))
    assert len(templates) >= 5
    for path in templates:
        package = ".".join(path.parent.relative_to(LIBRARY.parent).parts)
        assert any(fnmatch.fnmatch(path.name, pattern) for pattern in data[package])


# --- what a teacher and a student look for ---


def item(id: str, earned: float | None, points: float, status: str = "passed", **more) -> Item:
    return Item(id, "exercise", f"Title of {id}", points, earned, status, **more)


def handed(student: str, lesson: str, *items: Item, late=None, flags=(), name="") -> Entry:
    graded = Graded(student, lesson, "graded", "", items, flags, name=name)
    return Entry(Handed(student, lesson, Submission(None, None), "x.ipynb", late=late), graded)


def small_class() -> tuple[list[Entry], Collected]:
    """Ann and Bob handed in both lessons, Cy one, Dee nothing."""
    share = {"wrong": "transposed", "sentence": "Each row is an output."}
    found = [
        handed("ann", "00_a", item("a.x", 9, 10)),
        handed("ann", "01_b", item("b.x", 2, 10, "failed", stage="values", **share), late=True),
        handed("bob", "00_a", item("a.x", 6, 10)),
        handed("bob", "01_b", item("b.x", 4, 10, "failed", stage="values", **share)),
        handed("cy", "01_b", item("b.x", 10, 10), flags=("It calls `eval`.",)),
    ]
    students = {s: {} for s in ("ann", "bob", "cy")} | {"dee": {"name": "Dee Dum"}}
    return found, Collected(students=students)


def rows_of(source: str) -> list[list[str]]:
    """The texts of the cells of every table row."""
    rows = re.findall(r"<tr>(.*?)</tr>", source, re.DOTALL)
    cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[re.sub(r"<.*?>", "", cell).strip() for cell in row] for row in cells]


def test_a_teacher_first_reads_how_the_class_did_then_the_students():
    found, everybody = small_class()
    source = classpage.page(found, everybody, [])
    titles = re.findall(r"<h2>(.*?)</h2>", source)
    assert titles == ["At a glance", "Students", "Who needs a word", "00_a", "01_b"]
    rows = rows_of(source)
    # By hand: sums are 11, 10 and 10; lesson a has 9 and 6, lesson b 2, 4 and 10.
    assert ["All lessons", "3", "1", "1", "10.3", "10.0", "-"] in rows
    assert ["00_a", "2", "2", "0", "7.5", "7.5", "10"] in rows
    assert ["01_b", "3", "1", "1", "5.3", "4.0", "10"] in rows
    assert ["ann", "11 of 20", "9", "2 late", ""] in rows
    assert ["cy", "10 of 10", "missing", "10", "1"] in rows
    assert ["Dee Dum dee", "-", "missing", "missing", ""] in rows


def test_who_needs_a_word_is_far_below_their_other_lessons_or_has_a_flag():
    found, everybody = small_class()
    source = classpage.page(found, everybody, [])
    words = source[source.index("Who needs a word") : source.index("<h2>00_a")]
    assert "01_b: 20% of the points, against 90% in their other lessons." in words
    assert ">bob<" not in words  # 40% against 60% is not far
    assert ">cy<" in words and "It calls `eval`." in words


def test_a_misconception_has_a_name_a_sentence_and_the_students_who_share_it():
    found, everybody = small_class()
    row = next(row for row in rows_of(classpage.page(found, everybody, [])) if "ann" in row[-1])
    assert row == ["transposedTitle of b.x", "Each row is an output.", "2: ann, bob"]


def test_every_belief_has_a_name_of_its_own():
    for question in all_questions().values():
        titles = [belief.title for belief in question.beliefs]
        assert all(titles) and len(set(titles)) == len(titles), question.id
        assert not any("{" in title for title in titles)


def test_a_missing_lesson_is_one_line_for_the_whole_class():
    notices = [Notice("missing", f"s{i}", "03_densenet", "handed in nothing") for i in range(100)]
    lines = notice_lines([*notices, Notice("late", "s1", "00_a", "late")])
    assert lines[0] == "late: s1 00_a: late" and len(lines) == 2
    assert lines[1].startswith("missing: 03_densenet (100): s0, s1, ") and "s99" in lines[1]


def test_a_student_reads_the_question_the_answer_and_what_was_taken_off():
    question = all_questions()["resnext.more_groups"]
    given = question.in_words("Ann", "b")
    asked = Item(question.id, "question", question.title, 1.0, 0.0, "wrong", answer=given)
    wrong = item("b.x", 2, 8, "failed", stage="values", message="Off.", cell="# exercise: b.x")
    entry = handed("ann", "02_resnext", wrong, asked, name="Ann")
    text = Page(feedback.page("ann", [entry], Collected(students={"ann": {}}))).text
    assert "You double the groups of a layer and keep its width. What happens?" in text
    assert f"You chose b) {question.order('Ann')[1].rstrip('.')}." in text
    assert "25% of the points: the shape is right, but not the values." in text
    assert "Marked: the cell that begins with # exercise: b.x" in text


@pytest.mark.browser
def test_the_table_of_students_is_sorted_and_fits_a_phone(tmp_path, chromium):
    (tmp_path / "class.html").write_text(classpage.page(*small_class(), []), encoding="utf-8")
    page = chromium.new_page(viewport={"width": 390, "height": 800})
    page.goto((tmp_path / "class.html").as_uri())
    first = page.locator("table.sortable tbody a").first
    assert first.inner_text() == "ann"
    page.get_by_role("button", name="points").click()
    assert first.inner_text() == "Dee Dum"
    page.get_by_role("button", name="points").click()
    assert first.inner_text() == "ann"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
