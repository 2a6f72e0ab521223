"""Searches of other kinds than regression networks: classes by the command, and traditional models on CPUs alone."""

import math
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import torch
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from report.conftest import Parsed, parsed
from scipy.special import softmax  # type: ignore[import-untyped]
from sklearn.metrics import accuracy_score, auc, f1_score, log_loss, roc_auc_score

from models.checkpoint import load_network
from models.network import predict as network_outputs
from search import resources
from search.checkpoints import NETWORK_FILE
from search.data import DataRequest, Part, Split, load
from search.ensemble_record import logged
from search.errors import UserError
from search.fitting import refit
from search.history import open_search
from search.inference.classifier import Classifier
from search.inference.registry import find_model, load_model, open_registry
from search.judging import scores
from search.parsing import parse
from search.predict import main as predict
from search.register import main as register
from search.report.__main__ import main as report
from search.report.answers import Outputs, WinnerClasses
from search.resources import Resources, resources_for
from search.run import main
from search.screen import main as screen
from search.store import download
from search.targets import training_data, with_head
from search.temperature import temperature_for

FEW = DataRequest("mp", rows=150)


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
def _in_one_folder(narrow_networks: None, shared_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("kinds"))
        yield


def parent_of(experiment: str) -> tuple[Run, list[Run]]:
    client = MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    runs = client.search_runs([found.experiment_id])
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    parents = {run.data.tags["mlflow.parentRunId"] for run in children}  # a registration has a run in there, too
    return next(run for run in runs if run.info.run_id in parents), children


def test_a_search_of_classes(classes: Split, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["dataset=csv", "path=classes.csv", "target=kind", "task=classification", "recipe.epochs=20"]
    assert main(["space=branching", "trials=2", *words, "cpus_per_trial=1", "max_concurrent=1"]) == 0
    printed = capsys.readouterr().out
    assert "validation cross-entropy" in printed
    assert "Ensemble of 2, " in printed
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
    from models.published import BRNET  # noqa: PLC0415 - only this test builds one

    head = with_head(BRNET, classes)
    assert (head.task, head.output_width, head.floor) == ("classification", 2, None)
    assert training_data(classes).y_train.dtype == np.int64


def test_a_search_of_traditional_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "space=automl",
                "trials=6",
                "scheduler=asha",
                "dataset=mp",
                "rows=150",
                "cpus_per_trial=1",
                "max_concurrent=1",
            ]
        )
        == 0
    )
    printed = capsys.readouterr().out
    assert "Its test MAE is" in printed
    assert ", chosen greedily on validation from " in printed
    parent, children = parent_of("automl on mp formation_energy")
    assert {run.data.tags["stop_reason"] for run in children} <= {"fitted", "stopped by asha"}
    assert all("parameters" not in run.data.metrics and run.data.params["family"] for run in children)
    capsys.readouterr()
    assert report([f"run={parent.info.run_id}", "output=report.html"]) == 0
    page = parsed(Path("report.html").read_text())
    assert "Which model predicts" in page.text
    assert "more epochs may lower it" not in page.text
    assert page.tables["ranking-table"][0][:2] == ["rank", "model"]
    assert "parameters" not in page.tables["ranking-table"][0] + page.tables["pareto-table"][0]
    assert page.figures["learning-curves"]["layout"]["xaxis"]["title"]["text"] == "fits, each to more rows"


def test_the_ensemble_of_traditional_models(capsys: pytest.CaptureFixture[str]) -> None:
    """It is chosen by what the trials predicted, answers as its models do when fitted again, and can be used."""
    past, split = open_search(parent_of("automl on mp formation_energy")[0].info.run_id, uri()), load(FEW)
    about = logged(past.client, past.parent.info.run_id)
    assert about is not None
    assert len(about["members"]) > 1
    assert about["trained"] == sum(run.data.tags["stop_reason"] == "fitted" for _, run in past.trials)
    trials = {run.info.run_id: result for result, run in past.trials}
    for part, key in ((split.validation, "validation_mae"), (split.test, "test_mae")):
        answers = [
            m["weight"] * refit(trials[m["run"]].candidate, training_data(split), trials[m["run"]].seed, 1)(part.x)
            for m in about["members"]
        ]
        assert about[key] == pytest.approx(np.abs(np.sum(answers, axis=0) - part.y).mean(), rel=1e-5)
    assert about["validation_mae"] < min(m["validation_mae"] for m in about["members"])
    assert about["parameters"] is None
    assert "ensemble_parameters" not in past.parent.data.metrics
    assert parsed(Path("report.html").read_text()).tables["ensemble-table"][0][:3] == ["weight", "model", "seed"]
    for order, name in (("ensemble=true", "together"), ("top=5", "best")):
        assert register([f"run={past.parent.info.run_id}", order, f"name={name}"]) == 0
        known = load_model(open_registry(uri()), find_model(open_registry(uri()), name)).about
        assert [m["weight"] for m in known["members"]] == pytest.approx([m["weight"] for m in about["members"]])
        assert known["metrics"]["test_mae"] == pytest.approx(about["test_mae"], rel=1e-4)
    with pytest.raises(UserError, match="traditional models have no number of parameters"):
        register([f"run={past.parent.info.run_id}", "top=5", "max_parameters=1000"])


