"""The view of MLflow's page in which a search's trials stand ranked, with the columns one chooses by."""

from __future__ import annotations

import json

from mlflow.tracking import MlflowClient

from search.settings import DEFAULT_URI

VIEW_TAG = "mlflow.sharedViewState."
"""Prefix of the experiment's tags in which MLflow's page keeps views that people share by a link."""


def share_ranking(
    client: MlflowClient,
    experiment_id: str,
    parent: str,
    error_name: str,
    has_front: bool = False,
    has_parts: bool = False,
) -> None:
    """Store a shared view of one search's trials, lowest validation error first, under its parent run's id.

    `has_front`: trials will be tagged by whether they stand on the Pareto front. `has_parts`: some are trained on part
    of the rows, and stand after the others.
    """
    order = f"metrics.`best_validation_{error_name}`"
    on_part = [f"part_validation_{error_name}"] if has_parts else []
    columns = ["rank", f"best_validation_{error_name}", "parameters", "training_seconds", "epochs", *on_part]
    view = {
        "searchFilter": f"tags.`mlflow.parentRunId` = '{parent}'",
        "orderByKey": order,
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": [f"metrics.`{name}`" for name in columns]
        + ["params.`branching`", "params.`seed`", "tags.`stop_reason`"]
        + (["tags.`pareto`"] if has_front else [])
        + (["params.`train_part`"] if has_parts else []),
    }
    client.set_experiment_tag(experiment_id, VIEW_TAG + parent, json.dumps(view))


def where_to_look(uri: str, experiment_id: str, parent: str) -> str:
    """How to see the ranking in MLflow's page."""
    if uri.startswith("http"):
        how, host = "MLflow shows every trial", uri.rstrip("/")
    else:
        option = "" if uri == DEFAULT_URI else f" --backend-store-uri {uri}"
        how, host = f"`mlflow ui{option}` shows every trial", "http://127.0.0.1:5000"
    return f"{how}: {host}/#/experiments/{experiment_id}/runs?viewStateShareKey={parent}"
