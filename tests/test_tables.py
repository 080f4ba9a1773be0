"""`tables`: what the papers print beside what the course's own layers count."""

import pytest
from convzoo import UserError
from convzoo.__main__ import main as command_line
from convzoo.tables import ROWS, agrees, as_lines, cells, compared


@pytest.fixture(scope="module")
def rows():
    return [compared(row) for row in ROWS]


def test_a_row_that_differs_says_why(rows):
    silent = [row for row in rows if not row["agrees"] and not row["note"]]
    assert silent == []


# Counted with torchvision or timm, or by hand where neither has the network.
COUNTS = [
    ("googlenet", {}, 1_498_376_192, True),
    ("resnet50", {"stride_in_1x1": True}, 3_857_973_248, True),
    ("resnet50", {}, 4_089_184_256, False),
    ("resnext50_32x4d", {"groups": 8, "width_per_group": 14}, 4_267_409_408, False),
    ("seresnet50", {}, 4_091_699_200, False),
    ("mobilenet_v1", {"width_mult": 0.25}, 41_030_272, True),
    ("mobilenet_v2", {}, 300_774_272, False),
    ("shufflenet_v1", {"groups": 8}, 138_365_952 - 1536 * 1000, True),  # less the last layer
    ("shufflenet_v2_x1_0", {}, 144_907_992, False),
]


@pytest.mark.parametrize(("name", "settings", "macs", "agreeing"), COUNTS)
def test_counts_are_the_references(rows, name, settings, macs, agreeing):
    row = next(r for r in rows if (r["network"], r["settings"]) == (name, settings))
    assert (row["macs"], row["agrees"]) == (macs, agreeing)


def test_every_paper_of_the_course_that_prints_counts_is_there(rows):
    authors = {row["table"].split(" et al.")[0] for row in rows}
    assert authors >= {"Szegedy", "He", "Xie", "Hu", "Howard", "Sandler", "Zhang", "Ma"}


@pytest.mark.parametrize(
    ("ours", "printed", "agreeing"),
    [
        (3_857_973_248, "3.8G", True),  # cut off
        (7_570_194_432, "7.6G", True),  # rounded
        (4_089_184_256, "3.8G", False),
        (568_740_352, "569M", True),
        (144_907_992, "146M", False),
        (1, "", True),
    ],
)
def test_agreeing_is_less_than_one_in_the_last_digit(ours, printed, agreeing):
    assert agrees(ours, printed) is agreeing


def test_people_read_both_figures_and_the_reason(rows):
    text = "\n".join(as_lines(rows))
    assert "3,858.0M MACs, printed  3.8G" in text
    assert "the paper has it in the first 1x1" in text
    assert "28.0%" in text


def test_the_command_gives_the_rows_as_json(capsys, monkeypatch):
    import json

    monkeypatch.setattr("convzoo.tables.ROWS", ROWS[2:3])
    assert command_line(["tables", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["network"], row["printed_macs"], row["macs"]) == ("resnet18", "1.8G", 1_814_073_344)


def test_a_lesson_shows_some_networks_with_the_reasons_below(monkeypatch):
    first, again, reason = cells("resnet50")
    assert first == ["resnet50 (stride_in_1x1=True)", "3,858.0M", "3.8G"]
    assert again[:2] == ["resnet50", "4,089.2M"] and "first 1x1" in reason[1]


def test_a_folder_without_solutions_gets_a_sentence(monkeypatch):
    def nothing(row):
        raise UserError("This folder has no solutions.")

    monkeypatch.setattr("convzoo.tables.compared", nothing)
    assert cells("resnet50") == [["", "This folder has no solutions."]]
