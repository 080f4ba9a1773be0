"""A device's report: resumed, in parts, atomic; and what is read out of it."""

import json

import pytest
import torch
from convzoo import UserError, place
from convzoo.__main__ import main
from convzoo.gpu import day
from convzoo.measure import device_report as report
from convzoo.measure import records
from convzoo.measure.timing import Timing

QUIET = {"device": "cpu", "say": lambda line: None}


@pytest.fixture
def counted(monkeypatch):
    """The parts with settings of three points that cost nothing; what was measured, in order."""
    seen = []

    def settings(device, quick):
        return [{"round": r} for r in range(1 if quick else 3)]

    def measure(device, point, seconds):
        seen.append(point["round"])
        return {"times": report.plain({"copy": Timing(0.5, 1.0, 0.25, 7)})}

    part = report.Part("a part that costs nothing", settings, measure, 0.1)
    monkeypatch.setattr(report, "PARTS", {"first": part, "second": part})
    return seen


def test_a_report_names_its_device_versions_and_date(counted, tmp_path):
    path = report.report(folder=tmp_path, note="shared machine", **QUIET)
    record = json.loads(path.read_text())
    assert record["what"] == "report" and record["note"] == "shared machine"
    assert record["torch"] == torch.__version__ and record["threads"] == torch.get_num_threads()
    assert record["kind"] == "cpu" and record["device"] and record["platform"]
    assert len(record["date"]) == 10 and record["convzoo"]
    point = {"minimum": 0.5, "median": 1.0, "spread": 0.25, "repeats": 7}
    assert record["parts"]["first"] == [{"round": r, "times": {"copy": point}} for r in range(3)]
    assert [r["what"] for r in report.load_all(tmp_path)] == ["report"]
    assert len(report.load_all(tmp_path, part="first")) == 1
    assert report.load_all(tmp_path, part="sparse") == []  # not measured on this device


def test_parts_are_added_and_what_is_there_is_left_alone(counted, tmp_path):
    report.report(["second"], quick=True, folder=tmp_path, **QUIET)
    assert counted == [0]
    path = report.report(folder=tmp_path, **QUIET)
    assert counted == [0, 0, 1, 2, 1, 2]  # all of the first, then what the second lacked
    assert {len(points) for points in json.loads(path.read_text())["parts"].values()} == {3}
    report.report(folder=tmp_path, **QUIET)
    assert len(counted) == 6
    report.report(["second"], again=True, folder=tmp_path, **QUIET)
    assert counted[6:] == [0, 1, 2]


def test_what_was_measured_before_an_interruption_is_kept(counted, tmp_path, monkeypatch):
    part = report.PARTS["first"]

    def interrupted(device, point, seconds):
        if point["round"] == 2:
            raise KeyboardInterrupt
        return part.measure(device, point, seconds)

    broken = report.Part(part.title, part.settings, interrupted, 0.1)
    monkeypatch.setitem(report.PARTS, "first", broken)
    with pytest.raises(KeyboardInterrupt):
        report.report(["first"], folder=tmp_path, **QUIET)
    (file,) = tmp_path.iterdir()
    assert len(json.loads(file.read_text())["parts"]["first"]) == 2
    monkeypatch.setitem(report.PARTS, "first", part)
    report.report(["first"], folder=tmp_path, **QUIET)
    assert counted == [0, 1, 2]


def test_a_report_says_how_long_a_part_takes_and_what_is_left(counted, tmp_path):
    lines = []
    report.report(["first"], folder=tmp_path, device="cpu", say=lines.append)
    assert lines[0].startswith("first: a part that costs nothing: 0 of 3 points are done; about ")
    assert lines[-1] == "  first: 3 of 3"


def test_another_torch_does_not_continue_the_same_curve(counted, tmp_path):
    path = report.report(["first"], folder=tmp_path, **QUIET)
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "torch": "1.0.0"}))
    with pytest.raises(UserError, match="1.0.0.*--again"):
        report.report(["first"], folder=tmp_path, **QUIET)
    report.report(["first"], again=True, folder=tmp_path, **QUIET)
    assert json.loads(path.read_text())["torch"] == torch.__version__


