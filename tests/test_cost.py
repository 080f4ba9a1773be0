"""Counting: against the framework forward, against counts by hand backward."""

import pytest
import torch
from convzoo import UserError
from convzoo.measure import cost, formulas, saved_bytes
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

pytestmark = pytest.mark.filterwarnings("ignore:Sparse .* support is in beta")
FLOAT = 4  # bytes


def framework_macs(fn, *inputs) -> int:
    with FlopCounterMode(display=False) as counter:
        fn(*inputs)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize(
    "fn, shape",
    [
        (nn.Conv1d(4, 6, 3, groups=2), (2, 4, 9)),
        (nn.Conv2d(4, 6, (3, 2), stride=2, padding=1, dilation=2, groups=2), (2, 4, 9, 8)),
        (nn.Conv2d(4, 6, 3, padding="same"), (4, 9, 9)),
        (nn.Conv3d(2, 4, 3, groups=2), (1, 2, 5, 6, 7)),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (2, 4, 5, 5)),
        (nn.Linear(5, 7), (2, 3, 5)),
        (nn.Bilinear(5, 5, 2), None),
        (lambda x: torch.einsum("nchw,ndhw->ncd", x, x), (2, 3, 4, 5)),
        (lambda x: torch.baddbmm(x, x, x), (2, 4, 4)),
        (lambda x: torch.matmul(x, x[0, 0]), (2, 3, 4, 4)),
    ],
)
def test_forward_agrees_with_the_framework(fn, shape):
    inputs = (torch.randn(shape),) if shape else (torch.randn(3, 5), torch.randn(3, 5))
    assert cost(fn, *inputs).macs == framework_macs(fn, *inputs)


def test_a_real_run_and_inference_mode_count_as_the_meta_device_does():
    net = models.mobilenet_v2(width_mult=0.35).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        real = cost(net, x)
        with torch.inference_mode():  # here a composite reaches the dispatch whole
            assert cost(net, x) == real
        meta = cost(net.to("meta"), x.to("meta"))
    assert (meta.params, meta.macs, meta.launches) == (real.params, real.macs, real.launches)
    assert real.macs == framework_macs(net, x.to("meta"))


# Backward, by hand: the gradient of the input and that of the weight each cost the forward.
@pytest.mark.parametrize(
    "layer, shape, forward",
    [
        # 32 channels, 9 taps, 8x8 positions: 18,432 forward, 36,864 backward
        (nn.Conv2d(32, 32, 3, padding=1, groups=32), (1, 32, 8, 8), 32 * 9 * 64),
        # 2 images, 4x4 positions, 6 outputs that each see 2 channels and 9 taps
        (nn.Conv2d(4, 6, 3, 2, 1, groups=2), (2, 4, 8, 8), 2 * 16 * 6 * 2 * 9),
        (nn.Conv2d(4, 6, 3, padding=2, dilation=2), (2, 4, 8, 8), 2 * 64 * 6 * 4 * 9),
        # transposed: every one of 5x5 inputs in 4 channels goes to 3 channels by 9 taps
        (nn.ConvTranspose2d(4, 6, 3, 2, groups=2), (1, 4, 5, 5), 25 * 4 * 3 * 9),
        (nn.ConvTranspose2d(4, 4, 3, groups=4), (3, 4, 5, 5), 3 * 25 * 4 * 9),
        (nn.Conv1d(6, 6, 5, groups=3, padding=2), (2, 6, 7), 2 * 7 * 6 * 2 * 5),
        (nn.Linear(5, 7), (3, 5), 3 * 5 * 7),
        (nn.Linear(5, 7, bias=False), (2, 3, 5), 6 * 5 * 7),
    ],
)
def test_backward_is_twice_the_forward(layer, shape, forward):
    counted = cost(layer, torch.randn(shape), backward=True)
    assert (counted.macs, counted.backward.macs) == (forward, 2 * forward)


@pytest.mark.parametrize(
    "fn, shapes, forward",
    [
        (torch.mm, [(2, 3), (3, 5)], 2 * 3 * 5),
        (torch.bmm, [(4, 2, 3), (4, 3, 5)], 4 * 2 * 3 * 5),
        (torch.addmm, [(5,), (2, 3), (3, 5)], 2 * 3 * 5),
        (torch.baddbmm, [(4, 2, 5), (4, 2, 3), (4, 3, 5)], 4 * 2 * 3 * 5),
        (
            lambda x, w: torch.einsum("ngchw,goc->ngohw", x, w),
            [(2, 3, 4, 5, 5), (3, 6, 4)],
            2 * 25 * 3 * 6 * 4,
        ),
    ],
)
def test_backward_of_products(fn, shapes, forward):
    counted = cost(fn, *map(torch.randn, shapes), backward=True)
    assert (counted.macs, counted.backward.macs) == (forward, 2 * forward)


