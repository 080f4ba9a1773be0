"""Every lesson in JupyterLab and in a real Chromium; a new lesson joins by being there.

With --screenshots, every screen and every slide is kept under build/screenshots/, to be looked at.
How long a move of a slider takes: tests/bench_sliders.py.
"""

import shutil
from functools import partial
from pathlib import Path

import browser
import nbformat
import pytest
from convzoo import photographs
from convzoo.errors import UserError
from convzoo.teach import slides
from lesson_runs import exercises, progress
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted(ROOT.glob("lessons/[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted(ROOT.glob("solutions/[0-9][0-9]_*.ipynb"))

BUTTON = """
from convzoo import photographs, show

def look(file):
    if file is None:
        return show.notice_picture("No photo yet", "Choose a JPEG or PNG.")
    return show.draw.photograph(photographs.uploaded(*file).pixels, title=file[0])

show.widgets.Explorer(look, file=show.widgets.Upload("your photo"))
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(browser.chromium() is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="session")
def copy(tmp_path_factory) -> Path:
    return browser.copy_of(ROOT, tmp_path_factory.mktemp("browser") / "project")


@pytest.fixture(scope="session")
def lab(copy, tmp_path_factory):
    """JupyterLab as a reader has it: what a prediction hides waits for their guess."""
    with browser.lab_over(copy, tmp_path_factory.mktemp("lab"), CONVZOO_PREDICT="") as running:
        yield running


@pytest.fixture(scope="session")
def window(chromium):
    with browser.window_of(chromium) as opened:
        yield opened


@pytest.fixture
def page(window):
    opened = window.new_page()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def desk(window, lab):
    """JupyterLab in a page, loaded once."""
    page = window.new_page()
    browser.open_lab(page, lab)
    yield page
    page.close()


@pytest.fixture
def notebook(desk):
    """Opens a notebook in JupyterLab; after the test it is closed and its kernel ends."""
    yield partial(browser.open_notebook, desk)
    browser.close_notebook(desk)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_as_a_reader_goes_through_it(lesson, lab, desk, notebook, shots):
    """Runs all, guesses, sees each result after the guess and not before, moves every control."""
    shutil.rmtree(lab.convzoo, ignore_errors=True)
    notebook(f"lessons/{lesson.name}")
    browser.run_all(desk)
    assert browser.troubles(desk) == []
    assert progress(lab.convzoo) == dict.fromkeys(exercises(lesson.stem), "not attempted")
    asked = browser.guess_everything(desk)
    assert asked == lesson.read_text(encoding="utf-8").count("predict(")
    assert browser.troubles(desk) == []
    browser.screenshots(desk, shots, lesson.stem)
    for made in browser.move_every_control(desk):
        assert made.before["html"] != made.after["html"], f"{made.control}: the picture stayed"
        assert made.before["alt"] != made.after["alt"], f"{made.control}: its words stayed"
    assert browser.troubles_at_stops(desk) == []
    assert browser.troubles(desk) == []
    if shots:
        browser.theme(desk, light=False)
        browser.screenshots(desk, shots, f"{lesson.stem}-dark")
        browser.theme(desk, light=True)
    assert browser.barriers_of_a_notebook(desk) == []


def test_a_photograph_of_the_readers_own_is_named_on_the_page(lab, desk, notebook, shots):
    """A notebook with the button alone; the file is what a reader would choose."""
    cell = nbformat.v4.new_code_cell(BUTTON)
    own = lab.root / "lessons" / "own_photo.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), own)
    notebook(f"lessons/{own.name}")
    browser.run_all(desk)
    assert desk.get_by_text("➜ No photo yet").is_visible()
    shipped = photographs.photograph("cat").square()[0].permute(1, 2, 0)
    mine = lab.root / "mine.png"
    Image.fromarray((255 * shipped).byte().numpy()).save(mine)
    with desk.expect_file_chooser() as chooser:
        desk.get_by_role("button", name="your photo").click()
    chooser.value.set_files(mine)
    desk.locator("svg[role=img][aria-label^='mine.png: a photograph of 224 x 224']").wait_for()
    assert browser.troubles(desk) == []
    browser.screenshots(desk, shots, "own_photo")


@pytest.mark.parametrize("solution", SOLUTIONS, ids=lambda path: path.stem)
def test_a_solution_can_be_read_without_running_it(solution, desk, notebook, shots):
    """JupyterLab cleans the HTML of a notebook that nobody ran here: pictures must survive."""
    notebook(f"solutions/{solution.name}")
    browser.screenshots(desk, shots, f"{solution.stem}-solution")
    assert browser.troubles(desk) == []
    drawn = desk.locator(".jp-OutputArea-output img[src^='data:image']")
    shown = [image for image in drawn.all() if image.is_visible()]
    assert shown and all(image.get_attribute("alt") for image in shown)
    assert desk.locator(".convzoo-live:visible").count() == 0


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_no_slide_is_larger_than_the_screen(lesson, tmp_path, page, shots):
    try:
        deck = slides.main([lesson.stem], out=tmp_path)[0]
    except UserError as problem:
        if "network" not in str(problem):
            raise
        pytest.skip(str(problem))
    wanted = []
    page.on("request", lambda r: r.url.startswith("http") and wanted.append(r.url))
    browser.open_deck(page, deck)
    assert browser.slides_that_overflow(page, f"{lesson.stem}-slide", shots) == []
    assert wanted == [], "the slides asked the network"


def test_a_cell_is_read_with_the_mouse_and_with_the_keys(page):
    from convzoo import show

    matrix = show.draw.channel_matrix([[0.5, 0], [0, -0.42]], title="two")
    page.set_content(matrix.html)
    hint, lines = page.locator(".hint"), page.locator(".t")
    assert hint.is_visible() and not lines.nth(3).is_visible()
    page.locator(".c").nth(3).hover()
    assert lines.nth(3).inner_html().startswith("y[1] gets -0.42 * x[1]")
    assert lines.nth(3).is_visible() and not hint.is_visible()
    page.mouse.move(0, 0)
    page.keyboard.press("Tab")
    for shown in (0, 1, 2):
        page.keyboard.press("ArrowRight")
        assert [k for k in range(4) if lines.nth(k).is_visible()] == [shown]
