"""The command that makes a search: the inverse of `search.config.parse`."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Iterator
from typing import Any

from search.config import SearchConfig
from search.parsing import LIMITS, parse


def arguments_of(config: SearchConfig) -> list[str]:
    """The arguments that `parse` turns into `config`: its options, and each key that differs from their defaults."""
    chosen = [f"{group}={option}" for group, option in _groups(config).items()]
    required = [f"{key}={value}" for key, value in _required(config)]
    default = dict(_values(parse([*chosen, *required])))
    changed = [f"{key}={_text(value)}" for key, value in _values(config) if value != default[key]]
    return [*chosen, *required, *changed]


def command_of(config: SearchConfig) -> str:
    """The whole command, as a shell takes it."""
    return shlex.join(["python", "-m", "search.run", *arguments_of(config)])


def settings_of(config: SearchConfig) -> dict[str, str]:
    """Every group's option and every key's value, as users write them."""
    values = {key: _text(value) for key, value in _values(config)}
    return _groups(config) | {"tracking.uri": config.tracking.uri} | values


def _groups(config: SearchConfig) -> dict[str, str]:
    """The option of every group."""
    return {
        "space": config.space.name,
        "dataset": config.data.dataset,
        "recipe": config.recipe_name,
        "scheduler": config.scheduler.name,
        "cluster": config.cluster.name,
        "tracking": config.tracking.name,
    }


def _required(config: SearchConfig) -> Iterator[tuple[str, str]]:
    """Keys without which their options are refused."""
    if config.data.path is not None and config.data.target is not None:
        yield "path", config.data.path
        yield "target", config.data.target
    if config.space.start_from is not None:
        yield "start_from", config.space.start_from
    yield "tracking.uri", config.tracking.uri


def _values(config: SearchConfig) -> Iterator[tuple[str, Any]]:
    """Every key with its value."""
    yield "budget", config.space.budget
    yield "architecture", config.space.architecture
    yield "start_from", config.space.start_from
    for name in LIMITS:
        yield name, getattr(config.space, name)
    for part in dataclasses.fields(config.data):
        if part.name != "dataset":
            yield part.name, getattr(config.data, part.name)
    for group, settings in (("recipe", config.recipe), ("scheduler", config.scheduler), ("cluster", config.cluster)):
        for part in dataclasses.fields(settings):
            if part.name != "name":
                yield f"{group}.{part.name}", getattr(settings, part.name)
    yield "time_budget", config.time_budget_seconds
    for name in (
        "trials",
        "objectives",
        "sampler",
        "warm_start",
        "cpus_per_trial",
        "gpus_per_trial",
        "pack",
        "max_concurrent",
        "retries",
        "ensemble",
        "ensemble_parameters",
    ):
        yield name, getattr(config, name)
    yield "seeds", config.seeds_as_typed
    yield "checkpoint_every", config.checkpoint_every_seconds
    for name in ("dry_run", "output", "experiment", "name"):
        yield name, getattr(config, name)


def _text(value: Any) -> str:
    """A value as users write it."""
    if isinstance(value, tuple):
        return "[" + ",".join(map(str, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)