def test_a_part_that_is_unknown_and_a_damaged_file_are_sentences(counted, tmp_path):
    with pytest.raises(UserError, match="'third'.*first, second"):
        report.report(["third"], folder=tmp_path, **QUIET)
    path = report.report(["first"], folder=tmp_path, **QUIET)
    path.write_text('{"parts": ')
    with pytest.raises(UserError, match="not valid JSON"):
        report.report(["first"], folder=tmp_path, **QUIET)


def test_a_file_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "a.json"
    records.write(path, {"points": [{"x": 1}, {"x": [1, 2]}], "empty": [], "text": "é"})
    assert records.read(path) == {"points": [{"x": 1}, {"x": [1, 2]}], "empty": [], "text": "é"}
    assert len(path.read_text().splitlines()) == 8  # an entry, a line
    with pytest.raises(ValueError):
        records.write(path, {"points": [{"x": float("nan")}]})
    assert records.read(path)["text"] == "é"
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
    assert records.read(tmp_path / "b.json") is None


def test_the_files_name_tells_the_device_and_nothing_of_the_machine():
    cpu = {"kind": "cpu", "threads": 2, "device": "Intel(R) Xeon(R) @ 2.20GHz"}
    assert records.slug(cpu) == "cpu-2-threads-intel-r-xeon-r-2-20ghz"
    gpu = {"kind": "cuda", "threads": 8, "device": "NVIDIA H200"}
    assert records.slug(gpu) == "cuda-nvidia-h200"


# --- the parts themselves, small --------------------------------------------------


def test_a_point_of_each_part_is_measured():
    cpu = torch.device("cpu")
    where = {"round": 0, "dtype": "float32"}
    sparse = report._sparse(cpu, {**where, "n": 64, "columns": 4, "asked": 0.25}, 0.01)
    assert set(sparse["times"]) == {"dense", "COO", "CSR", "BSR", "block-diagonal"}
    assert sparse["density"]["block-diagonal"] == sparse["density"]["BSR"] == 0.25
    grouped = report._grouped(cpu, {**where, "images": 1, "channels": 4, "size": 5}, 0.001)
    counts = ("1", "2", "4")
    names = {f"{form} {groups}" for form in ("NCHW", "channels_last") for groups in counts}
    assert set(grouped["times"]) == names
    for time in [*sparse["times"].values(), *grouped["times"].values()]:
        assert time["repeats"] >= 3 and 0 < time["minimum"] <= time["median"]


def test_a_missing_layout_is_kept_with_its_reason():
    nan = float("nan")
    assert report.plain({"CSR": Timing(nan, nan, nan, 0, "no MKL")}) == {
        "CSR": {"reason": "no MKL"}
    }


def test_settings_are_all_different_and_quick_is_a_part_of_them():
    for part in report.PARTS.values():
        every, quick = (part.settings(torch.device("cpu"), q) for q in (False, True))
        assert len({json.dumps(s) for s in every}) == len(every) > len(quick)
        assert all(settings in every for settings in quick)


# --- reading ----------------------------------------------------------------------


def made(speedups, n=1024, columns=256):
    """A report whose CSR is so many times as fast as dense: {round: {density: speed-up}}."""
    points = [
        {
            "round": r,
            "dtype": "float32",
            "n": n,
            "columns": columns,
            "asked": d,
            "density": {name: d for name in ("COO", "CSR", "BSR", "block-diagonal")},
            "times": {
                "dense": {"minimum": 1.0},
                "CSR": {"minimum": 1 / s},
                "COO": {"reason": "not here"},
                "BSR": {"minimum": 2.0},
                "block-diagonal": {"minimum": 0.5},
            },
        }
        for r, row in speedups.items()
        for d, s in row.items()
    ]
    return {"what": "report", "parts": {"sparse": points}}


