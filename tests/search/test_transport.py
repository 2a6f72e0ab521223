"""A search leaves one store as a file and is the same in another; what is no such file changes nothing."""

import json
import shutil
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from mlflow.entities import Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from shelf import Shelf

from models.candidate import Candidate
from models.checkpoint import load_network
from models.published import BRNET
from models.recipe import FAST
from search.data import Split
from search.errors import UserError
from search.export import main as export
from search.history import open_search
from search.import_run import main as import_run
from search.inference.choice import choose_ensemble
from search.parent_run import FOLDER_TAG
from search.parsing import parse
from search.results import TrialResult
from search.store import open_store
from search.tracking import Tracker
from search.view import VIEW_TAG

KEY = "validation_mae"


@pytest.fixture
def file(shelf: Shelf, in_tmp: Path) -> Path:
    assert export([f"run={shelf.parent}", "file=search.zip", f"tracking.uri={shelf.uri}"]) == 0
    return in_tmp / "search.zip"


def test_a_search_is_the_same_in_another_store(shelf: Shelf, file: Path, tmp_path: Path) -> None:
    assert import_run([f"file={file}"]) == 0
    there, here = shelf.past, open_search("latest", "sqlite:///mlflow.db")
    assert here.parent.info.run_id != there.parent.info.run_id
    assert here.config == there.config
    assert here.parent.data.params == there.parent.data.params
    assert [s.mean_error for s in here.standings] == [s.mean_error for s in there.standings]
    assert [s.results for s in here.standings] == [s.results for s in there.standings]
    x = torch.from_numpy(shelf.split.test.x)
    for past in (there, here):
        assert past.standings[0].trained
    here_runs = {result.trial_id: run.info.run_id for result, run in here.trials}
    for result, run in there.trials:
        curves = [
            [(metric.step, metric.value, metric.timestamp) for metric in past.client.get_metric_history(name, KEY)]
            for past, name in ((there, run.info.run_id), (here, here_runs[result.trial_id]))
        ]
        assert curves[0] == curves[1]
        assert result.failure or len(curves[0]) > 1
    assert choose_ensemble(here).results == choose_ensemble(there).results
    winner = here.standings[0].trained[0]
    copied = load_network(here.product(winner, tmp_path))[0]
    assert torch.equal(copied(x), shelf.networks[winner.trial_id].eval()(x))
    client = MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
    with pytest.raises(UserError, match="in the store already"):
        import_run([f"file={file}"])
    assert len(client.search_runs([here.parent.info.experiment_id])) == len(here.trials) + 1


