"""What early stopping risks on a table: measured at the end of searches that stop nothing, known to those that do."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

from search.config import SearchConfig
from search.groups import compose_values
from search.racing import OUTSIDE
from search.report.wording import count
from search.results import TrialResult
from search.rungs import Measurement, measure
from search.tracking import DATA_TAG, Tracker
from spaces import SPACES

RUNGS_TAG = "branchsearch.rungs"
"""A measurement, in JSON, on the run of the search that made it."""
RISK_TAG = "branchsearch.early_stopping"
"""What a search that stops trials was told when it began."""

MOST_CURVES = 200
"""Candidates whose curves are read, the first that were trained: each is a question to MLflow."""


def finish(results: Sequence[TrialResult], unit: str, tracker: Tracker) -> list[str]:
    """Measure the rungs of a search that stopped no trial, and write them to MLflow; what to tell, in lines.

    Nothing where trials were stopped, there are too few, or they have no rungs.
    """
    config = tracker.config
    if config.scheduler.name != "none":
        return []
    asha = compose_values(["scheduler=asha"])["scheduler"]
    grace, factor = asha["grace_epochs"], asha["reduction_factor"]
    if config.recipe.epochs <= grace:
        return []
    ended = [r for r in results if r.seed == config.seeds[0] and r.failure is None]
    ended = [result for result in ended if not result.stop_reason.startswith(OUTSIDE)][:MOST_CURVES]
    curves = [curve for result in ended if (curve := _curve(result, tracker))]
    rungs = measure(curves, grace, factor, config.recipe.epochs)
    if not rungs:
        return []
    schedules = sorted({result.candidate.recipe.schedule for result in ended})
    found = Measurement(rungs, config.space.name, " or ".join(schedules), config.recipe.epochs, grace, factor, unit)
    text = json.dumps(found.to_dict())
    tracker.client.set_tag(tracker.parent, RUNGS_TAG, text)
    tracker.client.log_text(tracker.parent, text, "rungs.json")
    return found.in_words()


def _curve(result: TrialResult, tracker: Tracker) -> list[float]:
    """A trial's validation errors by epoch."""
    run_id = tracker.children[result.trial_id]
    history = tracker.client.get_metric_history(run_id, f"validation_{tracker.error_name}")
    by_epoch = {metric.step: float(metric.value) for metric in history}
    return [by_epoch[step] for step in sorted(by_epoch)]


def told(tracker: Tracker, fingerprint: str) -> list[str]:
    """What is known of the risk of a search of networks that stops trials, in lines, also for its run in MLflow."""
    if tracker.config.scheduler.name == "none" or SPACES[tracker.config.space.name].fits_estimators:
        return []
    lines = risk(tracker.client, fingerprint, tracker.config)
    tracker.client.set_tag(tracker.parent, RISK_TAG, "\n".join(lines))
    return lines


def risk(client: MlflowClient, fingerprint: str, config: SearchConfig) -> list[str]:
    """What earlier searches on the same data have measured; the one most like this one counts."""
    name = config.scheduler.name
    found = measurements(client, fingerprint)
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


def measurements(client: MlflowClient, fingerprint: str) -> list[Measurement]:
    """Those of all searches on the same data, the newest first."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments(view_type=ViewType.ACTIVE_ONLY)]
    query = f"tags.`{RUNGS_TAG}` != '' AND tags.`{DATA_TAG}` = '{fingerprint}'"
    runs = client.search_runs(experiments, query, order_by=["start_time DESC"], max_results=50)
    return [Measurement.from_dict(json.loads(run.data.tags[RUNGS_TAG])) for run in runs]
