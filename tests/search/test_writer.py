"""Writes to MLflow from one thread: in order, again while the store is away, and counted where it refuses."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from search.store import Store, Writer, all_runs, make_experiment, open_store


@pytest.fixture
def writer() -> Iterator[Writer]:
    writer = Writer()
    yield writer
    writer.close(0.0)


@pytest.fixture
def store(in_tmp: Path) -> Store:
    return open_store("sqlite:///mlflow.db", "mine")


def failing(error: Exception, times: int, done: list[str]) -> Callable[[], None]:
    """A write that fails so often, and then notes that it was done."""
    left = iter(range(times))

    def write() -> None:
        if next(left, None) is not None:
            raise error
        done.append("done")

    return write


def trouble_of(writer: Writer) -> str | None:
    """It changes in another thread."""
    return writer.trouble


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_write_is_tried_again_before_the_next_until_the_store_takes_it(writer: Writer) -> None:
    done: list[str] = []
    writer.put(failing(ConnectionError("refused\nby the server"), 1, done))
    writer.put(lambda: done.append("next"))
    until(lambda: writer.trouble is not None)
    assert trouble_of(writer) == "refused"
    assert not writer.disk_is_full
    assert writer.flush(30)
    assert done == ["done", "next"]
    assert trouble_of(writer) is None
    assert writer.failures == 0


def test_what_mlflow_refuses_is_counted_told_and_not_tried_again(
    writer: Writer, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A search must not wait for ever for what no waiting mends."""
    run_id = store.client.create_run(store.experiment_id).info.run_id
    store.client.log_batch(run_id, params=[Param("seed", "1")])
    refused: list[Callable[[], object]] = [
        lambda: store.client.log_batch(run_id, params=[Param("seed", "2")]),
        lambda: store.client.log_batch("0" * 32, [Metric("a", 1.0, 1, 1)]),
        failing(KeyError("no such trial"), 2, []),
    ]
    done: list[str] = []
    with caplog.at_level(logging.ERROR):
        for write in refused:
            writer.put(write)
        writer.put(lambda: done.append("next"))
        assert writer.flush(30)
    assert done == ["next"]
    assert writer.failures == len(refused)
    assert caplog.text.count("a write to MLflow failed") == len(refused)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        sqlite3.OperationalError("database or disk is full"),
        MlflowException("(sqlite3.OperationalError) attempt to write a readonly database"),
    ],
)
def test_a_full_disk_is_waited_for_no_longer_than_it_takes_to_see(writer: Writer, error: Exception) -> None:
    writer.put(failing(error, 1000, []))
    until(lambda: writer.trouble is not None)
    started = time.monotonic()
    assert writer.disk_is_full
    assert not writer.flush(15)
    assert time.monotonic() - started < 10
    assert writer.failures == 0


def test_patience_ends_and_says_that_not_all_is_written(writer: Writer) -> None:
    release = threading.Event()
    writer.put(lambda: release.wait(30))
    assert not writer.flush(0.3)
    assert not writer.close(0.1)
    release.set()


def test_patience_is_not_over_before_its_time(writer: Writer) -> None:
    release, done = threading.Event(), list[bool]()
    threading.Timer(0.5, release.set).start()
    writer.put(lambda: done.append(release.wait(30)))
    assert writer.close(30)
    assert done == [True]


def test_all_pages_of_runs_are_read_the_oldest_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search of more trials than MLflow gives at once is ranked, reported and gone on with by all of them."""
    monkeypatch.setattr("search.store.RUNS_A_PAGE", 2)
    made = [
        store.client.create_run(store.experiment_id, start_time=at, tags={"kind": "x"}).info.run_id
        for at in (5_000, 1_000, 3_000, 2_000, 4_000)
    ]
    store.client.create_run(store.experiment_id, tags={"kind": "y"})
    found = all_runs(store.client, [store.experiment_id], "tags.kind = 'x'")
    assert [run.info.start_time for run in found] == [1_000, 2_000, 3_000, 4_000, 5_000]
    assert {run.info.run_id for run in found} == set(made)


def test_mlflow_ui_reads_while_a_search_writes(store: Store, in_tmp: Path) -> None:
    with sqlite3.connect(in_tmp / "mlflow.db") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_an_experiment_that_another_search_made_meanwhile_is_taken(store: Store) -> None:
    client: MlflowClient = store.client
    assert make_experiment(client, "mine") == store.experiment_id
    with pytest.raises(MlflowException):
        make_experiment(client, "")
