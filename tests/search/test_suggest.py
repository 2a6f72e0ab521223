"""Searchers: each candidate once a seed, duplicates answered and not trained, the study told the truth."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from ray.tune.search import Searcher

from models.architecture import BRNET, Architecture
from models.candidate import Candidate
from models.recipe import FAST
from search.checkpoints import key_of
from search.journal import Journal
from search.results import TrialResult
from search.suggest import CandidateSearcher, EverySearcher, SampledSearcher
from search.trial import METRIC
from spaces import build
from spaces.space import Space


class SixPoints(Space):
    """A small sampled space, in which any sampler soon repeats itself."""

    name = "six"

    def suggest(self, trial: optuna.trial.BaseTrial) -> Candidate:
        skip = trial.suggest_categorical("skip", [False, True])
        activation = trial.suggest_categorical("activation", ["relu", "gelu", "silu"])
        return Candidate(Architecture(skip=bool(skip), activation=activation), FAST)  # type: ignore[arg-type]


def drain(searcher: CandidateSearcher, value: float | None = None) -> list[dict[str, Any]]:
    """All configurations, each completed with its value before the next is asked for."""
    configs: list[dict[str, Any]] = []
    while isinstance(config := searcher.suggest(f"t{len(configs)}"), dict):
        searcher.on_trial_complete(f"t{len(configs)}", {METRIC: value if value is not None else len(configs)})
        configs.append(config)
    assert config == Searcher.FINISHED
    return configs


def keys(configs: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(config["candidate"], config["seed"]) for config in configs]


def test_finite_space_runs_every_candidate_once_a_seed_the_first_seed_first(tmp_path: Path) -> None:
    candidates = list(build("branching", FAST, BRNET).candidates())
    configs = drain(EverySearcher(candidates, (4, 7), Journal(tmp_path)))
    expected = [(candidate.to_json(), seed) for seed in (4, 7) for candidate in candidates]
    assert keys(configs) == expected


def test_duplicates_are_never_trained_and_the_space_ends_when_exhausted(tmp_path: Path) -> None:
    configs = drain(SampledSearcher(SixPoints(), 50, (0,), Journal(tmp_path)))
    assert len(configs) == len(set(keys(configs))) == 6


def test_each_new_candidate_gets_every_seed_and_trials_counts_candidates(tmp_path: Path) -> None:
    space = build("hyperparameters", FAST, BRNET)
    configs = drain(SampledSearcher(space, 5, (1, 2, 3), Journal(tmp_path)))
    assert Counter(config["seed"] for config in configs) == {1: 5, 2: 5, 3: 5}
    assert len({config["candidate"] for config in configs}) == 5


def ended(searcher: CandidateSearcher, trial_id: str, config: Any, error: float) -> None:
    """What happens to a trial that ends: the searcher learns of it, then the journal."""
    failure = None if math.isfinite(error) else "loss not finite in epoch 1"
    searcher.on_trial_complete(trial_id, {METRIC: error, "failure": failure})
    result = TrialResult(
        key_of(config), Candidate.from_json(config["candidate"]), config["seed"], best_error=error, failure=failure
    )
    searcher.journal.ended(result, again=False)


def test_the_study_learns_the_mean_over_seeds_and_of_failures(tmp_path: Path) -> None:
    searcher = SampledSearcher(SixPoints(), 3, (0, 1), Journal(tmp_path))
    for number, value in enumerate([0.2, 0.4, 0.3, math.inf, 0.1, 0.1]):
        ended(searcher, f"t{number}", searcher.suggest(f"t{number}"), value)
    first = [trial for trial in searcher.study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    assert [trial.value for trial in first] == pytest.approx([0.3, 0.1])
    assert any(trial.state == optuna.trial.TrialState.FAIL for trial in searcher.study.trials)
    assert not any(trial.state == optuna.trial.TrialState.RUNNING for trial in searcher.study.trials)


def test_a_worker_that_died_counts_as_failed(tmp_path: Path) -> None:
    searcher = SampledSearcher(SixPoints(), 1, (0,), Journal(tmp_path))
    searcher.suggest("t0")
    searcher.on_trial_complete("t0", error=True)
    assert searcher.study.trials[0].state == optuna.trial.TrialState.FAIL


def test_a_trial_that_is_lost_is_handed_out_again_as_often_as_is_allowed(tmp_path: Path) -> None:
    searcher = SampledSearcher(SixPoints(), 1, (0,), Journal(tmp_path))
    losses: list[str] = []
    searcher.may_retry = lambda key: len(losses) <= 2
    config = searcher.suggest("t0")
    for number in range(3):
        assert searcher.suggest("other") is None, "it may yet have to be handed out again"
        losses.append(f"t{number}")
        searcher.on_trial_complete(f"t{number}", error=True)
        if number < 2:
            assert searcher.suggest(f"t{number + 1}") == config
    assert searcher.suggest("t3") == Searcher.FINISHED
    assert [trial.state for trial in searcher.study.trials] == [optuna.trial.TrialState.FAIL]


def test_no_candidate_is_handed_out_once_it_is_over(tmp_path: Path) -> None:
    candidates = list(build("branching", FAST, BRNET).candidates())
    assert EverySearcher(candidates, (0,), Journal(tmp_path), lambda: True).suggest("t0") == Searcher.FINISHED
    assert isinstance(EverySearcher(candidates, (0,), Journal(tmp_path), lambda: False).suggest("t0"), dict)


@pytest.mark.parametrize("cut_after", [0, 1, 7, 20, 23])
def test_a_search_cut_off_anywhere_suggests_what_an_undisturbed_one_does(cut_after: int, tmp_path: Path) -> None:
    """Every trial's error follows from its configuration, as that of a real one does."""

    def run(folder: Path, most: int) -> list[tuple[str, int]]:
        folder.mkdir(exist_ok=True)
        searcher = SampledSearcher(build("hyperparameters", FAST, BRNET), 12, (0, 1), Journal(folder))
        trained: list[tuple[str, int]] = []
        while len(trained) < most and isinstance(config := searcher.suggest(f"t{len(trained)}"), dict):
            value = Candidate.from_json(config["candidate"]).recipe.learning_rate + 0.01 * config["seed"]
            ended(searcher, f"t{len(trained)}", config, value)
            trained.append((config["candidate"], config["seed"]))
        return trained

    whole = run(tmp_path / "whole", 24)
    first = run(tmp_path / "cut", cut_after)
    assert [*first, *run(tmp_path / "cut", 24)] == whole
    assert len(set(whole)) == 24


@pytest.mark.parametrize("kind", ["every", "sampled"])
def test_trials_under_way_at_the_end_come_first_and_those_done_never_again(kind: str, tmp_path: Path) -> None:
    def make() -> CandidateSearcher:
        if kind == "every":
            return EverySearcher(build("branching", FAST, BRNET).candidates(), (0, 1), Journal(tmp_path))
        return SampledSearcher(build("hyperparameters", FAST, BRNET), 4, (0, 1), Journal(tmp_path))

    searcher = make()
    configs: list[Any] = [searcher.suggest(name) for name in "abc"]
    ended(searcher, "b", configs[1], 1.0)
    rest = drain(make())
    assert keys(rest[:2]) == keys([configs[0], configs[2]])
    assert len(rest) == len(set(keys(rest))) == (21 if kind == "every" else 7)
    assert keys([configs[1]])[0] not in keys(rest)
