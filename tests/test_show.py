"""Pictures say in words what they show, and the words follow the values."""

import base64
import re
import subprocess
import sys
from html import unescape
from xml.etree import ElementTree

import pytest
from convzoo import UserError, show
from convzoo.measure.timing import summary
from convzoo.show import matrix, palette, patterns, picture, plots

draw = show.draw


def blocks(size: int, groups: int) -> list[list[float]]:
    """A block-diagonal matrix whose values differ and have both signs."""
    wide = size // groups
    return [
        [(-1) ** (i + j) * (1 + i + j / 10) if i // wide == j // wide else 0.0 for j in range(size)]
        for i in range(size)
    ]


def svg(shown: show.Picture):
    return ElementTree.fromstring(shown.html)


@pytest.mark.parametrize(
    "value, text",
    [
        (25028904, "25,028,904"),
        (0.12345, "0.123"),
        (12.0, "12"),
        (1234.5, "1,234"),
        (float("inf"), "inf"),
        (-3, "-3"),
    ],
)
def test_number(value, text):
    assert show.number(value) == text


@pytest.mark.parametrize(
    "text, wanted",
    [
        (show.si(4089184256), "4.09 G"),
        (show.si(999600), "1 M"),
        (show.si(12), "12"),
        (show.si(4e9, "B/s"), "4 GB/s"),
        (show.bytes_(3145728), "3 MiB"),
        (show.bytes_(100), "100 B"),
        (show.seconds(0.0123), "12.3 ms"),
        (show.seconds(2e-6), "2 µs"),
        (show.seconds(150), "2 min 30 s"),
        (show.seconds(0), "0 s"),
    ],
)
def test_units(text, wanted):
    assert text == wanted


@pytest.mark.parametrize(
    "values, words",
    [
        (blocks(6, 1), "full"),
        (blocks(6, 3), "block-diagonal, 3 full blocks of 2 x 2"),
        (blocks(6, 6), "diagonal"),
        ([[1, 0], [0, 1]], "the identity"),
        ([[0, 1], [1, 0]], "a permutation"),
        ([[0, 0], [0, 0]], "empty"),
        ([[5, 1], [1, 5]], "full, with a strong diagonal"),
        ([[1, 0, 0], [1, 1, 0]], "irregular"),
        (
            [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]],
            "block-diagonal, 2 blocks of 2 x 2",
        ),
        ([[1, 0], [0, 1], [3, 2], [1, 1]], "the identity on top of 2 more rows, full"),
        ([[1, 0], [0, 2], [3, 2]], "irregular"),
        ([[1, 1, 0, 0], [0, 0, 1, 1]], "block-diagonal, 2 full blocks of 1 x 2"),
    ],
)
def test_pattern(values, words):
    assert patterns.pattern(values) == words


def test_channel_matrix_says_what_it_shows():
    shown = draw.channel_matrix(blocks(12, 4), title="groups = 4")
    root = svg(shown)
    assert root.get("role") == "img" and root.get("aria-label") == shown.alt
    assert "12 outputs by 12 inputs" in shown.alt
    assert "4 full blocks of 3 x 3; 36 of 144" in shown.alt
    other = draw.channel_matrix(blocks(12, 3), title="groups = 4")
    assert other.alt != shown.alt and other.html != shown.html
    assert shown == draw.channel_matrix(blocks(12, 4), title="groups = 4")


def test_every_cell_tells_its_term():
    shown = draw.channel_matrix([[0.5, 0], [0, -0.42]], title="two")
    titles = [node.text for node in svg(shown).iter() if node.tag.endswith("title")]
    assert titles == [
        "y[0] gets +0.50 * x[0]   # weight[0, 0]",
        "y[0] gets nothing from x[1]: no connection",
        "y[1] gets nothing from x[0]: no connection",
        "y[1] gets -0.42 * x[1]   # weight[1, 1]",
    ]
    own = draw.channel_matrix([[2.0]], title="one", terms=lambda i, j, v: f"<{i}{j}{v:g}>")
    assert "&lt;002&gt;" in own.html
    assert "from a table" in draw.channel_matrix([[2.0]], title="", terms=[["from a table"]]).html


