"""`count`: networks by name, settings in torchvision's words, mistakes as one sentence."""

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from convzoo import UserError, count, ideas, place
from convzoo.__main__ import main as command_line
from convzoo.measure import cost
from torchvision import models
from torchvision.models.resnet import Bottleneck

RESNEXT = "resnext50_32x4d"


def theirs(size=(224, 224), groups=32, width_per_group=4, **settings) -> dict:
    """What torchvision's own ResNeXt-50 has and does."""
    settings |= {"groups": groups, "width_per_group": width_per_group}
    with torch.device("meta"):
        network = models.ResNet(Bottleneck, [3, 4, 6, 3], **settings).eval()
        found = cost(network, torch.empty(1, 3, *size))
    return {"name": RESNEXT, "params": found.params, "macs": found.macs}


@pytest.mark.parametrize("size", [(97, 131), (33, 64), (17, 17), (300, 225)])
def test_any_height_and_width_costs_what_torchvisions_costs(size):
    assert count.main(RESNEXT, size=size) == theirs(size)


@pytest.mark.parametrize(("groups", "width_per_group"), [(8, 14), (3, 40), (7, 9), (1, 64)])
def test_settings_are_torchvisions(groups, width_per_group):
    settings = {"groups": groups, "width_per_group": width_per_group}
    assert count.main(RESNEXT, 10, settings=settings) == theirs(num_classes=10, **settings)


def test_the_depth_is_a_setting_and_an_image_has_to_fit_it():
    deep, shallow = count.main("resnet50"), count.main("resnet101", settings={"layers": "3,4,6,3"})
    assert (shallow["params"], shallow["macs"]) == (deep["params"], deep["macs"])
    three = {"layers": [3, 4, 6]}
    assert count.main("resnet50", size=(9, 9), settings=three)["macs"] > 0
    with pytest.raises(UserError, match="9 x 8 is too small for resnet50: give 9 x 9"):
        count.main("resnet50", size=(9, 8), settings=three)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "resnxt50_32x4d"}, "no network 'resnxt50_32x4d'. Did you mean resnext50_32x4d?"),
        ({"name": "ResNet50"}, "no network 'ResNet50'. Did you mean resnet50?"),
        ({"name": "vgg"}, "no network 'vgg'. Choose one of: "),
        ({"classes": 0}, "0 classes: give a number from 1 to 1,000,000"),
        ({"classes": -3}, "-3 classes"),
        ({"size": (16, 40)}, "16 x 40 is too small for resnext50_32x4d: give 17 x 17 or more"),
        ({"size": (0, -1)}, "0 x -1 is too small"),
        ({"size": (224, 10**9)}, "224 x 1000000000 is too large: give at most 1000000"),
        ({"settings": {"group": "8"}}, "no setting 'group'. Did you mean groups?"),
        ({"settings": {"colour": "8"}}, "'colour'. Choose one of: layers, groups, width_per_group"),
        ({"settings": {"groups": "0"}}, "groups is '0', but must be a whole number from 1 to"),
        ({"settings": {"groups": "-8"}}, "groups is '-8'"),
        ({"settings": {"groups": "2.5"}}, "groups is '2.5'"),
        ({"settings": {"groups": "true"}}, "groups is 'true'"),
        ({"settings": {"groups": "8,8"}}, "groups is '8,8'"),
        ({"settings": {"groups": ""}}, "groups is ''"),
        ({"settings": {"groups": "eight"}}, "groups is 'eight', but must be a whole number"),
        ({"settings": {"layers": "3,0"}}, "one or more values, each a whole number from 1"),
        ({"settings": {"groups": 10**6, "width_per_group": 10**6}}, "too large to count"),
    ],
)
def test_a_mistake_is_told_with_what_was_asked_and_what_is_possible(arguments, sentence):
    with pytest.raises(UserError) as problem:
        count.main(**{"name": RESNEXT, **arguments})
    assert sentence in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("usual", "text", "value"),
    [
        (8, "14", 14),
        (1.0, "0.5", 0.5),
        (1.0, "2", 2.0),
        (False, "True", True),
        (True, "false", False),
        ((6, 12), "1,2,3", (1, 2, 3)),
        ((6, 12), "[4]", (4,)),
    ],
)
def test_a_setting_is_read_as_what_it_usually_is(tmp_path, monkeypatch, usual, text, value):
    given = {}
    made = lambda defs, **settings: given.update(settings)  # noqa: E731
    network = count.Network("09_made", made, {"s": usual})
    (tmp_path / "solutions").mkdir()
    for name in ("networks.py", "09_made.py"):
        (tmp_path / "solutions" / name).write_text("# %%\n")
    monkeypatch.setattr(count, "networks", lambda folder: {"made": network})
    count.build("made", settings={"s": text}, folder=tmp_path)
    assert given["s"] == value
    assert type(given["s"]) is type(usual)


