"""What the trials of a search came to, and their ranking by validation error."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.candidate import Candidate
from search.spread import pooled, quantile

OUT_OF_TIME = "time budget"
STOPPED_BY = "stopped by"
"""The reason why a trial ended whose time was over, and how that of one begins which a scheduler stopped."""


NONE_ON_ALL_ROWS = "No candidate came to a result on all rows: resume the search with a longer time_budget=."

LEAST_FREEDOM = 6
"""Degrees of freedom that the spread over seeds is taken to have at least, where candidates are ranked."""


@dataclass(frozen=True)
class TrialResult:
    """One candidate trained from one seed. `best_error` is on validation, in the target's unit; `ended_at` in seconds
    since 1970; `taken_from` is the run in MLflow of an earlier search whose result it is, which trained nothing.
    """

    trial_id: str
    candidate: Candidate
    seed: int
    epochs: int = 0
    best_epoch: int = 0
    best_error: float = math.inf
    seconds: float = 0.0
    stop_reason: str = ""
    failure: str | None = None
    ended_at: float = 0.0
    taken_from: str | None = None

    @property
    def has_model(self) -> bool:
        """Whether it came to what it was judged by: an estimator that was stopped was fitted to a part of the rows."""
        is_whole = self.candidate.estimator is None or self.epochs >= self.candidate.recipe.epochs
        return self.failure is None and is_whole

    @property
    def was_stopped(self) -> bool:
        """Whether the scheduler stopped it."""
        return self.stop_reason.startswith(STOPPED_BY)

    @property
    def ended_by_itself(self) -> bool:
        """Whether nothing from outside ended it: only then does its error compare."""
        return not self.was_stopped and self.stop_reason != OUT_OF_TIME


@dataclass(frozen=True)
class Standing:
    """One candidate over its seeds, with its place in the ranking, whose first has not always the lowest mean."""

    rank: int
    candidate: Candidate
    results: tuple[TrialResult, ...]

    @property
    def trained(self) -> tuple[TrialResult, ...]:
        return tuple(result for result in self.results if result.failure is None)

    @property
    def models(self) -> tuple[TrialResult, ...]:
        """Those that came to what they were judged by, which can be asked."""
        return tuple(result for result in self.results if result.has_model)

    @property
    def mean_error(self) -> float:
        return statistics.fmean(result.best_error for result in self.trained) if self.trained else math.inf

    @property
    def is_cut_off(self) -> bool:
        """Whether the time budget ended all that it has: it may come to a lower error, and takes longer."""
        return all(result.stop_reason == OUT_OF_TIME for result in self.trained)

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds; None where there is one seed."""
        return statistics.stdev(result.best_error for result in self.trained) if len(self.trained) > 1 else None

    @property
    def mean_seconds(self) -> float:
        return statistics.fmean(result.seconds for result in self.results)

    @property
    def mean_epochs(self) -> float:
        return statistics.fmean(result.epochs for result in self.results)

    @property
    def stop_reasons(self) -> str:
        return ", ".join(sorted({result.failure or result.stop_reason for result in self.results}))


def rank(results: Iterable[TrialResult]) -> list[Standing]:
    """Candidates by validation error, lowest first; fewer parameters win a tie, and after them the text: which trial
    ended first says nothing.

    They stand by the upper end of the 95 % interval of their mean over seeds, which is the wider the fewer seeds they
    have: where all have as many, that is the order of their means. Those with a failed trial, or an estimator that was
    fitted to a part of the rows alone, come after the others, those without any result last. A trial that the time
    budget cut off counts where its candidate has no other.
    """
    by_candidate: dict[Candidate, list[TrialResult]] = {}
    for result in results:
        by_candidate.setdefault(result.candidate, []).append(result)
    standings = [
        Standing(0, candidate, tuple(sorted(_that_compare(group), key=lambda result: result.seed)))
        for candidate, group in by_candidate.items()
    ]
    width = _width(standings)
    standings.sort(
        key=lambda standing: (
            not standing.trained,
            not all(result.has_model for result in standing.results),
            standing.mean_error + width / math.sqrt(max(1, len(standing.trained))),
            standing.candidate.parameter_count() or 0,
            standing.candidate.to_json(),
        )
    )
    return [Standing(place, s.candidate, s.results) for place, s in enumerate(standings, start=1)]


def _that_compare(group: Sequence[TrialResult]) -> Sequence[TrialResult]:
    """A candidate's results without those of trials cut off by the time budget, unless it has no other error."""
    whole = [result for result in group if result.failure is not None or result.stop_reason != OUT_OF_TIME]
    return whole if any(result.failure is None for result in whole) else group


def _width(standings: Iterable[Standing]) -> float:
    """Half the 95 % interval of a single error; 0 where no candidate has two.

    From the spread over seeds of the better half of those that have: how a poor network scatters says little of them.
    """
    repeated = sorted((s for s in standings if len(s.trained) > 1), key=lambda s: s.mean_error)
    better = repeated[: (len(repeated) + 1) // 2]
    spread, freedom = pooled([[result.best_error for result in standing.trained] for standing in better])
    # of a spread that two or three trials tell, an interval would hold anything, and put first who has most seeds
    return quantile(max(freedom, LEAST_FREEDOM)) * spread if freedom else 0.0


def has_lowest_error(standings: Sequence[Standing]) -> bool:
    """Whether the first of a ranking has the lowest mean, and not one behind it that failed or has fewer seeds."""
    return all(standings[0].mean_error <= standing.mean_error for standing in standings if standing.trained)
