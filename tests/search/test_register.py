"""From a search to MLflow's registry: what is chosen, what is written, and that plain MLflow can load it."""

import json
import shlex
import subprocess
import sys
from io import StringIO
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import get_model_info
from mlflow.tracking import MlflowClient
from rich.console import Console
from shelf import SEEDS, Shelf, mean_of, register

from models.ensemble import select
from search.arguments import read_arguments
from search.data import DataRequest, load
from search.errors import UserError
from search.inference import registration
from search.inference.choice import choose_best, choose_trial, choose_winner, members_of
from search.inference.predictor import COLUMNS, Predictor
from search.inference.registry import find_model, load_model, open_registry
from search.inference.serving import FORMULA, Served
from search.parsing import parse
from search.register import HELP, SETTINGS, main, order_of

FORMULAS = ["NaCl", "Fe2O3", "K4[Fe(CN)6]", "Xx", "PoO", ""]


def model(shelf: Shelf, name: str = "small") -> Predictor:
    client = open_registry(shelf.uri)
    found = load_model(client, find_model(client, name))
    assert isinstance(found, Predictor)
    return found


def test_winner_is_registered_with_all_its_seeds(shelf: Shelf) -> None:
    winner, predictor = shelf.past.standings[0], model(shelf)
    assert [member["seed"] for member in predictor.about["members"]] == list(SEEDS)
    trials = {result.trial_id for result in winner.results}
    x = shelf.split.test.x
    expected = mean_of([network for trial, network in shelf.networks.items() if trial in trials], x)
    np.testing.assert_allclose(predictor.predict_fractions(x).value, expected, atol=1e-4)


def test_metrics_are_of_the_model_on_its_data(shelf: Shelf) -> None:
    predictor, split = model(shelf), shelf.split
    metrics = predictor.about["metrics"]
    for part, name in ((split.validation, "validation_mae"), (split.test, "test_mae")):
        error = np.abs(predictor.predict([str(f) for f in part.formulas]).value - part.y).mean()
        assert metrics[name] == pytest.approx(error, rel=1e-4)
    answers = predictor.predict_fractions(split.test.x)
    inside = np.mean((answers.lower <= split.test.y) & (split.test.y <= answers.upper))
    assert metrics["test_coverage"] == pytest.approx(inside)


def test_what_a_user_should_know_is_with_the_version(shelf: Shelf) -> None:
    client = open_registry(shelf.uri)
    version = client.get_model_version_by_alias("small", "champion")
    mlflow.set_tracking_uri(shelf.uri)
    info = get_model_info("models:/small@champion")
    assert info.metadata is not None
    about = info.metadata["branchsearch"]
    assert about["fingerprint"] == shelf.split.fingerprint
    assert (about["target"], about["unit"]) == ("formation_energy", "eV/atom")
    assert set(about["elements"]) == set(shelf.split.report.elements) & set(about["elements"])
    assert set(about["rare_elements"]) < set(about["elements"])
    assert parse(shlex.split(about["commands"][0])[3:]) == shelf.past.config
    assert about["commands"][1].startswith("python -m search.register run=latest name=small")
    assert info.signature is not None
    assert info.signature.inputs.input_names() == [FORMULA]
    assert info.signature.outputs.input_names() == [FORMULA, *COLUMNS]
    assert info.saved_input_example_info
    assert f"{about['metrics']['test_mae']:.4f}" in str(version.description)
    run = client.get_run(str(version.run_id))
    assert run.data.metrics["test_coverage"] == about["metrics"]["test_coverage"]
    assert run.info.status == "FINISHED"


def test_search_stays_as_it_was(shelf: Shelf) -> None:
    past = shelf.past
    assert past.parent.info.status == "FINISHED"
    assert len(past.trials) == len(shelf.networks) + 1


