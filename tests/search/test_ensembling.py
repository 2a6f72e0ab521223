"""The ensemble at a search's end: chosen on validation, tested by hand here, and put into use as it is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax  # type: ignore[import-untyped]
from shelf import WINNER_TEST, Shelf, mean_of, register
from sklearn.metrics import log_loss

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.checkpoint import save_network
from models.network import Network, build, predict
from models.published import BRNET
from models.recipe import FAST
from search import ensemble_record, ensembling
from search.data import Part, Split
from search.ensemble_record import in_words, logged
from search.ensembling import pick
from search.errors import UserError
from search.fitting import refit
from search.inference.choice import choose_best
from search.inference.registry import find_model, load_model, open_registry
from search.judging import Tested
from search.results import TrialResult
from search.targets import training_data
from spaces import build as build_space


def about_of(shelf: Shelf) -> dict[str, Any]:
    about = logged(shelf.past.client, shelf.parent)
    assert about is not None
    return about


def by_hand(shelf: Shelf, about: dict[str, Any], part: Part) -> float:
    trials = {run.info.run_id: result.trial_id for result, run in shelf.past.trials}
    values = [m["weight"] * mean_of([shelf.networks[trials[m["run"]]]], part.x) for m in about["members"]]
    return float(np.abs(np.sum(values, axis=0) - part.y).mean())


def test_its_errors_are_those_of_its_members_by_hand(shelf: Shelf) -> None:
    about, metrics = about_of(shelf), shelf.past.parent.data.metrics
    assert 1 < len(about["members"]) <= 5
    for part, name in ((shelf.split.validation, "validation_mae"), (shelf.split.test, "test_mae")):
        assert about[name] == pytest.approx(by_hand(shelf, about, part), rel=1e-5)
        assert metrics[f"ensemble_{name}"] == about[name]
    assert about["validation_mae"] <= min(member["validation_mae"] for member in about["members"])
    assert about["winner_test_mae"] == WINNER_TEST
    assert about["parameters"] == sum(member["parameters"] for member in about["members"])
    assert sum(member["weight"] for member in about["members"]) == pytest.approx(1)


def test_it_says_which_figure_is_honest(shelf: Shelf, tmp_path: Path) -> None:
    text = " ".join(in_words(about_of(shelf)))
    assert "chosen greedily on validation from 6 networks (at most 5 members)" in text
    assert "the test error decided nothing and is the honest one" in text
    path = shelf.past.client.download_artifacts(shelf.parent, "ensemble.md", str(tmp_path))
    assert "| weight | network | seed |" in Path(path).read_text()


def test_the_very_same_is_registered(shelf: Shelf) -> None:
    register(["run=latest", "ensemble=true", "name=together"], shelf.uri)
    client, about = open_registry(shelf.uri), about_of(shelf)
    known = load_model(client, find_model(client, "together")).about
    assert [m["run"] for m in known["members"]] == [m["run"] for m in about["members"]]
    assert [m["weight"] for m in known["members"]] == pytest.approx([m["weight"] for m in about["members"]])
    assert known["metrics"]["test_mae"] == pytest.approx(about["test_mae"], rel=1e-3)


def test_a_budget_of_parameters(shelf: Shelf) -> None:
    sizes = sorted({result.candidate.architecture.parameter_count() for result, _ in shelf.past.trials})
    choice = choose_best(shelf.past, 5, shelf.split.validation, 2 * sizes[0])
    assert {result.candidate.architecture.parameter_count() for result in choice.results} == {sizes[0]}
    with pytest.raises(UserError, match=f"no network has 5 parameters or fewer: the smallest has {sizes[0]:,}"):
        choose_best(shelf.past, 5, shelf.split.validation, 5)


def test_only_the_best_of_many_are_loaded(mp_split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = Architecture(groups=(Group(4, 1),))
    trials = [
        TrialResult(str(place), Candidate(architecture, FAST), place, 5, 5, 0.1 + 0.01 * place) for place in range(9)
    ]
    failed = TrialResult("bad", Candidate(architecture, FAST), 99, failure="loss not finite")
    asked: list[int] = []

    def outputs(result: TrialResult) -> np.ndarray:
        asked.append(result.seed)
        return predict(build(architecture, result.seed), torch.from_numpy(mp_split.validation.x)).numpy()

    monkeypatch.setattr(ensembling, "MOST_CONSIDERED", 4)
    found = pick([failed, *reversed(trials)], outputs, mp_split.validation, 2)
    assert asked == [0, 1, 2, 3]
    assert (found.considered, found.trained) == (4, 9)
    with pytest.raises(ValueError, match="no trial of this search came to a model"):
        pick([failed], outputs, mp_split.validation, 2)


def test_a_budget_takes_who_has_just_as_many_parameters_and_the_heaviest_member_comes_first() -> None:
    part = Part(np.zeros((20, 86), np.float32), np.linspace(0, 1, 20, dtype=np.float32), np.array(["H"] * 20))
    off = {0: 1.0, 1: -2.0}
    small, large = (Candidate(Architecture(groups=(Group(width, 1),)), FAST) for width in (8, 9))
    trials = [TrialResult("small", small, 0, 5, 5, 1.0), TrialResult("large", large, 1, 5, 5, 2.0)]

    def outputs(result: TrialResult) -> np.ndarray:
        shifted: np.ndarray = part.y[:, None].astype(float) + off[result.seed]
        return shifted

    exactly = small.parameter_count()
    assert pick(trials, outputs, part, 2, exactly).parameters == exactly
    found = pick(trials[::-1], outputs, part, 2)
    assert found.weights == pytest.approx((2 / 3, 1 / 3))
    assert [result.trial_id for result in found.results] == ["small", "large"]


def balanced(network: Network, x: np.ndarray) -> Network:
    """The network with logits of mean 0 and deviation 1, so that an untrained one gives every class to some rows."""
    logits = predict(network, torch.from_numpy(x))
    with torch.no_grad():
        network.output.bias.sub_(logits.mean(0)).div_(logits.std(0))
        network.output.weight.div_(logits.std(0)[:, None])
    return network


def test_classifiers_are_chosen_as_they_answer(mp_split: Split) -> None:
    """Two of five networks make the classes together: they are found, with the temperature that suits them best."""
    architecture = Architecture(groups=(Group(16, 1),)).with_output(3, "classification")
    x, rng = mp_split.validation.x, np.random.default_rng(0)
    networks = [balanced(build(architecture, seed), x) for seed in range(5)]
    logits = np.stack([predict(network, torch.from_numpy(x)).numpy().astype(float) for network in networks])
    y = (logits[1] + logits[3]).argmax(axis=1)
    y = np.where(rng.random(len(y)) < 0.2, rng.integers(0, 3, len(y)), y)
    part = Part(x, y.astype(np.float32), mp_split.validation.formulas)
    trials = [TrialResult(str(seed), Candidate(architecture, FAST), seed, 5, 5, 1.0) for seed in range(5)]
    found = pick(trials, lambda result: logits[result.seed], part, 2)
    assert sorted(result.seed for result in found.results) == [1, 3]

    def by_hand(temperature: float) -> float:
        mean = sum(w * logits[result.seed] for result, w in zip(found.results, found.weights, strict=True))
        return float(log_loss(y, softmax(mean / temperature, axis=1)))

    assert found.validation_error == pytest.approx(by_hand(found.temperature), rel=1e-4)
    others = found.temperature * np.geomspace(0.2, 5, 41)
    assert found.validation_error <= min(map(by_hand, others)) + 1e-6
    assert found.validation_error < 0.9 * by_hand(1)


def test_ensembles_logged_before_errors_had_names_are_read(shelf: Shelf) -> None:
    about = about_of(shelf)
    before = {key: value for key, value in about.items() if key != "error"}
    assert in_words(before) == in_words(about)


def test_a_search_without_one_has_none_to_register(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble_record, "ARTIFACT", "other.json")
    with pytest.raises(UserError, match="this search chose no ensemble"):
        register(["run=latest", "ensemble=true"], shelf.uri)


def test_each_model_meets_the_test_set_once_and_a_long_fit_is_told(mp_split: Split, tmp_path: Path) -> None:
    candidate = next(iter(build_space("traditional", replace(FAST, epochs=1), BRNET).candidates()))
    network = TrialResult("network", Candidate(Architecture(groups=(Group(4, 1),)), FAST), 0)
    fitted = TrialResult("fitted", candidate, 0, seconds=75.0)
    save_network(tmp_path / "network.npz", build(network.candidate.architecture, 0))
    fetched: list[str] = []
    told: list[str] = []

    def fetch(result: TrialResult, folder: Path) -> Path:
        fetched.append(result.trial_id)
        return tmp_path / "network.npz"

    tested = Tested(mp_split, fetch, told.append)
    for result in (network, fitted):
        assert np.array_equal(tested.outputs(result), tested.outputs(result))
    assert fetched == ["network"], "of an estimator nothing is fetched, of a network once"
    assert told == ["linear, seed 0, is fitted again for the test set (first: 75 s)"]
    expected = refit(candidate, training_data(mp_split), 0, threads=1)(mp_split.test.x)
    np.testing.assert_allclose(tested.outputs(fitted)[:, 0], expected, rtol=1e-6)


def test_one_network_alone_is_the_best_within_the_budget_and_not_of_all(shelf: Shelf) -> None:
    about = about_of(shelf)
    alone = {**about, "members": about["members"][:1]}
    assert in_words({**alone, "parameter_budget": None})[0].startswith("No ensemble has a lower validation MAE than ")
    assert in_words({**alone, "parameter_budget": 4000})[0].startswith(
        "Within 4,000 parameters no ensemble has a lower "
    )
