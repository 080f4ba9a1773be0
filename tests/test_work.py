"""Multiply-adds from operations as plain data, against hand counts."""

import torch
from convzoo.case import Case, answer
from convzoo.exercises import all_exercises, assess
from convzoo.exercises.multiply_adds import macs
from torch.nn import functional as F


def counted(fn, **tensors) -> int:
    return macs(answer(fn, Case({}, tensors)).ops)


def test_products_of_matrices():
    a, b, x = torch.ones(2, 3), torch.ones(3, 5), torch.ones(4, 2, 3)
    assert counted(lambda a, b: a @ b, a=a, b=b) == 2 * 3 * 5
    assert counted(lambda x, b: x @ b, x=x, b=b) == 4 * 2 * 3 * 5
    assert counted(lambda a, v: a @ v, a=a, v=torch.ones(3)) == 2 * 3
    assert counted(lambda a, b: F.linear(a, b.T, torch.ones(5)), a=a, b=b) == 2 * 3 * 5
    assert counted(lambda a, b: (a[:, :, None] * b).sum(1), a=a, b=b) == 0


def test_convolutions():
    x, w = torch.ones(2, 4, 7, 6), torch.ones(6, 2, 3, 3)
    # 4 x 3 positions with stride 2 and padding 1; 6 outputs of 2 inputs and 9 taps; 2 images
    seen = counted(lambda x, w: F.conv2d(x, w, None, 2, 1, 1, 2), x=x, w=w)
    assert seen == 2 * (4 * 3) * 6 * 2 * 9
    # dilation 2: 3 x 2 positions without padding
    assert counted(lambda x, w: F.conv2d(x, w, None, 1, 0, 2, 2), x=x, w=w) == 2 * 6 * 108


def test_a_grouped_convolution_through_the_full_matrix_is_right_but_wasteful():
    def full(x, weight, groups, stride=1, padding=0):
        blocks = weight.flatten(2).unflatten(0, (groups, -1))
        eye = torch.eye(groups, dtype=weight.dtype)
        wide = torch.einsum("goik,gh->gohik", blocks, eye)  # zeros off the diagonal
        wide = wide.reshape(weight.shape[0], -1, *weight.shape[2:])
        return F.conv2d(x, wide, None, stride, padding)

    verdict = assess(all_exercises()["resnext.grouped_conv2d"], full)
    assert (verdict.status, verdict.stage) == ("failed", "launches")
    assert verdict.usable and "wasteful" in verdict.message and "zeros" in verdict.message
