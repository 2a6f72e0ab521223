"""Which candidate and seed is trained next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ray.tune.search import Searcher

from models.candidate import Candidate
from search.checkpoints import key_of
from search.journal import Journal
from search.results import TrialResult
from search.trial import METRIC


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
    training. What `earlier` has from another search is not handed out at all.
    """

    def __init__(
        self, seeds: tuple[int, ...], journal: Journal, is_over: Callable[[], bool] = never, repeats: bool = False
    ) -> None:
        super().__init__(metric=METRIC, mode="min")
        self.seeds = seeds
        self.journal, self.is_over = journal, is_over
        self.may_retry: Callable[[str], bool] = lambda key: False
        self.earlier: Callable[[dict[str, Any]], TrialResult | None] = lambda config: None
        done = journal.results()[0]
        self.done = {key for key, result in done.items() if result.taken_from or not repeats}
        self.running: dict[str, dict[str, Any]] = {}
        self.last: dict[str, dict[str, Any]] = {}
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
            if key_of(config) in self.done:
                continue
            if (known := self.earlier(config)) is None:
                self.running[trial_id] = config
                return config
            self.done.add(known.trial_id)
            report = {METRIC: known.best_error, "training_seconds": known.seconds, "stop_reason": known.stop_reason}
            self.learn(config, report)
        return Searcher.FINISHED

    def next_config(self) -> dict[str, Any] | None:
        raise NotImplementedError

    @property
    def is_waiting(self) -> bool:
        """Whether results of trials under way may give more to hand out, where there is nothing now."""
        return False

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Kept: Ray Tune ends a trial that was paused without saying what it had come to."""
        self.last[trial_id] = result

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        config, last = self.running.pop(trial_id, None), self.last.pop(trial_id, None)
        if config is None:
            return
        if error and self.may_retry(key_of(config)):
            self.lost.append(config)
        else:
            self.learn(config, None if error else result or last)

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
