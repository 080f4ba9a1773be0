"""A photograph, five guesses, filters and feature maps as pictures, each with words for it."""

import re
from base64 import b64decode
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import torch
from convzoo.show import draw
from PIL import Image


def drawn(picture) -> np.ndarray:
    """The pixels h w 3 of the image in a picture; its SVG must parse and carry the words."""
    svg = ElementTree.fromstring(picture.html)
    assert svg.attrib["aria-label"] == picture.alt
    data = re.search(r'href="data:image/\w+;base64,([^"]+)"', picture.html)[1]
    return np.asarray(Image.open(BytesIO(b64decode(data))).convert("RGB")).astype(int)


def test_a_photograph_is_drawn_as_it_is_with_its_licence():
    image = torch.zeros(1, 3, 20, 40)
    image[:, 0, :, 20:] = 1  # the right half is red
    picture = draw.photograph(image, title="mine & yours", note="CC0 <me>", size=80)
    pixels = drawn(picture)
    assert pixels.shape == (20, 40, 3)
    assert pixels[10, 5].max() < 40 and pixels[10, 35, 0] > 200 and pixels[10, 35, 1] < 60
    assert "40 x 20" in picture.alt and "CC0 <me>" in picture.alt


def test_the_five_largest_shares_are_bars_in_order():
    shares = torch.tensor([[0.05, 0.4, 0.3, 0.1, 0.02, 0.08, 0.05]])
    names = ["a", "cat", "dog", "cup", "b", "car", "c"]
    alt = draw.guesses(shares, names, title="says").alt
    assert alt == "says: cat 40%; dog 30%; cup 10%; car 8%; a 5%."
    sure = draw.guesses(torch.tensor([0.9962, 0.0038, 0.0]), names[:3], title="says", number=3).alt
    assert sure == "says: a 100%; cat <1%; dog 0%."


def test_filters_are_tiles_whose_signs_are_colours():
    weight = torch.zeros(3, 1, 2, 2)
    weight[0, 0, 0, 0], weight[1, 0, 1, 1], weight[2, 0, 0, 1] = 0.001, -5, 1
    picture = draw.kernels(weight, title="filters", columns=2, size=100)
    pixels = drawn(picture)
    assert pixels[2, 2].max() < 230, "a frame of grey, in which a white zero can be seen"
    pixels = pixels[6:, 6:]
    step = pixels.shape[1] // 2  # two tiles in a row
    red, _, blue = pixels[2, 2]
    assert red > 150 > blue, "a small weight fills the scale of its own tile"
    cell = (step - 6) // 2
    red, _, blue = pixels[cell + 2, step + cell + 2]
    assert blue > 150 > red
    assert pixels[cell + 2, 2].min() == 255, "zero is white"
    assert "3 filters of 2 x 2" in picture.alt


def test_feature_maps_are_grey_each_to_its_own_largest():
    features = torch.zeros(1, 3, 4, 4)
    features[0, 0, 0, 0], features[0, 1] = 0.01, 7
    pixels = drawn(draw.maps(features, title="maps", columns=3, size=90))[6:, 6:]
    step = pixels.shape[1] // 3
    assert pixels[1, 1].min() == 255 and pixels[1, step + 1].min() == 255
    assert pixels[1, 2 * step + 1].max() == 0, "a dead channel is black"