def test_a_traditional_model_is_registered_asked_and_served(capsys: pytest.CaptureFixture[str]) -> None:
    parent, _ = parent_of("automl on mp formation_energy")
    run, split = f"run={parent.info.run_id}", load(FEW)
    assert register([run, "name=fitted"]) == 0
    assert "validation MAE" in capsys.readouterr().out
    winner = open_search(parent.info.run_id, uri()).standings[0].trained[0]
    expected = refit(winner.candidate, training_data(split), winner.seed, threads=1)(split.test.x)
    assert predict(["model=fitted", *map(str, split.test.formulas), "Xx", "output=fitted.csv"]) == 0
    found = pd.read_csv("fitted.csv")
    np.testing.assert_allclose(found.value[:-1], expected, rtol=1e-5, atol=1e-5)
    assert (found.lower[:-1] < found.upper[:-1]).all()
    assert np.isnan(found.value.iloc[-1])
    served = ask("models:/fitted@champion", found.formula)
    np.testing.assert_allclose(served.value.astype(float), found.value, rtol=1e-5, atol=1e-5)
    assert screen(["model=fitted", "elements=Li,O", "max_atoms=4", "output=screened.csv"]) == 0
    assert len(pd.read_csv("screened.csv"))
    with pytest.raises(UserError, match="precision=bfloat16 is of networks"):
        predict(["model=fitted", "NaCl", "precision=bfloat16"])
    for name, sentence in (
        ("fitted", "start_from=fitted/1 is a traditional model"),
        ("fited", "start_from=fited is not"),
    ):
        assert main(["space=transfer", f"start_from=model:{name}", "dataset=mp", "rows=150"]) == 2
        assert sentence in capsys.readouterr().err


def uri() -> str:
    return f"sqlite:///{Path.cwd()}/mlflow.db"


def ask(model: str, formulas: "pd.Series[str]") -> pd.DataFrame:
    """What plain MLflow has a registered model say."""
    mlflow.set_tracking_uri(uri())
    answers: pd.DataFrame = mlflow.pyfunc.load_model(model).predict(pd.DataFrame({"formula": formulas}))
    return answers


def test_a_classifier_is_reported_registered_and_asked(classes: Split, capsys: pytest.CaptureFixture[str]) -> None:
    parent, _ = parent_of("branching on classes.csv kind")
    run = f"run={parent.info.run_id}"
    assert report([run, "output=classes.html"]) == 0
    check_page(parsed(Path("classes.html").read_text()), parent, classes)
    assert register([run, "name=kinds"]) == 0
    assert "90 % prediction sets" in capsys.readouterr().out
    check_calibration(classes)
    formulas = [*map(str, classes.test.formulas), "Xx", "PoO"]
    assert predict(["model=kinds", *formulas, "output=predicted.csv"]) == 0
    table = pd.read_csv("predicted.csv", keep_default_na=False)
    each = ["p(deep)", "p(shallow)"]
    assert list(table.columns) == ["formula", "class", "probability", "prediction_set", *each, "warning"]
    chances = table[each][:-2].astype(float)
    chosen = [f"p({name})" for name in table["class"][:-2]]
    assert chosen == [str(name) for name in chances.idxmax(axis=1)]
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-5)
    assert table["class"][-2:].tolist() == ["", ""]
    assert (table.warning[-2:] != "").all()
    right = np.mean(table["class"][:-2].to_numpy() == np.array(classes.classes)[classes.test.y.astype(int)])
    assert parent.data.metrics["test_accuracy"] == pytest.approx(right)
    served = ask("models:/kinds@champion", table.formula)
    for name in ("class", "prediction_set", "warning"):
        assert served[name].tolist() == table[name].tolist()
    np.testing.assert_allclose(served["p(deep)"][:-2].astype(float), chances["p(deep)"], rtol=1e-5)
    capsys.readouterr()
    assert predict(["model=kinds", "NaCl"]) == 0
    assert "90 % set" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"answers with classes \(deep, shallow\)"):
        screen(["model=kinds", "elements=Li,O", "order=highest"])


