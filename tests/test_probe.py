"""The channel matrix against weights, the receptive field against published figures."""

import pytest
import torch
from convzoo import UserError
from convzoo.measure import Field, channel_matrix, effective_receptive_field, receptive_field
from torch import nn
from torch.nn import functional as F
from torchvision import models
from torchvision.ops import SqueezeExcitation

EXACT = {"rtol": 0, "atol": 1e-12}


def double(weight: torch.Tensor) -> torch.Tensor:
    return weight.detach().double()


def test_a_1x1_convolution_is_its_matrix():
    conv = nn.Conv2d(5, 3, 1)
    matrix = channel_matrix(conv, torch.randn(2, 5, 4, 6))
    assert matrix.dtype == torch.float64
    torch.testing.assert_close(matrix, double(conv.weight[:, :, 0, 0]), **EXACT)


def test_a_linear_layer_is_its_matrix():
    linear = nn.Linear(5, 3)
    matrix = channel_matrix(linear, torch.randn(2, 5))
    torch.testing.assert_close(matrix, double(linear.weight), **EXACT)


def test_groups_are_blocks_on_the_diagonal():
    conv = nn.Conv2d(6, 9, 3, padding=1, groups=3)
    blocks = double(conv.weight).sum((2, 3)).split(3)
    expected = torch.block_diag(*blocks)
    torch.testing.assert_close(channel_matrix(conv, torch.randn(1, 6, 7, 7)), expected, **EXACT)


@pytest.mark.parametrize(
    "size, stride, padding, dilation",
    [
        ((7, 8), 1, 1, 1),
        ((7, 8), 2, 1, 1),
        ((8, 9), 1, 0, 1),
        ((9, 12), 3, 1, 1),
        ((9, 9), 1, 2, 2),
    ],
)
def test_a_3x3_is_nine_matrices(size, stride, padding, dilation):
    conv = nn.Conv2d(4, 5, 3, stride, padding, dilation)
    x = torch.randn(1, 4, *size)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            tap = (dilation * dy, dilation * dx)
            expected = double(conv.weight[:, :, 1 + dy, 1 + dx])
            torch.testing.assert_close(channel_matrix(conv, x, tap=tap), expected, **EXACT)


def test_taps_outside_the_image_are_zero():
    conv, x = nn.Conv2d(2, 2, 3, padding=1), torch.randn(1, 2, 5, 5)
    corner = channel_matrix(conv, x, position=(0, 0))
    torch.testing.assert_close(corner, double(conv.weight[:, :, 1:, 1:]).sum((2, 3)), **EXACT)
    assert not channel_matrix(conv, x, position=(0, 0), tap=(-1, 0)).any()


def test_a_residual_is_the_identity_plus_the_branch():
    conv = nn.Conv2d(4, 4, 1)
    matrix = channel_matrix(lambda x: x + conv(x), torch.randn(1, 4, 3, 3))
    expected = torch.eye(4) + conv.weight[:, :, 0, 0]
    torch.testing.assert_close(matrix, double(expected), rtol=0, atol=1e-6)


def test_a_shuffle_is_a_permutation():
    names = torch.arange(6.0).view(1, 6, 1, 1)
    shuffled = nn.ChannelShuffle(2)(names).flatten().long()
    matrix = channel_matrix(nn.ChannelShuffle(2), torch.randn(1, 6, 4, 4))
    assert torch.equal(matrix, torch.eye(6, dtype=torch.float64)[shuffled])


def test_a_gate_is_full_live_and_diagonal_held():
    gate = SqueezeExcitation(6, 3).double()
    nn.init.constant_(gate.fc1.bias, 3.0)  # far enough from 0 that every ReLU lets through
    x = torch.randn(1, 6, 5, 5, dtype=torch.float64)
    scale = gate._scale(x)
    held = channel_matrix(lambda x: x * scale.detach(), x)
    torch.testing.assert_close(held, scale.flatten().diag().detach(), **EXACT)
    # y_ip = x_ip s_i(m), and m_j, the mean, moves by 1/25 with each of 25 pixels
    slopes = torch.autograd.functional.jacobian(
        lambda m: gate._scale(m.view(1, 6, 1, 1)).flatten(), x.mean((0, 2, 3))
    )
    live = held + x[0, :, 2, 2, None] * slopes
    torch.testing.assert_close(channel_matrix(gate, x), live, **EXACT)
    assert (live != 0).sum() > 6


def test_a_global_pool_has_no_position():
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    matrix = channel_matrix(pool, torch.randn(1, 3, 4, 4))
    torch.testing.assert_close(matrix, double(pool[2].weight), **EXACT)


def test_what_does_not_depend_is_zero():
    x = torch.randn(1, 3, 2, 2)
    assert not channel_matrix(lambda x: torch.ones(1, 2, 2, 2), x).any()
    only_first = channel_matrix(lambda x: torch.cat([x[:, :1], x.detach()], 1), x)
    assert only_first.nonzero().tolist() == [[0, 0]]


def test_a_sign_is_kept_and_the_input_matters():
    x = torch.tensor([-1.0, 2.0]).view(1, 2, 1, 1)
    assert torch.equal(channel_matrix(torch.relu, x), torch.tensor([0.0, 1.0]).double().diag())
    assert torch.equal(channel_matrix(torch.neg, x), -torch.eye(2, dtype=torch.float64))
    assert torch.equal(channel_matrix(nn.ReLU(inplace=True), x)[1], torch.tensor([0, 1]).double())


def test_a_function_in_low_precision_is_taken_as_it_is():
    conv = nn.Conv2d(2, 2, 1).bfloat16()
    matrix = channel_matrix(lambda x: conv(x), torch.randn(1, 2, 2, 2).bfloat16())
    assert torch.equal(matrix, double(conv.weight[:, :, 0, 0]))


