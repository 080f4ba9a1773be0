"""The lecture: what is on its slides, what it takes from the lessons, and how it looks."""

import ast
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import browser
import pytest
from convzoo.errors import UserError
from convzoo.notebook.reading import read
from convzoo.show import draw
from convzoo.teach import lecture, lecture_parts, pdf, release

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "solutions" / "lecture.py"
LESSONS = [path.stem for path in sorted(ROOT.glob("solutions/[0-9][0-9]_*.py"))]
CLAIMS = set(range(1, 20))
LEAST = 20  # px that any text on a slide has


@pytest.fixture(scope="module")
def slides() -> list[lecture.Slide]:
    return lecture.slides_of(SOURCE)


@pytest.fixture(scope="module")
def made(slides, tmp_path_factory) -> lecture.Made:
    """The deck and its PDF, as the command makes them, of the slides that are there already."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lecture, "slides_of", {SOURCE: slides}.__getitem__)
            return lecture.main(tmp_path_factory.mktemp("lecture"))
    except UserError as problem:
        if "network" not in str(problem):
            raise
        pytest.skip(str(problem))


def parts_of(slide: lecture.Slide) -> str:
    return "".join(part for parts in slide.columns.values() for part in parts)


# What is on the slides


@pytest.mark.slow
def test_it_is_one_deck_of_some_forty_slides_for_one_lecture(slides):
    assert 36 <= len(slides) <= 44
    assert 75 <= sum(slide.minutes for slide in slides) <= 80
    assert slides[0].title == "What comes after ResNet?"
    assert len({slide.title for slide in slides}) == len(slides)


@pytest.mark.slow
def test_each_claim_is_asked_and_answered_on_the_same_slide(slides):
    asked, answered = set(), set()
    for slide in slides:
        html = parts_of(slide)
        questions = re.findall(r'data-claim="(\d+)"', html)
        answers = re.findall(r'data-answers="(\d+)"', html)
        assert set(questions) <= set(answers), slide.title
        asked |= set(map(int, questions))
        answered |= set(map(int, answers))
    assert asked == answered == CLAIMS


@pytest.mark.slow
def test_each_answer_has_a_verdict_and_says_where_and_when(slides):
    for slide in slides:
        for html in re.findall(r'<div class="part answer.*?</div></div>', parts_of(slide), re.S):
            assert re.search(r'class="verdict">.*?</span>\s*\w', html, re.S), slide.title
            source = re.search(r'class="source">(.*?)</p>', html)[1]
            dated = re.search(r"\d+ \w+ 20\d\d|first versions on arXiv", source)
            assert dated, f"{slide.title}: {source}"
    shown = parts_of(slides[-1])
    assert [int(n) for n in re.findall(r"<b>(\d+)</b>", shown)] == sorted(CLAIMS)


@pytest.mark.slow
def test_every_slide_has_notes_with_what_to_say_ask_and_expect(slides):
    for slide in slides:
        assert slide.minutes > 0 and len(slide.notes) > 80, slide.title
        assert "<strong>" in slide.notes, slide.title
        if "data-claim" in parts_of(slide):
            assert "Ask" in slide.notes and "Expect" in slide.notes, slide.title
    html = lecture.page(slides)
    assert html.count('<aside class="notes">') == len(slides)
    assert f"until minute\n{sum(s.minutes for s in slides):g} of" in html


@pytest.mark.slow
def test_it_leads_into_the_notebook_of_every_lesson(slides):
    html = "".join(parts_of(slide) for slide in slides if "notebook" in slide.title.lower())
    assert set(re.findall(r"<b>(\d\d_\w+)</b>", html)) == set(LESSONS)


@pytest.mark.slow
def test_it_shows_no_stub_no_check_and_no_printed_tensor(slides):
    html = "".join(map(parts_of, slides))
    assert not re.search(r"NotAttempted|check\(|convzoo-pass|tensor\(", html)
    assert html.count('<pre class="code">') == 1
    assert "Answered(" not in html and "None</p>" not in html


def test_no_number_in_an_answer_is_typed():
    """Sizes of kernels and names of networks are words; everything else is computed."""
    names = (
        r"\d+x\d+d?|ResNe[Xt]t?-\d+|V\d|2-\d|“4 to 6”|Xie 2016, table 3|\{[^}]*\}|f\([^)]*\) = ."
    )
    names += r"|(Zhang|Ma) 201\d|table 8"
    found = []
    for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "answer"):
            continue
        for argument in [node.args[1], node.args[3]]:
            for part in ast.walk(argument):
                text = part.value if isinstance(part, ast.Constant) else ""
                inside_code = isinstance(text, str) and not re.fullmatch(r"[\w ,:.%+]*", text)
                if inside_code and re.search(r"\d", re.sub(names, "", text)):
                    found.append(text)
    assert found == []


# What it takes from the lessons


def test_a_cell_that_has_lost_its_tag_is_one_sentence():
    taken = lecture_parts.Lesson("02_resnext", lambda name: SimpleNamespace(budget=144))
    assert taken.budget == 144
    with pytest.raises(UserError, match="'affordable' from lesson 02_resnext.*lost its tag"):
        taken.affordable  # noqa: B018


@pytest.fixture
def small_course(tmp_path, monkeypatch) -> Path:
    """A course with one solution, which has a verdict, a quoted number and an exercise."""
    (tmp_path / "lessons").mkdir()
    (tmp_path / "solutions").mkdir()
    source = tmp_path / "solutions" / "01_one.py"
    source.write_text(
        '# %% [markdown] tags=["lecture"]\n'
        "# ## 1. A section\n"
        "#\n"
        "# - **Held, with a caveat.** Groups divide\n"
        "#   the computation.\n"
        "# - **Did not hold.** The gradient vanishes.\n"
        "#\n"
        "# It took 108.8 ms for one and 1,024 bytes.\n"
        '# %% exercise="one.f"\n'
        "# exercise: one.f\n"
        "def f(x):\n"
        "    ### BEGIN SOLUTION\n"
        "    y = x\n"
        "    return y\n"
        "    ### END SOLUTION\n"
    )
    monkeypatch.chdir(tmp_path)
    return source


def test_a_verdict_and_a_quoted_number_follow_the_lesson(small_course):
    assert lecture_parts.verdict("01_one", "divide the computation") == "Held, with a caveat."
    assert lecture_parts.quoted("01_one", "It took {} ms") == 108.8
    assert lecture_parts.quoted("01_one", "one and {} bytes") == 1024
    text = small_course.read_text()
    small_course.write_text(text.replace("108.8", "97.5").replace("Held, with", "Depends, with"))
    assert lecture_parts.quoted("01_one", "It took {} ms") == 97.5
    assert lecture_parts.verdict("01_one", "divide the computation") == "Depends, with a caveat."


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda: lecture_parts.verdict("01_one", "the seeds"), "'the seeds'.*none does"),
        (lambda: lecture_parts.verdict("01_one", "e"), "more than one does"),
        (lambda: lecture_parts.quoted("01_one", "{} seconds"), "quotes '{} seconds'"),
        (lambda: lecture_parts.lead("01_one", "1. A sektion", ""), "Did you mean 1. A section"),
        (lambda: lecture_parts.answer_lines("01_one", "one.g"), "no cell of lesson 01_one"),
        (lambda: lecture_parts.code("x\n" * 11), "room for 10 lines"),
        (lambda: lecture_parts.Asked(3, "How many?", ("12", "48"), right="24"), "Claim 3 marks"),
    ],
)
def test_what_is_no_longer_there_is_one_sentence(small_course, ask, message):
    with pytest.raises(UserError, match=message):
        ask()


def test_the_code_of_an_answer_comes_without_its_marks(small_course):
    assert lecture_parts.answer_lines("01_one", "one.f") == "y = x\nreturn y"


def test_a_cell_that_breaks_names_its_slide(tmp_path):
    source = tmp_path / "lecture.py"
    begin = '# %% [markdown] slideshow={"slide_type": "slide"}\n# ## Width\n'
    source.write_text(f"{begin}# %%\n1 / 0\n")
    with pytest.raises(UserError, match=r"lecture.py, slide 'Width'.*ZeroDivisionError"):
        lecture.slides_of(source)
    source.write_text(f"{begin}# %%\n[1, 2]\n")
    with pytest.raises(UserError, match="no part of a slide"):
        lecture.slides_of(source)


def test_the_lecture_is_not_a_lesson():
    assert SOURCE.is_file() and not list(ROOT.glob("lessons/lecture*"))
    assert [source.name for source in release._sources(ROOT)] == LESSONS


def test_the_tag_of_the_lecture_changes_no_hash():
    lesson = read(ROOT / "solutions" / "02_resnext.py")
    assert any("lecture" in cell.tags for cell in lesson.cells if cell.kind == "code")
    without = [
        cell.__class__(cell.kind, cell.source, {"tags": [t for t in cell.tags if t != "lecture"]})
        for cell in lesson.cells
    ]
    bare = lesson.__class__(lesson.name, tuple(without))
    assert release.code_hash(lesson) == release.code_hash(bare)


# How it looks


def test_of_a_picture_without_labels_the_cells_stay():
    whole = draw.channel_matrix([[1, 0], [0, -1]], title="two", still=True)
    cut = lecture_parts.bare(whole, "no labels").html
    assert "<text" not in cut and cut.count("<rect") == whole.html.count("<rect")
    assert "no labels</figcaption>" in cut and 'aria-label="two' in cut


def test_without_a_browser_the_deck_is_made_and_one_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    deck = tmp_path / "deck.html"
    deck.write_text("<p>deck</p>")
    said = pdf.printed(deck, tmp_path / "deck.pdf", slides=1)
    assert said.startswith("No PDF was made, because there is no Chromium")
    assert not (tmp_path / "deck.pdf").exists()


@pytest.fixture
def small_deck(tmp_path) -> Path:
    """A deck whose two pages and formulas come late, as on a busy machine."""
    deck = tmp_path / "deck.html"
    page = '<div class="pdf-page" style="break-after: page">a slide</div>'
    deck.write_text(
        "<style>@page { size: 1280px 720px; margin: 0 }</style><script>"
        f"setTimeout(() => {{ document.body.innerHTML = '{2 * page}' }}, 500);"
        "setTimeout(() => { window.MathJax = { isReady: true, Hub: { Queue: (then) =>"
        " setTimeout(() => { document.body.append('formula'); then() }, 500) } } }, 1000)"
        "</script>"
    )
    return deck


@pytest.mark.parametrize("does", ["exit 1", "exec sleep 60"])
def test_a_browser_that_does_not_start_is_one_sentence(small_deck, monkeypatch, does):
    stub = small_deck.parent / "chromium"
    stub.write_text(f"#!/bin/sh\n{does}\n")
    stub.chmod(0o755)
    monkeypatch.setattr(pdf, "chromium", lambda: str(stub))
    monkeypatch.setattr(pdf, "SECONDS", 0.2)
    said = pdf.printed(small_deck, small_deck.with_suffix(".pdf"), slides=2)
    assert said.startswith("No PDF was made, because chromium did not start")
    assert "deck.html?print-pdf in a browser" in said


def test_a_pdf_that_has_not_all_slides_is_not_kept(small_deck, monkeypatch):
    monkeypatch.setattr(pdf, "chromium", lambda: "/usr/bin/chromium")
    monkeypatch.setattr(pdf, "_pdf_of", lambda *_: b"/Type /Pages /Type /Page\n")
    target = small_deck.with_suffix(".pdf")
    target.write_bytes(b"of another day")
    said = pdf.printed(small_deck, target, slides=2)
    assert said.startswith("No PDF was made, because chromium printed 1 of its 2 slides")
    assert not target.exists()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(browser.chromium() is None, reason="no Chromium is installed")
def test_the_printing_waits_for_the_pages_and_the_formulas(small_deck):
    target = small_deck.with_suffix(".pdf")
    assert pdf.printed(small_deck, target, slides=3) == ""
    assert pdf.pages_of(target.read_bytes()) == 3


needs_chromium = pytest.mark.skipif(browser.chromium() is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def window(chromium):
    with browser.window_of(chromium, 1280, 720) as opened:
        yield opened


@pytest.fixture
def page(window, made):
    opened = window.new_page()
    opened.wanted = []
    opened.on("request", lambda r: r.url.startswith("http") and opened.wanted.append(r.url))
    browser.open_deck(opened, made.files[0])
    yield opened
    opened.close()


@needs_chromium
@pytest.mark.browser
@pytest.mark.slow
def test_every_slide_fits_the_screen_and_nothing_comes_from_the_network(page, shots):
    assert browser.slides_that_overflow(page, "lecture-slide", shots) == []
    assert page.wanted == []


@needs_chromium
@pytest.mark.browser
@pytest.mark.slow
def test_every_text_can_be_read_from_the_back_row_at_every_click_and_stop(page):
    found = []
    for where in browser.states(page):
        for text in page.evaluate("zoo.texts()"):
            left, top, right, bottom = text["box"]
            if text["size"] < LEAST - 0.01:
                found.append(f"{where}: {text['size']:.1f} px: {text['text'][:40]}")
            if left < 0 or top < 0 or right > 1280 or bottom > 720:
                found.append(f"{where}: not on the slide: {text['text'][:40]}")
    assert found == []


@needs_chromium
@pytest.mark.browser
@pytest.mark.slow
def test_each_slider_changes_its_picture_without_a_kernel(page):
    sliders = page.evaluate(
        "[...document.querySelectorAll('[data-slider]')].map(s => s.dataset.slider)"
    )
    assert {"groups", "density"} <= set(sliders)
    for key in sliders:
        place = page.evaluate(
            "key => Reveal.getSlides().findIndex(s => s.querySelector(`[data-slider=${key}]`))", key
        )
        page.evaluate("k => Reveal.slide(k)", place)
        shown = page.locator(f".stops[data-of={key}] > .shown").all()
        before = [part.inner_html() for part in shown]
        page.locator(f"[data-slider={key}]").focus()
        page.keyboard.press("ArrowRight")
        after = [
            part.inner_html() for part in page.locator(f".stops[data-of={key}] > .shown").all()
        ]
        assert len(before) == len(after) >= 2
        assert all(one != other for one, other in zip(before, after, strict=True)), key
        page.keyboard.press("PageDown")  # a presenter's remote still turns the page
        assert page.evaluate("Reveal.getIndices()") != {"h": place, "v": 0}, key


@needs_chromium
@pytest.mark.browser
@pytest.mark.slow
def test_the_key_s_opens_the_notes(page, slides):
    page.evaluate("Reveal.slide(3)")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes")
    notes.get_by_text(f"Slide 4 of {len(slides)}").wait_for()
    assert "Expect" in notes.inner_text()
    opened.value.close()


@needs_chromium
@pytest.mark.browser
@pytest.mark.slow
def test_the_pdf_has_a_page_for_each_slide(made, slides):
    assert made.notice == ""
    printed = made.files[1].read_bytes()
    assert pdf.pages_of(printed) == len(slides)
    assert set(re.findall(rb"/MediaBox\s*\[([^\]]*)\]", printed)) == {b"0 0 960 540"}
