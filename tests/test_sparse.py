"""Sparse layouts: patterns by count, index bytes against torch's own tensors, crossovers."""

import math
import warnings

import pytest
import torch
from convzoo import UserError
from convzoo.measure import sparse
from convzoo.measure.timing import Timing
from convzoo.show import sparsity


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's "beta" notices
        yield


# --- patterns -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "n", "density", "entries"),
    [
        ("random", 64, 0.001, 4),  # 4.096 of 4096
        ("random", 64, 0.1, 410),
        ("random", 64, 1.0, 4096),
        ("random", 8, 0.001, 1),  # never none
        ("blocks", 128, 0.25, 4 * 32 * 32),  # 4 of 16 tiles
        ("blocks", 128, 0.001, 32 * 32),
        ("block-diagonal", 64, 0.25, 64 * 16),  # 4 groups of 16
        ("block-diagonal", 64, 0.001, 64),  # no finer than the diagonal
        ("block-diagonal", 64, 1.0, 4096),
        ("block-diagonal", 12, 0.3, 12 * 4),  # 1 / 0.3 = 3.3: 3 groups, not 4
        ("block-diagonal + off-diagonal blocks", 64, 0.25, 16 * 64),  # 8 + 8 blocks of 8 x 8
        ("block-diagonal + off-diagonal blocks", 64, 1.0, 4096),
        ("block-diagonal + off-diagonal blocks", 8, 0.001, 9),
        ("permutation", 64, 0.5, 64),
    ],
)
def test_a_pattern_has_the_entries_that_its_density_asks_for(pattern, n, density, entries):
    where = sparse.mask(pattern, n, density)
    assert where.shape == (n, n) and where.dtype == torch.bool
    assert int(where.sum()) == entries
    assert sparse.density_of(where) == entries / n**2


def test_patterns_are_what_they_are_called():
    tiles = sparse.mask("blocks", 128, 0.25).reshape(4, 32, 4, 32)
    assert set(tiles.float().mean((1, 3)).flatten().tolist()) == {0.0, 1.0}
    assert torch.equal(
        sparse.mask("block-diagonal", 12, 0.25), torch.block_diag(*[torch.ones(3, 3)] * 4).bool()
    )
    mixed = sparse.mask("block-diagonal + off-diagonal blocks", 64, 0.25)
    own = torch.block_diag(*[torch.ones(8, 8)] * 8).bool()
    assert (mixed & own).sum() == own.sum() and (mixed & ~own).sum() == 8 * 64
    moved = sparse.mask("permutation", 16, 0.1)
    assert sparse.is_permutation(moved) and not torch.equal(moved, torch.eye(16).bool())


@pytest.mark.parametrize("pattern", sparse.PATTERNS)
def test_a_seed_fixes_a_pattern(pattern):
    first, same, other = (sparse.mask(pattern, 128, 0.1, seed) for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert torch.equal(first, other) == (pattern == "block-diagonal")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("stripes", 64, 0.1), "stripes"),
        (("random", 64, 0.0), "0.0"),
        (("random", 64, 1.5), "1.5"),
        (("blocks", 100, 0.1), "100"),
        (("random", 0, 0.1), "0"),
    ],
)
def test_a_pattern_that_cannot_be_is_a_sentence(arguments, says):
    with pytest.raises(UserError, match=says):
        sparse.mask(*arguments)


def test_the_finest_blocks_on_the_diagonal_are_found():
    blocks = torch.block_diag(*[torch.ones(3, 3)] * 4).bool()
    assert sparse.groups_of(blocks) == 4
    assert sparse.groups_of(torch.eye(5).bool()) == 5
    assert sparse.groups_of(torch.ones(6, 6).bool()) == 1
    blocks[0, 11] = True
    assert sparse.groups_of(blocks) is None
    hole = torch.eye(4).bool()
    hole[2, 2] = False  # an empty row lies in any block
    assert sparse.groups_of(hole) == 4


def test_a_thumbnail_says_how_full_each_tile_is():
    where = torch.zeros(4, 4, dtype=torch.bool)
    where[0, 0] = where[0, 1] = where[3, 3] = True
    assert sparse.thumbnail(where, 2).tolist() == [[0.5, 0.0], [0.0, 0.25]]
    with pytest.raises(UserError, match="3 cells"):
        sparse.thumbnail(where, 3)


# --- what the index weighs ------------------------------------------------------


