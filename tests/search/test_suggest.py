"""Searchers: each candidate once a seed, duplicates answered and not trained, the study told the truth."""

import itertools
import math
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from ray.tune.search import Searcher

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.published import BRNET
from models.recipe import FAST
from search.checkpoints import key_of
from search.journal import Journal
from search.opening import keep, opening_for
from search.results import TrialResult
from search.sampled import SampledSearcher
from search.suggest import CandidateSearcher, EverySearcher
from search.trial import METRIC
from spaces import build
from spaces.space import Space


class SixPoints(Space):
    """A small sampled space, in which any sampler soon repeats itself."""

    name = "six"

    def suggest(self, trial: optuna.trial.BaseTrial) -> Candidate:
        skip = trial.suggest_categorical("skip", ["none", "layer"])
        activation = trial.suggest_categorical("activation", ["relu", "gelu", "silu"])
        return Candidate(Architecture(skip=skip, activation=activation), FAST)  # type: ignore[arg-type]


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


def ended(searcher: CandidateSearcher, trial_id: str, config: Any, error: float, seconds: float = 0.0) -> None:
    """What happens to a trial that ends: the searcher learns of it, then the journal."""
    failure = None if math.isfinite(error) else "loss not finite in epoch 1"
    searcher.on_trial_complete(trial_id, {METRIC: error, "training_seconds": seconds, "failure": failure})
    candidate = Candidate.from_json(config["candidate"])
    result = TrialResult(key_of(config), candidate, config["seed"], best_error=error, seconds=seconds, failure=failure)
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


def test_a_trial_that_was_paused_and_then_stopped_counts_with_its_last_error(tmp_path: Path) -> None:
    """Ray Tune ends it without a result, as HyperBand does with those that it halves away."""
    searcher = SampledSearcher(SixPoints(), 2, (0,), Journal(tmp_path))
    searcher.suggest("a")
    searcher.on_trial_result("a", {METRIC: 0.4, "training_seconds": 1.0})
    searcher.on_trial_result("a", {METRIC: 0.3, "training_seconds": 2.0})
    searcher.on_trial_complete("a")
    assert [trial.value for trial in searcher.study.trials] == [0.3]


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


class Published(Space):
    """A conditional space with two points that come first."""

    name = "published"

    def first_points(self) -> tuple[dict[str, Any], ...]:
        leaky = {"activation": "leaky_relu", "slope": 0.3}
        return ({"activation": "relu", "layers": 2, "width0": 9, "width1": 8}, {**leaky, "layers": 1, "width0": 7})

    def suggest(self, trial: optuna.trial.BaseTrial) -> Candidate:
        activation = trial.suggest_categorical("activation", ["relu", "leaky_relu", "gelu"])
        slope = trial.suggest_float("slope", 0.01, 0.5) if activation == "leaky_relu" else 0.0
        widths = [trial.suggest_int(f"width{n}", 4, 64) for n in range(trial.suggest_int("layers", 1, 4))]
        groups = tuple(Group(width, 1) for width in widths)
        return Candidate(Architecture(groups=groups, activation=activation, slope=slope), FAST)  # type: ignore[arg-type]


def outcome_of(config: dict[str, Any]) -> tuple[float, float]:
    """Error and seconds of a trial, which follow from its configuration as those of a real one do."""
    architecture = Candidate.from_json(config["candidate"]).architecture
    widths = [group.width for group in architecture.groups]
    return abs(sum(widths) - 70) + architecture.slope + 0.01 * config["seed"], 0.1 * len(widths)


def search_on(folder: Path, sampler: str, objectives: tuple[str, ...], most: int) -> SampledSearcher:
    """A search with three trials at a time, from its journal on, until so many have ended in this session."""
    folder.mkdir(exist_ok=True)
    journal, space = Journal(folder), Published()
    opening = keep(opening_for(space, 24), journal)
    searcher = SampledSearcher(
        space, 24, (0, 1), journal, objectives=objectives, sampler=sampler, opening=opening
    )  # fmt: skip
    running: deque[tuple[str, dict[str, Any]]] = deque()
    for number in itertools.count():
        while len(running) < 3 and isinstance(config := searcher.suggest(f"t{number} {len(running)}"), dict):
            running.append((f"t{number} {len(running)}", config))
        if not running or number == most:
            return searcher
        trial_id, config = running.popleft()
        ended(searcher, trial_id, config, *outcome_of(config))
    raise AssertionError


@pytest.mark.parametrize("cut_after", [1, 17, 41])
@pytest.mark.parametrize(
    ("sampler", "objectives"),
    [
        ("tpe", ()),
        ("tpe", ("validation_mae", "parameters")),
        ("nsga2", ("validation_mae", "parameters", "training_seconds")),
        ("random", ()),
    ],
)
def test_a_search_cut_off_anywhere_suggests_what_an_undisturbed_one_does(
    sampler: str, objectives: tuple[str, ...], cut_after: int, tmp_path: Path
) -> None:
    whole = search_on(tmp_path / "whole", sampler, objectives, 99)
    search_on(tmp_path / "cut", sampler, objectives, cut_after)
    resumed = search_on(tmp_path / "cut", sampler, objectives, 99)
    assert list(resumed.studied) == list(whole.studied)
    assert len(whole.studied) == 24
    assert [trial.values for trial in resumed.study.trials] == [trial.values for trial in whole.study.trials]
    first = [Published().suggest(optuna.trial.FixedTrial(point)).to_json() for point in Published().first_points()]
    assert list(whole.studied)[:2] == first


def test_the_study_learns_the_mean_of_every_objective(tmp_path: Path) -> None:
    objectives = ("validation_mae", "parameters", "training_seconds")
    searcher = search_on(tmp_path, "tpe", objectives, 99)
    for candidate, point in searcher.studied.items():
        error, seconds = outcome_of({"candidate": candidate, "seed": 0})
        count = Candidate.from_json(candidate).architecture.parameter_count()
        assert searcher.study.trials[point].values == pytest.approx([error + 0.005, count, seconds])


def test_evolution_breeds_from_the_best_and_counts_no_candidate_twice(tmp_path: Path) -> None:
    """Generations of six: of those after the first, most parameters come from parents."""
    searcher = search_on(tmp_path, "nsga2", ("validation_mae", "parameters"), 99)
    counted = [trial for trial in searcher.study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    assert len(counted) == 24
    generations = [trial.system_attrs["NSGAIISampler:generation"] for trial in counted]
    assert max(generations) >= 3
    assert searcher.opening.population == 6


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


def test_a_search_begun_before_a_parameter_was_drawn_goes_on(tmp_path: Path) -> None:
    params = {"activation": "relu", "optimiser": "adam", "learning_rate": 1e-3, "schedule": "cosine", "batch_size": 64}
    recipe = replace(FAST, optimiser="adam", learning_rate=1e-3, weight_decay=0.0, schedule="cosine", batch_size=64)
    candidate = Candidate(replace(BRNET, activation="relu"), recipe).to_json()
    Journal(tmp_path).asked(0, {**params, "loss": "mae"}, candidate)
    searcher = SampledSearcher(build("hyperparameters", FAST, BRNET), 2, (0,), Journal(tmp_path))
    assert drain(searcher)[0]["candidate"] == candidate
