"""A table of a search and its trials: a line for each run in MLflow, without folders and weights."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from mlflow.entities import Run

from search.store import children_of
from search.transport import ended_search
from search.whole_file import whole_file

TAGS = {"mlflow.source.git.commit": "commit", "data": "data", "stop_reason": "stop_reason"}
"""The tags that are told, and their column."""
WHOLE = ("parameters", "epochs", "epochs_trained", "best_epoch", "rank", "seed")
"""Columns of counts; a search's `seed` is empty."""


def write_table(run: str, uri: str, file: Path) -> tuple[str, int]:
    """Write the search (first line) and its trials to `file`; the parent's id and the number of runs. UserError."""
    client, parent = ended_search(run, uri)
    runs = [parent, *children_of(client, parent.info.experiment_id, parent.info.run_id)]
    lines = [_line(parent, "search"), *({**_of_search(parent), **_line(found, "trial")} for found in runs[1:])]
    table = pd.DataFrame(lines)
    for column in WHOLE:
        if column in table:
            table[column] = table[column].astype("Float64").round().astype("Int64")
    with whole_file(file, "file") as partial:
        table.to_csv(partial, index=False)
    return parent.info.run_id, len(runs)


def _of_search(parent: Run) -> dict[str, object]:
    """What a search says once for all of its trials."""
    return {key: parent.data.params[key] for key in ("space", "target", "unit") if key in parent.data.params}


def _line(run: Run, kind: str) -> dict[str, object]:
    tags = {column: run.data.tags[tag] for tag, column in TAGS.items() if tag in run.data.tags}
    facts = {"kind": kind, "run": run.info.run_id, "name": run.info.run_name, "status": run.info.status}
    # the metric learning_rate is the last step's; the recipe's is the one to read
    last = {key: value for key, value in run.data.metrics.items() if key not in run.data.params}
    if kind == "trial" and "epochs" in run.data.metrics:
        last["epochs_trained"] = run.data.metrics["epochs"]  # `epochs` are the most that the recipe allows
    return facts | dict(run.data.params) | last | tags
