"""Pictures of kernels: a matrix for each tap, and an image as its pixels."""

from xml.etree import ElementTree

import pytest
import torch
from convzoo import UserError, measure
from convzoo.show import draw
from torch import nn

STEPS = (-1, 0, 1)


def kernel(layer: nn.Conv2d) -> dict:
    x = torch.zeros(1, layer.in_channels, 5, 5)
    return {
        (dy, dx): measure.channel_matrix(layer, x, tap=(dy, dx)) for dy in STEPS for dx in STEPS
    }


def test_a_3x3_is_nine_matrices_each_where_its_tap_stands():
    layer = nn.Conv2d(3, 2, 3, padding=1, bias=False)
    probed = kernel(layer)
    for (dy, dx), matrix in probed.items():
        tap = layer.weight[:, :, dy + 1, dx + 1].double()
        torch.testing.assert_close(matrix, tap.detach())
    picture = draw.taps(probed, title="A 3x3")
    assert "9 matrices of 2 outputs by 3 inputs" in picture.alt and "54 of 54" in picture.alt
    said = [e.text for e in ElementTree.fromstring(picture.html).iter() if e.text]
    labels = [t for t in said if t.startswith(("up", "down", "left", "right", "here"))]
    assert labels == [
        "up 1, left 1",
        "up 1",
        "up 1, right 1",
        "left 1",
        "here",
        "right 1",
        "down 1, left 1",
        "down 1",
        "down 1, right 1",
    ]
    weight = layer.weight[1, 2, 0, 1].item()
    assert f"y[1] gets {weight:+.2f} * x[2], up 1" in said
    assert "<title>" not in draw.taps(probed, title="A 3x3", still=True).html


def test_taps_that_are_not_shown_are_pale_and_named_in_the_words():
    probed = kernel(nn.Conv2d(2, 2, 3, padding=1))
    picture = draw.taps(probed, title="T", shown=[(0, 0), (1, -1)])
    assert picture.alt.endswith("Marked: here; down 1, left 1.")
    assert picture.html.count('opacity="1"') == 2 and picture.html.count('opacity="0.18"') == 7
    assert draw.taps(probed, title="T", shown=[]).alt.endswith("Marked: none.")


@pytest.mark.parametrize("matrices", [{}, {(0, 0): [[1.0]], (0, 1): [[1.0, 2.0]]}])
def test_taps_need_matrices_of_one_size(matrices):
    with pytest.raises(UserError, match="of the same size"):
        draw.taps(matrices, title="T")


def test_pixels_have_numbers_edges_and_words():
    picture = draw.pixels([[0, 2], [1, 0]], title="Readers", outlined=[(1, 0)], note="one window")
    assert picture.alt == (
        "Readers: 2 x 2 pixels, values 0 to 2, 2 of 4 are zero; one window: (1, 0)."
    )
    said = [e.text for e in ElementTree.fromstring(picture.html).iter() if e.text]
    assert said == ["Readers", "0", "2", "1", "0", "one window"]
    assert "0.5" not in draw.pixels([[0.5, 1]], title="T").html.split("</text>")[1]
    with pytest.raises(UserError, match=r"pixel \(2, 0\) is not in the image of 2 x 2"):
        draw.pixels([[0, 2], [1, 0]], title="T", outlined=[(2, 0)])
