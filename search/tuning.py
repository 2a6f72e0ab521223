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
from search.extent import candidate_limit
from search.opening import kept
from search.packing import Place, end_hosts
from search.promoting import PromotingSearcher
from search.race import RACE_SHARE
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
        """Where no trial is left that an epoch could end: those that wait for a slot need none any more.

        A search whose time was over before its first trial began still gets one epoch, so that it has a result.
        """
        watch = self.watch
        return watch.is_over() and not watch.progress.running and (watch.is_stopping or bool(watch.results))


def searcher_for(config: SearchConfig, space: Space, watch: Watch) -> CandidateSearcher:
    """What hands out the space's candidates: every one of a finite space, Optuna's suggestions of an infinite one."""
    space, is_by_rows = drawn_from(config, space), len(config.parts) > 1
    opening = kept(watch.journal)
    limit = candidate_limit(config, space, opening.free)
    repeats = repeats_trials(config.scheduler.name)
    first = config.seeds[:1] if config.adaptive else config.seeds
    seeds = config.seeds[:1] if is_by_rows else first
    searcher: CandidateSearcher
    if space.size is not None:
        candidates = opening.ordered(space.candidates())[:limit]
        searcher = EverySearcher(candidates, seeds, watch.journal, watch.is_over, repeats)
    else:
        searcher = SampledSearcher(
            space, limit or sys.maxsize, seeds, watch.journal, watch.is_over, repeats,
            config.objectives, config.sampler, opening,
        )  # fmt: skip
    left = partial(_time_left, config, watch)
    if is_by_rows:
        searcher = PromotingSearcher(
            searcher, config.parts, config.scheduler.promoted_one_in, first, watch.journal, watch.is_over,
            left if watch.progress.deadline is not None else None, config.objectives,
        )  # fmt: skip
    if config.adaptive:
        is_time = never if space.size is not None and not is_by_rows else lambda: left() <= 0
        searcher = RacingSearcher(searcher, config.seeds, watch.journal, watch.is_over, is_time, config.is_final)
    searcher.may_retry = watch.may_retry
    searcher.earlier = Earlier(opening.known, watch)
    return searcher


def _time_left(config: SearchConfig, watch: Watch) -> float:
    """Seconds of the time budget that are left for new candidates: a race for the seeds has the last of it."""
    if watch.progress.deadline is None or config.time_budget_seconds is None:
        return math.inf
    kept_for_the_race = RACE_SHARE * config.time_budget_seconds if config.adaptive else 0.0
    return watch.progress.deadline - kept_for_the_race - time.time()


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
