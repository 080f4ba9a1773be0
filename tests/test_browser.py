"""Every lesson in JupyterLab and in a real Chromium; a new lesson joins by being there.

Screenshots are kept under build/screenshots/, to be looked at. Latencies are printed
(pytest -rP), never asserted: the machine that runs the tests is not the reader's.
"""

from pathlib import Path

import browser
import nbformat
import pytest
from convzoo import photographs
from convzoo.errors import UserError
from convzoo.teach import slides
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted(ROOT.glob("lessons/[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted(ROOT.glob("solutions/[0-9][0-9]_*.ipynb"))
SHOTS = ROOT / "build" / "screenshots"

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


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_as_a_reader_goes_through_it(lesson, lab, page):
    """Runs all, guesses, sees each result after the guess and not before, moves every control."""
    browser.open_notebook(page, lab, f"lessons/{lesson.name}")
    browser.run_all(page)
    assert browser.troubles(page) == []
    asked = browser.guess_everything(page)
    assert asked == lesson.read_text(encoding="utf-8").count("predict(")
    assert browser.troubles(page) == []
    browser.screenshots(page, SHOTS, lesson.stem)
    for k, made in enumerate(browser.move_every_control(page)):
        assert made.before["html"] != made.after["html"], f"{made.control}: the picture stayed"
        assert made.before["alt"] != made.after["alt"], f"{made.control}: its words stayed"
        print(f"{lesson.stem}: {browser.latency(page, k)}")
    assert browser.troubles(page) == []
    assert browser.barriers(page) == []
    browser.theme(page, light=False)
    browser.screenshots(page, SHOTS, f"{lesson.stem}-dark")
    browser.theme(page, light=True)
    browser.end_kernels(page)


def test_a_photograph_of_the_readers_own_is_named_on_the_page(lab, page):
    """A notebook with the button alone; the file is what a reader would choose."""
    cell = nbformat.v4.new_code_cell(BUTTON)
    own = lab.root / "lessons" / "own_photo.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), own)
    browser.open_notebook(page, lab, f"lessons/{own.name}")
    browser.run_all(page)
    assert page.get_by_text("➜ No photo yet").is_visible()
    shipped = photographs.photograph("cat").square()[0].permute(1, 2, 0)
    mine = lab.root / "mine.png"
    Image.fromarray((255 * shipped).byte().numpy()).save(mine)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="your photo").click()
    chooser.value.set_files(mine)
    page.locator("svg[role=img][aria-label^='mine.png: a photograph of 224 x 224']").wait_for()
    assert browser.troubles(page) == []
    browser.screenshots(page, SHOTS, "own_photo")
    browser.end_kernels(page)


@pytest.mark.parametrize("solution", SOLUTIONS, ids=lambda path: path.stem)
def test_a_solution_can_be_read_without_running_it(solution, lab, page):
    """JupyterLab cleans the HTML of a notebook that nobody ran here: pictures must survive."""
    browser.open_notebook(page, lab, f"solutions/{solution.name}")
    browser.screenshots(page, SHOTS, f"{solution.stem}-solution")
    assert browser.troubles(page) == []
    drawn = page.locator(".jp-OutputArea-output img[src^='data:image']")
    shown = [image for image in drawn.all() if image.is_visible()]
    assert shown and all(image.get_attribute("alt") for image in shown)
    assert page.locator(".convzoo-live:visible").count() == 0
    browser.end_kernels(page)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_no_slide_is_larger_than_the_screen(lesson, tmp_path, page):
    try:
        deck = slides.main([lesson.stem], out=tmp_path)[0]
    except UserError as problem:
        if "network" not in str(problem):
            raise
        pytest.skip(str(problem))
    wanted = []
    page.on("request", lambda r: r.url.startswith("http") and wanted.append(r.url))
    assert browser.slides_that_overflow(page, deck, SHOTS) == []
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