def test_an_ensemble_of_classifiers_answers_as_it_was_tested(classes: Split) -> None:
    parent, children = parent_of("branching on classes.csv kind")
    client = open_registry(uri())
    about = logged(client, parent.info.run_id)
    assert about is not None
    assert len(about["members"]) == 2
    metrics = parent.data.metrics
    assert about["validation_cross_entropy"] <= metrics["best_validation_cross_entropy"] + 1e-6
    assert about["winner_test_cross_entropy"] == metrics["test_cross_entropy"]
    logits, y = np.zeros((len(classes.test), 2)), classes.test.y.astype(int)
    for member in about["members"]:
        network, _ = load_network(download(client, member["run"], NETWORK_FILE, Path.cwd()))
        logits += member["weight"] * network_outputs(network, torch.from_numpy(classes.test.x)).numpy()
    chances = softmax(logits / about["temperature"], axis=1)
    assert metrics["ensemble_test_cross_entropy"] == pytest.approx(log_loss(y, chances), rel=1e-4)
    assert metrics["ensemble_uncalibrated_test_cross_entropy"] == pytest.approx(
        log_loss(y, softmax(logits, axis=1)), rel=1e-4
    )
    assert metrics["ensemble_test_accuracy"] == accuracy_score(y, chances.argmax(axis=1))
    assert not any("mae" in name for name in metrics)
    text = Path(client.download_artifacts(parent.info.run_id, "ensemble.md", str(Path.cwd()))).read_text()
    assert "validation cross-entropy" in text
    assert "MAE" not in text

    assert register([f"run={parent.info.run_id}", "ensemble=true", "name=together"]) == 0
    model = load_model(client, find_model(client, "together"))
    assert isinstance(model, Classifier)
    assert [m["run"] for m in model.about["members"]] == [m["run"] for m in about["members"]]
    np.testing.assert_allclose(model.predict_fractions(classes.test.x).probabilities, chances, rtol=1e-3)
    for name in ("test_cross_entropy", "test_accuracy", "validation_cross_entropy"):
        assert model.about["metrics"][name] == pytest.approx(about[name], rel=1e-4)
    least = min(run.data.metrics["parameters"] for run in children)
    assert register([f"run={parent.info.run_id}", "top=2", f"max_parameters={least:.0f}", "name=one"]) == 0
    assert len(load_model(client, find_model(client, "one")).about["members"]) == 1
    with pytest.raises(UserError, match=r"no network has 5 parameters or fewer"):
        register([f"run={parent.info.run_id}", "top=2", "max_parameters=5"])


def test_a_report_gives_classes_as_several_seeds_do_once_they_are_registered(classes: Split) -> None:
    chance = np.random.default_rng(0)
    outputs = [
        3 * chance.normal(size=(2, len(part), 2)) + np.eye(2)[part.y.astype(int)]
        for part in (classes.validation, classes.test)
    ]
    reported = WinnerClasses.of(classes, Outputs(outputs[0], outputs[1], ())).test
    assert reported.temperature > 1.2  # logits as sure of themselves as these promise too much
    together = outputs[1].mean(axis=0) / temperature_for(outputs[0].mean(axis=0), classes.validation.y.astype(int))
    np.testing.assert_allclose(reported.probabilities, softmax(together, axis=1))


def check_page(page: Parsed, parent: Run, classes: Split) -> None:
    """Figures hold what the search found on the test set."""
    assert page.problems == []
    assert "MAE" not in page.text
    counts = np.array([[int(text) for text in row] for row in page.figures["confusion-test"]["data"][0]["text"]])
    assert counts.sum(axis=1).tolist() == np.bincount(classes.test.y.astype(int)).tolist()
    assert np.trace(counts) / counts.sum() == pytest.approx(parent.data.metrics["test_accuracy"])
    curve = page.figures["roc-test"]["data"][1]
    assert auc(curve["x"], curve["y"]) == pytest.approx(parent.data.metrics["test_roc_auc"], abs=1e-6)
    assert len(page.tables["worst-test"]) == 1 + min(20, len(classes.test))
    heads, *members = page.tables["ensemble-table"]
    assert heads[-2:] == ["validation cross-entropy, alone", "parameters"]
    assert len(members) == 2
    assert f"Its test cross-entropy is {parent.data.metrics['ensemble_test_cross_entropy']:.4f}" in page.text


def check_calibration(classes: Split) -> None:
    """No other temperature fits the validation set better, and the sets hold nine tenths of its true classes."""
    client = open_registry(uri())
    model = load_model(client, find_model(client, "kinds"))
    assert isinstance(model, Classifier)
    validation, y = classes.validation, classes.validation.y.astype(int)
    logits = model.ensemble.predict(torch.from_numpy(validation.x))[0].numpy().astype(float)

    def entropy(temperature: float) -> float:
        return float(log_loss(y, softmax(logits / temperature, axis=1)))

    others = (1.0, 0.8 * model.temperature, 1.25 * model.temperature)
    assert entropy(model.temperature) <= min(map(entropy, others))
    answers = model.predict_fractions(validation.x)
    np.testing.assert_allclose(answers.probabilities, softmax(logits / model.temperature, axis=1), rtol=1e-4)
    assert answers.within[np.arange(len(y)), y].mean() >= 0.9
    assert answers.within.any(axis=1).all()
    true = np.sort(answers.probabilities[np.arange(len(y)), y])[::-1]
    place = math.ceil((len(y) + 1) * 0.9 - 1e-9)
    assert model.least == pytest.approx(true[min(place, len(y)) - 1], rel=1e-4), "and no more classes than that takes"


def test_traditional_models_leave_gpus_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "available", lambda is_local: (16.0, 2.0))
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
