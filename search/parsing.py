"""The door of a search: from the arguments of the command line to one frozen `SearchConfig`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from models.recipe import Recipe
from search.config import ClusterConfig, SchedulerConfig, SearchConfig, SpaceConfig, TrackingConfig
from search.data.request import DataRequest
from search.errors import UserError
from search.groups import compose_values
from search.objectives import checked
from search.overrides import shown
from search.settings import DEFAULT_ARCHITECTURE
from spaces import SPACES

PARTS = 3
"""Fits of a traditional model, to a ninth, a third and all of the rows; a scheduler stops poor ones between them."""

LIMITS = ("min_parameters", "max_parameters", "max_seconds", "step_seconds", "operation_seconds")


def parse(words: Sequence[str], before: Sequence[str] = ()) -> SearchConfig:
    """The settings that `key=value` arguments and the defaults make, over those of a search begun `before`.

    Raises UserError, in one sentence, on anything that no search could be run with. Imports neither Ray nor torch.
    """
    argv = [*before, *words]
    values = compose_values(argv)
    space = _space(values)
    data = _data(values)
    recipe_name = values["recipe"].pop("name")
    if SPACES[space.name].fits_estimators:
        _fit_estimators(argv, space, data, values)
    if values["scheduler"]["name"] == "rows":
        _check_rows(values, space)
    recipe = _recipe(argv, values, space)
    _check_meaning(words, values)
    return SearchConfig(
        space=space,
        data=data,
        recipe_name=recipe_name,
        recipe=recipe,
        scheduler=SchedulerConfig(**values["scheduler"]),
        cluster=ClusterConfig(**values["cluster"]),
        tracking=_tracking(values),
        trials=values["trials"],
        time_budget_seconds=values["time_budget"],
        **_seeds(values),
        cpus_per_trial=values["cpus_per_trial"],
        gpus_per_trial=values["gpus_per_trial"],
        max_concurrent=values["max_concurrent"],
        dry_run=values["dry_run"],
        output=values["output"],
        experiment=values["experiment"] or f"{space.name} on {_table(data)}",
        name=values["name"],
        retries=values["retries"],
        checkpoint_every_seconds=values["checkpoint_every"],
        ensemble=values["ensemble"],
        ensemble_parameters=values["ensemble_parameters"],
        pack=_pack(values),
        objectives=checked(values["objectives"], space.name, values["scheduler"]["name"]),
        sampler=values["sampler"],
        warm_start=values["warm_start"],
    )


def _recipe(argv: Sequence[str], values: dict[str, Any], space: SpaceConfig) -> Recipe:
    """The recipe. Raises UserError for one that is none, and for a sampler where nothing is drawn."""
    try:
        recipe = Recipe(**values["recipe"])
        size = space.without_data(recipe).size
    except ValueError as error:
        raise UserError(f"{error}.") from error
    if recipe.optimiser == "sgd" and recipe.beta2 != Recipe.beta2:
        raise UserError(
            f"recipe.beta2={recipe.beta2} means nothing to recipe.optimiser=sgd, which keeps no mean of squares: leave "
            "it out."
        )
    if size is not None and any(argument.startswith("sampler=") for argument in argv):
        raise UserError(f"sampler= has no meaning for space={space.name}, whose {size} candidates are all trained.")
    return recipe


def _check_meaning(words: Sequence[str], values: dict[str, Any]) -> None:
    """Raises UserError where what was given now would change nothing; a search begun with it goes on."""
    given = {word.partition("=")[0] for word in words}
    grace, epochs = values["scheduler"]["grace_epochs"], values["recipe"]["epochs"]
    if "scheduler.grace_epochs" in given and grace >= epochs:
        raise UserError(
            f"scheduler.grace_epochs={grace} lets every trial train all of recipe.epochs={epochs}: give fewer, or "
            "leave out scheduler=."
        )
    limit = values["ensemble_parameters"]
    if limit is not None and not values["ensemble"] and given & {"ensemble", "ensemble_parameters"}:
        raise UserError(
            f"ensemble_parameters={limit} has no meaning beside ensemble=0, which chooses none: leave out ensemble=0, "
            "or add ensemble_parameters=null."
        )


def _seeds(values: dict[str, Any]) -> dict[str, Any]:
    """The seeds, and whether they are for the promising candidates alone."""
    seeds = values["seeds"]
    if not isinstance(seeds, str):
        return {"seeds": tuple(seeds)}
    if values["scheduler"]["name"] == "hyperband":
        raise UserError(
            f"seeds={seeds} repeats the best of all candidates, and scheduler=hyperband compares those of a bracket: "
            "take scheduler=asha or none."
        )
    if len(values["objectives"] or ()) > 1:
        raise UserError(
            f"seeds={seeds} repeats what may have the lowest error: give one objective, or a number of seeds."
        )
    return {"seeds": tuple(range(int(seeds.partition(":")[2]))), "adaptive": True}


def _fit_estimators(argv: Sequence[str], space: SpaceConfig, data: DataRequest, values: dict[str, Any]) -> None:
    """Settings of traditional models: no recipe, no GPU, and parts of the rows for a scheduler's rungs."""
    for argument in argv:
        if argument.startswith("recipe."):
            raise UserError(f"{shown(argument)} has no meaning for space={space.name}: it fits traditional models.")
    if values["gpus_per_trial"]:
        raise UserError(f"space={space.name} fits traditional models, which run on CPUs: leave out gpus_per_trial=.")
    if values["ensemble_parameters"] is not None:
        raise UserError(
            f"space={space.name} fits traditional models, whose parameters cannot be counted: leave out "
            "ensemble_parameters=."
        )
    if data.task != "regression":
        raise UserError(f"space={space.name} holds regressors: take a space of networks for task={data.task}.")
    early = values["scheduler"]["name"] != "none"
    values["recipe"]["epochs"] = PARTS if early else 1
    if values["scheduler"]["grace_epochs"] is not None:
        values["scheduler"]["grace_epochs"] = 1


