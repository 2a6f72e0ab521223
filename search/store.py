"""Where MLflow keeps its runs: opened once, written from one thread."""

from __future__ import annotations

import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlflow.tracking import MlflowClient

from search.errors import UserError

logger = logging.getLogger(__name__)

SQLITE = "sqlite:///"

WEIGHTS_ARTIFACT = "network.npz"
"""A trial's weights among the artifacts of its run, as `models.checkpoint.load_network` reads them."""


def download_weights(client: MlflowClient, run_id: str, folder: Path) -> Path:
    """A copy of a trial's weights in `folder`."""
    target = folder / run_id
    target.mkdir(parents=True, exist_ok=True)
    return Path(client.download_artifacts(run_id, WEIGHTS_ARTIFACT, str(target)))


def absolute(uri: str) -> str:
    """A SQLite address by its full path: MLflow keeps connections by address, whatever the folder it was meant in."""
    return f"{SQLITE}{Path(uri.removeprefix(SQLITE)).absolute()}" if uri.startswith(SQLITE) else uri


@dataclass(frozen=True)
class Store:
    """An experiment in MLflow."""

    client: MlflowClient
    uri: str
    experiment_id: str


def quieten_mlflow() -> None:
    """Keep MLflow's own progress and notes off the terminal."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)


def open_store(uri: str, experiment: str) -> Store:
    """The experiment of that name; makes the store and the experiment where they are not there yet.

    Done once, before any other process writes: several would race to set up the schema. Raises UserError.
    """
    quieten_mlflow()
    try:
        client = MlflowClient(tracking_uri=absolute(uri))
        found = client.get_experiment_by_name(experiment)
        if found is not None and found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        experiment_id: str = found.experiment_id if found else client.create_experiment(experiment)
    except Exception as error:  # mlflow lets its stores' own errors through: SQL, HTTP, OS
        reason = str(error).splitlines()[0][:200]
        raise UserError(f"the MLflow store tracking.uri={uri} cannot be used: {reason}") from error
    if uri.startswith(SQLITE):
        with sqlite3.connect(uri.removeprefix(SQLITE)) as database:
            database.execute("PRAGMA journal_mode=WAL")  # `mlflow ui` can then read while a search writes
    return Store(client, uri, experiment_id)


class Writer:
    """Runs writes to MLflow in one thread, in order, so that no trial waits for them."""

    def __init__(self) -> None:
        self._writes: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self.failures = 0
        self._thread = threading.Thread(target=self._run, name="mlflow-writer", daemon=True)
        self._thread.start()

    def put(self, write: Callable[[], object]) -> None:
        self._writes.put(write)

    def _run(self) -> None:
        while (write := self._writes.get()) is not None:
            try:
                write()
            except Exception:  # a search must not end because its display cannot be written
                self.failures += 1
                logger.exception("a write to MLflow failed")

    def flush(self) -> None:
        """Wait until all is written that was put so far."""
        written = threading.Event()
        self.put(written.set)
        written.wait()

    def close(self) -> None:
        """Write what is left, and end."""
        self._writes.put(None)
        self._thread.join()
