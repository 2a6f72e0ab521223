"""What a few real steps say about how to run a search's trials on this hardware."""

from __future__ import annotations

import logging
from dataclasses import replace

import ray
import torch

from models.timing import measured_cost, members_that_pay, threads_that_pay
from search.config import SearchConfig
from search.data import Split
from search.extent import total_trials
from search.plan import candidates_to_show
from search.resources import LOCAL, Resources, resources_for, usable_cpus
from search.starting import start_of
from search.targets import training_data, with_head
from spaces import SPACES, Space

logger = logging.getLogger(__name__)


def with_step_cost(config: SearchConfig, split: Split) -> SearchConfig:
    """The settings with what a step costs, measured where max_seconds= needs it and nobody has said it.

    On this machine, on its GPU where trials get one. It stays in the settings, so that a resumed search draws the same.
    """
    space = config.space
    if space.max_seconds is None or space.step_seconds is not None:
        return config
    base = with_head(space.network, split)
    torch.set_num_threads(max(1, int(config.cpus_per_trial or 1)))
    cost = measured_cost(base, training_data(split), resources_for(config, None).device)
    logger.info("measured: a step takes %.2g s and %.2g s for each operation", cost.fixed, cost.per_operation)
    return replace(config, space=replace(space, step_seconds=cost.fixed, operation_seconds=cost.per_operation))


def measured_resources(config: SearchConfig, space: Space, split: Split) -> Resources:
    """Resources of each trial, with threads and pack measured where the search was not told; Ray has to be up.

    Measured is the largest candidate: on this machine's CPUs for threads, on a GPU wherever Ray has one for a pack.
    On the CPUs of a cluster a trial gets one thread, unmeasured: there its trials are many.
    """
    trials = total_trials(config, space)
    plain = resources_for(config, trials)
    if SPACES[config.space.name].fits_estimators:
        return plain
    candidate = max(candidates_to_show(config, space), key=lambda c: c.architecture.parameter_count())
    data = training_data(split, start_of(config))
    if plain.gpus_per_trial:
        if config.pack is not None or config.gpus_per_trial is not None:
            return plain
        measure = ray.remote(num_gpus=1, num_cpus=1)(members_that_pay)
        pack: int = ray.get(measure.remote(candidate, data, "cuda"))
        logger.info("measured: packs of %d", pack)
        return resources_for(config, trials, pack=min(pack, trials or pack))
    if config.cpus_per_trial is not None or config.cluster.address != LOCAL or usable_cpus() == 1:
        return plain
    threads = threads_that_pay(candidate, data, usable_cpus(), trials)
    logger.info("measured: %d threads a trial", threads)
    return resources_for(config, trials, threads=threads)
