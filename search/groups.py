"""Composition of the groups in search/conf by Hydra, with the user's overrides over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from search.errors import UserError
from search.overrides import Overrides, read_overrides
from search.settings import CONFIG_NAME, GROUPS, keys, register

HYDRA_VERSION = "1.3"


@cache
def options() -> Mapping[str, Sequence[str]]:
    """The options of every group."""
    with _hydra():
        loader = GlobalHydra.instance().config_loader()
        return {group: tuple(loader.get_group_options(group)) for group in GROUPS}


def compose_values(argv: Sequence[str]) -> dict[str, Any]:
    """The settings as plain values, nested by group; each group has its option's name under `name`.

    Raises UserError on an argument that cannot be read, or that has no meaning beside the chosen options.
    """
    overrides = read_overrides(argv, options())
    with _hydra():
        # Nothing here interpolates, so a ${ in a value is just that.
        composed = OmegaConf.to_container(compose(CONFIG_NAME, overrides.for_hydra()), resolve=False)
    values: dict[str, Any] = dict(composed)  # type: ignore[arg-type]
    for key, text in overrides.texts.items():
        group, dot, leaf = key.rpartition(".")
        (values[group] if dot else values)[leaf] = text
    _check_meaning(overrides, values)
    return values


@contextmanager
def _hydra() -> Iterator[None]:
    register()
    with initialize_config_module("search.conf", version_base=HYDRA_VERSION):
        yield


def _check_meaning(overrides: Overrides, values: Mapping[str, Any]) -> None:
    known = keys()
    for key, value in (overrides.values | overrides.texts).items():
        only_for = known[key].only_for
        if value is None or not only_for:
            continue
        group = only_for[0].partition("=")[0]
        chosen = f"{group}={values[group]['name']}"
        if chosen not in only_for:
            raise UserError(f"{key}= belongs to {' or '.join(only_for)}, not to {chosen}.")
