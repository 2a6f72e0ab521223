"""Searchers: each candidate once a seed, duplicates answered and not trained, the study told the truth."""

import json
import math
import time
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from ray.tune.search import Searcher

from models.architecture import BRNET, Architecture
from models.candidate import Candidate
from models.recipe import FAST
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


def test_finite_space_runs_every_candidate_once_a_seed_the_first_seed_first() -> None:
    candidates = list(build("branching", FAST, BRNET).candidates())
    configs = drain(EverySearcher(candidates, (4, 7)))
    expected = [(candidate.to_json(), seed) for seed in (4, 7) for candidate in candidates]
    assert keys(configs) == expected


def test_duplicates_are_never_trained_and_the_space_ends_when_exhausted() -> None:
    configs = drain(SampledSearcher(SixPoints(), trials=50, seeds=(0,)))
    assert len(configs) == len(set(keys(configs))) == 6


def test_each_new_candidate_gets_every_seed_and_trials_counts_candidates() -> None:
    space = build("hyperparameters", FAST, BRNET)
    configs = drain(SampledSearcher(space, trials=5, seeds=(1, 2, 3)))
    assert Counter(config["seed"] for config in configs) == {1: 5, 2: 5, 3: 5}
    assert len({config["candidate"] for config in configs}) == 5


def study_of(searcher: SampledSearcher) -> optuna.Study:
    study: optuna.Study | None = searcher.study._ot_study
    assert study is not None
    return study


def test_the_study_learns_the_mean_over_seeds_and_of_failures() -> None:
    searcher = SampledSearcher(SixPoints(), trials=3, seeds=(0, 1))
    values: list[float] = [0.2, 0.4, 0.3, math.inf, 0.1, 0.1]
    for number, value in enumerate(values):
        assert isinstance(searcher.suggest(f"t{number}"), dict)
        failure = {"failure": "loss not finite in epoch 1"} if value == math.inf else {}
        searcher.on_trial_complete(f"t{number}", {METRIC: value, **failure})
    first = [trial for trial in study_of(searcher).trials if trial.state == optuna.trial.TrialState.COMPLETE]
    assert [trial.value for trial in first] == pytest.approx([0.3, 0.1])
    assert any(trial.state == optuna.trial.TrialState.FAIL for trial in study_of(searcher).trials)
    assert not any(trial.state == optuna.trial.TrialState.RUNNING for trial in study_of(searcher).trials)


def test_a_worker_that_died_counts_as_failed() -> None:
    searcher = SampledSearcher(SixPoints(), trials=1, seeds=(0,))
    searcher.suggest("t0")
    searcher.on_trial_complete("t0", error=True)
    assert study_of(searcher).trials[0].state == optuna.trial.TrialState.FAIL


def test_no_candidate_is_handed_out_after_the_deadline() -> None:
    candidates = list(build("branching", FAST, BRNET).candidates())
    assert EverySearcher(candidates, (0,), deadline=time.time() - 1).suggest("t0") == Searcher.FINISHED
    assert isinstance(EverySearcher(candidates, (0,), deadline=time.time() + 60).suggest("t0"), dict)


@pytest.mark.parametrize("kind", ["every", "sampled"])
def test_a_saved_searcher_goes_on_where_it_was(kind: str, tmp_path: Path) -> None:
    def make() -> CandidateSearcher:
        if kind == "every":
            return EverySearcher(list(build("branching", FAST, BRNET).candidates()), (0, 1))
        return SampledSearcher(build("hyperparameters", FAST, BRNET), trials=4, seeds=(0, 1))

    searcher = make()
    done = [searcher.suggest("a"), searcher.suggest("b"), searcher.suggest("c")]
    searcher.on_trial_complete("a", {METRIC: 1.0})
    searcher.save(str(tmp_path / "searcher"))
    restored = make()
    restored.restore(str(tmp_path / "searcher"))
    restored.on_trial_complete("b", {METRIC: 2.0})
    rest = drain(restored)
    together = [json.dumps(config) for config in [*done, *rest]]
    assert len(set(together)) == len(together) == (22 if kind == "every" else 8)
