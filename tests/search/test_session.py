"""Whole searches through the command's own door: real tables, real Ray, real MLflow on SQLite."""

import csv
import io
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from optuna.trial import FixedTrial
from rich.console import Console

from models.candidate import Candidate
from models.checkpoint import load_network
from models.network import predict
from models.published import PUBLISHED
from models.recipe import FAST
from search.data import DataRequest, load
from search.parsing import parse
from search.run import main
from search.session import loaded, too_few_to_register
from search.tracking import CANDIDATE_TAG, NOTE_TAG
from spaces import build

pytestmark = pytest.mark.usefixtures("narrow_networks", "shared_ray")

ROWS = 400
AS_PUBLISHED = dict(PUBLISHED)
ONE_PROCESS = ["cpus_per_trial=1", "max_concurrent=1"]
"""Starting a trial's process takes as long as training a hundred small networks."""


@dataclass
class Finished:
    """A search that was run: its exit status, what it printed, and its runs in MLflow."""

    status: int
    printed: str
    client: MlflowClient
    parent: Run
    children: list[Run]

    def artifact(self, run: Run, name: str, folder: Path) -> Path:
        return Path(self.client.download_artifacts(run.info.run_id, name, str(folder)))


def run_search(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Finished:
    status = main(arguments)
    client = MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
    experiments = client.search_experiments(filter_string="name != 'Default'")
    runs = client.search_runs([experiment.experiment_id for experiment in experiments])
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    parent = next(run for run in runs if run not in children)
    return Finished(status, capsys.readouterr().out, client, parent, children)


@pytest.fixture(scope="module")
def branching(narrow_networks: None, shared_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The whole branching grid, two epochs each, on a few real compositions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("branching"))
        printed = io.StringIO()
        patch.setattr("sys.stdout", printed)
        arguments = ["space=branching", "dataset=mp", f"rows={ROWS}", "recipe.epochs=2", "recipe.batch_size=64"]
        status = main(arguments)
        client = MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")
        experiment = client.get_experiment_by_name("branching on mp formation_energy")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
        children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
        parent = next(run for run in runs if run not in children)
        return Finished(status, printed.getvalue(), client, parent, children)


def test_every_candidate_is_one_child_run(branching: Finished) -> None:
    assert branching.status == 0
    names = sorted(run.info.run_name for run in branching.children)
    space = build("branching", FAST, Candidate.from_json(branching.children[0].data.tags[CANDIDATE_TAG]).architecture)
    assert names == sorted(str(candidate.architecture) for candidate in space.candidates())
    assert all(run.info.status == "FINISHED" for run in [*branching.children, branching.parent])
    assert all(run.data.tags["mlflow.parentRunId"] == branching.parent.info.run_id for run in branching.children)


def test_child_runs_hold_what_a_person_chooses_by(branching: Finished) -> None:
    for run in branching.children:
        metrics, parameters = run.data.metrics, run.data.params
        assert metrics["best_validation_mae"] > 0
        assert metrics["epochs"] == 2
        assert metrics["training_seconds"] > 0
        candidate = Candidate.from_json(run.data.tags[CANDIDATE_TAG])
        assert metrics["parameters"] == candidate.architecture.parameter_count()
        assert parameters["network"] == str(candidate.architecture)
        assert parameters["skip"] == "layer"
        assert parameters["learning_rate"] == str(candidate.recipe.learning_rate)
        assert parameters["seed"] == "0"
        assert parameters["dataset"] == "mp formation_energy"
        assert run.data.tags["stop_reason"] == "all epochs"
        history = branching.client.get_metric_history(run.info.run_id, "validation_mae")
        assert [metric.step for metric in history] == [1, 2]
        assert min(metric.value for metric in history) == pytest.approx(metrics["best_validation_mae"])
        for name in ("train_mae", "learning_rate", "epoch_seconds"):
            assert len(branching.client.get_metric_history(run.info.run_id, name)) == 2


def test_ranks_follow_validation_and_the_parent_holds_the_ranking(branching: Finished, tmp_path: Path) -> None:
    ranked = sorted(branching.children, key=lambda run: run.data.metrics["rank"])
    errors = [run.data.metrics["best_validation_mae"] for run in ranked]
    assert errors == sorted(errors)
    assert [run.data.metrics["rank"] for run in ranked] == list(range(1, 12))
    assert branching.parent.data.metrics["best_validation_mae"] == pytest.approx(errors[0])
    assert branching.parent.data.tags["winner"] == ranked[0].info.run_name
    with branching.artifact(branching.parent, "ranking.csv", tmp_path).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["network"] for row in rows] == [run.info.run_name for run in ranked]
    assert str(ranked[0].info.run_name) in branching.parent.data.tags[NOTE_TAG]
    assert str(ranked[-1].info.run_name) in branching.printed


