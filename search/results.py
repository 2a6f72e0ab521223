"""What the trials of a search came to, and their ranking by validation error."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from models.candidate import Candidate
from search.spread import pooled, quantile

OUT_OF_TIME = "time budget"
STOPPED_BY = "stopped by"
"""The reason why a trial ended whose time was over, and how that of one begins which a scheduler stopped."""


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
    def was_stopped(self) -> bool:
        """Whether the scheduler stopped it."""
        return self.stop_reason.startswith(STOPPED_BY)

    @property
    def ended_by_itself(self) -> bool:
        """Whether nothing from outside ended it: only then does its error compare."""
        return not self.was_stopped and self.stop_reason != OUT_OF_TIME


@dataclass(frozen=True)
class Standing:
    """One candidate over its seeds, with its place in the ranking."""

    rank: int
    candidate: Candidate
    results: tuple[TrialResult, ...]

    @property
    def trained(self) -> tuple[TrialResult, ...]:
        return tuple(result for result in self.results if result.failure is None)

    @property
    def mean_error(self) -> float:
        return statistics.fmean(result.best_error for result in self.trained) if self.trained else math.inf

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


def rank(results: Iterable[TrialResult], raced: bool = False) -> list[Standing]:
    """Candidates by mean best validation error over their seeds, lowest first; fewer parameters win a tie.

    Those trained from fewer seeds than the others, because a trial failed or time ran out, come after all that
    have every seed: a mean over fewer seeds is not comparable. Those without any result come last. Where a race has
    `raced` for the seeds, fewer of them are a verdict: candidates then stand by the upper end of the 95 % interval of
    their mean, which is the wider the fewer seeds they have, and only those with a failed trial come after the others.
    """
    by_candidate: dict[Candidate, list[TrialResult]] = {}
    for result in results:
        by_candidate.setdefault(result.candidate, []).append(result)
    standings = [
        Standing(0, candidate, tuple(sorted(group, key=lambda result: result.seed)))
        for candidate, group in by_candidate.items()
    ]
    most = max((len(standing.trained) for standing in standings), default=0)
    width = _width(standings) if raced else 0.0
    standings.sort(
        key=lambda standing: (
            not standing.trained,
            len(standing.trained) < (len(standing.results) if raced else most),
            standing.mean_error + width / math.sqrt(max(1, len(standing.trained))),
            standing.candidate.parameter_count() or 0,
        )
    )
    return [Standing(place, s.candidate, s.results) for place, s in enumerate(standings, start=1)]


def _width(standings: Iterable[Standing]) -> float:
    """Half the 95 % interval of a single error, from the spread over seeds of all candidates; 0 where none is known."""
    spread, freedom = pooled([[result.best_error for result in standing.trained] for standing in standings])
    return quantile(freedom) * spread if freedom else 0.0
