"""What a setting is, and those of the groups of options: scheduler, cluster, tracking and recipe."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields, make_dataclass
from typing import Any, get_args, get_type_hints

from models.recipe import Recipe
from search.readers import STORE, TEXT, TRUTH, Reader, number, one_of, whole

RECIPE_MEANINGS = {
    "optimiser": "which steps to take",
    "learning_rate": "the peak of the schedule",
    "schedule": "how the learning rate changes",
    "weight_decay": "pull of the weights towards 0",
    "beta2": "what Adam's mean square keeps in each step",
    "batch_size": "rows a step",
    "loss": "what a regression lowers",
    "huber_delta": "residual, in standard deviations with standardise, up to which loss=huber is square",
    "epochs": "passes over the training rows, at most",
    "patience": "epochs without improvement before stopping; 0 never stops early",
    "averaging": "decay per step of the moving average of the weights; 0 keeps none",
    "precision": "of the layers' products; auto is bfloat16 where that is faster",
    "standardise": "train on (y - mean) / std",
    "train_part": "part of the training rows to train on, the first ones",
}

MOST_RUNGS = 6


@dataclass(frozen=True)
class Setting:
    """One key that users set: how its text is read, and what it means in one line.

    `only_for` are the choices, written group=option, that the key has a meaning for; all where it is empty.
    """

    reader: Reader
    meaning: str
    only_for: tuple[str, ...] = ()


def setting(default: Any, reader: Reader, meaning: str, *only_for: str) -> Any:
    """A dataclass field that users set."""
    return field(default=default, metadata={"setting": Setting(reader, meaning, only_for)})


@dataclass
class NamedSettings:
    """A group whose option is nothing but its name: space and dataset."""

    name: str = ""


@dataclass
class SchedulerSettings:
    """A number is None where the scheduler has no such thing."""

    name: str = ""
    grace_epochs: int | None = setting(None, whole(1), "epochs that every trial gets", "scheduler=asha")
    reduction_factor: int | None = setting(
        None,
        whole(2),
        "one trial in so many goes on",
        "scheduler=asha",
        "scheduler=hyperband",
        "scheduler=rows",
    )
    rungs: int | None = setting(
        None,
        whole(2, MOST_RUNGS),
        "parts of the rows, each reduction_factor times the one before, the last all",
        "scheduler=rows",
    )
    keep_all: bool = setting(
        False, TRUTH, "let every candidate go on, which measures what the smaller parts say", "scheduler=rows"
    )


@dataclass
class ClusterSettings:
    """`address` as `ray.init` takes it."""

    name: str = ""
    address: str = setting("", TEXT, "of the running Ray: auto to find it, or host:port", "cluster=auto")


@dataclass
class TrackingSettings:
    """`uri` as MLflow takes it."""

    name: str = ""
    uri: str | None = setting(None, STORE, "sqlite:///<file>, or the server's address")


def _recipe_field(part: Field[Any], hint: Any) -> tuple[str, Any, Any]:
    """A field of Recipe as Hydra can hold it (Literal as str), with the reader of its type."""
    readers = {int: whole(), float: number(), bool: TRUTH}
    reader = readers[hint] if hint in readers else one_of(get_args(hint))
    return part.name, hint if hint in readers else str, setting(part.default, reader, RECIPE_MEANINGS[part.name])


RecipeSettings: Any = make_dataclass(
    "RecipeSettings",
    [("name", str, ""), *(_recipe_field(part, get_type_hints(Recipe)[part.name]) for part in fields(Recipe))],
)
"""Recipe and its name, not frozen, so that Hydra can override it."""