@pytest.mark.parametrize("error", [MlflowException("no such\nfile"), OSError(5, "Input/output error")])
def test_a_search_whose_files_cannot_be_had_is_not_exported(
    shelf: Shelf, in_tmp: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def lost(*_: object) -> None:
        raise error

    monkeypatch.setattr(MlflowClient, "download_artifacts", lost)
    with pytest.raises(UserError, match=f"what run {shelf.parent} left cannot be had from MLflow: [^\n]*$"):
        export([f"run={shelf.parent}", "file=search.zip", f"tracking.uri={shelf.uri}"])
    assert not list(in_tmp.iterdir())


def test_a_table_of_the_trials_names_no_folder(shelf: Shelf, in_tmp: Path) -> None:
    assert export([f"run={shelf.parent}", "file=trials.csv", f"tracking.uri={shelf.uri}"]) == 0
    table = pd.read_csv("trials.csv", dtype={"seed": "Int64"})
    assert list(table.kind) == ["search"] + ["trial"] * len(shelf.past.trials)
    errors = {result.trial_id: result.best_error for s in shelf.past.standings for result in s.trained}
    assert sorted(table.best_validation_mae[1:].dropna()) == pytest.approx(sorted(errors.values()))
    assert table.seed[1:].notna().all()
    assert set(table.epochs_trained[1:].dropna()) == {result.epochs for result, _ in shelf.past.trials}
    rates = {result.candidate.recipe.learning_rate for s in shelf.past.standings for result in s.trained}
    assert set(table.learning_rate[1:].dropna()) == rates
    assert str(in_tmp.parent) not in Path("trials.csv").read_text()


def test_times_and_files_in_folders_come_along(in_tmp: Path, mp_split: Split) -> None:
    """And more parameters and tags than MLflow takes in one call."""
    here = open_store("sqlite:///here.db", "mine")
    config = parse(["space=branching", "dataset=mp", "tracking.uri=sqlite:///here.db"])
    tracker = Tracker(config, mp_split, here)
    tracker.begin("a", Candidate(BRNET, FAST), 0)
    columns = ("train_error", "validation_error", "learning_rate", "epoch_seconds", "at")
    tracker.log_epochs("a", [{"epoch": n, **dict.fromkeys(columns, 1 / n)} for n in range(1, 31)])
    tracker.end(TrialResult("a", Candidate(BRNET, FAST), 0, 30, 30, 1 / 30, 3.0, "all epochs"), None)
    tracker.writer.flush()
    run_id = tracker.children["a"]
    here.client.log_text(run_id, "word", "folder/within/note.txt")
    here.client.set_tag(tracker.parent, FOLDER_TAG, "/of/this/machine")
    for part in (range(60), range(60, 120)):
        parameters = [Param(f"parameter_{number}", str(number)) for number in part]
        here.client.log_batch(run_id, params=parameters, tags=[RunTag(f"tag_{number}", str(number)) for number in part])
    tracker.close("FINISHED")
    assert export([f"run={tracker.parent}", "file=a.zip", "tracking.uri=sqlite:///here.db"]) == 0
    assert import_run(["file=a.zip", "tracking.uri=sqlite:///there.db"]) == 0
    assert not Path("mlflow.db").exists()
    assert export(["file=a.csv", "tracking.uri=sqlite:///there.db"]) == 0
    told = pd.read_csv("a.csv").iloc[1]
    assert (told.learning_rate, told.space, told.unit) == (FAST.learning_rate, "branching", "eV/atom")
    before, now = (open_search("latest", f"sqlite:///{name}.db") for name in ("here", "there"))
    for one, other in ((before.parent, now.parent), (before.trials[0][1], now.trials[0][1])):
        assert (one.info.start_time, one.info.end_time) == (other.info.start_time, other.info.end_time)
        assert one.data.params == other.data.params
        assert one.data.metrics == other.data.metrics
    assert FOLDER_TAG in before.parent.data.tags
    assert FOLDER_TAG not in now.parent.data.tags
    run_id = now.trials[0][1].info.run_id
    assert len(now.client.get_metric_history(run_id, KEY)) == 30
    assert now.client.get_run(run_id).data.tags["tag_119"] == "119"
    assert Path(now.client.download_artifacts(run_id, "folder/within/note.txt", ".")).read_text() == "word"


def test_a_search_that_is_here_already_is_not_taken_into_its_own_store(shelf: Shelf, file: Path) -> None:
    """Its trials would be found twice, and its name would be two searches'."""
    client, experiment = shelf.past.client, [shelf.past.parent.info.experiment_id]
    before = len(client.search_runs(experiment))
    with pytest.raises(UserError, match=f"in the store already: its run is {shelf.parent}"):
        import_run([f"file={file}", f"tracking.uri={shelf.uri}"])
    assert import_run([f"file={file}"]) == 0
    assert export(["file=back.zip"]) == 0
    with pytest.raises(UserError, match=f"in the store already: its run is {shelf.parent}"):
        import_run(["file=back.zip", f"tracking.uri={shelf.uri}"])
    assert len(client.search_runs(experiment)) == before


def runs_here() -> list[Run]:
    client = MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
    return list(client.search_runs([found.experiment_id for found in client.search_experiments()]))


def test_an_import_that_breaks_off_leaves_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: MlflowClient, run_id: str, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    def locked(self: MlflowClient, run_id: str, *_: object, **__: object) -> None:
        raise MlflowException("No space left: database is locked\n[SQL: INSERT INTO metrics]")

    def locked_later(self: MlflowClient, run_id: str, *_: object, **__: object) -> None:
        if len(runs_here()) == 3:
            locked(self, run_id)

    breaks = {"log_artifact": full, "log_batch": locked, "set_terminated": locked_later}
    for name, broken in breaks.items():
        with monkeypatch.context() as patch:
            patch.setattr(MlflowClient, name, broken)
            with pytest.raises(UserError, match=r"search\.zip cannot be taken over: No space left") as error:
                import_run([f"file={file}"])
        assert "\n" not in str(error.value)
        assert not runs_here(), name
    with pytest.raises(UserError, match="holds no search yet"):
        open_search("latest", "sqlite:///mlflow.db")
    assert import_run([f"file={file}"]) == 0


def test_a_search_under_way_is_not_exported(in_tmp: Path, mp_split: Split) -> None:
    config = parse(["space=branching", "dataset=mp"])
    tracker = Tracker(config, mp_split, open_store(config.tracking.uri, config.experiment))
    for name in ("search.zip", "trials.csv"):
        with pytest.raises(UserError, match=f"the search {tracker.parent} is under way"):
            export([f"run={tracker.parent}", f"file={name}"])
        assert not Path(name).exists()
    tracker.close("FINISHED")
    assert export(["file=trials.csv"]) == 0


def test_a_file_of_another_version_is_refused(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        facts = json.loads(archive.read("search.json"))
    with zipfile.ZipFile("newer.zip", "w") as archive:
        archive.writestr("search.json", json.dumps(facts | {"format": 2}))
    with pytest.raises(UserError, match="it was written by another version of branchsearch"):
        import_run(["file=newer.zip"])


def test_the_view_of_an_imported_search_has_the_columns_of_its_own(in_tmp: Path, mp_split: Split) -> None:
    words = ["space=joint", "trials=9", "scheduler=rows", "objectives=[validation_mae,parameters]"]
    config = parse([*words, "tracking.uri=sqlite:///here.db"])
    tracker = Tracker(config, mp_split, open_store(config.tracking.uri, config.experiment))
    tracker.begin("a", Candidate(BRNET, FAST), 0)
    tracker.end(TrialResult("a", Candidate(BRNET, FAST), 0, 6, 6, 0.1, 3.0, "all epochs"), None)
    tracker.close("FINISHED")
    assert export(["file=a.zip", "tracking.uri=sqlite:///here.db"]) == 0
    assert import_run(["file=a.zip", "tracking.uri=sqlite:///there.db"]) == 0
    columns = []
    for name in ("here", "there"):
        parent = open_search("latest", f"sqlite:///{name}.db").parent
        client = MlflowClient(f"sqlite:///{in_tmp}/{name}.db")
        tags = client.get_experiment(parent.info.experiment_id).tags
        columns.append(json.loads(tags[VIEW_TAG + parent.info.run_id])["selectedColumns"])
    assert columns[0] == columns[1]


CHANGES: list[Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = [
    lambda runs: [],
    lambda runs: [{**runs[0], "tags": {}}],
    lambda runs: [{**runs[0], "params": []}],
    lambda runs: [{**runs[0], "status": "ended"}],
    lambda runs: [{**runs[0], "metrics": [["error", "low", 1, 1]]}],
    lambda runs: [runs[0], {**runs[1], "params": {"": "x"}}],
]


def test_what_is_no_search_is_refused_and_leaves_nothing(file: Path, in_tmp: Path) -> None:
    (in_tmp / "text.zip").write_text("no zip")
    with zipfile.ZipFile(in_tmp / "other.zip", "w") as archive:
        archive.writestr("a.txt", "b")
    with zipfile.ZipFile(file) as good, zipfile.ZipFile(in_tmp / "evil.zip", "w") as evil:
        evil.writestr("search.json", good.read("search.json"))
        evil.writestr("artifacts/0/../../../evil.txt", "x")
    for name in ("text", "other", "evil"):
        with pytest.raises(UserError, match=f"{name}.zip is no search that"):
            import_run([f"file={name}.zip"])
    with pytest.raises(UserError, match="is not there"):
        import_run(["file=none.zip"])
    with pytest.raises(UserError, match="which file"):
        export(["run=latest"])
    with zipfile.ZipFile(file) as good:
        facts = json.loads(good.read("search.json"))
    runs = [json.dumps(facts | {"runs": change(facts["runs"])}) for change in CHANGES]
    whys = ["is no search that"] * 5 + ["cannot be taken over"] * 3  # what MLflow alone can say
    for text, why in zip(["null", "[" * 100_000, *runs], whys, strict=True):
        with zipfile.ZipFile(in_tmp / "changed.zip", "w") as changed:
            changed.writestr("search.json", text)
        with pytest.raises(UserError, match=rf"changed\.zip {why}"):
            import_run(["file=changed.zip"])
    assert not runs_here()
    assert not (in_tmp.parent / "evil.txt").exists()


def test_what_the_disk_could_not_hold_is_refused_before_it_is_unpacked(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("artifacts/0/zeros.txt", bytes(30_000_000))
    assert file.stat().st_size < 10_000_000
    disk = shutil.disk_usage(file)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk._replace(free=25_000_000))
    with pytest.raises(UserError, match=r"search\.zip unpacks to 0\.0 GB, and .* has 0\.0 GB free: make room"):
        import_run([f"file={file}"])
    with zipfile.ZipFile(file) as archive:
        needed = sum(entry.file_size for entry in archive.infolist())
    for free, fits in ((needed - 1, False), (needed, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: disk._replace(free=free))
        with nullcontext() if fits else pytest.raises(UserError, match="make room"):
            import_run([f"file={file}"])
        assert Path("mlflow.db").exists() == fits


def test_nothing_but_json_and_artifacts_travels(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        runs = json.loads(archive.read("search.json"))["runs"]
    assert {Path(name).suffix for name in names} <= {".json", ".npz", ".csv", ".md", ".html", ".txt"}
    assert not any("branchsearch.folder" in run["tags"] for run in runs)
