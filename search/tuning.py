"""A search with Ray Tune: candidates in, results out."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, HyperBandScheduler, TrialScheduler

from models.training import TrainingData
from search.config import SchedulerConfig, SearchConfig
from search.data import Split
from search.resources import Resources
from search.results import TrialResult
from search.suggest import CandidateSearcher, EverySearcher, SampledSearcher
from search.trial import METRIC, TIME_ATTRIBUTE, Trial
from search.watch import Watch
from spaces import Space

DEFAULT_TRIALS = 50
"""Candidates of an infinite space where neither trials= nor time_budget= says how many."""


def folder_of(trial: TuneTrial) -> str:
    """A trial's folder: its id, where Tune would spell out its whole configuration."""
    return str(trial.trial_id)


class Deadline(tune.Stopper):
    """Ends every trial at its next epoch once the time budget is spent, its checkpoint written."""

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return self.deadline is not None and time.time() >= self.deadline

    def stop_all(self) -> bool:
        return False


def candidate_limit(config: SearchConfig, space: Space) -> int | None:
    """How many candidates the search trains at most; None where only its time budget ends it."""
    if space.size is not None:
        return min(space.size, config.trials or space.size)
    if config.trials is None and config.time_budget_seconds is None:
        return DEFAULT_TRIALS
    return config.trials


def searcher_for(config: SearchConfig, space: Space, deadline: float | None) -> CandidateSearcher:
    """What hands out the space's candidates: every one of a finite space, Optuna's suggestions of an infinite one."""
    limit = candidate_limit(config, space)
    if space.size is not None:
        candidates = list(space.candidates())[:limit]
        return EverySearcher(candidates, config.seeds, deadline)
    return SampledSearcher(space, limit or sys.maxsize, config.seeds, deadline)


def scheduler_for(config: SchedulerConfig, epochs: int) -> TrialScheduler:
    """What stops poor trials early: Ray Tune's ASHA or HyperBand by epochs, or nothing."""
    if config.name == "none":
        return FIFOScheduler()
    scheduler: Callable[..., TrialScheduler] = ASHAScheduler if config.name == "asha" else HyperBandScheduler
    options = {"grace_period": min(config.grace_epochs, epochs)} if config.grace_epochs is not None else {}
    return scheduler(
        time_attr=TIME_ATTRIBUTE,
        metric=METRIC,
        mode="min",
        max_t=epochs,
        reduction_factor=config.reduction_factor,
        **options,
    )


def run_trials(
    config: SearchConfig, space: Space, split: Split, resources: Resources, watch: Watch, folder: Path
) -> list[TrialResult]:
    """Train the space's candidates on whatever Ray has, and return what each trial came to.

    State and checkpoints go under `folder`, which every node must see. Ends early at the time budget or an
    interrupt; what was finished by then is returned.
    """
    os.environ["TUNE_DISABLE_STRICT_METRIC_CHECKING"] = "1"
    os.environ.setdefault("TUNE_WARN_THRESHOLD_S", "5")
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    data = TrainingData(split.train.x, split.train.y, split.validation.x, split.validation.y)
    trainable = tune.with_resources(
        tune.with_parameters(Trial, data=data, device=resources.device, threads=resources.threads),
        {"CPU": resources.cpus_per_trial, "GPU": resources.gpus_per_trial},
    )
    deadline = watch.progress.deadline
    limit = candidate_limit(config, space)
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=searcher_for(config, space, deadline),
            scheduler=scheduler_for(config.scheduler, config.recipe.epochs),
            num_samples=limit * len(config.seeds) if limit else -1,
            max_concurrent_trials=resources.concurrent,
            reuse_actors=True,
            trial_dirname_creator=folder_of,
        ),
        run_config=tune.RunConfig(
            name=folder.name,
            storage_path=str(folder.parent.resolve()),
            stop=Deadline(deadline),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1, checkpoint_at_end=True),
            callbacks=[watch],
            verbose=0,
        ),
    )
    tuner.fit()
    return watch.results


def total_trials(config: SearchConfig, space: Space) -> int | None:
    """Candidates times seeds; None where only the time budget ends the search."""
    limit = candidate_limit(config, space)
    return None if limit is None else limit * len(config.seeds)