def test_styles_of_two_pictures_do_not_meet():
    names = {svg(draw.channel_matrix(blocks(4, g), title="g")).get("class") for g in (1, 2, 4)}
    assert len(names) == 3
    shown = draw.channel_matrix(blocks(4, 2), title="g")
    style = re.search("<style>(.*)</style>", shown.html)[1]
    name = svg(shown).get("class")
    rules = [part for rule in style.split("}")[:-1] for part in rule.split("{")[0].split(",")]
    assert all(rule.startswith(f".{name} ") for rule in rules)


def test_matrices_of_every_size_are_drawn():
    for size in (1, 24, 25, 64):
        shown = svg(draw.channel_matrix(blocks(size, 1), title="any"))
        told = [node for node in shown.iter() if node.get("class") == "c"]
        assert len(told) == (size * size if size <= 24 else 0)
    tall = draw.channel_matrix([[1.0, 2.0]] * 6, title="tall")
    assert "6 outputs by 2 inputs" in tall.alt


def test_a_tensor_is_drawn_like_a_list():
    torch = pytest.importorskip("torch")
    weight = torch.tensor([[1.0, 0.0], [0.0, -1.0]], requires_grad=True)
    assert draw.channel_matrix(weight, title="t") == draw.channel_matrix(
        [[1.0, 0.0], [0.0, -1.0]], title="t"
    )


def test_names_colours_and_words_of_a_callers_own():
    shown = draw.channel_matrix(
        [[1.0], [2.0]],
        title="branches",
        row_names=["1x1", "3x3"],
        row_colours=[palette.GATE, palette.INPUT],
        describe="rows by their branch",
    )
    assert "1x1" in shown.html and palette.GATE in shown.html
    assert "rows by their branch; 2 of 2" in shown.alt


def test_a_page_that_cleans_gets_an_image_with_the_same_words():
    matrix = draw.channel_matrix([[0.5, 0], [0, 1.0]], title="two <of> them")
    bars = draw.bars([("a", 1, "1")], title="b")
    html = draw.beside(matrix, bars)._repr_mimebundle_()["text/html"]
    live, still = html.split('<div class="convzoo-still">')
    assert matrix.html in live and "<svg" not in still
    words = re.findall('<img alt="([^"]*)"', still)
    assert [unescape(text) for text in words] == [matrix.alt, bars.alt]
    inner = base64.b64decode(re.search('base64,([^"]+)', still)[1]).decode()
    assert ElementTree.fromstring(inner).get("role") == "img" and "gets" not in inner
    plain = draw.table([[1]], ["a"], "b")
    assert plain._repr_mimebundle_()["text/html"] == plain.html


@pytest.mark.parametrize("wrong", [[], [1.0, 2.0], [[1.0], [1.0, 2.0]], [[[1.0]]], [[0.0] * 65]])
def test_what_is_no_matrix_is_refused(wrong):
    with pytest.raises(UserError, match="matrix"):
        draw.channel_matrix(wrong, title="")


def test_wrong_number_of_names_is_refused():
    with pytest.raises(UserError, match="row names"):
        draw.channel_matrix([[1.0]], title="", row_names=["a", "b"])


def test_colours_tell_sign_and_size():
    assert matrix.colour_of(1, 1) == palette.POSITIVE.lower()
    assert matrix.colour_of(-1, 1) == palette.NEGATIVE.lower()
    assert matrix.colour_of(1e-9, 1) != "#ffffff"
    assert matrix.colour_of(float("nan"), 1) == "#000000"
    assert palette.ink_on("#ffffff") == "#000000" and palette.ink_on("#000000") == "#ffffff"


def test_bars_write_their_values_out():
    shown = draw.bars(
        [("parameters", 288, "288"), ("multiply-adds", 9000, "9,000")],
        (1152, "dense"),
        title="groups = 4",
        limit=9000,
    )
    assert svg(shown).get("aria-label") == shown.alt
    assert "parameters 288; multiply-adds 9,000; the dashed line marks dense" in shown.alt
    assert draw.bars([("nothing", 0, "0")], title="").alt


