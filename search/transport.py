"""A search as one file, to be brought from one MLflow store to another: JSON and artifacts in a zip, no code."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from models.objective import ERROR_NAMES
from search.ensemble_record import ARTIFACT as ENSEMBLE
from search.ensemble_record import logged
from search.errors import UserError, reason_of
from search.history import LATEST, latest_parent, parent_of, pointed_at
from search.parent_run import CONFIG_TAG, FOLDER_TAG
from search.store import PARENT_TAG, Store, children_of, existing_store, open_store
from search.view import share_ranking
from search.whole_file import whole_file

FORMAT = 1
FACTS = "search.json"
ARTIFACTS = "artifacts"
ORIGIN_TAG = "branchsearch.imported_from"
"""The run's id in the store where it was first."""

LEFT_BEHIND = {FOLDER_TAG, PARENT_TAG}
"""Tags that mean nothing in another store: a folder of another machine, and the parent's old id."""

METRICS_A_WRITE = 900
FEW = 90
"""MLflow takes at most 100 parameters, and as many tags, in one call."""


def ended_search(run: str, uri: str) -> tuple[MlflowClient, Run]:
    """The store's client and the search's run. Raises UserError where it is not there, or under way."""
    run, uri = pointed_at(run, uri)
    client = existing_store(uri)
    parent = latest_parent(client, uri) if run == LATEST else parent_of(client, run, "run")
    if parent.info.status == "RUNNING":
        raise UserError(f"the search {parent.info.run_id} is under way: export it when it has ended")
    return client, parent


