"""A kernel can be read and counted where Triton is missing, and is timed only if it is right."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from convzoo import UserError, measure, show
from convzoo.measure import kernels, roofline
from torch.nn import functional as F

HOME = "convzoo.ideas"
GROUPED = f"{HOME}.resnext.kernel.grouped_conv2d"
N, C, H, W, GROUPS = 4, 12, 6, 5, 3
PLANES = 4 * N * C * H * W  # bytes of one image batch in float32


def grouped_arguments(device):
    torch.manual_seed(0)
    x = torch.randn(N, C, H, W, device=device)
    return x, torch.randn(C, C // GROUPS, 3, 3, device=device), GROUPS


def by_torch(x, weight, groups):
    return F.conv2d(x, weight, padding=1, groups=groups)


def report(**more):
    return measure.kernel_report(GROUPED, {"F.conv2d": by_torch}, grouped_arguments, **more)


def test_a_grouped_kernel_moves_its_images_and_its_weights_once():
    found = report()
    moved = 2 * PLANES + 4 * C * (C // GROUPS) * 9
    assert (found.kernel.bytes, found.kernel.launches, found.kernel.small) == (moved, 1, 0)
    (rival,) = found.framework
    assert (rival.name, rival.bytes, rival.launches) == ("F.conv2d", moved, 1)


def test_pieces_that_go_in_by_their_addresses_are_counted():
    widths = (5, 3, 4)

    def arguments(device):
        pieces = [torch.randn(N, c, H, W, device=device) for c in widths]
        return pieces, torch.randn(C, sum(widths), 1, 1, device=device)

    found = measure.kernel_report(
        f"{HOME}.densenet.kernel.conv1x1_of_pieces",
        {"cat": lambda pieces, weight: F.conv2d(torch.cat(pieces, 1), weight)},
        arguments,
    )
    weight = 4 * C * sum(widths)
    tables = found.kernel.bytes - (2 * PLANES + weight)  # pieces read, result written
    assert 0 < tables < 500  # a few addresses and widths, read by the kernel and by torch
    assert (found.kernel.launches, found.kernel.small) == (1, 0)
    assert found.framework[0].bytes == 4 * PLANES + weight  # and a copy: read and written
    assert found.framework[0].launches == 2


def test_each_launch_of_a_function_counts():
    def arguments(device):
        shapes = (N, C, H, W), (4, C), (4,), (C, 4), (C,)
        return tuple(torch.randn(s, device=device) for s in shapes)

    found = measure.kernel_report(f"{HOME}.senet.kernel.squeeze_excite", {}, arguments)
    means, gate = 4 * N * C, 4 * (2 * 4 * C + 4 + C)
    assert found.kernel.launches == 2
    assert found.kernel.bytes == 3 * PLANES + 2 * means + gate  # the image is read twice


def test_a_shuffle_in_the_kernel_is_never_copied():
    def arguments(device):
        x = torch.randn(N, C, H, W, device=device)
        return x, torch.randn(4 * C, C // GROUPS, 1, 1, device=device), GROUPS, GROUPS

    def in_two(x, weight, groups, shuffle):
        return F.conv2d(torch.channel_shuffle(x, shuffle), weight, groups=groups)

    name = f"{HOME}.shufflenet.kernel.shuffled_conv1x1"
    found = measure.kernel_report(name, {"torch": in_two}, arguments)
    weight = 4 * 4 * C * (C // GROUPS)
    assert (found.kernel.bytes, found.kernel.launches) == (5 * PLANES + weight, 1)
    (rival,) = found.framework
    assert (rival.bytes, rival.launches) == (7 * PLANES + weight, 2)  # and a copy: in and out


def test_a_depthwise_kernel_moves_a_tenth_of_what_an_unfolded_layer_does():
    def arguments(device):
        return torch.randn(N, C, H, W, device=device), torch.randn(C, 1, 3, 3, device=device)

    def unfolded(x, weight):
        columns = F.unfold(x, 3, padding=1).view(N, C, 9, H * W)
        return (weight.view(C, 1, 9) @ columns).view(N, C, H, W)

    name = f"{HOME}.separable.kernel.depthwise_conv2d"
    found = measure.kernel_report(name, {"unfolded": unfolded}, arguments)
    weight = 4 * C * 9
    assert (found.kernel.bytes, found.kernel.launches) == (2 * PLANES + weight, 1)
    (rival,) = found.framework
    # An image in, nine out, nine in, one out; the filters are copied for each image.
    assert rival.bytes == 20 * PLANES + weight + 2 * N * weight


def test_nothing_needs_triton_where_nothing_is_timed():
    code = (
        "import sys; sys.modules['triton'] = None\n"
        "import test_kernel_report as t\n"
        "from convzoo import show\n"
        "print(show.draw.kernel_report(t.report()).alt)\n"
        "print(show.source(t.GROUPED).alt)\n"
    )
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, cwd="tests", timeout=100)
    assert not ran.returncode, ran.stderr[-2000:]
    assert "no time is measured" in ran.stdout and "def grouped_conv2d" in ran.stdout


@pytest.fixture
def can_run(monkeypatch):
    """Pretend that kernels run on this machine: as torch functions, and at a known bandwidth."""

    def with_kernel(function):
        module = SimpleNamespace(grouped_conv2d=function)
        monkeypatch.setattr(kernels, "_obstacle", lambda device: "")
        monkeypatch.setattr(kernels, "import_module", lambda name: module)
        monkeypatch.setattr(roofline, "peaks", lambda device: roofline.Peaks(1e9, 1e9))

    return with_kernel


def test_a_right_kernel_is_timed_beside_the_framework_and_a_copy(can_run):
    can_run(by_torch)
    found = report(seconds=0.05)
    assert not found.reason
    assert found.kernel.timing.minimum > 0 and found.framework[0].timing.minimum > 0
    assert found.floor_seconds == found.kernel.bytes / 1e9
    words = show.draw.kernel_report(found).alt
    assert "the results agree" in words and "of the speed of a copy of the same bytes" in words


def test_a_wrong_kernel_is_not_timed(can_run):
    can_run(lambda x, weight, groups: by_torch(x, weight, groups) + 1)
    found = report()
    assert found.kernel.timing is None and "differs from that of 'F.conv2d'" in found.reason
    assert found.reason in show.draw.kernel_report(found).alt


def test_a_kernel_that_fails_says_so_in_a_sentence(can_run):
    def fails(x, weight, groups):
        raise RuntimeError("no C compiler\nmore lines")

    can_run(fails)
    assert report().reason == "The kernel could not be timed here (RuntimeError: no C compiler)."


def test_settings_of_torch_are_put_back(can_run):
    before = torch.backends.cudnn.allow_tf32
    can_run(by_torch)
    report(seconds=0.05)
    assert torch.backends.cudnn.allow_tf32 == before


def test_bars_and_sentence_say_the_same_as_the_report():
    words = show.draw.kernel_report(report()).alt
    assert "Launches: F.conv2d 1; this kernel 1." in words
    assert "the device here is cpu" in words


def test_a_source_has_its_comments_and_no_docstring():
    words = show.source(f"{HOME}.resnext.kernel._grouped_3x3").alt
    assert words.startswith("@triton.jit\ndef _grouped_3x3(") and "# nine block-diagonal" in words
    assert "fmt: skip" not in words
    assert '"""' not in show.source(GROUPED).alt


@pytest.mark.parametrize(
    "name, what",
    [
        (f"{HOME}.resnext.kernel.grouped_conv", "Did you mean grouped_conv2d?"),
        (f"{HOME}.resnext.kernels.f", "There is no module"),
        ("f", "There is no module"),
    ],
)
def test_a_wrong_name_is_refused(name, what):
    with pytest.raises(UserError, match=what.replace("?", r"\?")):
        show.source(name)


def test_the_end_of_a_block_passes_through_memory_seven_times_or_three():
    def arguments(device):
        x = torch.randn(N, C, H, W, device=device)
        return x, torch.randn_like(x), torch.nn.BatchNorm2d(C, device=device).eval()

    found = measure.kernel_report(
        f"{HOME}.resnet.kernel.norm_add_relu",
        {"one by one": lambda x, shortcut, norm: F.relu(norm(x) + shortcut)},
        arguments,
    )
    (rival,) = found.framework
    assert rival.launches == 3
    assert 7 * PLANES <= rival.bytes <= 7 * PLANES + 6 * 4 * C  # batch norm: some vectors
    assert found.kernel.bytes == 3 * PLANES + 4 * 4 * C  # and the four vectors of the batch norm
    assert (found.kernel.launches, found.kernel.small) == (1, 0)