@pytest.mark.parametrize("text", ["nan", "1e999", "-1", "[" * 5000])
def test_a_share_is_a_number_above_nothing(text):
    with pytest.raises(UserError, match="a number above 0"):
        count._value("width_mult", text, 1.0)


def test_every_network_stands_in_a_lesson_that_a_reader_is_told(root):
    for name, network in count.networks(root / "solutions").items():
        assert ideas.families()[count.family(name)] == network.lesson
        assert (root / "solutions" / f"{network.lesson}.py").is_file()


def test_the_blocks_are_the_solutions_own_and_never_the_frameworks(root):
    defs = count.definitions(root / "solutions" / "02_resnext.py")
    assert isinstance(defs, SimpleNamespace)
    assert defs.convolve is defs.grouped_conv2d


def test_a_solution_that_does_not_run_is_named(tmp_path):
    (tmp_path / "09_made.py").write_text('# %% tags=["define"]\nx = 1 / 0\n')
    with pytest.raises(UserError, match="09_made.py does not run: .*ZeroDivisionError"):
        count.definitions(tmp_path / "09_made.py")


# --- the command line ------------------------------------------------------------


def test_the_verb_prints_one_json_value(capsys):
    words = ["--set", "groups=8", "--set", "width_per_group=14", "--classes", "10"]
    assert command_line(["count", RESNEXT, *words, "--size", "97", "131", "--json"]) == 0
    out, err = capsys.readouterr()
    settings = {"num_classes": 10, "groups": 8, "width_per_group": 14}
    assert json.loads(out) == theirs((97, 131), **settings)
    assert err == ""


def test_the_verb_tells_people_what_was_counted(capsys):
    assert command_line(["count", "resnet50"]) == 0
    out, _ = capsys.readouterr()
    assert "25,557,032 parameters" in out
    assert "4,089,184,256 multiply-adds" in out
    assert "224 x 224" in out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--set", "groups"], "KEY=VALUE, such as groups=8, but got 'groups'"),
        (["--set", "=8"], "got '=8'"),
        (["--size", "16", "16"], "17 x 17"),
        (["--size", "224"], "expected 2"),
        (["--classes", "ten"], "'ten'"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(capsys, words, part):
    assert command_line(["count", RESNEXT, *words, "--json"]) == 2
    out, err = capsys.readouterr()
    assert part in err
    assert out == ""
    assert err.count("\n") == 1


def test_without_the_solutions_the_lesson_is_named(root, tmp_path):
    shutil.copytree(
        root / "lessons", tmp_path / "lessons", ignore=shutil.ignore_patterns("__pycache__")
    )
    words = [sys.executable, "-m", "convzoo", "count", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "lessons")}
    for name, part in ((RESNEXT, "in lesson 02_resnext"), ("vgg16", "no network 'vgg16'")):
        done = subprocess.run(
            [*words, name], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 2
        assert part in done.stderr
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""


def test_a_folder_without_solutions_is_not_left_for_another(root, tmp_path, monkeypatch):
    (tmp_path / "lessons" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "lessons" / "deep")
    assert place.root() == tmp_path
    with pytest.raises(UserError, match="no solutions to build resnet50 from"):
        count.main("resnet50")
    monkeypatch.chdir("/")
    assert place.root() == root
