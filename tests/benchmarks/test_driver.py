"""The driver's benchmark: all of its trials end well, and each is in MLflow with what it left."""

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from benchmarks.driver import Load, searched

TRIALS = 6


@pytest.mark.parametrize("trial_seconds", [None, 0.01], ids=["real", "simulated"])
def test_empty_trials_end_well_and_are_in_mlflow(trial_seconds: float | None, tmp_path: Path) -> None:
    assert searched(Load(TRIALS, 2, True, trial_seconds), tmp_path).seconds > 0
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    runs = client.search_runs([each.experiment_id for each in client.search_experiments()])
    trials = [
        run for run in runs if "best_validation_mae" in run.data.metrics and "mlflow.parentRunId" in run.data.tags
    ]
    assert len(trials) >= TRIALS
    for run in trials:
        assert run.info.status == "FINISHED"
        assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["predicted.npz"]
