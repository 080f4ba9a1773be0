"""Images: one shape, one range, a fixed split; downloads from loopback alone."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile

import numpy as np
import pytest
import torch
from convzoo import UserError, data
from loopback import serving
from torchvision import datasets

RNG = np.random.RandomState(1)
CIFAR_PIXELS = RNG.randint(0, 256, (6, 20, 3 * 32 * 32), dtype=np.uint8)  # five batches, one test
CIFAR_LABELS = RNG.randint(0, 10, (6, 20))
FASHION_PIXELS = RNG.randint(0, 256, (50, 28, 28), dtype=np.uint8)
FASHION_LABELS = RNG.randint(0, 10, 50).astype(np.uint8)
CALLS = [
    ("digits", lambda: data.load()),
    ("digits32", lambda: data.load("digits32", limit=200)),
    ("far_clue", lambda: data.made("far_clue", train=64, test=32)),
    ("xor_groups", lambda: data.made("xor_groups", train=64, test=32)),
]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, and a network that ends at this machine."""
    monkeypatch.setenv("CONVZOO_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path):
    """A folder served on loopback: (folder, address, the paths that were asked for)."""
    folder = tmp_path / "served"
    folder.mkdir()
    with serving(folder) as (address, asked):
        yield folder, address, asked


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def serve_cifar(monkeypatch, folder, address):
    """A CIFAR-10 of six batches of twenty, with its checksums in torchvision's class."""
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    files = {
        name: pickle.dumps({"data": CIFAR_PIXELS[i], "labels": CIFAR_LABELS[i].tolist()})
        for i, name in enumerate(names)
    }
    files["batches.meta"] = pickle.dumps({"label_names": [f"kind {i}" for i in range(10)]})
    archive = folder / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    kind = datasets.CIFAR10
    sums = [[name, md5(files[name])] for name in names]
    meta = {"filename": "batches.meta", "key": "label_names", "md5": md5(files["batches.meta"])}
    monkeypatch.setattr(kind, "url", address + archive.name)
    monkeypatch.setattr(kind, "tgz_md5", md5(archive.read_bytes()))
    monkeypatch.setattr(kind, "train_list", sums[:5])
    monkeypatch.setattr(kind, "test_list", sums[5:])
    monkeypatch.setattr(kind, "meta", meta)
    return archive


def serve_fashion(monkeypatch, folder, address):
    """A Fashion-MNIST of forty images and ten, in the IDX format."""
    resources = []
    for part, rows in (("train", slice(0, 40)), ("t10k", slice(40, 50))):
        pixels, labels = FASHION_PIXELS[rows], FASHION_LABELS[rows]
        for name, head, array in (
            ("images-idx3", struct.pack(">4I", 2051, len(pixels), 28, 28), pixels),
            ("labels-idx1", struct.pack(">2I", 2049, len(labels)), labels),
        ):
            path = folder / f"{part}-{name}-ubyte.gz"
            path.write_bytes(gzip.compress(head + array.tobytes()))
            resources.append((path.name, md5(path.read_bytes())))
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [address])
    monkeypatch.setattr(datasets.FashionMNIST, "resources", resources)


@pytest.mark.parametrize("name, call", CALLS, ids=[name for name, _ in CALLS])
def test_one_form_whatever_the_source(name, call):
    images = call()
    for x, y in ((images.train_x, images.train_y), (images.test_x, images.test_y)):
        assert x.dtype == torch.float32 and x.dim() == 4 and len(x) == len(y) > 0
        assert x.min() >= 0 and x.max() <= 1 and x.max() > 0.5
        assert x.shape[1:] == (images.channels, images.size, images.size)
        asked = y[y != data.IGNORED]
        assert y.dtype == torch.int64 and y.dim() in (1, 3)
        assert set(asked.tolist()) == set(range(len(images.classes)))
    again = call()
    assert torch.equal(images.train_x, again.train_x) and torch.equal(images.test_y, again.test_y)


def test_digits_are_split_without_an_overlap():
    images = data.load("digits")
    assert images.train_x.shape == (1437, 1, 8, 8) and images.test_x.shape == (360, 1, 8, 8)
    seen = {x.numpy().tobytes() for x in images.train_x}
    assert not seen & {x.numpy().tobytes() for x in images.test_x}
    assert images.test_y.bincount().min() >= 25, "every digit is tested"


def test_digits_at_another_size():
    assert data.load("digits", size=32).train_x.shape == (1437, 1, 32, 32)
    assert torch.equal(data.load("digits", 32).test_x, data.load("digits32").test_x)
    assert data.load("digits32", limit=5).train_y.tolist() == data.load().train_y[:5].tolist()


