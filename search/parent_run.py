"""What a search's own run in MLflow says of it; those of its trials are this run's children."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Param
from mlflow.tracking import MlflowClient

from search.config import SearchConfig
from search.data import Split
from search.settings import SAMPLERS
from search.versions import code_version, versions

CONFIG_TAG = "branchsearch.config"
LONGEST_TAG = 5000
FOLDER_TAG = "branchsearch.folder"
VERSIONS_TAG = "branchsearch.versions"
DATA_TAG = "data"


def open_parent(
    client: MlflowClient, experiment_id: str, config: SearchConfig, split: Split, folder: Path | None
) -> str:
    """The id of a new run for a search, whose state is in `folder`."""
    name = config.name or f"{config.space.name} {time.strftime('%Y-%m-%d %H:%M:%S')}"
    run = client.create_run(experiment_id, run_name=name, tags=tags_of(config, split, folder))
    run_id: str = run.info.run_id
    parameters = parameters_of(config, split)
    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in parameters.items()])
    client.log_dict(run_id, config.to_dict(), "config.json")
    client.log_dict(run_id, split.report.to_dict(), "cleaning.json")
    return run_id


def config_tags(config: SearchConfig) -> dict[str, str]:
    """The settings in JSON, in as many tags as they need: MLflow cuts a long one short, and PostgreSQL refuses it."""
    text = json.dumps(config.to_dict())
    parts = [text[first : first + LONGEST_TAG] for first in range(0, len(text), LONGEST_TAG)]
    return {_part_of_config(number): part for number, part in enumerate(parts)}


def config_of(tags: Mapping[str, str]) -> SearchConfig:
    """Inverse of `config_tags`. Raises ValueError on what is none of this version's settings."""
    names = itertools.takewhile(tags.__contains__, map(_part_of_config, itertools.count()))
    return SearchConfig.from_dict(json.loads("".join(tags[name] for name in names)))


def _part_of_config(number: int) -> str:
    return f"{CONFIG_TAG}.{number}" if number else CONFIG_TAG


def tags_of(config: SearchConfig, split: Split, folder: Path | None) -> dict[str, str]:
    """What `resume=`, `warm_start=` and reproductions find a search by and go on from."""
    return {
        **config_tags(config),
        "mlflow.source.name": "python -m search.run",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": code_version(),
        DATA_TAG: split.fingerprint,
        VERSIONS_TAG: json.dumps(versions()),
        **({FOLDER_TAG: str(folder.resolve())} if folder is not None else {}),
    }


def parameters_of(config: SearchConfig, split: Split) -> dict[str, Any]:
    """What people see of a search in MLflow's page."""
    report = split.report
    return {
        "space": config.space.name,
        "dataset": config.data.dataset,
        "target": split.target_name,
        "unit": split.unit,
        "recipe": config.recipe_name,
        "scheduler": config.scheduler.name,
        "seeds": config.seeds_as_typed if config.adaptive else " ".join(map(str, config.seeds)),
        **({"objectives": " ".join(config.objectives)} if config.objectives else {}),
        **({"sampler": config.sampler} if config.sampler != SAMPLERS[0] else {}),
        "rows_in": report.rows_in,
        "rows_kept": report.rows_kept,
        "rows_merged": report.merged,
        "rows_rejected": sum(report.rejected.values()),
        "rows_train": len(split.train.y),
        "rows_validation": len(split.validation.y),
        "rows_test": len(split.test.y),
    }
