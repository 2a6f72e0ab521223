"""The MLflow store, as a search opens it."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.store.db import utils
from sqlalchemy import Engine, text

from search import sqlite_file
from search.errors import UserError
from search.sqlite_file import check_opens, one_at_a_time, path_of
from search.store import client_of, open_store


def test_a_deleted_experiment_is_taken_up_again(in_tmp: Path) -> None:
    store = open_store("sqlite:///mlflow.db", "mine")
    store.client.delete_experiment(store.experiment_id)
    again = open_store("sqlite:///mlflow.db", "mine")
    assert again.client.get_experiment(again.experiment_id).lifecycle_stage == "active"


def test_two_searches_make_the_tables_one_after_the_other(in_tmp: Path) -> None:
    uri = f"sqlite:///{in_tmp / 'mlflow.db'}"
    other = threading.Thread(target=client_of, args=(uri,))
    with one_at_a_time(path_of(uri)):
        other.start()
        other.join(1.0)
        assert other.is_alive()
        assert not any(file.stat().st_size for file in in_tmp.iterdir())
    other.join(60)
    assert not other.is_alive()
    assert client_of(uri).search_experiments()


def test_tables_that_were_not_all_made_are_not_left(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow could not go on with them: 'table _alembic_tmp_experiments already exists', for good."""

    def cut_off(engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE experiments (name TEXT)"))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(utils, "_initialize_tables", cut_off)
        with pytest.raises(KeyboardInterrupt):
            client_of("sqlite:///mlflow.db")
    assert [(file.name, file.stat().st_size) for file in in_tmp.iterdir()] == [("mlflow.db", 0)]
    assert client_of("sqlite:///mlflow.db").search_experiments()


def test_a_file_that_cannot_be_made_is_told_at_once() -> None:
    started = time.monotonic()
    told = r"sqlite:////sys/x\.db cannot be used \(unable to open .*: correct the address"
    with pytest.raises(UserError, match=told):
        client_of("sqlite:////sys/x.db")
    assert time.monotonic() - started < 10


def test_the_folder_of_a_new_store_is_made(in_tmp: Path) -> None:
    assert open_store("sqlite:///new/folder/mlflow.db", "mine").experiment_id
    assert (in_tmp / "new" / "folder" / "mlflow.db").exists()


def test_a_store_that_is_being_written_is_waited_for(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "SECONDS_TO_OPEN", 0.1)
    path = in_tmp / "mlflow.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("BEGIN EXCLUSIVE")
        check_opens(path)  # and MLflow then waits
