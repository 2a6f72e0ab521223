"""A search with `scheduler=rows`: every candidate on the smallest part of the rows, the best of them on larger ones."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from models.candidate import Candidate
from search.checkpoints import key_of
from search.journal import Journal
from search.objectives import values_of
from search.promotion import Rung, finalists, next_promotion
from search.row_parts import on_part
from search.suggest import CandidateSearcher, never, trial_config
from search.trial import METRIC

PROMOTED = "promoted"
"""The journal's event of a candidate that goes on to a larger part, once for each seed."""

TIME_FOR_ALL_ROWS = 1.5
"""Where no more time is left than so many times what the best takes on all rows, it and the next go there now."""


class PromotingSearcher(CandidateSearcher):
    """The candidates of `inner`, all on `parts[0]` from the first seed, then `search.promotion`'s on the larger parts.

    On all rows they are trained from every one of `seeds`. `inner` learns the errors on the smallest part alone: those
    of unlike parts do not compare. Where there is no `time_left` to run short of, all candidates are drawn before the
    best of them go on, which keeps no slot waiting; otherwise good ones go on at once, and when the time gets short the
    best go straight to all rows, as long as they can be done. Choices are written to the journal, so that a search that
    was cut off goes on with the trials under way.
    """

    def __init__(
        self,
        inner: CandidateSearcher,
        parts: Sequence[float],
        factor: int,
        seeds: tuple[int, ...],
        journal: Journal,
        is_over: Callable[[], bool] = never,
        time_left: Callable[[], float] | None = None,
        objectives: Sequence[str] = (),
    ) -> None:
        super().__init__(seeds, journal, is_over)
        self.objectives = tuple(objectives)
        self.inner, self.parts, self.factor, self.time_left = inner, tuple(parts), factor, time_left
        self.rungs = [Rung() for _ in parts]
        self.is_drawn = False
        self.seconds: dict[str, float] = {}  # candidate -> what it will take on all rows
        for result in journal.results()[0].values():
            if result.failure is not None or result.ended_by_itself:
                error = None if result.failure is not None else result.best_error
                self._enter(trial_config(result.candidate, result.seed), error, result.seconds)
        chosen = [event for event in journal.events() if event["event"] == PROMOTED]
        configs = [{"candidate": event["candidate"], "seed": event["seed"]} for event in chosen]
        self.queue = deque(config for config in configs if key_of(config) not in self.done)

    def next_config(self) -> dict[str, Any] | None:
        config = self.queue.popleft() if self.queue else self._new()
        if config is not None and config["seed"] == self.seeds[0] and key_of(config) not in self.done:
            number, candidate = self._place(config)
            self.rungs[number].under_way.add(candidate)
        return config

    @property
    def is_waiting(self) -> bool:
        return any(rung.under_way for rung in self.rungs)

    def _new(self) -> dict[str, Any] | None:
        if self.time_left is None:
            return self._drawn() or self._promoted()
        # the last one may have been drawn in between
        return self._finalist() or self._promoted() or self._drawn() or self._promoted()

    def _drawn(self) -> dict[str, Any] | None:
        config = None if self.is_drawn else self.inner.next_config()
        self.is_drawn = config is None
        return config

    def _promoted(self) -> dict[str, Any] | None:
        chosen = next_promotion(self.rungs, self.factor, self.is_drawn, at_once=self.time_left is not None)
        return None if chosen is None else self._promote(*chosen)

    def _promote(self, number: int, candidate: str) -> dict[str, Any]:
        larger = on_part(Candidate.from_json(candidate), self.parts[number])
        for seed in self.seeds if number == len(self.parts) - 1 else self.seeds[:1]:
            config = trial_config(larger, seed)
            self.journal.write(PROMOTED, **config)
            self.queue.append(config)
        return self.queue.popleft()

    def _finalist(self) -> dict[str, Any] | None:
        """Where time is short, the next to go to all rows of those that can be done there; the first of all anyway."""
        waiting, left = finalists(self.rungs), math.inf if self.time_left is None else self.time_left()
        if not waiting or left > TIME_FOR_ALL_ROWS * self.seconds[waiting[0]]:
            return None
        in_time = (candidate for candidate in waiting if self.seconds[candidate] <= left)
        chosen = next(in_time, None if self.rungs[-1].standing else waiting[0])
        return None if chosen is None else self._promote(len(self.parts) - 1, chosen)

    def learn(self, config: dict[str, Any], result: dict[str, Any] | None) -> None:
        if config["seed"] != self.seeds[0]:
            return
        number, candidate = self._place(config)
        self.rungs[number].under_way.discard(candidate)
        if number == 0:
            self.inner.learn(config, result)
        if not result or result.get("failure") or METRIC not in result:
            self._enter(config, None, 0.0)
        elif result.get("stop_reason"):
            self._enter(config, float(result[METRIC]), float(result.get("training_seconds", 0.0)))

    def _enter(self, config: dict[str, Any], error: float | None, seconds: float) -> None:
        if config["seed"] != self.seeds[0]:
            return
        number, candidate = self._place(config)
        self.rungs[number].errors[candidate] = error
        if self.objectives and error is not None:
            parameters = Candidate.from_json(candidate).parameter_count()
            self.rungs[number].costs[candidate] = values_of(self.objectives, error, parameters, seconds)[1:]
        self.seconds[candidate] = seconds / self.parts[number]

    def _place(self, config: dict[str, Any]) -> tuple[int, str]:
        """The number of a trial's rung, and its candidate as it is on all rows."""
        candidate = Candidate.from_json(config["candidate"])
        number = self.parts.index(candidate.recipe.train_part)
        return number, on_part(candidate, self.parts[-1]).to_json()
