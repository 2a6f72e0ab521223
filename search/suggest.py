"""Which candidate and seed is trained next."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import optuna
from ray.tune.search import Searcher

from models.candidate import Candidate
from search.checkpoints import key_of
from search.errors import UserError
from search.journal import Journal
from search.trial import METRIC
from spaces.space import Space

TRIES_FOR_A_NEW_POINT = 200
"""Suggestions in a row that were all trained before, after which a space counts as exhausted."""

STUDY_SEED = 0


def trial_config(candidate: Candidate, seed: int) -> dict[str, Any]:
    """What Ray Tune hands to a trial."""
    return {"candidate": candidate.to_json(), "seed": seed}


def never() -> bool:
    """No end but that of the candidates."""
    return False


class CandidateSearcher(Searcher):
    """Hands out candidates, each once a seed, until there are no more or `is_over`.

    A trial that Ray Tune gives up, as it does where a process is lost before it began, is handed out again where
    `may_retry` of its key allows it. Given the journal of a search that goes on, it leaves out the trials that are
    done, unless `repeats`: a scheduler that compares trials at the same epochs has to see them all again, without
    training.
    """

    def __init__(
        self, seeds: tuple[int, ...], journal: Journal, is_over: Callable[[], bool] = never, repeats: bool = False
    ) -> None:
        super().__init__(metric=METRIC, mode="min")
        self.seeds = seeds
        self.journal, self.is_over = journal, is_over
        self.may_retry: Callable[[str], bool] = lambda key: False
        self.done = set() if repeats else set(journal.results()[0])
        self.running: dict[str, dict[str, Any]] = {}
        self.lost: deque[dict[str, Any]] = deque()

    def __getstate__(self) -> dict[str, Any]:
        # Ray Tune pickles its searcher beside the experiment; ours starts from the journal.
        return {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        while not self.is_over():
            config = self.lost.popleft() if self.lost else self.next_config()
            if config is None:
                if self.running:
                    return None  # one of these may have to be handed out again
                break
            if key_of(config) not in self.done:
                self.running[trial_id] = config
                return config
        return Searcher.FINISHED

    def next_config(self) -> dict[str, Any] | None:
        raise NotImplementedError

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        config = self.running.pop(trial_id, None)
        if config is None:
            return
        if error and self.may_retry(key_of(config)):
            self.lost.append(config)
        else:
            self.learn(config, None if error else result)

    def learn(self, config: dict[str, Any], result: dict[str, Any] | None) -> None:
        """Nothing, where candidates come in a fixed order."""

    def save(self, checkpoint_path: str) -> None:
        """The journal holds it all."""

    def restore(self, checkpoint_path: str) -> None:
        """See `save`."""


class EverySearcher(CandidateSearcher):
    """A finite space: all candidates with the first seed, then all with the second, and so on.

    A search that runs out of time has then seen every candidate before it repeats one.
    """

    def __init__(
        self,
        candidates: Iterable[Candidate],
        seeds: tuple[int, ...],
        journal: Journal,
        is_over: Callable[[], bool] = never,
        repeats: bool = False,
    ) -> None:
        super().__init__(seeds, journal, is_over, repeats)
        known = list(candidates)
        self.pending = deque(trial_config(candidate, seed) for seed in seeds for candidate in known)

    def next_config(self) -> dict[str, Any] | None:
        return self.pending.popleft() if self.pending else None


def sampler_for(seed: int, point: int) -> optuna.samplers.BaseSampler:
    """TPE for conditional spaces and parallel trials, its random numbers those of the point.

    What it suggests then depends on the study and on nothing else, so that a search that was cut off goes on as if it
    had not been.
    """
    state = int(np.random.SeedSequence([seed, point]).generate_state(1)[0])
    # Conditional parameters need `group`, parallel trials `constant_liar`: without them the sampler falls back to
    # drawing independently or draws the same point for every worker.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=state, multivariate=True, group=True, constant_liar=True)


class SampledSearcher(CandidateSearcher):
    """A sampled space through an Optuna study: `trials` new candidates, each with every seed.

    The study learns the mean over the seeds. A candidate suggested again is answered with what is known of it, and
    never trained twice. The journal holds each suggestion; from it the study is built again, event by event.
    """

    def __init__(
        self,
        space: Space,
        trials: int,
        seeds: tuple[int, ...],
        journal: Journal,
        is_over: Callable[[], bool] = never,
        repeats: bool = False,
    ) -> None:
        super().__init__(seeds, journal, is_over, repeats)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space, self.trials = space, trials
        self.study = optuna.create_study(direction="minimize")
        self.points = 0
        self.studied: dict[str, int] = {}  # candidate -> its number in the study
        self.results: dict[str, dict[int, float | None]] = {}  # candidate -> seed -> best error, None if failed
        self.queue: deque[dict[str, Any]] = deque()
        self._replay()

    def next_config(self) -> dict[str, Any] | None:
        if not self.queue:
            candidate = self._new_candidate()
            if candidate is None:
                return None
            self._enqueue(candidate)
        return self.queue.popleft()

    def _enqueue(self, candidate: str) -> None:
        self.queue.extend({"candidate": candidate, "seed": seed} for seed in self.seeds)

    def _new_candidate(self) -> str | None:
        if len(self.studied) >= self.trials:
            return None
        for _ in range(TRIES_FOR_A_NEW_POINT):
            self.study.sampler = sampler_for(STUDY_SEED, self.points)
            point = self.study.ask()
            candidate = self.space.suggest(point).to_json()
            self.journal.write("asked", point=point.number, params=point.params, candidate=candidate)
            if self._learn(point.number, candidate):
                return candidate
        return None

    def _learn(self, point: int, candidate: str) -> bool:
        """Enter a suggestion; whether its candidate is new."""
        self.points += 1
        if candidate in self.studied:
            self._tell(point, candidate)
            return False
        self.studied[candidate] = point
        self.results[candidate] = {}
        return True

    def learn(self, config: dict[str, Any], result: dict[str, Any] | None) -> None:
        failed = not result or result.get("failure") or METRIC not in result
        self._complete(config["candidate"], config["seed"], None if failed else result[METRIC])  # type: ignore[index]

    def _complete(self, candidate: str, seed: int, error: float | None) -> None:
        outcomes = self.results[candidate]
        if seed in outcomes:
            return
        outcomes[seed] = error
        if len(outcomes) == len(self.seeds):
            self._tell(self.studied[candidate], candidate)

    def _tell(self, point: int, candidate: str) -> None:
        """Tell the study what is known of a candidate: its mean error, or that a seed failed or is not done."""
        errors = [error for error in self.results[candidate].values() if error is not None]
        if len(errors) == len(self.seeds):
            self.study.tell(point, sum(errors) / len(errors))
        else:
            self.study.tell(point, state=optuna.trial.TrialState.FAIL)

    def _replay(self) -> None:
        """Build the study from the journal; candidates whose seeds are not all done come first."""
        self.study.sampler = optuna.samplers.RandomSampler()  # it is asked for nothing: every value is given
        for event in self.journal.events():
            if event["event"] == "asked":
                self.study.enqueue_trial(event["params"])
                point = self.study.ask()
                candidate = self.space.suggest(point).to_json()
                if candidate != event["candidate"]:
                    raise UserError(
                        f"the space of this version makes another candidate of {event['params']} than the search did: "
                        "go on with the version it was started with, or start a new search"
                    )
                if self._learn(point.number, candidate):
                    self._enqueue(candidate)
            elif event["event"] == "ended" and not event["again"] and event["candidate"] in self.results:
                self._complete(event["candidate"], event["seed"], event["best_error"])
