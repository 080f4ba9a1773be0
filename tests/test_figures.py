"""The pictures in the lessons' text, and the picture of seeds."""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest
from convzoo.count import definitions
from convzoo.show import draw

ROOT = Path(__file__).resolve().parent.parent
MAKE = runpy.run_path(str(ROOT / "figures" / "make.py"))
SHOWN = [
    (path.name, figure)
    for path in sorted(ROOT.glob("solutions/[0-9][0-9]_*.py"))
    for figure in re.findall(r"\.\./(figures/[\w./-]+)\)", path.read_text(encoding="utf-8"))
]


def words(svg: str) -> str:
    return ElementTree.fromstring(svg).attrib["aria-label"]


@pytest.mark.parametrize("lesson, figure", SHOWN)
def test_a_figure_that_a_lesson_shows_is_made_by_code_and_has_words(lesson, figure):
    assert Path(figure).stem in MAKE["PICTURES"]
    assert len(words((ROOT / figure).read_text(encoding="utf-8"))) > 40


def test_the_committed_figures_are_those_that_the_code_makes(tmp_path):
    made = MAKE["make"](lambda name: definitions(ROOT / "solutions" / f"{name}.py"), tmp_path)
    assert {path.name for path in made} == {path.name for path in ROOT.glob("figures/*.svg")}
    for path in made:
        kept = (ROOT / "figures" / path.name).read_text(encoding="utf-8")
        assert words(path.read_text(encoding="utf-8")) == words(kept), path.name


def test_lesson_02_shows_a_full_matrix_and_four_blocks_of_three():
    said = words((ROOT / "figures" / "02_block_diagonal.svg").read_text(encoding="utf-8"))
    assert "144 of 144 entries" in said and "36 of 144 entries" in said
    assert "4 full blocks of 3 x 3" in said


def test_lesson_03_shows_new_rows_that_are_full_and_old_ones_that_stay():
    svg = (ROOT / "figures" / "03_growing.svg").read_text(encoding="utf-8")
    assert "4 more rows, full" in words(svg) and "12 more rows, full" in words(svg)
    cells = re.findall(r'<rect class="w"[^>]* fill="(#\w+)"', svg)
    assert len(cells) == 60 + 156 and cells[:60] == cells[60:120]


ROWS = [
    {"variant": "plain", "mean": 0.5, "low": 0.4, "high": 0.6, "seeds": 5},
    {"variant": "gated", "mean": 0.98, "low": 0.97, "high": 1.0, "seeds": 5},
]


def test_seeds_tell_range_mean_and_ones_own():
    picture = draw.seeds(ROWS, {"gated": 0.99, "unknown": 0.1}, title="Accuracy", chance=0.5)
    assert "plain 50.0%, from 40.0% to 60.0% over 5 seeds" in picture.alt
    assert "yours 99.0%" in picture.alt and "unknown" not in picture.alt
    assert "trained now" in picture.html and ">chance<" in picture.html
    assert "trained now" not in draw.seeds(ROWS, title="Accuracy").html
    alone = {"variant": "own", "mean": 0.7, "low": 0.7, "high": 0.7, "seeds": 1}
    assert draw.seeds([alone], title="Accuracy").alt.endswith("own 70.0%, one seed.")


def test_a_better_seed_lies_further_right_and_the_axis_begins_below_the_worst():
    html = draw.seeds(ROWS, title="Accuracy").html
    means = [float(x) for x in re.findall(r'<line x1="([\d.]+)"[^>]*stroke-width="3"', html)]
    assert len(means) == 2 and means[0] < means[1]
    ticks = [float(t) for t in re.findall(r'text-anchor="middle" font-size="16">([\d.]+)%', html)]
    assert ticks[0] == 40.0 and ticks[-1] == 100.0
    grid = re.findall(r'<line x1="([\d.]+)"[^>]*stroke="#ddd"', html)
    left, right = (float(x) for x in grid[::4])
    assert abs((means[0] - left) / (right - left) - (0.5 - 0.4) / 0.6) < 0.01