def test_normalised_by_the_training_images_alone():
    images = data.load("digits")
    changed = images.normalised()
    assert changed.train_x.mean().abs() < 1e-5 and abs(changed.train_x.std() - 1) < 1e-5
    scale = images.train_x.std()
    expected = (images.test_x - images.train_x.mean()) / scale
    assert torch.allclose(changed.test_x, expected, atol=1e-5)
    assert images.to("cpu").classes == images.classes


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: data.load("mnist"), "load knows digits32, digits, cifar10, fashion_mnist."),
        (lambda: data.load("far_clue"), 'call made("far_clue")'),
        (lambda: data.load("digits", size=0), "size is 0"),
        (lambda: data.load("digits", limit=-1), "limit is -1"),
        (lambda: data.made("digits"), "made knows xor_groups, far_clue"),
        (lambda: data.made("far_clue", far=3), "no option far: it has distance, size"),
        (lambda: data.made("far_clue", distance=14), "between 3 and size - 3 = 13, but it is 14"),
        (lambda: data.made("xor_groups", groups=2), "at least 3 groups"),
        (lambda: data.made("xor_groups", test=0), "test is 0"),
    ],
)
def test_a_mistake_is_one_sentence(call, said):
    with pytest.raises(UserError) as caught:
        call()
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_cifar_is_downloaded_once_and_kept(monkeypatch, server, cache, capfd):
    folder, address, asked = server
    serve_cifar(monkeypatch, folder, address)
    images = data.load("cifar10")
    assert images.train_x.shape == (100, 3, 32, 32) and images.test_x.shape == (20, 3, 32, 32)
    expected = torch.from_numpy(CIFAR_PIXELS[0, 0].reshape(3, 32, 32)) / 255
    assert torch.equal(images.train_x[0], expected)
    assert images.train_y[:20].tolist() == CIFAR_LABELS[0].tolist()
    assert images.classes[3] == "kind 3"
    assert "100%" in capfd.readouterr().err, "a bar is drawn"
    requests = len(asked)
    folder.joinpath("cifar-10-python.tar.gz").unlink()
    assert torch.equal(data.load("cifar10", limit=7).train_x, images.train_x[:7])
    assert len(asked) == requests, "the second time nothing is asked of the network"
    assert (cache / "cifar-10-batches-py").is_dir()


def test_fashion_mnist_has_the_same_form(monkeypatch, server):
    folder, address, _ = server
    serve_fashion(monkeypatch, folder, address)
    images = data.load("fashion_mnist", size=32)
    assert images.train_x.shape == (40, 1, 32, 32) and images.test_x.shape == (10, 1, 32, 32)
    assert images.test_y.tolist() == FASHION_LABELS[40:].tolist()
    plain = data.load("fashion_mnist")
    assert torch.equal(plain.test_x[0, 0], torch.from_numpy(FASHION_PIXELS[40]) / 255)


def refused(name="cifar10") -> str:
    with pytest.raises(UserError) as caught:
        data.load(name)
    said = str(caught.value)
    assert "\n" not in said and 'load("digits", size=32)' in said
    return said


@pytest.mark.parametrize("name, title", [("cifar10", "CIFAR"), ("fashion_mnist", "Fashion")])
def test_a_wrong_checksum_is_told(monkeypatch, server, name, title):
    folder, address, _ = server
    serve_cifar(monkeypatch, folder, address)
    serve_fashion(monkeypatch, folder, address)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    said = refused(name)
    assert said.startswith(title) and "checksum" in said


@pytest.mark.parametrize("name", ["cifar10", "fashion_mnist"])
def test_offline_is_told(monkeypatch, name):
    monkeypatch.setattr(datasets.CIFAR10, "url", "http://127.0.0.1:9/nothing.tar.gz")
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    said = refused(name)
    assert "could not be downloaded" in said and "connect to the network" in said
    assert "refused" in said


def test_a_file_that_is_cut_off_is_told(monkeypatch, server, cache):
    folder, address, _ = server
    serve_fashion(monkeypatch, folder, address)
    data.load("fashion_mnist")
    raw = cache / "FashionMNIST" / "raw" / "train-images-idx3-ubyte"
    raw.write_bytes(raw.read_bytes()[:1000])
    assert "is damaged: delete" in refused("fashion_mnist")


def test_a_folder_that_cannot_be_made_is_told(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVZOO_DATA", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="cannot be saved.*Set CONVZOO_DATA"):
        data.load("cifar10")


def test_a_full_disk_is_told(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(datasets, "CIFAR10", full)
    assert "free some space or set CONVZOO_DATA" in refused()


def test_xor_needs_both_groups_and_one_of_each_says_nothing():
    images = data.made("xor_groups")
    x, y = images.train_x, images.train_y
    first = x[:, 0].mean((1, 2)) > 0.5  # channel 0 lies in group 0, channel 8 in group 2
    third = x[:, 8].mean((1, 2)) > 0.5
    agreement = ((first ^ third).long() == y).float().mean()
    assert max(agreement, 1 - agreement) > 0.99
    for bit in (first, third):
        assert 0.45 < (bit.long() == y).float().mean() < 0.55


@pytest.mark.parametrize("distance, size", [(12, 16), (13, 16), (3, 16), (8, 16)])
def test_the_clue_lies_at_its_distance(distance, size):
    images = data.made("far_clue", distance=distance, size=size, train=200, test=10)
    x, y = images.train_x[:, 0], images.train_y
    assert (y != data.IGNORED).sum((1, 2)).eq(1).all(), "one pixel an image is asked about"
    for image, labels in zip(x, y):
        row, column = (labels != data.IGNORED).nonzero()[0].tolist()
        near = image[row - 1 : row + 2, column - 1 : column + 2]
        assert torch.allclose(near, torch.full((3, 3), 0.8)), "the animal tells nothing"
        middles = [
            (row + down * distance, column + right * distance)
            for down in (-1, 1)
            for right in (-1, 1)
        ]
        clues = [
            image[r - 1 : r + 2, c - 1 : c + 2]
            for r, c in middles
            if 1 <= r < size - 1 and 1 <= c < size - 1
        ]
        upright = torch.tensor([[1.0, 0.0, 1.0]] * 3)
        clue = upright.T if labels[row, column] == 1 else upright
        assert any(torch.allclose(candidate, clue) for candidate in clues)
