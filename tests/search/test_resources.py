"""What a trial gets by default: on a laptop, on one GPU, on several; and what is refused."""

from pathlib import Path

import pytest
import ray
import yaml
from ray.autoscaler._private.util import prepare_config

from search import resources
from search.errors import UserError
from search.parsing import parse
from search.resources import Resources, resources_for

pytestmark = pytest.mark.usefixtures("no_shared_ray")


def on(
    monkeypatch: pytest.MonkeyPatch, cpus: float, gpus: float, *arguments: str, trials: int | None = 11
) -> Resources:
    monkeypatch.setattr(resources, "available", lambda is_local: (cpus, gpus))
    return resources_for(parse(list(arguments)), trials)


def test_a_laptop_trains_one_trial_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on(monkeypatch, 2, 0) == Resources(1, 0, 2)
    assert on(monkeypatch, 64, 0) == Resources(1, 0, 11)
    assert on(monkeypatch, 64, 0, trials=None) == Resources(1, 0, 64)
    assert on(monkeypatch, 2, 0).device == "cpu"


def test_trials_share_gpus_as_far_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on(monkeypatch, 16, 1) == Resources(1, 0.25, 4)
    assert on(monkeypatch, 2, 1) == Resources(0.5, 0.5, 2)
    assert on(monkeypatch, 64, 8, trials=None) == Resources(1, 0.25, 32)
    assert on(monkeypatch, 16, 1, "pack=16", trials=64) == Resources(0.5, 0.0625, 16, 16)
    assert on(monkeypatch, 16, 1).device == "cuda"


@pytest.mark.parametrize(("cpus", "gpus"), [(2, 1), (4, 2), (16, 1), (64, 8), (7, 3)])
def test_trials_on_gpus_leave_half_of_the_cores_to_others(
    cpus: int, gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = on(monkeypatch, cpus, gpus, trials=None)
    assert found.concurrent == int(gpus / found.gpus_per_trial)
    assert found.concurrent * found.cpus_per_trial <= cpus / 2


def test_a_gpu_takes_no_core_of_another_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alive = {"Alive": True}
    nodes = [{**alive, "Resources": {"CPU": 64.0}}, {**alive, "Resources": {"CPU": 4.0, "GPU": 2.0}}]
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    found = on(monkeypatch, 68, 2, "cluster=auto", trials=None)
    assert found == Resources(0.5, 0.5, 4)  # two trials a GPU, which take two of its node's four cores
    nodes[1]["Alive"] = False
    assert on(monkeypatch, 64, 0, "cluster=auto", trials=None) == Resources(1, 0, 64)


def test_what_is_asked_for_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on(monkeypatch, 8, 0, "cpus_per_trial=4") == Resources(4, 0, 2)
    assert on(monkeypatch, 8, 0, "cpus_per_trial=4").threads == 4
    assert on(monkeypatch, 8, 0, "max_concurrent=3") == Resources(1, 0, 3)
    assert on(monkeypatch, 16, 2, "gpus_per_trial=1") == Resources(1, 1, 2)
    assert on(monkeypatch, 16, 2, "gpus_per_trial=0") == Resources(1, 0, 11)
    assert on(monkeypatch, 8, 0, "cpus_per_trial=0.5", trials=None) == Resources(0.5, 0, 16)


def test_more_than_there_is_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"gpus_per_trial=1 asks for more GPUs than the 0 that this machine has"):
        on(monkeypatch, 8, 0, "gpus_per_trial=1")
    with pytest.raises(UserError, match=r"cpus_per_trial=9 asks for more CPUs than the 8"):
        on(monkeypatch, 8, 0, "cpus_per_trial=9")


def test_a_cluster_that_is_asleep_counts_as_grown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    described = prepare_config(yaml.safe_load((request.config.rootpath / "cluster.yaml").read_text()))
    (tmp_path / resources.BOOTSTRAP_FILE).write_text(yaml.safe_dump(described))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"node:10.0.0.1": 1.0})  # the head alone
    assert resources.available(is_local=False) == (32, 8)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})
    assert resources.available(is_local=True) == (2, 0), "Ray on the head alone has none of them"
    monkeypatch.setattr(ray, "nodes", lambda: [])
    assert resources_for(parse(["cluster=auto"]), None) == Resources(0.5, 0.25, 32)


def test_a_cluster_without_workers_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "nodes", lambda: [])
    with pytest.raises(UserError, match=r"ray status"):
        on(monkeypatch, 0, 0, "cluster=auto")
