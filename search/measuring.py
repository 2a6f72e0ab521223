"""What a few real steps say about how to run a search's trials on this hardware."""

from __future__ import annotations

import logging

import ray

from models.timing import members_that_pay, threads_that_pay
from search.config import SearchConfig
from search.data import Split
from search.plan import candidates_to_show
from search.resources import LOCAL, Resources, resources_for, usable_cpus
from search.starting import start_of
from search.targets import training_data
from search.tuning import total_trials
from spaces import SPACES, Space

logger = logging.getLogger(__name__)


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
