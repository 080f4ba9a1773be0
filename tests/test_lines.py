"""Channels as dots and lines: a line for each connection, words that follow the values."""

from xml.etree import ElementTree

import pytest
from convzoo import UserError
from convzoo.show import draw, palette

SWAP = [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
PAIRS = [[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 5, 6], [0, 0, 7, 8]]


def strokes(picture) -> list[str]:
    root = ElementTree.fromstring(picture.html)
    assert root.get("role") == "img" and root.get("aria-label") == picture.alt
    return [node.get("stroke") for node in root.iter() if node.tag.endswith("line")]


def test_a_line_for_each_connection_in_the_colour_of_its_group():
    picture = draw.lines([PAIRS, SWAP], title="a net", names=["layer", "swap"], groups=2)
    assert len(strokes(picture)) == 8 + 4
    assert set(strokes(picture)) == {palette.INPUT, palette.WEIGHT}
    assert "layer: 8 connections" in picture.alt
    assert "swap: positions take channels 2, 0, 1, 3" in picture.alt


def test_what_an_input_reaches_is_strong_and_told():
    steps, names = [PAIRS, SWAP, PAIRS], ["1", "swap", "2"]
    picture = draw.lines(steps, title="a net", names=names, follow=3)
    assert "input 3 reaches 4 of 4: 0, 1, 2, 3" in picture.alt
    assert strokes(picture).count(palette.WEIGHT) == 2 + 2 + 4
    alone = draw.lines([PAIRS], title="a net", names=["1"], follow=3)
    assert "input 3 reaches 2 of 4: 2, 3" in alone.alt
    assert strokes(alone)[-1] == palette.WEIGHT  # drawn last, so on top


def test_columns_may_differ_in_height_and_have_labels():
    picture = draw.lines(
        [[[1, 0, 1]], [[1], [0]]], title="t", names=["in", "out"], right=["x", "<y>"]
    )
    assert len(strokes(picture)) == 3 and "&lt;y&gt;" in picture.html


@pytest.mark.parametrize(
    "steps, options, words",
    [
        ([PAIRS, [[1, 2]]], {"names": ["a", "b"]}, "takes 2 inputs but gets 4"),
        ([PAIRS], {"names": ["a", "b"]}, "2 names for 1 steps"),
        ([PAIRS], {"names": ["a"], "follow": 4}, "no input 4 to follow"),
    ],
)
def test_what_is_no_net_is_refused(steps, options, words):
    with pytest.raises(UserError, match=words):
        draw.lines(steps, title="t", **options)
