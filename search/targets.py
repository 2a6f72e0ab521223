"""What a split's target asks of a network: its head, and the target as the training takes it."""

from __future__ import annotations

import numpy as np

from models.architecture import Architecture, Task
from models.data import TrainingData
from models.objective import ERROR_NAMES
from models.transfer import StartWeights
from search.config import SearchConfig
from search.data import Split
from search.errors import UserError
from search.starting import start_of
from spaces import Space, build


def task_of(split: Split) -> Task:
    """Classification where the target has classes."""
    return "classification" if split.classes else "regression"


def error_name_of(split: Split) -> str:
    """The error that selects, as MLflow's metrics name it."""
    return ERROR_NAMES[task_of(split)]


def with_head(architecture: Architecture, split: Split) -> Architecture:
    """The network with the outputs and the floor of a split's target."""
    return architecture.with_output(max(1, len(split.classes)), task_of(split), split.floor)


def space_of(config: SearchConfig, split: Split | None = None) -> Space:
    """The space that the configuration names, for the split's target where there is one yet. Raises UserError where it
    cannot be made.
    """
    weights = start_of(config)
    base = config.space.network if weights is None else weights.architecture
    networks = config.space.networks
    if split is not None:
        base, networks = with_head(base, split), tuple(with_head(network, split) for network in networks)
    start = None if weights is None else weights.start()
    rows = None if split is None else (len(split.train.y), len(split.validation.y))
    try:
        limits = config.space.limits(rows)
        return build(config.space.name, config.recipe, base, config.space.budget, start, limits, networks)
    except ValueError as error:
        raise UserError(f"{error}.") from error


def training_data(split: Split, start: StartWeights | None = None) -> TrainingData:
    """Train and validation as a training run takes them, classes as whole numbers; and what it may begin from."""
    parts = [part.y.astype(np.int64) if split.classes else part.y for part in (split.train, split.validation)]
    return TrainingData(split.train.x, parts[0], split.validation.x, parts[1], start)