def storage(*tensors):
    return sum(t.numel() * t.element_size() for t in tensors)


@pytest.mark.parametrize("pattern", sparse.PATTERNS)
@pytest.mark.parametrize("density", [0.01, 0.2, 1.0])
def test_index_bytes_are_those_of_torchs_own_tensors(pattern, density):
    where = sparse.mask(pattern, 128, density)
    weight = where.double()
    coo, csr, bsr = weight.to_sparse(), weight.to_sparse_csr(), weight.to_sparse_bsr((32, 32))
    assert sparse.index_bytes("COO", where) == storage(coo.indices())
    assert sparse.index_bytes("CSR", where) == storage(csr.crow_indices(), csr.col_indices())
    assert sparse.index_bytes("BSR", where) == storage(bsr.crow_indices(), bsr.col_indices())
    assert sparse.stored_values("COO", where) == coo.values().numel()
    assert sparse.stored_values("CSR", where) == csr.values().numel()
    assert sparse.stored_values("BSR", where) == bsr.values().numel()
    assert sparse.index_bytes("dense", where) == 0
    assert sparse.stored_values("dense", where) == 128**2


def test_index_bytes_by_hand():
    diagonal = torch.eye(8).bool()
    assert sparse.index_bytes("COO", diagonal) == 8 * 2 * 8
    assert sparse.index_bytes("CSR", diagonal) == 8 * (9 + 8)
    assert sparse.index_bytes("CSR", diagonal, index_size=4) == 4 * (9 + 8)
    assert sparse.index_bytes("BSR", diagonal, block=4) == 8 * (3 + 2)
    assert sparse.stored_values("BSR", diagonal, block=4) == 2 * 16
    assert sparse.index_bytes("block-diagonal", diagonal) == 0
    assert sparse.index_bytes("permutation", diagonal) == 8 * 8
    halves = torch.block_diag(torch.ones(4, 4), torch.ones(4, 4)).bool()
    assert sparse.stored_values("block-diagonal", halves) == 32


@pytest.mark.parametrize(
    ("layout", "says"), [("BSR", "32 x 32"), ("block-diagonal", "diagonal"), ("CSC", "CSC")]
)
def test_a_layout_that_does_not_fit_is_a_sentence(layout, says):
    where = torch.ones(12, 12).bool().triu()
    with pytest.raises(UserError, match=says):
        sparse.index_bytes(layout, where)


# --- the products ---------------------------------------------------------------


@pytest.mark.parametrize("pattern", sparse.PATTERNS)
@pytest.mark.parametrize("density", [0.02, 0.3, 1.0])
def test_every_layout_gives_the_masked_dense_product(pattern, density):
    gen = torch.Generator().manual_seed(1)
    where = sparse.mask(pattern, 64, density)
    weight = torch.randn(64, 64, generator=gen, dtype=torch.float64)
    x = torch.randn(64, 5, generator=gen, dtype=torch.float64)
    found = sparse.layouts(weight, where)
    assert tuple(found) == sparse.LAYOUTS
    fitting = {name for name in found if not sparse.misfit(name, where, 32)}
    assert fitting >= {"dense", "COO", "CSR", "BSR"}
    for name in fitting:
        torch.testing.assert_close(found[name](x), (weight * where) @ x)
    assert ("block-diagonal" in fitting) == (sparse.groups_of(where) is not None)
    one_each = pattern == "permutation" or torch.equal(where, torch.eye(64).bool())
    assert ("permutation" in fitting) == one_each


def test_a_layout_that_the_device_lacks_says_so_and_the_others_go_on(monkeypatch):
    def absent(weight, mask, block):
        raise RuntimeError("addmm_sparse_csr: torch was built without MKL\nmore")

    sparse._lacking.cache_clear()
    monkeypatch.setitem(sparse._BUILD, "CSR", absent)
    try:
        step = sparse.sweep(n=64, columns=4, density=0.1, budget_seconds=0.01)
    finally:
        sparse._lacking.cache_clear()
    reason = "RuntimeError: addmm_sparse_csr: torch was built without MKL"
    assert step.times["CSR"].reason == reason
    assert step.times["dense"].available and step.times["COO"].available


