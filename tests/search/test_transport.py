"""A search leaves one store as a file and is the same in another; what is no such file changes nothing."""

import json
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import torch
from mlflow.tracking import MlflowClient
from shelf import Shelf

from models.checkpoint import load_network
from search.errors import UserError
from search.export import main as export
from search.history import open_search
from search.import_run import main as import_run
from search.inference.choice import choose_ensemble

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
    client = MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
    assert not client.search_runs([e.experiment_id for e in client.search_experiments()])
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
    assert not Path("mlflow.db").exists()


def test_nothing_but_json_and_artifacts_travels(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        runs = json.loads(archive.read("search.json"))["runs"]
    assert {Path(name).suffix for name in names} <= {".json", ".npz", ".csv", ".md", ".html", ".txt"}
    assert not any("branchsearch.folder" in run["tags"] for run in runs)
