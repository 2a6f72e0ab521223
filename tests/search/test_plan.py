"""The plan for a cluster: its resources, and times measured on its nodes, which are not waited for."""

import time
from pathlib import Path

import pytest
import ray
from ray.util.placement_group import placement_group

from search import ray_session
from search.run import main

SEARCH = ["space=branching", "dataset=mp", "rows=300", "recipe.epochs=1", "cluster=auto", "dry_run=true"]


@pytest.mark.usefixtures("no_shared_ray", "narrow_networks")
def test_a_plan_for_a_cluster_is_measured_on_it_unless_all_of_it_is_taken(
    in_tmp: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_session, "usable_cpus", lambda: 5)
    with ray_session.local_ray():
        assert main(SEARCH) == 0
        printed = capsys.readouterr().out
        assert "11 candidates, 1 seed each, 5 at a time, each on 1 CPU" in printed
        assert "a trial of mean size trains about" in printed
        placement_group([{"CPU": 5}]).wait(30)
        deadline = time.monotonic() + 30
        while ray.available_resources().get("CPU"):  # what Ray counts follows in a moment
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert main(SEARCH) == 0
        printed = capsys.readouterr().out
        assert "5 at a time" in printed
        assert "how long that takes is not known: no node of the cluster is free to take a few steps on" in printed
        assert "a trial of mean size" not in printed
    assert list(in_tmp.iterdir()) == []