def test_test_error_is_of_the_winners_stored_weights_and_of_no_other(branching: Finished, tmp_path: Path) -> None:
    winner = min(branching.children, key=lambda run: run.data.metrics["rank"])
    network, about = load_network(branching.artifact(winner, "network.npz", tmp_path))
    split = load(DataRequest("mp", rows=ROWS))
    outputs = predict(network, torch.tensor(split.test.x))[:, 0]
    error = (outputs - torch.tensor(split.test.y)).abs().mean().item()
    assert branching.parent.data.metrics["test_mae"] == pytest.approx(error, rel=1e-5)
    assert about["best_epoch"] == winner.data.metrics["best_epoch"]
    assert not any("test" in name for run in branching.children for name in run.data.metrics)


def test_every_trials_weights_give_its_validation_error(branching: Finished, tmp_path: Path) -> None:
    split = load(DataRequest("mp", rows=ROWS))
    for run in branching.children:
        network, _ = load_network(branching.artifact(run, "network.npz", tmp_path))
        outputs = predict(network, torch.tensor(split.validation.x))[:, 0]
        error = (outputs - torch.tensor(split.validation.y)).abs().mean().item()
        assert run.data.metrics["best_validation_mae"] == pytest.approx(error, rel=1e-5)


def test_parent_holds_data_and_settings(branching: Finished, tmp_path: Path) -> None:
    cleaning = json.loads(branching.artifact(branching.parent, "cleaning.json", tmp_path).read_text())
    parameters = branching.parent.data.params
    assert parameters["rows_kept"] == str(cleaning["rows_kept"]) == str(ROWS)
    assert sum(int(parameters[f"rows_{part}"]) for part in ("train", "validation", "test")) == ROWS
    config = json.loads(branching.artifact(branching.parent, "config.json", tmp_path).read_text())
    assert config["recipe"]["epochs"] == 2
    assert branching.parent.data.tags["mlflow.source.git.commit"]


