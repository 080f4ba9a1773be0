"""Trained weights into a reader's own networks: by name, from loopback alone, in one sentence where
they cannot be had."""

import errno
import hashlib
import re
from pathlib import Path

import pytest
import torch
from agreement import COUNTER, shaken
from convzoo import UserError, count, nets, weights
from loopback import serving
from torch import nn
from torchvision import models

# torchvision's builder and a file name of torchvision's own kind, but for the digits.
BUILDERS = {
    "resnet50": models.resnet50,
    "resnext50_32x4d": models.resnext50_32x4d,
    "densenet121": models.densenet121,
    "shufflenet_v2_x1_0": models.shufflenet_v2_x1_0,
    "mobilenet_v2": models.mobilenet_v2,
    "seresnet50": lambda: __import__("timm").create_model("seresnet50"),
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """A cache of the test's own, and a network that ends at this machine."""
    monkeypatch.setenv("CONVZOO_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache" / "weights"


@pytest.fixture
def served(tmp_path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


def published(folder: Path, state: dict, digits: str = "") -> str:
    """Save a state as a file whose name ends in its SHA-256, or in other digits."""
    file = folder / "new.pth"
    torch.save(state, file)
    digits = digits or hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    return file.rename(folder / f"small_1x4d-{digits}.pth").name


def at(monkeypatch, url: str) -> None:
    monkeypatch.setattr(weights, "address", lambda name: url)


def refused(**options) -> str:
    with pytest.raises(UserError) as caught:
        weights.trained("resnet50", **options)
    said = str(caught.value)
    assert "\n" not in said and said.endswith(".") and "resnet50" in said
    return said


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


# --- where they are ------------------------------------------------------------------


def test_the_addresses_are_torchvisions_and_timms_own():
    from timm.models import get_pretrained_cfg

    for name in weights.TORCHVISION:
        url = weights.address(name)
        enum = models.get_model_weights(name)
        assert url == enum.IMAGENET1K_V1.url and torch.hub.HASH_REGEX.search(url), name
    assert weights.address("seresnet50") == get_pretrained_cfg("seresnet50.ra2_in1k").url
    assert all(torch.hub.HASH_REGEX.search(url) for url in weights.TIMM.values())


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(UserError, match="Did you mean resnet50?"):
        nets.pretrained("resnet5", small())


# --- the download --------------------------------------------------------------------


def test_a_whole_file_is_checked_kept_and_used_again(monkeypatch, served, cache, capfd):
    state = small().state_dict()
    file = published(served, state)
    with serving(served) as (address, asked):
        at(monkeypatch, address + file)
        found = weights.trained("resnet50")
        assert found.keys() == state.keys()
        assert all(torch.equal(found[key], value) for key, value in state.items())
        assert "100%" in capfd.readouterr().err, "a bar is drawn"
        assert [path.name for path in cache.iterdir()] == [file]
        again = weights.trained("resnet50", download=False)
        assert all(torch.equal(again[key], value) for key, value in state.items())
        assert len(asked) == 1, "the second time nothing is asked of the network"


def test_a_file_that_is_cut_off_is_not_kept(monkeypatch, served, cache):
    file = published(served, small().state_dict())
    with serving(served, {file: 1000}) as (address, _):
        at(monkeypatch, address + file)
        assert "the download was cut off" in refused()
    assert list(cache.iterdir()) == []
    with serving(served) as (address, _):
        at(monkeypatch, address + file)
        assert weights.trained("resnet50"), "and the next try is a new one"


def test_a_wrong_checksum_is_not_kept(monkeypatch, served, cache):
    file = published(served, small().state_dict(), "0" * 8)
    with serving(served) as (address, _):
        at(monkeypatch, address + file)
        assert "wrong checksum" in refused()
    assert list(cache.iterdir()) == []


def test_a_full_disk_is_told(monkeypatch, served, cache):
    """A device that is always full stands in for it: what torch.hub opens, it cannot fill."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    file = published(served, {"x": torch.zeros(100_000)})
    monkeypatch.setattr(torch.hub, "open", opening_at(full), raising=False)
    with serving(served) as (address, _):
        at(monkeypatch, address + file)
        said = refused()
    assert "could not be written" in said and "set CONVZOO_DATA to another folder" in said
    assert list(cache.iterdir()) == []


def opening_at(full: Path):
    """`open`, whose new files are on a full disk: they have their names, and take no bytes."""

    class Full:
        def __init__(self, path, mode):
            self.name, self._named, self._full = path, open(path, mode), full.open("wb", 0)

        def write(self, content):
            return self._full.write(content)

        def close(self):
            self._named.close()
            self._full.close()

    return Full


def test_offline_is_told(monkeypatch, cache):
    at(monkeypatch, "http://127.0.0.1:9/nothing-00000000.pth")
    said = refused()
    assert "could not be downloaded" in said and "connect to the network" in said
    assert list(cache.iterdir()) == []


def test_a_file_that_is_not_there_is_told(monkeypatch, served, cache):
    with serving(served) as (address, _):
        at(monkeypatch, address + "nothing-00000000.pth")
        assert "could not be downloaded (File not found)" in refused()
    assert list(cache.iterdir()) == []


def test_nothing_is_downloaded_unless_it_may_be(monkeypatch, cache):
    at(monkeypatch, "http://127.0.0.1:9/nothing-00000000.pth")
    assert "Set download=True" in refused(download=False)
    assert not cache.exists()


def test_a_folder_that_cannot_be_made_is_told(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVZOO_DATA", str(tmp_path / "file"))
    assert "Set CONVZOO_DATA" in refused()


def test_a_file_that_was_damaged_in_the_cache_is_named(cache):
    cache.mkdir(parents=True)
    file = cache / weights.address("resnet50").rpartition("/")[2]
    file.write_bytes(b"PK\x03\x04 and no more")
    assert f"it is damaged: delete {file}" in refused(download=False)


def test_a_file_that_may_not_be_written_is_told(monkeypatch, served):
    def refuse(*_, **__):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    assert "could not be written" in refused()


# --- into a reader's own network ---------------------------------------------------


def as_published(name: str, state: dict) -> dict:
    """torchvision's DenseNet has a file of 2017: other names, and no counters."""
    if name != "densenet121":
        return state
    found = {re.sub(r"(\.(?:norm|conv))([12]\.)", r"\1.\2", key): v for key, v in state.items()}
    return {key: v for key, v in found.items() if not key.endswith(COUNTER)}


@pytest.mark.parametrize("name", BUILDERS)
def test_the_readers_network_answers_as_the_published_one(name, monkeypatch, served, root):
    torch.manual_seed(1)
    theirs = shaken(BUILDERS[name]()).float().eval()
    file = published(served, as_published(name, theirs.state_dict()))
    rename = str
    if name == "mobilenet_v2":
        rename = count.definitions(root / "solutions" / "06_separable.py").our_name
    with serving(served) as (address, _):
        at(monkeypatch, address + file)
        ours = nets.pretrained(name, count.build(name), rename)
    assert not ours.training
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = theirs(x)
        assert (ours(x) - expected).abs().max() < 1e-4 * expected.abs().max()


def test_a_network_that_does_not_fit_is_told_and_left_alone(monkeypatch, served):
    file, network = published(served, small().state_dict()), small()
    network[0] = nn.Conv2d(3, 5, 1)
    before = network[0].weight.clone()
    with serving(served) as (address, _):
        at(monkeypatch, address + file)
        with pytest.raises(UserError, match="in the trained resnet50, but .* in ours"):
            nets.pretrained("resnet50", network)
    assert torch.equal(network[0].weight, before)
