"""What a search writes of its trials: every epoch once, under the right name and at its time."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.recipe import FAST
from search.config import SearchConfig
from search.data import Split
from search.parent_run import VERSIONS_TAG
from search.parsing import parse
from search.results import TrialResult
from search.store import Store, children_of, open_store
from search.tracking import PAUSED_TAG, TRIAL_TAG, Tracker
from search.versions import TRAINING_CODE, training_code
from search.view import VIEW_TAG

NETWORK = Candidate(Architecture(groups=(Group(8, 2),)), FAST)
STARTED = 1_700_000_000.25
LATER = STARTED + 5_000
"""Seconds since 1970."""


@pytest.fixture
def config() -> SearchConfig:
    return parse(["space=branching", "dataset=mp", "rows=2000"])


@pytest.fixture
def store(in_tmp: Path, config: SearchConfig) -> Store:
    return open_store(config.tracking.uri, config.experiment)


def epochs(first: int, last: int, started: float = STARTED) -> list[dict[str, float]]:
    """Each with values of its own in every column; a trial that goes on comes to some of them again, and later."""
    return [
        {
            "epoch": number,
            "train_error": 1 / number,
            "validation_error": 2 / number,
            "learning_rate": 1e-3 / number,
            "epoch_seconds": 0.5 + number,
            "at": started + number,
        }
        for number in range(first, last + 1)
    ]


def ended(trial_id: str, failure: str | None = None) -> TrialResult:
    error = float("inf") if failure else 0.5
    return TrialResult(trial_id, NETWORK, 0, 6, 5, error, 3.0, "all epochs", failure, ended_at=STARTED)


def children(tracker: Tracker) -> dict[str, Run]:
    """By trial, once all is written."""
    assert tracker.writer.flush(60)
    found = children_of(tracker.client, tracker.experiment_id, tracker.parent)
    return {run.data.tags[TRIAL_TAG]: run for run in found}


def test_a_run_is_named_by_its_seed_where_several_are(config: SearchConfig, store: Store, mp_split: Split) -> None:
    names = []
    for settings in (config, replace(config, seeds=(3, 5))):
        tracker = Tracker(settings, mp_split, store)
        tracker.begin("a", NETWORK, 5)
        names.append(children(tracker)["a"].info.run_name)
        tracker.close("FINISHED")
    assert names == [str(NETWORK), f"{NETWORK} seed 5"]


def test_a_user_s_own_column_is_named_beside_the_trial(in_tmp: Path, config: SearchConfig, mp_split: Split) -> None:
    own = replace(config, data=replace(config.data, dataset="csv", path="mine.csv", target="gap (eV)"))
    tracker = Tracker(own, mp_split, open_store(own.tracking.uri, own.experiment))
    tracker.begin("a", NETWORK, 0)
    assert children(tracker)["a"].data.params["dataset"] == "csv gap (eV)"
    tracker.close("FINISHED")


def test_every_epoch_of_a_long_trial_is_in_mlflow_once(config: SearchConfig, store: Store, mp_split: Split) -> None:
    """More than one call takes, and some of it told twice."""
    tracker = Tracker(config, mp_split, store)
    tracker.begin("a", NETWORK, 0)
    tracker.log_epochs("a", epochs(1, 300))
    tracker.log_epochs("a", epochs(299, 302, LATER))
    run_id = children(tracker)["a"].info.run_id
    assert tracker.writer.failures == 0
    expected = epochs(1, 302)
    columns = {"train_mae": "train_error", "validation_mae": "validation_error", "learning_rate": "learning_rate",
               "epoch_seconds": "epoch_seconds"}  # fmt: skip
    for key, column in columns.items():
        history = sorted(tracker.client.get_metric_history(run_id, key), key=lambda metric: metric.step)
        assert [(metric.step, metric.value) for metric in history] == [(e["epoch"], e[column]) for e in expected]
        begun = [metric.timestamp - 1000 * metric.step for metric in history]
        assert begun == [int(1000 * STARTED)] * 300 + [int(1000 * LATER)] * 2
    tracker.close("FINISHED")


def test_a_search_that_goes_on_writes_no_epoch_twice_and_leaves_what_ended(
    config: SearchConfig, store: Store, mp_split: Split
) -> None:
    first = Tracker(config, mp_split, store)
    for trial_id in ("done", "cut", "lost"):
        first.begin(trial_id, NETWORK, 0)
        first.log_epochs(trial_id, epochs(1, 3))
    first.end(ended("done"), None)
    first.end(ended("lost", "no memory"), None)
    first.close_unfinished()
    first.client.set_tag(first.parent, VERSIONS_TAG, json.dumps({TRAINING_CODE: "another"}))
    assert {trial: run.info.status for trial, run in children(first).items()} == {
        "done": "FINISHED", "cut": "KILLED", "lost": "FAILED",
    }  # fmt: skip
    first.close("KILLED")

    then = Tracker(config, mp_split, store, parent=first.parent)
    assert then.client.get_run(then.parent).info.status == "RUNNING"
    versions = json.loads(then.client.get_run(then.parent).data.tags[VERSIONS_TAG])
    assert versions[TRAINING_CODE] == f"another, {training_code()}", "its trials are of both"
    then.begin("cut", NETWORK, 0)
    then.log_epochs("cut", epochs(2, 5, LATER))
    assert children(then)["cut"].info.status == "RUNNING"
    then.close_unfinished()
    again = children(then)
    assert {trial: run.info.status for trial, run in again.items()} == {
        "done": "FINISHED", "cut": "KILLED", "lost": "FAILED",
    }  # fmt: skip
    history = then.client.get_metric_history(again["cut"].info.run_id, "validation_mae")
    assert sorted(metric.step for metric in history) == [1, 2, 3, 4, 5]
    then.close("KILLED")


def test_pauses_before_a_resume_are_kept(
    config: SearchConfig, store: Store, mp_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left in good order, the search ended at its run's end; killed, it was last seen when a trial reported."""
    now = time.time()
    first = Tracker(config, mp_split, store)
    first.close("KILLED")
    store.client.set_terminated(first.parent, "KILLED", int(1000 * (now - 5_000)))
    killed = Tracker(config, mp_split, store, parent=first.parent)
    before = paused(killed)
    assert before == pytest.approx(5_000, abs=60)
    killed.begin("cut", NETWORK, 0)
    killed.log_epochs("cut", epochs(1, 3, now + 2_000))
    assert children(killed)["cut"].info.status == "RUNNING"
    with monkeypatch.context() as patch:
        patch.setattr("search.tracking.time.time", lambda: now + 9_000)
        then = Tracker(config, mp_split, store, parent=first.parent)
    assert paused(then) == pytest.approx(before + 9_000 - 2_003, abs=2)
    killed.writer.close()
    then.close("KILLED")