def test_sampled_space_with_seeds_asha_and_two_objectives(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["space=hyperparameters", "architecture=BNet", "dataset=mp", "rows=300", "trials=4", "seeds=2"]
    arguments += ["scheduler=asha", "scheduler.grace_epochs=1", "recipe.epochs=4"]
    finished = run_search([*arguments, *ONE_PROCESS, "objectives=[validation_mae,parameters]", "sampler=nsga2"], capsys)
    assert finished.status == 0
    points = {(run.data.tags[CANDIDATE_TAG], run.data.params["seed"]) for run in finished.children}
    assert len(points) == len(finished.children) == 8
    assert len({candidate for candidate, _ in points}) == 4
    reasons = {run.data.tags["stop_reason"] for run in finished.children}
    assert "stopped by asha" in reasons
    stopped = [run for run in finished.children if run.data.tags["stop_reason"] == "stopped by asha"]
    assert all(run.data.metrics["epochs"] < 4 for run in stopped)
    assert all(finished.client.list_artifacts(run.info.run_id) for run in stopped)
    with finished.artifact(finished.parent, "comparison.csv", in_tmp).open() as file:
        assert [row["seeds"] for row in csv.DictReader(file)] == ["2", "2", "2"]
    assert "adjusted for 3 comparisons (Holm)" in finished.printed
    assert "stopped count with their best error so far" in finished.printed
    assert "What scheduler=asha risks on these data is not known" in finished.printed
    assert "adjusted for 3 comparisons (Holm)" in finished.parent.data.tags[NOTE_TAG]
    assert_front_is_the_winner(finished, in_tmp)


def assert_front_is_the_winner(finished: Finished, folder: Path) -> None:
    """All candidates are one network under other recipes: of those with as many parameters the best is the front."""
    front = finished.client.search_runs([finished.parent.info.experiment_id], "tags.pareto = 'front'")
    assert {run.data.metrics["rank"] for run in front} == {1.0}
    assert "Pareto front of validation MAE and parameters: 1 of 4 candidates" in finished.printed
    with finished.artifact(finished.parent, "pareto.csv", folder).open() as file:
        assert [row["on the front"] for row in csv.DictReader(file)] == ["yes", "no", "no", "no"]
    for run in finished.children:
        drawn = FixedTrial(json.loads(run.data.tags["optuna_params"]))
        space = build("hyperparameters", replace(FAST, epochs=4), PUBLISHED["BNet"])
        assert space.suggest(drawn) == Candidate.from_json(run.data.tags[CANDIDATE_TAG])


def test_a_race_over_seeds(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["space=branching", "trials=3", "dataset=mp", "rows=300", "recipe.epochs=1", "seeds=adaptive:3"]
    finished = run_search([*arguments, *ONE_PROCESS], capsys)
    assert finished.status == 0
    trials = [(run.data.tags[CANDIDATE_TAG], run.data.params["seed"]) for run in finished.children]
    assert len(set(trials)) == len(trials) == 9, "the opening is of six repeats"
    assert "3 candidates, 1 seed each and up to 3 for those that may be the best, 9 trials" in finished.printed
    assert "of at most 9  " in finished.printed
    assert finished.parent.data.params["seeds"] == "adaptive:3"
    assert main([*arguments, "seeds=adaptive:5", "trials=11", "dry_run=true"]) == 0
    assert "19 to 55 trials" in capsys.readouterr().out


def test_hyperband_pauses_and_goes_on(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["space=branching", "trials=4", "dataset=mp", "rows=300", "scheduler=hyperband", "recipe.epochs=9"]
    finished = run_search([*arguments, *ONE_PROCESS], capsys)
    assert finished.status == 0
    assert len(finished.children) == 4
    for run in finished.children:
        steps = [m.step for m in finished.client.get_metric_history(run.info.run_id, "validation_mae")]
        assert steps == list(range(1, int(run.data.metrics["epochs"]) + 1))


def test_failed_trials_have_their_reason_and_the_others_go_on(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["space=components", "trials=2", "dataset=mp", "rows=300", "recipe.epochs=2", "recipe.loss=mse"]
    finished = run_search([*arguments, *ONE_PROCESS, "recipe.optimiser=sgd", "recipe.learning_rate=1e30"], capsys)
    assert finished.status == 1
    assert {run.info.status for run in finished.children} == {"FAILED"}
    assert all("not finite" in run.data.tags["stop_reason"] for run in finished.children)
    assert finished.parent.info.status == "FAILED"
    assert "not finite" in finished.printed


def test_time_budget_ends_the_search_and_keeps_what_was_trained(
    in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["space=branching", "dataset=mp", "rows=300", "recipe.epochs=100000", "time_budget=15s"]
    finished = run_search([*arguments, *ONE_PROCESS], capsys)
    assert finished.status == 0
    assert 0 < len(finished.children) < 11
    assert {run.data.tags["stop_reason"] for run in finished.children} == {"time budget"}
    assert all(finished.client.list_artifacts(run.info.run_id) for run in finished.children)


def test_a_table_of_ones_own(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split = load(DataRequest("mp", rows=200))
    rows = [f"{formula},{10 * y}" for formula, y in zip(split.train.formulas, split.train.y, strict=True)]
    bad = ["Xx2O,1", "PoO,2", "Fe2O3,", "NaCl,abc", ",3"]
    Path("my table (1).csv").write_text("\n".join(["composition,E (meV)", *rows, *bad]) + "\n")
    arguments = ["space=branching", "trials=1", "dataset=csv", "path=my table (1).csv", "target=E (meV)"]
    finished = run_search([*arguments, "recipe.epochs=1", "max_concurrent=1"], capsys)
    assert finished.status == 0
    assert finished.parent.data.params["rows_rejected"] == "5"
    assert "Xx2O" in finished.printed
    assert "resources" in finished.parent.data.params
    assert "PoO" in finished.printed


def test_dry_run_prints_the_plan_and_trains_nothing(
    in_tmp: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, network in AS_PUBLISHED.items():
        monkeypatch.setitem(PUBLISHED, name, network)
    assert main(["space=components", "dataset=mp", "rows=300", "recipe.epochs=1", "seeds=2", "dry_run=true"]) == 0
    printed = capsys.readouterr().out
    assert "4,548,385" in printed
    assert "24 candidates, 2 seeds each" in printed
    assert "plain skip relu batchnorm (IRNet)" in printed
    assert "the paper states 5,461,473" in printed
    assert re.search(r"trains about \S+ s for 1 epoch on \d+ rows, the search at most about", printed)
    assert list(in_tmp.iterdir()) == []


def test_a_table_too_small_for_a_model_in_use_is_told_at_the_start() -> None:
    told = [
        too_few_to_register(loaded(parse(["dataset=mp", f"rows={rows}"]), Console(quiet=True))) for rows in (60, 300)
    ]
    assert told[0].startswith(
        "5 validation rows, and search.register calibrates a model on 9 or more: give a larger table"
    )
    assert not told[1]
