"""Where an answer differs, for mistakes that are in no list: what is said is there to be seen."""

from dataclasses import replace

import pytest
import torch
from convzoo.exercises import all_exercises, assess
from slips import answer, changed, defined, resnext
from torch import Generator

CONV = "convolution.conv2d"
SHUFFLE = "shufflenet.channel_shuffle"
MATRIX = "resnext.block_diagonal"
KEPT = "densenet.kept_maps"
NORM = "convolution.batch_norm"


def unlisted(id: str):
    """An exercise as if nobody had written down a mistake."""
    return replace(all_exercises()[id], mistakes=())


def spoilt(id: str, change, seed: int = 0) -> str:
    """What is said of the right results, changed. change: takes them and the arguments."""
    exercise = unlisted(id)

    def target(**given):
        return change(exercise.reference(**given), **given)

    verdict = assess(exercise, target, Generator().manual_seed(seed))
    assert verdict.status == "failed"
    return verdict.message.partition("\n\n")[0]


def with_zero_border(y, **given):
    mark = torch.zeros_like(y)
    mark[:, :, 1:-1, 1:-1] = 1
    return y * mark


def first_image_alone(y, **given):
    return torch.cat([y[:1], 3 * y[1:]])


def last_channel(y, **given):
    return torch.cat([y[:, :-1], 1 + y[:, -1:]], dim=1)


def exchanged(y, x, weight, stride, padding, dilation):
    return all_exercises()[CONV].reference(x, weight, padding + 1, stride - 1, dilation)


def as_if(**other):
    return lambda y, **given: all_exercises()[CONV].reference(**given | other)


SAYS = {
    "results": (
        "convolution.stack",
        lambda found, **given: found[::-1],
        "Two of the results are swapped: output size and receptive field",
    ),
    "factor": (CONV, lambda y, **given: 2 * y, "Every number is 2 times the expected one."),
    "part": (CONV, lambda y, **given: y / 4, "Every number is 1/4 times the expected one."),
    "sign": (CONV, lambda y, **given: -y, "Every number has the opposite sign."),
    "images": (
        SHUFFLE,
        lambda y, x, groups: y * groups,
        "Every number is too large. The factor is `groups`.",
    ),
    "pixels": (
        SHUFFLE,
        lambda y, x, groups: y / y[0, 0].numel(),
        "too small. The factor is the number of pixels",
    ),
    "offset": (CONV, lambda y, **given: y + 3, "Every number is 3 too large."),
    "zeros": (CONV, lambda y, **given: 0 * y, "Every number in it is 0."),
    "nan": (CONV, lambda y, **given: y / 0, "`nan` or infinite"),
    "relu": (CONV, lambda y, **given: y.clamp(min=0), "there is one ReLU too many"),
    "channels": (CONV, lambda y, **given: y.flip(1), "the right channels in another order"),
    "rows": (CONV, lambda y, **given: y.flip(2), "the right rows in another order"),
    "anywhere": (
        CONV,
        lambda y, **given: y.flatten().flip(0).reshape(y.shape),
        "the right numbers in another order",
    ),
    "border": (SHUFFLE, with_zero_border, ""),
    "transpose": (MATRIX, lambda y, **given: y.T, "It is the transpose of the expected matrix"),
    "flat": (MATRIX, lambda y, **given: y.flatten(), "numbers are right and in order"),
    "last_channel": (CONV, last_channel, "Only the last channel is wrong."),
    "close": (CONV, lambda y, **given: y * (1 + 1e-4 * y.cos()), "They are close"),
    "as_if": (CONV, as_if(padding=0), "as if `padding` were 0"),
    "stride_alone": (
        CONV,
        lambda y, stride, **given: y + (stride > 1) * y.cos(),
        "wrong with other values of stride and right with stride=1",
    ),
    "counts": (
        CONV,
        lambda y, **given: y[:, :, 1:],
        "The number of images, channels and columns is right, but that of rows is not.",
    ),
    "evaluation": (
        NORM,
        lambda y, training, **given: y if training else (y[0] + y[0].cos(), *y[1:]),
        "wrong with training=False and right with training=True",
    ),
}


@pytest.mark.parametrize("name", SAYS)
def test_where_it_differs_is_said(name):
    id, change, words = SAYS[name]
    for seed in range(3):
        said = spoilt(id, change, seed)
        assert words in said, said


def test_several_images_are_told_from_one():
    exercise = unlisted("senet.squeeze_excite")

    def mixed(x, **given):
        scaled, gates = exercise.reference(x, **given)
        return first_image_alone(scaled), gates

    assert "Only the first image is right." in assess(exercise, mixed).message


def test_a_layer_that_is_wrong_in_training_alone():
    id = resnext.BLOCK
    source = changed(
        answer(id),
        ("y = self.bn3(self.conv3(y))", "y = self.bn3(self.conv3(y)) * (1 + self.training)"),
    )
    verdict = assess(unlisted(id), defined(source, "Bottleneck", **resnext.NAMES))
    assert verdict.stage == "values"
    assert "wrong in training and right in evaluation" in verdict.message


def test_a_layer_that_is_not_used():
    id = resnext.BLOCK
    source = changed(
        answer(id), ("self.bn3(self.conv3(y))", "self.conv3(y) + 0 * self.bn3.bias.sum()")
    )
    verdict = assess(unlisted(id), defined(source, "Bottleneck", **resnext.NAMES))
    assert "as if `bn3` changed nothing" in verdict.message


def test_a_shape_is_told_before_the_names_that_it_causes():
    id = resnext.BLOCK
    source = changed(answer(id), ("out = planes * self.expansion", "out = planes"))
    verdict = assess(unlisted(id), defined(source, "Bottleneck", **resnext.NAMES))
    said = verdict.message
    assert "`conv3.weight` has shape" in said
    assert "The parameters do not" not in said or said.index("has shape") < said.index("The parame")


def test_sizes_the_other_way_round_are_another_mistake():
    """That 9 elements were given for 7 is not that 7 were given for 9."""
    from convzoo.case import Reply
    from convzoo.exercises.diagnosis import _raised

    one, other = (
        Reply(stage="run", raised=f"RuntimeError: running_mean should contain {a} elements not {b}")
        for a, b in ((9, 7), (7, 9))
    )
    assert _raised(one) != _raised(other)
    both = (
        Reply(
            stage="run", raised=f"The size of tensor a ({a}) must match the size of tensor b ({b})"
        )
        for a, b in ((9, 7), (7, 9))
    )
    assert _raised(next(both)) == _raised(next(both))
