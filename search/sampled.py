"""Which candidate and seed of a sampled space is trained next: those that an Optuna study suggests."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import optuna

from models.candidate import Candidate
from search.errors import UserError
from search.journal import Journal
from search.objectives import Values, values_of
from search.opening import Opening
from search.samplers import sampler_for
from search.settings import SAMPLERS
from search.suggest import CandidateSearcher, never
from search.trial import METRIC
from spaces.space import Space

TRIES_FOR_A_NEW_POINT = 200
"""Suggestions in a row that were all trained before, after which a space counts as exhausted."""

STUDY_SEED = 0


class SampledSearcher(CandidateSearcher):
    """A sampled space through an Optuna study: `trials` new candidates, each with every seed.

    The study lowers `objectives` (the validation error alone where there are none) and learns their means over the
    seeds. The opening's points come first. A candidate suggested again is answered with what is known of it, and never
    trained twice. The journal holds each suggestion; from it the study is built again, event by event.
    """

    def __init__(
        self,
        space: Space,
        trials: int,
        seeds: tuple[int, ...],
        journal: Journal,
        is_over: Callable[[], bool] = never,
        repeats: bool = False,
        objectives: Sequence[str] = (),
        sampler: str = SAMPLERS[0],
        opening: Opening | None = None,
    ) -> None:
        super().__init__(seeds, journal, is_over, repeats)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space, self.trials = space, trials
        self.objectives, self.sampler, self.opening = tuple(objectives), sampler, opening or Opening()
        self.study = optuna.create_study(directions=["minimize"] * max(1, len(self.objectives)))
        self.points = 0
        self.studied: dict[str, int] = {}  # candidate -> its number in the study
        self.results: dict[str, dict[int, Values | None]] = {}  # candidate -> seed -> its values, None if failed
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
            first = self.opening.points
            point, candidate = self._ask(first[self.points] if self.points < len(first) else None)
            self.journal.asked(point.number, point.params, candidate)
            if self._learn(point.number, candidate):
                return candidate
        return None

    def _ask(self, params: dict[str, Any] | None) -> tuple[optuna.Trial, str]:
        """The study's next point and its candidate; at these parameters where they are given.

        The sampler is asked in any case: what it notes beside a point is part of the study, NSGA-II its generation and
        TPE the values of parameters that the candidate turns out not to have.
        """
        several = len(self.study.directions)
        self.study.sampler = sampler_for(self.sampler, STUDY_SEED, self.points, several, self.opening.population)
        if params is not None:
            self.study.enqueue_trial(self.space.completed(params))
        point = self.study.ask()
        _ = point.relative_params  # Optuna asks its sampler only here, or where a value is not given
        return point, self.space.suggest(point).to_json()

    def _learn(self, point: int, candidate: str) -> bool:
        """Enter a suggestion; whether its candidate is new."""
        self.points += 1
        if candidate in self.studied:
            self._tell_again(point, candidate)
            return False
        self.studied[candidate] = point
        self.results[candidate] = {}
        return True

    def learn(self, config: dict[str, Any], result: dict[str, Any] | None) -> None:
        if not result or result.get("failure") or METRIC not in result:
            self._complete(config["candidate"], config["seed"], None)
        else:
            values = self._values(config["candidate"], result[METRIC], result.get("training_seconds", 0.0))
            self._complete(config["candidate"], config["seed"], values)

    def _values(self, candidate: str, error: float, seconds: float) -> Values:
        return values_of(self.objectives, error, Candidate.from_json(candidate).parameter_count(), seconds)

    def _complete(self, candidate: str, seed: int, values: Values | None) -> None:
        outcomes = self.results[candidate]
        if seed in outcomes:
            return
        outcomes[seed] = values
        if len(outcomes) == len(self.seeds):
            self._tell(self.studied[candidate], candidate)

    def _tell(self, point: int, candidate: str) -> None:
        """Tell the study what is known of a candidate: its mean values, or that a seed failed or is not done."""
        outcomes = [values for values in self.results[candidate].values() if values is not None]
        if len(outcomes) == len(self.seeds):
            self.study.tell(point, [statistics.fmean(values) for values in zip(*outcomes, strict=True)])
        else:
            self.study.tell(point, state=optuna.trial.TrialState.FAIL)

    def _tell_again(self, point: int, candidate: str) -> None:
        """Answer a candidate that was suggested before. It is no second member of a generation of NSGA-II, which would
        soon hold nothing but copies.
        """
        if self.sampler == "nsga2":
            self.study.tell(point, state=optuna.trial.TrialState.FAIL)
        else:
            self._tell(point, candidate)

    def _replay(self) -> None:
        """Build the study from the journal; candidates whose seeds are not all done come first."""
        for event in self.journal.events():
            if event["event"] == "asked":
                point, candidate = self._ask(event["params"])
                if candidate != event["candidate"]:
                    raise UserError(
                        f"the space of this version makes another candidate of {event['params']} than the search did: "
                        "go on with the version it was started with, or start a new search"
                    )
                if self._learn(point.number, candidate):
                    self._enqueue(candidate)
            elif event["event"] == "ended" and not event["again"] and event["candidate"] in self.results:
                failed = event["best_error"] is None
                values = None if failed else self._values(event["candidate"], event["best_error"], event["seconds"])
                self._complete(event["candidate"], event["seed"], values)
