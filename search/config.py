"""All that a search is told, frozen: `SearchConfig` and its parts."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Self

from models.architecture import Architecture
from models.candidate import Candidate
from models.cost import StepCost
from models.published import PUBLISHED
from models.recipe import Recipe
from models.start import Start
from search.data.request import DataRequest
from search.readers import ADAPTIVE
from search.settings import (
    DEFAULT_CHECKPOINT_SECONDS,
    DEFAULT_ENSEMBLE,
    DEFAULT_RETRIES,
    SAMPLERS,
)
from spaces import Limits, Space, build
from spaces.limits import BRNET_PARAMETERS


@dataclass(frozen=True)
class SpaceConfig:
    """A space by name; its parameter budget (None: widths as published); the network that it starts from, a published
    name or JSON, or a JSON list of both; the registered model whose weights `transfer` begins from; the limits of
    `joint`.
    """

    name: str
    budget: int | None
    architecture: str
    start_from: str | None = None
    min_parameters: int | None = None
    max_parameters: int = BRNET_PARAMETERS
    max_seconds: float | None = None
    step_seconds: float | None = None
    operation_seconds: float | None = None

    @property
    def networks(self) -> tuple[Architecture, ...]:
        """Those of `architecture`: of a published name, of JSON, or of a JSON list of both."""
        if self.architecture in PUBLISHED:
            return (PUBLISHED[self.architecture],)
        found = json.loads(self.architecture)
        listed = found if isinstance(found, list) else [found]
        return tuple(
            PUBLISHED[one] if isinstance(one, str) else Architecture.from_json(json.dumps(one)) for one in listed
        )

    @property
    def network(self) -> Architecture:
        """The first of `architecture`, for spaces that take no more."""
        return self.networks[0]

    def limits(self, rows: tuple[int, int] | None = None) -> Limits:
        """Those of `joint`; `rows` are (training, validation), where the data are there. Raises ValueError."""
        cost = None
        if self.step_seconds is not None and self.operation_seconds is not None:
            cost = StepCost(self.step_seconds, self.operation_seconds)
        return Limits(self.min_parameters, self.max_parameters, self.max_seconds, cost, rows)

    def without_data(self, recipe: Recipe) -> Space:
        """The space for some target and some weights: enough to check it and to count. Raises ValueError."""
        start = None if self.start_from is None else Start(self.start_from, "")
        return build(self.name, recipe, self.network, self.budget, start, self.limits(), self.networks)


@dataclass(frozen=True)
class SchedulerConfig:
    """Which trials to stop early: "none", "asha", "hyperband" or "rows"; a number is None where it has none."""

    name: str
    grace_epochs: int | None
    reduction_factor: int | None
    rungs: int | None = None
    keep_all: bool = False

    @property
    def parts(self) -> tuple[float, ...]:
        """Of `rows`: the parts of the training rows that candidates are trained on, the smallest first, all last."""
        assert self.rungs is not None
        assert self.reduction_factor is not None
        return tuple(1 / self.reduction_factor**number for number in reversed(range(self.rungs)))

    @property
    def promoted_one_in(self) -> int:
        """Of `rows`: one candidate in so many goes on to the next part."""
        assert self.reduction_factor is not None
        return 1 if self.keep_all else self.reduction_factor


@dataclass(frozen=True)
class ClusterConfig:
    """Where to run; `address` as `ray.init` takes it: "local" starts Ray here, any other joins a running one."""

    name: str
    address: str


@dataclass(frozen=True)
class TrackingConfig:
    """Where MLflow keeps its runs."""

    name: str
    uri: str


@dataclass(frozen=True)
class SearchConfig:
    """All a search is told. `to_dict` and `from_dict` carry it through JSON, for the log and for resuming.

    `trials` counts candidates, each trained once for every seed of `seeds`, or, where these are `adaptive`, for the
    first and as many others as it takes to tell it from the best. `objectives` are several, the validation
    error first, or () where that is the only one. `time_budget_seconds`,
    `cpus_per_trial`, `gpus_per_trial`, `pack` and `max_concurrent` are None where the search may choose.
    """

    space: SpaceConfig
    data: DataRequest
    recipe_name: str
    recipe: Recipe
    scheduler: SchedulerConfig
    cluster: ClusterConfig
    tracking: TrackingConfig
    trials: int | None
    time_budget_seconds: float | None
    seeds: tuple[int, ...]
    cpus_per_trial: float | None
    gpus_per_trial: float | None
    max_concurrent: int | None
    dry_run: bool
    output: str
    experiment: str
    name: str | None
    retries: int = DEFAULT_RETRIES
    checkpoint_every_seconds: float = DEFAULT_CHECKPOINT_SECONDS
    pack: int | None = None
    objectives: tuple[str, ...] = ()
    sampler: str = SAMPLERS[0]
    warm_start: str | None = None
    adaptive: bool = False
    ensemble: int = DEFAULT_ENSEMBLE
    ensemble_parameters: int | None = None

    @property
    def parts(self) -> tuple[float, ...]:
        """The parts of the training rows that candidates are trained on, the smallest first."""
        return self.scheduler.parts if self.scheduler.name == "rows" else (self.recipe.train_part,)

    def is_final(self, candidate: Candidate) -> bool:
        """Whether a trial of the candidate counts in the end: on the largest part of the rows."""
        return self.part_of(candidate) >= 1

    def part_of(self, candidate: Candidate) -> float:
        """Of the rows that trials in the end are trained on, the part that the candidate is trained on."""
        return candidate.recipe.train_part / self.parts[-1]

    @property
    def seeds_as_typed(self) -> tuple[int, ...] | str:
        """The seeds as `seeds=` takes them."""
        return f"{ADAPTIVE}:{len(self.seeds)}" if self.adaptive else self.seeds

    def to_dict(self) -> dict[str, Any]:
        """Values that JSON holds."""
        return dataclasses.asdict(self) | {"seeds": list(self.seeds), "objectives": list(self.objectives)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Inverse of `to_dict`, after JSON as well. Raises ValueError on anything else."""
        parts = {
            "space": SpaceConfig,
            "data": DataRequest,
            "recipe": Recipe,
            "scheduler": SchedulerConfig,
            "cluster": ClusterConfig,
            "tracking": TrackingConfig,
        }
        try:
            if values["space"]["name"] == "single":  # what `listed` was called as long as it held one network
                values = {**values, "space": {**values["space"], "name": "listed"}}
            built = {name: part(**values[name]) for name, part in parts.items()}
            built |= {name: tuple(values[name]) for name in ("seeds", "objectives") if name in values}
            return cls(**{**values, **built})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not the settings of a search: {error}") from error
