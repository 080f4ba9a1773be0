"""Explorers, with no kernel and no browser: move a control, look at the view."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from convzoo import UserError
from convzoo.show import Picture
from convzoo.show.widgets import Choice, Explorer, Range, Stops, Toggle, Upload

pytest.importorskip("ipywidgets")


def picture(groups=1, **others) -> Picture:
    words = f"{groups} groups {sorted(others.items())}"
    return Picture(words, f'<img alt="{words}">')


def explorer(draw=picture, **more) -> Explorer:
    return Explorer(draw, groups=Stops([1, 2, 3, 4, 6, 12], 3, "Groups"), **more)


def test_the_picture_follows_a_control():
    seen = explorer()
    assert seen.view.value == '<img alt="3 groups []">'
    seen.controls["groups"].value = 4
    assert seen.view.value == '<img alt="4 groups []">' and seen.alt == "4 groups []"
    assert seen.values == {"groups": 4}


def test_a_slider_has_the_stops_and_nothing_between():
    slider = explorer().controls["groups"]
    with pytest.raises(Exception, match="not found"):
        slider.value = 5
    assert [name for name, _ in slider.options] == ["1", "2", "3", "4", "6", "12"]
    named = Explorer(picture, groups=Stops([1, 2], 1, "Budget", names=["1x64d", "2x40d"]))
    assert named.controls["groups"].options[0] == ("1x64d", 1)


def test_every_kind_of_control():
    seen = explorer(
        size=Range(8, 64, 8, 32, "Image size"),
        part=Range(0.0, 1.0, 0.1, 0.5, "Share"),
        rate=Range(1e-4, 1.0, 0.5, 0.01, "Rate", log=True),
        net=Choice({"plain": 0, "residual": 1}, 1, "Network"),
        shuffle=Toggle(False, "Shuffle"),
    )
    kinds = [type(control).__name__ for control in seen.controls.values()]
    assert kinds == [
        "SelectionSlider",
        "IntSlider",
        "FloatSlider",
        "FloatLogSlider",
        "Dropdown",
        "Checkbox",
    ]
    seen.controls["shuffle"].value = True
    seen.controls["net"].value = 0
    assert "('net', 0)" in seen.alt and "('shuffle', True)" in seen.alt


def test_controls_have_names_that_are_not_cut_off():
    seen = explorer(shuffle=Toggle(False, "Shuffle"))
    for control in seen.controls.values():
        assert control.description and control.tooltip == control.description
        assert control.style.description_width == "initial"
    assert explorer().controls["groups"].continuous_update
    assert not explorer(live=False).controls["groups"].continuous_update


def test_a_readers_file_arrives_as_its_name_and_its_bytes():
    def look(photo) -> Picture:
        if photo and photo[0] == "bad.png":
            raise UserError("This is not an image.")
        return Picture(repr(photo), "<p></p>")

    seen = Explorer(look, photo=Upload("your photo"))
    button = seen.controls["photo"]
    assert (button.description, button.accept, button.multiple) == ("your photo", "image/*", False)
    assert seen.alt == "None"
    button.value = (dropped("cat.png", b"ab"),)
    assert seen.alt == "('cat.png', b'ab')" and seen.values == {"photo": ("cat.png", b"ab")}
    button.value = (dropped("bad.png", b"cd"),)
    assert "No picture at photo = bad.png" in seen.view.value and "cd" not in seen.view.value


def dropped(name: str, content: bytes) -> dict:
    """A file as ipywidgets passes it on."""
    when = datetime(2026, 1, 1, tzinfo=UTC)
    size = {"size": len(content), "type": "image/png", "last_modified": when}
    return {"name": name, "content": memoryview(content), **size}


def test_an_error_is_shown_and_kept():
    def fragile(groups):
        if groups == 4:
            raise ValueError("4 does not divide <10>")
        return picture(groups)

    seen = explorer(fragile)
    assert seen.error is None
    seen.controls["groups"].value = 4
    assert isinstance(seen.error, ValueError)
    assert "No picture at groups = 4" in seen.view.value
    assert "ValueError: 4 does not divide &lt;10&gt;" in seen.view.value
    seen.controls["groups"].value = 6
    assert seen.error is None and seen.alt == "6 groups []"


def test_what_is_no_picture_is_an_error():
    seen = explorer(lambda groups: "text")
    assert isinstance(seen.error, UserError) and "returned a str" in seen.view.value


def test_a_page_without_widgets_gets_each_stop_and_shows_the_first_picture():
    seen = explorer()
    seen.controls["groups"].value = 12
    bundle = seen._repr_mimebundle_()
    assert bundle["text/plain"] == "3 groups []"
    live, cleaned = bundle["text/html"].split('<div class="convzoo-still">')
    stops = [1, 2, 3, 4, 6, 12]
    assert [live.count(f'<img alt="{g} groups []">') for g in stops] == [1] * 6
    assert live.count(" checked>") == 1 and 'checked><label for="' in live
    assert live.index(" checked>") < live.index(">3</label>") < live.index(">4</label>")
    assert cleaned.startswith('<img alt="3 groups []">') and cleaned.count("<img") == 1
    model = bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert model == seen.box.model_id


def test_a_slow_picture_is_drawn_once_for_a_page():
    drawn = []

    def picture(groups):
        drawn.append(groups)
        return Picture(f"{groups}", f"<p>{groups}</p>")

    seen = Explorer(picture, live=False, groups=Stops([1, 2], 2, "groups"))
    assert "<p>2</p>" in seen._repr_mimebundle_()["text/html"]
    assert drawn == [2]


def test_without_ipywidgets_the_words_are_printed():
    code = """
import sys
sys.modules["ipywidgets"] = sys.modules["IPython"] = None
from convzoo import show
from convzoo.show.widgets import Explorer, Stops, Toggle, Upload
draw = lambda groups, on, file: show.Picture(f"{groups} groups {on} {file}", "<img>")
controls = {"on": Toggle(False, "On"), "file": Upload("your file")}
seen = Explorer(draw, groups=Stops([1, 2], 1, "Groups"), **controls)
show.display(seen)
seen.controls["groups"].value = 2
print(seen.alt)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["1 groups False None", "2 groups False None"], done.stderr