def test_the_module_is_left_as_it_was():
    norm = nn.BatchNorm2d(3)
    norm.running_mean.uniform_(), norm.running_var.uniform_(1, 2)
    norm.weight.data = torch.tensor([1.0, -2.0, 3.0])
    before = {name: t.clone() for name, t in norm.state_dict().items()}
    x = torch.randn(4, 3, 5, 5)
    with torch.no_grad():
        matrix = channel_matrix(norm, x)
        effective_receptive_field(norm, x)
    scale = double(norm.weight) / (double(norm.running_var) + norm.eps).sqrt()
    torch.testing.assert_close(matrix, scale.diag(), **EXACT)  # eval mode
    assert norm.training and norm.weight.grad is None and norm.weight.dtype == torch.float32
    assert all(torch.equal(t, before[name]) for name, t in norm.state_dict().items())
    assert x.grad is None and not x.requires_grad


@pytest.mark.parametrize(
    "call, why",
    [
        (lambda c, x: channel_matrix(c, x, position=(9, 0)), "not in the output"),
        (lambda c, x: channel_matrix(c, x, position=(1,)), "not in the output"),
        (lambda c, x: channel_matrix(c, x, tap=(1,)), "does not name a pixel"),
        (lambda c, x: channel_matrix(lambda x: c(x).mean((2, 3)), x, tap=(0, 0)), "not name a"),
        (lambda c, x: channel_matrix(lambda x: None, x), "not a floating-point"),
        (lambda c, x: channel_matrix(lambda x: x.sum(), x), "not a floating-point"),
    ],
)
def test_a_mistake_is_told(call, why):
    with pytest.raises(UserError, match=why):
        call(nn.Conv2d(2, 2, 3, padding=1), torch.randn(1, 2, 5, 5))


def test_a_receptive_field_by_hand():
    assert receptive_field([(3,)]) == Field(3, 1, 1.0)
    assert receptive_field([(3, 1, 1)]) == Field(3, 1, 0.0)
    # 3 pixels, 2 apart; each of them saw 3 pixels: 2 * 2 + 3
    assert receptive_field([(3, 2, 1), (3, 1, 1)]) == Field(7, 2, 0.0)
    assert receptive_field([(3, 1, 2, 2), (2, 2)]) == Field(6, 2, 0.5)
    assert receptive_field([]) == Field(1, 1, 0.0)


def test_published_receptive_fields():
    """Araujo, Norris, Sim 2019 (Distill), table 1: VGG-16 212 and 32, padding 90 in effect."""
    with torch.device("meta"):
        vgg = models.vgg16().features
    assert receptive_field(vgg) == Field(212, 32, (212 - 1) / 2 - 90)


def test_layers_are_read_from_modules():
    nested = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.BatchNorm2d(2), nn.ReLU()),
        nn.MaxPool2d(3, 2, 1),
        nn.Dropout(),
        nn.AvgPool2d(2),
        nn.Identity(),
        nn.PReLU(),
        nn.Conv2d(2, 2, 3, padding="same", dilation=2),
        nn.Conv2d(2, 2, 3, padding="valid"),
        nn.ChannelShuffle(2),
    )
    by_hand = [(3, 2, 1), (3, 2, 1), (2, 2), (3, 1, 2, 2), (3, 1, 0)]
    assert receptive_field(nested) == receptive_field(by_hand)
    assert receptive_field(list(nested[:2])) == receptive_field(by_hand[:2])
    assert receptive_field(nn.Conv1d(1, 1, 5)) == Field(5, 1, 2.0)


@pytest.mark.parametrize("layer", [nn.AdaptiveAvgPool2d(1), nn.GroupNorm(1, 2), nn.Flatten()])
def test_a_layer_that_cannot_be_told(layer):
    with pytest.raises(
        UserError, match=f"receptive field of {type(layer).__name__} does not follow"
    ):
        receptive_field(nn.Sequential(nn.Conv2d(1, 2, 3), layer))


def test_a_kernel_that_is_not_square():
    with pytest.raises(UserError, match="differs between rows and columns"):
        receptive_field(nn.Conv2d(1, 2, (1, 7)))


def test_theory_and_gradients_see_the_same_pixels():
    layers = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1),
        nn.Conv2d(3, 3, 3, 2, 1),
        nn.Conv2d(3, 4, 3, padding=2, dilation=2),
        nn.AvgPool2d(2, stride=1),
    )
    image, position = torch.randn(1, 2, 31, 33), (7, 8)
    field = receptive_field(layers)
    seen = effective_receptive_field(layers, image, position)
    assert seen.shape == (31, 33)
    for axis, p in enumerate(position):
        pixels = seen.sum(1 - axis).nonzero().flatten()
        middle = field.start + p * field.jump
        assert pixels[0] == middle - (field.size - 1) / 2
        assert pixels[-1] == middle + (field.size - 1) / 2


def test_the_effective_field_by_hand():
    conv = nn.Conv2d(2, 3, 3, padding=1)
    seen = effective_receptive_field(conv, torch.randn(1, 2, 5, 5))
    expected = F.pad(double(conv.weight).abs().sum((0, 1)), (1, 1, 1, 1))
    torch.testing.assert_close(seen, expected, **EXACT)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_module_on_the_gpu():
    conv, x = nn.Conv2d(3, 3, 1).cuda(), torch.randn(1, 3, 4, 4, device="cuda")
    for fn in (conv, lambda x: conv(x)):
        matrix = channel_matrix(fn, x)
        expected = double(conv.weight[:, :, 0, 0]).cpu()
        torch.testing.assert_close(matrix, expected, rtol=1e-3, atol=1e-3)
