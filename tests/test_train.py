"""The training loop: it learns, repeats itself, and is quiet where nobody looks."""

import io
import sys

import pytest
import torch
from convzoo import UserError, data, live
from convzoo.train import History, Recipe, evaluate, train
from torch import nn
from torch.nn import functional as F


@pytest.fixture(scope="module")
def digits():
    return data.load("digits").limit(train=256, test=64).normalised()


def net(seed=0, dropout=0.0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Dropout(dropout), nn.Linear(32, 10)
    )


def test_it_learns_the_digits(digits):
    history = train(net(), digits, epochs=8, lr=0.1)
    assert history.done == history.epochs == 8
    assert history.test_accuracy[-1] > 0.8 > 0.5 > 1 - history.train_accuracy[-1]
    assert history.train_loss[-1] < history.train_loss[0] and history.seconds > 0


def test_the_same_seed_gives_the_same_training_and_leaves_the_generator_alone(digits):
    torch.manual_seed(5)
    expected = torch.rand(3)
    runs = []
    for seed in (1, 1, 2):
        model = net(dropout=0.5)
        torch.manual_seed(5)
        history = train(model, digits, epochs=2, seed=seed)
        assert torch.equal(torch.rand(3), expected)
        runs.append((history.train_loss, model[1].weight.detach()))
    assert runs[0][0] == runs[1][0] and torch.equal(runs[0][1], runs[1][1])
    assert runs[0][0] != runs[2][0]


def test_one_epoch_of_plain_sgd_is_the_step_written_out(digits):
    few, model = digits.limit(train=16, test=16), net()
    loss = F.cross_entropy(model(few.train_x), few.train_y)
    (gradient,) = torch.autograd.grad(loss, model[1].weight)
    after = model[1].weight.detach() - 0.5 * gradient
    plain = Recipe(momentum=0.0, weight_decay=0.0, cosine=False)
    history = train(model, few, epochs=1, batch_size=16, lr=0.5, recipe=plain)
    torch.testing.assert_close(model[1].weight.detach(), after)
    assert history.train_loss == [pytest.approx(float(loss.detach()))]


def test_evaluation_is_in_eval_mode_and_by_the_whole_set(digits):
    model = net(dropout=0.9)
    loss, accuracy = evaluate(model, digits.test_x, digits.test_y, batch_size=7)
    model.eval()
    output = model(digits.test_x).detach()
    assert loss == pytest.approx(float(F.cross_entropy(output, digits.test_y)), rel=1e-5)
    assert accuracy == pytest.approx(float((output.argmax(1) == digits.test_y).float().mean()))
    model.train()
    evaluate(model, digits.test_x, digits.test_y)
    assert model.training


def test_pixels_that_are_not_asked_do_not_count():
    images = data.made("far_clue", train=16, test=8)
    always_cat = nn.Conv2d(1, 2, 1)
    with torch.no_grad():
        always_cat.weight.zero_()
        always_cat.bias.copy_(torch.tensor([1.0, 0.0]))
    _, accuracy = evaluate(always_cat, images.test_x, images.test_y)
    asked = images.test_y[images.test_y != data.IGNORED]
    assert len(asked) == 8 and accuracy == pytest.approx(float((asked == 0).float().mean()))
    assert train(always_cat, images, epochs=1).done == 1


def test_adam_and_label_smoothing_train_too(digits):
    recipe = Recipe("adam", label_smoothing=0.1)
    history = train(net(), digits, epochs=3, lr=0.01, recipe=recipe)
    assert history.test_accuracy[-1] > 0.6


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"lr": 0}, "lr=0"),
        ({"recipe": Recipe("lion")}, "lion"),
        ({"lr": 1e20}, "smaller lr"),
    ],
)
def test_what_cannot_be_is_a_sentence(digits, settings, says):
    with pytest.raises(UserError, match=says):
        train(net(), digits, **{"epochs": 2, **settings})


def test_a_watcher_sees_every_epoch_and_nothing_is_printed(digits, capsys):
    seen = []
    train(net(), digits, epochs=3, on_epoch=lambda history: seen.append(history.done))
    assert seen == [0, 1, 2, 3]
    train(net(), digits, epochs=1)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_one_line_that_fills(digits, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    train(net(), digits, epochs=2, title="dense")
    said = terminal.getvalue()
    assert said.count("\n") == 1 and said.endswith("test\n")
    assert "dense [" + "." * 24 + "] epoch 0 of 2" in said and "dense [" + "#" * 24 + "]" in said


def test_a_picture_of_the_history_has_words():
    history = History(2)
    assert "is running" in live.progress_picture(history, "dense").alt
    history.add(2.0, 0.5, 1.9, 0.4)
    history.add(1.0, 0.75, 1.2, 0.6)
    alt = live.progress_picture(history, "dense").alt
    assert alt.startswith("dense, 2 of 2 epochs")
    assert "test goes from 40 at 1 to 60 at 2" in alt
    assert str(history) == "epoch 2 of 2: loss 1.000, accuracy 75.0% train, 60.0% test"
    assert history.as_dict()["test_loss"] == [1.9, 1.2]
