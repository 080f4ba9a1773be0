"""Over several machines: a local cluster of separate processes, on loopback alone."""

import pytest

pytest.importorskip("distributed")

from convzoo.errors import UserError
from convzoo.teach.grade.mark import workers
from convzoo.teach.grade.run import Options, grade_class
from made_class import BLOCKS, ROOT, Made, hand_in, right

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]


def quiet(*told):
    pass


def test_a_cluster_of_processes_grades_a_class(tmp_path):
    from distributed import LocalCluster

    place, out = tmp_path / "in", tmp_path / "out"
    for name in ("a", "b", "c"):
        hand_in(place, Made(name, {BLOCKS: right(BLOCKS)}))
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        summary = grade_class(place, out, ROOT, Options(scheduler=cluster.scheduler_address), quiet)
    assert summary["graded"] == summary["graded_now"] == 3 and not summary["not_graded"]
    assert summary["mean"] == 2


def test_a_scheduler_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "PATIENCE", 1)
    place = tmp_path / "in"
    hand_in(place, Made("a", {BLOCKS: right(BLOCKS)}))
    with pytest.raises(UserError, match="no Dask scheduler"):
        grade_class(place, tmp_path / "out", ROOT, Options(scheduler="tcp://127.0.0.1:9"), quiet)
