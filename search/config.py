"""The door of a search: from the arguments of the command line to one frozen `SearchConfig`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Self

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from models.architecture import PUBLISHED
from models.recipe import Recipe
from search import settings
from search.data.request import DataRequest
from search.errors import UserError
from search.overrides import Overrides, read_overrides, shown
from spaces import SPACES, build

DEFAULT_ARCHITECTURE = "BRNet"
HYDRA_VERSION = "1.3"


@dataclass(frozen=True)
class SpaceConfig:
    """A space by name; its parameter budget (None: widths as published); the published network that it starts from."""

    name: str
    budget: int | None
    architecture: str


@dataclass(frozen=True)
class SchedulerConfig:
    """Which trials to stop early: "none", "asha" or "hyperband"; both numbers are None for "none"."""

    name: str
    grace_epochs: int | None
    reduction_factor: int | None


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

    `trials` counts candidates, each trained once for every seed of `seeds`. `time_budget_seconds`,
    `cpus_per_trial`, `gpus_per_trial` and `max_concurrent` are None where the search may choose.
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

    def to_dict(self) -> dict[str, Any]:
        """Values that JSON holds."""
        return dataclasses.asdict(self) | {"seeds": list(self.seeds)}

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
            built = {name: part(**values[name]) for name, part in parts.items()}
            return cls(**{**values, **built, "seeds": tuple(values["seeds"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not the settings of a search: {error}") from error


def parse(argv: Sequence[str]) -> SearchConfig:
    """The settings that `key=value` arguments and the defaults make.

    Raises UserError, in one sentence, on anything that no search could be run with. Imports neither Ray nor torch.
    """
    settings.register()
    with initialize_config_module("search.conf", version_base=HYDRA_VERSION):
        loader = GlobalHydra.instance().config_loader()
        options = {group: loader.get_group_options(group) for group in settings.GROUPS}
        overrides = read_overrides(argv, options)
        composed = compose(settings.CONFIG_NAME, overrides.for_hydra(), return_hydra_config=True)
    recipe_name = composed.hydra.runtime.choices["recipe"]
    values = OmegaConf.to_container(composed, resolve=False)
    ...