def test_nothing_in_the_model_is_a_pickle_or_code(shelf: Shelf) -> None:
    client = open_registry(shelf.uri)
    source = client.get_model_version_download_uri("small", "1")
    files = list(Path(mlflow.artifacts.download_artifacts(source, tracking_uri=shelf.uri)).rglob("*"))
    assert {path.suffix for path in files if path.is_file()} <= {"", ".npz", ".json", ".yaml", ".txt"}
    for path in files:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                assert all(arrays[name].dtype != object for name in arrays.files)


def test_plain_mlflow_loads_it_in_a_fresh_process(shelf: Shelf, tmp_path: Path) -> None:
    script = (
        "import sys, json, mlflow, pandas\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "model = mlflow.pyfunc.load_model('models:/small@champion')\n"
        "frame = pandas.DataFrame({'formula': json.loads(sys.argv[2])})\n"
        "model.predict(frame).to_json(sys.argv[3], orient='records')\n"
    )
    output = tmp_path / "answers.json"
    command = [sys.executable, "-c", script, shelf.uri, json.dumps(FORMULAS), str(output)]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    rows, expected = json.loads(output.read_text()), model(shelf).predict(FORMULAS)
    assert [row["formula"] for row in rows] == FORMULAS
    for name in COLUMNS[:-1]:
        found = np.array([row[name] for row in rows], dtype=np.float64)
        np.testing.assert_allclose(found, getattr(expected, name), rtol=1e-5, atol=1e-5)
        assert np.isnan(found).tolist() == [False] * 3 + [True] * 3
    assert [row["warning"] for row in rows] == expected.warning


def test_answers_have_the_index_of_what_was_asked(shelf: Shelf) -> None:
    served, asked = Served(model(shelf)), pd.DataFrame({"formula": FORMULAS[:3]}, index=[7, 2, 5])
    answers = served.predict(asked)
    assert answers.index.tolist() == [7, 2, 5]
    assert answers.value.dtype == np.float64
    again = served.predict(asked.sort_index())
    pd.testing.assert_frame_equal(again.loc[asked.index], answers, rtol=1e-4)


def test_a_persons_own_choice(shelf: Shelf) -> None:
    past = shelf.past
    trial, run = past.trials[-2]
    register([f"run={shelf.parent}", f"trial={run.info.run_id}", "name=own", "alias=mine"], shelf.uri)
    client, predictor = open_registry(shelf.uri), model(shelf, "own@mine")
    assert [member["run"] for member in predictor.about["members"]] == [run.info.run_id]
    x = shelf.split.test.x
    np.testing.assert_allclose(
        predictor.predict_fractions(x).value, mean_of([shelf.networks[trial.trial_id]], x), atol=1e-4
    )
    assert not client.get_registered_model("own").aliases.get("champion")
    assert np.std(predictor.predict_fractions(x).uncertainty) > 0


def test_best_ensemble_is_that_of_greedy_selection(shelf: Shelf) -> None:
    past, validation = shelf.past, shelf.split.validation
    told: list[str] = []
    choice = choose_best(past, 3, validation, tell=told.append)
    trials = [result.trial_id for result, _ in past.trials if result.failure is None]
    rows = len(validation)
    assert told == [f"asking model {n} on {rows} validation rows, then choosing" for n in range(1, len(trials) + 1)]
    library = np.stack([mean_of([shelf.networks[trial]], validation.x) for trial in trials])
    counts = select(library, lambda values: float(np.abs(values - validation.y).mean()), 3)
    chosen = {result.trial_id: weight for result, weight in zip(choice.results, choice.weights, strict=True)}
    assert chosen == pytest.approx({t: c / counts.sum() for t, c in zip(trials, counts, strict=True) if c})
    error = np.abs(counts @ library / counts.sum() - validation.y).mean()
    assert error <= min(np.abs(row - validation.y).mean() for row in library)
    assert len(choose_best(past, 1, validation).results) == 1


