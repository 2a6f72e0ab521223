"""What the folder of a registered model holds of the models that answer together, and which kind they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from models.checkpoint import load_network, save_network
from models.ensemble import Ensemble
from search.errors import UserError

if TYPE_CHECKING:
    from search.inference.fitted import Fitted

FORMAT = 1
ABOUT_FILE = "model.json"
DOMAIN_FILE = "domain.npz"
FITTED = "fitted"
"""The key under which a model's JSON says what `search.inference.fitted` has to know; networks have none."""


Members: TypeAlias = "Ensemble | Fitted"
"""Models that answer as one: networks, or traditional models."""


def floor_of(members: Members) -> float | None:
    """What no answer is below."""
    if isinstance(members, Ensemble):
        return members.networks[0].architecture.floor
    return members.floor


def save_members(members: Members, folder: Path) -> dict[str, Any]:
    """Write them to a folder; what its JSON has to say of them."""
    if isinstance(members, Ensemble):
        save_networks(members, folder)
        return {"weights": members.weights}
    return {"weights": members.weights, FITTED: members.save(folder)}


def load_members(folder: Path, facts: Mapping[str, Any], bfloat16: bool) -> Members:
    """What `save_members` wrote. Raises UserError where they have no such precision, and CheckpointError, KeyError,
    TypeError or ValueError where it is something else."""
    if FITTED not in facts:
        return load_networks(folder, facts["weights"], bfloat16)
    if bfloat16:
        raise UserError("precision=bfloat16 is of networks' products, and this is a traditional model: leave it out.")
    from search.inference.fitted import Fitted  # noqa: PLC0415 - scikit-learn and skops take seconds to import

    return Fitted.load(folder, facts[FITTED], facts["weights"])


def save_networks(ensemble: Ensemble, folder: Path) -> None:
    """A file a network."""
    for number, network in enumerate(ensemble.networks):
        save_network(folder / f"network-{number}.npz", network)


def load_networks(folder: Path, weights: Sequence[float], bfloat16: bool) -> Ensemble:
    """What `save_networks` wrote. Raises CheckpointError, TypeError, ValueError."""
    networks = [load_network(folder / f"network-{number}.npz")[0] for number in range(len(weights))]
    return Ensemble(networks, weights, bfloat16)
