"""What early stopping risks on a table: measured at the end of searches that stop nothing, known to those that do."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

from search import row_rungs
from search.config import SearchConfig
from search.groups import compose_values
from search.parent_run import DATA_TAG
from search.report.wording import count
from search.results import TrialResult
from search.row_rungs import RowMeasurement
from search.rungs import Measurement, measure
from search.tracking import Tracker
from spaces import SPACES

RUNGS_TAG = "branchsearch.rungs"
"""A measurement, in JSON, on the run of the search that made it."""
RISK_TAG = "branchsearch.early_stopping"
"""What a search that stops trials was told when it began."""

MOST_CURVES = 200
"""Candidates whose curves are read, the first that were trained: each is a question to MLflow."""


def finish(results: Sequence[TrialResult], unit: str, tracker: Tracker) -> list[str]:
    """Measure the rungs of a search that stopped no trial, or its parts of the rows, and write them to MLflow; what to
    tell, in lines.

    Nothing where trials were stopped, there are too few, or they have no rungs.
    """
    config = tracker.config
    if config.scheduler.name == "rows":
        return _finish_rows(results, unit, tracker)
    if config.scheduler.name != "none":
        return []
    asha = compose_values(["scheduler=asha"])["scheduler"]
    grace, factor = asha["grace_epochs"], asha["reduction_factor"]
    if config.recipe.epochs <= grace:
        return []
    ended = [r for r in results if r.seed == config.seeds[0] and r.failure is None and r.ended_by_itself][:MOST_CURVES]
    curves = [curve for result in ended if (curve := _curve(result, tracker))]
    rungs = measure(curves, grace, factor, config.recipe.epochs)
    if not rungs:
        return []
    schedules = sorted({result.candidate.recipe.schedule for result in ended})
    found = Measurement(rungs, config.space.name, " or ".join(schedules), config.recipe.epochs, grace, factor, unit)
    _write(found, tracker)
    return found.in_words()


def _finish_rows(results: Sequence[TrialResult], unit: str, tracker: Tracker) -> list[str]:
    found = row_rungs.measure(tracker.config, results, unit)
    if found.is_known:
        _write(found, tracker)
    return found.in_words()


def _write(found: Measurement | RowMeasurement, tracker: Tracker) -> None:
    text = json.dumps(found.to_dict())
    tracker.client.set_tag(tracker.parent, RUNGS_TAG, text)
    tracker.client.log_text(tracker.parent, text, "rungs.json")


def read(text: str) -> Measurement | RowMeasurement:
    """What `RUNGS_TAG` holds."""
    values = json.loads(text)
    return RowMeasurement.from_dict(values) if values.get("by") == row_rungs.BY else Measurement.from_dict(values)


def _curve(result: TrialResult, tracker: Tracker) -> list[float]:
    """A trial's validation errors by epoch."""
    run_id = tracker.children[result.trial_id]
    history = tracker.client.get_metric_history(run_id, f"validation_{tracker.error_name}")
    by_epoch = {metric.step: float(metric.value) for metric in history}
    return [by_epoch[step] for step in sorted(by_epoch)]


def told(tracker: Tracker, fingerprint: str) -> list[str]:
    """What is known of the risk of a search of networks that stops trials, in lines, also for its run in MLflow."""
    scheduler = tracker.config.scheduler
    if scheduler.name == "none" or scheduler.keep_all or SPACES[tracker.config.space.name].fits_estimators:
        return []
    of_search = risk_of_rows if scheduler.name == "rows" else risk
    lines = of_search(tracker.client, fingerprint, tracker.config)
    tracker.client.set_tag(tracker.parent, RISK_TAG, "\n".join(lines))
    return lines


def risk(client: MlflowClient, fingerprint: str, config: SearchConfig) -> list[str]:
    """What earlier searches on the same data have measured; the one most like this one counts."""
    name = config.scheduler.name
    found = [each for each in measurements(client, fingerprint) if isinstance(each, Measurement)]
    if not found:
        return [
            f"What scheduler={name} risks on these data is not known: a search of five candidates or more with "
            "scheduler=none measures it."
        ]

    def likeness(measured: Measurement) -> tuple[bool, bool, bool]:
        recipe = config.recipe
        same = (measured.space == config.space.name, measured.schedule == recipe.schedule)
        return (*same, measured.epochs == recipe.epochs)

    nearest = max(found, key=likeness)
    lines = [
        f"What scheduler={name} risks: on these data space={nearest.space}, {count(nearest.candidates, 'candidate')} "
        f"trained to the end ({nearest.schedule}, {nearest.epochs} epochs), showed at ASHA's rungs",
        *(f"  {rung.in_words(nearest.unit)}" for rung in nearest.rungs),
    ]
    if not all(likeness(nearest)):
        lines.append("That search was not like this one in space, schedule and epochs: take it as a hint.")
    return lines


def risk_of_rows(client: MlflowClient, fingerprint: str, config: SearchConfig) -> list[str]:
    """What earlier searches on the same data have measured of parts of the rows; the one most like this one counts."""
    found = [each for each in measurements(client, fingerprint) if isinstance(each, RowMeasurement)]
    if not found:
        return [
            "What scheduler=rows risks on these data is not known: a search of five candidates or more with "
            "scheduler.keep_all=true, which takes all of them to all rows, measures it."
        ]

    def likeness(measured: RowMeasurement) -> tuple[bool, bool, bool]:
        return measured.keep_all, measured.space == config.space.name, measured.epochs == config.recipe.epochs

    nearest = max(found, key=likeness)
    lines = [
        f"What scheduler=rows risks: on these data space={nearest.space} ({count(nearest.epochs, 'epoch')}) showed of "
        "part of the rows against more",
        *nearest.lines(),
    ]
    if not all(likeness(nearest)[1:]):
        lines.append("That search was not like this one in space and epochs: take it as a hint.")
    return lines


def measurements(client: MlflowClient, fingerprint: str) -> list[Measurement | RowMeasurement]:
    """Those of all searches on the same data, the newest first."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments(view_type=ViewType.ACTIVE_ONLY)]
    query = f"tags.`{RUNGS_TAG}` != '' AND tags.`{DATA_TAG}` = '{fingerprint}'"
    runs = client.search_runs(experiments, query, order_by=["start_time DESC"], max_results=50)
    return [read(run.data.tags[RUNGS_TAG]) for run in runs]
