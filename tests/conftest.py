"""What all tests share: a small real table and an isolated cache."""

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from filelock import FileLock
from hypothesis import settings

from benchmarks.narrow_search import narrow
from models.data import TrainingData
from models.published import PUBLISHED
from search.data import DataRequest, Split, load

if TYPE_CHECKING:
    from shelf import Shelf
    from sqlalchemy import Engine

SLOWEST_FIRST = (
    "search/test_faults.py",
    "cluster/test_onprem.py",
    "search/test_session.py",
    "search/reproduction/test_reproduce.py",
    "search/test_resume.py",
    "browser/test_from_search_to_service.py",
    "search/test_packed_trials.py",
    "search/test_security.py",
    "search/test_kinds.py",
    "search/test_rows.py",
    "search/test_warm_start.py",
    "search/test_server_away.py",
    "search/test_store_at_work.py",
    "cluster/test_aws.py",
    "browser/test_report.py",
)
"""Files that take longest: begun first, so that none is left to one process while the others have nothing to do."""

# A pause on a busy machine is no fault of what is tested.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")

# Several threads on one small network spend their time waiting for each other where cores are shared.
torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files go to pytest's processes in this order, `--no-loadscope-reorder` given."""
    tests = Path(__file__).parent
    order = {tests / name: number for number, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_collection_finish() -> None:
    """What the tests' modules have imported is there to stay: a tenth of the tests' time went into collecting it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setenv("BRANCHSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def _databases_are_copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new SQLite store has a copy of tables that MLflow has made once: its migrations take seconds each time."""
    if "mlflow" not in sys.modules:  # no test of this run needs it, and to import it takes seconds
        yield
        return
    from mlflow.store.db import utils  # noqa: PLC0415

    base = tmp_path_factory.getbasetemp()
    template = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "tables.db"
    make_tables: Callable[[Engine], None] = utils._initialize_tables

    def copy_tables(engine: "Engine") -> None:
        if engine.dialect.name != "sqlite" or not engine.url.database:
            make_tables(engine)
            return
        with FileLock(template.with_suffix(".lock")):
            if not template.exists():
                make_tables(engine)
                copy_database(engine.url.database, template)
        copy_database(template, engine.url.database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "_initialize_tables", copy_tables)
        yield


def copy_database(source: str | Path, target: str | Path) -> None:
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)


MLFLOW_STATE = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID")
"""What MLflow reads from the environment, and writes there for processes that it is to start."""


def forget_mlflow() -> None:
    """MLflow as in a new process, with no store, experiment or run of its own choice."""
    if "mlflow" in sys.modules:  # to import it takes seconds
        import mlflow  # noqa: PLC0415

        while mlflow.active_run():
            mlflow.end_run()
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
        mlflow.set_registry_uri(None)  # type: ignore[arg-type]
        mlflow.tracking.fluent._active_experiment_id = None
    for name in MLFLOW_STATE:
        os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def _no_mlflow_left() -> Iterator[None]:
    """Neither an earlier test nor a fixture that many share decides where MLflow's own functions look."""
    forget_mlflow()
    yield
    forget_mlflow()


@pytest.fixture(scope="session")
def mp_split(_own_cache: None) -> Split:
    """2,000 compositions of the shipped Materials Project table."""
    return load(DataRequest("mp", rows=2000))


@pytest.fixture(scope="session")
def mp_data(mp_split: Split) -> TrainingData:
    return TrainingData(mp_split.train.x, mp_split.train.y, mp_split.validation.x, mp_split.validation.y)


@pytest.fixture(scope="session")
def few_rows(mp_data: TrainingData) -> TrainingData:
    """400 rows to train on: for what holds whatever the rows are."""
    return TrainingData(mp_data.x_train[:400], mp_data.y_train[:400], mp_data.x_validation, mp_data.y_validation)


@cache
def lacks(program: str) -> str | None:
    """What keeps a program from being used here."""
    if shutil.which(program) is None:
        return f"needs {program}, which is not installed"
    if program == "unshare" and subprocess.run(["unshare", "--net", "--mount", "true"], check=False).returncode:
        return "needs to make network namespaces, which takes root"
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, saying so, what needs a program that is not installed; fail instead where CI has installed it."""
    for marker in item.iter_markers("system"):
        for program in marker.args:
            sentence = lacks(program)
            if sentence is not None:
                if os.environ.get("BRANCHSEARCH_NO_SYSTEM_SKIPS"):
                    pytest.fail(sentence)
                pytest.skip(sentence)


@pytest.fixture(scope="session")
def shelf(mp_split: Split, tmp_path_factory: pytest.TempPathFactory) -> "Shelf":
    """A store with a trained search and its registered winner, one for all of pytest's processes.

    Tests may add models under names of their own; the rest stays as it is.
    """
    from shelf import PARENT_FILE, fill, open_shelf  # noqa: PLC0415 - it imports MLflow, for seconds

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shelf"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / PARENT_FILE).exists():
            fill(folder, mp_split)
    return open_shelf(folder, mp_split)


@pytest.fixture(scope="session")
def _rays() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def shared_ray(_rays: ExitStack) -> None:
    """Ray, left up for the files that follow: to start it takes as long as a small search, and commands use it."""
    from search.parsing import parse  # noqa: PLC0415 - it imports Ray, for seconds
    from search.ray_session import ray_for  # noqa: PLC0415

    _rays.enter_context(ray_for(parse([])))


@pytest.fixture(scope="module")
def no_shared_ray(_rays: ExitStack) -> None:
    """For tests that start Ray in a way of their own."""
    _rays.close()


@pytest.fixture(scope="module")
def narrow_networks() -> Iterator[None]:
    """The published networks with all their layers, each of few units: for what their size has no part in."""
    with pytest.MonkeyPatch.context() as patch:
        for name, network in narrow().items():
            patch.setitem(PUBLISHED, name, network)
        yield


@pytest.fixture(scope="module")
def quiet_optuna() -> Iterator[None]:
    """No line a trial from Optuna."""
    import optuna  # noqa: PLC0415 - few tests need it

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(verbosity)


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
