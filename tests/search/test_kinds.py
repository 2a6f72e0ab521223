"""Searches of other kinds than regression networks: classes by the command, and traditional models on CPUs alone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

from search import resources
from search.config import parse
from search.data import DataRequest, Part, Split, load
from search.errors import UserError
from search.history import open_search
from search.judging import scores
from search.register import main as register
from search.report.__main__ import main as report
from search.resources import Resources, ray_for, resources_for
from search.run import main
from search.targets import training_data, with_head


@pytest.fixture(scope="module")
def classes() -> Split:
    """A table of classes by the sign of shipped formation energies, and words for them."""
    shipped = load(DataRequest("mp", rows=300))
    words = {True: "deep", False: "shallow"}
    Path("classes.csv").write_text(
        "formula,kind\n"
        + "".join(
            f"{formula},{words[bool(value < -1)]}\n"
            for part in (shipped.train, shipped.validation, shipped.test)
            for formula, value in zip(part.formulas, part.y, strict=True)
        )
    )
    return load(DataRequest("csv", path="classes.csv", target="kind", task="classification"))


@pytest.fixture(scope="module", autouse=True)
def _one_ray_in_one_folder(tmp_path_factory: pytest.TempPathFactory, narrow_networks: None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, ray_for(parse([])):
        patch.chdir(tmp_path_factory.mktemp("kinds"))
        yield


def parent_of(experiment: str) -> tuple[Run, list[Run]]:
    client = MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    runs = client.search_runs([found.experiment_id])
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    return next(run for run in runs if run not in children), children


def test_a_search_of_classes(classes: Split, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["dataset=csv", "path=classes.csv", "target=kind", "task=classification", "recipe.epochs=2"]
    assert main(["space=branching", "trials=2", *words, "cpus_per_trial=1", "max_concurrent=1"]) == 0
    printed = capsys.readouterr().out
    assert "validation cross-entropy" in printed
    parent, children = parent_of("branching on classes.csv kind")
    assert len(children) == 2
    errors = [run.data.metrics["best_validation_cross_entropy"] for run in children]
    assert parent.data.metrics["best_validation_cross_entropy"] == pytest.approx(min(errors))
    for name in ("cross_entropy", "accuracy", "f1", "roc_auc"):
        assert f"{name.replace('_', ' ') if name != 'cross_entropy' else 'cross-entropy'}" in printed
        assert parent.data.metrics[f"test_{name}"] > 0
    winner = next(run for run in children if run.data.metrics["rank"] == 1)
    assert winner.info.run_name.endswith("2 classes")
    assert (
        open_search(parent.info.run_id, f"sqlite:///{Path.cwd()}/mlflow.db").standings[0].candidate.task
        == "classification"
    )
    for command, sentence in ((report, "shows regressions"), (register, "is a classification")):
        with pytest.raises(UserError, match=sentence):
            command([f"run={parent.info.run_id}"])


def test_scores_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    y, outputs = random.integers(0, 3, 200), random.normal(size=(200, 3))
    part = Part(np.zeros((200, 86), np.float32), y.astype(np.float32), np.array(["H"] * 200, dtype=np.object_))
    found = scores(outputs, part, ("a", "b", "c"))
    chances = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    assert found["cross_entropy"] == pytest.approx(log_loss(y, chances))
    assert found["accuracy"] == accuracy_score(y, chances.argmax(axis=1))
    assert found["f1"] == pytest.approx(f1_score(y, chances.argmax(axis=1), average="macro"))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(y, chances, multi_class="ovr"), abs=1e-9)


def test_head_follows_the_target(classes: Split) -> None:
    from models.architecture import BRNET  # noqa: PLC0415 - only this test builds one

    head = with_head(BRNET, classes)
    assert (head.task, head.output_width, head.floor) == ("classification", 2, None)
    assert training_data(classes).y_train.dtype == np.int64


def test_a_search_of_traditional_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "space=automl",
                "trials=3",
                "scheduler=asha",
                "dataset=mp",
                "rows=150",
                "cpus_per_trial=1",
                "max_concurrent=1",
            ]
        )
        == 0
    )
    assert "Its test MAE is" in capsys.readouterr().out
    parent, children = parent_of("automl on mp formation_energy")
    assert {run.data.tags["stop_reason"] for run in children} <= {"fitted", "stopped by asha"}
    assert all("parameters" not in run.data.metrics and run.data.params["family"] for run in children)
    assert report([f"run={parent.info.run_id}", "output=report.html"]) == 0
    with pytest.raises(UserError, match="traditional models, which are not kept"):
        register([f"run={parent.info.run_id}"])


def test_traditional_models_leave_gpus_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "available", lambda: (16.0, 2.0))
    assert resources_for(parse(["space=traditional"]), 25) == Resources(1, 0, 16)
    for words, sentence in (
        (["space=traditional", "gpus_per_trial=1"], "run on CPUs"),
        (["space=automl", "recipe.epochs=3"], "has no meaning for space=automl"),
        (["space=automl", "dataset=csv", "path=a", "target=b", "task=classification"], "holds regressors"),
    ):
        with pytest.raises(UserError, match=sentence):
            parse(words)
    assert parse(["space=automl"]).recipe.epochs == 1
    with_rungs = parse(["space=automl", "scheduler=asha"])
    assert (with_rungs.recipe.epochs, with_rungs.scheduler.grace_epochs) == (3, 1)