def test_crossovers_carry_the_range_of_their_rounds():
    record = made({0: {0.1: 2, 0.4: 0.5}, 1: {0.1: 4, 0.4: 0.5}, 2: {0.1: 2, 0.4: 0.25}})
    found = {c["layout"]: c for c in report.crossovers(record)}
    csr = found["CSR"]  # least times: 4 and 0.5, which meet two thirds of the way; others less
    assert csr["density"] == pytest.approx(0.1 * 4 ** (2 / 3), rel=1e-4)
    assert csr["low"] == pytest.approx(0.1 * 4 ** (1 / 3), rel=1e-4)
    assert csr["high"] == pytest.approx(0.1 * 4 ** (2 / 3), rel=1e-4)
    assert csr["rounds"] == 3 and (csr["n"], csr["columns"]) == (1024, 256)
    assert found["BSR"]["density"] is None and found["BSR"]["faster"] == "dense"
    assert found["block-diagonal"]["faster"] == "block-diagonal"
    assert found["COO"] == {**found["COO"], "density": None, "rounds": 0, "faster": None}


def test_a_curve_is_of_the_least_times_with_the_range_of_the_rounds():
    record = made({0: {0.4: 1, 0.1: 2}, 1: {0.1: 3}, 2: {0.1: 7}})
    assert report.curve(record, "CSR", 1024, 256) == [
        {"density": 0.1, "speedup": pytest.approx(7), "low": 2, "high": pytest.approx(7)},
        {"density": 0.4, "speedup": 1, "low": 1, "high": 1},
    ]
    assert report.curve(record, "COO", 1024, 256) == []
    assert report.curve(record, "CSR", 4096, 256) == []


def test_one_block_is_the_dense_product_and_crosses_nothing():
    record = made({0: {0.1: 2, 0.5: 2, 1.0: 2}})
    for point in record["parts"]["sparse"]:
        point["times"]["block-diagonal"]["minimum"] = 1.1 if point["asked"] == 1 else 0.5
    (found,) = [c for c in report.crossovers(record) if c["layout"] == "block-diagonal"]
    assert found["density"] is None and found["faster"] == "block-diagonal"


def test_the_command_line_reports_and_says_mistakes_in_a_sentence(
    counted, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr(place, "results", lambda: tmp_path)
    monkeypatch.setenv("CONVZOO_DEVICE", "cpu")
    assert main(["report", "--parts", "first", "--quick", "--json", "--note", "busy"]) == 0
    said = capfd.readouterr()
    value = json.loads(said.out)
    assert value["file"].startswith("cpu-") and value["crossovers"] == []
    assert "first: 1 of 1" in said.err and counted == [0]
    assert json.loads((tmp_path / value["file"]).read_text())["note"] == "busy"
    assert main(["report", "--parts", "third"]) == 2
    assert capfd.readouterr().err == "A report has no part 'third'. Choose from first, second.\n"


def test_crossovers_are_told_in_words(tmp_path):
    record = made({0: {0.1: 2, 0.4: 0.5}})
    about = {"device": "a chip", "torch": "2.14", "date": "2026-01-31"}
    path = tmp_path / "a.json"
    records.write(path, {**record, **about, "crossovers": report.crossovers(record)})
    value, lines = report.value_and_lines(path)
    assert lines == [
        "a.json: a chip, torch 2.14, 2026-01-31",
        "  1024 x 1024, 256 columns, float32, CSR: dense is faster above 20.0% "
        "(20.0% to 20.0% in 1 rounds)",
        "  1024 x 1024, 256 columns, float32, BSR: dense is faster throughout",
        "  1024 x 1024, 256 columns, float32, block-diagonal: block-diagonal is faster throughout",
    ]
    assert value["file"] == "a.json" and len(value["crossovers"]) == 4


def test_the_shipped_reports_can_be_read():
    for record in report.load_all():
        assert set(day.PARTS) >= set(record["parts"])
        assert record["crossovers"] == report.crossovers(record)