def test_a_product_of_vectors():
    x, w = torch.randn(8), torch.randn(5, 8)
    assert cost(torch.dot, x, x).macs == 8
    assert cost(torch.mv, w, x).macs == 40


def test_attention():
    q = torch.randn(1, 2, 4, 8)  # 2 heads, 4 queries and keys, 8 wide
    counted = cost(F.scaled_dot_product_attention, q, q, q, backward=True)
    assert counted.macs == 2 * 2 * 4 * 4 * 8  # scores, then their sum of values
    assert counted.backward.macs == 5 * 2 * 4 * 4 * 8  # scores again, and four gradients


def test_only_the_gradients_that_are_asked_for_count():
    x, conv = torch.randn(1, 4, 6, 6), nn.Conv2d(4, 4, 3, padding=1, groups=2)
    one = 36 * 4 * 2 * 9
    assert cost(lambda x: conv(x.detach()), x, backward=True).backward.macs == one
    conv.weight.requires_grad_(False)
    frozen = cost(conv, x, backward=True).backward
    assert frozen.macs == one
    # reads the gradient and the weight, not the image; writes the image's and the bias's
    assert frozen.bytes_read == FLOAT * (144 + 72)
    assert frozen.bytes_written == FLOAT * (144 + 4)


def test_backward_of_a_linear_layer_on_apple_silicon():
    """There it is one operation, that no other device has: x [3, 5], weight [7, 5]."""
    x, grad, weight = torch.randn(3, 5), torch.randn(3, 7), torch.randn(7, 5)
    for wanted, times in [((True, True, True), 2), ((True, False, False), 1)]:
        args = (x, grad, weight, wanted)
        assert formulas.macs("linear_backward", args, None) == times * 3 * 7 * 5


def naive(x, w):  # x [2, 4, 4], w [3, 2, 3, 3]
    y = torch.zeros(3, 2, 2)
    for o in range(3):
        for i in range(2):
            for j in range(2):
                y[o, i, j] = (x[:, i : i + 3, j : j + 3] * w[o]).sum()
    return y


def test_a_naive_loop_has_a_visible_cost():
    counted = cost(naive, torch.randn(2, 4, 4), torch.randn(3, 2, 3, 3), backward=True)
    assert counted.macs == 0
    assert counted.products == 12 * 18
    assert counted.launches == 1 + 12 * 3  # zeros; multiply, sum, store
    assert counted.backward.products == 2 * 12 * 18
    assert counted.bytes_read == FLOAT * 12 * (18 + 18 + 18 + 1)
    assert counted.bytes_written == FLOAT * (12 + 12 * (18 + 1 + 1))


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.view(8, 2).t().unsqueeze(0).expand(3, 2, 8)[:, 1:].permute(2, 0, 1),
        lambda x: x.as_strided((2, 3), (1, 1)).detach().squeeze(),
        lambda x: x.unfold(0, 3, 1) is x.reshape(2, 8).contiguous().flatten(),
        lambda x: x.chunk(2) + x.split(1) + (x.narrow(0, 0, 1), x.unbind()[0], x.T, x.diagonal()),
        lambda x: (torch.empty(7, 7), x.new_empty(3), torch.empty_like(x)),
        lambda x: x.detach().unsqueeze_(0).squeeze_(0).to(x.dtype),
    ],
)
def test_views_and_allocations_are_no_launch(view):
    counted = cost(view, torch.randn(4, 4)[:, :4])
    assert (counted.launches, counted.bytes) == (0, 0)


@pytest.mark.parametrize(
    "fn, read, written",
    [
        (lambda x: x + 1, 12, 12),
        (lambda x: x * x, 12, 12),  # the same tensor is read once
        (lambda x: x.relu_(), 12, 12),
        (lambda x: x.zero_(), 0, 12),
        (lambda x: x[:1].copy_(x[1:2]), 4, 4),
        (lambda x: torch.zeros_like(x), 0, 12),
        (lambda x: x.new_ones(5), 0, 5),
        (lambda x: torch.add(x, 1, out=torch.empty(3, 4)), 12, 12),
        (lambda x: x.T.contiguous(), 12, 12),
        (lambda x: x[0].expand(6, 4).clone(), 4, 24),
        (lambda x: x[:, 0].expand(6, 3).clone(), 3, 18),
        (lambda x: x.flatten().unfold(0, 3, 1).clone(), 12, 30),  # windows that overlap
        (lambda x: torch.cat([x, x + 1]), 12 + 24, 12 + 24),
        (lambda x: x.sum(), 12, 1),
        (lambda x: x[:0].t().clone(), 0, 0),
        (lambda x: x[0, 0].item(), 1, 0),
    ],
)
def test_bytes_by_hand(fn, read, written):
    counted = cost(fn, torch.randn(3, 4))
    assert (counted.bytes_read, counted.bytes_written) == (FLOAT * read, FLOAT * written)


