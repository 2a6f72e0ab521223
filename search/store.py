"""Where MLflow keeps its runs: opened once, written from one thread."""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from search.environment import environment
from search.errors import UserError, reason_of
from search.sqlite_file import SQLITE, absolute, check_opens, let_others_read, make_tables, one_at_a_time, path_of

logger = logging.getLogger(__name__)

PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306}
SECONDS_TO_LISTEN = 5.0
SECONDS_TO_ANSWER = 30.0
"""A server that is busy, or has just been started, takes so long at most for its first answer."""

PARENT_TAG = "mlflow.parentRunId"
RUNS_A_PAGE = 1000


def download(client: MlflowClient, run_id: str, artifact: str, folder: Path) -> Path:
    """A copy of a run's artifact in `folder`, under the run's id."""
    target = folder / run_id
    target.mkdir(parents=True, exist_ok=True)
    return Path(client.download_artifacts(run_id, artifact, str(target)))


def has_artifact(client: MlflowClient, run_id: str, artifact: str) -> bool:
    """Whether a run has it. Raises MlflowException or OSError where that cannot be seen."""
    return any(file.path == artifact for file in client.list_artifacts(run_id))


@dataclass(frozen=True)
class Store:
    """An experiment in MLflow."""

    client: MlflowClient
    uri: str
    experiment_id: str


def quieten_mlflow() -> None:
    """Keep MLflow's own progress and notes off the terminal."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)


def client_of(uri: str) -> MlflowClient:
    """MLflow's client for an address that answers. Raises UserError, within seconds, where nothing does."""
    quieten_mlflow()
    is_file = uri.startswith(SQLITE)
    try:
        if is_file:
            check_opens(path_of(uri))
        check_listens(uri)
        with patience(SECONDS_TO_ANSWER), one_at_a_time(path_of(uri)) if is_file else nullcontext():
            if is_file:
                make_tables(path_of(uri))
            client = MlflowClient(tracking_uri=absolute(uri), registry_uri=absolute(uri))
            client.search_experiments(max_results=1)
    except Exception as error:  # mlflow lets its stores' own errors through: SQL, HTTP, OS
        reason = "no answer" if "Max retries exceeded" in str(error) else reason_of(error)
        mend = "correct the address" if is_file else "start its server, or correct the address"
        raise UserError(f"the MLflow store tracking.uri={uri} cannot be used ({reason}): {mend}.") from error
    return client


def existing_store(uri: str) -> MlflowClient:
    """The store at an address. Raises UserError where it is a file that there is not, or does not answer."""
    if uri.startswith(SQLITE) and not path_of(uri).exists():
        raise UserError(
            f"there is no MLflow store {uri} here: run this in the folder of the search, or say tracking.uri="
        )
    return client_of(uri)


def check_listens(uri: str) -> None:
    """Raises OSError where nothing listens at the host and port of an address; MLflow would try for minutes."""
    parts = urlsplit(uri)
    port = parts.port or PORTS.get(parts.scheme.partition("+")[0])
    if parts.hostname and port:
        socket.create_connection((parts.hostname, port), timeout=SECONDS_TO_LISTEN).close()


def patience(seconds: float) -> AbstractContextManager[None]:
    """MLflow's requests are made once, and wait so long, until the end of the `with`."""
    return environment({"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": f"{seconds:.0f}"})


def open_store(uri: str, experiment: str) -> Store:
    """The experiment of that name; makes the store and the experiment where they are not there yet.

    Done once, before any other process writes: several would race to set up the schema. Raises UserError.
    """
    client = client_of(uri)
    try:
        found = client.get_experiment_by_name(experiment)
        if found is not None and found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        experiment_id: str = found.experiment_id if found else make_experiment(client, experiment)
    except Exception as error:  # mlflow lets its stores' own errors through: SQL, HTTP, OS
        reason = str(error).splitlines()[0][:200]
        raise UserError(f"the MLflow store tracking.uri={uri} cannot be used: {reason}") from error
    if uri.startswith(SQLITE):
        let_others_read(path_of(uri))
    return Store(client, uri, experiment_id)


