"""The ensemble at a search's end: chosen on validation, tested by hand here, and put into use as it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shelf import WINNER_TEST, Shelf, mean_of, register

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.network import Network, build
from models.recipe import FAST
from search import ensembling
from search.data import Part, Split
from search.ensembling import in_words, logged, pick
from search.errors import UserError
from search.inference.choice import choose_best
from search.inference.registry import find_model, load_model, open_registry
from search.results import TrialResult


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

    def load(result: TrialResult) -> Network:
        asked.append(result.seed)
        return build(architecture, result.seed)

    monkeypatch.setattr(ensembling, "MOST_CONSIDERED", 4)
    found = pick([failed, *reversed(trials)], load, mp_split.validation, 2)
    assert asked == [0, 1, 2, 3]
    assert (found.considered, found.trained) == (4, 9)
    with pytest.raises(ValueError, match="no trial of this search came to a network"):
        pick([failed], load, mp_split.validation, 2)


def test_a_search_without_one_has_none_to_register(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensembling, "ARTIFACT", "other.json")
    with pytest.raises(UserError, match="this search chose no ensemble"):
        register(["run=latest", "ensemble=true"], shelf.uri)