def test_who_waits_at_a_terminal_sees_what_is_done(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = StringIO()
    monkeypatch.setenv("TERM", "xterm")  # a dumb one moves no cursor, and is shown the result alone
    monkeypatch.setattr(registration, "Console", lambda: Console(file=screen, force_terminal=True, width=200))
    register(["run=latest", "name=seen"], shelf.uri)
    seen = screen.getvalue()
    assert seen.index("writing the model to MLflow") < seen.index("version 1")


def test_a_new_version_takes_the_alias_and_the_old_one_stays(shelf: Shelf) -> None:
    for top in (1, 2):
        register(["run=latest", f"top={top}", "name=twice"], shelf.uri)
    client = open_registry(shelf.uri)
    assert find_model(client, "twice").version == "2"
    assert len(model(shelf, "twice/1").about["members"]) == 1


def test_what_cannot_be_registered_is_said(shelf: Shelf, in_tmp: Path) -> None:
    past = shelf.past
    failed = next(run.info.run_id for result, run in past.trials if result.failure)
    with pytest.raises(UserError, match="loss not finite in epoch 1"):
        choose_trial(past, failed)
    with pytest.raises(UserError, match="trial=xyz is no trial of this search"):
        choose_trial(past, "xyz")
    with pytest.raises(UserError, match="no MLflow store"):
        main(["run=latest"])
    for arguments, sentence in (
        ([], "which search"),
        (["run=latest", "top=2", "trial=x"], "give one of them"),
        (["run=latest", "ensemble=true", "top=2"], "give one of them"),
        (["run=latest", "max_parameters=5e6"], "add top=5"),
        (["run=latest", "top=0"], "top=0 is not a whole number of 1 or more"),
        (["run=latest", "alias=v1"], "alias=v1 is not a word"),
        (["run=latest", "alias=V12"], "alias=V12 is not a word"),
        (["run=latest", "alias=Latest"], "alias=Latest is not a word"),
        (["run=latest", "alias=" + "a" * 256], "is not a word of up to 255"),
        (["run=latest", "name=a/b"], "name=a/b is not a name"),
        (["run=latest", "name=."], r"name=\. is not a name"),
        (["run=latest", "name=..a"], r"name=\.\.a is not a name"),
        (["run=latest", "name=" + "a" * 257], "is not a name of up to 256"),
        (["run=latest", "tpo=2"], "did you mean top"),
    ):
        with pytest.raises(UserError, match=sentence):
            main(arguments)
    assert list(in_tmp.iterdir()) == []
    assert "python -m search.register run=latest top=5" in HELP


def test_another_table_than_the_searchs_is_refused(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.inference.registration.load", lambda request: load(DataRequest("mp", rows=1999)))
    with pytest.raises(UserError, match="not the one that this search was trained on"):
        main(["run=latest", f"tracking.uri={shelf.uri}"])


def test_lost_weights_are_said(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    past = shelf.past
    monkeypatch.setattr("search.history.product_of", lambda _: "gone.npz")
    with pytest.raises(UserError, match="cannot be had from MLflow"):
        members_of(past, choose_winner(past), shelf.split)
    with pytest.raises(UserError, match="cannot be had from MLflow"):
        choose_best(past, 2, shelf.split.validation)


def test_command_is_kept_as_a_shell_takes_it() -> None:
    arguments = ["run=latest", "name=my model"]
    values, _ = read_arguments(arguments, SETTINGS)
    assert order_of(values, arguments).command == "python -m search.register run=latest 'name=my model'"


def test_only_our_models_are_loaded(shelf: Shelf, tmp_path: Path) -> None:
    class Foreign(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
        def predict(self, model_input: pd.DataFrame) -> pd.DataFrame:
            return model_input

    mlflow.set_tracking_uri(shelf.uri)
    experiment = shelf.past.parent.info.experiment_id
    with mlflow.start_run(experiment_id=experiment):
        logged = mlflow.pyfunc.log_model(name="f", python_model=Foreign(), pip_requirements=["mlflow"])
    client = MlflowClient(shelf.uri)
    client.create_registered_model("foreign")
    client.create_model_version("foreign", logged.model_uri, model_id=logged.model_id)
    with pytest.raises(UserError, match="was not registered by branchsearch"):
        model(shelf, "foreign")
