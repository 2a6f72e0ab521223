"""From the networks of a search to a version of a model in MLflow's registry."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import pandas as pd
from mlflow.tracking import MlflowClient
from rich.console import Console

from models.candidate import Candidate
from models.ensemble import Ensemble
from search.command import command_of
from search.data import Split, load
from search.errors import UserError
from search.history import PastSearch, open_search
from search.inference import known
from search.inference.choice import Choice, Tell, choose_best, choose_ensemble, choose_trial, choose_winner, members_of
from search.inference.classifier import MEANINGS as CLASS_MEANINGS
from search.inference.classifier import Classifier
from search.inference.difficulty import CONFIDENCE
from search.inference.domain import FAR_QUANTILE, RARE_ROWS
from search.inference.known import Known
from search.inference.package import Model
from search.inference.predictor import MEANINGS, Predictor
from search.inference.quality import ClassQuality, Quality, quality_of
from search.inference.registry import LOADER, Registered
from search.inference.serving import FORMULA, signature_of
from search.labels import ERROR_WORDS, name_of
from search.register import DEFAULT_ALIAS, Order
from search.report.wording import count, number
from search.settings import DEFAULT_URI
from search.sqlite_file import absolute
from search.store import quieten_mlflow
from search.targets import error_name_of
from search.versions import code_version

REQUIREMENTS = ("mlflow", "numpy", "pandas", "pymatgen", "scipy", "torch")
"""What a registered model needs beside branchsearch itself, which is on no index that pip could take it from."""

EXAMPLES = 5


def register_and_tell(order: Order) -> int:
    """Register what is ordered, and print what it is and how to use it. Raises UserError."""
    console = Console()
    quieten_mlflow()
    with console.status("reading the search and its table") as status:  # seen on a terminal alone
        past = open_search(order.run, order.uri)
        split = data_of(past, order.table)
        model, test = model_of(past, split, order, status.update)
        status.update("writing the model to MLflow")
        registered = write_version(past, model, split, test, order)
    about = model.about
    name = error_name_of(split)
    validation = f"validation {ERROR_WORDS[name]} {number(about['metrics'][f'validation_{name}'])}"
    address = registered.name + ("" if order.alias == DEFAULT_ALIAS else f"@{order.alias}")
    option = "" if order.uri == DEFAULT_URI else f" tracking.uri={order.uri}"
    lines = [
        f"{registered.name} version {registered.version}, @{order.alias}: {about['chosen']}",
        *(f"  {member['weight']:.2f} x {member['network']}, seed {member['seed']}" for member in about["members"]),
        f"{validation}, {test.in_words(split.unit)}",
        "",
        f"python -m search.predict model='{address}' NaCl Fe2O3{option}",
        f"MLFLOW_TRACKING_URI={order.uri} mlflow models serve -m 'models:/{registered.name}@{order.alias}' "
        "--env-manager local",
    ]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


def data_of(past: PastSearch, table: Mapping[str, Any]) -> Split:
    """The search's data, loaded again. Raises UserError where they are not what it was trained on."""
    try:
        split, trained_on = load(replace(past.config.data, **table)), past.parent.data.tags.get("data")
    except UserError as error:
        raise UserError(
            f"the search's table cannot be loaded again (path= or data_dir= may say where): {error}"
        ) from error
    if split.fingerprint != trained_on:
        raise UserError(
            f"the table is not the one that this search was trained on (fingerprint {split.fingerprint}, then "
            f"{trained_on}): uncertainty calibrated on it would be wrong; bring the old table back."
        )
    return split


def choice_of(past: PastSearch, split: Split, order: Order, tell: Tell) -> Choice:
    """What is ordered: the winner, a trial, or an ensemble. Raises UserError for what the search does not have."""
    if order.trial is not None:
        return choose_trial(past, order.trial)
    if order.top is not None:
        return choose_best(past, order.top, split.validation, order.max_parameters, tell)
    return choose_ensemble(past) if order.ensemble else choose_winner(past)


def model_of(past: PastSearch, split: Split, order: Order, tell: Tell) -> tuple[Model, Quality | ClassQuality]:
    """The model ordered, and how it does on the test set, which sees this one model once and decides nothing."""
    choice = choice_of(past, split, order, tell)
    tell(f"making one model of {count(len(choice.results), 'trial')} and calibrating it")
    members = members_of(past, choice, split)
    try:
        if split.classes:
            assert isinstance(members, Ensemble)
            model: Model = Classifier.of(members, split, {})
        else:
            model = Predictor.of(members, split, {})
    except ValueError as error:
        raise UserError(f"{error}; search on a larger table.") from error
    tell(f"testing it on {len(split.test):,} rows")
    test, validation = quality_of(model, split.test), quality_of(model, split.validation)
    name = error_name_of(split)
    metrics = {f"validation_{name}": validation.metrics[name]}
    metrics |= {f"test_{name}": value for name, value in test.metrics.items()}
    return replace(model, about={**about_model(past, split, choice, model, order), "metrics": metrics}), test


