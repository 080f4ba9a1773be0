"""How far a network's answers have moved."""

import pytest
import torch
from convzoo import measure


def test_what_has_moved_is_half_the_sum_of_the_changes():
    before = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    after = torch.tensor([[0.5, 0.3, 0.2], [0.0, 0.0, 1.0]])
    assert measure.changed(after, before) == pytest.approx((0.2 + 1) / 2)
