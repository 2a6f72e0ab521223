"""Transfer: the registered model that a search begins from."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from models.ensemble import Ensemble
from models.transfer import StartWeights
from search.config import SearchConfig
from search.errors import UserError
from search.inference.registry import Registered, find_model, load_model, open_registry


def pinned(config: SearchConfig) -> SearchConfig:
    """The settings with the version of the model to begin from in place of an alias, which may move on meanwhile.

    Raises UserError where there is no such model.
    """
    if config.space.start_from is None:
        return config
    found = find_model(open_registry(config.tracking.uri), config.space.start_from, "start_from")
    return replace(config, space=replace(config.space, start_from=f"{found.name}/{found.version}"))


def start_of(config: SearchConfig) -> StartWeights | None:
    """The weights to begin from, of an ensemble those of the network that counts most; None where there are none.

    Raises UserError where they cannot be had.
    """
    if config.space.start_from is None:
        return None
    client = open_registry(config.tracking.uri)
    found = find_model(client, config.space.start_from, "start_from")
    return _weights(config.tracking.uri, found)


@lru_cache(maxsize=2)
def _weights(uri: str, registered: Registered) -> StartWeights:
    ensemble = load_model(open_registry(uri), registered).ensemble
    if not isinstance(ensemble, Ensemble):
        raise UserError(
            f"start_from={registered.name}/{registered.version} is a traditional model, which has no weights to begin "
            "from: name a registered network."
        )
    network = ensemble.networks[int(np.argmax(ensemble.weights))]
    return StartWeights.of(f"{registered.name}/{registered.version}", network)