def paused(tracker: Tracker) -> float:
    return float(tracker.client.get_run(tracker.parent).data.tags[PAUSED_TAG])


def test_a_run_whose_making_was_not_answered_is_found_again(
    config: SearchConfig, store: Store, mp_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And neither a later trial of the search is taken for it, nor the same trial of another search."""
    other, tracker = Tracker(config, mp_split, store), Tracker(config, mp_split, store)
    make, answers = tracker._create_child, iter([False])

    def unanswered(trial_id: str, name: str, candidate: Candidate, drawn_as: Mapping[str, Any] | None) -> str:
        run_id = make(trial_id, name, candidate, drawn_as)
        if next(answers, True):
            return run_id
        make("later", name, candidate, drawn_as)
        other._create_child(trial_id, name, candidate, drawn_as)
        raise ConnectionError("no answer")

    monkeypatch.setattr(tracker, "_create_child", unanswered)
    tracker.begin("a", NETWORK, 0)
    assert children(tracker)["a"].info.run_id == tracker.children["a"]
    assert len(children_of(tracker.client, tracker.experiment_id, tracker.parent)) == 2
    tracker.close("FINISHED")
    other.close("FINISHED")


def test_what_a_trial_left_is_kept_in_mlflow_alone(config: SearchConfig, store: Store, mp_split: Split) -> None:
    tracker, product = Tracker(config, mp_split, store), Path("network.npz")
    product.write_bytes(b"weights")
    tracker.begin("a", NETWORK, 0)
    tracker.end(ended("a"), product)
    run = children(tracker)["a"]
    assert not product.exists()
    assert tracker.product(ended("a"), Path("copy")).read_bytes() == b"weights"
    metric = tracker.client.get_metric_history(run.info.run_id, "best_validation_mae")[0]
    assert (metric.value, metric.timestamp) == (0.5, int(STARTED * 1000))
    tracker.close("FINISHED")


def test_a_failed_trial_has_no_error_to_be_ranked_by(config: SearchConfig, store: Store, mp_split: Split) -> None:
    tracker = Tracker(config, mp_split, store)
    tracker.begin("a", NETWORK, 0)
    tracker.end(ended("a", "no memory"), None)
    run = children(tracker)["a"]
    assert run.data.tags["stop_reason"] == "no memory"
    assert set(run.data.metrics) == {"parameters", "epochs", "best_epoch", "training_seconds"}
    tracker.close("FINISHED")


def test_the_shared_view_has_a_column_for_parts_of_the_rows(in_tmp: Path, mp_split: Split) -> None:
    shown = []
    for words in ([], ["scheduler=rows"]):
        config = parse(["space=branching", "dataset=mp", *words])
        tracker = Tracker(config, mp_split, open_store(config.tracking.uri, config.experiment))
        tags = tracker.client.get_experiment(tracker.experiment_id).tags
        shown.append("part_validation_mae" in tags[VIEW_TAG + tracker.parent])
        tracker.close("FINISHED")
    assert shown == [False, True]


def test_the_time_of_a_trial_whose_end_is_not_known_is_now(config: SearchConfig, store: Store, mp_split: Split) -> None:
    tracker, before = Tracker(config, mp_split, store), time.time()
    tracker.begin("a", NETWORK, 0)
    tracker.end(replace(ended("a"), ended_at=0.0), None)
    run_id = children(tracker)["a"].info.run_id
    at = tracker.client.get_metric_history(run_id, "best_validation_mae")[0].timestamp / 1000
    assert before - 1 < at < time.time() + 1
    tracker.close("FINISHED")
