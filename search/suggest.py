"""Which candidate and seed is trained next."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import optuna
from ray import cloudpickle
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from models.candidate import Candidate
from search.trial import METRIC
from spaces.space import Space

TRIES_FOR_A_NEW_POINT = 200
"""Suggestions in a row that were all trained before, after which a space counts as exhausted."""


def trial_config(candidate: Candidate, seed: int) -> dict[str, Any]:
    """What Ray Tune hands to a trial."""
    return {"candidate": candidate.to_json(), "seed": seed}


class CandidateSearcher(Searcher):
    """Hands out candidates, each once a seed, until there are no more or the time is over."""

    def __init__(self, seeds: tuple[int, ...], deadline: float | None = None) -> None:
        super().__init__(metric=METRIC, mode="min")
        self.seeds = seeds
        self.deadline = deadline

    def is_over(self) -> bool:
        return self.deadline is not None and time.time() >= self.deadline

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        if self.is_over():
            return Searcher.FINISHED
        return self.next_config(trial_id) or Searcher.FINISHED

    def next_config(self, trial_id: str) -> dict[str, Any] | None:
        raise NotImplementedError

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing to learn, where candidates come in a fixed order."""

    def save(self, checkpoint_path: str) -> None:
        Path(checkpoint_path).write_bytes(cloudpickle.dumps(self.__dict__))

    def restore(self, checkpoint_path: str) -> None:
        self.__dict__.update(cloudpickle.loads(Path(checkpoint_path).read_bytes()))


class EverySearcher(CandidateSearcher):
    """A finite space: all candidates with the first seed, then all with the second, and so on.

    A search that runs out of time has then seen every candidate before it repeats one.
    """

    def __init__(self, candidates: Iterable[Candidate], seeds: tuple[int, ...], deadline: float | None = None) -> None:
        super().__init__(seeds, deadline)
        self.pending = [trial_config(candidate, seed) for seed in seeds for candidate in candidates]
        self.handed_out = 0

    def next_config(self, trial_id: str) -> dict[str, Any] | None:
        if self.handed_out == len(self.pending):
            return None
        self.handed_out += 1
        return self.pending[self.handed_out - 1]


class DefineByRun:
    """A space as OptunaSearch takes it: a picklable callable that also returns the candidate as a constant."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def __call__(self, trial: Any) -> dict[str, Any]:
        return {"candidate": self.space.suggest(trial).to_json()}


def sampler_for(seed: int) -> optuna.samplers.BaseSampler:
    """TPE for conditional spaces and parallel trials."""
    # Conditional parameters need `group`, parallel trials `constant_liar`: without them the sampler falls back to
    # drawing independently or draws the same point for every worker.
    return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


class SampledSearcher(CandidateSearcher):
    """A sampled space through OptunaSearch: `trials` new candidates, each with every seed.

    The study learns the mean over the seeds. A candidate suggested again is answered with what is known of it, and
    never trained twice.
    """

    def __init__(
        self, space: Space, trials: int, seeds: tuple[int, ...], deadline: float | None = None, study_seed: int = 0
    ) -> None:
        super().__init__(seeds, deadline)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = OptunaSearch(DefineByRun(space), metric=METRIC, mode="min", sampler=sampler_for(study_seed))
        self.trials = trials
        self.asked = 0
        self.studied: dict[str, str] = {}  # candidate -> its trial in the study
        self.results: dict[str, dict[int, float | None]] = {}  # candidate -> seed -> best error, None if failed
        self.running: dict[str, dict[str, Any]] = {}
        self.queue: Iterator[dict[str, Any]] = iter(())

    def next_config(self, trial_id: str) -> dict[str, Any] | None:
        config = next(self.queue, None)
        if config is None:
            candidate = self._new_candidate()
            if candidate is None:
                return None
            self.queue = iter([{"candidate": candidate, "seed": seed} for seed in self.seeds])
            config = next(self.queue)
        self.running[trial_id] = config
        return config

    def _new_candidate(self) -> str | None:
        if len(self.studied) >= self.trials:
            return None
        for _ in range(TRIES_FOR_A_NEW_POINT):
            self.asked += 1
            point = f"point {self.asked}"
            candidate: str = self.study.suggest(point)["candidate"]  # type: ignore[index]
            if candidate not in self.studied:
                self.studied[candidate] = point
                self.results[candidate] = {}
                return candidate
            self._tell(point, candidate)
        return None

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        config = self.running.pop(trial_id, None)
        if config is None:
            return
        failed = error or not result or result.get("failure") or METRIC not in result
        outcomes = self.results[config["candidate"]]
        outcomes[config["seed"]] = None if failed else result[METRIC]  # type: ignore[index]
        if len(outcomes) == len(self.seeds):
            self._tell(self.studied[config["candidate"]], config["candidate"])

    def _tell(self, point: str, candidate: str) -> None:
        """Tell the study what is known of a candidate: its mean error, or that a seed failed or is not done."""
        errors = [error for error in self.results[candidate].values() if error is not None]
        if len(errors) == len(self.seeds):
            self.study.on_trial_complete(point, {METRIC: sum(errors) / len(errors)})
        else:
            self.study.on_trial_complete(point, error=True)