def test_a_layout_whose_product_fails_or_is_wrong_here_says_so(monkeypatch):
    def fails(weight, mask, block):
        def product(x):
            raise NotImplementedError("no such kernel")

        return product

    sparse._lacking.cache_clear()
    monkeypatch.setitem(sparse._BUILD, "CSR", fails)
    monkeypatch.setitem(sparse._BUILD, "BSR", lambda weight, mask, block: lambda x: 2 * x)
    try:
        found = sparse.layouts(torch.eye(64), torch.eye(64).bool())
    finally:
        sparse._lacking.cache_clear()
    assert found["CSR"] == sparse.Unavailable("NotImplementedError: no such kernel")
    assert "wrong" in found["BSR"].reason


def test_a_product_that_is_wrong_is_never_timed():
    weight = torch.eye(8)
    times = sparse.timed(
        {"good": lambda x: weight @ x, "bad": lambda x: 1.5 * x},
        torch.ones(8, 2),
        {"good": weight, "bad": weight},
        0.01,
    )
    assert times["good"].repeats >= 3
    assert times["bad"].reason == "its product is off by 50.0% of the dense one's largest entry"


# --- the crossover --------------------------------------------------------------


def test_the_crossover_lies_where_the_curves_meet():
    # Sparse time grows with the density: d / 0.2 of the dense one's, so they meet at 0.2.
    densities = [0.01, 0.1, 1.0]
    dense, csr = [1.0] * 3, [d / 0.2 for d in densities]
    assert sparse.crossover(densities, dense, csr) == pytest.approx(0.2)
    assert sparse.crossover([0.1, 0.4], [1, 1], [0.5, 2]) == pytest.approx(0.2)  # log's middle


def test_no_crossover_where_one_always_wins():
    assert sparse.crossover([0.1, 1.0], [1, 1], [0.2, 0.9]) is None
    assert sparse.crossover([0.1, 1.0], [1, 1], [2, 9]) is None
    assert sparse.crossover([], [], []) is None


def test_a_time_that_is_missing_is_left_out_and_the_last_crossing_counts():
    densities = [0.001, 0.01, 0.1, 1.0]
    assert sparse.crossover(densities, [1] * 4, [0.1, math.nan, 0.1, 10]) == pytest.approx(10**-0.5)
    noisy = sparse.crossover([0.01, 0.02, 0.04, 0.1, 1.0], [1] * 5, [0.1, 1.1, 0.9, 0.1, 10])
    assert noisy == pytest.approx(10**-0.5)
    with pytest.raises(UserError, match="must increase"):
        sparse.crossover([0.1, 0.01], [1, 1], [1, 1])


# --- the slider's step ----------------------------------------------------------


def test_a_step_tells_every_layout():
    step = sparse.sweep(n=64, columns=4, pattern="block-diagonal", density=0.2, budget_seconds=0.02)
    assert tuple(step.times) == sparse.LAYOUTS
    assert step.asked == 0.2 and step.density == 0.25
    assert all(isinstance(time, Timing) for time in step.times.values())
    assert step.times["permutation"].reason.startswith("it does not have one entry")
    assert step.index_bytes["block-diagonal"] == 0 and "permutation" not in step.index_bytes
    assert step.index_bytes["COO"] == 2 * 8 * 64 * 16
    assert step.fastest in sparse.LAYOUTS
    assert step.picture.shape == (32, 32) and step.picture.mean() == pytest.approx(0.25)


def test_a_product_too_slow_for_the_budget_is_timed_once(monkeypatch):
    monkeypatch.setattr(sparse, "perf_counter", iter(range(100)).__next__)  # a second a call
    weight = torch.eye(8)
    times = sparse.timed({"slow": lambda x: weight @ x}, torch.ones(8, 2), {"slow": weight}, 0.01)
    assert times["slow"] == Timing(1, 1, 0.0, 1)


def test_a_device_without_sparse_layouts_shows_the_recorded_curves_and_says_so():
    recorded = [{"density": d, "speedup": 1 / d, "low": 1.0, "high": 2.0} for d in (0.1, 0.5)]
    title = sparsity.at_a_tenth("mps", [])
    picture = sparsity.speed_ups({"CSR": []}, [("CSR, a chip", recorded)], {"CSR": None}, title)
    assert "mps: torch has no CSR product here" in picture.html and "CSR, a chip" in picture.html
    title = sparsity.at_a_tenth("cpu", [(0.03, 9.0), (0.101, 2.0), (0.5, 0.5)])
    assert title == "cpu: at 10% CSR is 2.00 times as fast as dense"
