"""What somebody sees before they have installed anything: README, plan, citation."""

import re
from pathlib import Path

import convzoo
import nbformat
import pytest
import yaml
from convzoo.exercises import catalogue
from convzoo.teach.grade.mark.marks import FREE_POINTS
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted(path.stem for path in ROOT.glob("lessons/[0-9][0-9]_*.ipynb"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
PLAN = (ROOT / "lessons/convzoo/teach/PLAN.md").read_text(encoding="utf-8")


def read(lesson: str) -> list:
    return nbformat.read(ROOT / "lessons" / f"{lesson}.ipynb", as_version=4).cells


def cells(lesson: str) -> list[str]:
    return [cell.source for cell in read(lesson)]


def points(lesson: str) -> tuple[int, int]:
    """Return the points of a lesson's core, and of all of it."""
    every = catalogue.of_lesson(lesson) | catalogue.of_lesson(lesson, catalogue.all_questions)
    core = total = 0
    further = False
    for cell in read(lesson):
        further |= cell.source.startswith("# Further A")
        key = cell.metadata.get("exercise") or cell.metadata.get("question")
        worth = every[key].points if key else FREE_POINTS * ("free" in cell.metadata)
        total += worth
        core += 0 if further else worth
    return core, total


def test_the_readmes_show_a_moving_picture_that_loads_fast_and_is_described():
    assert re.match(r"# convzoo\n\n!\[[^\]]{80,}\]\(figures/cat\.gif\)", README)
    assert "(../figures/cat.gif)" in (ROOT / "lessons/README.md").read_text(encoding="utf-8")
    path = ROOT / "figures" / "cat.gif"
    assert path.stat().st_size < 2_000_000
    with Image.open(path) as picture:
        assert picture.n_frames > 3 and picture.width <= 800


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_readme_gives_the_minutes_of_a_lesson(lesson):
    shown = re.search(rf"\(lessons/{lesson}\.ipynb\) \| (\d+) \|", README)
    assert shown and f"**Time:** {shown[1]} minutes for the core" in cells(lesson)[0]


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_says_before_its_imports_what_to_install_elsewhere(lesson):
    sentence = '%pip install "PATH[lessons]"'
    assert sentence in cells(lesson)[1] and "import torch" in cells(lesson)[2]


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_plan_gives_the_points_of_a_lesson(lesson):
    row = re.search(rf"\| {lesson} \| (\d+) \| (\d+) \|", PLAN)
    assert row and tuple(map(int, row.groups())) == points(lesson)


def test_the_plan_adds_the_points_up():
    rows = re.findall(r"\| \d\d_\w+ \| (\d+) \| (\d+) \|", PLAN)
    assert len(rows) == len(LESSONS)
    core, every = (sum(map(int, column)) for column in zip(*rows))
    assert f"| **{core}** | **{every}** |" in PLAN and f"the cores, {core} points" in PLAN


@pytest.mark.parametrize(
    "page", ["README.md", "lessons/README.md", "lessons/convzoo/teach/PLAN.md"]
)
def test_what_a_page_links_to_is_there(page):
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_citation_names_this_version_and_the_papers_of_the_lessons():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["version"] == convzoo.__version__
    assert {"message", "title", "authors"} <= set(citation)
    for paper in citation["references"]:
        assert {"type", "title", "authors", "url"} <= set(paper)
        assert any(paper["url"] in "\n".join(cells(lesson)) for lesson in LESSONS), paper["title"]
