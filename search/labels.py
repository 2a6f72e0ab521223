"""How a candidate is named and described to a person: in MLflow, on the terminal, in a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING

from models.candidate import Candidate
from models.published import published_name
from models.recipe import Recipe

if TYPE_CHECKING:
    from rich.console import Console

ERROR_WORDS = {"mae": "MAE", "cross_entropy": "cross-entropy"}
"""`models.objective.ERROR_NAMES` for people."""

SHORT_FIELDS = {
    "optimiser": "{}",
    "learning_rate": "lr={:.2g}",
    "schedule": "{}",
    "weight_decay": "wd={:.2g}",
    "beta2": "beta2={:.4g}",
    "batch_size": "b{}",
    "loss": "{}",
    "huber_delta": "delta={:.2g}",
}


def name_of(candidate: Candidate, base: Recipe) -> str:
    """The architecture, and what differs from the search's recipe: `Top[2,2] skip leaky, adamw lr=0.0012`."""
    if candidate.estimator is not None:
        return str(candidate)
    fields, common = asdict(candidate.recipe), asdict(base)
    changed = [name for name in fields if fields[name] != common[name]]
    part = part_in_words(candidate.recipe.train_part) if "train_part" in changed else ""
    words = [SHORT_FIELDS.get(name, name + "={}").format(fields[name]) for name in changed if name != "train_part"]
    return ", ".join(filter(None, [str(candidate), " ".join(words), part]))


def part_in_words(part: float) -> str:
    """A part of the training rows: `1/9 of the rows`, `all rows`."""
    return "all rows" if part == 1 else f"{Fraction(part).limit_denominator(10_000)} of the rows"


def counted(parameters: int | None) -> str:
    """A parameter count for people; nothing where it is not known."""
    return "" if parameters is None else f"{parameters:,}"


def with_unit(value: object, unit: str) -> str:
    """A value and its unit, which a user's own table has not."""
    return f"{value} {unit}" if unit else str(value)


def parts_of(candidate: Candidate) -> dict[str, str | int | float | bool]:
    """The architecture and the recipe, or the estimator, as the parts that a person compares trials by."""
    estimator, architecture = candidate.estimator, candidate.architecture
    if estimator is not None:
        settings = {name: "" if value is None else value for name, value in estimator.settings}
        return {
            "network": str(estimator),
            "family": estimator.family,
            "preprocessing": estimator.preprocessing,
            "most_rows": estimator.most_rows or "all",
            **settings,
        }
    branching = [f"{architecture.group_name(b.group)}{b}" for b in architecture.branchings]
    return {
        "network": str(architecture),
        "published": published_name(architecture) or "",
        "groups": " ".join(f"{group.width}x{group.layers}" for group in architecture.groups),
        "branching": " ".join(branching) or "none",
        "join": architecture.join,
        "skip": architecture.skip,
        "activation": architecture.activation,
        "slope": architecture.slope,
        "normalisation": architecture.normalisation,
        "dropout": " ".join(f"{rate:g}" for rate in architecture.dropout) or "none",
        "inputs": str(architecture.inputs),
        "start": str(candidate.start or "from nothing"),
        **asdict(candidate.recipe),
    }


def names_stay_whole(names: Sequence[str], console: Console) -> bool:
    """Whether a table's names fit in one line each, and leave half of the terminal's width to its numbers."""
    return max(map(len, names), default=0) <= console.width // 2
