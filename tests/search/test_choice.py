"""Which trials become a model: only those on all rows, by validation alone, and of none that is gone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mlflow.exceptions import MlflowException
from shelf import Shelf, mean_of, register

from models.candidate import Candidate
from models.estimator import Estimator
from models.published import BRNET
from models.recipe import FAST
from search.data import DataRequest, load
from search.errors import UserError
from search.fitting import refit
from search.history import PastSearch
from search.inference.choice import Choice, choose_best, choose_ensemble, choose_trial, choose_winner, members_of
from search.inference.predictor import Predictor
from search.inference.registry import find_model, load_model, open_registry
from search.results import TrialResult
from search.row_parts import on_part
from search.targets import training_data, with_head


def with_trial(past: PastSearch, place: int, changed: TrialResult) -> PastSearch:
    """The search, had one of its trials ended otherwise."""
    trials = [(changed if number == place else result, run) for number, (result, run) in enumerate(past.trials)]
    return replace(past, trials=tuple(trials))


def weights_of(choice: Choice) -> dict[str, float]:
    return {result.trial_id: weight for result, weight in zip(choice.results, choice.weights, strict=True)}


def weights_by_run(past: PastSearch, choice: Choice) -> dict[str, float]:
    runs = {result.trial_id: run.info.run_id for result, run in past.trials}
    return {runs[trial]: weight for trial, weight in weights_of(choice).items()}


def test_the_command_chooses_on_validation_and_not_on_the_test_set(shelf: Shelf) -> None:
    past, split = shelf.past, shelf.split
    register(["run=latest", "top=4", "name=on-validation"], shelf.uri)
    client = open_registry(shelf.uri)
    members = load_model(client, find_model(client, "on-validation")).about["members"]
    found = {member["run"]: member["weight"] for member in members}
    assert found == pytest.approx(weights_by_run(past, choose_best(past, 4, split.validation)))
    on_test = weights_by_run(past, choose_best(past, 4, split.test))
    assert found != pytest.approx(on_test), "or this test shows nothing"


def test_the_command_keeps_to_a_budget_of_parameters(shelf: Shelf) -> None:
    sizes = {result.candidate.architecture.parameter_count() for result, _ in shelf.past.trials}
    register(["run=latest", "top=4", f"max_parameters={min(sizes)}", "name=narrow"], shelf.uri)
    client = open_registry(shelf.uri)
    members = load_model(client, find_model(client, "narrow")).about["members"]
    runs = {run.info.run_id: result for result, run in shelf.past.trials}
    assert [runs[member["run"]].candidate.architecture.parameter_count() for member in members] == [min(sizes)]


def test_a_trial_on_part_of_the_rows_becomes_no_model(shelf: Shelf) -> None:
    """Were it chosen by its error alone it would come first."""
    whole, validation = shelf.past, shelf.split.validation
    place = next(number for number, (result, _) in enumerate(whole.trials) if result.failure is None)
    result, run = whole.trials[place]
    past = with_trial(whole, place, replace(result, candidate=on_part(result.candidate, 1 / 9), best_error=0.0))
    with pytest.raises(UserError, match=r"was trained on 1/9 of the rows to see whether .* choose one on all rows"):
        choose_trial(past, run.info.run_id)
    assert choose_trial(whole, run.info.run_id).results == (result,)
    assert result.trial_id not in weights_of(choose_winner(past))
    assert choose_best(past, 6, validation).how == "chosen greedily on validation from 5 models, at most 6"
    assert result.trial_id not in weights_of(choose_best(past, 6, validation))


def test_an_ensemble_with_a_member_that_is_gone_is_said(shelf: Shelf) -> None:
    past = shelf.past
    last = choose_ensemble(past).results[-1]
    gone = past.run_of(last).info.run_id
    left = replace(past, trials=tuple((result, run) for result, run in past.trials if run.info.run_id != gone))
    with pytest.raises(UserError, match=f"the ensemble's trial {gone} is not in this store: top=5"):
        choose_ensemble(left)


def test_members_answer_with_the_weights_they_were_chosen_with(shelf: Shelf) -> None:
    past, x = shelf.past, shelf.split.test.x
    results = [result for result, _ in past.trials if result.failure is None][:2]
    mean, _ = members_of(past, Choice(tuple(results), (0.9, 0.1), "by hand"), shelf.split).predict(torch.from_numpy(x))
    each = [mean_of([shelf.networks[result.trial_id]], x) for result in results]
    np.testing.assert_allclose(mean[:, 0], 0.9 * each[0] + 0.1 * each[1], atol=1e-4)


@pytest.mark.parametrize("lost", [MlflowException("no such artifact"), OSError("no space left"), None])
def test_whatever_keeps_weights_away_is_said_in_a_sentence(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: Exception | None
) -> None:
    """None stands for a file that came and is damaged."""
    past = shelf.past
    file = tmp_path / "network.npz"
    file.write_bytes(b"PK and nothing of a network")

    def brought(*_: object) -> Path:
        if lost is not None:
            raise lost
        return file

    monkeypatch.setattr("search.history.download", brought)
    reason = str(lost) if lost is not None else "cannot be read as a checkpoint"
    run_id = past.run_of(choose_winner(past).results[0]).info.run_id
    with pytest.raises(UserError, match=f"what trial {run_id} left cannot be had from MLflow: .*{reason}"):
        members_of(past, choose_winner(past), shelf.split)


def test_a_version_read_back_answers_with_the_weights_of_its_members(shelf: Shelf) -> None:
    """An ensemble's, which are not all the same: a winner's seeds would not tell."""
    register(["run=latest", "ensemble=true", "name=weighted"], shelf.uri)
    client, x = open_registry(shelf.uri), shelf.split.test.x
    read = load_model(client, find_model(client, "weighted"))
    assert isinstance(read, Predictor)
    choice = choose_ensemble(shelf.past)
    assert len(set(choice.weights)) > 1
    values = [weight * mean_of([shelf.networks[trial]], x) for trial, weight in weights_of(choice).items()]
    np.testing.assert_allclose(read.predict_fractions(x).value, np.sum(values, axis=0), atol=1e-4)


def test_traditional_members_are_fitted_again_each_from_its_own_seed(shelf: Shelf) -> None:
    """With their weights, and no answer below what the target can be."""
    split = load(DataRequest("mp", rows=150))
    estimator = Estimator.of("random_forest", {"max_features": 0.33}, "none")
    architecture = replace(with_head(BRNET, split), floor=float(np.median(split.train.y)))
    candidate = Candidate(architecture, replace(FAST, epochs=1), estimator=estimator)
    results = tuple(TrialResult(str(seed), candidate, seed, epochs=1) for seed in (4, 9))
    mean, spread = members_of(shelf.past, Choice(results, (0.75, 0.25), "by hand"), split).predict(
        torch.from_numpy(split.test.x)
    )
    each = [refit(candidate, training_data(split), seed, threads=1)(split.test.x) for seed in (4, 9)]
    np.testing.assert_allclose(mean[:, 0], 0.75 * each[0] + 0.25 * each[1], rtol=1e-5, atol=1e-6)
    assert spread.max() > 0
    assert min(values.min() for values in each) == np.float32(architecture.floor or 0)
