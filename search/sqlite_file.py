"""MLflow's store where it is a SQLite file: where it lies, that it can be opened, and who makes its tables."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from search.whole_file import whole_file

SQLITE = "sqlite:///"

SECONDS_TO_OPEN = 5.0


def path_of(uri: str) -> Path:
    """The file that an address of a SQLite store names."""
    return Path(uri.removeprefix(SQLITE).partition("?")[0]).absolute()


def absolute(uri: str) -> str:
    """A SQLite address by its full path: MLflow keeps connections by address, whatever the folder it was meant in."""
    return f"{SQLITE}{Path(uri.removeprefix(SQLITE)).absolute()}" if uri.startswith(SQLITE) else uri


def check_opens(path: Path) -> None:
    """Make the folder and the file where they are not there yet. Raises OSError or sqlite3.Error where they cannot be,
    which MLflow would try for minutes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=SECONDS_TO_OPEN)) as database:
        try:
            database.execute("PRAGMA schema_version")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):  # another search is writing, which MLflow waits for
                raise


def make_tables(path: Path) -> None:
    """Have MLflow make the tables of a file that is empty: all, or none where that is cut off, as by Ctrl-C.

    It takes seconds, and MLflow can neither use nor mend a file with some of them.
    """
    if path.exists() and path.stat().st_size:
        return
    from mlflow.store.db import utils  # noqa: PLC0415 - it takes a second, for new files alone

    with whole_file(path.resolve(), "tracking.uri") as partial:
        engine = utils.create_sqlalchemy_engine_with_retry(f"{SQLITE}{partial}")  # type: ignore[no-untyped-call]
        try:
            utils._initialize_tables(engine)  # type: ignore[no-untyped-call]
        finally:
            engine.dispose()


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """In the `with` no other process of ours has MLflow make the tables of this file, which two at once break."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # file systems that cannot lock a folder
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def let_others_read(path: Path) -> None:
    """`mlflow ui` can then read while a search writes."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
