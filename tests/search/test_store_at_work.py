"""MLflow at work: a server on PostgreSQL as a cluster's head has it, and many processes that log at once."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

SCRIPT = Path(__file__).parents[2] / "cluster" / "mlflow.sh"
PROCESSES, TRIALS, EPOCHS = 8, 2, 10

# Eight processes, each of which opens the store and logs trials as a search does; only the training is left out.
LOGGERS = """
import multiprocessing, sys, time
from pathlib import Path
from search.parsing import parse
from search.data import load
from search.results import TrialResult
from search.session import space_of
from search.store import open_store
from search.tracking import Tracker

uri, folder, processes, trials, epochs = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
config = parse(["tracking=server", f"tracking.uri={uri}", "rows=100", "experiment=at once"])
split = load(config.data)

def log(number):
    tracker = Tracker(config, split, open_store(uri, config.experiment))
    for trial, candidate in zip(range(trials), space_of(config).candidates()):
        trial_id = f"{number}-{trial}"
        tracker.begin(trial_id, candidate, seed=0)
        for epoch in range(1, epochs + 1):
            values = {"train_error": 1 / epoch, "validation_error": trial + 1 / epoch, "learning_rate": 1e-3}
            tracker.log_epochs(trial_id, [{"epoch": epoch, "at": time.time(), "epoch_seconds": 0.1, **values}])
        weights = folder / f"{trial_id}.npz"
        weights.write_bytes(trial_id.encode())
        tracker.end(TrialResult(trial_id, candidate, 0, epochs, epochs, trial + 1 / epochs), weights)
    assert tracker.close("FINISHED")
    assert not tracker.writer.failures

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    started = [context.Process(target=log, args=(number,)) for number in range(processes)]
    for process in started: process.start()
    for process in started: process.join()
    sys.exit(any(process.exitcode for process in started))
"""


@dataclass(frozen=True)
class Server:
    """Where it answers, and its folder."""

    uri: str
    folder: Path


@pytest.fixture
def server() -> Iterator[Server]:
    base = Path(tempfile.mkdtemp(prefix="bs-", dir="/tmp"))  # a socket has a short path
    base.chmod(0o755)  # PostgreSQL's user passes through
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def script(action: str) -> None:
        words = ["bash", str(SCRIPT), action, str(base / "mlflow"), str(port)]
        with (base / "script.log").open("a") as log:  # at a pipe one would wait for the server that was started
            done = subprocess.run(words, env={**os.environ, "PATH": path}, stdout=log, stderr=log, check=False)
        assert done.returncode == 0, (base / "script.log").read_text()

    try:
        script("start")
        yield Server(f"http://127.0.0.1:{port}", base / "mlflow")
    finally:
        script("stop")
        shutil.rmtree(base, ignore_errors=True)


@pytest.mark.system("initdb", "psql", "createdb", "setsid", "ss")
def test_eight_processes_log_at_once_and_nothing_is_lost(server: Server, tmp_path: Path) -> None:
    words = [sys.executable, "-c", LOGGERS, server.uri, str(tmp_path), str(PROCESSES), str(TRIALS), str(EPOCHS)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    client = MlflowClient(server.uri)
    experiments = [found for found in client.search_experiments() if found.name != "Default"]
    assert [found.name for found in experiments] == ["at once"]
    runs = client.search_runs([experiments[0].experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}
    trials = {run.data.tags["branchsearch.trial"]: run for run in runs if "branchsearch.trial" in run.data.tags}
    assert len(runs) == PROCESSES * (1 + TRIALS)
    assert set(trials) == {f"{process}-{trial}" for process in range(PROCESSES) for trial in range(TRIALS)}
    for trial_id, run in trials.items():
        number = int(trial_id.partition("-")[2])
        history = client.get_metric_history(run.info.run_id, "validation_mae")
        assert sorted((metric.step, metric.value) for metric in history) == [
            (epoch, number + 1 / epoch) for epoch in range(1, EPOCHS + 1)
        ]
        assert run.data.metrics["best_validation_mae"] == number + 1 / EPOCHS
        stored = client.download_artifacts(run.info.run_id, f"{trial_id}.npz", str(tmp_path))
        assert Path(stored).read_text() == trial_id
    assert_only_loopback(server)


def assert_only_loopback(server: Server) -> None:
    """The server listens on loopback, PostgreSQL on no port; the folder is for its owner."""
    listening = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout
    port = server.uri.rpartition(":")[2]
    addresses = [line.split()[3] for line in listening.splitlines() if line.split()[3].endswith(f":{port}")]
    assert addresses == [f"127.0.0.1:{port}"]
    assert "postgres" not in listening
    assert (server.folder / "mlflow.log").stat().st_mode & 0o077 == 0
    assert (server.folder / "database").stat().st_mode & 0o077 == 0