def make_experiment(client: MlflowClient, name: str) -> str:
    """The id of a new experiment, or of the one that another search has made meanwhile."""
    try:
        return str(client.create_experiment(name))
    except MlflowException:
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)


def all_runs(client: MlflowClient, experiments: list[str], query: str) -> list[Run]:
    """Every run that a query finds, page by page, the oldest first."""
    runs: list[Run] = []
    token: str | None = None
    while True:
        page = client.search_runs(
            experiments, query, max_results=RUNS_A_PAGE, order_by=["start_time ASC"], page_token=token
        )
        runs += page
        token = page.token
        if not token:
            return runs


def children_of(client: MlflowClient, experiment_id: str, parent: str) -> list[Run]:
    """The runs of a search's trials."""
    return all_runs(client, [experiment_id], f"tags.`{PARENT_TAG}` = '{parent}'")


FULL_DISK = ("disk is full", "No space left", "disk I/O error", "quota exceeded", "readonly database")
"""What stores say when waiting will not help."""

PERMANENT = {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "BAD_REQUEST", "RESOURCE_ALREADY_EXISTS"}
"""Codes of MLflow's answers that the same write would get again."""

LONGEST_PAUSE_SECONDS = 15.0
PATIENCE_SECONDS = 300.0
"""How long a search that is done waits for MLflow to take what is left."""


class Writer:
    """Runs writes to MLflow in one thread, in order, so that no trial waits for them.

    While the store does not answer, the writes wait, and the first is tried again; `trouble` then says why. Each has to
    be such that doing it twice does no harm: the answer may have been lost, and not the write.
    """

    def __init__(self) -> None:
        self._writes: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._gives_up = threading.Event()
        self.failures = 0
        self.trouble: str | None = None
        self._thread = threading.Thread(target=self._run, name="mlflow-writer", daemon=True)
        self._thread.start()

    @property
    def disk_is_full(self) -> bool:
        return self.trouble is not None and any(words in self.trouble for words in FULL_DISK)

    def put(self, write: Callable[[], object]) -> None:
        self._writes.put(write)

    def _run(self) -> None:
        while (write := self._writes.get()) is not None:
            self._do(write)

    def _do(self, write: Callable[[], object]) -> None:
        pause = 0.5
        while not self._gives_up.is_set():
            try:
                write()
            except Exception as error:  # mlflow lets its stores' own errors through: SQL, HTTP, OS
                if is_permanent(error):  # a search must not end because its display cannot be written
                    self.failures += 1
                    logger.exception("a write to MLflow failed")
                    return
                self.trouble = reason_of(error)
                logger.warning("MLflow does not take a write, which is tried again: %s", self.trouble)
                self._gives_up.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                self.trouble = None
                return

    def flush(self, patience: float | None = None) -> bool:
        """Wait until all is written that was put so far; False after `patience` seconds, or on a full disk."""
        written = threading.Event()
        self.put(written.set)
        deadline = None if patience is None else time.monotonic() + patience
        while not written.wait(0.2):
            if self.disk_is_full or (deadline is not None and time.monotonic() > deadline):
                return False
        return True

    def close(self, patience: float | None = None) -> bool:
        """Write what is left, and end; False where MLflow did not take it all, as in `flush`."""
        complete = self.flush(patience)
        self._gives_up.set()
        self._writes.put(None)
        self._thread.join(timeout=1.0)  # it may be inside a call that waits for a server
        return complete


def is_permanent(error: Exception) -> bool:
    """Whether the store has understood and refused, or the write itself is wrong."""
    if isinstance(error, MlflowException):
        return error.error_code in PERMANENT
    return isinstance(error, TypeError | AttributeError | LookupError | AssertionError)
