"""What a deck shows and what it keeps back."""

import json

import pytest
from convzoo.errors import UserError
from convzoo.teach import assets, executed, slides


def code(source, outputs=(), **metadata) -> dict:
    return {
        "cell_type": "code",
        "id": "a",
        "execution_count": 1,
        "metadata": metadata,
        "outputs": list(outputs),
        "source": source,
    }


def output(**data) -> dict:
    return {"output_type": "display_data", "metadata": {}, "data": data}


def shown(*cells) -> list[dict]:
    notebook = {
        "cells": list(cells),
        "metadata": {"widgets": {}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    made = slides.slides_of(notebook)
    assert "widgets" not in made["metadata"]
    return made["cells"]


def test_an_answer_is_kept_back():
    source = (
        "# exercise: resnext.f\ndef f(x):\n    ### BEGIN SOLUTION\n    return x + 1\n"
        "    ### END SOLUTION"
    )
    (cell,) = shown(
        code(source, [output(**{"text/plain": "x + 1"})], exercise="resnext.f"),
        code("f(1)", tags=["answer"]),
    )
    assert "x + 1" not in json.dumps(cell)
    assert 'raise NotAttempted("resnext.f")' in cell["source"]


def test_nobody_is_praised_for_a_stub():
    html = '<div class="convzoo-notice convzoo-pass">passed</div>'
    (cell,) = shown(code('check("resnext.f")', [output(**{"text/html": html})]))
    assert cell["outputs"] == []


def test_of_a_widget_its_picture_stays():
    bundle = {executed.VIEW: {"model_id": "1"}, "text/html": "<img alt='a'>", "text/plain": "a"}
    (cell,) = shown(code("explorer", [output(**bundle)]))
    assert sorted(cell["outputs"][0]["data"]) == ["text/html", "text/plain"]


def test_an_unknown_lesson_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no executed solution"):
        slides.main(root=tmp_path)
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "02_resnext.ipynb").write_text("{}")
    with pytest.raises(UserError, match="no lesson 09. Choose from 02_resnext"):
        slides.main(["09"], root=tmp_path)


def test_without_a_network_it_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(assets.ASSETS, "reveal", ("no-such-package-here==0", "", "none"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "02_resnext.ipynb").write_text("{}")
    with pytest.raises(UserError, match="network"):
        slides.main(root=tmp_path)


def test_figures_go_along(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "a.svg").write_text("<svg/>")
    html = slides._with_figures(
        '<img src="../figures/a.svg">', tmp_path / "solutions", tmp_path / "out"
    )
    assert html == '<img src="figures/a.svg">'
    assert (tmp_path / "out" / "figures" / "a.svg").read_text() == "<svg/>"