def about_model(past: PastSearch, split: Split, choice: Choice, model: Model, order: Order) -> dict[str, Any]:
    """What a user should know of the model, JSON-able; the metrics come later."""
    data, error_name = past.config.data, error_name_of(split)
    values = {"value_range": list(split.report.value_range)}
    return {
        "target": split.target_name,
        "unit": split.unit,
        "dataset": data.path or data.dataset,
        "fingerprint": split.fingerprint,
        "rows": {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
        **({"classes": list(split.classes)} if split.classes else values),
        "elements": model.domain.elements,
        "rare_elements": [e for e in model.domain.elements if e in rare_elements(model)],
        "rare_below_rows": RARE_ROWS,
        "far_beyond_distance": model.domain.far,
        "far_quantile": FAR_QUANTILE,
        "confidence": CONFIDENCE,
        "columns": CLASS_MEANINGS if split.classes else MEANINGS,
        "chosen": choice.how,
        "members": [
            {
                "network": name_of(result.candidate, past.config.recipe),
                **parts_of_member(result.candidate),
                "seed": result.seed,
                "weight": weight,
                "run": past.run_of(result).info.run_id,
                f"validation_{error_name}": result.best_error,
            }
            for result, weight in zip(choice.results, choice.weights, strict=True)
        ],
        "search": past.parent.info.run_id,
        "commands": [command_of(past.config), order.command],
        "code": {"search": past.parent.data.tags.get("mlflow.source.git.commit", ""), "register": code_version()},
    }


def parts_of_member(candidate: Candidate) -> dict[str, str]:
    """What a member is, each part as its JSON."""
    if candidate.estimator is not None:
        return {"estimator": candidate.estimator.to_json()}
    return {"architecture": candidate.architecture.to_json(), "recipe": candidate.recipe.to_json()}


def rare_elements(model: Model) -> list[str]:
    """Elements of the training rows that are in fewer than RARE_ROWS of them."""
    rows = model.domain.element_rows
    return [e for e, count in zip(model.domain.elements, rows[rows > 0], strict=True) if count < RARE_ROWS]


def write_version(
    past: PastSearch, model: Model, split: Split, test: Quality | ClassQuality, order: Order
) -> Registered:
    """Write the model and its run to MLflow, and give it its alias."""
    uri = absolute(order.uri)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    name = order.name or default_name(split)
    example = pd.DataFrame({FORMULA: [str(formula) for formula in split.test.formulas[:EXAMPLES]]})
    # A run of its own: the search's runs have ended, and its trials are those of the search alone.
    with (
        TemporaryDirectory(prefix="branchsearch-") as folder,
        mlflow.start_run(
            experiment_id=past.parent.info.experiment_id,
            run_name=f"register {name} {time.strftime('%Y-%m-%d %H:%M:%S')}",
            tags={"branchsearch.registered_from": past.parent.info.run_id, "data": split.fingerprint},
        ),
    ):
        model.save(Path(folder) / "model")
        Known.of(split).save(Path(folder) / "model" / known.FILE)
        mlflow.log_metrics(model.about["metrics"])
        logged = mlflow.pyfunc.log_model(
            name="model",
            loader_module=LOADER,
            data_path=str(Path(folder) / "model"),
            signature=signature_of(model),
            input_example=example,
            pip_requirements=[f"{package}=={version(package)}" for package in requirements_of(model)],
            metadata={"branchsearch": dict(model.about)},
        )
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    made = client.create_model_version(
        name,
        logged.model_uri,
        run_id=logged.run_id,
        model_id=logged.model_id,
        description=description_of(model, split, test),
    )
    client.set_registered_model_alias(name, order.alias, made.version)
    return Registered(name, str(made.version))


def default_name(split: Split) -> str:
    """From the data set and the target: `jarvis-formation_energy`."""
    data = split.request
    # a column's name as it is: two may differ in nothing but their unit
    words = f"{Path(data.path).stem if data.path else data.dataset}-{data.target or split.target_name}"
    return re.sub(r"[^\w.+-]+", "-", words).strip("-")


def requirements_of(model: Model) -> tuple[str, ...]:
    """The packages that a model needs."""
    return REQUIREMENTS if isinstance(model.ensemble, Ensemble) else (*REQUIREMENTS, "scikit-learn", "skops")


def description_of(model: Model, split: Split, test: Quality | ClassQuality) -> str:
    """What MLflow's page says of the version, in Markdown."""
    about, unit = model.about, split.unit
    members = "\n".join(f"- {m['weight']:.2f} × {m['network']}, seed {m['seed']}" for m in about["members"])
    commands, sentence = "\n".join(about["commands"]), test.in_words(unit)
    return (
        f"Predicts {split.target_name} ({', '.join(split.classes) or unit or 'no unit given'}) of a composition from "
        f"its formula: {about['chosen']}."
        f"\n\n{members}\n\n"
        f"{sentence[0].upper()}{sentence[1:]}. Trained on {about['rows']['train']:,} compositions of "
        f"{len(about['elements'])} elements (data {about['fingerprint']}).\n\n"
        f"Loading it takes branchsearch ({about['code']['register']}) installed.\n\n```\n{commands}\n```\n"
    )