def test_a_value_stands_clear_of_the_dashed_line():
    shown = svg(draw.bars([("a", 90, "90 units")], (93, "dense"), title=""))
    line = next(node for node in shown.iter() if node.tag.endswith("line"))
    value = next(node for node in shown.iter() if node.text == "90 units")
    assert float(value.get("x")) > float(line.get("x1"))


def test_the_last_cell_of_a_short_row_fills_the_table():
    rows = [["CSR", "1 ms", "2 B"], ["2:4", "not available"]]
    shown = draw.table(rows, ["layout", "time", "index"], "x")
    assert shown.html.count("colspan") == shown.html.count('<td colspan="2"') == 1
    assert "time not available" in shown.alt


def test_table_is_a_table():
    shown = draw.table([[1, 64], [32, 4]], ["groups", "width"], "Equal <budget>", mark=1)
    root = ElementTree.fromstring(shown.html)
    assert root.tag == "table" and root[0].text == "Equal <budget>"
    assert shown.html.count('aria-current="true"') == 1
    assert "groups 32, width 4" in shown.alt


def test_beside_keeps_all_words():
    one, two = (draw.channel_matrix(blocks(4, g), title=f"g = {g}") for g in (1, 2))
    both = draw.beside(one, two)
    assert one.alt in both.alt and two.html in both.html


def lines() -> list:
    return [
        draw.Line("dense", [1, 2, 4], [3.0, 3.0, 3.0], [2, 2, 2], [4, 4, 4], dashed=True),
        draw.Line("grouped", [1, 2, 4], [3.0, 2.0, 1.5]),
    ]


def test_curves_reuse_one_figure_and_leave_nothing_behind():
    words = dict(title="Time", x_label="groups", y_label="ms")
    first = draw.curves(lines(), **words)
    draw.curves(lines()[:1], log_x=True, log_y=True, marks=[draw.Mark(2, "guess")], **words)
    assert draw.curves(lines(), **words) == first
    assert 'alt="Time: ms over groups; dense goes from 3 at 1 to 3 at 4;' in first.html
    assert "data:image/png;base64," in first.html


def test_labels_of_lines_are_pushed_apart():
    assert plots.spread([50, 50, 50], 20, 0, 200) == [50, 70, 90]
    assert plots.spread([195, 10, 199], 20, 0, 200) == [180, 10, 200]
    assert plots.spread([], 20, 0, 200) == []


def test_a_notice_says_the_same_everywhere(capsys):
    body = "Because <so>.\n\nyours   expected\n[[1]]   [[2]]"
    show.notice("Not equal", body, "fail")
    assert capsys.readouterr().out == f"Not equal\n{body}\n"
    boxed = picture.notice_picture("Not equal", body, "fail").html
    root = ElementTree.fromstring(boxed)
    words = "".join(root.itertext())
    assert "Not equal" in words and "Because <so>." in words
    assert root.find("pre").text == "yours   expected\n[[1]]   [[2]]"


def test_display_prints_words_outside_a_notebook(capsys):
    show.display(show.Picture("the words", "<img alt='the words'>"))
    show.display([1, 2])
    assert capsys.readouterr().out == "the words\n[1, 2]\n"


def test_showing_costs_no_import():
    heavy = "torch", "matplotlib", "IPython", "ipywidgets"
    code = f"import sys, convzoo.show; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_timings_say_time_spread_floor_and_why_one_is_missing():
    times = {"mine": summary([0.004] * 3), "other": summary([], "no memory")}
    words = draw.timings(times, {"mine": 0.001}, title="One call").alt
    assert words.startswith("One call: mine 4 ms, spread 0%, floor 1 ms; other not available: no")


def test_a_number_and_its_unit_stay_on_one_line():
    for longer in range(40):  # wherever the line ends
        rows = [("a", 1, f"4.14 ms, {'x' * longer}, spread 64%, floor 4.03 ms")]
        lines = re.findall(r"<text[^>]*>([^<]*)</text>", draw.bars(rows, title="A block").html)
        assert "ms" not in [line.split(",")[0] for line in lines], lines
