"""The MLflow store, as a search opens it."""

import threading
import time
from pathlib import Path

import pytest

from search.errors import UserError
from search.store import client_of, one_at_a_time, open_store


def test_a_deleted_experiment_is_taken_up_again(in_tmp: Path) -> None:
    store = open_store("sqlite:///mlflow.db", "mine")
    store.client.delete_experiment(store.experiment_id)
    again = open_store("sqlite:///mlflow.db", "mine")
    assert again.client.get_experiment(again.experiment_id).lifecycle_stage == "active"


def test_two_searches_make_the_tables_one_after_the_other(in_tmp: Path) -> None:
    uri = f"sqlite:///{in_tmp / 'mlflow.db'}"
    other = threading.Thread(target=client_of, args=(uri,))
    with one_at_a_time(uri):
        other.start()
        other.join(1.0)
        assert other.is_alive()
    other.join(60)
    assert not other.is_alive()
    assert client_of(uri).search_experiments()


def test_a_file_that_cannot_be_made_is_told_at_once() -> None:
    started = time.monotonic()
    told = r"sqlite:////sys/x\.db cannot be used \(unable to open .*: correct the address"
    with pytest.raises(UserError, match=told):
        client_of("sqlite:////sys/x.db")
    assert time.monotonic() - started < 10