def pack(run: str, uri: str, file: Path) -> tuple[str, int]:
    """Write a search and its trials to `file`; the parent's id and the number of runs. Raises UserError."""
    client, parent = ended_search(run, uri)
    children = children_of(client, parent.info.experiment_id, parent.info.run_id)
    experiment = client.get_experiment(parent.info.experiment_id).name
    runs = [parent, *children]
    facts = {"format": FORMAT, "experiment": experiment, "runs": [_described(client, found) for found in runs]}
    with (
        whole_file(file, "file") as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        archive.writestr(FACTS, json.dumps(facts))
        for number, found in enumerate(runs):
            _pack_artifacts(client, found.info.run_id, f"{ARTIFACTS}/{number}", archive)
    return parent.info.run_id, len(runs)


def _described(client: MlflowClient, run: Run) -> dict[str, Any]:
    histories = (client.get_metric_history(run.info.run_id, key) for key in run.data.metrics)
    return {
        "id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "start": run.info.start_time,
        "end": run.info.end_time,
        "tags": {key: value for key, value in run.data.tags.items() if key not in LEFT_BEHIND},
        "params": dict(run.data.params),
        "metrics": [[m.key, m.value, m.timestamp, m.step] for history in histories for m in history],
    }


def _pack_artifacts(client: MlflowClient, run_id: str, prefix: str, archive: zipfile.ZipFile) -> None:
    with tempfile.TemporaryDirectory(prefix="branchsearch-") as folder:
        try:
            for entry in client.list_artifacts(run_id):
                client.download_artifacts(run_id, entry.path, folder)
        except (MlflowException, OSError) as error:
            raise UserError(f"what run {run_id} left cannot be had from MLflow: {reason_of(error)}") from error
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                archive.write(path, f"{prefix}/{path.relative_to(folder).as_posix()}")


def unpack(file: Path, uri: str) -> tuple[str, int]:
    """Make the runs of `file` in another store; the parent's new id and the number of runs.

    Raises UserError for a file that is none of ours, and where the store holds the search already. What was made of a
    search whose import breaks off is removed.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_room(archive, file)
            facts = _read_facts(archive)
            return _unpack(archive, facts, open_store(uri, facts["experiment"]))
    except FileNotFoundError as error:
        raise UserError(f"file={file} is not there: python -m search.export writes one") from error
    except (zipfile.BadZipFile, LookupError, AttributeError, RecursionError, TypeError, ValueError) as error:
        raise UserError(f"file={file} is no search that python -m search.export has written: {error}") from error
    except UserError:
        raise
    except Exception as error:  # mlflow lets its stores' own errors through: SQL, HTTP, OS
        reason = getattr(error, "strerror", None) or reason_of(error)
        raise UserError(f"file={file} cannot be taken over: {reason}") from error


def _check_room(archive: zipfile.ZipFile, file: Path) -> None:
    """Raises UserError where a part of the file unpacks to more than the disk of temporary files has free, or all parts
    to more than the one where this runs: there MLflow keeps artifacts, if not on a server. A small file can do that.

    No more than the sizes noted is ever unpacked: zipfile stops there.
    """
    sizes = [entry.file_size for entry in archive.infolist()]
    for size, folder in ((max(sizes, default=0), Path(tempfile.gettempdir())), (sum(sizes), Path.cwd())):
        free = shutil.disk_usage(folder).free
        if size > free:
            raise UserError(
                f"file={file} unpacks to {size / 1e9:,.1f} GB, and {folder} has {free / 1e9:,.1f} GB free: make room, "
                "or import it from a folder on a larger disk, which $TMPDIR can name for temporary files"
            )


def _read_facts(archive: zipfile.ZipFile) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(archive.read(FACTS))
    if facts["format"] != FORMAT:
        raise ValueError("it was written by another version of branchsearch")
    if CONFIG_TAG not in facts["runs"][0]["tags"]:
        raise ValueError("its first run is no search")
    return facts


def _unpack(archive: zipfile.ZipFile, facts: dict[str, Any], store: Store) -> tuple[str, int]:
    client, parameters = store.client, facts["runs"][0]["params"]
    _check_new(store, _origin(facts["runs"][0]))
    made: list[str] = []
    try:
        for number, described in enumerate(facts["runs"]):
            run = client.create_run(store.experiment_id, described["start"], run_name=described["name"])
            made.append(str(run.info.run_id))
            _fill(client, made[-1], described, {PARENT_TAG: made[0]} if number else {})
            for path, source in _members(archive, f"{ARTIFACTS}/{number}/"):
                client.log_artifact(made[-1], str(source), path)
            client.set_terminated(made[-1], described["status"], described["end"])
        _rename_members(client, made[0], {str(run["id"]): new for run, new in zip(facts["runs"], made, strict=True)})
    except BaseException:
        for run_id in made:
            client.delete_run(run_id)
        raise
    marks = {"has_front": "objectives" in parameters, "has_parts": parameters.get("scheduler") == "rows"}
    share_ranking(client, store.experiment_id, made[0], _error_name(facts), **marks)
    return made[0], len(made)


def _origin(described: Mapping[str, Any]) -> str:
    return str(described["tags"].get(ORIGIN_TAG, described["id"]))


def _check_new(store: Store, origin: str) -> None:
    """Raises UserError where the store holds a search, as it was run there or as an earlier import made it."""
    name = origin.replace("'", "")
    for query in (f"tags.`{ORIGIN_TAG}` = '{name}'", f"attributes.run_id = '{name}'"):
        known = store.client.search_runs([store.experiment_id], query, max_results=1)
        if known:
            raise UserError(f"this search is in the store already: its run is {known[0].info.run_id}")


def _rename_members(client: MlflowClient, parent: str, new_ids: Mapping[str, str]) -> None:
    """Have the search's ensemble name the runs of its members here."""
    about = logged(client, parent)
    if about is not None:
        members = [{**member, "run": new_ids.get(member["run"], member["run"])} for member in about["members"]]
        client.log_text(parent, json.dumps(about | {"members": members}), ENSEMBLE)


def _fill(client: MlflowClient, run_id: str, described: dict[str, Any], parent: dict[str, str]) -> None:
    """Write a run's metrics, parameters and tags."""
    tags = {**described["tags"], **parent, ORIGIN_TAG: _origin(described)}
    metrics = [Metric(key, value, timestamp, step) for key, value, timestamp, step in described["metrics"]]
    for part in _parts(metrics, METRICS_A_WRITE):
        client.log_batch(run_id, metrics=part)
    for parameters in _parts([Param(key, value) for key, value in described["params"].items()], FEW):
        client.log_batch(run_id, params=parameters)
    for some in _parts([RunTag(key, value) for key, value in tags.items()], FEW):
        client.log_batch(run_id, tags=some)


def _parts(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[first : first + size] for first in range(0, len(items), size))


def _members(archive: zipfile.ZipFile, prefix: str) -> Iterator[tuple[str | None, Path]]:
    """The files under a prefix, one at a time on disk, each with the folder it belongs to among the artifacts."""
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename.removeprefix(prefix))
        if not entry.filename.startswith(prefix) or entry.is_dir():
            continue
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
            raise ValueError(f"it holds a file outside its own folder: {entry.filename}")
        with tempfile.TemporaryDirectory(prefix="branchsearch-") as folder:
            target = Path(folder) / path.name
            with archive.open(entry) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
            yield (None if path.parent == PurePosixPath() else path.parent.as_posix()), target


def _error_name(facts: dict[str, Any]) -> str:
    """The selecting error among the trials' metrics."""
    keys = {metric[0] for described in facts["runs"][1:] for metric in described["metrics"]}
    return next((name for name in ERROR_NAMES.values() if f"best_validation_{name}" in keys), "mae")
