"""The book: two static sites, one without answers, that need no other host and no kernel."""

import re
from html import unescape
from pathlib import Path

import browser
import pytest
from convzoo import UserError
from convzoo.notebook.reading import read
from convzoo.place import COURSE
from convzoo.teach import book
from convzoo.teach.book.glossary import definitions, linked
from convzoo.teach.regions import answer_lines

pytestmark = pytest.mark.slow
LESSONS = sorted(path.stem for path in COURSE.glob("solutions/[0-9][0-9]_*.ipynb"))


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("book")
    made = book.make_book(out, tell=str)
    assert made == [out / name / "index.html" for name in ("students", "teachers")]
    return out


def text_of(page: Path) -> str:
    """The words of a page, with one blank between two of them."""
    body = re.sub(r"<(script|style).*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", body)).split())


def test_every_lesson_is_a_page_with_contents_search_previous_and_next(site):
    for edition in ("students", "teachers"):
        index = (site / edition / "index.html").read_text(encoding="utf-8")
        for stem in LESSONS:
            assert f'href="lessons/{stem}.html"' in index
        middle = (site / edition / "lessons" / f"{LESSONS[3]}.html").read_text(encoding="utf-8")
        assert 'rel="prev" title="02 ResNeXt' in middle.replace("\n", " ")
        assert 'rel="next" title="04 ' in middle.replace("\n", " ")
        words = (site / edition / "searchindex.js").read_text(encoding="utf-8")
        assert "stovepip" in words  # the index has the stems of words


def test_students_read_no_answer_and_teachers_read_all(site):
    for stem in LESSONS:
        pages = [text_of(site / e / "lessons" / f"{stem}.html") for e in ("students", "teachers")]
        cells = [c for c in read(COURSE / "solutions" / f"{stem}.py").cells if c.role == "exercise"]
        handed_out = " ".join((COURSE / "lessons" / f"{stem}.py").read_text().split())
        lines = {" ".join(x.split()) for c in cells for x in answer_lines(c)}
        telling = [x for x in lines if len(x) > 25 and x not in handed_out]
        assert telling
        for line in telling:
            assert line in pages[1], (stem, line)
        assert [line for line in telling if line in pages[0]] == [], stem


def test_a_page_has_one_title_and_folds_what_only_draws(site):
    for stem in LESSONS:
        page = (site / "students" / "lessons" / f"{stem}.html").read_text(encoding="utf-8")
        assert page.count("<h1>") == 1
        assert page.count("<summary>Guess first.") == len(
            re.findall(r"predict\(", (COURSE / "lessons" / f"{stem}.py").read_text())
        )
        assert "Show code cell source" in page


TERMS = definitions(
    "| **groups, blocks** | parts | 02 |\n| **channel matrix** | a picture | 00 |\n"
)


def test_the_first_use_of_a_word_links_to_the_glossary():
    texts = [
        "# Groups\n`groups=4` is code, $groups$ a formula. Two channel matrices.",
        "Four groups, more groups and blocks. The channel matrix.",
    ]
    cells = [{"cell_type": "markdown", "source": text} for text in texts]
    found = [c["source"] for c in linked({"cells": cells}, TERMS)["cells"]]
    assert found[0] == texts[0]
    assert found[1] == (
        "Four [groups](#word-groups), more groups and blocks. "
        "The [channel matrix](#word-channel-matrix)."
    )


def test_every_word_of_the_lessons_glossary_is_in_the_books(site):
    guide = (COURSE / "lessons" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \*\*", guide, re.M)
    assert len(definitions(guide)) == len(rows) > 30
    page = (site / "students" / "glossary.html").read_text(encoding="utf-8")
    links = set()
    for path in site.glob("students/lessons/*.html"):
        links |= set(re.findall(r'href="\.\./glossary\.html#(word-[\w-]+)"', path.read_text()))
    assert len(links) > 20 and all(f'id="{link}"' in page for link in links)


def test_a_missing_package_gets_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(book, "_NEEDED", ("sphinx", "no_such_package"))
    with pytest.raises(UserError, match="no_such_package.*pip install"):
        book.make_book(tmp_path)


@pytest.mark.browser
@pytest.mark.parametrize("light", [True, False], ids=["light", "dark"])
def test_every_page_fits_a_phone_asks_no_host_and_is_accessible(site, chromium, light):
    asked = []
    edition = site / ("students" if light else "teachers")
    scheme = "light" if light else "dark"
    with browser.window_of(chromium, 360, 800, color_scheme=scheme) as phone:
        page = phone.new_page()
        page.on("request", lambda request: asked.append(request.url))
        for path in sorted([*edition.glob("*.html"), *edition.glob("lessons/*.html")]):
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, path.name
            assert browser.barriers(page) == [], path.name
    assert not [url for url in asked if not url.startswith(("file:", "data:", "about:"))]


@pytest.mark.browser
def test_a_slider_and_a_formula_work_without_a_kernel(site, chromium):
    page = chromium.new_page()
    page.goto((site / "students" / "lessons" / "02_resnext.html").as_uri())
    page.wait_for_selector(".MathJax", timeout=20_000)
    page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    group = page.locator("div[role=group]:has(> input[type=radio])").first
    before = group.locator(".still:visible").inner_html()
    group.locator("input[type=radio]:not(:checked)").first.check()
    assert group.locator(".still:visible").count() == 1
    assert group.locator(".still:visible").inner_html() != before
    page.close()
