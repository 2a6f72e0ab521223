"""Every setting of a search: its key, type, default and meaning. Hydra's schema, the errors and --help come from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any

from hydra.core.config_store import ConfigStore

from models.recipe import RECIPES
from search.data.catalog import DATASETS
from search.data.families import FAMILIES, FAMILY_FORMULAS
from search.data.request import DEFAULT_OUTLIERS, TASKS, DataRequest
from search.group_settings import (
    ClusterSettings,
    NamedSettings,
    RecipeSettings,
    SchedulerSettings,
    Setting,
    TrackingSettings,
    setting,
)
from search.labels import ERROR_WORDS
from search.readers import (
    FOLDER,
    GPUS,
    HIGHEST_SEED,
    NETWORK,
    SECONDS,
    SEEDS,
    TEXT,
    TRUTH,
    names_led_by,
    number,
    one_of,
    optional,
    whole,
)
from spaces import SPACES
from spaces.limits import BAND, BRNET_PARAMETERS

CONFIG_NAME = "search"
"""The primary config: search/conf/search.yaml."""

DEFAULT_ARCHITECTURE = "BRNet"

OWN_TABLE = "dataset=csv"

DEFAULT_URI = "sqlite:///mlflow.db"
"""Of `search/conf/tracking/sqlite.yaml`: what `mlflow ui` reads without options, in the same folder."""

CHANGEABLE = (
    "trials", "time_budget", "max_concurrent", "cpus_per_trial", "gpus_per_trial", "retries", "checkpoint_every",
    "cluster", "cluster.address", "path", "data_dir", "tracking", "tracking.uri", "ensemble", "ensemble_parameters",
)  # fmt: skip
"""Settings that a resumed search may have otherwise: where and how long it runs, and where its data lies now."""

ERRORS = tuple(f"validation_{name}" for name in ERROR_WORDS)
PARAMETERS, SECONDS_OF_TRAINING = "parameters", "training_seconds"
OBJECTIVES = optional(names_led_by(ERRORS, (PARAMETERS, SECONDS_OF_TRAINING)))
SAMPLERS = ("tpe", "nsga2", "random")

DEFAULT_RETRIES = 3
DEFAULT_ENSEMBLE = 5
DEFAULT_CHECKPOINT_SECONDS = 10.0

GROUPS = {
    "space": "what to search",
    "dataset": "what to train on",
    "recipe": "how to train",
    "scheduler": "which trials to stop early",
    "cluster": "where to run",
    "tracking": "where MLflow keeps the results",
}
"""Groups of options and their meaning; the options are the files of search/conf, and `models.recipe.RECIPES`."""

LIMITED = tuple(f"space={name}" for name, entry in SPACES.items() if entry.takes_limits)


@dataclass
class Settings:
    """Hydra's schema of a search."""

    space: NamedSettings = field(default_factory=NamedSettings)
    dataset: NamedSettings = field(default_factory=NamedSettings)
    recipe: Any = field(default_factory=RecipeSettings)
    scheduler: SchedulerSettings = field(default_factory=SchedulerSettings)
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)

    budget: int | None = setting(
        None,
        optional(whole()),
        "parameters of every network, within 0.5 %; widths are chosen for it",
        *(f"space={name}" for name, entry in SPACES.items() if entry.takes_budget),
    )
    architecture: str | None = setting(
        None,
        optional(NETWORK),
        "network, .json file or JSON, for listed a list too; BRNet if null",
        *(f"space={name}" for name, entry in SPACES.items() if entry.takes_architecture),
    )

    min_parameters: int | None = setting(
        None, optional(whole(1)), f"of the smallest network; {BAND} times fewer than the largest's if null", *LIMITED
    )
    max_parameters: int = setting(BRNET_PARAMETERS, whole(1), "of the largest network; BRNet's", *LIMITED)
    max_seconds: float | None = setting(
        None, optional(SECONDS), "estimated training time of a candidate at most, on this hardware: 90s, 10m", *LIMITED
    )
    step_seconds: float | None = setting(
        None,
        optional(number(above=0)),
        "of a step, besides its products, for max_seconds=; measured if null",
        *LIMITED,
    )
    operation_seconds: float | None = setting(
        None,
        optional(number(above=0)),
        "of each operation of its products, as 1e-11; measured if null",
        *LIMITED,
    )

    start_from: str | None = setting(
        None,
        optional(TEXT),
        "registered model to begin from: model:<name>, <name>@<alias>, <name>/<version>",
        *(f"space={name}" for name, entry in SPACES.items() if entry.takes_start),
    )

    property: str = setting(DataRequest.property, TEXT, "what to predict", *(f"dataset={name}" for name in DATASETS))
    path: str | None = setting(None, optional(TEXT), "the table's file", OWN_TABLE)
    target: str | None = setting(None, optional(TEXT), "the column to predict", OWN_TABLE)
    formula_column: str | None = setting(None, optional(TEXT), "the column of formulas; found if null", OWN_TABLE)
    task: str = setting(DataRequest.task, one_of(TASKS), "whether the target is a number or a class", OWN_TABLE)
    floor: float | None = setting(None, optional(number()), "least value that the target can have", OWN_TABLE)
    hold_out: str | None = setting(
        None,
        optional(one_of(FAMILIES)),
        "family kept out of the training, to be the test set: "
        + ", ".join(f"{name} ({FAMILY_FORMULAS[name]})" for name in FAMILIES),
    )
    test_table: str | None = setting(None, optional(TEXT), "table whose compositions are the test set and untrained")
    validation_table: str | None = setting(None, optional(TEXT), "table that is the validation set, beside test_table=")
    data_dir: str | None = setting(None, optional(TEXT), "folder of <dataset>/<property>.csv, instead of downloads")
    rows: int | None = setting(None, optional(whole()), "compositions to keep, drawn at random; all if null")
    outliers: float = setting(DEFAULT_OUTLIERS, number(), "spreads from the median beyond which a value is rejected")
    split_seed: int = setting(
        DataRequest.split_seed, whole(0, HIGHEST_SEED), "seed of the split; the default is the paper's"
    )

    trials: int | None = setting(None, optional(whole(1)), "candidates to train; all of a finite space if null")
    objectives: list[str] | None = field(
        default=None,
        metadata={"setting": Setting(OBJECTIVES, "what to lower together: the validation error and its costs")},
    )
    sampler: str = setting(
        SAMPLERS[0], one_of(SAMPLERS), "what draws from a space without end: tpe, nsga2 (evolution) or random"
    )
    time_budget: float | None = setting(None, optional(SECONDS), "time for the whole search: 45s, 90m, 1h30m")
    seeds: Any = field(
        default_factory=lambda: [0],
        metadata={
            "setting": Setting(
                SEEDS, "how many seeds for each candidate, or which: [3,5]; adaptive:5: so many for the promising ones"
            )
        },
    )
    cpus_per_trial: float | None = setting(None, optional(number(above=0)), "cores for one trial; chosen if null")
    gpus_per_trial: float | None = setting(None, optional(GPUS), "GPUs for one trial, 0.25 shares; chosen if null")
    pack: int | None = setting(
        None,
        optional(whole(1), "auto"),
        "trials that share a process, and its GPU; null or auto: on a GPU measured, on a CPU one",
    )
    max_concurrent: int | None = setting(None, optional(whole(1)), "trials at a time; as many as fit if null")
    retries: int = setting(
        DEFAULT_RETRIES, whole(0), "times that a trial is started again after its process or node was lost"
    )
    checkpoint_every: float = setting(
        DEFAULT_CHECKPOINT_SECONDS, SECONDS, "time between a trial's checkpoints, longer where they are slow to write"
    )
    dry_run: bool = setting(False, TRUTH, "print the plan and train nothing")

    ensemble: int = setting(
        DEFAULT_ENSEMBLE, whole(0, 100), "models at most in the ensemble that is chosen at the end; 0 chooses none"
    )
    ensemble_parameters: int | None = setting(None, optional(whole(1)), "of the ensemble's networks together, at most")

    output: str = setting("runs", FOLDER, "folder for the state of searches")
    experiment: str | None = setting(None, optional(TEXT), "MLflow's experiment; space, dataset and property if null")
    name: str | None = setting(None, optional(TEXT), "the search's name in MLflow; chosen if null")
    warm_start: str | None = setting(
        None, optional(TEXT), "experiment, run, name or latest: searches whose trials are taken over or guide this one"
    )
    resume: str | None = setting(
        None, optional(TEXT), "go on with a search: latest, its name, the id of its run in MLflow, or its folder"
    )


def keys() -> dict[str, Setting]:
    """Every key users set, such as `trials` and `recipe.epochs`; the groups themselves are in GROUPS."""
    return dict(_keys(Settings(), ""))


def _keys(part: Any, prefix: str) -> Iterator[tuple[str, Setting]]:
    for entry in fields(part):
        if "setting" in entry.metadata:
            yield prefix + entry.name, entry.metadata["setting"]
        elif entry.name in GROUPS:
            yield from _keys(getattr(part, entry.name), f"{entry.name}.")


@cache
def register() -> None:
    """Gives Hydra, which keeps them as long as the process lasts, the schema and the recipes."""
    store = ConfigStore.instance()
    store.store(name="settings", node=Settings)
    for name, recipe in RECIPES.items():
        store.store(group="recipe", name=name, node={"name": name, **asdict(recipe)})
