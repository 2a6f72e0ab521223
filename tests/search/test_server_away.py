"""An MLflow server that is away for a while: what it is told meanwhile is kept, and told once it is back."""

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from services import free_port

from benchmarks.injection import Server
from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.recipe import FAST
from search.data import Split
from search.errors import UserError
from search.export import main as export
from search.parsing import parse
from search.predict import main as predict
from search.register import main as register
from search.report.__main__ import main as report
from search.results import TrialResult
from search.run import main as run
from search.screen import main as screen
from search.store import PARENT_TAG, open_store
from search.tracking import TRIAL_TAG, Tracker

NETWORK = Architecture(groups=(Group(8, 2),))


def epochs(first: int, last: int) -> list[dict[str, float]]:
    names = ("train_error", "validation_error", "learning_rate", "epoch_seconds", "at")
    return [{"epoch": number, **dict.fromkeys(names, 1 / number)} for number in range(first, last + 1)]


def trouble_of(tracker: Tracker) -> str | None:
    """It changes in another thread."""
    return tracker.writer.trouble


def test_nothing_is_lost_and_nothing_written_twice(
    in_tmp: Path, mp_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # our own retries are what is tested
    monkeypatch.setattr("search.store.LONGEST_PAUSE_SECONDS", 1.0)
    server = Server(in_tmp, free_port())
    server.start()
    try:
        server.wait()
        config = parse(["space=branching", "tracking=server", f"tracking.uri={server.uri}"])
        tracker = Tracker(config, mp_split, open_store(server.uri, config.experiment))
        candidates = [Candidate(NETWORK, replace(FAST, batch_size=64 + number)) for number in range(3)]
        tracker.begin("0", candidates[0], 0)
        tracker.log_epochs("0", epochs(1, 3))
        assert tracker.writer.flush(60)
        server.kill()
        tracker.log_epochs("0", epochs(3, 6))
        for number in (1, 2):
            tracker.begin(str(number), candidates[number], 0)
            tracker.log_epochs(str(number), epochs(1, 6))
        for number in range(3):
            ended = TrialResult(str(number), candidates[number], 0, 6, 6, 0.5, 1.0, "all epochs")
            tracker.end(ended, None)
        deadline = time.monotonic() + 60
        while trouble_of(tracker) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert trouble_of(tracker) is not None
        assert not tracker.writer.disk_is_full
        server.start()
        assert tracker.close("FINISHED", 120)
        assert trouble_of(tracker) is None
        assert tracker.writer.failures == 0
        runs = tracker.client.search_runs([tracker.experiment_id])
        children = [run for run in runs if PARENT_TAG in run.data.tags]
        assert sorted(run.data.tags[TRIAL_TAG] for run in children) == ["0", "1", "2"]
        assert {run.info.status for run in runs} == {"FINISHED"}
        for child in children:
            history = tracker.client.get_metric_history(child.info.run_id, "validation_mae")
            assert sorted(point.step for point in history) == [1, 2, 3, 4, 5, 6]
    finally:
        server.kill()


COMMANDS = {
    "report": (report, ["run=latest"]),
    "register": (register, ["run=latest"]),
    "export": (export, ["run=latest", "file=search.zip"]),
    "predict": (predict, ["model=any", "NaCl"]),
    "screen": (screen, ["model=any", "elements=Li,O"]),
    "resume": (run, ["resume=latest"]),
    "run": (run, ["dataset=mp", "rows=100", "tracking=server"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_server_that_is_not_there_is_said_within_seconds(
    name: str, in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, words = COMMANDS[name]
    address = f"http://127.0.0.1:{free_port()}"
    started = time.monotonic()
    told = sentence_of(command, [*words, f"tracking.uri={address}"], capsys)
    assert time.monotonic() - started < 30, "MLflow alone tries for minutes"
    assert f"tracking.uri={address} cannot be used" in told
    assert "Connection refused" in told


def test_a_server_that_listens_and_does_not_answer_is_said(
    in_tmp: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.store.SECONDS_TO_ANSWER", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        told = sentence_of(report, ["run=latest", f"tracking.uri={address}"], capsys)
    assert f"tracking.uri={address} cannot be used" in told
    assert "no answer" in told


def sentence_of(command: Callable[[list[str]], int], words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that cannot be obeyed says, in one sentence."""
    try:
        assert command(words) == 2
        told = capsys.readouterr().err.strip()
    except UserError as error:
        told = str(error)
    assert len(told.splitlines()) == 1
    return told
