"""A search with Ray Tune: candidates in, results out."""

from __future__ import annotations

import logging
import math
import os
import shutil
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial as TuneTrial

from search.config import SearchConfig
from search.data import Split
from search.labels import part_in_words
from search.opening import kept
from search.packing import Place, end_hosts
from search.promoting import PromotingSearcher
from search.promotion import candidates_by_rung
from search.race import RACE_SHARE, cost
from search.racing import RacingSearcher
from search.resources import Resources
from search.row_parts import drawn_from
from search.sampled import SampledSearcher
from search.schedulers import repeats_trials, scheduler_for
from search.starting import start_of
from search.suggest import CandidateSearcher, EverySearcher, never
from search.taking_over import Earlier
from search.targets import training_data
from search.trial import Trial
from search.watch import Watch
from spaces import Space

RAY_FOLDER = "ray"
NEVER = "1e9"

DEFAULT_TRIALS = 50
"""Candidates of an infinite space where neither trials= nor time_budget= says how many."""


def folder_of(trial: TuneTrial) -> str:
    """A trial's folder: its id, where Tune would spell out its whole configuration."""
    return str(trial.trial_id)


class End(tune.Stopper):
    """Ends every trial at its next epoch, its checkpoint written, once the time budget is spent or the search stops."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles its stopper beside the experiment

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return self.watch.is_over()

    def stop_all(self) -> bool:
        """Where the search stops and no trial is left that an epoch could end."""
        return self.watch.is_stopping and not self.watch.progress.running


def candidate_limit(config: SearchConfig, space: Space, free: int = 0) -> int | None:
    """How many candidates the search has at most, `free` of them known; None where only its time budget ends it."""
    if space.size is not None:
        return min(space.size, config.trials + free if config.trials else space.size)
    if config.trials is None and config.time_budget_seconds is None:
        return DEFAULT_TRIALS + free
    return None if config.trials is None else config.trials + free


def searcher_for(config: SearchConfig, space: Space, watch: Watch) -> CandidateSearcher:
    """What hands out the space's candidates: every one of a finite space, Optuna's suggestions of an infinite one."""
    space, is_by_rows = drawn_from(config, space), len(config.parts) > 1
    opening = kept(watch.journal)
    limit = candidate_limit(config, space, opening.free)
    repeats = repeats_trials(config.scheduler.name)
    seeds = config.seeds[:1] if config.adaptive or is_by_rows else config.seeds
    searcher: CandidateSearcher
    if space.size is not None:
        candidates = opening.ordered(space.candidates())[:limit]
        searcher = EverySearcher(candidates, seeds, watch.journal, watch.is_over, repeats)
    else:
        searcher = SampledSearcher(
            space, limit or sys.maxsize, seeds, watch.journal, watch.is_over, repeats,
            config.objectives, config.sampler, opening,
        )  # fmt: skip
    if config.adaptive:
        is_time = never if space.size is not None else partial(is_time_to_race, config, watch)
        searcher = RacingSearcher(searcher, config.seeds, watch.journal, watch.is_over, is_time)
    if is_by_rows:
        searcher = PromotingSearcher(
            searcher, config.parts, config.scheduler.promoted_one_in, config.seeds, watch.journal, watch.is_over,
            partial(_time_left, watch) if watch.progress.deadline is not None else None,
        )  # fmt: skip
    searcher.may_retry = watch.may_retry
    searcher.earlier = Earlier(opening.known, watch)
    return searcher


def _time_left(watch: Watch) -> float:
    """Seconds of the time budget that are left."""
    return math.inf if watch.progress.deadline is None else watch.progress.deadline - time.time()


def is_time_to_race(config: SearchConfig, watch: Watch) -> bool:
    """Whether what is left of the time budget, if there is one, is for repeats of what was drawn."""
    budget, deadline = config.time_budget_seconds, watch.progress.deadline
    return budget is not None and deadline is not None and time.time() >= deadline - RACE_SHARE * budget


def run_trials(config: SearchConfig, space: Space, split: Split, resources: Resources, watch: Watch) -> None:
    """Train the space's candidates on whatever Ray has, those that the journal does not know to be done.

    Checkpoints and Ray's own state go under the search's folder, which every node must see. Ends early at the time
    budget, or where the watch says stop.
    """
    os.environ["TUNE_DISABLE_STRICT_METRIC_CHECKING"] = "1"
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # MLflow has what they would write
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = NEVER  # a search goes on from its journal
    os.environ.setdefault("TUNE_WARN_THRESHOLD_S", "5")
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    for left in watch.folder.glob(f"{RAY_FOLDER}-*"):
        shutil.rmtree(left, ignore_errors=True)  # of a session that was killed
    name = f"{RAY_FOLDER}-{time.time_ns()}"
    tuner = tune.Tuner(
        trainable_for(config, split, resources, watch.folder),
        tune_config=tune.TuneConfig(
            search_alg=searcher_for(config, space, watch),
            scheduler=scheduler_for(
                config.scheduler,
                config.recipe.epochs,
                watch.folder,
                watch.journal.results()[0],
                config.seeds[0] if config.adaptive else None,
            ),
            num_samples=-1,  # the searcher knows when it is done
            max_concurrent_trials=resources.concurrent,
            reuse_actors=True,
            trial_dirname_creator=folder_of,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(watch.folder.resolve()),
            stop=End(watch),
            # No num_to_keep=: with it each of these checkpoints, one a trial, would write the state of all trials.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=True),
            failure_config=tune.FailureConfig(max_failures=config.retries),
            callbacks=[watch],
            verbose=0,
        ),
    )
    try:
        tuner.fit()
    finally:
        end_hosts()
        shutil.rmtree(watch.folder / name, ignore_errors=True)


def trainable_for(config: SearchConfig, split: Split, resources: Resources, folder: Path) -> type[tune.Trainable]:
    """The trial with its data, which Ray holds once a node."""
    data = training_data(split, start_of(config))
    if resources.pack > 1:
        place = Place(ray.put(data), resources.device, resources.threads, resources.pack)
        trained_on: dict[str, Any] = {"place": place}
    else:
        trained_on = {"data": data}
    trainable: type[tune.Trainable] = tune.with_resources(
        tune.with_parameters(
            Trial,
            **trained_on,
            folder=str(folder.resolve()),
            device=resources.device,
            threads=resources.threads,
            checkpoint_seconds=config.checkpoint_every_seconds,
            replay=repeats_trials(config.scheduler.name),
        ),
        {"CPU": resources.cpus_per_trial, "GPU": resources.gpus_per_trial},
    )
    return trainable


def total_trials(config: SearchConfig, space: Space, free: int = 0) -> int | None:
    """How many trials a search takes at most; None where only the time budget ends it."""
    limit = candidate_limit(config, space, free)
    return None if limit is None else sum(trials for _, trials in trials_by_part(config, limit))


def total_work(config: SearchConfig, space: Space, free: int = 0) -> float | None:
    """As `total_trials`, where a trial on a part of the rows counts as that part."""
    limit = candidate_limit(config, space, free)
    return None if limit is None else sum(part * trials for part, trials in trials_by_part(config, limit))


def trials_by_part(config: SearchConfig, limit: int) -> list[tuple[float, int]]:
    """At most how many trials so many candidates take on each part of what the recipe trains on, the smallest first:
    candidates times seeds on all of it, and from one seed on a smaller part.
    """
    if len(config.parts) == 1:
        return [(1.0, limit * len(config.seeds))]
    *fewer, last = candidates_by_rung(limit, len(config.parts), config.scheduler.promoted_one_in)
    return list(zip(config.parts, [*fewer, last * len(config.seeds)], strict=True))


def least_trials(config: SearchConfig, limit: int) -> int:
    """How many trials so many candidates take at least."""
    return cost(limit, len(config.seeds))[0] if config.adaptive else limit * len(config.seeds)


def seeds_in_words(config: SearchConfig, limit: int | None) -> str:
    """How often the candidates are trained."""
    most = len(config.seeds)
    if len(config.parts) > 1:
        return _parts_in_words(config, limit)
    if not config.adaptive:
        return f"{most} seed{'s' if most > 1 else ''} each"
    trials = "" if limit is None else f", {least_trials(config, limit):,} to {limit * most:,} trials"
    return f"1 seed each and up to {most} for those that may be the best{trials}"


def _parts_in_words(config: SearchConfig, limit: int | None) -> str:
    """What is trained on which part of the rows."""
    seeds = f" from {len(config.seeds)} seeds" if len(config.seeds) > 1 else ""
    if limit is None:
        one_in = config.scheduler.promoted_one_in
        larger = ", ".join(part_in_words(part) for part in config.parts[1:])
        share = "each" if one_in == 1 else f"the best one in {one_in} each time"
        return f"each on {part_in_words(config.parts[0])}, then {share} on {larger}{seeds}"
    trials = trials_by_part(config, limit)
    parts = ", ".join(f"{number:,} on {part_in_words(part)}" for part, number in trials)
    return f"in {sum(number for _, number in trials):,} trials ({parts}{seeds})"
