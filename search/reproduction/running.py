"""From a block of a table to the results of its models: what is missing is trained, the rest is read back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.tracking import MlflowClient
from rich.console import Console

from models.candidate import Candidate
from models.published import PUBLISHED
from search.archive import Archive, Kept
from search.checkpoints import product_of
from search.config import SearchConfig
from search.data import Split
from search.history import PastSearch
from search.judging import answer_of, scores
from search.opening import Opening
from search.plan import TIME_NOT_KNOWN, estimate
from search.progress import duration
from search.report.wording import count
from search.reproduction.blocks import Block, Row
from search.reproduction.order import Order
from search.resources import resources_for
from search.results import TrialResult
from search.session import search_through
from search.store import download
from search.targets import error_name_of, space_of
from spaces import Space
from spaces.branching import BranchingGrid
from spaces.components import Components
from spaces.listed import Listed
from spaces.traditional import AutoML, Traditional

BASELINES = (Traditional.name, AutoML.name)
GRIDS = (BranchingGrid.name, Components.name)
NO_RESULT = 1
"""The exit status of a search in which every trial failed: its rows stay empty."""


@dataclass(frozen=True)
class Outcome:
    """What a model of a block came to: its trials, the test error of each, and what it is, in words."""

    row: Row
    results: tuple[TrialResult, ...] = ()
    errors: tuple[float, ...] = ()
    run_ids: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True)
class Missing:
    """Candidates that are to be trained from the same seeds, in one search."""

    config: SearchConfig
    candidates: tuple[Candidate, ...]

    @property
    def space(self) -> Listed:
        return Listed(self.candidates)


class Work:
    """The models of one block on its data."""

    def __init__(self, block: Block, order: Order, split: Split, client: MlflowClient) -> None:
        self.block, self.order, self.split, self.client = block, order, split, client
        self.seeds = order.config("published").seeds
        self.archive = Archive.on(client, split.fingerprint)

    def config(self, space: str) -> SearchConfig:
        return self.order.config(space, self.block.request)

    def candidate_of(self, row: Row) -> Candidate:
        """The network of a row."""
        space = space_of(self.config(row.space), self.split)
        candidates = list(space.candidates())
        if row.space in GRIDS:
            return candidates[row.choice]
        return candidates[list(PUBLISHED).index(row.label)]

    def missing_networks(self) -> list[Missing]:
        """Networks and seeds that MLflow does not hold, gathered by the seeds they lack."""
        done, lacking = self.archive.trials(), dict[tuple[str, tuple[int, ...]], list[Candidate]]()
        for row in self.block.rows:
            if row.space in BASELINES:
                continue
            candidate = self.candidate_of(row)
            seeds = tuple(seed for seed in self.seeds if (candidate, seed) not in done)
            if seeds:
                lacking.setdefault((row.space, seeds), []).append(candidate)
        return [
            Missing(replace(self.config(space), seeds=seeds), tuple(candidates))
            for (space, seeds), candidates in lacking.items()
        ]

    def missing_baselines(self) -> list[SearchConfig]:
        """The searches for a traditional model that MLflow does not hold."""
        configs = [self.config(row.space) for row in self.block.rows if row.space in BASELINES]
        return [config for config in configs if self.archive.search_like(config) is None]

    def cost(self) -> Iterator[str]:
        """What is to be done and about how long it takes, in sentences."""
        for missing in self.missing_networks():
            config = missing.config
            trials = len(missing.candidates) * len(config.seeds)
            found = estimate(config, missing.space, self.split, resources_for(config, trials))
            time = TIME_NOT_KNOWN
            if found is not None and found.seconds is not None:
                time = f"at most about {duration(found.seconds)}"
            yield (
                f"{count(len(missing.candidates), 'network')} x {count(len(config.seeds), 'seed')}, {time} "
                f"({count(config.recipe.epochs, 'epoch')} of {len(self.split.train):,} rows)"
            )
        for config in self.missing_baselines():
            limit = f", at most {duration(config.time_budget_seconds)}" if config.time_budget_seconds else ""
            size = f"{config.trials} evaluations" if config.trials else "a grid"
            yield f"space={config.space.name}: {size}{limit}; how long a fit takes shows only as it is fitted"

    def run(self, console: Console) -> None:
        """Train what is missing. Raises StoppedError where a search was interrupted or cut off."""
        self.archive = Archive.on(self.client, self.split.fingerprint)  # another block may have trained some by now
        for missing in self.missing_networks():
            _run(missing.config, missing.space, self.split, console)
        for config in self.missing_baselines():
            _run(config, space_of(config, self.split), self.split, console)
        self.archive = Archive.on(self.client, self.split.fingerprint)

    def outcomes(self) -> list[Outcome]:
        """Every row's results, each network tested once: its error is kept with its run."""
        done = self.archive.trials()
        return [
            self._of_baseline(row) if row.space in BASELINES else self._of_network(row, done) for row in self.block.rows
        ]

    def _of_network(self, row: Row, done: dict[tuple[Candidate, int], Kept]) -> Outcome:
        candidate = self.candidate_of(row)
        kept = [done[candidate, seed] for seed in self.seeds if (candidate, seed) in done]
        errors = tuple(self._tested(found) for found in kept)
        return Outcome(
            row, tuple(k.result for k in kept), errors, tuple(k.run.info.run_id for k in kept), str(candidate)
        )

    def _of_baseline(self, row: Row) -> Outcome:
        past = self.archive.search_like(self.config(row.space))
        if past is None or not past.standings or not past.standings[0].trained:
            return Outcome(row)
        winner = past.standings[0].trained[0]
        errors = tuple(self._refitted(past, winner, seed) for seed in self.seeds)
        return Outcome(row, (winner,), errors, (past.run_of(winner).info.run_id,), str(winner.candidate))

    def _tested(self, kept: Kept) -> float:
        return self._error_of(kept.result.candidate, kept.result.seed, kept.run.info.run_id, "")

    def _refitted(self, past: PastSearch, winner: TrialResult, seed: int) -> float:
        return self._error_of(winner.candidate, seed, past.run_of(winner).info.run_id, f"_seed_{seed}")

    def _error_of(self, candidate: Candidate, seed: int, run_id: str, suffix: str) -> float:
        """The test error, from MLflow where it was measured before."""
        name = error_name_of(self.split)
        key = f"test_{name}{suffix}"
        known = self.client.get_run(run_id).data.metrics.get(key)
        if known is not None:
            return float(known)
        with TemporaryDirectory(prefix="branchsearch-") as folder:
            product = partial(download, self.client, run_id, product_of(candidate), Path(folder))
            answer = answer_of(candidate, seed, self.split, product)
            error = scores(answer(self.split.test.x), self.split.test, self.split.classes)[name]
        self.client.log_metric(run_id, key, error)
        return error


class StoppedError(Exception):
    """A search was interrupted or cut off; `status` is the exit status that says so. What it had done is kept."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


def _run(config: SearchConfig, space: Space, split: Split, console: Console) -> None:
    """`resume=` goes on with these candidates, and not with all of the space that the settings name."""
    only = [candidate.to_json() for candidate in space.candidates()] if isinstance(space, Listed) else []
    status = search_through(config, space, split, console, Opening(only=only) if only else None)
    if status not in (0, NO_RESULT):
        raise StoppedError(status)
    console.print()