def test_bytes_follow_the_dtype():
    x = torch.randn(10, dtype=torch.bfloat16)
    counted = cost(lambda x: x > 0, x)
    assert (counted.bytes_read, counted.bytes_written) == (20, 10)


STORED = {"coo": 4, "csr": 4, "csc": 4, "bsr": 16}  # bsr: four 2x2 blocks, multiplied whole


def sparse(layout: str) -> torch.Tensor:
    """Four non-zeros in an 8x8 matrix."""
    rows, columns = torch.tensor([0, 2, 2, 5]), torch.tensor([1, 1, 7, 0])
    dense = torch.zeros(8, 8).index_put((rows, columns), torch.arange(1.0, 5.0))
    block = ((2, 2),) if layout == "bsr" else ()
    return getattr(dense, f"to_sparse_{layout}")(*block)


@pytest.mark.parametrize("layout", STORED)
def test_a_sparse_product_counts_its_non_zeros(layout):
    a, stored = sparse(layout), STORED[layout]
    x = torch.randn(8, 5)
    assert cost(lambda a, x: a @ x, a, x).macs == stored * 5
    assert cost(torch.sparse.mm, a, x).macs == stored * 5
    assert cost(lambda a, x: torch.addmm(x, a, x), a, x).macs == stored * 5
    assert cost(lambda a, x: a @ x[:, 0], a, x).macs == stored
    if layout != "bsr":  # multiplies from the left alone
        assert cost(lambda a, x: x.T @ a, a, x).macs == stored * 5


def test_the_bytes_of_a_sparse_product():
    a = sparse("csr")
    counted = cost(lambda a, x: a @ x, a, torch.randn(8, 5))
    index = 8 * (8 + 1) + 8 * 4  # row pointers and columns, int64
    assert counted.bytes_read == index + FLOAT * (4 + 40)
    assert counted.bytes_written == FLOAT * 40


def test_both_factors_sparse():
    a = sparse("csr")
    # columns of a hold 1, 2, 0, ..., 1 entries; its rows 1, 0, 2, 0, 0, 1, 0, 0
    assert cost(lambda a: a @ a, a).macs == 1 * 1 + 2 * 0 + 0 * 2 + 1 * 0


def test_the_backward_of_a_sparse_product():
    a = sparse("csr")
    dense = cost(lambda a, x: a @ x, a, torch.randn(8, 5), backward=True).backward
    assert dense.macs == 4 * 5 + 8 * 8 * 5  # of x: non-zeros; of a: a dense gradient
    masked = cost(torch.sparse.mm, a, torch.randn(8, 5), backward=True).backward
    assert masked.macs == 4 * 5 + 4 * 5  # of a: at its non-zeros only


def test_a_shared_parameter_counts_once():
    layer = nn.Linear(4, 4)
    assert cost(nn.Sequential(layer, nn.ReLU(), layer), torch.randn(1, 4)).params == 20


def test_parameters_of_a_closure_are_seen():
    conv = nn.Conv2d(2, 3, 1)
    counted = cost(lambda x: conv(conv(x)[:, :2]), torch.randn(1, 2, 4, 4), backward=True)
    assert counted.params == counted.backward.params == 9
    assert counted.backward.macs == 2 * 2 * 16 * 6


def test_results_may_be_nested():
    counted = cost(lambda x: {"a": (x @ x, [x.sum()])}, torch.randn(3, 3), backward=True)
    assert counted.backward.macs == 2 * 27


def test_nothing_is_disturbed():
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    x = torch.randn(2, 2, 5, 5)
    before = {name: t.clone() for name, t in net.state_dict().items()}
    state = torch.get_rng_state()
    cost(net, x, backward=True)
    saved_bytes(net, x)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())
    assert net.training and not x.requires_grad and x.grad is None
    assert all(p.grad is None for p in net.parameters())


def test_the_input_may_be_changed_in_place():
    assert cost(nn.ReLU(inplace=True), torch.randn(3), backward=True).launches == 1


def test_a_result_without_a_backward_pass_is_told():
    with pytest.raises(UserError, match="no result depends on an input"):
        cost(lambda x: x.detach() * 2, torch.randn(3), backward=True)


def test_a_cost_reads_as_a_sentence():
    text = str(cost(nn.Linear(50, 20, bias=False), torch.randn(3, 50), backward=True))
    assert text.startswith("1,000 parameters, 3,000 multiply-adds, 0 products, 4,600 bytes read")
    assert "\nbackward: 1,000 parameters, 6,000 multiply-adds" in text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_counts_as_the_cpu_does():
    net, x = models.mobilenet_v2(width_mult=0.35), torch.randn(2, 3, 64, 64)
    here, there = (cost(net.to(d), x.to(d), backward=True) for d in ("cpu", "cuda"))
    assert (there.macs, there.backward.macs) == (here.macs, here.backward.macs)
