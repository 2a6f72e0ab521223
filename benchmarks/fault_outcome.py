"""What a search under faults has left, and how it differs from one left alone."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run

from search.journal import Journal
from search.results import TrialResult
from search.store import PARENT_TAG, client_of
from search.tracking import TRIAL_TAG


@dataclass
class Outcome:
    """What a search has left in MLflow and its folder."""

    search: Path
    parents: list[Run]
    children: list[Run]
    curves: dict[str, list[tuple[int, float]]]
    ranking: list[list[str]]


def journal_of(folder: Path) -> Path | None:
    """The folder of the search that has begun, if one has."""
    return next((path.parent for path in folder.glob("runs/*/search.json")), None)


def outcome_of(folder: Path, uri: str) -> Outcome:
    """What is left of the search in `folder`."""
    client = client_of(uri)
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()], max_results=5000)
    children = [run for run in runs if PARENT_TAG in run.data.tags]
    parents = [run for run in runs if PARENT_TAG not in run.data.tags]
    curves = {
        run.data.tags[TRIAL_TAG]: sorted(
            (point.step, point.value) for point in client.get_metric_history(run.info.run_id, "validation_mae")
        )
        for run in children
    }
    (search,) = (path.parent for path in folder.glob("runs/*/search.json"))
    with tempfile.TemporaryDirectory() as copy:
        file = Path(client.download_artifacts(parents[0].info.run_id, "ranking.csv", copy))
        rows = list(csv.DictReader(file.open()))
    ranking = [[value for name, value in row.items() if name != "seconds"] for row in rows]
    return Outcome(search, parents, children, curves, ranking)


def differences(ours: Outcome, undisturbed: Outcome, seen: dict[str, TrialResult]) -> list[str]:
    """Every promise that was broken."""
    events = [event for event in Journal(ours.search).events() if event["event"] == "ended" and not event["again"]]
    finished = Journal(ours.search).results()[0]
    counted = Counter(event["trial_id"] for event in events)
    runs = Counter(run.data.tags[TRIAL_TAG] for run in ours.children)
    states = Counter(run.info.status for run in ours.children)
    checks: dict[str, Any] = {
        "more than one search in MLflow": len(ours.parents) != 1,
        "trials lost": sorted(set(undisturbed.curves) - set(finished)),
        "trials that were finished and are lost": [key for key in seen if finished.get(key) != seen[key]],
        "trials counted twice": [trial for trial, count in counted.items() if count > 1],
        "trials with two runs in MLflow": [trial for trial, count in runs.items() if count > 1],
        "trials without a run in MLflow": sorted(set(undisturbed.curves) - set(runs)),
        "runs left open": [status for status in states if status not in ("FINISHED", "FAILED")],
        "another ranking": ours.ranking != undisturbed.ranking,
        "other curves": [key for key, curve in undisturbed.curves.items() if ours.curves.get(key) != curve],
        "another test error": ours.parents[0].data.metrics.get("test_mae")
        != undisturbed.parents[0].data.metrics["test_mae"],
    }
    return [f"{name}: {found}" for name, found in checks.items() if found]
