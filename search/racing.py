"""A search with `seeds=adaptive`: every candidate from the first seed, then a race for the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from models.candidate import Candidate
from search.journal import Journal
from search.race import next_repeat
from search.suggest import CandidateSearcher, never
from search.trial import METRIC

REPEATED = "repeated"
"""The journal's event of a candidate that the race gives another seed."""


def always(candidate: Candidate) -> bool:
    """Every candidate compares with the others."""
    return True


class RacingSearcher(CandidateSearcher):
    """The candidates of `inner`, which has the first seed alone, and then `search.race`'s repeats of those that
    `compare`, as trials on part of the rows do not.

    The race begins once `inner` has no more, or `is_time` and there is a result to begin it with; while `inner` waits
    for results before it goes on, repeats take the slots that would be idle. It is decided from validation alone, and
    written to the journal choice by choice, so that a search that was cut off goes on with the repeats under way.
    """

    def __init__(
        self,
        inner: CandidateSearcher,
        seeds: tuple[int, ...],
        journal: Journal,
        is_over: Callable[[], bool] = never,
        is_time: Callable[[], bool] = never,
        compare: Callable[[Candidate], bool] = always,
    ) -> None:
        super().__init__(seeds, journal, is_over)
        self.inner, self.is_time, self.compare = inner, is_time, compare
        self.has_begun = False
        self.errors: dict[str, dict[int, float | None]] = {}
        for result in journal.results()[0].values():
            if compare(result.candidate) and (result.failure is not None or result.ended_by_itself):
                error = None if result.failure is not None else result.best_error
                self.errors.setdefault(result.candidate.to_json(), {})[result.seed] = error
        chosen = [event for event in journal.events() if event["event"] == REPEATED]
        self.queue = deque({"candidate": event["candidate"], "seed": event["seed"]} for event in chosen)

    def next_config(self) -> dict[str, Any] | None:
        if not self.has_begun:
            has_result = any(error is not None for by in self.errors.values() for error in by.values())
            is_time = has_result and self.is_time()
            config = None if is_time else self.inner.next_config()
            if config is not None:
                return config
            self.has_begun = is_time or not self.inner.is_waiting
        if self.queue:
            return self.queue.popleft()
        under_way = [(config["candidate"], config["seed"]) for config in self.running.values()]
        chosen = next_repeat(self.errors, under_way, self.seeds)
        if chosen is None:
            return None
        candidate, seed = chosen
        self.journal.write(REPEATED, candidate=candidate, seed=seed)
        return {"candidate": candidate, "seed": seed}

    def learn(self, config: dict[str, Any], result: dict[str, Any] | None) -> None:
        if config["seed"] == self.seeds[0]:
            self.inner.learn(config, result)
        if not self.compare(Candidate.from_json(config["candidate"])):
            return
        failed = not result or result.get("failure") or METRIC not in result
        if failed or (result is not None and result.get("stop_reason")):
            error = None if failed or result is None else float(result[METRIC])
            self.errors.setdefault(config["candidate"], {})[config["seed"]] = error
