"""What a search would do and about how long it would take; trains nothing but a few timed steps."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import optuna
import ray
import torch
from ray._private.state import available_resources_per_node
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from rich.console import Console
from rich.table import Table

from models.candidate import Candidate
from models.data import TrainingData
from models.published import IRNET_NOTE, published_name
from models.timing import TIMED_STEPS, seconds_per_step
from search.config import SearchConfig
from search.data import Split
from search.extent import TrialsByPart, candidate_limit, least_by_part, seeds_in_words, trials_by_part
from search.labels import counted, name_of
from search.progress import duration
from search.report.wording import count
from search.resources import LOCAL, Resources
from search.starting import start_of
from search.targets import training_data
from spaces import SPACES, Space

TIME_OF_FITS = "how long a traditional model takes to fit shows only as it is fitted"
TIME_NOT_KNOWN = "how long that takes is not known"
SECONDS_TO_MEASURE = 60.0
NO_NODE_FREE = "no node of the cluster is free to take a few steps on"

EXAMPLES = 20
"""Candidates drawn to show what an infinite space holds."""


@dataclass(frozen=True)
class Estimate:
    """`seconds_per_trial` is of the mean candidate with all its epochs; early stopping can only shorten it.

    `seconds` are the search's at most, `least_seconds` those of the fewest trials that it can take.
    """

    seconds_per_trial: float
    seconds: float | None
    least_seconds: float | None = None


def candidates_to_show(config: SearchConfig, space: Space) -> list[Candidate]:
    """All candidates of a finite search, or examples of what an infinite space would draw."""
    if space.size is not None:
        return list(itertools.islice(space.candidates(), candidate_limit(config, space)))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return list(dict.fromkeys(space.suggest(study.ask()) for _ in range(EXAMPLES)))


def seconds_per_epoch(candidate: Candidate, data: TrainingData, device: str, threads: int) -> float:
    """Training time of one epoch by a few steps, without its validation."""
    torch.set_num_threads(threads)
    rows = len(data.part(candidate.recipe.train_part).x_train)
    steps = max(1, rows // candidate.recipe.batch_size)
    return seconds_per_step([candidate], data, device) * steps


def _measured(
    candidates: Sequence[Candidate], data: TrainingData, config: SearchConfig, resources: Resources
) -> list[float] | None:
    """`seconds_per_epoch` of each: here, or on a node of the cluster that the plan is for; None where none is free.

    A node is not waited for: the cluster's autoscaler would start one for it.
    """
    if config.cluster.address == LOCAL:
        return _seconds_of_each(candidates, data, resources.device, resources.threads)
    needed = {"CPU": 1.0, "GPU": 1.0 if resources.gpus_per_trial else 0.0}
    free = next((node for node, has in available_resources_per_node().items() if _has(has, needed)), None)
    if free is None:
        return None
    there = NodeAffinitySchedulingStrategy(free, soft=False)
    task = ray.remote(_seconds_of_each).options(
        num_cpus=needed["CPU"], num_gpus=needed["GPU"], scheduling_strategy=there
    )
    steps = task.remote(candidates, data, resources.device, resources.threads)
    try:
        found: list[float] = ray.get(steps, timeout=SECONDS_TO_MEASURE)
    except ray.exceptions.GetTimeoutError:  # somebody was quicker
        ray.cancel(steps)
        return None
    return found


def _has(free: Mapping[str, float], needed: Mapping[str, float]) -> bool:
    return all(free.get(kind, 0.0) >= amount for kind, amount in needed.items())


def _seconds_of_each(candidates: Sequence[Candidate], data: TrainingData, device: str, threads: int) -> list[float]:
    return [seconds_per_epoch(candidate, data, device, threads) for candidate in candidates]


def estimate(config: SearchConfig, space: Space, split: Split, resources: Resources) -> Estimate | None:
    """From the smallest and the largest candidate's measured steps; those between are taken to lie on a line.

    None for traditional models, whose fits have no steps to measure, and where no node is free to measure on.
    """
    shown = sorted(candidates_to_show(config, space), key=lambda c: c.architecture.parameter_count())
    if shown[0].estimator is not None:
        return None
    data = training_data(split, start_of(config))
    ends = [shown[0], shown[-1]]
    epochs = _measured(ends, data, config, resources)
    if epochs is None:
        return None
    counts = [candidate.architecture.parameter_count() for candidate in ends]
    slope = (epochs[1] - epochs[0]) / (counts[1] - counts[0]) if counts[1] > counts[0] else 0.0
    mean_count = sum(candidate.architecture.parameter_count() for candidate in shown) / len(shown)
    per_epoch = max(epochs[0] + slope * (mean_count - counts[0]), min(epochs))
    per_trial = per_epoch * config.recipe.epochs
    limit = candidate_limit(config, space)
    total = least = None
    if limit is not None:
        total, least = (
            _seconds_of(trials, per_trial, resources.concurrent)
            for trials in (trials_by_part(config, limit), least_by_part(config, limit))
        )
    if config.time_budget_seconds is not None:
        total = min(total or config.time_budget_seconds, config.time_budget_seconds)
    return Estimate(per_trial, total, least)


def _seconds_of(trials_by_part: TrialsByPart, per_trial: float, concurrent: int) -> float:
    """One part of the rows after the other, and no trial in less than its own time."""
    return sum(per_trial * part * max(1.0, trials / concurrent) for part, trials in trials_by_part)


def show_plan(config: SearchConfig, space: Space, split: Split, resources: Resources, console: Console) -> None:
    """Print every candidate with its parameters, the resources and the estimate."""
    limit = candidate_limit(config, space)
    shown = candidates_to_show(config, space)
    title = (
        count(limit or 0, "candidate") if space.size is not None else f"examples of what {config.space.name} would draw"
    )
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2))
    for heading in ("#", "candidate", "parameters"):
        table.add_column(heading, justify="left" if heading == "candidate" else "right")
    for number, candidate in enumerate(shown, start=1):
        published = None if candidate.estimator else published_name(candidate.architecture)
        name = name_of(candidate, config.recipe) + (f" ({published})" if published else "")
        table.add_row(str(number), name, counted(candidate.parameter_count()))
    console.print(table)
    if any(published_name(candidate.architecture) == "IRNet" and not candidate.estimator for candidate in shown):
        console.print(IRNET_NOTE, highlight=False, soft_wrap=True)
    if space.size is not None and limit is not None and limit < space.size:
        console.print(f"trials={config.trials}: the first {limit} of the {space.size} candidates")
    cost = estimate(config, space, split, resources)
    seeds = seeds_in_words(config, limit)
    many = "as many candidates as the time budget allows" if limit is None else count(limit, "candidate")
    console.print(f"\n{many}, {seeds}, {resources}", highlight=False, soft_wrap=True)
    if cost is None:
        why = TIME_OF_FITS if SPACES[config.space.name].fits_estimators else f"{TIME_NOT_KNOWN}: {NO_NODE_FREE}"
        console.print(why, highlight=False, soft_wrap=True)
        return
    console.print(
        f"a trial of mean size trains about {duration(cost.seconds_per_trial)} "
        f"for {count(config.recipe.epochs, 'epoch')} on {len(split.train.y):,} rows"
        + (f", the search at most about {duration(cost.seconds)}" if cost.seconds else "")
        + (f" and at least {duration(cost.least_seconds)}" if config.adaptive and cost.least_seconds else "")
        + f", beside starting Ray and each trial (from {TIMED_STEPS} measured steps, one trial running alone)",
        highlight=False,
        soft_wrap=True,
    )
