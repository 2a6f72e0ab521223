"""The command that makes a search: the inverse of `search.config.parse`."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Iterator
from typing import Any

from search.config import SearchConfig, parse


def arguments_of(config: SearchConfig) -> list[str]:
    """The arguments that `parse` turns into `config`: its options, and each key that differs from their defaults."""
    chosen = [
        f"space={config.space.name}",
        f"dataset={config.data.dataset}",
        f"recipe={config.recipe_name}",
        f"scheduler={config.scheduler.name}",
        f"cluster={config.cluster.name}",
        f"tracking={config.tracking.name}",
    ]
    required = [f"{key}={value}" for key, value in _required(config)]
    default = dict(_values(parse([*chosen, *required])))
    changed = [f"{key}={_text(value)}" for key, value in _values(config) if value != default[key]]
    return [*chosen, *required, *changed]


def command_of(config: SearchConfig) -> str:
    """The whole command, as a shell takes it."""
    return shlex.join(["python", "-m", "search.run", *arguments_of(config)])


def _required(config: SearchConfig) -> Iterator[tuple[str, str]]:
    """Keys without which their options are refused."""
    if config.data.path is not None and config.data.target is not None:
        yield "path", config.data.path
        yield "target", config.data.target
    yield "tracking.uri", config.tracking.uri


def _values(config: SearchConfig) -> Iterator[tuple[str, Any]]:
    """Every key with its value."""
    yield "budget", config.space.budget
    yield "architecture", config.space.architecture
    for part in dataclasses.fields(config.data):
        if part.name != "dataset":
            yield part.name, getattr(config.data, part.name)
    for group, settings in (("recipe", config.recipe), ("scheduler", config.scheduler), ("cluster", config.cluster)):
        for part in dataclasses.fields(settings):
            if part.name != "name":
                yield f"{group}.{part.name}", getattr(settings, part.name)
    yield "time_budget", config.time_budget_seconds
    for name in ("trials", "seeds", "cpus_per_trial", "gpus_per_trial", "max_concurrent"):
        yield name, getattr(config, name)
    for name in ("dry_run", "output", "experiment", "name"):
        yield name, getattr(config, name)


def _text(value: Any) -> str:
    """A value as users write it."""
    if isinstance(value, tuple):
        return "[" + ",".join(map(str, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)
