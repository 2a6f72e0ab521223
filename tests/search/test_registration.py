"""What is told of a registered model: its members, its rows, its rare elements, its name, and how it is asked."""

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from shelf import Shelf, register

from models.candidate import Candidate
from models.estimator import Estimator
from models.recipe import FAST
from search.data import ELEMENTS, DataRequest, load
from search.errors import UserError
from search.history import PastSearch
from search.inference import registration
from search.inference.choice import choose_best, choose_trial, choose_winner
from search.inference.domain import RARE_ROWS
from search.inference.predictor import Predictor
from search.inference.registration import REQUIREMENTS, default_name, rare_elements
from search.inference.registry import find_model, load_known, load_model, model_folder, open_registry
from search.results import TrialResult


def model(shelf: Shelf, name: str = "small") -> Predictor:
    client = open_registry(shelf.uri)
    found = load_model(client, find_model(client, name))
    assert isinstance(found, Predictor)
    return found


def test_rows_members_and_rare_elements_are_those_of_the_search(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor, split = model(shelf), shelf.split
    about = predictor.about
    sizes = {name: len(getattr(split, name)) for name in ("train", "validation", "test")}
    assert about["rows"] == sizes
    assert len(set(sizes.values())) > 1
    errors = {run.info.run_id: result.best_error for result, run in shelf.past.trials}
    assert [m["validation_mae"] for m in about["members"]] == [errors[m["run"]] for m in about["members"]]
    rows = dict(zip(ELEMENTS, (split.train.x > 0).sum(axis=0).tolist(), strict=True))
    assert about["elements"] == [element for element in ELEMENTS if rows[element]]
    assert about["rare_elements"] == [element for element in ELEMENTS if 0 < rows[element] < RARE_ROWS]
    assert about["rare_elements"]
    least = min(count for count in rows.values() if count)
    monkeypatch.setattr(registration, "RARE_ROWS", least)
    assert rare_elements(predictor) == [], "as many are enough"


def test_width_and_share_of_intervals_are_told(shelf: Shelf) -> None:
    predictor, test = model(shelf), shelf.split.test
    answers, metrics = predictor.predict_fractions(test.x), predictor.about["metrics"]
    width = float(np.mean(answers.upper - answers.lower))
    assert metrics["test_width"] == pytest.approx(width, rel=1e-4)
    assert 0.8 < metrics["test_coverage"] < 1
    half = predictor.calibration.quantile * answers.uncertainty
    np.testing.assert_allclose(answers.upper - answers.value, half, rtol=1e-6)
    assert answers.uncertainty.mean() == pytest.approx(metrics["test_mae"], rel=0.25), "the error to expect"
    description = str(open_registry(shelf.uri).get_model_version("small", "1").description)
    assert f"{100 * metrics['test_coverage']:.1f} % of the test set within 90 % intervals" in description
    assert f"{width:.4f} eV/atom wide on average" in description
    assert "Predicts formation_energy (eV/atom) of a composition" in description


def test_the_commands_printed_reach_the_version(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    register(["run=latest", "name=printed"], shelf.uri)
    assert f"search.predict model='printed' NaCl Fe2O3 tracking.uri={shelf.uri}" in capsys.readouterr().out
    register(["run=latest", "name=printed", "alias=mine"], shelf.uri)
    printed = capsys.readouterr().out
    assert f"search.predict model='printed@mine' NaCl Fe2O3 tracking.uri={shelf.uri}" in printed
    assert f"MLFLOW_TRACKING_URI={shelf.uri} mlflow models serve -m 'models:/printed@mine'" in printed
    aliases = open_registry(shelf.uri).get_registered_model("printed").aliases
    assert {alias: int(version) for alias, version in aliases.items()} == {"champion": 1, "mine": 2}


def test_a_name_is_that_of_the_data_and_the_property(shelf: Shelf, tmp_path: Path) -> None:
    assert default_name(shelf.split) == "mp-formation_energy"
    part = shelf.split.test
    rows = [f"{formula},{value}\n" for formula, value in zip(part.formulas, part.y, strict=True)]
    (tmp_path / "my table.csv").write_text("formula,gap (eV)\n" + "".join(rows))
    own = load(DataRequest("csv", path=str(tmp_path / "my table.csv"), target="gap (eV)"))
    assert default_name(own) == "my-table-gap-eV"


def test_a_table_that_moved_is_said(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be loaded again"):
        registration.data_of(shelf.past, {"dataset": "csv", "path": str(tmp_path / "gone.csv"), "target": "gap"})


def changed(past: PastSearch, change: Callable[[TrialResult], TrialResult]) -> PastSearch:
    """The search, had its trials ended otherwise."""
    return replace(past, trials=tuple((change(result), run) for result, run in past.trials))


def failed(result: TrialResult) -> TrialResult:
    return replace(result, failure="out of memory")


def test_seeds_that_failed_are_left_out_of_the_winner(shelf: Shelf) -> None:
    choice = choose_winner(changed(shelf.past, lambda result: failed(result) if result.seed == 1 else result))
    assert [result.seed for result in choice.results] == [0]
    assert choice.weights == (1.0,)
    assert choice.how == "the winner by validation"
    with pytest.raises(UserError, match="no trial of this search came to a model"):
        choose_winner(changed(shelf.past, failed))


def test_a_model_of_part_of_the_rows_is_not_registered(shelf: Shelf) -> None:
    def stop(result: TrialResult) -> TrialResult:
        estimator = Estimator.of("ridge", {}, "standard")
        candidate = Candidate(result.candidate.architecture, replace(FAST, epochs=3), estimator=estimator)
        return replace(result, candidate=candidate, epochs=1)

    run_id = shelf.past.trials[0][1].info.run_id
    with pytest.raises(UserError, match="was stopped when it was fitted to part of the rows"):
        choose_trial(changed(shelf.past, stop), run_id)
    with pytest.raises(UserError, match="no trial of this search came to a model"):
        choose_winner(changed(shelf.past, stop))


def test_a_winner_is_registered_without_the_seed_of_which_only_part_of_the_rows_was_seen(shelf: Shelf) -> None:
    estimator = Estimator.of("ridge", {}, "standard")

    def stop_second_seed(result: TrialResult) -> TrialResult:
        candidate = Candidate(result.candidate.architecture, replace(FAST, epochs=3), estimator=estimator)
        return replace(result, candidate=candidate, epochs=3 - result.seed)

    choice = choose_winner(changed(shelf.past, stop_second_seed))
    assert {result.seed for result in choice.results} == {0}


def test_how_many_were_looked_at_is_told(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    past, validation = shelf.past, shelf.split.validation
    assert choose_best(past, 2, validation).how == "chosen greedily on validation from 6 models, at most 2"
    monkeypatch.setattr("search.ensembling.MOST_CONSIDERED", 4)
    how = choose_best(past, 2, validation, 10_000_000).how
    assert how == (
        "chosen greedily on validation from the best 4 of 6 models, at most 2 with 10,000,000 parameters together"
    )


def test_where_a_version_comes_from_and_what_it_needs_are_with_it(shelf: Shelf) -> None:
    """What it needs is as it was, so that nobody's answers change with another version of a package."""
    client, past, split = open_registry(shelf.uri), shelf.past, shelf.split
    registered = find_model(client, "small")
    predictor, about = model(shelf), model(shelf).about
    tags = client.get_run(str(client.get_model_version("small", registered.version).run_id)).data.tags
    assert (tags["branchsearch.registered_from"], tags["data"]) == (shelf.parent, split.fingerprint)
    assert (about["search"], about["dataset"]) == (shelf.parent, "mp")
    assert about["value_range"] == list(split.report.value_range)
    assert about["far_beyond_distance"] == predictor.domain.far
    assert about["rare_below_rows"] == RARE_ROWS
    assert about["code"]["search"] == past.parent.data.tags["mlflow.source.git.commit"]
    winner = past.standings[0].candidate
    assert {member["architecture"] for member in about["members"]} == {winner.architecture.to_json()}
    assert {member["recipe"] for member in about["members"]} == {winner.recipe.to_json()}
    needed = (model_folder(client, registered).parents[1] / "requirements.txt").read_text().split()
    assert needed == [f"{package}=={version(package)}" for package in REQUIREMENTS]
    assert {"torch", "pymatgen"} <= set(REQUIREMENTS)
    assert not {"skops", "scikit-learn"} & set(REQUIREMENTS)


def test_compounds_that_a_model_was_made_from_are_kept_with_it(shelf: Shelf) -> None:
    client = open_registry(shelf.uri)
    compounds = load_known(client, find_model(client, "small"))
    split = shelf.split
    assert set(compounds.formulas) == {
        str(f) for part in (split.train, split.validation, split.test) for f in part.formulas
    }


def test_what_is_printed_are_the_members_and_the_errors_of_the_model(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    register(["run=latest", "ensemble=true", "name=told"], shelf.uri)
    printed, about = capsys.readouterr().out, model(shelf, "told").about
    for member in about["members"]:
        assert f"  {member['weight']:.2f} x {member['network']}, seed {member['seed']}\n" in printed
    validation, test = about["metrics"]["validation_mae"], about["metrics"]["test_mae"]
    assert f"validation MAE {validation:.4f}, test MAE {test:.4f} eV/atom; " in printed
    assert f"{validation:.4f}" != f"{test:.4f}"
    description = str(open_registry(shelf.uri).get_model_version("told", "1").description)
    first = about["members"][0]
    assert f"- {first['weight']:.2f} × {first['network']}, seed {first['seed']}\n" in description
    assert f"Trained on {len(shelf.split.train):,} compositions of {len(about['elements'])} elements" in description
    assert f"takes branchsearch ({about['code']['register']}) installed" in description