def _check_rows(values: dict[str, Any], space: SpaceConfig) -> None:
    """What parts of the rows, for candidates that are dropped on the smaller ones, do not go with."""
    if SPACES[space.name].fits_estimators:
        raise UserError(
            f"scheduler=rows is for networks: scheduler=asha stops the models of space={space.name} between parts of "
            "the rows."
        )
    if values["recipe"]["train_part"] != 1:
        raise UserError("scheduler=rows says which part of the rows to train on: leave out recipe.train_part=.")


def _pack(values: dict[str, Any]) -> int | None:
    pack: int | None = values["pack"]
    if pack is not None and pack > 1 and values["gpus_per_trial"]:
        raise UserError(f"pack={pack} gives each trial its share of a GPU: leave out gpus_per_trial=.")
    if pack is not None and pack > 1 and SPACES[values["space"]["name"]].fits_estimators:
        raise UserError(f"pack={pack} is for networks: space={values['space']['name']} fits traditional models.")
    return pack


def _space(values: dict[str, Any]) -> SpaceConfig:
    if (values["step_seconds"] is None) != (values["operation_seconds"] is None):
        raise UserError("step_seconds= and operation_seconds= go together: give both, or none to have them measured.")
    architecture = values["architecture"] or DEFAULT_ARCHITECTURE
    if architecture.startswith("[") and not SPACES[values["space"]["name"]].takes_networks:
        takers = " or ".join(f"space={name}" for name, entry in SPACES.items() if entry.takes_networks)
        raise UserError(
            f"architecture= is a list, and space={values['space']['name']} takes one network: see {takers}."
        )
    return SpaceConfig(
        name=values["space"]["name"],
        budget=values["budget"],
        architecture=architecture,
        start_from=values["start_from"] and values["start_from"].removeprefix("model:"),
        **{name: values[name] for name in LIMITS},
    )


def _data(values: dict[str, Any]) -> DataRequest:
    names = [part.name for part in dataclasses.fields(DataRequest) if part.name != "dataset"]
    request = DataRequest(values["dataset"]["name"], **{name: values[name] for name in names})
    request.check()
    return request


def _table(data: DataRequest) -> str:
    if data.path is not None:
        return f"{PurePath(data.path).name} {data.target}"
    return f"{data.dataset} {data.property}"


def _tracking(values: dict[str, Any]) -> TrackingConfig:
    tracking = TrackingConfig(**values["tracking"])
    if tracking.uri is None:
        raise UserError("tracking=server needs the address of the server: add tracking.uri=http://host:5000.")
    is_file = tracking.uri.startswith("sqlite:///")
    if tracking.name == "sqlite" and not is_file:
        raise UserError(
            f"tracking.uri={shown(tracking.uri)} is no sqlite:///<file>: write tracking=server for another store."
        )
    if tracking.name == "server" and (is_file or not re.match(r"[a-z][a-z0-9+.-]*://.", tracking.uri)):
        raise UserError(f"tracking.uri={shown(tracking.uri)} is no server's address, such as http://host:5000.")
    return tracking
